"""What two runs have in common: the judges that were asked alike, the writers to set side by side, the items that are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.errors import UserError
from evaluators.inputs.names import unknown
from evaluators.records import Item
from harness_plugins.scoring.arrays import BenchmarkData, RunData

Both = tuple[BenchmarkData, BenchmarkData]
"""One benchmark, in A and in B."""
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Refused:
    """A judge of both runs that was not asked alike in both, so that its numbers are not set side by side."""

    judge: str
    differs: tuple[tuple[str, str, str], ...]
    """(field, in A, in B)."""


def judges_alike(a: RunData, b: RunData) -> tuple[list[str], list[Refused]]:
    """The judges of both runs (by name) that were asked alike: those whose key fields, orders and samples are equal; and the
    others. Baselines that read no rubric are left out.

    Raises:
        UserError: there is none that was asked alike, or a run does not say how its judges were asked.
    """
    for run in (r for r in (a, b) if not r.manifest):
        raise UserError(
            f"{run.folder}: has no manifest.json, which alone says how its judges were asked: restore it, or run the same config "
            "again (verdicts are kept)"
        )
    named: list[list[str]] = []
    for run in (a, b):
        cells = [c for benchmark in run.benchmarks.values() for c in benchmark.cells.values()]
        named.append(list(dict.fromkeys(c.key.judge for c in cells if not c.computed and not run.blind(c.key.judge))))
    alike, refused = [], []
    for judge in (j for j in named[0] if j in named[1]):
        differs = _differing(_asked(a.judge(judge)), _asked(b.judge(judge)))
        if differs:
            refused.append(Refused(judge, differs))
        else:
            alike.append(judge)
    if not alike:
        if refused:
            lines = [f"{r.judge}: {'; '.join(f'{f} {x} / {y}' for f, x, y in r.differs)}" for r in refused]
            raise UserError("no judge was asked alike in both runs (in A / in B):", *lines)
        have = [", ".join(names) or "none" for names in named]
        raise UserError(f"the runs share no judge by name: A has {have[0]}; B has {have[1]}")
    return alike, refused


def _asked(judge: Mapping[str, Any]) -> dict[str, Any]:
    """What decides a judge's answers, field by field."""
    flat: dict[str, Any] = {}
    for name, value in judge.get("key", {}).items():
        flat |= {f"{name}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
    return flat | {k: judge.get(k) for k in ("orders", "samples")}


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    def text(value: Any) -> str:
        return f"{value[:8]}..." if isinstance(value, str) and len(value) == 64 else repr(value)

    return tuple((k, text(a.get(k)), text(b.get(k))) for k in {**a, **b} if a.get(k) != b.get(k))


def writer_pairs(
    here: Both, runs: Sequence[Path], arm: str, judges: Sequence[str], asked: tuple[str | None, str | None]
) -> tuple[list[tuple[str, str]], str]:
    """Whose rubrics are compared: as asked; else those of one name, the only one of each side, or a run's own two. None where
    that cannot be told, with the reason."""
    there = []
    for side, run, data, writer in zip("AB", runs, here, asked, strict=True):
        names = list(dict.fromkeys(k.writer for k in data.cells if k.arm == arm and k.writer and k.judge in judges))
        if not names:
            return [], f"{data.name}: no judge that can be compared read a rubric under {arm!r} in {side} ({run})"
        if writer is not None and writer not in names:
            return [], f"{data.name}: {run}, {arm!r}: {unknown('writer', writer, names)}"
        there.append(names)
    one_run = here[0] is here[1]
    if asked == (None, None):
        equal = [] if one_run else [n for n in there[0] if n in there[1]]
        if equal:
            return [(n, n) for n in equal], ""
        if one_run and len(there[0]) == 2:
            return [(there[0][0], there[0][1])], ""
    chosen = [w or (names[0] if len(names) == 1 else None) for w, names in zip(asked, there, strict=True)]
    if chosen[0] is None or chosen[1] is None or (one_run and chosen[0] == chosen[1]):
        which = f"--writer-a one of {', '.join(there[0])}; --writer-b one of {', '.join(there[1])}"
        return [], f"{here[0].name}: say whose rubrics to compare: {which}" + (" (another)" if one_run else "")
    return [(chosen[0], chosen[1])], ""


def same_items(a: BenchmarkData, b: BenchmarkData) -> tuple[tuple[Indices, Indices], int]:
    """The places in A and in B of the items that both have, and how many of one uid are not the same: their texts, labels or
    the bytes of their media differ."""
    in_b = {i.uid: n for n, i in enumerate(b.items)}
    shared = [(n, in_b[i.uid]) for n, i in enumerate(a.items) if i.uid in in_b]
    unchanged = [
        (n, m)
        for n, m in shared
        if a is b or (a.media[n] == b.media[m] and _content(a.items[n]) == _content(b.items[m]))
    ]
    both = np.array(unchanged, dtype=np.intp).reshape(-1, 2)
    return (both[:, 0], both[:, 1]), len(shared) - len(unchanged)


def _content(item: Item) -> tuple[object, ...]:
    texts = tuple((c.text, tuple(m.name for m in c.media)) for c in item.candidates)
    return item.prompt, texts, item.label, item.criterion
