"""Self-consistency: what a majority of k samples decides, and how large the majority is.

vote@k takes half of its k samples in each order. It is the mean over all such draws from the n samples an order that were
taken, by the hypergeometric formula (docs/design/equal-cost.md), so it has no luck of the draw in it; a
split vote counts half, as a coin.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from harness_plugins.scoring.arrays import Bools
from harness_plugins.scoring.metrics import Facts, Scored
from harness_plugins.scoring.statistics import Column, Floats, Ints


class Tally(NamedTuple):
    """Of the samples of one item in one order, how many are right, and how many picked another."""

    right: int
    wrong: int


class Tallies(NamedTuple):
    """The same for all items, (items, orders) each."""

    right: Ints
    wrong: Ints


@cache
def margin(right: int, wrong: int, total: int, drawn: int) -> Floats:
    """P(right - wrong = -drawn ... drawn) among `drawn` of `total` samples, of which some are right and some wrong."""
    distribution = np.zeros(2 * drawn + 1)
    undecided = total - right - wrong
    for right_drawn in range(min(right, drawn) + 1):
        for wrong_drawn in range(min(wrong, drawn - right_drawn) + 1):
            ways = (
                math.comb(right, right_drawn)
                * math.comb(wrong, wrong_drawn)
                * math.comb(undecided, drawn - right_drawn - wrong_drawn)
            )
            distribution[drawn + right_drawn - wrong_drawn] += ways
    answer: Floats = distribution / math.comb(total, drawn)
    return answer


def vote_right(forward: Tally, reverse: Tally, total: int, drawn: int) -> float:
    """P that a vote of `drawn` samples in each order, of `total` that were taken in each, is right."""
    both = np.convolve(margin(*forward, total, drawn), margin(*reverse, total, drawn))
    middle = 2 * drawn
    return float(both[middle + 1 :].sum() + 0.5 * both[middle])


def columns(scored: Scored, facts: Facts, samples: int) -> list[Column]:
    """`vote@2`, `vote@4`, ... up to all samples of both orders, and `vote_share`; none for a single sample.

    Over items complete in both orders with a label.
    """
    complete = with_all_samples(scored, samples)
    if not complete.any():
        return []
    right, wrong = _tallies(scored, facts)
    vote_columns = [
        vote(scored, facts, samples, n) for n in sorted({*(2**n for n in range(samples.bit_length())), samples})
    ]
    share = (np.maximum(right, wrong) / samples).mean(axis=1) * complete
    return [*vote_columns, Column("vote_share", share, complete.astype(float))]


def with_all_samples(scored: Scored, samples: int) -> Bools:
    """(items,): pairs of which all samples were taken in both orders."""
    if samples < 2 or not scored.pairs or scored.outcome.shape[2] != samples:
        return np.zeros(len(scored.complete), dtype=bool)
    answer: Bools = scored.complete & scored.both.all(axis=1)
    return answer


def vote(scored: Scored, facts: Facts, samples: int, drawn: int) -> Column:
    """`vote@k` of `drawn` samples in each order (k = 2 drawn), of those that `columns` is over."""
    right, wrong = _tallies(scored, facts)
    complete = with_all_samples(scored, samples)
    value = np.zeros(len(complete))
    tallies = np.stack([right[:, 0], wrong[:, 0], right[:, 1], wrong[:, 1]], axis=1)[complete]
    kinds, which = np.unique(tallies, axis=0, return_inverse=True)  # items with equal tallies have equal votes
    votes = [vote_right(Tally(a, b), Tally(c, d), samples, drawn) for a, b, c, d in kinds.tolist()]
    value[complete] = np.array(votes)[which.ravel()] if votes else 0.0
    return Column(f"vote@{2 * drawn}", value, complete.astype(float))


def _tallies(scored: Scored, facts: Facts) -> Tallies:
    right = scored.outcome == facts.label[:, None, None]
    return Tallies(right.sum(axis=2), (scored.chosen & ~right).sum(axis=2))
