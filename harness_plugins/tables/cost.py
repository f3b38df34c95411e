"""What run folders took, as `rubric-harness cost` prints it: nothing of them is scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from evaluators.errors import UserError
from harness_plugins.config.prices import Prices, load_prices, recorded
from harness_plugins.experiment.money import paid_in
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.folder.usage import Paid
from harness_plugins.tables.model import Table, names
from harness_plugins.tables.render.lines import json_list
from harness_plugins.tables.render.to_latex import latex
from harness_plugins.tables.render.to_markdown import markdown
from harness_plugins.tables.run_tables.paid import paid_table


class Costs(NamedTuple):
    """What run folders took: a table a folder, and an object for each judge and writer."""

    tables: list[Table]
    objects: list[dict[str, object]]


def costs_of(runs: Sequence[Path], file: Path | None) -> Costs:
    """What run folders took.

    Args:
        file: prices; by default those of each run.

    Raises:
        UserError: a folder that is none, or a file that cannot be read.
    """
    file_prices = load_prices(file) if file else None
    tables: list[Table] = []
    objects: list[dict[str, object]] = []
    for run in runs:
        folder = RunFolder(run)
        manifest = folder.manifest()
        if not manifest and not folder.has_records():
            raise UserError(f"{run}: no run folder (no manifest.json and no jsonl in it)")
        paid, prices = paid_in(folder, manifest), file_prices or recorded(manifest.get("prices"))
        table = paid_table(paid, prices) if paid else Table("paid", "no model was asked", names("who"))
        tables.append(replace(table, title=f"{run}: {table.title}"))
        objects += [{"run": str(run), **_object(p, prices)} for p in paid]
    return Costs(tables, objects)


FORMATS: dict[str, Callable[[Costs], str]] = {
    "md": lambda costs: markdown(costs.tables),
    "latex": lambda costs: latex(costs.tables),
    "json": lambda costs: json_list(costs.objects),
}


def _object(paid: Paid, prices: Prices | None) -> dict[str, object]:
    used, rates = paid.usage, prices.rates(paid.model) if prices else None
    tokens = {"read": used.read, "cached": used.cached, "written": used.written} if used.known else {}
    return {
        "role": paid.role,
        "name": paid.name,
        "model": paid.model,
        "requests": used.requests,
        "calls": used.calls,
        "calls_told": used.known,
        **tokens,
        "made": paid.outputs,
        "retried": paid.retried,
        "failed_replies": paid.failed,
        "money": None if rates is None else paid.money(rates),
        "currency": prices.currency if prices else None,
    }
