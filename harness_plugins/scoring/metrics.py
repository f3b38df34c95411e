"""From a cell's outcomes to its metrics: each is a sum over items divided by a sum over items (`Column`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.records import Label
from harness_plugins.benchmarks.spec import ProtocolSpec
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
    CellData,
    CellKey,
    Codes,
    RunData,
)
from harness_plugins.scoring.protocols import stored_order
from harness_plugins.scoring.statistics import Column, Floats, Ints

Bools = NDArray[np.bool_]

STATES = ("both_right", "both_wrong", "first_slot", "second_slot", "incomplete")
"""What a pair is over its two orders. first_slot: the first shown was picked both times."""


@dataclass(frozen=True)
class Facts:
    """What scoring needs to know of a benchmark's items, as arrays."""

    label: Ints
    """Preferred canonical candidate; TIE or BOTH_BAD where the protocol counts such labels, else -1: outside every accuracy."""
    longer: Ints
    """The candidate with the most characters, -1 where several have."""
    candidates: Ints
    """How many an item has, and so cyclic orders."""
    ranks: Floats
    """(items, candidates): the label's ranks, 0 = best; NaN where the label does not rank."""
    category: NDArray[np.str_]
    group: NDArray[np.str_]
    criterion: NDArray[np.str_]
    """The name of the benchmark's own criterion, up to its colon."""
    stored_first: Ints
    """The canonical candidate that the dataset stores first."""
    all_rows: bool
    """All rows of the benchmark are there, so group metrics are what they claim to be."""


def _label(label: Label, labels: str) -> int:
    if label.preferred is not None:
        return label.preferred
    if label.kind == "both_bad" and labels == "four_way":
        return BOTH_BAD
    return TIE if label.kind in ("tie", "both_bad") and labels != "preferred" else -1


def facts_of(benchmark: BenchmarkData, category_map: str, labels: str = "preferred") -> Facts:
    """Args:
    labels: what a label may be under the protocol (`ProtocolSpec.labels`)."""
    items = benchmark.items
    lengths = [i.lengths() for i in items]
    ranks = np.full((len(items), benchmark.width), np.nan)
    for n, item in enumerate(items):
        if item.label.ranks is not None:
            ranks[n, : len(item.label.ranks)] = item.label.ranks
    return Facts(
        label=np.array([_label(i.label, labels) for i in items], dtype=np.int64),
        longer=np.array([-1 if x.count(max(x)) > 1 else x.index(max(x)) for x in lengths], dtype=np.int64),
        candidates=np.array([len(x) for x in lengths], dtype=np.int64),
        ranks=ranks,
        category=np.array([i.categories.get(category_map, i.category) if category_map else i.category for i in items]),
        group=np.array(["" if i.group is None else i.group for i in items]),
        criterion=np.array([(i.criterion or "").split(":")[0] for i in items]),
        stored_first=np.array([i.stored.index(0) for i in items], dtype=np.int64),
        all_rows=len(items) >= max(int(benchmark.facts.get(f) or 0) for f in ("rows", "expected_rows")),
    )


class Trials(NamedTuple):
    """How many trials were answered, of those that were to be."""

    answered: int
    due: int

    @property
    def complete(self) -> bool:
        return self.answered == self.due


