"""What tables are made of: a grid of texts, and numbers as they stand in its cells."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from harness_plugins.scoring.cells import Contrast, Metric


@dataclass
class Table:
    """A titled grid of texts, with notes under it. `**text**` marks bold, whatever the format makes of it."""

    title: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What spoils its numbers: stands above them."""


def without_empty(table: Table) -> Table:
    """The table without columns in which no row says anything, each note once."""
    filled = [n for n in range(len(table.header)) if not table.rows or any(row[n] for row in table.rows)]
    table.header = [table.header[n] for n in filled]
    table.rows = [[row[n] for n in filled] for row in table.rows]
    table.notes = list(dict.fromkeys(table.notes))
    return table


def count(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"


def percent(metric: Metric | None) -> str:
    """`72.4 (123/170)`; empty where there is no such number."""
    if metric is None or math.isnan(metric.value):
        return ""
    if metric.name.startswith("macro"):
        return f"{100 * metric.value:.1f} (mean of {count(metric.n)})"
    return f"{100 * metric.value:.1f} ({count(metric.k)}/{count(metric.n)})"


def interval(low: float, high: float) -> str:
    if math.isnan(low):
        return ""
    below, above = (round(100 * x, 1) + 0.0 for x in (low, high))  # no -0.0
    return f"[{below:.1f}, {above:.1f}]"


def _p(p: float) -> str:
    return "p<.001" if p < 0.001 else f"p={p:.3f}".replace("0.", ".", 1)


def gain(contrast: Contrast | None, short: bool = False) -> str:
    """`+3.1 [1.0, 5.2] p=.004`, and no word: what may be said is a conclusion's (`scoring.conclusions`)."""
    if contrast is None:
        return ""
    if not contrast.complete:
        return incomplete(contrast)
    if not contrast.differs:
        return "no answer"
    bounds = "" if short else f" {interval(contrast.low, contrast.high)}"
    text = f"{100 * contrast.value:+.1f}{bounds} {_p(contrast.p)}"
    if contrast.p_holm is not None and not short:
        text += f" (Holm {_p(contrast.p_holm)[1:].lstrip('=')})"
    if contrast.n < contrast.of:
        text += f" ({contrast.n}/{contrast.of} items)"
    if contrast.by_ratio is not None:
        again = contrast.by_ratio
        text += f" (by ratio {100 * again.value:+.1f} {_p(again.p)})"
    return text


def incomplete(contrast: Contrast) -> str:
    """What is known of a difference of which answers are missing."""
    if contrast.bounds is None:
        return "incomplete"
    low, high = (f"{100 * x:+.1f}" for x in contrast.bounds)
    return f"incomplete: between {low} and {high}"


def points(metric: Metric | None) -> str:
    """A difference in points with its interval."""
    return "" if metric is None else f"{100 * metric.value:+.1f} {interval(metric.low, metric.high)}"
