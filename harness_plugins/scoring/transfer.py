"""What a judge takes from a writer: content, or the writer's verdict (docs/design/arms-and-controls.md).

W is the writer's own verdict in the rubric that a trial read, N the judge's choice without a rubric (under `none`), J its choice
with it. All of these are sums over trials, bootstrapped over clusters like every other metric.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.prompts.template import pick_of
from evaluators.records import ORDERS
from evaluators.rubrics.arms import ARMS, CROSSED, MATCHED, Reading, WriterRubrics, verdict_in
from evaluators.rubrics.leaks import leaks_of
from harness_plugins.scoring import statistics
from harness_plugins.scoring.arrays import BenchmarkData, CellKey, Codes
from harness_plugins.scoring.cells import Metric, json_numbers
from harness_plugins.scoring.metrics import Bools, Facts, Scored, Scores, is_pick
from harness_plugins.scoring.statistics import Column, Floats, Ints

SAME, CROSS, UNORDERED = 1, 0, -1
"""Whether a trial's rubric was written in the order that is judged, in the other one, or without the responses."""


class WriterSide(NamedTuple):
    """A writer's side of each trial: (items, orders, draws)."""

    verdict: Codes
    """Canonical candidate that the writer preferred, -1 where it did not say."""
    order: Codes
    """SAME, CROSS or UNORDERED."""


class Leaks(NamedTuple):
    """(items,) each."""

    with_rubric: Bools
    free: Bools
    """Those of them none of whose rubrics leaks by words."""


@dataclass
class Transfer:
    """One writer's rubrics in one judge's hands: where the gain comes from."""

    benchmark: str
    judge: str
    writer: str
    metrics: dict[str, Metric] = field(default_factory=dict)
    """a_AB_AB (written in AB, judged in AB), a_BA_BA, a_AB_BA, a_BA_AB; same, cross, headline, leak; writer, none,
    writer_plus_none, transferred, advice; content_gain, gain_leak_free."""
    one_order: str = ""
    """Says so where it was written or judged in one order alone: then same and cross are single cells."""
    unordered: bool = False
    """Written without the responses, so in no order: there is neither same nor cross."""
    leak_free: int = 0
    """Items with rubrics none of which leaks by words."""
    with_rubric: int = 0
    """Items with rubrics."""
    by_ratio: dict[str, Metric] = field(default_factory=dict)
    """The same metrics with `low_mass` answers taken as their digits say; empty where they touch none."""

    def objects(self, protocol: str, grading: str, rubrics: str) -> Iterator[dict[str, Any]]:
        """One flat object for each metric.

        Args:
            grading, rubrics: of the judge's cells with this writer, as `CellReport` has them.
        """
        base = {"benchmark": self.benchmark, "judge": self.judge, "writer": self.writer, "arm": "transfer"}
        base |= {"grading": grading, "rubrics": rubrics}
        for m in self.metrics.values():
            twin = json_numbers({"value_by_ratio": self.by_ratio[m.name].value}) if m.name in self.by_ratio else {}
            yield {**base, "metric": m.name, **m.numbers(), **twin, "protocol": protocol}


def writer_side_of(
    benchmark: BenchmarkData, rubrics: WriterRubrics, arm: str, replicates: Sequence[int], samples: int
) -> WriterSide:
    """The writer's verdicts and orders behind the draws of a cell."""
    reads = CROSSED if ARMS.facts(arm).reads is CROSSED else MATCHED
    memo_key = ("own", rubrics.name, reads is CROSSED, tuple(replicates))
    if memo_key not in benchmark.memo:
        benchmark.memo[memo_key] = _writer_side_by_replicate(benchmark, rubrics, reads, replicates)
    writer_side: WriterSide = benchmark.memo[memo_key]
    return WriterSide(np.repeat(writer_side.verdict, samples, axis=2), np.repeat(writer_side.order, samples, axis=2))


def _writer_side_by_replicate(
    benchmark: BenchmarkData, rubrics: WriterRubrics, reads: Reading, replicates: Sequence[int]
) -> WriterSide:
    shape = (len(benchmark.items), 2, len(replicates))
    verdict, order = np.full(shape, -1, dtype=np.int8), np.full(shape, UNORDERED, dtype=np.int8)
    for i, item in enumerate(benchmark.items):
        for j, judged in enumerate(ORDERS):
            for rubric in reads.rubrics(rubrics, item.uid, judged):
                if rubric.replicate not in replicates:
                    continue
                index = (i, j, replicates.index(rubric.replicate))
                writer_verdict = verdict_in(rubric, judged)
                verdict[index] = -1 if writer_verdict is None else pick_of(writer_verdict, judged)
                order[index] = UNORDERED if rubric.saw == "nothing" else SAME if rubric.saw == judged else CROSS
    return WriterSide(verdict, order)


