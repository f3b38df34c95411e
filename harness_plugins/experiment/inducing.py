"""A config's inducing writers: their seeds are read, checked against what is judged and split; the result is a file and a record."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from evaluators.engine.asking import opened
from evaluators.engine.budget import Account
from evaluators.engine.caller import Tally
from evaluators.errors import BackendError, UserError
from evaluators.images.media import with_digests
from evaluators.images.pictures import read_picture
from evaluators.induction import AT_ONCE, Induced, Induction, Options, Seeds
from evaluators.inputs.files import read_bytes
from evaluators.inputs.yaml_files import read_mapping
from evaluators.judges import chat_backend
from evaluators.keys import digest, rubric_uid
from evaluators.messages import ChatBackend
from evaluators.records import Item, Rubric, encode
from evaluators.specs import JudgeSpec, ModelSpec
from evaluators.writers.base import WriterSpec
from harness_plugins.benchmarks.loader import load_benchmark
from harness_plugins.benchmarks.overlap import prints, together
from harness_plugins.folder.artefacts import read_artefact, write_artefact
from harness_plugins.folder.run_folder import RunFolder

LEAST = 8
"""Seed pairs without which there is nothing to split."""


def seeds_of(path: Path) -> tuple[Item, ...]:
    """The labelled pairs of a seed file, with the digests of their media: rows as of the benchmark `pairs`.

    Raises:
        UserError: a row is not valid, prefers neither of its two candidates, or has an image that cannot be read.
    """
    # Part of the cache's key, so that a file that was edited since is read again.
    stamp = path.stat()
    return _seeds(path, stamp.st_mtime_ns, stamp.st_size)


@cache
def _seeds(path: Path, mtime_ns: int, size: int) -> tuple[Item, ...]:
    loaded = load_benchmark("pairs", path=path)
    lines = [number for number, _ in loaded.source.rows()]
    for item, line in zip(loaded.items, lines, strict=True):
        if len(item.candidates) != 2 or item.label.preferred is None:
            raise UserError(f"{loaded.source.where(line)}: a seed is a pair with a preferred candidate; remove the row")
    if len(loaded.items) < LEAST:
        raise UserError(
            f"{path}: {len(loaded.items)} pairs; an induction takes {LEAST} at least, and does well with 50 to 100"
        )
    files = {f.path for i in loaded.items for m in i.all_media() for f in m.files}
    sha = {}
    for file in sorted(files):
        try:
            sha[file] = hashlib.sha256(read_picture(file)).hexdigest()
        except BackendError as e:
            raise UserError(f"{path}: {e.message}") from None
    return tuple(with_digests(i, sha) for i in loaded.items)


def split(items: Sequence[Item], held_out: float, replicate: int) -> Seeds:
    """Seeds to propose from, to select by and to test on; pairs that share a group, an image, a text or their request stay
    together, so that no part holds what another was made from.

    Args:
        held_out: the share that is not proposed from; half of it selects and half tests.

    Raises:
        UserError: so many pairs share something that a part would be empty.
    """
    sets = together(items)
    # By digest, not by their places in the file: seeds in another order are split in the same way.
    order = sorted(sets, key=lambda members: digest("split", replicate, sorted(i.uid for i in members)))
    part_size = max(1, round(len(items) * held_out / 2))
    parts: tuple[list[Item], ...] = ([], [], [])
    for members in order:
        parts[next((n for n in (1, 2) if len(parts[n]) < part_size), 0)].extend(members)
    if not all(parts):
        raise UserError(
            f"the {len(items)} seed pairs fall into {len(order)} sets that share images, texts or requests: too few to hold some "
            "out; add pairs about other things"
        )
    return Seeds(tuple(parts[0]), tuple(parts[1]), tuple(parts[2]))


def calls_of(spec: WriterSpec, replicate: int) -> int:
    """The most requests that an induction takes."""
    assert spec.seeds is not None
    seeds = split(seeds_of(spec.seeds), spec.held_out_share, replicate)
    proposing, select, test = len(seeds.propose), len(seeds.select), len(seeds.test)
    pool = proposing * spec.criteria_wanted * (spec.rounds_most + 1)
    trying, result = (-(-n // AT_ONCE) * 2 for n in (pool, spec.criteria_wanted))
    fixed_calls = 2 * 3 * (select + test) + 1  # without a rubric, with the list and with the themes, in both orders
    return 3 * proposing * (spec.rounds_most + 1) + trying * select + result * test + fixed_calls


def verifier_of(spec: WriterSpec) -> JudgeSpec:
    """The writer's model as the judge that verifies: asked as any judge is, greedily where it takes a temperature."""
    fields = spec.model_dump(include=set(ModelSpec.model_fields) - {"prompt", "seed"})
    return JudgeSpec.model_validate({**fields, "temperature": None if spec.temperature is None else 0.0})


