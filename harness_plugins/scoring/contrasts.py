"""What each arm changed: its items' scores minus those of `none`, of `advice` and of `shuffled`, for one judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from evaluators.rubrics.arms import ARMS
from harness_plugins.scoring import metrics, paired, statistics
from harness_plugins.scoring.arrays import CellKey
from harness_plugins.scoring.caveats import GAP, unequal
from harness_plugins.scoring.cells import CellReport, Contrast
from harness_plugins.scoring.controls import controlled
from harness_plugins.scoring.metrics import Bools, Facts, Scored, Scores
from harness_plugins.scoring.statistics import Floats, Interval


class Sides(NamedTuple):
    """A cell and the one that it is set against."""

    cell: CellReport
    key: CellKey
    reference: CellKey
    eligible: Bools
    """(items,): those that the difference may be over."""

    def difference(self, scores: Scores) -> Floats:
        """(items,): NaN where either has no score."""
        scored, other = scores.by_key[self.key], scores.by_key[self.reference]
        return np.where(self.eligible, scored.score - other.score, np.nan)


def fill(cells: Sequence[CellReport], scores: Scores) -> None:
    """Each arm minus `none`, minus `advice` of the same writer, and minus `shuffled`: the same writer's, or each writer's for
    an arm that has none."""
    pairs = list(_sides(cells, scores))
    differences = {(n, False): sides.difference(scores) for n, sides in enumerate(pairs)}
    with_ratios = scores.with_ratios()
    for n, sides in enumerate(pairs):
        if scores.by_ratio.keys() & {sides.key, sides.reference}:
            differences[n, True] = sides.difference(with_ratios)
    tested = paired.contrasts(differences, scores.benchmark.cluster)
    writers = {sides.reference.writer for sides in pairs} - {None}
    for n, sides in enumerate(pairs):
        contrast, reference = tested[n, False], sides.reference
        if contrast is None:
            if not sides.eligible.any() and sides.key.arm == "transferred":
                sides.cell.flags.append(
                    f"{reference.arm} has the same text as {sides.key.arm} for every item, so it is not a control here"
                )
            continue
        several = reference.writer is not None and sides.key.writer is None and len(writers) > 1
        contrast.reference = f"{reference.arm}[{reference.writer}]" if several else reference.arm
        contrast.by_ratio = tested.get((n, True))
        _complete(contrast, sides, scores)
        sides.cell.contrasts[contrast.reference] = contrast


def _sides(cells: Sequence[CellReport], scores: Scores) -> Iterator[Sides]:
    """Each cell with each other cell of its judge that it is set against."""
    everywhere = np.ones(len(scores.benchmark.items), dtype=bool)
    for cell in cells:
        key = CellKey(cell.judge, cell.arm, cell.writer)
        for reference in scores.by_key:
            if (
                key.arm == "none"
                or reference == key
                or reference.judge != key.judge
                or not _set_against(key, reference)
            ):
                continue
            if ARMS.facts(reference.arm).control:
                eligible = controlled(scores.run, scores.benchmark, reference, reference.writer or key.writer)
                yield Sides(cell, key, reference, eligible)
            else:
                yield Sides(cell, key, reference, everywhere)


def _set_against(key: CellKey, reference: CellKey) -> bool:
    """Whether a cell's arm is set against another one. What no writer wrote is set against each writer's control."""
    arm = ARMS.facts(reference.arm)
    return arm.reference and (
        not arm.per_writer or key.writer == reference.writer or (arm.control and key.writer is None)
    )


def bounds(
    cells: Sequence[Scored], reference_cells: Sequence[Scored], facts: Facts, eligible: Bools, lost: int = 0
) -> Interval:
    """What a mean difference is if all trials that were not answered go against it, or for it. An item is the mean of its trials.

    Args:
        cells, reference_cells: one for each judge, of which the difference is the mean.
        eligible: (items,): those that the difference could be over.
        lost: items that the folder has lost; each of them may differ by one either way.
    """
    members = (facts.label >= 0) & eligible
    for scored in (*cells, *reference_cells):
        members = members & scored.counts.any(axis=(1, 2))
    ends = []
    for scored, other in zip(cells, reference_cells, strict=True):
        lowest = _score(scored, facts, missing_right=False) - _score(other, facts, missing_right=True)
        highest = _score(scored, facts, missing_right=True) - _score(other, facts, missing_right=False)
        ends.append([lowest[members].sum() - lost, highest[members].sum() + lost])
    low, high = np.mean(ends, axis=0) / max(int(members.sum()) + lost, 1)
    return Interval(float(low), float(high))


def _score(scored: Scored, facts: Facts, *, missing_right: bool) -> Floats:
    """(items,): the score with all missing answers right, or with all wrong."""
    right = scored.answered & metrics.is_right(scored.outcome, facts.label[:, None, None]) & scored.counts
    if missing_right:
        right = right | (scored.counts & ~scored.answered)
    answer: Floats = right.sum(axis=(1, 2)) / np.maximum(scored.counts.sum(axis=(1, 2)), 1)
    return answer


def _complete(contrast: Contrast, sides: Sides, scores: Scores) -> None:
    """Completeness, McNemar, the split into content and order, and the flag for unequal coverage."""
    scored, other, facts = scores.by_key[sides.key], scores.by_key[sides.reference], scores.facts
    contrast.complete = scored.trials.complete and other.trials.complete
    contrast.of = int((facts.label >= 0).sum())
    contrast.unequal = unequal([scored], [other], sides.eligible)
    if not contrast.complete:
        contrast.bounds = bounds([scored], [other], facts, sides.eligible, scores.benchmark.lost)
    contrast.p_strict = _mcnemar(scored, other, scores)
    content = metrics.aggregated(scored.log_odds) - metrics.aggregated(other.log_odds)
    paired.split(contrast, scored.score - other.score, content)
    shares = [s.trials.answered / max(s.trials.due, 1) for s in (scored, other)]
    if abs(shares[0] - shares[1]) > GAP:
        contrast.flags.append(f"coverage differs: {shares[0]:.1%} here, {shares[1]:.1%} in {contrast.reference}")


def _mcnemar(scored: Scored, other: Scored, scores: Scores) -> float | None:
    """On strict-both, where each cluster is one item judged once in both orders; else None."""
    single = int(scores.benchmark.cluster.max()) + 1 == len(scores.benchmark.items)
    if not single or scored.both.shape != other.both.shape or scored.both.shape[1] != 1:
        return None
    both = (scored.both & other.both).all(axis=1)
    if not both.any():
        return None
    a, b = (metrics.strict_both(s, scores.facts).num.astype(bool) & both for s in (scored, other))
    return statistics.mcnemar(int((a & ~b).sum()), int((b & ~a).sum()))
