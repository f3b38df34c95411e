"""Calibration: how good a judge's probabilities are. No ECE without its floor."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness_plugins.scoring.calibration import COVERAGES, Calibration
from harness_plugins.scoring.cells import Metric
from harness_plugins.scoring.metric_kinds import header
from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import count, interval
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.view import View, views

FORECASTS = ("brier", "auroc", "auroc_confidence")


def tables(report: Report) -> list[Table]:
    by_view = [(v, [c for c in report.calibrations if c.benchmark == v.benchmark]) for v in views(report)]
    return [_table(v, calibrations) for v, calibrations in by_view if calibrations]


def _table(view: View, calibrations: Sequence[Calibration]) -> Table:
    """A row for each cell and order: Brier, both AUROCs, accuracy by coverage, and the ECE beside what chance makes of one."""
    shown = (*FORECASTS, *(f"selective@{coverage}" for coverage in COVERAGES), "ece", "ece_floor_mean")
    headers = [header(f"calibration_{metric}[averaged]") for metric in shown]
    columns = [*names("judge", "writer", "arm", "order"), *numbers("items", *headers)]
    title = f"{view.benchmark}: calibration"
    table = Table("calibration", title, columns, benchmark=view.benchmark, section="calibration")
    for c in calibrations:
        row = [view.judge(c.judge), view.writer(c.writer), c.arm, c.order]
        items = Cell(count(c.n) if c.n == c.of else f"{c.n} of {c.of}", c.n)
        forecasts = [_number(c.metrics[m]) for m in FORECASTS]
        selective = [_selective(c.metrics[f"selective@{coverage}"]) for coverage in COVERAGES]
        mean, above = c.ece_floor
        ece = c.metrics["ece"].value
        floor = Cell(f"{mean:.3f} (95 %: {above:.3f})", mean)
        table.add(*row, items, *forecasts, *selective, Cell(f"{ece:.3f}", ece, bold=ece > above), floor)
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
            "choice). They are not a random part: the surest answers are the first to be missing."
        )
    return table


def _number(metric: Metric) -> Cell:
    if math.isnan(metric.value):
        return Cell()
    return Cell(f"{metric.value:.3f} {_bounds(metric)}".rstrip(), metric.value)


def _bounds(metric: Metric) -> str:
    return "" if math.isnan(metric.low) else f"[{metric.low:.3f}, {metric.high:.3f}]"


def _selective(metric: Metric) -> Cell:
    value = 100 * metric.value
    return Cell(f"{value:.1f} ({count(metric.k)}/{count(metric.n)}) {interval(metric.low, metric.high)}", value)
