"""Amounts as the tables of cost write them: tokens, shares and money."""

from __future__ import annotations

import math

from evaluators.engine.budget import money
from harness_plugins.config.prices import Prices
from harness_plugins.scoring.costs import CostPoint

ITEMS = 1000
"""Costs are shown for this many items: those of one are small fractions."""


def tokens(value: float) -> str:
    return "" if math.isnan(value) else f"{value:,.0f}"


def share(part: int, total: int) -> str:
    """A percentage that says 100 % of all and 0 % of nothing only."""
    shown = 100 * part / total
    return f"{min(shown, 99.9) if part < total else 100:.3g} % ({part:,} of {total:,})"


def cost_of_items(cost: float, point: CostPoint, prices: Prices | None) -> str:
    """What `ITEMS` items cost on the point's axis: money, compute or tokens.

    Args:
        cost: of one item.
    """
    if math.isnan(cost):
        return "not known"
    if point.axis == "money" and prices is not None:
        return money(ITEMS * cost, prices.currency)
    if point.axis == "compute":
        return f"{_short(1e9 * ITEMS * cost)} parameters x tokens"
    return f"{_short(ITEMS * cost)} tokens"


def _short(value: float) -> str:
    for unit, size in (("E", 1e18), ("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"
