"""Several judges over the same items: how far they agree, and what their majority decides."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness_plugins.scoring import statistics
from harness_plugins.scoring.arrays import CellKey
from harness_plugins.scoring.cells import CellReport, Metric, json_numbers
from harness_plugins.scoring.metrics import Scored, Scores
from harness_plugins.scoring.statistics import Column

Picks = NDArray[np.int64]
"""The canonical candidate picked in each trial (an item in one order), -1 where none was."""


class Kappa(NamedTuple):
    """Cohen's kappa of two judges."""

    value: float
    """NaN where chance alone would always agree."""
    trials: int
    """Those in which both picked."""


@dataclass(frozen=True)
class Panel:
    """The models that judged an arm of a benchmark completely."""

    benchmark: str
    arm: str
    writer: str | None
    judges: tuple[str, ...]
    kappa: dict[tuple[str, str], Kappa]
    """Of each pair of judges."""
    alpha: float
    """Krippendorff's alpha, nominal, over all trials in which two or more picked."""
    vote: Metric
    """Accuracy of the majority in each trial; a split vote decides nothing and is not right."""
    best: Metric
    """Accuracy of the most accurate single judge."""

    def objects(self, protocol: str) -> Iterator[dict[str, Any]]:
        """Flat objects: the vote, and how far the judges agree."""
        base: dict[str, Any] = {
            "benchmark": self.benchmark,
            "writer": self.writer,
            "arm": self.arm,
            "protocol": protocol,
        }
        judges = list(self.judges)
        yield {**base, "judge": judges, "metric": self.vote.name, **self.vote.numbers()}
        yield {**base, "judge": judges, "metric": "krippendorff_alpha", **json_numbers({"value": self.alpha})}
        for pair, kappa in self.kappa.items():
            numbers = json_numbers({"value": kappa.value, "n": kappa.trials})
            yield {**base, "judge": list(pair), "metric": "cohen_kappa", **numbers}


def cohen_kappa(picks: Picks, other: Picks) -> Kappa:
    """Cohen (1960) over the trials that both decided."""
    both = (picks >= 0) & (other >= 0)
    a, b = picks[both], other[both]
    if not len(a):
        return Kappa(math.nan, 0)
    observed = float((a == b).mean())
    chance = sum(float((a == c).mean() * (b == c).mean()) for c in np.union1d(a, b))
    return Kappa(math.nan if chance >= 1.0 else (observed - chance) / (1.0 - chance), len(a))


def krippendorff_alpha(ratings: Picks) -> float:
    """Nominal alpha from the coincidence matrix (Krippendorff 2011); ratings are (judges, trials), -1 for none."""
    values = np.unique(ratings[ratings >= 0])
    counts = np.stack([(ratings == v).sum(axis=0) for v in values]).astype(float) if len(values) else np.zeros((0, 0))
    # A trial that one judge alone decided has no pair of ratings (Krippendorff 2011).
    rated = counts.sum(axis=0)
    counts, rated = counts[:, rated >= 2], rated[rated >= 2]
    if not rated.size:
        return math.nan
    coincidence = (counts / (rated - 1)) @ counts.T - np.diag((counts / (rated - 1)).sum(axis=1))
    totals = coincidence.sum(axis=1)
    n = totals.sum()
    expected = n * n - (totals**2).sum()
    if expected == 0:
        return math.nan  # one value throughout: agreement cannot be told from chance
    disagreement = n - np.trace(coincidence)
    return float(1.0 - (n - 1) * disagreement / expected)


def picks_of(scored: Scored) -> NDArray[np.int64]:
    """(items, orders): the candidate that most samples picked; -1 without a majority or without a trial."""
    width = scored.turns.shape[1]
    return most_voted(np.stack([((scored.outcome == c) & scored.counts).sum(axis=2) for c in range(width)]))


def most_voted(votes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The candidate with the most votes (candidates are on the first axis), -1 where none has or several do."""
    most_votes = votes.max(axis=0)
    return np.where((most_votes > 0) & ((votes == most_votes).sum(axis=0) == 1), votes.argmax(axis=0), -1)


def panels(cells: Sequence[CellReport], scores: Scores) -> list[Panel]:
    """Where two models or more judged an arm completely. Baselines have no opinion, so agreement with them means nothing."""
    groups: dict[tuple[str, str | None], list[CellReport]] = {}
    for cell in cells:
        if cell.complete and not cell.baseline and not cell.computed:
            groups.setdefault((cell.arm, cell.writer), []).append(cell)
    return [_panel(members, scores) for members in groups.values() if len(members) > 1]


def _panel(cells: Sequence[CellReport], scores: Scores) -> Panel:
    """Of the cells of one arm and writer. The trials are those that all of their judges judged."""
    arm, writer = cells[0].arm, cells[0].writer
    judged = {c.judge: scores.by_key[CellKey(c.judge, arm, writer)] for c in cells}
    best = max((c.metrics["accuracy"] for c in cells), key=lambda m: m.value)
    label, cluster = scores.facts.label, scores.benchmark.cluster
    shared = np.logical_and.reduce([scored.counts.any(axis=2) for scored in judged.values()])
    picks = {name: np.where(shared, picks_of(scored), -1) for name, scored in judged.items()}
    ratings = np.stack([p.ravel() for p in picks.values()])
    kappa = {(a, b): cohen_kappa(picks[a].ravel(), picks[b].ravel()) for a, b in combinations(picks, 2)}
    shape = picks[next(iter(picks))].shape
    majority = most_voted(np.stack([(ratings == c).sum(axis=0).reshape(shape) for c in range(shape[1])]))
    trials = shared & (label >= 0)[:, None]
    right = ((majority == label[:, None]) & trials).sum(axis=1) / np.maximum(trials.sum(axis=1), 1)
    labelled = trials.any(axis=1).astype(float)
    column = Column("majority_vote", right * labelled, labelled)
    interval = statistics.interval(statistics.resampled([column], cluster)[:, 0])
    vote = Metric(column.name, column.k, column.n, column.value, *interval)
    return Panel(scores.benchmark.name, arm, writer, tuple(judged), kappa, krippendorff_alpha(ratings), vote, best)
