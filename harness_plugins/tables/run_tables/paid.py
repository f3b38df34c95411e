"""What was asked and what it took: calls, tokens and money of each judge and writer of a folder."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.engine.budget import money
from harness_plugins.config.prices import Prices
from harness_plugins.folder.usage import Paid, Usage
from harness_plugins.scoring.report import Report
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.run_tables._amounts import share, tokens


def tables(report: Report) -> list[Table]:
    return [paid_table(report.paid, report.prices)] if report.paid else []


def paid_table(paid: Sequence[Paid], prices: Prices | None) -> Table:
    """What each judge and writer of a folder took, and all of them together."""
    headers = ("calls", "tokens read", "from cache", "written", "tokens known", *(("cost", "of one") if prices else ()))
    table = Table(
        "paid", "what was asked and what it took", [*names("who", "model"), *numbers(*headers)], section="cost"
    )
    for p in paid:
        who = "induction by" if p.role == "induction" else p.role
        table.add(f"{who} {p.name}", p.model, *_usage(p.usage), *_money(p, prices))
    total = sum((p.usage for p in paid), Usage())
    if len(paid) > 1:
        table.add("all", "", *_usage(total), *_total(paid, prices))
    table.notes += _notes(paid, total, prices)
    return table


def _notes(paid: Sequence[Paid], total: Usage, prices: Prices | None) -> list[str]:
    notes = [
        "Each answer once, however many cells share it; answers that were asked again (`--redo`) count as well."
        + (
            " cost: with what the cache saved. of one: a verdict, a rubric, or a call of an induction."
            if prices
            else ""
        )
    ]
    if total.known < total.calls:
        notes.append(
            f"Tokens are known for {share(total.known, total.calls)} of the calls; what the others took is in no number."
        )
    failed = sum(p.failed for p in paid)
    if failed:
        notes.append(f"{failed:,} of the calls failed: their reply could not be used, and they were asked again.")
    retried = sum(p.retried for p in paid)
    if retried:
        notes.append(f"{retried:,} failed attempts were asked again; whether they were billed is not known.")
    without = {p.model: None for p in paid if prices and prices.rates(p.model) is None}
    if without:
        notes.append(f"No price for {', '.join(without)}: add `read` and `written` for them to the price file.")
    if prices is None:
        notes.append("In money with `--prices FILE`.")
    return notes


def _usage(usage: Usage) -> list[Cell]:
    calls = Cell(f"{usage.requests:,}", usage.requests)
    if not usage.known:
        return [calls, Cell(), Cell(), Cell(), Cell("0 %", 0.0)]
    counts = [Cell(tokens(count), count) for count in (usage.read, usage.cached, usage.written)]
    known = "100 %" if usage.known == usage.calls else share(usage.known, usage.calls)
    return [calls, *counts, Cell(known, 100 * usage.known / usage.calls)]


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
    amounts = [None if rate is None else p.money(rate) for p, rate in zip(paid, rates, strict=True)]
    complete = None not in amounts and all(p.usage.known == p.usage.calls for p in paid)
    return [("" if complete else "at least ") + money(sum(a or 0.0 for a in amounts), prices.currency), ""]