def _share(name: str, hit: NDArray[np.generic], eligible: Bools) -> Column:
    """The share of the eligible trials that are hits, (items, orders, draws) each."""
    return Column(name, (hit * eligible).sum(axis=(1, 2)).astype(float), eligible.sum(axis=(1, 2)).astype(float))


def _like(outcome: NDArray[Any], draws: int) -> NDArray[Any]:
    """Another cell's outcomes, repeated to as many draws."""
    return outcome[:, :, np.arange(draws) % outcome.shape[2]]


def change_columns(scored: Scored, none_cell: Scored, facts: Facts) -> list[Column]:
    """recovery = P(right | N wrong), harm = P(not right | N right), and their net in trials, where N is a pick."""
    draws = scored.outcome.shape[2]
    none_outcome, label = _like(none_cell.outcome, draws), facts.label[:, None, None]
    eligible = scored.counts & scored.answered & is_pick(none_outcome) & (label >= 0)
    right, was_right = scored.outcome == label, none_outcome == label
    return [
        _share("recovery", right, eligible & ~was_right),
        _share("harm", ~right, eligible & was_right),
        _share("net_recovery", right.astype(float) - was_right, eligible),
    ]


def following_columns(
    scored: Scored, writer_side: WriterSide, none_cell: Scored, others: dict[str, Scored], facts: Facts
) -> list[Column]:
    """How far the judge follows the writer.

    W: the candidate that the writer prefers in the rubric that the trial read. J: the judge's outcome in the trial, with that
    rubric. N: the same judge's outcome in that order under `none`. All are over trials in which W is a pick and J was answered.

    agreement_with_writer = P(J = W). Where N is a pick as well (no tie, and a verdict could be read):
    sycophancy = P(J = W | W wrong) - P(N = W | W wrong); uptake the same where W is right; pull = P(J = W | N is not W).
    Whatever N is: verifier_precision = P(W right | J right) and verifier_recall = P(J right | W right), the judge as a proxy
    that is to tell from the rubric whether its writer was right.

    Args:
        scored: the cell that gives J; none_cell: the judge's `none`, which gives N.
        others: cells that set the scale of `pull`, such as `repeat` and `shuffled`, by name: P(their outcome = W | N is not W).
    """
    draws = scored.outcome.shape[2]
    none_outcome, label, writer_pick = _like(none_cell.outcome, draws), facts.label[:, None, None], writer_side.verdict
    none_picked = is_pick(none_outcome)
    eligible = scored.counts & scored.answered & (writer_pick >= 0)
    labelled_and_picked = eligible & none_picked & (label >= 0)
    followed = (scored.outcome == writer_pick).astype(float)
    agreement_gain = followed - (none_outcome == writer_pick)
    disagreeing = eligible & none_picked & (none_outcome != writer_pick)
    columns = [
        _share("agreement_with_writer", followed, eligible),
        _share("sycophancy", agreement_gain, labelled_and_picked & (writer_pick != label)),
        _share("uptake", agreement_gain, labelled_and_picked & (writer_pick == label)),
        _share("pull", followed, disagreeing),
    ]
    for name, other in others.items():
        outcome = _like(other.outcome, draws)
        other_answered = _like(other.answered & other.counts, draws)
        columns.append(_share(f"pull_{name}", outcome == writer_pick, disagreeing & other_answered))
    right, writer_right = scored.outcome == label, writer_pick == label
    labelled = eligible & (label >= 0)
    return [
        *columns,
        _share("verifier_precision", writer_right, labelled & right),
        _share("verifier_recall", right, labelled & writer_right),
    ]


def extra_columns(scores: Scores, key: CellKey) -> list[Column]:
    """`change_columns` for every arm beside `none`, `following_columns` where the writer gave verdicts."""
    run, benchmark, scored, facts = scores.run, scores.benchmark, scores.by_key, scores.facts
    none_cell = scored.get(CellKey(key.judge, "none", None))
    if none_cell is None or key.arm == "none" or not scored[key].pairs:
        return []
    arm_scored, cell = scored[key], benchmark.cells[key]
    columns = change_columns(arm_scored, none_cell, facts)
    rubrics = run.rubrics.get((benchmark.name, key.writer)) if key.writer else None
    if rubrics is None or not ARMS.facts(key.arm).reads_own_rubric:
        return columns
    writer_side = writer_side_of(benchmark, rubrics, key.arm, cell.replicates, cell.samples)
    if (writer_side.verdict < 0).all():
        return columns
    others = {"repeat": scored.get(CellKey(key.judge, "repeat", None))}
    others["shuffled"] = scored.get(CellKey(key.judge, "shuffled", key.writer))
    return columns + following_columns(
        arm_scored, writer_side, none_cell, {n: s for n, s in others.items() if s is not None}, facts
    )