@dataclass(frozen=True)
class InducedRubric:
    """One rubric that a writer induces for a run folder: a file of its own (`folder.artefacts`), and a record for each benchmark."""

    spec: WriterSpec
    replicate: int
    folder: RunFolder

    @property
    def path(self) -> Path:
        return self.folder.artefact(self.spec.name, self.replicate)

    async def induce(
        self, tally: Tally, backend: ChatBackend | None = None, account: Account | None = None, progress: bool = False
    ) -> None:
        """Induce it and write its file.

        Raises:
            UserError: nothing verified.
            RunStopped: requests failed for good, or the budget is used up; what was answered is kept.
        """
        spec = self.spec
        assert spec.seeds is not None
        backend = backend or chat_backend(spec)
        pairs = seeds_of(spec.seeds)
        seeds = split(pairs, spec.held_out_share, self.replicate)
        options = Options(
            spec.criteria_wanted, spec.rounds_most, spec.sampling(), spec.max_pixels, self.replicate, spec.seed
        )
        async with contextlib.AsyncExitStack() as stack:
            if progress:
                from harness_plugins.experiment.progress import shown

                await stack.enter_async_context(shown(tally, f"inducing {spec.name}"))
            answers = self.folder.file("induction", spec.name)
            asker = await stack.enter_async_context(opened(spec, backend, answers, tally, account))
            induced = await Induction(verifier_of(spec), options, asker, seeds).run()
        provenance = {
            "options": {
                "criteria": options.criteria,
                "rounds": options.rounds,
                "held_out": spec.held_out_share,
                "seed": spec.seed,
                "sampling": options.sampling,
            },
            "seeds": {
                "file": spec.seeds.name,
                "sha256": hashlib.sha256(read_bytes(spec.seeds)).hexdigest(),
                **{part: [i.uid for i in getattr(seeds, part)] for part in ("propose", "select", "test")},
                "prints": sorted({p for i in pairs for p in prints(i)}),
            },
        }
        write_artefact(self.path, induced, spec.writer(), self.replicate, provenance)
        if not induced.text:
            raise UserError(f"writer {spec.name!r}: no rubric ({self.path}): {_why_none(induced)}")

    def file(self, benchmarks: Sequence[str]) -> None:
        """A record of it in the folder's rubrics for each benchmark.

        Raises:
            UserError: its file is gone or was edited.
        """
        spec = self.spec
        (induced,) = read_artefact(spec.name, self.path, ("",)).rubrics
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self.folder.journal("rubrics") as journal:
            for benchmark in benchmarks:
                rubric = replace(induced, benchmark=benchmark, writer=spec.writer(), replicate=self.replicate, time=now)
                journal.append(encode(replace(rubric, uid=rubric_uid(rubric))))

    def summary(self) -> str:
        """A summary of it, on a line."""
        _, value = read_mapping(self.path, "an induced rubric")
        counts, accuracy = value["counts"], value["accuracy"]
        tested = ", ".join(f"{n} {100 * by['test']:.0f} %" for n, by in accuracy.items())
        worse = max(accuracy[n]["test"] for n in accuracy if n in ("flat", "structured")) < accuracy["none"]["test"]
        return (
            f"{self.spec.name}: {counts['kept']} of {counts['verified']} criteria that verified ({counts['proposed']} proposed); "
            f"right on the testing pairs: {tested}{' - worse than no rubric' if worse else ''}; {self.path.name}"
        )

    def check_seeds(self) -> None:
        """Refuse seeds whose images changed since its file was made: the rows' own text is part of who the writer is.

        Raises:
            UserError: saying so.
        """
        spec = self.spec
        if spec.seeds is not None and self.path.exists():
            recorded_prints = read_artefact(spec.name, self.path, ("",)).prints
            if recorded_prints and recorded_prints != frozenset(p for i in seeds_of(spec.seeds) for p in prints(i)):
                raise UserError(
                    f"writer {spec.name!r}: the seeds are not those that {self.path} was made from (an image has changed): give "
                    "the writer another name, or the run another folder (--out)"
                )


def _why_none(induced: Induced) -> str:
    if not induced.proposed:
        gone = ", ".join(f"{n} {what}" for what, n in induced.left_out.items() if n) or "no answers"
        return f"nothing was proposed that can be tried ({gone}): a larger max_tokens, or another model"
    return (
        f"none of {induced.proposed} proposed criteria decided its own pair right in both orders, or another one at all: more rounds, "
        "more seeds, or a model that judges better"
    )


class Gap(NamedTuple):
    """A replicate of an induced rubric that a folder lacks."""

    replicate: int
    benchmarks: list[str]
    """Those that it is to be filed for."""
    elsewhere: bool
    """Whether the folder has it for another benchmark."""


def gaps(
    spec: WriterSpec, rubrics: Mapping[tuple[str, str | None, str, int], Rubric], benchmarks: Sequence[str]
) -> list[Gap]:
    """What a folder's rubrics lack of a writer."""
    missing = []
    for replicate in range(spec.replicates):
        have = {b for b, item, _, r in rubrics if item is None and r == replicate}
        without = [b for b in benchmarks if b not in have]
        if without:
            missing.append(Gap(replicate, without, bool(have)))
    return missing
