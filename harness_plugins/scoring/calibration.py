"""Whether a judge's probabilities mean what they say: Brier, AUROC, selective accuracy, and ECE beside its floor.

The event is that the item's canonical candidate 0 is the preferred one: y is 1 or 0, the forecast p is P of that candidate.
Canonical orders are computed from the content, so the event says nothing about places or storage, and no number here but `auroc`
changes when the two candidates change names. In one order the logit of p is the mean over the item's draws (samples and
replicates); averaged, it is the mean over both orders, c of docs/design/content-and-order.md. Right is p on the side of y,
half where p = 1/2; confidence is max(p, 1 - p).

- brier: mean of (p - y)^2 (Brier 1950). 0.25 is what 1/2 everywhere gets.
- auroc: P(p of an item with y = 1 > p of one with y = 0), ties half: does p show which candidate is preferred?
- auroc_confidence: P(confidence of a right item > that of a wrong one), ties half: does confidence separate right from wrong?
- selective@c: accuracy of the c % most confident items (Geifman & El-Yaniv 2017); tied items share what is left of them.
- ece: expected calibration error over ten bins of equal mass (Guo et al. 2017 has equal width). It is above zero for a perfect
  forecaster too, and more so the fewer the items: so it is printed beside its floor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness_plugins.scoring import statistics
from harness_plugins.scoring.arrays import CellKey
from harness_plugins.scoring.cells import CellReport, Metric, json_numbers
from harness_plugins.scoring.metrics import Facts, Scored, Scores, is_pick
from harness_plugins.scoring.statistics import Column, Floats, Ints

BINS = 10
COVERAGES = (100, 80, 50)
"""Percents for which selective accuracy is a metric; the curve has every twentieth part."""
SIMULATIONS = 1000
ONE_BY_ONE, PARTS = 200, 32
"""Up to so many items of a bin are simulated one by one; of more, neighbours in confidence share a probability, in so many parts."""
EXACT_UP_TO = 250_000
"""Items times clusters up to which AUROC is computed again in each resample; beyond, its placements are resampled."""
BUNDLES = 2000
"""Of more clusters than this, so many random bundles of them are resampled: the interval is the same up to chance, at a small
part of the cost."""

Order = Literal["AB", "BA", "averaged"]


@dataclass(frozen=True)
class Bin:
    """One of ten bins of equal mass by confidence, from least to most."""

    confidence: float
    accuracy: float
    n: int


class Binned(NamedTuple):
    """Items by confidence, and how far accuracy and confidence of their bins are apart."""

    bins: tuple[Bin, ...]
    """Those that hold anything."""
    ece: float


class EceFloor(NamedTuple):
    """The ECE that chance alone would give."""

    mean: float
    percentile_95: float


@dataclass(frozen=True)
class Calibration:
    """One cell's probabilities, in one order or averaged over both on the scale of log-odds."""

    benchmark: str
    judge: str
    writer: str | None
    arm: str
    order: Order
    n: int
    metrics: dict[str, Metric]
    """brier, auroc, auroc_confidence, selective@100, selective@80, selective@50, with intervals over clusters; and ece, which has
    none: resampling adds noise of its own to every bin, so that the interval would be above the number. NaN where there is
    no such number: one class alone, or nothing wrong."""
    ece_floor: EceFloor
    """Of the ECE that a perfectly calibrated judge would show with these confidences at this n."""
    bins: tuple[Bin, ...]
    selective: tuple[tuple[float, float], ...]
    """(coverage, accuracy) of the most confident items, from few to all."""
    of: int = 0
    """Labelled items that were judged in this order (or in both): of the others some probability is not known."""

    def objects(self, protocol: str) -> list[dict[str, Any]]:
        """Flat objects, as `Report.objects` has them; that of the ECE, the last metric, holds its floor and its bins."""
        whose = {"benchmark": self.benchmark, "judge": self.judge, "writer": self.writer, "arm": self.arm}
        base = {**whose, "order": self.order, "protocol": protocol, "of": self.of}
        objects: list[dict[str, Any]] = []

        def add(name: str, values: dict[str, float], **more: Any) -> None:
            objects.append({**base, "metric": f"calibration_{name}[{self.order}]", **json_numbers(values), **more})

        for m in self.metrics.values():
            add(m.name, {"k": m.k, "n": m.n, "value": m.value, "low": m.low, "high": m.high})
        mean, above = self.ece_floor
        objects[-1] |= json_numbers({"floor_mean": mean, "floor_95": above})
        objects[-1]["bins"] = [
            json_numbers({"confidence": b.confidence, "accuracy": b.accuracy, "n": b.n}) for b in self.bins
        ]
        add("ece_floor_mean", {"n": self.n, "value": mean})
        add("ece_floor_95", {"n": self.n, "value": above})
        return objects


