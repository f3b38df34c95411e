"""What a decision costs, beside how good it is: arms and votes on one axis of tokens or money (docs/design/equal-cost.md).

An item's cost is what its decision takes alone: every call of the arm in all orders, one sample each, at full price, as if nothing
had been asked beside it (no shared call, no hit in a prefix cache). The writer's share is C_writer / m: what the rubrics that the
arm reads took to write, over the m calls that read them, all models that judge under this arm and all orders counted, samples
and replicates once. An item without a rubric costs what `none` costs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from evaluators.rubrics.arms import ARMS
from harness_plugins.config.prices import Prices
from harness_plugins.folder.usage import Decided, model_of
from harness_plugins.scoring import paired, votes
from harness_plugins.scoring.arrays import BenchmarkData, CellKey, RunData
from harness_plugins.scoring.cells import CellReport, Contrast, Metric, json_numbers
from harness_plugins.scoring.metric_kinds import metric_kind
from harness_plugins.scoring.metrics import Scores
from harness_plugins.scoring.statistics import Floats

Axis = Literal["money", "compute", "tokens"]


class Tokens(NamedTuple):
    """What a model read and wrote; NaN: not known."""

    model: str
    read: float
    written: float

    def worth(self, axis: Axis, prices: Prices | None) -> float:
        """On an axis; NaN where that is not known."""
        if axis == "tokens" or self.read == self.written == 0.0:
            return self.read + self.written
        if axis == "compute":
            size = prices.parameters_b(self.model) if prices else None
            return math.nan if size is None else size * (self.read + self.written)
        rates = prices.rates(self.model) if prices else None
        return math.nan if rates is None else self.read * rates.read + self.written * rates.written


VOTES = metric_kind("vote@{k}")


@dataclass(frozen=True)
class CostPoint:
    """One way to decide an item: an arm with all its orders, or a vote of k samples without a rubric. NaN: not known."""

    benchmark: str
    judge: str
    writer: str | None
    arm: str
    votes: int | None
    """k of vote@k; None for the arm as judged."""
    calls: float
    """The judge's requests, an item."""
    read: float
    written: float
    """The judge's tokens, an item."""
    writer_read: float
    writer_written: float
    """The rubric's share, C_writer / m: its tokens over all decisions that it serves."""
    money: float | None
    """An item, both shares together; None without prices."""
    accuracy: Metric
    frontier: bool
    """No other point of this judge is at least as accurate for less."""
    model: str = ""
    writer_model: str = ""
    axis: Axis = "tokens"
    """What `cost` is, the finest that is known of all points of the judge: money, billions of parameters times tokens, tokens."""
    cost: float = math.nan
    """An item, both shares together."""
    judge_cost: float = math.nan
    """Without the writer's share."""
    with_usage: int = 0
    """Calls of the cell whose answers report their tokens."""
    all_calls: int = 0
    """All calls of the cell."""

    @property
    def tokens(self) -> Tokens:
        """The judge's, an item."""
        return Tokens(self.model, self.read, self.written)

    @property
    def writer_tokens(self) -> Tokens:
        """The rubric's share, an item."""
        return Tokens(self.writer_model, self.writer_read, self.writer_written)

    def on(self, axis: Axis, prices: Prices | None) -> float:
        """What an item costs, both shares together."""
        return self.tokens.worth(axis, prices) + self.writer_tokens.worth(axis, prices)

    def objects(self, protocol: str, currency: str | None) -> Iterator[dict[str, Any]]:
        """What a decision costs, as one flat object."""
        vote = "" if self.votes is None else f"[vote@{self.votes}]"
        base: dict[str, Any] = {
            "benchmark": self.benchmark,
            "judge": self.judge,
            "writer": self.writer,
            "arm": self.arm,
        }
        base |= {"votes": self.votes, "protocol": protocol, "metric": f"cost_{self.axis}{vote}", "currency": currency}
        base |= {"frontier": self.frontier, "calls_told": self.with_usage, "calls_all": self.all_calls}
        fields = ("calls", "read", "written", "writer_read", "writer_written", "judge_cost")
        numbers = {"value": self.cost, "accuracy": self.accuracy.value, **{f: getattr(self, f) for f in fields}}
        yield {**base, **json_numbers(numbers)}


@dataclass(frozen=True)
class Bought:
    """What the same judge does with votes in place of a rubric."""

    votes: int
    """k of vote@k."""
    cost: float
    accuracy: float
    """NaN where fewer samples were taken."""
    difference: Contrast | None
    """The arm minus this vote, item by item."""


