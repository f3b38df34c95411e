"""The statistics under every table: clusters, cluster bootstrap, cluster sign-flip, Wilson, McNemar, Holm.

The unit is the item. Items that share a group, a medium or their content tend to be right or wrong together, so they form one
cluster, and resamples and sign-flips act on clusters. One seeded set of resamples serves all cells of a benchmark.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.keys import content_of
from evaluators.records import Item
from harness_plugins.benchmarks.components import components

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RESAMPLES = 2000
FLIPS = 10_000
EXACT_UP_TO = 20
SEED = 20260311
_BLOCK = 4_000_000
"""Elements of a resampling block: bounds memory whatever the size of the benchmark."""
_DRAWN = 1 << 15
"""Draws at once in `_weights`: as many as stay in a processor's cache."""


class Interval(NamedTuple):
    """The two ends of a 95 % interval."""

    low: float
    high: float


class Intervals(NamedTuple):
    """The ends of several 95 % intervals, as arrays."""

    low: Floats
    high: Floats

    def at(self, index: int) -> Interval:
        """One of them."""
        return Interval(float(self.low[index]), float(self.high[index]))


@dataclass(frozen=True)
class Column:
    """A ratio, row by row: value = sum(num) / sum(den)."""

    name: str
    num: Floats
    den: Floats
    items: Ints | None = None
    """(rows,): the item that stands for each row, for its cluster; None where rows are the items."""

    @property
    def k(self) -> float:
        return float(self.num.sum())

    @property
    def n(self) -> float:
        return float(self.den.sum())

    @property
    def value(self) -> float:
        return self.k / self.n if self.n else math.nan


def clusters(items: Sequence[Item]) -> Ints:
    """The cluster (0, 1, ...) of each item: connected components over group, media bytes and normalised content."""
    return np.array(components(map(_ties, items)), dtype=np.int64)


def _ties(item: Item) -> Iterator[Hashable]:
    if not any(c.media for c in item.candidates):  # of generated images the prompt alone does not make two pairs one
        yield content_of(item)
    if item.group is not None:
        yield "group", item.group
    yield from (("media", f.sha256) for m in item.all_media() for f in m.files if f.sha256)


def by_cluster(values: Floats, cluster: Ints, count: int) -> Floats:
    """Sums over the items of each cluster: (items, columns) -> (clusters, columns)."""
    result = np.zeros((count, values.shape[1]))
    order = np.argsort(cluster, kind="stable")
    present, starts = np.unique(cluster[order], return_index=True)
    if len(present):
        result[present] = np.add.reduceat(values[order], starts, axis=0)
    return result


