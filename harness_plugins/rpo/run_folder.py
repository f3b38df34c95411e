"""A training run on disk.

    recipe.json          the recipe, its rubrics, and digests of what a resumed run must share: recipe, rubric, prompts, base
    sources.json         where the images are that an editor's prompts edit
    embeddings/          prompts as the network reads them
    pairs-<rank>.jsonl   every pair that was judged, a line each, with both verdicts; a resumed run asks nothing of it again
    pairs/<step>/        their pictures
    steps.jsonl          a line an update
    held_out.jsonl       every held-out prompt that was compared, a line each
    held_out/<step>/     its pictures; `base` without the adapter
    checkpoints/<step>/  adapter (as diffusers loads it), optimizer, step
    index.html           the page
    before_and_after.png

Whatever is replaced is replaced as a whole; lines are appended. No state of a random generator is kept: there is none.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import orjson

from evaluators.engine.journal import Damage, Journal, objects, read_records
from evaluators.errors import UserError
from evaluators.keys import digest
from evaluators.records import Failure
from harness_plugins._version import __version__
from harness_plugins.folder.atomic import write_atomic
from harness_plugins.rewards.rpo import Pair as Outcome
from harness_plugins.rewards.rpo import Reply
from harness_plugins.rpo.prompts import Pair, Prompt, PromptSets, Two
from harness_plugins.rpo.recipe import TINY, GeneratorSpec, Recipe

FORM = "rubric-harness/rpo-run/1"
HeldOut = Literal["development", "test"]


@dataclass(frozen=True)
class PairRow:
    """A pair as it was judged: a line of pairs-<rank>.jsonl."""

    step: int
    number: int
    uid: str
    prompt: str
    pictures: tuple[str, str]
    """Digests of their pixels."""
    rewards: Two | None
    """None: no verdict; the pair trains nothing."""
    outcome: Outcome
    """Of the first picture against the second."""
    error: Failure | None
    replies: tuple[Reply, ...]
    seconds: float
    """From the pictures to the verdict."""


@dataclass(frozen=True)
class HeldOutRow:
    """A held-out prompt: the picture of a checkpoint beside that of the generator without the adapter."""

    step: int
    held_out: HeldOut
    judge: str
    audit: bool
    uid: str
    prompt: str
    share: float | None
    """Of the orders, those in which the checkpoint's picture was preferred, a tie being half; None: the judge never answered."""
    equal: bool
    """The pictures were equal, and nobody was asked."""
    error: Failure | None
    replies: tuple[Reply, ...]
    """Candidate 0 is the checkpoint's."""


CHECKPOINT_FILES = ("pytorch_lora_weights.safetensors", "optimizer.safetensors", "optimizer.json")


class Checkpoint(NamedTuple):
    step: int
    """Updates that it has seen."""
    folder: Path


class PictureFiles(NamedTuple):
    first: Path
    second: Path


@dataclass(frozen=True)
class StepRow:
    """An update: a line of steps.jsonl."""

    step: int
    updated: bool
    pairs: int
    valid: int
    decided: int
    outcomes: Mapping[str, int]
    """Pairs by outcome: decided, tie, disagree, undecided, error."""
    loss: float | None
    kl: float | None
    """To the generator without the adapter, a mean over valid candidates and trained steps."""
    ratio_off: float | None
    """The largest |ratio - 1| before the first update of the step; 0 where replay is exact."""
    stopped: float | None
    """The share of rows that clip or trust left without a gradient."""
    gradient_norm: float | None
    adapter_norm: float
    trained: tuple[int, ...]
    seconds: Mapping[str, float]
    """By phase: rollout, judge (waiting for it), train."""


