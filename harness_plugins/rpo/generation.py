"""Pictures of a checkpoint for other people's benchmarks: in the folders that their scripts read, with a manifest of what made them.

Their scores are those scripts'; `rubric-harness import scores` takes them into the papers' tables.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from evaluators.engine.journal import Journal, objects
from evaluators.errors import UserError
from evaluators.inputs.files import read_jsonl, read_text
from evaluators.inputs.names import unknown
from evaluators.keys import digest
from harness_plugins._version import __version__
from harness_plugins.folder.atomic import write_atomic
from harness_plugins.rpo.conditions import ConditionStore
from harness_plugins.rpo.generators.adapter import FILE, load_adapter
from harness_plugins.rpo.generators.base import Generator
from harness_plugins.rpo.opening import checkpoint_of, open_generator
from harness_plugins.rpo.pictures import eight_bits, save_png
from harness_plugins.rpo.processes import Processes
from harness_plugins.rpo.prompts import Pair, Prompt, prompt_of
from harness_plugins.rpo.recipe import EDITORS, Recipe
from harness_plugins.rpo.rollouts import batches, pictures
from harness_plugins.rpo.run_folder import RunFolder, base_of


@dataclass(frozen=True)
class Layout:
    """Where a benchmark's scripts look for pictures, and what its rows call things."""

    path: str
    """{index} and {sample} are numbers, from 0; any other name is a column of the row."""
    prompt: str = "prompt"
    source: str = "source"
    samples: int = 1
    row: str = ""
    """Where the row itself is written."""
    source_copy: str = ""
    """Where the source image is copied."""


LAYOUTS = {
    # https://github.com/djghosh13/geneval: evaluation/evaluate_images.py
    "geneval": Layout("{index:05}/samples/{sample:04}.png", samples=4, row="{index:05}/metadata.jsonl"),
    # https://github.com/stepfun-ai/Step1X-Edit: GEdit-Bench/EVAL.md
    "gedit_bench": Layout(
        "fullset/{task_type}/{instruction_language}/{key}.png",
        prompt="instruction",
        source="input_image",
        source_copy="fullset/{task_type}/{instruction_language}/{key}_SRCIMG.png",
    ),
}


class Target(NamedTuple):
    """A picture to make."""

    prompt: Prompt
    path: Path
    """Below the output folder."""
    number: int
    """Of its row, from 0."""
    sample: int
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Generated:
    out: Path
    new: int
    existing: int
    """Pictures that an earlier call had made."""


def layout_of(name: str, path: str, samples: int | None) -> Layout:
    """A layout by name, or by a template of paths.

    Raises:
        UserError: neither is given, or no such layout.
    """
    if path:
        layout = Layout(path)
    elif name in LAYOUTS:
        layout = LAYOUTS[name]
    else:
        raise UserError(
            unknown("layout", name, LAYOUTS) if name else "give --layout, or --path with a template of your own"
        )
    count = samples or layout.samples
    if count > 1 and "{sample" not in layout.path:
        raise UserError(
            f"--samples {count}: the path {layout.path} has no {{sample}}, so that they would overwrite each other"
        )
    return Layout(layout.path, layout.prompt, layout.source, count, layout.row, layout.source_copy)


def generate(
    recipe: Recipe, prompts: Path, layout: Layout, out: Path, *, checkpoint: str, progress: bool = True
) -> Generated:
    """Make the pictures that are missing.

    Args:
        prompts: .jsonl with the benchmark's columns, or .txt with a prompt a line.
        checkpoint: see `opening.checkpoint_of`.

    Raises:
        UserError: prompts, checkpoint or model are not as they must be; or the folder holds pictures of something else.
    """
    targets = list(_targets(recipe, prompts, layout))
    processes = Processes.join()
    run = RunFolder(recipe.out)
    base = base_of(recipe.generator)
    of = checkpoint_of(run, checkpoint)
    manifest = _manifest(recipe, base, of.folder if of else None, layout)
    manifest["rows"] = list(dict.fromkeys(digest(t.number, t.prompt.uid, t.row) for t in targets))
    if processes.first:
        _check_manifest(out, manifest)
    processes.wait()
    missing = [t for t in targets if not (out / t.path).exists()]
    if missing:  # for all processes alike: they wait for each other
        conditions = ConditionStore(run.embeddings(), recipe.generator, base)
        generator = open_generator(recipe, conditions, [t.prompt for t in targets], processes, progress=progress)
        if of is None:
            generator.network.disable_adapters()
        else:
            load_adapter(generator.network, of.folder)
        own = missing[processes.rank :: processes.count]
        _make(recipe, generator, conditions, own, out=out, layout=layout, rank=processes.rank)
        processes.wait()
    return Generated(out, len(missing), len(targets) - len(missing))


