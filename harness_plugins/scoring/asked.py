"""The same model asked in several ways: pairwise or listwise or pointwise, holistically or by criterion, with ties or without.

Which is better is a table: each way minus the first that the config names, item by item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness_plugins.scoring import statistics
from harness_plugins.scoring.metrics import Scored
from harness_plugins.scoring.read import Bools, CellKey, RunData
from harness_plugins.scoring.report import CellReport, Contrast, Metric
from harness_plugins.scoring.statistics import Floats, Ints


@dataclass(frozen=True)
class Ways:
    """One model's ways of being asked, over one arm."""

    benchmark: str
    model: str
    arm: str
    writer: str | None
    judges: tuple[str, ...]
    """The reference first."""
    accuracy: tuple[Metric, ...]
    difference: tuple[Contrast | None, ...]
    """From the first; None for itself."""


def ways(
    run: RunData, benchmark: str, cells: Sequence[CellReport], scored: dict[CellKey, Scored], cluster: Ints
) -> list[Ways]:
    """One for each model, arm and writer that at least two of its judges completed."""
    groups: dict[tuple[str, str, str | None], list[CellReport]] = {}
    for cell in cells:
        key = run.judge(cell.judge).get("key", {})
        if cell.complete and not cell.baseline and not cell.computed and key.get("model"):
            groups.setdefault((str(key["model"]), cell.arm, cell.writer), []).append(cell)
    found = []
    for (model, arm, writer), members in groups.items():
        if len({m.grading for m in members}) > 1:
            one, *others = (scored[CellKey(m.judge, arm, writer)] for m in members)
            differences = [_difference(members[0].judge, other, one, cluster) for other in others]
            accuracy = tuple(m.metrics["accuracy"] for m in members)
            judges = tuple(m.judge for m in members)
            found.append(Ways(benchmark, model, arm, writer, judges, accuracy, (None, *differences)))
    return found


def _difference(reference: str, one: Scored, other: Scored, cluster: Ints) -> Contrast | None:
    shared = (one.den > 0) & (other.den > 0)
    (found,) = differences([one.score - other.score], [shared], cluster)
    return None if found is None else replace(found, reference=reference)


def differences(gains: Sequence[Floats], shared: Sequence[Bools], cluster: Ints) -> list[Contrast | None]:
    """Means of item differences, with cluster bootstrap and sign-flip, all over the same resamples.

    Args:
        gains, shared: for each comparison (items,); `gains` is looked at where `shared`. None without a shared item.
    """
    count = int(cluster.max()) + 1
    among = np.stack(shared, axis=1).astype(float)
    values = np.where(among > 0, np.stack(gains, axis=1), 0.0)
    sums, ns = (statistics.by_cluster(x, cluster, count) for x in (values, among))
    low, high = statistics.interval(statistics.bootstrap(sums, ns))
    p, error = statistics.sign_flip(sums), statistics.standard_error(sums, ns)
    found: list[Contrast | None] = []
    for i, (n, total) in enumerate(zip(among.sum(axis=0).astype(int), values.sum(axis=0), strict=True)):
        bounds = (float(low[i]), float(high[i]), float(p[i]), 2.8 * float(error[i]))
        found.append(Contrast("", int(n), float(total), float(total) / int(n), *bounds) if n else None)
    return found
