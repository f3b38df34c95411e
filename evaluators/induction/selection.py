"""Which criteria to keep: the set whose summed verdicts decide pairs best, chosen greedily on pairs not proposed from.

The objective is the paper's (eq. 5), which neither the paper nor its code solves: there everything that verified is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Matrix = list[int]
"""One criterion's verdicts, a trial each (a pair in one order): 1 right, -1 wrong, 0 undecided."""


def set_accuracy(matrix: Sequence[Matrix]) -> float:
    """Share of trials that the criteria decide right by the sum of their verdicts; a sum of 0 is half right."""
    sums = [sum(trial) for trial in zip(*matrix, strict=True)]
    return sum((s > 0) + 0.5 * (s == 0) for s in sums) / len(sums) if sums else 0.5


@dataclass(frozen=True)
class Coverage:
    """What one criterion decides. A trial is a pair in one order."""

    trials: int = 0
    decided: int = 0
    right: int = 0


NO_TRIALS = Coverage()


def coverage(row: Matrix) -> Coverage:
    """What a criterion's verdicts decide of their trials."""
    return Coverage(len(row), sum(v != 0 for v in row), sum(v > 0 for v in row))


def chosen(matrix: Sequence[Matrix], max_rows: int) -> list[int]:
    """At most this many rows, in the order in which they were taken.

    At each step the one that raises the accuracy of the set most (of equals: the one with the better record of its own, then
    the earlier); the set that is kept is the smallest of those passed with the best accuracy.
    """
    taken: list[int] = []
    best: tuple[float, int] = (0.5, 0)
    while len(taken) < min(max_rows, len(matrix)):
        remaining = [n for n in range(len(matrix)) if n not in taken]
        scores = {n: (set_accuracy([*(matrix[t] for t in taken), matrix[n]]), sum(matrix[n])) for n in remaining}
        taken.append(max(remaining, key=lambda n: (*scores[n], -n)))
        accuracy = scores[taken[-1]][0]
        if accuracy > best[0] + 1e-12 or not best[1]:
            best = accuracy, len(taken)
    return taken[: best[1]]


def contribution(matrix: Sequence[Matrix], index: int) -> float:
    """What the accuracy of a set loses without one of its rows."""
    return set_accuracy(matrix) - set_accuracy([row for n, row in enumerate(matrix) if n != index])