def _make(
    recipe: Recipe,
    generator: Generator,
    conditions: ConditionStore,
    targets: Sequence[Target],
    *,
    out: Path,
    layout: Layout,
    rank: int,
) -> None:
    evaluation = recipe.evaluation
    by_number = dict(enumerate(targets))
    pairs = [Pair(0, n, target.prompt, 0) for n, target in by_number.items()]
    with Journal(out / f"pictures-{rank}.jsonl") as journal:
        for chunk in batches(pairs, lambda p: conditions.load(p.prompt), 2 * recipe.updates.batch):
            chosen = [by_number[pair.number] for pair in chunk.pairs]
            seeds = [int(digest("generate", recipe.seed, t.number, t.sample)[:15], 16) for t in chosen]
            images = pictures(
                generator,
                chunk.conditions,
                seeds,
                steps=evaluation.steps,
                shift=recipe.sampling.shift,
                cfg=evaluation.cfg,
            )
            for target, image, seed in zip(chosen, images, seeds, strict=True):
                _write(out, target, image, layout)
                line = {"path": str(target.path), "prompt": target.prompt.text, "seed": seed}
                journal.append(orjson.dumps(line) + b"\n")


def _write(out: Path, target: Target, image: Any, layout: Layout) -> None:
    from PIL import Image

    path = out / target.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if layout.row:
        row = out / _filled(layout.row, target)
        row.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(row, orjson.dumps(dict(target.row)) + b"\n")
    if layout.source_copy and target.prompt.source is not None:
        with Image.open(target.prompt.source) as source:
            save_png(out / _filled(layout.source_copy, target), source.convert("RGB"))
    save_png(path, Image.fromarray(eight_bits(image).permute(1, 2, 0).numpy()))


def _targets(recipe: Recipe, file: Path, layout: Layout) -> Iterator[Target]:
    editor = recipe.generator.kind in EDITORS
    paths: dict[Path, str] = {}
    for index, (where, row) in enumerate(_rows(file)):
        columns = {"prompt": layout.prompt, **({"source": layout.source} if editor else {})}
        fields = {name: row[column] for name, column in columns.items() if column in row}
        prompt = prompt_of(where, file.parent, fields, editor=editor, negative=recipe.prompts.negative)
        for sample in range(layout.samples):
            target = Target(prompt, Path(), index, sample, row)
            try:
                path = Path(_filled(layout.path, target))
            except KeyError as e:
                raise UserError(f"{where}: has no column {e.args[0]!r}, which the path {layout.path} names") from None
            if path in paths:
                raise UserError(
                    f"{where}: its picture would be {path}, as that of {paths[path]}: make the paths differ"
                )
            paths[path] = where
            yield target._replace(path=path)


class PromptRow(NamedTuple):
    where: str
    row: dict[str, Any]


def _rows(file: Path) -> Iterator[PromptRow]:
    if file.suffix == ".jsonl":
        for number, row in read_jsonl(file):
            yield PromptRow(f"{file}: line {number}", row)
        return
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if line.strip():
            yield PromptRow(f"{file}: line {number}", {"prompt": line.strip()})


_NAME = re.compile(r"\{(\w+)(?::0(\d))?\}")


def _filled(template: str, target: Target) -> str:
    """A template of paths for a picture. What comes from a row is one part of a path: it leads nowhere else.

    Raises:
        KeyError: the row has no such column.
    """
    values: dict[str, Any] = {**target.row, "index": target.number, "sample": target.sample}

    def value(match: re.Match[str]) -> str:
        text = re.sub(r"[/\\\0]|^\.+", "_", str(values[match[1]]))
        return text.zfill(int(match[2] or 0))

    return _NAME.sub(value, template)


def _manifest(recipe: Recipe, base: str, checkpoint: Path | None, layout: Layout) -> dict[str, Any]:
    adapter = hashlib.sha256((checkpoint / FILE).read_bytes()).hexdigest() if checkpoint else None
    return {
        "version": __version__,
        "generator": recipe.generator.model_dump(exclude={"checkpointing"}),
        "base": base,
        "checkpoint": checkpoint.name if checkpoint else "base",
        "adapter": adapter,
        "steps": recipe.evaluation.steps,
        "shift": recipe.sampling.shift,
        "cfg": recipe.evaluation.cfg,
        "negative": recipe.prompts.negative,
        "seed": recipe.seed,
        "path": layout.path,
    }


def _check_manifest(out: Path, manifest: Mapping[str, Any]) -> None:
    """Raises:
    UserError: the folder holds pictures of another generator, checkpoint or schedule."""
    file = out / "manifest.json"
    earlier = next(objects(file), None) if file.exists() else None
    changed = [
        k for k, v in manifest.items() if k not in ("version", "rows") and earlier is not None and earlier.get(k) != v
    ]
    if earlier is not None and not changed:
        rows = earlier.get("rows") or []
        changed = [] if manifest["rows"][: len(rows)] == rows else ["--prompts"]  # rows may be added at the end
    if changed:
        raise UserError(f"{out}: holds pictures made with another {', '.join(changed)}: give another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(file, orjson.dumps(dict(manifest)) + b"\n")
