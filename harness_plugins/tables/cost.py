"""The tables of what was spent, of what a decision costs beside how good it is, and of votes that cost as much as a rubric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from evaluators.engine.budget import money
from evaluators.errors import UserError
from harness_plugins.config.prices import Prices, load_prices, recorded
from harness_plugins.experiment.money import paid_in
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.folder.usage import Paid, Usage
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.costs import Bought, CostPoint, EqualCost
from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import Table, gain, interval, percent
from harness_plugins.tables.render import json_list, latex, markdown

ITEMS = 1000
"""Costs are shown for so many items: those of one are small fractions."""


def cost_table(title: str, report: Report, benchmark: str, cells: Sequence[CellReport]) -> Table | None:
    """What several samples buy beside what a rubric buys: a row for each arm and number of calls (docs/design/equal-cost.md)."""
    points = [p for p in report.costs if p.benchmark == benchmark]
    if not any(p.with_usage or p.votes for p in points):
        return None
    header = ["judge", "writer", "arm", "decided by", "calls", "tokens read", "written", "writer's share"]
    table = Table(title, [*header, f"cost of {ITEMS:,} items", "accuracy", "95 % CI", "frontier"])
    for p in points:
        ci = interval(p.accuracy.low, p.accuracy.high)
        row = [p.judge, p.writer or "", p.arm, _how(p, cells), f"{p.calls:.3g}", _whole(p.read), _whole(p.written)]
        shares = [_writers(p), _cost(p.cost, p, report.prices), percent(p.accuracy), ci, "yes" if p.frontier else ""]
        table.rows.append([*row, *shares])
    for c in cells:
        share = c.metrics.get("vote_share")
        if share is not None and c.complete and not c.baseline:
            about = f"{c.judge}, {c.writer or '-'}, {c.arm}"
            table.notes.append(f"{about}: the majority holds {100 * share.value:.1f} % of an order's samples.")
    table.notes.append(
        "An item each, as if it were decided alone: calls and tokens of the judge in all orders, one sample each, nothing shared with "
        "other arms and nothing from a cache; an item without a rubric at the cost of none. writer's share: tokens read + written for "
        "its rubrics, over all calls of models that read them in this arm. frontier: no other row of the judge is as accurate for "
        "less. vote@k: majority of k samples, half of them in each order, the mean over all draws from those taken; a split vote "
        "counts half."
    )
    table.notes += _unknown(points)
    return table


def _how(point: CostPoint, cells: Sequence[CellReport]) -> str:
    if point.votes is not None:
        return f"vote@{point.votes}"
    cell = next(c for c in cells if (c.judge, c.writer, c.arm) == (point.judge, point.writer, point.arm))
    orders = 2 if "strict_both" in cell.metrics else 1
    return f"one sample, {orders} order{'s' * (orders > 1)}"


def _whole(value: float) -> str:
    return "" if math.isnan(value) else f"{value:,.0f}"


def _writers(point: CostPoint) -> str:
    if point.writer is None:
        return ""
    unknown = math.isnan(point.writer_read)
    return "not known" if unknown else f"{_whole(point.writer_read)} + {_whole(point.writer_written)}"


def _cost(cost: float, point: CostPoint, prices: Prices | None) -> str:
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


def _unknown(points: Sequence[CostPoint]) -> list[str]:
    """What is not known of the rows, said rather than taken for nothing."""
    notes = []
    for p in (p for p in points if p.votes is None):
        about = f"{p.judge}, {p.writer or '-'}, {p.arm}"
        if p.with_usage < p.all_calls:
            assumption = "; the others are taken to be like them" if p.with_usage else ""
            notes.append(f"{about}: tokens are known for {_share(p.with_usage, p.all_calls)} of its calls{assumption}.")
    for writer in dict.fromkeys(p.writer for p in points if math.isnan(p.writer_read)):
        notes.append(
            f"What {writer}'s rubrics took to write is not on record (a file without it), so its rows are on no frontier."
        )
    return notes


def _share(part: int, total: int) -> str:
    """A percentage that says 100 % of all and 0 % of nothing only."""
    shown = 100 * part / total
    return f"{min(shown, 99.9) if part < total else 100:.3g} % ({part:,} of {total:,})"


def equal_cost_table(title: str, report: Report, benchmark: str) -> Table | None:
    """Each rubric's arm beside the votes without a rubric that cost as much: the largest that costs no more, the smallest that
    costs no less."""
    equal_costs = [e for e in report.equal_costs if e.point.benchmark == benchmark]
    if not equal_costs:
        return None
    header = ["judge", "writer", "arm", "accuracy", f"cost of {ITEMS:,} items", "vote for no more", "arm minus it"]
    table = Table(title, [*header, "vote for no less", "arm minus it"])
    for e in equal_costs:
        p = e.point
        cost = _cost(p.judge_cost if e.writer_unknown else p.cost, p, report.prices)
        row = [
            p.judge,
            p.writer or "",
            p.arm,
            percent(p.accuracy),
            f"{cost}{' + its writing' if e.writer_unknown else ''}",
        ]
        above = ["the same", ""] if e.above is None else _bought(e, e.above, report.prices)
        table.rows.append([*row, *_bought(e, e.below, report.prices), *above])
        if e.voter != p.judge:
            table.notes.append(
                f"{p.judge}, {p.writer or '-'}, {p.arm}: the votes are {e.voter}'s, the same model with samples."
            )
    table.notes.append(
        "Votes are the judge's own without a rubric (arm none). arm minus it: difference item by item [95 % cluster bootstrap] p of a "
        "cluster sign-flip, uncorrected. A rubric is worth its cost where it beats the vote that costs as much."
    )
    return table


def _bought(equal: EqualCost, bought: Bought | None, prices: Prices | None) -> list[str]:
    if bought is None:
        return ["none: vote@2 costs more", ""]
    cost = _cost(bought.cost, equal.point, prices)
    if math.isnan(bought.accuracy):
        return [f"vote@{bought.votes} for {cost}: {2 * equal.samples} samples were taken", ""]
    return [f"vote@{bought.votes} for {cost}: {100 * bought.accuracy:.1f}", gain(bought.difference)]


def paid_table(title: str, paid: Sequence[Paid], prices: Prices | None) -> Table | None:
    """What each judge and writer of a folder took, and all of them together."""
    if not paid:
        return None
    header = ["who", "model", "calls", "tokens read", "from cache", "written", "tokens known"]
    table = Table(title, [*header, *(["cost", "of one"] if prices else [])])
    for p in paid:
        who = "induction by" if p.role == "induction" else p.role
        table.rows.append([f"{who} {p.name}", p.model, *_numbers(p.usage), *_money(p, prices)])
    total = sum((p.usage for p in paid), Usage())
    if len(paid) > 1:
        table.rows.append(["all", "", *_numbers(total), *_total(paid, prices)])
    table.notes.append(
        "Each answer once, however many cells share it; answers that were asked again (`--redo`) count as well."
        + (
            " cost: with what the cache saved. of one: a verdict, a rubric, or a call of an induction."
            if prices
            else ""
        )
    )
    if total.known < total.calls:
        table.notes.append(
            f"Tokens are known for {_share(total.known, total.calls)} of the calls; what the others took is in no number."
        )
    failed = sum(p.failed for p in paid)
    if failed:
        table.notes.append(
            f"{failed:,} of the calls came to nothing: a reply that could not be used, and was asked again."
        )
    retried = sum(p.retried for p in paid)
    if retried:
        table.notes.append(f"{retried:,} failed attempts were asked again; whether they were billed is not known.")
    without = {p.model: None for p in paid if prices and prices.rates(p.model) is None}
    if without:
        table.notes.append(f"No price for {', '.join(without)}: add `read` and `written` for them to the price file.")
    if prices is None:
        table.notes.append("In money with `--prices FILE`.")
    return table


def _numbers(usage: Usage) -> list[str]:
    if not usage.known:
        return [f"{usage.requests:,}", "", "", "", "0 %"]
    return [
        f"{usage.requests:,}",
        _whole(usage.read),
        _whole(usage.cached),
        _whole(usage.written),
        "100 %" if usage.known == usage.calls else _share(usage.known, usage.calls),
    ]


def _money(paid: Paid, prices: Prices | None) -> list[str]:
    if prices is None:
        return []
    rates = prices.rates(paid.model)
    amount = None if rates is None else paid.money(rates)
    if amount is None:
        return ["no price" if rates is None else "not known", ""]
    least = "at least " if paid.usage.known < paid.usage.calls else ""
    return [
        least + money(amount, prices.currency),
        money(amount / paid.outputs, prices.currency) if paid.outputs else "",
    ]


def _total(paid: Sequence[Paid], prices: Prices | None) -> list[str]:
    if prices is None:
        return []
    rates = [prices.rates(p.model) for p in paid]
    amounts = [None if r is None else p.money(r) for p, r in zip(paid, rates, strict=True)]
    complete = None not in amounts and all(p.usage.known == p.usage.calls for p in paid)
    return [("" if complete else "at least ") + money(sum(a or 0.0 for a in amounts), prices.currency), ""]


def costs_of(runs: Sequence[Path], file: Path | None, form: str) -> str:
    """What run folders took, as text: `md`, `latex` or `json`.

    Raises:
        UserError: a folder that is none, or a file that cannot be read.
    """
    file_prices = load_prices(file) if file else None
    tables, objects = [], []
    for run in runs:
        folder = RunFolder(run)
        manifest = folder.manifest()
        if not manifest and not folder.has_records():
            raise UserError(f"{run}: no run folder (no manifest.json and no jsonl in it)")
        paid, prices = paid_in(folder, manifest), file_prices or recorded(manifest.get("prices"))
        table = paid_table(f"{run}: what was asked and what it took", paid, prices)
        tables.append(table or Table(f"{run}: no model was asked", ["who"]))
        objects += [{"run": str(run), **_object(p, prices)} for p in paid]
    if form == "json":
        return json_list(objects)
    return latex(tables) if form == "latex" else markdown(tables)


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
