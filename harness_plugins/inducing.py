"""A config's inducing writers at work: seeds read, held apart from what is judged and split; the result as a file and a record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from evaluators import judges as judge_factory
from evaluators.engine.asking import opened
from evaluators.engine.journal import Journal
from evaluators.engine.runner import Tally
from evaluators.errors import UserError
from evaluators.induction import AT_ONCE, Induced, Induction, Options, Seeds
from evaluators.judges import ChatJudge, JudgeSpec
from evaluators.keys import digest, rubric_uid
from evaluators.messages import ChatBackend
from evaluators.records import Item, Rubric, encode
from evaluators.writers import WriterSpec
from harness_plugins.artefacts import write_artefact
from harness_plugins.benchmarks.loader import load_benchmark
from harness_plugins.scoring.statistics import clusters

LEAST = 8
"""Seed pairs without which there is nothing to split."""


@cache
def seeds_of(path: Path) -> tuple[Item, ...]:
    """The labelled pairs of a seed file: rows as of the benchmark `pairs`.

    Raises:
        UserError: a row that is none, or has no preferred one of two.
    """
    items = load_benchmark("pairs", path=path).items
    for item in items:
        if len(item.candidates) != 2 or item.label.preferred is None:
            raise UserError(f"{path}: row {item.row}: a seed is a pair with a preferred candidate; remove the row")
    if len(items) < LEAST:
        raise UserError(
            f"{path}: {len(items)} pairs; an induction takes {LEAST} at least, and does well with 50 to 100"
        )
    return items


def split(items: Sequence[Item], held_out: float, replicate: int) -> Seeds:
    """Seeds to propose from, to select by and to test on; pairs that share an image, a group or their texts stay together.

    Args:
        held_out: the share that is not proposed from; half of it selects and half tests.

    Raises:
        UserError: the pairs hang together so that a part would be empty.
    """
    together: dict[int, list[Item]] = {}
    for item, cluster in zip(items, clusters(list(items)).tolist(), strict=True):
        together.setdefault(cluster, []).append(item)
    order = sorted(together.values(), key=lambda some: digest("split", replicate, sorted(i.uid for i in some)))
    wanted = max(1, round(len(items) * held_out / 2))
    parts: tuple[list[Item], ...] = ([], [], [])
    for some in order:
        parts[next((n for n in (1, 2) if len(parts[n]) < wanted), 0)].extend(some)
    if not all(parts):
        raise UserError(
            f"the {len(items)} seed pairs fall into {len(order)} sets that share images or texts: too few to hold some out"
        )
    return Seeds(tuple(parts[0]), tuple(parts[1]), tuple(parts[2]))


def calls_of(spec: WriterSpec, replicate: int) -> tuple[int, int]:
    """The fewest and the most requests that an induction takes."""
    assert spec.seeds is not None
    seeds = split(seeds_of(spec.seeds), spec.held_out_share, replicate)
    proposing, select, test = len(seeds.propose), len(seeds.select), len(seeds.test)
    known = 2 * 3 * (select + test) + 1  # without a rubric, with the list and with the themes, in both orders
    pool = proposing * spec.criteria_wanted * (spec.rounds_most + 1)
    trying, result = (-(-n // AT_ONCE) * 2 for n in (pool, spec.criteria_wanted))
    most = 3 * proposing * (spec.rounds_most + 1) + trying * select + result * test + known
    return 3 * proposing + 2 * (select + test) + known, most


def artefact_path(folder: Path, spec: WriterSpec, replicate: int) -> Path:
    """Where the file of an induced rubric lies."""
    return folder / (f"rubric-{spec.name}.yaml" if spec.replicates == 1 else f"rubric-{spec.name}-{replicate}.yaml")


def verifier_of(spec: WriterSpec) -> JudgeSpec:
    """The writer's model as the judge that verifies: asked as any judge is, greedily where it takes a temperature."""
    kept = spec.model_dump(include=set(JudgeSpec.model_fields) - {"prompt", "seed", "samples"})
    return JudgeSpec.model_validate({**kept, "temperature": None if spec.temperature is None else 0.0})


async def induce(
    spec: WriterSpec,
    replicate: int,
    folder: Path,
    benchmarks: Sequence[str],
    tally: Tally,
    backend: ChatBackend | None = None,
) -> Path:
    """Induce one rubric, write its file and a record for each benchmark; returns the file.

    Raises:
        UserError: nothing verified.
        RunStopped: a request failed for good; what was answered is kept.
    """
    assert spec.seeds is not None
    if backend is None:
        judge = judge_factory.create(spec)
        assert isinstance(judge, ChatJudge)
        backend = judge.backend
    seeds = split(seeds_of(spec.seeds), spec.held_out_share, replicate)
    options = Options(spec.criteria_wanted, spec.rounds_most, spec.sampling(), spec.max_pixels, replicate, spec.seed)
    async with opened(spec, backend, folder / f"induction-{spec.name}.jsonl", tally) as asker:
        induced = await Induction(verifier_of(spec), options, asker, seeds).run()
    path = artefact_path(folder, spec, replicate)
    made = {
        "seeds": {
            "file": spec.seeds.name,
            "sha256": hashlib.sha256(spec.seeds.read_bytes()).hexdigest(),
            "propose": [i.uid for i in seeds.propose],
            "select": [i.uid for i in seeds.select],
            "test": [i.uid for i in seeds.test],
        },
        "options": {
            "criteria": options.criteria,
            "rounds": options.rounds,
            "held_out": spec.held_out_share,
            "sampling": options.sampling,
        },
    }
    found = write_artefact(path, induced, spec.writer(), replicate, made)
    if not induced.text:
        raise UserError(
            f"writer {spec.name!r}: none of {induced.proposed} proposed criteria decided its own pair right in both orders, so "
            f"there is no rubric ({path}): give it more rounds, more seeds, or a model that judges better"
        )
    with Journal(folder / "rubrics.jsonl") as journal:
        for benchmark in benchmarks:
            journal.append(encode(_record(spec, benchmark, replicate, induced, found)))
    return path


async def induced(
    spec: WriterSpec,
    replicate: int,
    folder: Path,
    benchmarks: Sequence[str],
    tally: Tally,
    backend: ChatBackend | None,
    progress: bool,
) -> None:
    """`induce`, with a progress line if wanted."""
    if not progress:
        await induce(spec, replicate, folder, benchmarks, tally, backend)
        return
    from harness_plugins.progress import shown

    async with shown(tally, f"inducing {spec.name}"):
        await induce(spec, replicate, folder, benchmarks, tally, backend)


def _record(spec: WriterSpec, benchmark: str, replicate: int, induced: Induced, found: str) -> Rubric:
    rubric = Rubric(
        benchmark,
        None,
        spec.writer(),
        induced.text,
        tuple(k.criterion for k in induced.criteria),
        replicate,
        justify=f"induced rubric {found}",
        time=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )
    return Rubric(**{**{f: getattr(rubric, f) for f in rubric.__slots__}, "uid": rubric_uid(rubric)})


def missing(
    spec: WriterSpec, held: Mapping[tuple[str, str | None, str, int], Rubric], benchmarks: Sequence[str]
) -> list[tuple[int, list[str]]]:
    """The replicates that a folder lacks, each with the benchmarks that it lacks them for."""
    found = []
    for replicate in range(spec.replicates):
        without = [b for b in benchmarks if (b, None, "nothing", replicate) not in held]
        if without:
            found.append((replicate, without))
    return found
