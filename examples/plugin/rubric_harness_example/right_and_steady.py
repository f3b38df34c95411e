"""A metric: the share of items that are right among those with the same candidate picked in every order."""

from __future__ import annotations

import numpy as np

from harness_plugins.scoring.arrays import BenchmarkData
from harness_plugins.scoring.metric_kinds import MetricKind
from harness_plugins.scoring.metrics import Facts, Scored, is_right
from harness_plugins.scoring.statistics import Floats

METRIC = MetricKind(
    "right_and_steady",
    "right if steady",
    "share",
    "higher",
    "Of the items with the same candidate picked in every order, those that are right.",
)


def scores(benchmark: BenchmarkData, scored: Scored, facts: Facts) -> Floats:
    """(items,): 1 or 0, NaN where the pick changes with the order."""
    first = scored.outcome[:, :1, :1]
    steady = (scored.outcome == first).all(axis=(1, 2)) & scored.chosen.all(axis=(1, 2))
    right = is_right(first, facts.label[:, None, None]).all(axis=(1, 2))
    return np.where(steady, right, np.nan)