@dataclass(frozen=True)
class Scored:
    """A cell under a protocol."""

    outcome: Codes
    """(items, orders, draws), intention to treat applied."""
    counts: Bools
    """(items, orders, draws): the trials that count."""
    complete: Bools
    """(items,): labelled, and every trial that counts was answered."""
    num: Floats
    den: Floats
    """(items,): right and counted trials as shares of the item's trials. Under `strict` den is 1 and num is s_i."""
    log_odds: Floats
    """(items,): mean over both orders of the log-odds of the preferred candidate; NaN where they are not known."""
    turns: Bools
    """(items, orders): the cyclic orders that the item has."""
    ranks: Floats | None = None
    """`CellData.ranks`."""
    p: Floats | None = None
    """`CellData.p`, intention to treat applied."""
    lost: int = 0
    """Trials on items that the folder has lost: to be answered, and not."""
    with_rubric: Bools | None = None
    """(items,): where the arm had something of its own to give, in every order; None: everywhere."""
    provenance: tuple[str, ...] = ()
    """The models, backends and samplings that answered."""

    @property
    def pairs(self) -> bool:
        """All items are pairs, so that orders are AB and BA."""
        return bool(self.turns.shape[1] == 2)

    @property
    def score(self) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            answer: Floats = self.num / self.den
        return answer

    @property
    def trials(self) -> Trials:
        return Trials(int((self.answered & self.counts).sum()), int(self.counts.sum()) + self.lost)

    @property
    def answered(self) -> Bools:
        return ~np.isin(self.outcome, (ERROR, ABSENT))

    @property
    def chosen(self) -> Bools:
        return is_pick(self.outcome)

    @property
    def both(self) -> Bools:
        """(items, draws): complete items' draws that count in all orders."""
        answer: Bools = np.asarray((self.counts | ~self.turns[:, :, None]).all(axis=1)) & self.complete[:, None]
        return answer


@dataclass(frozen=True)
class Scores:
    """The cells of a benchmark under a protocol."""

    run: RunData
    benchmark: BenchmarkData
    facts: Facts
    by_key: Mapping[CellKey, Scored]
    by_ratio: Mapping[CellKey, Scored]
    """Once more those that `low_mass` answers touch, with these taken as their digits say."""

    def with_ratios(self) -> Scores:
        """The same with every `low_mass` answer taken as its digits say."""
        return replace(self, by_key={**self.by_key, **self.by_ratio}, by_ratio={})


class ParsedCell(NamedTuple):
    """A cell as a protocol's parser reads it."""

    cell: CellData
    outcome: Codes
    """In place of `cell.outcome`."""


class Answers(NamedTuple):
    """(items, orders, draws) each."""

    outcome: Codes
    p: Floats
    """P of the canonical candidate 0; NaN where it is not known."""
    counts: Bools


def with_intention_to_treat(parsed: ParsedCell, none_cell: ParsedCell | None) -> Answers:
    """The answers to all trials that are expected; where there is nothing to read, the judge's `none` verdict of that order."""
    cell, without_rubric = parsed.cell, parsed.cell.without_rubric
    if without_rubric is None or not without_rubric.any():
        return Answers(parsed.outcome, cell.p, cell.expected)
    answers = Answers(parsed.outcome.copy(), cell.p.copy(), cell.expected.copy())
    outcome, p, counts = answers
    # Due whether or not `none` was judged: without it the cell is incomplete, and no item is silently left out.
    outcome[without_rubric], p[without_rubric], counts[without_rubric] = ABSENT, np.nan, True
    if none_cell is not None:
        # An arm has a draw for each rubric or shuffle, `none` has its samples alone: they are taken again.
        draws = np.arange(outcome.shape[2]) % none_cell.outcome.shape[2]
        outcome[without_rubric] = none_cell.outcome[without_rubric][..., draws]
        p[without_rubric] = none_cell.cell.p[without_rubric][..., draws]
        counts[without_rubric] = none_cell.cell.expected[without_rubric][..., draws]
    return answers