class Forecast(NamedTuple):
    """The items of one cell and order of which p is known."""

    cell: CellReport
    order: Order
    of: int
    items: Ints
    """Their indices among the benchmark's items."""
    p: Floats
    y: Floats

    @property
    def right(self) -> Floats:
        answer: Floats = np.where(self.p == 0.5, 0.5, (self.p > 0.5) == (self.y == 1))
        return answer

    @property
    def confidence(self) -> Floats:
        answer: Floats = np.maximum(self.p, 1 - self.p)
        return answer


def calibrations(cells: Sequence[CellReport], scores: Scores) -> list[Calibration]:
    """One for each complete cell of pairs with probabilities and each order, and one for both orders together."""
    forecasts = [
        forecast
        for c in cells
        if c.complete and not c.computed
        for forecast in _forecasts(c, scores.by_key[CellKey(c.judge, c.arm, c.writer)], scores.facts)
    ]
    metrics = _with_intervals(forecasts, scores.benchmark.cluster)
    return [_calibration(f, metrics_of) for f, metrics_of in zip(forecasts, metrics, strict=True)]


def logits(scored: Scored) -> Floats:
    """(items, 2): logit of P(canonical candidate 0) in AB and BA, the mean over draws; NaN where one of them is not known."""
    assert scored.p is not None
    inside = np.clip(scored.p, 1e-12, 1 - 1e-12)
    logit = np.where(scored.counts, np.log(inside / (1 - inside)), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        answer: Floats = logit.sum(axis=2) / scored.counts.sum(axis=2)
    return answer


def _forecasts(cell: CellReport, scored: Scored, facts: Facts) -> list[Forecast]:
    if scored.p is None or not scored.pairs or np.isnan(scored.p).all():
        return []
    by_order, judged = logits(scored), scored.counts.any(axis=2) & (scored.complete & is_pick(facts.label))[:, None]
    forecasts = []
    sides: list[tuple[Order, Floats, Any]] = [
        ("AB", by_order[:, 0], judged[:, 0]),
        ("BA", by_order[:, 1], judged[:, 1]),
        ("averaged", by_order.mean(axis=1), judged.all(axis=1)),
    ]
    for order, logit, eligible in sides:
        items = np.flatnonzero(eligible & ~np.isnan(logit))
        if len(items):
            # Rounded, so that opposite orders cancel to 1/2 and not to a rounding error.
            p = 1 / (1 + np.exp(-logit[items].round(9)))
            forecasts.append(
                Forecast(cell, order, int(eligible.sum()), items, p, (facts.label[items] == 0).astype(float))
            )
    return forecasts


def _calibration(f: Forecast, metrics: dict[str, Metric]) -> Calibration:
    """A forecast's bins, ECE and accuracy-coverage curve beside the metrics that have intervals."""
    n = len(f.p)
    sure = levels(f.confidence)
    bins, ece = binned(f.confidence, f.right, sure)
    metrics["ece"] = Metric("ece", ece * n, n, ece, math.nan, math.nan)
    steps = np.arange(1, 21) / 20
    by_level = np.bincount(sure.level, f.right)[::-1]
    reached = np.concatenate([[0], np.cumsum(sure.counts[::-1])])
    right = np.interp(steps * n, reached, np.concatenate([[0], np.cumsum(by_level)]))  # level ones share what is left
    curve = tuple(
        (float(coverage), float(right_count / (coverage * n)))
        for coverage, right_count in zip(steps, right, strict=True)
    )
    whose = (f.cell.benchmark, f.cell.judge, f.cell.writer, f.cell.arm, f.order, n)
    return Calibration(*whose, metrics, ece_floor(f.confidence, sure), bins, curve, f.of)


class Levels(NamedTuple):
    """Values as ranks, equal ones on one level."""

    level: Ints
    """(items,): the level of each, from the least."""
    counts: Ints
    """(levels,)"""


def levels(values: Floats) -> Levels:
    """The level of each value, and how many values are on each level."""
    _, level, counts = np.unique(values, return_inverse=True, return_counts=True)
    return Levels(level, counts)


class Placements(NamedTuple):
    """DeLong et al. (1988): AUROC is the positives' mean of `above`, and the negatives' mean of `below`."""

    above: Floats
    """(items,): the share of negatives that the item is above, level ones half."""
    below: Floats
    """(items,): the share of positives that it is below."""


def placements(score: Floats, positive: Floats, negative: Floats) -> Placements:
    level = levels(score).level
    shares_below = []
    for weights in (negative, positive):
        by_level = np.bincount(level, weights)
        under = (np.cumsum(by_level) - by_level / 2)[level]
        # With nothing of one kind this is 0 / 0. What it says then is not used: `auroc` is NaN.
        shares_below.append(under / max(float(by_level.sum()), 1e-300))
    return Placements(shares_below[0], 1 - shares_below[1])


def auroc(score: Floats, positive: Floats, negative: Floats) -> float:
    """P(score of a positive > score of a negative), ties half (mid-ranks); each item is as much of either as its weights say.

    The Mann-Whitney U statistic over all pairs. NaN where there is nothing of one kind.
    """
    if not positive.any() or not negative.any():
        return math.nan
    return float(positive @ placements(score, positive, negative).above / positive.sum())


def most_confident(sure: Levels, coverage: float) -> Floats:
    """The weight of each item in the most confident part; items level at its edge share what is left of it."""
    above = sure.counts.sum() - np.cumsum(sure.counts)
    answer: Floats = np.clip((coverage * sure.counts.sum() - above) / sure.counts, 0, 1)[sure.level]
    return answer


def bin_of(sure: Levels) -> Ints:
    """The bin of each item: ten of equal mass, fewer for fewer items. Equal confidences are never parted, so that the order of
    the rows plays no part; bins are then as equal as that allows."""
    n = int(sure.counts.sum())
    middle = np.cumsum(sure.counts) - sure.counts / 2
    answer: Ints = (middle * min(BINS, n) / n).astype(np.int64)[sure.level]
    return answer


def binned(confidence: Floats, right: Floats, sure: Levels) -> Binned:
    """The bins, and the ECE: the mean over items of |accuracy - confidence| of their bin."""
    item_bin = bin_of(sure)
    n = np.bincount(item_bin, minlength=BINS)
    sums = [np.bincount(item_bin, x, minlength=BINS) for x in (confidence, right)]
    bins = tuple(
        Bin(float(sure_sum / size), float(right_sum / size), int(size))
        for sure_sum, right_sum, size in zip(*sums, n, strict=True)
        if size
    )
    return Binned(bins, float(np.abs(sums[1] - sums[0]).sum() / len(confidence)))


def ece_floor(confidence: Floats, sure: Levels, seed: int = statistics.SEED) -> EceFloor:
    """Of the ECE where each item is right with exactly the probability that is its confidence."""
    item_bin = bin_of(sure)
    rng = np.random.default_rng(seed)
    gaps = np.zeros(SIMULATIONS)
    for bin_number in np.unique(item_bin):
        inside = np.sort(confidence[item_bin == bin_number])
        inside = inside[inside > 0.5]  # at 1/2 an item counts half, whatever the label
        if len(inside) <= ONE_BY_ONE:
            drawn = (rng.random((SIMULATIONS, len(inside)), dtype=np.float32) < inside).sum(axis=1)
        else:
            parts = np.array_split(inside, PARTS)
            sizes, means = np.array([len(x) for x in parts]), np.array([x.mean() for x in parts])
            drawn = rng.binomial(sizes, np.minimum(means, 1.0), size=(SIMULATIONS, PARTS)).sum(axis=1)
        gaps += np.abs(drawn - inside.sum())
    gaps /= len(confidence)
    return EceFloor(float(gaps.mean()), float(np.percentile(gaps, 95)))


def _with_intervals(forecasts: Sequence[Forecast], cluster: Ints) -> list[dict[str, Metric]]:
    """The metrics of every forecast but the ECE, all under the same resamples."""
    if not forecasts:
        return []
    cluster = _bundled(cluster)
    count = int(cluster.max()) + 1
    exact = [n for n, f in enumerate(forecasts) if len(f.p) * count <= EXACT_UP_TO]
    columns = {(n, c.name): c for n, f in enumerate(forecasts) for c in _columns(f, n not in exact)}
    drawn = statistics.resampled(list(columns.values()), cluster)
    ends = statistics.intervals(drawn)
    metrics: list[dict[str, Metric]] = [{} for _ in forecasts]
    column_index = {key: i for i, key in enumerate(columns)}
    for (n, name), c in columns.items():
        # Columns with + and - are the two halves of an AUROC, and no metrics by themselves.
        if name[-1] not in "+-":
            metrics[n][name] = Metric(name, round(c.k, 9), round(c.n, 9), c.value, *ends.at(column_index[n, name]))
    draws = _draws([cluster[forecasts[n].items] for n in exact], count)
    for n, f in enumerate(forecasts):
        for name, contest in _contests(f).items():
            value = auroc(*contest)
            if n in exact:
                spread = _resampled(contest, cluster[f.items], draws)
            else:
                # The mean placement of either kind is the AUROC; its deviation is their sum (DeLong et al. 1988).
                spread = drawn[:, column_index[n, f"{name}+"]] + drawn[:, column_index[n, f"{name}-"]] - value
            interval = statistics.interval(np.clip(spread, 0, 1))
            metrics[n][name] = Metric(name, value * len(f.p), len(f.p), value, *interval)
    return metrics


def _bundled(cluster: Ints) -> Ints:
    count = int(cluster.max()) + 1
    if count <= BUNDLES:
        return cluster
    answer: Ints = np.random.default_rng(statistics.SEED).permutation(count)[cluster] % BUNDLES
    return answer


def _columns(f: Forecast, with_placements: bool) -> Iterator[Column]:
    yield Column("brier", (f.p - f.y) ** 2, np.ones(len(f.p)), f.items)
    sure = levels(f.confidence)
    for percent in COVERAGES:
        weight = most_confident(sure, percent / 100)
        yield Column(f"selective@{percent}", f.right * weight, weight, f.items)
    for name, contest in _contests(f).items() if with_placements else ():
        above, below = placements(*contest)
        yield Column(f"{name}+", above * contest.positive, contest.positive, f.items)
        yield Column(f"{name}-", below * contest.negative, contest.negative, f.items)


class Contest(NamedTuple):
    """What an AUROC is of, (items,) each."""

    score: Floats
    positive: Floats
    """The item's weight as a positive."""
    negative: Floats


def _contests(f: Forecast) -> dict[str, Contest]:
    return {
        "auroc": Contest(f.p, f.y, 1 - f.y),
        "auroc_confidence": Contest(f.confidence, f.right, 1 - f.right),
    }


class Draws(NamedTuple):
    """How often clusters were drawn in each of the resamples that all metrics share."""

    row: Ints
    """(clusters,): the row of each cluster that is used."""
    times: NDArray[np.float32]
    """(rows, resamples)."""


def _draws(clusters: Sequence[Ints], count: int) -> Draws:
    """Args:
    clusters: the clusters of the items of each forecast that is resampled.
    count: of all clusters.
    """
    used = np.unique(np.concatenate(clusters)) if clusters else np.zeros(0, dtype=np.int64)
    indicator = np.zeros((count, len(used)))
    indicator[used, np.arange(len(used))] = 1
    # A resample draws `count` clusters, so these denominators sum to 1: each value says how often a cluster was drawn.
    drawn = statistics.bootstrap(indicator, np.full(indicator.shape, 1 / count))
    row = np.zeros(count, dtype=np.int64)
    row[used] = np.arange(len(used))
    return Draws(row, np.ascontiguousarray(np.rint(drawn).T, dtype=np.float32))


def _resampled(contest: Contest, cluster: Ints, draws: Draws) -> Floats:
    """AUROC in each resample: every item weighs as often as its cluster was drawn. Sums of so few halves are exact in single
    precision."""
    order = np.argsort(contest.score, kind="stable")
    _, first, size = np.unique(contest.score[order], return_index=True, return_counts=True)
    drawn = draws.times[draws.row[cluster[order]]]  # (items, resamples), in the order of their scores
    sides = (contest.positive, contest.negative)
    won, lost = (drawn * side[order].astype(np.float32)[:, None] for side in sides)
    below = np.zeros((len(order) + 1, drawn.shape[1]), dtype=np.float32)
    np.cumsum(lost, axis=0, out=below[1:])
    both = below[np.repeat(first, size)] + below[np.repeat(first + size, size)]
    both *= won  # a positive beats all negatives below it, and half of its equals
    with np.errstate(invalid="ignore", divide="ignore"):
        answer: Floats = both.sum(axis=0, dtype=np.float64) / (2.0 * won.sum(axis=0) * below[-1])
    return answer
