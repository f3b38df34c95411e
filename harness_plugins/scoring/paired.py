"""Differences item by item, tested and bounded by the statistics of docs/statistics.md: one contrast for each."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from harness_plugins.scoring import statistics
from harness_plugins.scoring.cells import Contrast
from harness_plugins.scoring.statistics import Floats, Ints

K = TypeVar("K", bound=Hashable)


def contrasts(differences: Mapping[K, Floats], cluster: Ints) -> dict[K, Contrast | None]:
    """A contrast for each difference, all of them over the same resamples; None where no item has one.

    Args:
        differences: (items,) each, NaN where an item has none.
        cluster: (items,) the cluster of each item.
    """
    contrast_by_key: dict[K, Contrast | None] = dict.fromkeys(differences)
    with_value = {k: ~np.isnan(d) for k, d in differences.items()}
    testable = [k for k in differences if with_value[k].any()]
    if not testable:
        return contrast_by_key
    count = int(cluster.max()) + 1
    values = np.stack([np.where(with_value[k], differences[k], 0.0) for k in testable], axis=1)
    counts = np.stack([with_value[k].astype(float) for k in testable], axis=1)
    sums, ns = (statistics.by_cluster(x, cluster, count) for x in (values, counts))
    ends = statistics.intervals(statistics.bootstrap(sums, ns))
    p, error = statistics.sign_flip(sums), statistics.standard_error(sums, ns)
    for i, key in enumerate(testable):
        n, total = int(counts[:, i].sum()), float(values[:, i].sum())
        # 2.8 = 1.96 + 0.84: a true difference of this size comes out at p < .05 in 80 of 100 such experiments.
        smallest = 2.8 * float(error[i]) if error[i] > 1e-12 else math.nan  # all alike: nothing is known of the spread
        differs = bool(values[:, i].any())
        contrast_by_key[key] = Contrast(
            str(key), n, total, total / n, *ends.at(i), float(p[i]), smallest, differs=differs, of=len(cluster)
        )
    return contrast_by_key


def mean(differences: Sequence[Floats] | Floats) -> Floats:
    """Over judges (or writers), item by item: NaN where one of them has none."""
    answer: Floats = np.mean(differences, axis=0)
    answer[np.abs(answer) < 1e-12] = 0.0  # thirds that cancel are 0, not a rounding error
    return answer


def split(contrast: Contrast, value: Floats, content: Floats) -> None:
    """Split a difference into content and order, over the items of which the content is known.

    Args:
        value: (items,) the difference.
        content: (items,) the gain in acc_agg (docs/design/content-and-order.md), NaN where it is not known.
    """
    members = ~np.isnan(value) & ~np.isnan(content)
    if members.any():
        contrast.content_n, contrast.content = int(members.sum()), float(content[members].mean())
        contrast.order = float(value[members].mean()) - contrast.content


def set_by_ratio(contrast: Contrast | None, twin: Contrast | None) -> None:
    """Give a contrast its twin by ratio, where answers of low mass change it."""
    if contrast is not None and twin is not None and _numbers(contrast) != _numbers(twin):
        contrast.by_ratio = twin


def _numbers(contrast: Contrast) -> tuple[float, ...]:
    return contrast.total, contrast.low, contrast.high, contrast.p


def adjust(family: Sequence[Contrast]) -> None:
    """Holm over contrasts that are tested together, as they are and by ratio."""
    by_ratio = statistics.holm([(c.by_ratio or c).p for c in family])
    for contrast, p, p_by_ratio in zip(family, statistics.holm([c.p for c in family]), by_ratio, strict=True):
        contrast.p_holm = p
        if contrast.by_ratio is not None:
            contrast.by_ratio.p_holm = p_by_ratio
