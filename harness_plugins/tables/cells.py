"""Numbers as they are in the cells of a table."""

from __future__ import annotations

import math

from harness_plugins.scoring.cells import CellReport, Contrast, Metric
from harness_plugins.scoring.metric_kinds import metric_kind
from harness_plugins.scoring.sentences import bounds
from harness_plugins.tables.model import Cell


def count(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"


def percent(metric: Metric | None) -> Cell:
    """`72.4 (123/170)`; empty where there is no such number."""
    if metric is None or math.isnan(metric.value):
        return Cell()
    return Cell(f"{100 * metric.value:.1f} ({behind(metric)})", 100 * metric.value)


def behind(metric: Metric) -> str:
    """What a number is made of: `123/170`, how many means it is the mean of, or of a number that is not a share its n alone."""
    kind = metric_kind(metric.name)
    if kind.of_means:
        return f"mean of {count(metric.n)}"
    if kind.unit in ("points", "coefficient"):
        return f"n {count(metric.n)}"
    return f"{count(metric.k)}/{count(metric.n)}"


def interval(low: float, high: float) -> str:
    return "" if math.isnan(low) else bounds(low, high)


def _p(p: float) -> str:
    return "p<.001" if p < 0.001 else "p=1" if p > 0.9995 else f"p={p:.3f}".replace("0.", ".", 1)


def gain(contrast: Contrast | None, *, short: bool = False) -> Cell:
    """`+3.1 [1.0, 5.2] p=.004`, and no word: what may be said is a conclusion's (`scoring.conclusions`)."""
    if contrast is None:
        return Cell()
    if not contrast.complete:
        return Cell(incomplete(contrast), state="incomplete")
    if not contrast.differs:
        return Cell("no answer")
    bounds = "" if short else f" {interval(contrast.low, contrast.high)}"
    text = f"{100 * contrast.value:+.1f}{bounds} {_p(contrast.p)}"
    if contrast.p_holm is not None and not short:
        text += f" (Holm {_p(contrast.p_holm)[1:].lstrip('=')})"
    if contrast.n < contrast.of:
        text += f" ({contrast.n}/{contrast.of} items)"
    if contrast.by_ratio is not None:
        again = contrast.by_ratio
        text += f" (by ratio {100 * again.value:+.1f} {_p(again.p)})"
    return Cell(text, 100 * contrast.value)


def incomplete(contrast: Contrast) -> str:
    """What is known of a difference where answers are missing."""
    if contrast.bounds is None:
        return "incomplete"
    low, high = (f"{100 * x:+.1f}" for x in contrast.bounds)
    return f"incomplete: between {low} and {high}"


def points(metric: Metric | None) -> Cell:
    """A difference in points with its interval."""
    if metric is None:
        return Cell()
    return Cell(f"{100 * metric.value:+.1f} {interval(metric.low, metric.high)}", 100 * metric.value)


def unanswered(cell: CellReport) -> str:
    return f"incomplete: {cell.trials.answered}/{cell.trials.due} answered"


def accuracy(cell: CellReport) -> Cell:
    """A cell's accuracy, or how many of its trials have an answer: what is incomplete shows no accuracy."""
    if not cell.complete:
        return Cell(unanswered(cell), state="incomplete")
    return percent(cell.metrics.get("accuracy"))


def accuracy_interval(cell: CellReport) -> str:
    metric = cell.metrics["accuracy"]
    return interval(metric.low, metric.high) if cell.complete else ""


def in_unit(metric: Metric | None) -> Cell:
    """A metric as its unit is printed (`scoring.registry`): a share in per cent, a difference in points, others as they are."""
    if metric is None or math.isnan(metric.value):
        return Cell()
    match metric_kind(metric.name).unit:
        case "share":
            return percent(metric)
        case "points":
            return points(metric)
        case "coefficient":
            return coefficient(metric.value)
    return Cell(f"{metric.value:.4g}", metric.value)


def coefficient(value: float) -> Cell:
    """`0.42`; empty where there is none."""
    return Cell() if math.isnan(value) else Cell(f"{round(value, 2) + 0.0:.2f}", value)  # no -0.00
