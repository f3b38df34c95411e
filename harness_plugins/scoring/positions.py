"""Position bias, by where the preferred candidate was shown and never by how a dataset stores it (ARR, Table 5).

With the label always first in storage, the papers' forward minus reverse is the same as label-first minus label-last; with
balanced storage it is near 0 even for a judge that always picks the first. All of it is over items complete in every order.
"""

from __future__ import annotations

import numpy as np

from harness_plugins.scoring.metrics import Bools, Facts, Scored, is_right, over_draws
from harness_plugins.scoring.statistics import Column


def columns(scored: Scored, facts: Facts) -> list[Column]:
    """accuracy_label_first, accuracy_label_last, position_bias (the one minus the other); flips (not the same candidate in
    all orders), to the first shown (primacy) and to the last (recency); debiased_accuracy (a flip counts half, and among more
    than two candidates an equal share)."""
    if not scored.both.any():
        return []
    turns = np.arange(scored.turns.shape[1])[None, :]
    label, size = facts.label[:, None], np.maximum(facts.candidates[:, None], 1)
    labelled = (label >= 0) & (label < size)
    label_position = np.where(labelled & scored.turns, (label - turns) % size, -1)
    right = is_right(scored.outcome, label[:, :, None])
    eligible = scored.both & labelled
    first, last = (_at(right, label_position == p) for p in (np.zeros_like(size), size - 1))
    difference = (first.astype(float) - last) * eligible
    counted = eligible.sum(axis=1)
    bias = Column("position_bias", difference.sum(axis=1) / np.maximum(counted, 1), (counted > 0).astype(float))
    return [
        over_draws("accuracy_label_first", first, eligible),
        over_draws("accuracy_label_last", last, eligible),
        bias,
        *_flips(scored, facts, right),
    ]


def one_order(judged: Bools, facts: Facts) -> list[str]:
    """What to say of pairs that were judged in one order each, whichever it was.

    Args:
        judged: (items, orders).
    """
    if (judged.sum(axis=1) != 1).any() or judged.shape[1] != 2:
        return []
    labelled = facts.label >= 0
    label_first = judged.argmax(axis=1)[labelled] == facts.label[labelled]
    if labelled.any() and label_first.all():
        return ["the preferred response was always shown first, so that always picking the first is always right"]
    return [
        f"judged in one order an item; the preferred response was first in {label_first.sum()} of {label_first.size}"
    ]


def _at(right: Bools, at_position: Bools) -> Bools:
    """(items, draws): right in the one order in which the label was shown there."""
    right_there: Bools = np.asarray((right & at_position[:, :, None]).any(axis=1))
    return right_there


def _flips(scored: Scored, facts: Facts, right: Bools) -> list[Column]:
    outcome, absent = scored.outcome, ~scored.turns[:, :, None]
    turns, size = np.arange(scored.turns.shape[1])[None, :, None], np.maximum(facts.candidates[:, None, None], 1)
    chosen = (scored.chosen | absent).all(axis=1)
    consistent = ((outcome == outcome[:, :1]) | absent).all(axis=1)
    shown = np.where(scored.chosen, (outcome - turns) % size, -1)
    primacy = ((shown == 0) | absent).all(axis=1) & chosen
    recency = ((shown == size - 1) | absent).all(axis=1) & chosen
    flipped = chosen & ~consistent
    all_right: Bools = np.asarray((right | absent).all(axis=1))
    decisive = (facts.label >= 0) & (facts.label < facts.candidates)  # a flip is not a half of a tie
    half = over_draws("", flipped & scored.both & decisive[:, None], scored.both)
    strict = over_draws("", all_right, scored.both)
    return [
        over_draws("flip_rate", flipped, scored.both),
        over_draws("primacy_flips", primacy, scored.both),
        over_draws("recency_flips", recency, scored.both),
        Column("debiased_accuracy", strict.num + half.num / np.maximum(facts.candidates, 1), strict.den),
    ]
