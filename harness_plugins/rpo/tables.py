"""Win rates as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness_plugins.rpo.win_rates import WinRate
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.render.lines import csv_lines, json_list
from harness_plugins.tables.render.to_markdown import markdown


def table(rates: Sequence[WinRate]) -> Table:
    """A row for each checkpoint, set and judge."""
    shown = Table(
        "win_rates",
        "Win rate against the generator without the adapter",
        [*names("step", "prompts", "judge"), *numbers("win rate", "95 %", "n", "no answer", "equal pictures")],
        notes=[
            "Same noise, both orders, a tie half a win; 50 % is no difference. 95 %: bootstrap over prompts (Wilson where all "
            "prompts ended alike)."
        ],
    )
    for rate in rates:
        value = "" if rate.value is None else f"{100 * rate.value:.1f} %"
        ends = "" if rate.interval is None else f"{100 * rate.interval.low:.1f} to {100 * rate.interval.high:.1f}"
        shown.add(
            str(rate.step),
            rate.held_out,
            f"{rate.judge} (audit)" if rate.audit else rate.judge,
            Cell(value, rate.value),
            ends,
            str(rate.prompts - rate.unanswered),
            str(rate.unanswered),
            str(rate.equal),
        )
    return shown


def _fields(rate: WinRate) -> dict[str, Any]:
    low, high = rate.interval or (None, None)
    return {**{k: v for k, v in vars(rate).items() if k != "interval"}, "low": low, "high": high}


FORMATS: dict[str, Callable[[Sequence[WinRate]], str]] = {
    "md": lambda rates: markdown([table(rates)]),
    "csv": lambda rates: csv_lines([*_fields(rates[0])] if rates else [], map(_fields, rates)),
    "json": lambda rates: json_list(map(_fields, rates)),
}
