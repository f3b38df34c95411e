"""What became of each item in each cell: states and flags for the page's filters, and the outcomes as scoring counts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest

import numpy as np
from numpy.typing import NDArray

from evaluators.keys import digest
from evaluators.rubrics.leaks import leak_classes
from harness_plugins.scoring import protocols
from harness_plugins.scoring.arrays import (
    ABSENT,
    ANY_TIE,
    BOTH_BAD,
    ERROR,
    LOW_MASS,
    REFUSED,
    TIE,
    TRUNCATED,
    UNPARSED,
    BenchmarkData,
    CellKey,
    RunData,
)
from harness_plugins.scoring.metrics import Bools, Facts, Scored, is_right
from harness_plugins.scoring.score import scores_of
from harness_plugins.scoring.statistics import Floats

FIXED, BROKEN, FLIPPED, LEAK = (1 << n for n in range(4))
"""FIXED: right in all orders of more draws than under `none`; BROKEN: of fewer. FLIPPED: another candidate was picked in another
order. LEAK: the rubric read gives the verdict away by its words."""

RIGHT, PARTLY, NOT_RIGHT, UNREAD, MISSING, UNLABELLED, NOT_ASKED = "RHWUMNX"
"""The state of an item in a cell. RIGHT: in all orders and draws; PARTLY: in some; NOT_RIGHT: in none. UNREAD: some answer is no
verdict. MISSING: some answer never came. UNLABELLED: people's answer does not count under the protocol. NOT_ASKED: the arm has nothing
for this item."""

WORDS = {
    TIE: "tie",
    ANY_TIE: "tie",
    BOTH_BAD: "both bad",
    UNPARSED: "unread",
    REFUSED: "refused",
    TRUNCATED: "cut off",
    LOW_MASS: "low mass",
    ERROR: "missing",
    ABSENT: "missing",
}
"""What there is instead of a candidate."""

Flags = NDArray[np.int32]
Letters = NDArray[np.str_]
Board = list[list[str] | None]
"""By order: the outcome of each draw; None for an order that does not count. An outcome begins with + (right), - (not right) or =
(there is no right answer, or no verdict); then comes the candidate's letter or a word of WORDS."""


@dataclass
class Outcomes:
    """One benchmark's items in its cells."""

    benchmark: BenchmarkData
    cells: list[CellKey]
    """Those that a page shows: what was run, and of judges that look at no rubric only the arm `none`."""
    flags: Flags
    """(items, cells)."""
    states: Letters
    """(items, cells)."""
    scored: list[Scored]
    """By cell."""
    facts: Facts

    def board(self, item: int, cell: int) -> Board:
        """What an item came to in a cell; an item without a rubric has the verdict of `none`, as in the tables."""
        scored, label = self.scored[cell], int(self.facts.label[item])
        return [
            [_outcome(code, label) for code, counts in zip(codes, counting, strict=True) if counts] or None
            for codes, counting, exists in zip(
                *(x[item].tolist() for x in (scored.outcome, scored.counts, scored.turns)), strict=True
            )
            if exists
        ]


@cache
def _outcome(code: int, label: int) -> str:
    word = WORDS.get(code) or "ABCDEFGHI"[code]
    if label < 0 or code in (UNPARSED, REFUSED, TRUNCATED, LOW_MASS, ERROR, ABSENT):
        return f"={word}"
    return f"+{word}" if is_right(np.array(code), np.array(label)) else f"-{word}"


def outcomes(run: RunData, benchmark: BenchmarkData, protocol: str) -> Outcomes | None:
    """What became of a benchmark's items under a protocol; None where the benchmark has no such protocol.

    Raises:
        UserError: what the protocol needs is missing.
    """
    resolved = protocols.resolve(protocol, benchmark.name)
    if resolved is None:
        return None
    scores = scores_of(run, benchmark, resolved)
    cells = [k for k, c in benchmark.cells.items() if not c.computed and (k.arm == "none" or not run.blind(k.judge))]
    flags = np.zeros((len(benchmark.items), len(cells)), dtype=np.int32)
    states = np.full(flags.shape, NOT_ASKED)
    for n, key in enumerate(cells):
        none_cell = scores.by_key.get(CellKey(key.judge, "none", None))
        flags[:, n] = _flags(scores.by_key[key], none_cell if key.arm != "none" else None, scores.facts)
        states[:, n] = _states(scores.by_key[key], scores.facts)
    return Outcomes(benchmark, cells, flags, states, [scores.by_key[key] for key in cells], scores.facts)


def _flags(scored: Scored, none_cell: Scored | None, facts: Facts) -> Flags:
    """(items,): what each item is in a cell, beside the judge's `none`; FIXED and BROKEN only where there is one."""
    flags = np.where(_flipped(scored), FLIPPED, 0)
    if none_cell is not None:
        # NaN where either is incomplete: neither fixed nor broken.
        right, none_right = (_share(_right(cell, facts), cell) for cell in (scored, none_cell))
        flags |= np.where(right > none_right, FIXED, 0) | np.where(right < none_right, BROKEN, 0)
    return flags.astype(np.int32)


