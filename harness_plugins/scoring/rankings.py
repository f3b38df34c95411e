"""Items with three candidates or more, ranked or scored: how far the judge's whole ranking agrees with the label's.

Accuracy is of the top alone; these are over all pairs of candidates that the label ranks differently.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from harness_plugins.scoring.metrics import Facts, Scored
from harness_plugins.scoring.statistics import Column


def columns(scored: Scored, facts: Facts) -> list[Column]:
    """pair_accuracy: of the pairs that the label orders, those that the judge orders likewise (a tie is not right).
    kendall_tau: concordant minus discordant pairs, by the label's. Means over an item's trials that count; none for pairs of
    candidates, for which accuracy says the same."""
    ranked = ~np.isnan(facts.ranks).all(axis=1) & (facts.candidates > 2)
    if scored.ranks is None or not ranked.any():
        return []
    right, wrong, pairs = (np.zeros(scored.outcome.shape) for _ in range(3))
    ranks = scored.ranks
    for a, b in combinations(range(facts.ranks.shape[1]), 2):
        label_sign = np.nan_to_num(np.sign(facts.ranks[:, a] - facts.ranks[:, b]))[:, None, None]
        judge_sign = np.nan_to_num(np.sign(ranks[..., a] - ranks[..., b]))
        right += (label_sign != 0) & (judge_sign == label_sign)
        wrong += (label_sign != 0) & (judge_sign == -label_sign)
        pairs += label_sign != 0
    eligible = scored.counts & (ranked & scored.complete)[:, None, None]
    trials = np.maximum(eligible.sum(axis=(1, 2)), 1)
    weight = (ranked & scored.complete & eligible.any(axis=(1, 2))).astype(float)

    def mean(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Column:
        share = np.where(eligible, values / np.maximum(pairs, 1), 0.0).sum(axis=(1, 2)) / trials
        return Column("", share * weight, weight)

    return [
        Column("pair_accuracy", mean(right).num, weight),
        Column("kendall_tau", mean(right).num - mean(wrong).num, weight),
    ]
