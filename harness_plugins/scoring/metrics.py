"""From a cell's outcomes to its metrics: each is a sum over items divided by a sum over items (`Column`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness_plugins.benchmarks.spec import ProtocolSpec
from harness_plugins.scoring.protocols import stored_order
from harness_plugins.scoring.read import (
    ABSENT,
    ERROR,
    PICK_0,
    PICK_1,
    REFUSED,
    TIE,
    TRUNCATED,
    UNPARSED,
    BenchmarkData,
    CellData,
    Codes,
)
from harness_plugins.scoring.statistics import Column, Floats, Ints

Bools = NDArray[np.bool_]

STATES = ("both_right", "both_wrong", "first_slot", "second_slot", "incomplete")
"""What a pair is over its two orders. first_slot: the first shown was picked both times."""


@dataclass(frozen=True)
class Facts:
    """What scoring needs to know of a benchmark's items, as arrays."""

    label: Ints
    """Preferred canonical candidate, -1 where the label names none (a tie): such items are outside every accuracy."""
    longer: Ints
    """The candidate with more characters, -1 where equal."""
    category: NDArray[np.str_]
    group: NDArray[np.str_]
    whole: bool
    """All rows of the benchmark are there, so group metrics are what they claim to be."""


def facts_of(benchmark: BenchmarkData, category_map: str) -> Facts:
    items = benchmark.items
    lengths = [[len(c.text) for c in i.candidates] for i in items]
    return Facts(
        label=np.array([-1 if i.label.preferred is None else i.label.preferred for i in items], dtype=np.int64),
        longer=np.array([-1 if a == b else int(b > a) for a, b in lengths], dtype=np.int64),
        category=np.array([i.categories.get(category_map, i.category) if category_map else i.category for i in items]),
        group=np.array(["" if i.group is None else i.group for i in items]),
        whole=len(items) >= int(benchmark.facts.get("rows") or 0),
    )


@dataclass(frozen=True)
class Scored:
    """A cell under a protocol. All arrays are by item."""

    outcome: Codes
    """(items, orders, draws), intention to treat applied."""
    asked: Bools
    """(items, orders): the trials that count."""
    complete: Bools
    """Labelled, and every trial that counts was answered."""
    num: Floats
    den: Floats
    """Right and counted trials as shares of the item's trials: under `strict` den is 1 and num is s_i."""
    pick: Ints
    """(items, orders): the candidate that most draws picked, -1 for none."""
    trials: tuple[int, int]
    """Trials answered, trials to be answered."""
    log_odds: Floats | None
    """Mean log-odds of the preferred candidate over both orders, where every trial has P."""

    @property
    def score(self) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            answer: Floats = self.num / self.den
        return answer


def score_cell(
    benchmark: BenchmarkData,
    cell: CellData,
    outcome: Codes,
    none: CellData | None,
    facts: Facts,
    protocol: ProtocolSpec,
) -> Scored:
    """Apply a protocol to a cell.

    An item for which the arm had no rubric keeps the judge's `none` outcomes (intention to treat).
    """
    p = cell.p
    if cell.without_rubric is not None and cell.without_rubric.any():
        outcome, p = outcome.copy(), p.copy()
        kept = cell.without_rubric
        outcome[kept] = ABSENT if none is None else _draws(none.outcome, outcome.shape[2])[kept]
        p[kept] = np.nan if none is None else _draws(none.p, outcome.shape[2])[kept]
    asked = benchmark.expected.copy()
    if protocol.orders == "stored":
        asked &= np.arange(2)[None, :] == stored_order(benchmark)[:, None]
    answered = (outcome != ERROR) & (outcome != ABSENT)
    counts = np.broadcast_to(asked[:, :, None], outcome.shape)
    complete = (facts.label >= 0) & asked.any(axis=1) & (answered | ~counts).all(axis=(1, 2))
    num, den = _trials(outcome, counts, facts.label, protocol)
    picks = np.stack([(outcome == PICK_0).sum(axis=2), (outcome == PICK_1).sum(axis=2)])
    pick = np.where(picks[0] > picks[1], 0, np.where(picks[1] > picks[0], 1, -1))
    return Scored(
        outcome,
        asked,
        complete,
        np.where(complete, num, 0.0),
        np.where(complete, den, 0.0),
        pick,
        (int((answered & counts).sum()), int(counts.sum())),
        _log_odds(p, counts, complete, facts.label),
    )


def _draws(values: NDArray[Any], count: int) -> NDArray[Any]:
    """Repeat a cell's draws to a number of draws."""
    repeated: NDArray[Any] = np.take(values, np.arange(count) % values.shape[2], axis=2)
    return repeated


def _trials(outcome: Codes, counts: Bools, label: Ints, protocol: ProtocolSpec) -> tuple[Floats, Floats]:
    chosen = (outcome == PICK_0) | (outcome == PICK_1)
    right = (outcome == label[:, None, None]).astype(float)
    if protocol.vote:
        picks = [((outcome == c) & counts).sum(axis=(1, 2)) for c in (PICK_0, PICK_1)]
        decided = picks[0] != picks[1]
        return (decided & ((picks[1] > picks[0]) == (label == 1))).astype(float), decided.astype(float)
    weight = counts.astype(float)
    if protocol.unparsed == "drop":
        weight = weight * chosen
    elif protocol.unparsed == "coin":
        right = np.where(chosen, right, 0.5)
    total = np.maximum(counts.sum(axis=(1, 2)), 1)
    return (right * weight).sum(axis=(1, 2)) / total, weight.sum(axis=(1, 2)) / total