class RunFolder:
    """Args:
    identity: what a resumed run must share, by name.

    Raises:
        UserError: the folder holds another run, or another process writes it.
    """

    def __init__(self, folder: Path, rank: int = 0) -> None:
        self.path, self._rank = folder, rank
        self._pairs: Journal | None = None
        self._steps: Journal | None = None

    @property
    def page(self) -> Path:
        return self.path / "index.html"

    @property
    def before_and_after(self) -> Path:
        """A PNG: above, pictures of the generator without the adapter; below, of the picked checkpoint."""
        return self.path / "before_and_after.png"

    def open(self, recipe: Recipe, identity: Mapping[str, Any]) -> None:
        """Begin or resume. The first process alone writes the recipe.

        Raises:
            UserError: the folder holds a run of another recipe, rubric or base, or another process writes it.
        """
        if self._rank == 0:
            self._check(identity)
        self._pairs = Journal(self.path / f"pairs-{self._rank}.jsonl")
        if self._rank == 0:
            recorded = {
                "form": FORM,
                "version": __version__,
                "identity": identity,
                "recipe": recipe.shown(),
                "rubrics": {
                    name: part.rubric_text
                    for name, part in (("reward", recipe.reward), ("audit", recipe.audit))
                    if part
                },
            }
            write_atomic(self.path / "recipe.json", orjson.dumps(recorded, option=orjson.OPT_INDENT_2))

    def _check(self, identity: Mapping[str, Any]) -> None:
        file = self.path / "recipe.json"
        if not file.exists():
            return
        try:
            earlier = orjson.loads(file.read_bytes())["identity"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise UserError(f"{file}: not the recipe of a run; give another `out`, or remove the folder") from None
        now = orjson.loads(orjson.dumps(identity))
        if earlier.get("audit") is None:  # one may be added, and judges what is compared from then on
            now.pop("audit", None)
            earlier.pop("audit", None)
        changed = _differences(earlier, now)
        if changed:
            raise UserError(
                f"{self.path}: holds a run that differs in {', '.join(changed)}: undo the change, or give another `out`"
            )

    def recorded(self) -> dict[str, Any]:
        """What is in recipe.json: form, version, identity, recipe, rubrics. Empty where the file is not there or cannot be read."""
        try:
            value = orjson.loads((self.path / "recipe.json").read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return {}
        return value if isinstance(value, dict) else {}

    def add_sources(self, prompts: Iterable[Prompt]) -> None:
        """Note where the images are that the prompts edit, for the page."""
        sources = {p.uid: str(p.source.resolve()) for p in prompts if p.source is not None}
        if sources:
            write_atomic(self.path / "sources.json", orjson.dumps(sources))

    def sources(self) -> dict[str, Path]:
        """By the uid of a prompt."""
        file = self.path / "sources.json"
        return {uid: Path(path) for uid, path in orjson.loads(file.read_bytes()).items()} if file.exists() else {}

    def newest(self) -> Checkpoint | None:
        """The checkpoint to go on from."""
        return max(self.checkpoints(), default=None)

    def checkpoints(self) -> list[Checkpoint]:
        """All that are whole, in order."""
        folder = self.path / "checkpoints"
        names = [p for p in folder.iterdir() if re.fullmatch(r"\d{6}", p.name)] if folder.is_dir() else []
        return sorted(
            Checkpoint(int(p.name), p) for p in names if all((p / file).exists() for file in CHECKPOINT_FILES)
        )

    def embeddings(self) -> Path:
        return _folder(self.path / "embeddings")

    def begin_at(self, step: int) -> None:
        """Open steps.jsonl, without the rows of steps that are done again."""
        file = self.path / "steps.jsonl"
        rows = [row for row in objects(file) if isinstance(row.get("step"), int) and row["step"] < step]
        if file.exists():
            write_atomic(file, b"".join(orjson.dumps(row) + b"\n" for row in rows))
        self._steps = Journal(file)

    def add_step(self, row: StepRow) -> None:
        assert self._steps is not None, "after begin_at"
        self._steps.append(_line(row))

    def add_pair(self, row: PairRow) -> None:
        assert self._pairs is not None, "after open"
        self._pairs.append(_line(row))

    def close(self) -> None:
        for journal in (self._pairs, self._steps):
            if journal is not None:
                journal.close()
        self._pairs = self._steps = None

    def pair_rows(self, damage: Damage | None = None) -> dict[tuple[int, str], PairRow]:
        """By step and uid, of all processes. Of several lines of a pair the last counts, and one with a verdict before one without.

        Args:
            damage: gets the lines that cannot be read.
        """
        rows: dict[tuple[int, str], PairRow] = {}
        for file in sorted(self.path.glob("pairs-*.jsonl")):
            for row in read_records(file, PairRow, damage):
                earlier = rows.get((row.step, row.uid))
                # Another number of processes gives a pair to another file: no order of lines holds between two files.
                if earlier is None or earlier.error is not None or row.error is None:
                    rows[row.step, row.uid] = row
        return rows

    def step_rows(self) -> list[StepRow]:
        return list(read_records(self.path / "steps.jsonl", StepRow))

    def held_out_rows(self) -> list[HeldOutRow]:
        """The last of each checkpoint, set, judge and prompt."""
        rows = read_records(self.path / "held_out.jsonl", HeldOutRow)
        return list({(r.step, r.held_out, r.judge, r.audit, r.uid): r for r in rows}.values())

    def add_held_out(self, rows: Iterable[HeldOutRow]) -> None:
        with Journal(self.path / "held_out.jsonl") as journal:
            for row in rows:
                journal.append(_line(row))

    def pictures_of(self, pair: Pair) -> PictureFiles:
        """Where the two pictures of a pair are."""
        folder = _folder(self.path / "pairs" / f"{pair.step:06d}")
        return PictureFiles(folder / f"{pair.uid}-1.webp", folder / f"{pair.uid}-2.webp")

    def held_out_picture(self, step: int | None, uid: str) -> Path:
        """Args:
        step: of the checkpoint; None for the generator without the adapter.
        """
        folder = _folder(self.path / "held_out" / ("base" if step is None else f"{step:06d}"))
        return folder / f"{uid}.webp"

    @contextlib.contextmanager
    def new_checkpoint(self, step: int, keep: Iterable[int]) -> Any:
        """A folder to write a checkpoint into, which counts once the block has ended.

        Args:
            keep: steps whose checkpoints stay; older ones go.
        """
        folder = _folder(self.path / "checkpoints")
        part = folder / f".{step:06d}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        yield part
        for file in part.iterdir():  # on the disk before the name says that it is whole
            with file.open("rb") as f:
                os.fsync(f.fileno())
        final = folder / f"{step:06d}"
        shutil.rmtree(final, ignore_errors=True)
        part.replace(final)
        for old in self.checkpoints():
            if old.step < step and old.step not in set(keep):
                shutil.rmtree(old.folder, ignore_errors=True)


def _line(row: StepRow | PairRow | HeldOutRow) -> bytes:
    return orjson.dumps(asdict(row), default=list) + b"\n"  # orjson knows no NamedTuple


_WHOLE, _END = 64 << 20, 1 << 20
"""Bytes: of the files that are read whole, and of the ends of larger ones."""


def identity_of(recipe: Recipe, sets: PromptSets, base: str) -> dict[str, Any]:
    """What a resumed run must share with its beginning."""
    return {**recipe.identity(), "prompts": sets.digests, "base": base}


def base_of(spec: GeneratorSpec) -> str:
    """What tells one base from another: the revision of a model on the Hub; of a folder, the names, sizes and contents of its files (of
    files over 64 MB, their first and last megabyte)."""
    import hashlib

    if spec.kind in TINY:
        return spec.kind
    folder = Path(spec.model)
    if not folder.is_dir():
        return f"{spec.model}@{spec.revision or 'main'}"
    parts = []
    for file in sorted(f for f in folder.rglob("*") if f.is_file()):
        size = file.stat().st_size
        with file.open("rb") as f:
            content = f.read(_WHOLE if size <= _WHOLE else _END)
            if size > _WHOLE:
                f.seek(-_END, 2)
                content += f.read()
        parts.append([str(file.relative_to(folder)), size, hashlib.sha256(content).hexdigest()])
    return digest("base", parts)


def _differences(earlier: Any, now: Any, name: str = "") -> list[str]:
    """The names of what is not equal, as a recipe has them."""
    if isinstance(earlier, dict) and isinstance(now, dict):
        return [
            d
            for key in sorted({*earlier, *now})
            for d in _differences(earlier.get(key), now.get(key), f"{name}.{key}" if name else key)
        ]
    return [] if earlier == now else [f"{name} ({_short(earlier)} before, {_short(now)} now)"]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:12]}..."


def _folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
