"""Metrics of other packages. A package names a module of its own, and its metric is in `score --json`, in the table of
accuracy and in harnesses, with an interval like ours:

    # pyproject.toml; the name on the left is the metric's
    [project.entry-points."rubric_harness.metrics"]
    right_without_ties = "my_package.right_without_ties"

    # my_package/right_without_ties.py
    \"\"\"Accuracy on the items that were decided in every order.\"\"\"
    import numpy as np
    from harness_plugins.scoring.metrics import is_right
    from harness_plugins.scoring.metric_kinds import MetricKind

    METRIC = MetricKind("right_without_ties", "no ties", "share", "higher", "Accuracy on the items that were decided in every order.")

    def scores(benchmark, scored, facts):
        right = is_right(scored.outcome, facts.label[:, None, None]).mean(axis=(1, 2))
        decided = scored.chosen.all(axis=(1, 2))
        return np.where(decided & scored.complete, right, np.nan)

`scores` is called for each cell (a judge under an arm) under the protocol `strict`, and returns a number an item, NaN where the item
has none; or `Weighted` numbers. `benchmark.items` are the items in the order of all arrays, `scored.outcome` (items, orders, draws) the
candidate that was picked (0, 1, ...) or a code of `harness_plugins.scoring.arrays` (TIE, UNPARSED, ERROR, ...), `scored.counts` the
trials that count, `facts.label` the preferred candidate. The metric's value is the mean; clusters and bootstrap are ours.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from evaluators.errors import UserError
from harness_plugins.scoring.arrays import BenchmarkData
from harness_plugins.scoring.metric_kinds import Extension, extensions
from harness_plugins.scoring.metrics import Facts, Scored
from harness_plugins.scoring.statistics import Column, Floats


class Weighted(NamedTuple):
    """What `scores` returns where items count differently; the value is sum(weights * scores) / sum(weights)."""

    scores: Floats
    """(items,), NaN where an item has none."""
    weights: Floats
    """(items,), not negative."""


def columns(benchmark: BenchmarkData, scored: Scored, facts: Facts) -> list[Column]:
    """One for each metric of another package.

    Raises:
        UserError: one cannot be loaded, fails, or returns something else than its numbers.
    """
    return [_column(extension, benchmark, scored, facts) for extension in extensions()]


def _column(extension: Extension, benchmark: BenchmarkData, scored: Scored, facts: Facts) -> Column:
    try:
        scores, weights = _checked(extension.scores(benchmark, scored, facts), len(benchmark.items))
    except Exception as e:  # another package's function may raise anything
        raise UserError(
            f"the metric {extension.kind.name!r} of the package {extension.package} fails on {benchmark.name}: "
            f"{type(e).__name__}: {e}; update that package or uninstall it"
        ) from e
    weights = np.where(np.isnan(scores), 0.0, weights)
    return Column(extension.kind.name, np.nan_to_num(scores) * weights, weights)


def _checked(answer: Any, items: int) -> Weighted:
    scores, weights = answer if isinstance(answer, Weighted) else (answer, np.ones(items))
    weighted = Weighted(np.asarray(scores, dtype=float), np.asarray(weights, dtype=float))
    for name, values in weighted._asdict().items():
        if values.shape != (items,):
            raise ValueError(f"its {name} have the shape {values.shape}, not {(items,)}: one number an item")
    if np.isinf(weighted.scores).any() or not (np.isfinite(weighted.weights) & (weighted.weights >= 0)).all():
        raise ValueError("scores are finite or NaN, weights finite and not negative")
    return weighted
