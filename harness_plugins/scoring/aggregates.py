"""Aggregates of single benchmarks, over items that carry a criterion of the benchmark's own.

PAcc, TOS and CMR are Multi-Crit's (arXiv 2511.21662); the mean over task types by dimension is EditScore's (arXiv 2509.23909).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from harness_plugins.scoring.metrics import Facts, Scored, is_pick, is_right
from harness_plugins.scoring.statistics import Column


def by_criterion(scored: Scored, facts: Facts) -> dict[str, list[Column]]:
    """For each criterion the accuracies by category whose mean is `macro[criterion]`: unnamed, they are in no table."""
    columns_by_macro: dict[str, list[Column]] = {}
    for criterion in sorted(set(facts.criterion[scored.complete])):
        members = facts.criterion == criterion
        names = sorted(set(facts.category[scored.complete & members]))
        columns_by_macro[f"macro[{criterion}]"] = [
            Column("", scored.num * (members & (facts.category == c)), scored.den * (members & (facts.category == c)))
            for c in names
        ]
    return columns_by_macro


class Row(NamedTuple):
    """A group, or a pair of its criteria, as a row of a column."""

    item: int
    """The item that stands for it."""
    value: float


def conflicts(scored: Scored, facts: Facts) -> list[Column]:
    """pacc, tos and cmr.

    By group (a prompt with its criteria), in the trial of each item that counts, where there is one. pacc: groups with every
    criterion right. tos: of the groups in which people preferred different sides by different criteria, those in which the
    judge picks different sides for such a pair of criteria at least once. cmr: of all such pairs, those with both right.
    """
    if not facts.all_rows or not scored.complete.all() or (scored.counts.sum(axis=(1, 2)) != 1).any():
        return []
    turn = scored.counts.any(axis=2).argmax(axis=1)
    outcome = scored.outcome[np.arange(len(turn)), turn, scored.counts.any(axis=1).argmax(axis=1)].astype(np.int64)
    right = is_right(outcome, facts.label)
    sides = {  # as stored: 0 the first model of the group, 1 the second
        "people": np.where(facts.label == facts.stored_first, 0, 1),
        "judge": np.where(is_pick(outcome), np.where(outcome == facts.stored_first, 0, 1), -1),
    }
    members: dict[str, list[int]] = {}
    for n, group in enumerate(facts.group):
        members.setdefault(group, []).append(n)
    rows: dict[str, list[Row]] = {"pacc": [], "tos": [], "cmr": []}
    for group in members.values():
        rows["pacc"].append(Row(group[0], float(right[group].all())))
        pairs = [(a, b) for a, b in combinations(group, 2) if sides["people"][a] != sides["people"][b]]
        if pairs:
            judge_differs = [sides["judge"][a] >= 0 and sides["judge"][a] + sides["judge"][b] == 1 for a, b in pairs]
            rows["tos"].append(Row(group[0], float(any(judge_differs))))
            rows["cmr"] += [Row(a, float(right[a] and right[b])) for a, b in pairs]
    return [_column(name, of_metric) for name, of_metric in rows.items() if of_metric]


def _column(name: str, rows: Sequence[Row]) -> Column:
    values = np.array([row.value for row in rows])
    return Column(name, values, np.ones(len(rows)), np.array([row.item for row in rows], dtype=np.int64))