def score_cell(
    benchmark: BenchmarkData, parsed: ParsedCell, none_cell: ParsedCell | None, facts: Facts, protocol: ProtocolSpec
) -> Scored:
    """Apply a protocol to a cell.

    Args:
        none_cell: the judge's `none` cell, for items without a rubric.
    """
    cell = parsed.cell
    outcome, p, counts = with_intention_to_treat(parsed, none_cell)
    if protocol.orders == "stored":
        counts = counts & (np.arange(2)[None, :] == stored_order(benchmark)[:, None])[:, :, None]
    if protocol.labels == "three_way":
        outcome = np.where(outcome == BOTH_BAD, np.int8(TIE), outcome)
    # A judge that was not asked of which kind a tie is cannot say it: its tie is right for either label (`is_right`).
    elif protocol.labels == "four_way" and cell.grading.get("ties") != "good_bad" and "four_way" not in cell.formats:
        outcome = np.where(outcome == TIE, np.int8(ANY_TIE), outcome)
    answered = (outcome != ERROR) & (outcome != ABSENT)
    complete = (facts.label >= 0) & counts.any(axis=(1, 2)) & (answered | ~counts).all(axis=(1, 2))
    accuracy = _accuracy(outcome, counts, facts, protocol)
    odds = _log_odds(p, outcome, counts, cell.samples, facts.label)
    return Scored(
        outcome,
        counts,
        complete,
        np.where(complete, accuracy.num, 0.0),
        np.where(complete, accuracy.den, 0.0),
        np.where(complete, odds, np.nan),
        np.arange(benchmark.width)[None, :] < facts.candidates[:, None],
        _ranks(cell, none_cell.cell if none_cell else None),
        p,
        # A lost item counts as many trials as the mean item; rounded up: one is enough to make the cell incomplete.
        math.ceil(benchmark.lost * int(counts.sum()) / len(benchmark.items)),
        None if cell.without_rubric is None else np.asarray(~cell.without_rubric.any(axis=1)),
        cell.provenance,
    )


def _ranks(cell: CellData, none_cell: CellData | None) -> Floats | None:
    """`CellData.ranks`, with those of `none` where there is nothing to read."""
    without_rubric = cell.without_rubric
    if (
        cell.ranks is None
        or none_cell is None
        or none_cell.ranks is None
        or without_rubric is None
        or not without_rubric.any()
    ):
        return cell.ranks
    ranks = cell.ranks.copy()
    ranks[without_rubric] = none_cell.ranks[without_rubric][:, np.arange(ranks.shape[2]) % none_cell.ranks.shape[2]]
    return ranks


def is_pick(outcome: NDArray[Any]) -> Bools:
    """Where a candidate was picked."""
    answer: Bools = (outcome >= 0) & (outcome < TIE)
    return answer


def is_right(outcome: NDArray[Any], label: NDArray[Any]) -> Bools:
    """Where an outcome is what the label says; a tie that does not say of which kind is right for either."""
    answer: Bools = np.asarray(outcome == label) | ((outcome == ANY_TIE) & ((label == TIE) | (label == BOTH_BAD)))
    return answer


def _accuracy(outcome: Codes, counts: Bools, facts: Facts, protocol: ProtocolSpec) -> Column:
    label = facts.label
    decisive = is_pick(outcome)
    if protocol.labels != "preferred":
        decisive = decisive | np.isin(outcome, (TIE, BOTH_BAD, ANY_TIE))
    right = is_right(outcome, label[:, None, None]).astype(float)
    if protocol.vote:
        picks = [((outcome == c) & counts).sum(axis=(1, 2)) for c in (0, 1)]
        decided = picks[0] != picks[1]
        hit = decided & ((picks[1] > picks[0]) == (label == 1))
        return Column("accuracy", hit.astype(float), decided.astype(float))
    weight = counts.astype(float)
    if protocol.unparsed == "drop":
        weight = weight * decisive
    elif protocol.unparsed == "coin":
        right = np.where(decisive, right, 0.5)
    total = np.maximum(counts.sum(axis=(1, 2)), 1)
    return Column("accuracy", (right * weight).sum(axis=(1, 2)) / total, weight.sum(axis=(1, 2)) / total)