def _log_odds(p: Floats, counts: Bools, complete: Bools, label: Ints) -> Floats | None:
    if not complete.any() or not counts[complete].all() or np.isnan(p[complete]).any():
        return None
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    odds = np.log(inside / (1 - inside)).mean(axis=(1, 2))
    answer: Floats = np.where(label == 0, odds, -odds)
    return answer


def states(scored: Scored, facts: Facts) -> Ints:
    """The state of each pair over its two orders, as an index into STATES."""
    ab, ba, label = scored.pick[:, 0], scored.pick[:, 1], facts.label
    state = np.full(len(label), STATES.index("incomplete"))
    decided = (ab >= 0) & (ba >= 0) & scored.asked.all(axis=1) & scored.complete
    state[decided & (ab == ba) & (ab == label)] = 0
    state[decided & (ab == ba) & (ab != label)] = 1
    state[decided & (ab == 0) & (ba == 1)] = 2
    state[decided & (ab == 1) & (ba == 0)] = 3
    return state


def columns(scored: Scored, facts: Facts, protocol: ProtocolSpec, with_rubric: Bools | None) -> list[Column]:
    """The metrics of a cell that are plain ratios over items. Macro and group metrics are built on these."""
    ok = scored.complete
    found = [Column("accuracy", scored.num, scored.den)]

    def over(name: str, hit: Floats | Bools, among: Bools) -> None:
        found.append(Column(name, np.where(among, hit, 0.0).astype(float), among.astype(float)))

    for order, name in enumerate(("forward", "reverse")):
        if scored.asked[:, order].any():
            over(name, (scored.pick[:, order] == facts.label), ok & scored.asked[:, order])
    if scored.asked.all(axis=1).any():
        both = ok & scored.asked.all(axis=1)
        over("strict_both", (scored.pick == facts.label[:, None]).all(axis=1), both)
        over("consistency", (scored.pick[:, 0] == scored.pick[:, 1]) & (scored.pick[:, 0] >= 0), both)
    found += _rates(scored, facts)
    for name, longer in (("accuracy_preferred_longer", True), ("accuracy_preferred_shorter", False)):
        among = ok & (facts.longer >= 0) & ((facts.longer == facts.label) == longer)
        found.append(Column(name, scored.num * among, scored.den * among))
    if scored.log_odds is not None:
        over("accuracy_aggregated", (scored.log_odds > 0) + 0.5 * (scored.log_odds == 0), ok)
    if with_rubric is not None:
        found.append(Column("accuracy_with_rubric", scored.num * with_rubric, scored.den * with_rubric))
    return found


def _rates(scored: Scored, facts: Facts) -> list[Column]:
    """Shares of trials: what was picked by place and length, and how many answers were no choice."""
    counts = np.broadcast_to(scored.asked[:, :, None], scored.outcome.shape)

    def share(name: str, hit: Bools, among: Bools) -> Column:
        return Column(name, (hit & among).sum(axis=(1, 2)).astype(float), among.sum(axis=(1, 2)).astype(float))

    chosen = ((scored.outcome == PICK_0) | (scored.outcome == PICK_1)) & counts
    first = scored.outcome == np.array([PICK_0, PICK_1])[None, :, None]
    longer = facts.longer[:, None, None]
    answered = (scored.outcome != ERROR) & (scored.outcome != ABSENT) & counts
    found = [
        share("first_position_rate", first, chosen),
        share("longer_pick_rate", scored.outcome == longer, chosen & (longer >= 0)),
        share("parsed", chosen, answered),
    ]
    for name, code in (("tie", TIE), ("unparsed", UNPARSED), ("refused", REFUSED), ("truncated", TRUNCATED)):
        found.append(share(name, scored.outcome == code, answered))
    found.append(share("answered", answered, counts))
    return found


def category_columns(scored: Scored, facts: Facts) -> list[Column]:
    """Accuracy in each category, in order of name; none where there is just one."""
    names = sorted(set(facts.category[scored.complete]))
    if len(names) < 2:
        return []
    return [
        Column(f"accuracy[{name}]", scored.num * (facts.category == name), scored.den * (facts.category == name))
        for name in names
    ]


def grouped(facts: Facts) -> bool:
    """Whether some group holds several pairs; else Acc+ would be accuracy under another name."""
    named = facts.group[facts.group != ""]
    return len(set(named)) < len(named)


def group_columns(scored: Scored, facts: Facts) -> tuple[list[Column], Ints]:
    """Acc+: all pairs of a group right. By group, with the item that stands for each (for its cluster).

    `expected` multiplies the items' s_i, as if each order were a fair draw; `strict` asks for both orders of every pair
    (Proxy-GRM's and R1-Reward's Acc+ is the one-order case of it). Both are void where a group is incomplete.
    """
    score, both = scored.score, (scored.pick == facts.label[:, None])
    strict: Bools = (both | ~scored.asked).all(axis=1)
    members: dict[str, list[int]] = {}
    for n, group in enumerate(facts.group):
        if group:
            members.setdefault(group, []).append(n)
    whole = [m for m in members.values() if scored.complete[m].all()]
    if not grouped(facts) or not whole or len(whole) < len(members) or not facts.whole:
        return [], np.zeros(0, dtype=np.int64)
    one = np.ones(len(whole))
    # Items without any counted trial (dropped by the protocol) leave their group undecided, and so not right.
    product = np.array([float(np.prod(np.nan_to_num(score[m]))) for m in whole])
    found = [Column("acc_plus_expected", product, one)]
    found.append(Column("acc_plus_strict", np.array([float(strict[m].all()) for m in whole]), one))
    return found, np.array([m[0] for m in whole], dtype=np.int64)