def _states(scored: Scored, facts: Facts) -> Letters:
    """(items,): the first that holds of each item."""
    counts = scored.counts
    right = is_right(scored.outcome, facts.label[:, None, None])
    unread = np.isin(scored.outcome, (UNPARSED, REFUSED, TRUNCATED, LOW_MASS))
    conditions = {
        NOT_ASKED: ~counts.any(axis=(1, 2)),
        MISSING: (counts & ~scored.answered).any(axis=(1, 2)),
        UNREAD: (counts & unread).any(axis=(1, 2)),
        UNLABELLED: facts.label < 0,
        RIGHT: (right | ~counts).all(axis=(1, 2)),
        PARTLY: (right & counts).any(axis=(1, 2)),
    }
    return np.select(list(conditions.values()), list(conditions), NOT_RIGHT)


def _right(scored: Scored, facts: Facts) -> Bools:
    """(items, draws): right in all orders asked."""
    answer: Bools = np.asarray((is_right(scored.outcome, facts.label[:, None, None]) | ~scored.counts).all(axis=1))
    return answer


def _flipped(scored: Scored) -> Bools:
    """(items,): some draw picked different candidates in different orders."""
    chosen = scored.chosen & scored.counts
    # What was not picked must be neither the least nor the largest; outcomes are int8.
    low, high = (np.where(chosen, scored.outcome, fill) for fill in (127, -1))
    every = (chosen | ~scored.counts).all(axis=1) & scored.counts.any(axis=1)
    answer: Bools = np.asarray((every & (low.min(axis=1) < high.max(axis=1))).any(axis=1))
    return answer


def _share(hit: Bools, scored: Scored) -> Floats:
    """(items,): of the draws that count in all orders (in the one, where one was asked), the share that is so."""
    counted = scored.both if scored.both.any() else scored.counts.any(axis=1) & scored.complete[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        answer: Floats = (hit & counted).sum(axis=1) / counted.sum(axis=1)
    return answer


@dataclass(frozen=True)
class Chosen:
    """Which items a page shows, and why these."""

    uids: list[str]
    total: int
    reasons: Mapping[str, int]
    """What they were chosen for, where not all are shown: how many of each."""


LOOKED = 20_000
"""Items of a larger run whose rubrics are looked at for leaks when items are chosen."""

WHY = {"fixed": FIXED, "broken": BROKEN, "flipped": FLIPPED}


def choose(run: RunData, all_outcomes: list[Outcomes], max_items: int) -> Chosen:
    """All items, in the order of the data; of a larger run in turn those fixed, broken, flipped and with a leak, then others.

    Within a class a digest of the uid draws, so that the choice is the same each time and favours no part of the data.
    """
    total = sum(len(o.benchmark.items) for o in all_outcomes)
    if total <= max_items:
        return Chosen([i.uid for o in all_outcomes for i in o.benchmark.items], total, {})
    flags_by_uid = {
        i.uid: int(np.bitwise_or.reduce(o.flags[n]))
        for o in all_outcomes
        for n, i in enumerate(o.benchmark.items)
        if o.cells
    }
    drawn = sorted(flags_by_uid, key=lambda uid: digest("report", uid))
    queues: dict[str, Iterator[str]] = {
        name: (u for u in drawn if flags_by_uid[u] & flag) for name, flag in WHY.items()
    }
    queues["leak suspected"] = _leaking(run, all_outcomes, drawn)
    taken: dict[str, str] = {}
    for row in chain(zip_longest(*queues.values()), ((*[None] * len(queues), uid) for uid in drawn)):
        for name, uid in zip((*queues, "with none of these"), row, strict=False):
            if uid is not None and len(taken) < max_items:
                taken.setdefault(uid, name)
        if len(taken) >= max_items:
            break
    reasons: dict[str, int] = {}
    for name in taken.values():
        reasons[name] = reasons.get(name, 0) + 1
    order = {name: reasons[name] for name in (*queues, "with none of these") if name in reasons}
    return Chosen([i.uid for o in all_outcomes for i in o.benchmark.items if i.uid in taken], total, order)


def _leaking(run: RunData, all_outcomes: list[Outcomes], drawn: list[str]) -> Iterator[str]:
    """Items with a rubric of their own that leaks; rubrics are looked at only as far as items are asked for."""
    items = {i.uid: (o.benchmark.name, i) for o in all_outcomes for i in o.benchmark.items}
    for uid in drawn[:LOOKED]:
        name, item = items[uid]
        texts = [c.text for c in item.candidates]
        rubrics = [
            rubric
            for (benchmark, _), writer_rubrics in run.rubrics.items()
            if benchmark == name
            for rubric in writer_rubrics.by_item.get(uid, ())
        ]
        if any(leak_classes(rubric.text, texts) for rubric in rubrics):
            yield uid