def _log_odds(p: Floats, outcome: Codes, counts: Bools, samples: int, label: Ints) -> Floats:
    """c of docs/design/content-and-order.md: from P where every trial has it, else from the shares of several samples
    (half a vote added)."""
    if counts.shape[1] != 2:
        return np.full(len(label), np.nan)
    in_both: Bools = np.asarray(counts.any(axis=2))
    # P of exactly 0 or 1 has infinite log-odds, and two infinities of opposite sign have no mean.
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    logit = np.where(counts, np.log(inside / (1 - inside)), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        by_order = logit.sum(axis=2) / counts.sum(axis=2)
    if samples > 1 and np.isnan(p).all():
        # Half a vote each (Haldane 1956): where all samples agree, the odds would be infinite.
        picks = [((outcome == c) & counts).sum(axis=2) + 0.5 for c in (0, 1)]
        by_order = np.log(picks[0] / picks[1])
    odds = np.where(in_both[:, 0] & in_both[:, 1], by_order.mean(axis=1), np.nan)
    answer: Floats = np.where(label == 0, odds, -odds).round(9)  # opposite orders cancel to 0, not to a rounding error
    return np.where(is_pick(label), answer, np.nan)


def aggregated(log_odds: Floats) -> Floats:
    """1[c > 0] + 1/2 1[c = 0]; NaN where c is not known."""
    answer: Floats = np.where(np.isnan(log_odds), np.nan, (log_odds > 0) + 0.5 * (log_odds == 0))
    return answer


def states(scored: Scored, facts: Facts) -> Ints:
    """(items, draws): the state of each pair over its two orders, as an index into STATES."""
    ab, ba, label = scored.outcome[:, 0], scored.outcome[:, 1], facts.label[:, None]
    state = np.full(ab.shape, STATES.index("incomplete"))
    decided = scored.chosen.all(axis=1) & scored.both
    state[decided & (ab == ba) & (ab == label)] = 0
    state[decided & (ab == ba) & (ab != label)] = 1
    state[decided & (ab == 0) & (ba == 1)] = 2
    state[decided & (ab == 1) & (ba == 0)] = 3
    return state


def transitions(reference: Scored, scored: Scored, facts: Facts) -> dict[str, dict[str, float]] | None:
    """From each state under the reference (`none`, or another run) to each under the arm, over items complete in both.

    Several draws of an item share its weight of one. None where one order was judged, or items are no pairs.
    """
    if not scored.pairs:
        return None
    reference_states, arm_states = states(reference, facts), states(scored, facts)
    draws = arm_states.shape[1]
    reference_states = reference_states[:, np.arange(draws) % reference_states.shape[1]]
    eligible = scored.both & reference.complete[:, None]
    if not eligible.any():
        return None
    weight = eligible / np.maximum(eligible.sum(axis=1, keepdims=True), 1)
    return {
        a: {b: round(float(weight[(reference_states == i) & (arm_states == j)].sum()), 9) for j, b in enumerate(STATES)}
        for i, a in enumerate(STATES)
    }


def strict_both(scored: Scored, facts: Facts) -> Column:
    """Right in both orders (in all of them, where there are more), draw by draw."""
    right = is_right(scored.outcome, facts.label[:, None, None]) | ~scored.turns[:, :, None]
    return over_draws("strict_both", np.asarray(right.all(axis=1)), scored.both)


def over_draws(name: str, hit: Bools, eligible: Bools) -> Column:
    """Mean over an item's draws, one an item: (items, draws) -> a column."""
    counted = eligible.sum(axis=1)
    return Column(name, (hit & eligible).sum(axis=1) / np.maximum(counted, 1), (counted > 0).astype(float))


def columns(scored: Scored, facts: Facts) -> list[Column]:
    """The metrics of a cell that are plain ratios over items. Macro and group metrics are built on these."""
    cell_columns = [Column("accuracy", scored.num, scored.den)]
    right = is_right(scored.outcome, facts.label[:, None, None])
    for order, name in enumerate(("forward", "reverse") if scored.pairs else ()):
        eligible = scored.counts[:, order] & scored.complete[:, None]
        if eligible.any():
            cell_columns.append(over_draws(name, right[:, order], eligible))
    if scored.both.any():
        absent = ~scored.turns[:, :, None]
        consistent = ((scored.outcome == scored.outcome[:, :1]) | absent).all(axis=1)
        consistent = consistent & (scored.chosen | absent).all(axis=1)
        cell_columns += [strict_both(scored, facts), over_draws("consistency", consistent, scored.both)]
    cell_columns += _rates(scored, facts)
    for name, longer in (("accuracy_preferred_longer", True), ("accuracy_preferred_shorter", False)):
        members = (facts.longer >= 0) & ((facts.longer == facts.label) == longer)
        cell_columns.append(Column(name, scored.num * members, scored.den * members))
    with_log_odds = ~np.isnan(scored.log_odds)
    if with_log_odds.any():
        cell_columns.append(
            Column("accuracy_aggregated", np.nan_to_num(aggregated(scored.log_odds)), with_log_odds.astype(float))
        )
    if scored.with_rubric is not None and not scored.with_rubric.all():
        cell_columns.append(
            Column("accuracy_with_rubric", scored.num * scored.with_rubric, scored.den * scored.with_rubric)
        )
    return cell_columns


def _rates(scored: Scored, facts: Facts) -> list[Column]:
    """Shares of trials: what was picked by place and length, and how many answers were no choice."""

    def share(name: str, hit: Bools, eligible: Bools) -> Column:
        return Column(name, (hit & eligible).sum(axis=(1, 2)).astype(float), eligible.sum(axis=(1, 2)).astype(float))

    chosen, answered = scored.chosen & scored.counts, scored.answered & scored.counts
    first = scored.outcome == np.arange(scored.turns.shape[1])[None, :, None]
    longer = facts.longer[:, None, None]
    ties = np.isin(scored.outcome, (TIE, BOTH_BAD, ANY_TIE))
    verdicts = chosen | ties if (facts.label >= TIE).any() else chosen
    rates = [
        share("first_position_rate", first, chosen),
        share("longer_pick_rate", scored.outcome == longer, chosen & (longer >= 0)),
        share("parsed", verdicts, answered),
    ]
    rates.append(share("tie", ties, answered))
    for name, code in (("unparsed", UNPARSED), ("refused", REFUSED), ("truncated", TRUNCATED), ("low_mass", LOW_MASS)):
        rates.append(share(name, scored.outcome == code, answered))
    return [*rates, share("answered", answered, scored.counts)]


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
    groups = facts.group[facts.group != ""]
    return len(set(groups)) < len(groups)


def group_columns(scored: Scored, facts: Facts, by_category: bool = False) -> list[Column]:
    """Acc+, a row a group: all of its pairs right.

    `expected` multiplies the items' s_i, as if each order were equally likely; `strict` asks for both orders of every pair
    (Proxy-GRM's and R1-Reward's Acc+ is the one-order case of it). Both are void where a group is incomplete. Items
    whose label prefers nothing are outside.
    """
    if not grouped(facts) or not facts.all_rows:
        return []
    right = is_right(scored.outcome, facts.label[:, None, None]) | ~scored.counts
    members: dict[str, list[int]] = {}
    for n, group in enumerate(facts.group):
        if group and facts.label[n] >= 0:
            members.setdefault(group, []).append(n)
    groups = list(members.values())
    if not groups or not all(scored.complete[m].all() for m in groups):
        return []
    ones = np.ones(len(groups))
    # Items without any counted trial (dropped by the protocol) leave their group undecided, and so not right.
    score = np.nan_to_num(scored.score)
    product = np.array([float(np.prod(score[m])) for m in groups])
    all_right = np.array([right[m].all(axis=(0, 1)) for m in groups])
    counted = np.array([scored.counts[m].any(axis=(0, 1)) for m in groups])
    strict = (all_right & counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    stands = np.array([m[0] for m in groups], dtype=np.int64)
    acc_plus = [Column("acc_plus_expected", product, ones, stands), Column("acc_plus_strict", strict, ones, stands)]
    if by_category:
        names = facts.category[stands]
        acc_plus += [
            Column(f"acc_plus[{c}]", strict * (names == c), (names == c).astype(float), stands)
            for c in sorted(set(names))
        ]
    return acc_plus