def transfers(scores: Scores) -> list[Transfer]:
    """One for each judge and writer whose rubrics it read, in full and completely."""
    carried = _transfers(scores)
    if scores.by_ratio:
        judges = {key.judge for key in scores.by_ratio}
        for transfer, twin in zip(carried, _transfers(scores.with_ratios()), strict=True):
            transfer.by_ratio = twin.metrics if transfer.judge in judges else {}
    return carried


def _transfers(scores: Scores) -> list[Transfer]:
    run, benchmark = scores.run, scores.benchmark
    if benchmark.width != 2:
        return []
    leaks: dict[str, Leaks] = {}
    carried = []
    for key, scored in scores.by_key.items():
        rubrics = run.rubrics.get((benchmark.name, key.writer)) if key.writer else None
        if key.arm == "transferred" and rubrics is not None and scored.trials.complete and not run.blind(key.judge):
            if rubrics.name not in leaks:
                leaks[rubrics.name] = _leaks(benchmark, rubrics)
            carried.append(_transfer(scores, key.judge, rubrics, leaks[rubrics.name]))
    return carried


def _transfer(scores: Scores, judge: str, rubrics: WriterRubrics, leaks: Leaks) -> Transfer:
    writer = rubrics.name
    transferred = scores.by_key[CellKey(judge, "transferred", writer)]
    none_cell = _complete(scores, CellKey(judge, "none", None))
    advice = _complete(scores, CellKey(judge, "advice", writer))
    alone = _complete(scores, CellKey(writer, "grm", None))
    columns = _cells(scores, rubrics, transferred, _complete(scores, CellKey(judge, "crossed", writer)))
    for name, scored in (("writer", alone), ("none", none_cell), ("transferred", transferred), ("advice", advice)):
        if scored is not None:
            columns.append(Column(name, scored.num, scored.den))
    if alone is not None and none_cell is not None:
        columns.append(_voted(alone, none_cell, scores.facts))
    if advice is not None:
        columns.append(_gain("content_gain", transferred, advice))
    if none_cell is not None:
        columns.append(_gain("gain_leak_free", transferred, none_cell, leaks.free))
    one_order = _one_order(rubrics, transferred)
    return Transfer(
        scores.benchmark.name,
        judge,
        writer,
        _with_intervals(columns, scores.benchmark.cluster, bool(one_order)),
        one_order,
        rubrics.saw == {"nothing"},
        int(leaks.free.sum()),
        int(leaks.with_rubric.sum()),
    )


def _complete(scores: Scores, key: CellKey) -> Scored | None:
    scored = scores.by_key.get(key)
    return scored if scored is not None and scored.trials.complete else None


def _gain(name: str, scored: Scored, reference: Scored, items: Bools | None = None) -> Column:
    """Args:
    items: (items,): those that it is over; None: all."""
    members = (scored.den > 0) & (reference.den > 0)
    if items is not None:
        members = members & items
    return Column(name, np.where(members, scored.score - reference.score, 0.0), members.astype(float))


def _one_order(rubrics: WriterRubrics, transferred: Scored) -> str:
    """In which orders rubrics were written and judged, where either is one alone; else nothing."""
    written = {rubric.saw for item_rubrics in rubrics.by_item.values() for rubric in item_rubrics} - {"nothing"}
    judged = {o for j, o in enumerate(ORDERS) if transferred.counts[:, j].any()}
    if not written or (len(written) > 1 and len(judged) > 1):
        return ""
    return f"written in {' and '.join(sorted(written))}, judged in {' and '.join(sorted(judged))}"


