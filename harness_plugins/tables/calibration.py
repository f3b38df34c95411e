"""The table of calibration: what a judge's probabilities are worth (`scoring.calibration`). No ECE without its floor."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness_plugins.scoring.calibration import COVERAGES, Calibration
from harness_plugins.scoring.cells import Metric
from harness_plugins.tables.cells import Table, count, interval

HEADER = ["judge", "writer", "arm", "order", "items", "Brier", "AUROC", "AUROC of confidence"]


def calibration_table(title: str, calibrations: Sequence[Calibration]) -> Table:
    """A row for each cell and order: Brier, both AUROCs, accuracy by coverage, and the ECE beside what chance makes of one."""
    table = Table(title, [*HEADER, *(f"acc. @ {c} %" for c in COVERAGES), "ECE", "its floor"])
    for c in calibrations:
        items = count(c.n) if c.n == c.of else f"{c.n} of {c.of}"
        numbers = [_number(c.metrics[m]) for m in ("brier", "auroc", "auroc_confidence")]
        selective = [_selective(c.metrics[f"selective@{coverage}"]) for coverage in COVERAGES]
        mean, above = c.ece_floor
        ece = c.metrics["ece"].value
        floor = f"{mean:.3f} (95 %: {above:.3f})"
        row = [c.judge, c.writer or "", c.arm, c.order, items, *numbers, *selective]
        table.rows.append([*row, f"**{ece:.3f}**" if ece > above else f"{ece:.3f}", floor])
    table.notes.append(
        "Of p, the probability of the item's canonical candidate 0; averaged: of the mean of both orders' log-odds (mean over samples "
        "and replicates as well). Brier: mean (p - y)^2, 0.25 for 1/2 everywhere. AUROC: p tells which candidate is preferred; of "
        "confidence, max(p, 1 - p): it tells right from wrong. acc. @ c %: among the most confident c %. [95 % cluster bootstrap]"
    )
    table.notes.append(
        "ECE: ten bins of equal mass, fewer where confidences are equal. Its floor is what a perfectly calibrated judge with these "
        "confidences shows at this n: mean and 95th percentile of 1,000 simulations; bold is above the latter, and anything below "
        "says nothing against the calibration."
    )
    if any(c.n < c.of for c in calibrations):
        table.notes.append(
            "Items of all that were judged: of the others some probability is not known (an answer outside the top tokens, or no "
            "choice). They are no random part: the surest answers are the first to be missing."
        )
    return table


def _number(metric: Metric) -> str:
    return "" if math.isnan(metric.value) else f"{metric.value:.3f} {_bounds(metric)}".rstrip()


def _bounds(metric: Metric) -> str:
    return "" if math.isnan(metric.low) else f"[{metric.low:.3f}, {metric.high:.3f}]"


def _selective(metric: Metric) -> str:
    return f"{100 * metric.value:.1f} ({count(metric.k)}/{count(metric.n)}) {interval(metric.low, metric.high)}"
