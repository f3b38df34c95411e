"""Self-consistency: what a majority of k samples decides, and how large the majority is.

vote@k takes half of its k samples in each order. It is the mean over all such draws from the n samples an order that were
taken, by the hypergeometric formula (decision 15), so it has no luck of the draw in it; a split vote counts half, as a coin.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from harness_plugins.scoring.metrics import Facts, Scored
from harness_plugins.scoring.statistics import Column, Floats


@cache
def margin(right: int, wrong: int, total: int, drawn: int) -> Floats:
    """P(right - wrong = -drawn ... drawn) among `drawn` of `total` samples, of which some are right and some wrong."""
    found = np.zeros(2 * drawn + 1)
    rest = total - right - wrong
    for r in range(min(right, drawn) + 1):
        for w in range(min(wrong, drawn - r) + 1):
            ways = math.comb(right, r) * math.comb(wrong, w) * math.comb(rest, drawn - r - w)
            found[drawn + r - w] += ways
    answer: Floats = found / math.comb(total, drawn)
    return answer


def vote_right(counts: tuple[tuple[int, int], tuple[int, int]], total: int, drawn: int) -> float:
    """P that a vote of `drawn` samples in each order is right; counts are (right, wrong) by order."""
    both = np.convolve(margin(*counts[0], total, drawn), margin(*counts[1], total, drawn))
    middle = 2 * drawn
    return float(both[middle + 1 :].sum() + 0.5 * both[middle])


def columns(scored: Scored, facts: Facts, samples: int) -> list[Column]:
    """`vote@2`, `vote@4`, ... up to all samples of both orders, and `vote_share`; none for a single sample.

    Over items complete in both orders with a label.
    """
    complete = scored.complete & scored.both.all(axis=1)
    if samples < 2 or not scored.pairs or scored.outcome.shape[2] != samples or not complete.any():
        return []
    hit = scored.outcome == facts.label[:, None, None]
    right, wrong = hit.sum(axis=2), (scored.chosen & ~hit).sum(axis=2)
    among = complete.astype(float)
    kinds, kind = np.unique(np.concatenate([right, wrong], axis=1), axis=0, return_inverse=True)
    found = []
    for drawn in sorted({*(2**n for n in range(samples.bit_length())), samples}):
        value = np.array([vote_right(((a, c), (b, d)), samples, drawn) for a, b, c, d in kinds.tolist()])
        found.append(Column(f"vote@{2 * drawn}", np.where(complete, value[kind.ravel()], 0.0), among))
    share = (np.maximum(right, wrong) / samples).mean(axis=1) * among
    return [*found, Column("vote_share", share, among)]
