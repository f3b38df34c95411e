"""What each arm changed: its items' scores minus those of `none`, of `advice` and of `shuffled`, in one judge's hands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluators.rubrics.arms import ARMS
from harness_plugins.scoring import metrics, paired, statistics
from harness_plugins.scoring.arrays import BenchmarkData, CellKey, RunData
from harness_plugins.scoring.caveats import GAP, unequal
from harness_plugins.scoring.cells import CellReport, Contrast
from harness_plugins.scoring.controls import controlled
from harness_plugins.scoring.metrics import Facts, Scored
from harness_plugins.scoring.statistics import Floats, Ints


def fill(
    run: RunData,
    cells: list[CellReport],
    benchmark: BenchmarkData,
    scored: dict[CellKey, Scored],
    by_ratio: dict[CellKey, Scored],
    facts: Facts,
    cluster: Ints,
    count: int,
) -> None:
    """Each arm minus `none`, minus `advice` of the same writer, and minus `shuffled`: the same writer's, or each writer's for
    an arm that has none."""
    pairs: list[tuple[CellReport, CellKey, CellKey]] = []
    for cell in cells:
        key = CellKey(cell.judge, cell.arm, cell.writer)
        for other in scored:
            if key.arm != "none" and other != key and other.judge == key.judge and _set_against(key, other):
                pairs.append((cell, key, other))
    merged = scored | by_ratio
    among = [
        controlled(run, benchmark, other, other.writer or key.writer) if ARMS.facts(other.arm).control else True
        for _, key, other in pairs
    ]
    plain = {
        (n, False): np.where(among[n], _difference(scored[key], scored[other]), np.nan)
        for n, (_, key, other) in enumerate(pairs)
    }
    again = {
        (n, True): np.where(among[n], _difference(merged[key], merged[other]), np.nan)
        for n, (_, key, other) in enumerate(pairs)
        if key in by_ratio or other in by_ratio
    }
    tested = paired.contrasts(plain | again, cluster)
    for n, (cell, key, other) in enumerate(pairs):
        contrast = tested[n, False]
        if contrast is None:
            if among[n] is not True and not np.any(among[n]) and key.arm == "transferred":
                cell.flags.append(
                    f"{other.arm} has no other text than {key.arm} for any item, so it is no control here"
                )
            continue
        several = (
            other.writer is not None and key.writer is None and len({o.writer for _, _, o in pairs if o.writer}) > 1
        )
        contrast.reference = f"{other.arm}[{other.writer}]" if several else other.arm
        contrast.by_ratio = tested.get((n, True))
        _complete(contrast, scored[key], scored[other], facts, count == len(cluster), among[n], benchmark.lost)
        cell.contrasts[contrast.reference] = contrast


def _set_against(key: CellKey, other: CellKey) -> bool:
    """Whether a cell's arm is set against another of the same judge. What no writer wrote is set against each writer's control."""
    arm = ARMS.facts(other.arm)
    return arm.reference and (not arm.per_writer or key.writer == other.writer or (arm.control and key.writer is None))


def _difference(scored: Scored, other: Scored) -> Floats:
    return np.where((scored.den > 0) & (other.den > 0), scored.score - other.score, np.nan)


def bounds(
    here: Sequence[Scored], there: Sequence[Scored], facts: Facts, among: metrics.Bools | bool, lost: int = 0
) -> tuple[float, float]:
    """What a mean difference is if all trials that were not answered go against it, or for it. An item is the mean of its trials.

    Args:
        here, there: a cell for each judge, of which the difference is the mean.
        among: (items,): those that the difference could be over.
        lost: items that the folder has lost; each of them may differ by one either way.
    """
    members = (facts.label >= 0) & among
    for s in (*here, *there):
        members = members & s.counts.any(axis=(1, 2))
    ends = []
    for scored, other in zip(here, there, strict=True):
        (low, high), (other_low, other_high) = (_range(s, facts) for s in (scored, other))
        ends.append([(low - other_high)[members].sum() - lost, (high - other_low)[members].sum() + lost])
    least, most = np.mean(ends, axis=0) / max(int(members.sum()) + lost, 1)
    return float(least), float(most)


def _range(scored: Scored, facts: Facts) -> tuple[Floats, Floats]:
    """(items,): the score with all missing answers wrong, and with all right."""
    right = scored.answered & metrics.is_right(scored.outcome, facts.label[:, None, None]) & scored.counts
    total = np.maximum(scored.counts.sum(axis=(1, 2)), 1)
    return right.sum(axis=(1, 2)) / total, (right | (scored.counts & ~scored.answered)).sum(axis=(1, 2)) / total


def _complete(
    contrast: Contrast,
    scored: Scored,
    other: Scored,
    facts: Facts,
    single: bool,
    among: metrics.Bools | bool,
    lost: int,
) -> None:
    """Completeness, McNemar, the split into content and order, and the flag for unequal coverage."""
    contrast.complete = all(s.trials[0] == s.trials[1] for s in (scored, other))
    contrast.of = int((facts.label >= 0).sum())
    contrast.unequal = unequal([scored], [other], None if among is True else np.asarray(among))
    if not contrast.complete:
        contrast.bounds = bounds([scored], [other], facts, among, lost)
    both = (scored.both & other.both).all(axis=1) if scored.both.shape == other.both.shape else None
    if single and both is not None and both.any() and scored.both.shape[1] == 1:
        a, b = (metrics.strict_both(s, facts).num.astype(bool) & both for s in (scored, other))
        contrast.p_strict = statistics.mcnemar(int((a & ~b).sum()), int((b & ~a).sum()))
    content = metrics.aggregated(scored.log_odds) - metrics.aggregated(other.log_odds)
    with_content = ~np.isnan(content) & (scored.den > 0) & (other.den > 0)
    if with_content.any():
        contrast.content_n = int(with_content.sum())
        contrast.content = float(content[with_content].mean())
        contrast.order = float((scored.score - other.score)[with_content].mean()) - contrast.content
    shares = [s.trials[0] / max(s.trials[1], 1) for s in (scored, other)]
    if abs(shares[0] - shares[1]) > GAP:
        contrast.flags.append(f"coverage differs: {shares[0]:.1%} here, {shares[1]:.1%} in {contrast.reference}")