def bootstrap(num: Floats, den: Floats, *, resamples: int = RESAMPLES, seed: int = SEED) -> Floats:
    """Distribution of sum(num) / sum(den) for each column under resampling of clusters.

    Args:
        num, den: (clusters, columns). All columns see the same resamples.

    Returns:
        (resamples, columns); NaN where a resample holds none of a column's items.
    """
    count, columns = num.shape
    result = np.empty((resamples, columns))
    weights = _weights(count, resamples, seed)
    rows = max(1, _BLOCK // max(count, 1))
    both = np.concatenate([num, den], axis=1).astype(np.float32)
    first: dict[bytes, int] = {}
    # Many columns have the same denominator.
    first_equal = [first.setdefault(both[:, c].tobytes(), c) for c in range(2 * columns)]
    different = list(first.values())
    both, unique_index = both[:, different], np.searchsorted(different, first_equal)
    for start in range(0, resamples, rows):
        sums = (weights[start : start + rows].astype(np.float32) @ both).astype(np.float64)[:, unique_index]
        with np.errstate(invalid="ignore", divide="ignore"):
            result[start : start + rows] = sums[:, :columns] / sums[:, columns:]
    return result


def resampled(columns: Sequence[Column], cluster: Ints) -> Floats:
    """The value of each column under resampling of clusters, (resamples, columns); all columns see the same resamples.

    Args:
        cluster: (items,) the cluster of each item.
    """
    count = int(cluster.max()) + 1
    num, den = np.empty((count, len(columns))), np.empty((count, len(columns)))
    for n, column in enumerate(columns):
        owners = cluster if column.items is None else cluster[column.items]
        num[:, n], den[:, n] = by_cluster(np.stack([column.num, column.den], axis=1), owners, count).T
    return bootstrap(num, den)


@lru_cache(maxsize=1)
def _weights(count: int, resamples: int, seed: int) -> NDArray[np.uint8]:
    """(resamples, clusters): how often each cluster was drawn. Kept, because drawing costs more than all that follows."""
    rng = np.random.default_rng(seed)
    weights = np.empty((resamples, count), dtype=np.uint8)  # no real run draws one cluster 256 times
    rows = max(1, _DRAWN // count)
    for start in range(0, resamples, rows):
        block = weights[start : start + rows]
        drawn = rng.integers(0, count, size=block.shape, dtype=np.int32)
        drawn += count * np.arange(len(block), dtype=np.int32)[:, None]  # so that one count serves all rows
        block[:] = np.bincount(drawn.ravel(), minlength=block.size).reshape(block.shape)
    return weights


def intervals(distribution: Floats) -> Intervals:
    """The middle 95 % of each column of a bootstrap distribution (resamples, columns); NaN where a column is NaN throughout."""
    missing = np.isnan(distribution)
    without_gaps, with_gaps = ~missing.any(axis=0), missing.any(axis=0) & ~missing.all(axis=0)
    low, high = np.full(distribution.shape[1], np.nan), np.full(distribution.shape[1], np.nan)
    # nanpercentile goes column by column, which is slow: only the columns with gaps go through it.
    for columns, percentile in ((without_gaps, np.percentile), (with_gaps, np.nanpercentile)):
        if columns.any():
            low[columns], high[columns] = percentile(distribution[:, columns], [2.5, 97.5], axis=0)
    return Intervals(low, high)


def interval(distribution: Floats) -> Interval:
    """The middle 95 % of one bootstrap distribution (resamples,)."""
    return intervals(distribution[:, None]).at(0)


def sign_flip(differences: Floats, *, flips: int = FLIPS, seed: int = SEED) -> Floats:
    """Two-sided p of each column of cluster differences (clusters, columns) under flipping the sign of clusters.

    Exact where at most 20 clusters differ from zero; else by seeded draws, the observed one counted among them.
    """
    result = np.ones(differences.shape[1])
    many = []
    for column in range(differences.shape[1]):
        values = differences[:, column]
        values = values[values != 0]
        if len(values) > EXACT_UP_TO:
            many.append(column)
        elif len(values):
            result[column] = _exact_flip(values)
    if many:
        result[many] = _drawn_flip(differences[:, many], flips, seed)
    return result


def _exact_flip(values: Floats) -> float:
    sums = np.zeros(1)  # all 2^n sums of signed values, built up value by value
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return float(np.mean(np.abs(sums) >= abs(values.sum()) - 1e-9))  # equal sums differ by rounding


def _drawn_flip(differences: Floats, flips: int, seed: int) -> Floats:
    differences = differences[(differences != 0).any(axis=1)]
    count = differences.shape[0]
    total = differences.sum(axis=0)
    rng = np.random.default_rng(seed + 1)
    beyond = np.zeros(differences.shape[1])
    # It grows with the sum: under a fixed 1e-6, sums of sixths missed ties, and p was up to .0065 too small
    # (measured at 1,000 clusters).
    tolerance = 1e-6 * np.maximum(np.abs(differences).sum(axis=0), 1.0)  # of sums in single precision
    rows = max(1, _BLOCK // count)
    values = differences.astype(np.float32)
    for start in range(0, flips, rows):
        n = min(rows, flips - start)
        bits = np.unpackbits(rng.integers(0, 256, size=(n, -(-count // 8)), dtype=np.uint8), axis=1)[:, :count]
        # The sum with the other signs flipped is twice this less the whole.
        unflipped = bits.astype(np.float32) @ values
        beyond += (np.abs(2 * unflipped.astype(np.float64) - total) >= np.abs(total) - tolerance).sum(axis=0)
    # The observed signs are one of the draws, so that p is never 0 (Phipson & Smyth 2010).
    answer: Floats = (beyond + 1) / (flips + 1)
    return answer


def standard_error(differences: Floats, counts: Floats) -> Floats:
    """Cluster-robust standard error of mean item differences; columns of cluster sums and of items in each cluster."""
    n = counts.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = differences - counts * (differences.sum(axis=0) / n)
        used = (counts > 0).sum(axis=0)
        # clusters / (clusters - 1) is the correction for few clusters, as in statsmodels.
        answer: Floats = np.sqrt((centred**2).sum(axis=0) * used / (used - 1)) / n
    return answer  # NaN for a single cluster: it shows nothing of its own spread


def t_interval(values: Floats) -> Interval:
    """Student's 95 % interval of the mean of a few values, each with the same weight."""
    from scipy.special import stdtrit  # not for every import of this module

    half = stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / math.sqrt(len(values))
    return Interval(float(values.mean() - half), float(values.mean() + half))


def wilson(k: float, n: float) -> Interval:
    """Wilson's 95 % interval of a binary rate."""
    if not n:
        return Interval(math.nan, math.nan)
    z = 1.959963984540054
    p, denominator = k / n, 1 + z * z / n
    middle = (p + z * z / (2 * n)) / denominator
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / denominator
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided McNemar: a coin on the discordant items."""
    n = gained + lost
    if not n:
        return 1.0
    # By recurrence: each binomial from the start took minutes at 25,000 items.
    tail = ways = 1  # ways to lose none; each step makes those to lose one more of them
    for i in range(min(gained, lost)):
        ways = ways * (n - i) // (i + 1)
        tail += ways
    return float(min(1.0, 2 * tail / 2**n))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, in the given order."""
    adjusted = [0.0] * len(p)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = highest
    return adjusted