@dataclass(frozen=True)
class EqualCost:
    """A rubric's arm beside votes without a rubric that cost as much."""

    point: CostPoint
    voter: str
    """The judge whose samples vote: the same one, or another of its model that is asked in the same way."""
    samples: int
    """Samples of `none` that it took in each order."""
    below: Bought | None
    """The largest vote that costs no more than the arm; None where the smallest, vote@2, costs more."""
    above: Bought | None
    """The smallest that costs no less; None where it is the same one."""
    writer_unknown: bool
    """The writer's share is not known and not counted, which favours the rubric."""


def cost_points(cells: Sequence[CellReport], scores: Scores, prices: Prices | None) -> list[CostPoint]:
    """One for every complete cell of a model, and one for every vote of its samples."""
    run, benchmark = scores.run, scores.benchmark
    points = []
    for cell in cells:
        decided = run.usage.cells.get((benchmark.name, cell.judge, cell.arm, cell.writer))
        if cell.complete and not cell.baseline and not cell.computed and decided:
            points += _of_cell(run, benchmark, cell, decided)
    return [
        point
        for judge in dict.fromkeys(p.judge for p in points)
        for point in _on_frontier(_priced([p for p in points if p.judge == judge], prices))
    ]


def _of_cell(run: RunData, benchmark: BenchmarkData, cell: CellReport, decided: Decided) -> list[CostPoint]:
    key, items = CellKey(cell.judge, cell.arm, cell.writer), len(benchmark.items)
    total = decided.a_draw()
    without = benchmark.cells[key].without_rubric
    if without is not None and without.any():
        none_key = CellKey(cell.judge, "none", None)
        decided_by_none = run.usage.cells.get((benchmark.name, *none_key))
        if decided_by_none is None:
            return []
        trials = benchmark.cells[none_key].expected.any(axis=2).sum()
        total = total + decided_by_none.a_draw() / trials * without.sum()
    calls, read, written = (float(x) / items for x in total)
    configured = model_of(run.judge(cell.judge).get("key", {}))
    share = _writers_share(run, benchmark, cell, decided)
    point = CostPoint(
        benchmark=benchmark.name,
        judge=cell.judge,
        writer=cell.writer,
        arm=cell.arm,
        votes=None,
        calls=calls,
        read=read,
        written=written,
        writer_read=share.read,
        writer_written=share.written,
        money=None,
        accuracy=cell.metrics["accuracy"],
        frontier=False,
        model=configured or next((p.model for p in run.usage.paid if p.name == cell.judge), ""),
        writer_model=share.model,
        with_usage=decided.usage.known,
        all_calls=decided.usage.calls,
    )
    by_k = {int(fields["k"]): m for name, m in cell.metrics.items() if (fields := VOTES.fields(name)) is not None}
    # vote@2 is the arm as it was judged: one sample in each order.
    return [point, *(_vote(point, k, by_k[k]) for k in sorted(by_k) if k != 2)]


def _vote(point: CostPoint, k: int, accuracy: Metric) -> CostPoint:
    """k samples, where the arm as judged takes one in each of two orders; the rubric is written once anyway."""
    n = k / 2
    return replace(
        point, votes=k, calls=point.calls * n, read=point.read * n, written=point.written * n, accuracy=accuracy
    )


def _writers_share(run: RunData, benchmark: BenchmarkData, cell: CellReport, decided: Decided) -> Tokens:
    """The writer's tokens that count for an item of this judge: C_writer / m times the calls it takes."""
    writer = run.writers.get(cell.writer) if cell.writer else None
    model = (writer and writer.model) or ""
    if cell.writer is None:
        return Tokens(model, 0.0, 0.0)
    rubrics = run.usage.rubrics_read(benchmark.name, cell.writer, cell.arm)
    if rubrics is None or not rubrics.usage.known:
        return Tokens(model, math.nan, math.nan)
    m = sum(
        d.calls_a_draw()
        for (name, _, arm, writer_name), d in run.usage.cells.items()
        if (arm, writer_name) == (cell.arm, cell.writer) and (rubrics.all_benchmarks or name == benchmark.name)
    )
    part = decided.calls_a_draw() / m / len(benchmark.items)
    read, written = rubrics.usage.alone()
    return Tokens(model, read * part, written * part)