def _cells(scores: Scores, rubrics: WriterRubrics, transferred: Scored, crossed: Scored | None) -> list[Column]:
    """Accuracy by the order that a rubric was written in and the order that was judged: a_<written>_<judged>."""
    sums: dict[str, list[Column]] = {}
    twice: Bools | None = None
    if crossed is not None:
        in_other_order = _writer_side(scores.benchmark, rubrics, "crossed", crossed).order == CROSS
        twice = crossed.counts.any(axis=2) & in_other_order.any(axis=2)
    for arm, scored in (("transferred", transferred), ("crossed", crossed)):
        if scored is None:
            continue
        writer_side = _writer_side(scores.benchmark, rubrics, arm, scored)
        right = scored.outcome == scores.facts.label[:, None, None]
        for j, judged in enumerate(ORDERS):
            for which, written in ((SAME, judged), (CROSS, ORDERS[1 - j])):
                eligible = scored.counts & scored.complete[:, None, None] & (writer_side.order == which)
                eligible[:, 1 - j] = False
                if arm == "transferred" and which == CROSS and twice is not None:
                    eligible &= ~twice[:, :, None]  # the very same call is counted under crossed
                if eligible.any():
                    sums.setdefault(f"a_{written}_{judged}", []).append(
                        _share(f"a_{written}_{judged}", right, eligible)
                    )
    return [
        Column(name, np.sum([c.num for c in parts], axis=0), np.sum([c.den for c in parts], axis=0))
        for name, parts in sums.items()
    ]


def _writer_side(benchmark: BenchmarkData, rubrics: WriterRubrics, arm: str, scored: Scored) -> WriterSide:
    data = next(c for k, c in benchmark.cells.items() if k.arm == arm and k.writer == rubrics.name)
    return writer_side_of(benchmark, rubrics, arm, data.replicates, scored.outcome.shape[2] // len(data.replicates))


def _voted(writer: Scored, none_cell: Scored, facts: Facts) -> Column:
    """What writer and judge decide together, all their verdicts on an item counted; a split vote counts half."""
    label = facts.label[:, None, None]
    margin = np.zeros(len(facts.label))
    for scored in (writer, none_cell):
        right = ((scored.outcome == label) & scored.counts).sum(axis=(1, 2))
        wrong = (scored.chosen & scored.counts & (scored.outcome != label)).sum(axis=(1, 2))
        margin += (right - wrong) / np.maximum(scored.counts.sum(axis=(1, 2)), 1)
    members = (writer.den > 0) & (none_cell.den > 0)
    return Column(
        "writer_plus_none", ((margin > 1e-9) + 0.5 * (np.abs(margin) <= 1e-9)) * members, members.astype(float)
    )


def _leaks(benchmark: BenchmarkData, rubrics: WriterRubrics) -> Leaks:
    nothing = np.zeros(len(benchmark.items), dtype=bool)
    leaks = Leaks(nothing, nothing.copy())
    for i, item in enumerate(benchmark.items):
        item_rubrics = {rubric.uid: rubric for o in ORDERS for rubric in rubrics.of(item.uid, o)}.values()
        leaks.with_rubric[i] = bool(item_rubrics)
        leaks.free[i] = bool(item_rubrics) and not any(leaks_of(rubric, item) for rubric in item_rubrics)
    return leaks


def _with_intervals(columns: list[Column], cluster: Ints, one_order: bool) -> dict[str, Metric]:
    """The columns as metrics by name, with the means of several (`same`, `cross`, `headline`) and `leak`, same minus cross."""
    drawn = statistics.resampled(columns, cluster)
    ends = statistics.intervals(drawn)
    metrics = {c.name: Metric(c.name, c.k, c.n, c.value, *ends.at(i)) for i, c in enumerate(columns) if c.n}
    column_index = {c.name: i for i, c in enumerate(columns)}

    def mean(name: str, plus: Sequence[str], minus: Sequence[str] = ()) -> None:
        if all(p in metrics for p in (*plus, *minus)):
            # A mean of means, not pooled: both orders weigh the same, however many trials they have.
            signs = [(p, 1 / len(plus)) for p in plus] + [(m, -1 / len(minus)) for m in minus]
            value = math.fsum(s * metrics[p].value for p, s in signs)
            spread: Floats = np.sum([s * drawn[:, column_index[p]] for p, s in signs], axis=0)
            metrics[name] = Metric(name, value, 1, value, *statistics.interval(spread))

    in_same = [n for n in ("a_AB_AB", "a_BA_BA") if n in metrics]
    in_cross = [n for n in ("a_AB_BA", "a_BA_AB") if n in metrics]
    if in_same and (one_order or len(in_same) == 2):
        mean("same", in_same)
    if in_cross and (one_order or len(in_cross) == 2):
        mean("cross", in_cross)
    if "same" in metrics and "cross" in metrics:
        mean("headline", [*in_same, *in_cross])
        mean("leak", in_same, in_cross)
    return metrics
