"""What two runs have in common: the judges that were asked alike, the writers to compare, the items that are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from evaluators.errors import UserError
from evaluators.inputs.names import unknown
from evaluators.records import Item
from harness_plugins.scoring.arrays import BenchmarkData, RunData

T = TypeVar("T")
Indices = NDArray[np.intp]


class Both(NamedTuple, Generic[T]):
    """What the two sides of a comparison have: a benchmark, a writer, a cell, ..."""

    a: T
    b: T


class Differing(NamedTuple):
    """A field in which two judges of one name are not alike."""

    field: str
    a: str
    b: str


@dataclass(frozen=True)
class NotComparable:
    """A judge of both runs that was not asked alike in both, so that its numbers are not compared."""

    judge: str
    differences: tuple[Differing, ...]


class Judges(NamedTuple):
    """The judges of both runs, by name."""

    alike: list[str]
    not_comparable: list[NotComparable]


def judges_of(runs: Both[RunData]) -> Judges:
    """The judges of both runs that were asked alike (their key fields, orders and samples are equal), and the others. Baselines
    that read no rubric are left out.

    Raises:
        UserError: there is none that was asked alike, or a run does not say how its judges were asked.
    """
    judges_by_run: list[list[str]] = []
    for run in runs:
        if not run.manifest:
            raise UserError(
                f"{run.folder}: has no manifest.json, which alone says how its judges were asked: restore it, or run the same "
                "config again (verdicts are kept)"
            )
        cells = [c for benchmark in run.benchmarks.values() for c in benchmark.cells.values()]
        judges = dict.fromkeys(c.key.judge for c in cells if not c.computed and not run.blind(c.key.judge))
        judges_by_run.append(list(judges))
    alike, not_comparable = [], []
    for judge in (j for j in judges_by_run[0] if j in judges_by_run[1]):
        differences = _differing(*(_request(run.judge(judge)) for run in runs))
        if differences:
            not_comparable.append(NotComparable(judge, differences))
        else:
            alike.append(judge)
    if not alike:
        if not_comparable:
            lines = [
                f"{unlike.judge}: {'; '.join(f'{d.field} {d.a} / {d.b}' for d in unlike.differences)}"
                for unlike in not_comparable
            ]
            raise UserError("no judge was asked alike in both runs (in A / in B):", *lines)
        in_a, in_b = (", ".join(names) or "none" for names in judges_by_run)
        raise UserError(f"the runs share no judge by name: A has {in_a}; B has {in_b}")
    return Judges(alike, not_comparable)


def _request(judge: Mapping[str, Any]) -> dict[str, Any]:
    """What decides a judge's answers, field by field."""
    flat: dict[str, Any] = {}
    for name, value in judge.get("key", {}).items():
        flat |= {f"{name}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
    return flat | {k: judge.get(k) for k in ("orders", "samples")}


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Differing, ...]:
    def text(value: Any) -> str:
        return f"{value[:8]}..." if isinstance(value, str) and len(value) == 64 else repr(value)  # 64: a digest

    return tuple(Differing(k, text(a.get(k)), text(b.get(k))) for k in {**a, **b} if a.get(k) != b.get(k))


class WriterPairs(NamedTuple):
    """Whose rubrics are compared."""

    pairs: list[Both[str]]
    problem: str = ""
    """Why there are none."""


def writer_pairs(
    benchmarks: Both[BenchmarkData], folders: Both[Path], arm: str, judges: Sequence[str], chosen: Both[str | None]
) -> WriterPairs:
    """Those that were chosen; else those of one name, the only one of each side, or a run's own two."""
    writers: list[list[str]] = []
    for side, folder, benchmark, writer in zip("AB", folders, benchmarks, chosen, strict=True):
        names = list(
            dict.fromkeys(k.writer for k in benchmark.cells if k.arm == arm and k.writer and k.judge in judges)
        )
        if not names:
            why = f"{benchmark.name}: no judge that can be compared read a rubric under {arm!r} in {side} ({folder})"
            return WriterPairs([], why)
        if writer is not None and writer not in names:
            return WriterPairs([], f"{benchmark.name}: {folder}, {arm!r}: {unknown('writer', writer, names)}")
        writers.append(names)
    in_a, in_b = writers
    one_run = benchmarks.a is benchmarks.b
    if chosen == (None, None):
        equal = [] if one_run else [n for n in in_a if n in in_b]
        if equal:
            return WriterPairs([Both(n, n) for n in equal])
        if one_run and len(in_a) == 2:
            return WriterPairs([Both(*in_a)])
    a, b = (writer or (names[0] if len(names) == 1 else None) for writer, names in zip(chosen, writers, strict=True))
    if a is None or b is None or (one_run and a == b):
        which = f"--writer-a one of {', '.join(in_a)}; --writer-b one of {', '.join(in_b)}"
        why = f"{benchmarks.a.name}: say whose rubrics to compare: {which}" + (" (another)" if one_run else "")
        return WriterPairs([], why)
    return WriterPairs([Both(a, b)])


class SameItems(NamedTuple):
    indices: Both[Indices]
    """Of the items that both have: (items,) its index in A and in B."""
    changed: int
    """How many of one uid are not the same: their texts, labels or the bytes of their media differ."""


def same_items(benchmarks: Both[BenchmarkData]) -> SameItems:
    """The items of a benchmark that both runs have, by uid, and have unchanged."""
    a, b = benchmarks
    in_b = {i.uid: n for n, i in enumerate(b.items)}
    shared = [(n, in_b[i.uid]) for n, i in enumerate(a.items) if i.uid in in_b]
    unchanged = [
        (n, m)
        for n, m in shared
        if a is b or (a.media[n] == b.media[m] and _content(a.items[n]) == _content(b.items[m]))
    ]
    indices = np.array(unchanged, dtype=np.intp).reshape(-1, 2)
    return SameItems(Both(indices[:, 0], indices[:, 1]), len(shared) - len(unchanged))


def _content(item: Item) -> tuple[object, ...]:
    texts = tuple((c.text, tuple(m.name for m in c.media)) for c in item.candidates)
    return item.prompt, texts, item.label, item.criterion