def _priced(points: Sequence[CostPoint], prices: Prices | None) -> list[CostPoint]:
    """One judge's points with what they cost, on the finest axis that is known of all whose tokens are."""
    with_tokens = [p for p in points if not math.isnan(p.on("tokens", prices))] or points
    axes: tuple[Axis, ...] = ("money", "compute") if prices else ()
    tokens: Axis = "tokens"
    axis = next((a for a in axes if not any(math.isnan(p.on(a, prices)) for p in with_tokens)), tokens)
    priced = []
    for p in points:
        money = p.on("money", prices) if prices else math.nan
        p = replace(p, axis=axis, cost=p.on(axis, prices), judge_cost=p.tokens.worth(axis, prices))
        priced.append(replace(p, money=None if math.isnan(money) else money))
    return priced


def _probe(point: CostPoint) -> bool:
    return ARMS.facts(point.arm).uses_label


def _blank(point: CostPoint) -> bool:
    return ARMS.facts(point.arm).blank


def _on_frontier(points: Sequence[CostPoint]) -> list[CostPoint]:
    """Probes that see the label, and points of unknown cost, are not on the frontier and remove no other point from it."""
    eligible = [p for p in points if not math.isnan(p.cost) and not _probe(p)]

    def beaten(point: CostPoint) -> bool:
        mine = point.accuracy.value
        return any(
            (o.accuracy.value >= mine and o.cost < point.cost) or (o.accuracy.value > mine and o.cost <= point.cost)
            for o in eligible
        )

    return [replace(p, frontier=p in eligible and not beaten(p)) for p in points]


def equal_costs(points: Sequence[CostPoint], scores: Scores) -> list[EqualCost]:
    """Each arm that reads something, beside the votes of `none` that cost as much."""
    none_points = {p.judge: p for p in points if p.arm == "none" and p.votes is None}
    comparisons: list[EqualCost] = []
    gains: dict[int, Floats] = {}
    for point in (p for p in points if p.votes is None and not _blank(p) and not _probe(p)):
        voter = _voter(point.judge, none_points, scores)
        unknown = math.isnan(point.cost)
        cost = point.judge_cost if unknown else point.cost
        if (
            voter is None
            or none_points[voter].axis != point.axis
            or math.isnan(cost)
            or not none_points[voter].cost > 0
        ):
            continue
        pair = none_points[voter].cost  # vote@2: one an order
        scored = scores.by_key[CellKey(point.judge, point.arm, point.writer)]
        voters_none = CellKey(voter, "none", None)
        samples = scores.benchmark.cells[voters_none].samples
        sizes = [math.floor(cost / pair + 1e-9), math.ceil(cost / pair - 1e-9)]
        bought: list[Bought | None] = []
        for n in dict.fromkeys(sizes):
            if 0 < n <= samples:
                column = votes.vote(scores.by_key[voters_none], scores.facts, samples, n)
                gains[len(gains)] = np.where(column.den > 0, scored.score - column.num, np.nan)
                bought.append(Bought(2 * n, n * pair, column.value, None))
            else:
                bought.append(Bought(2 * n, n * pair, math.nan, None) if n else None)
        comparisons.append(EqualCost(point, voter, samples, bought[0], (*bought, None)[1], unknown))
    if not gains:
        return comparisons
    return _compared(comparisons, list(paired.contrasts(gains, scores.benchmark.cluster).values()))


def _compared(comparisons: Sequence[EqualCost], contrasts: Sequence[Contrast | None]) -> list[EqualCost]:
    """With the differences, which come in the order of the votes that were taken."""
    remaining = iter(contrasts)

    def filled(bought: Bought | None) -> Bought | None:
        if bought is None or math.isnan(bought.accuracy):
            return bought
        contrast = next(remaining)
        if contrast is not None:
            contrast.reference = f"vote@{bought.votes}"
        return replace(bought, difference=contrast)

    return [replace(e, below=filled(e.below), above=filled(e.above)) for e in comparisons]


def _voter(judge: str, none_points: Mapping[str, CostPoint], scores: Scores) -> str | None:
    """The judge whose votes without a rubric are compared: itself, or one that differs from it by its name and sampling alone."""

    def way(name: str) -> object:
        """What is asked of a judge's model, and how."""
        key = scores.run.judge(name).get("key", {})
        apart = ("name", "sampling", "seed")
        return {k: v for k, v in key.items() if k not in apart} or name

    for name in sorted(none_points, key=lambda other: other != judge):
        cell = CellKey(name, "none", None)
        samples = scores.benchmark.cells[cell].samples
        if way(name) == way(judge) and votes.with_all_samples(scores.by_key[cell], samples).any():
            return name
    return None
