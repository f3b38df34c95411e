"""Accuracy by calls and tokens: what a decision takes, with one sample or with votes of several."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from harness_plugins.scoring.costs import CostPoint
from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import interval, percent
from harness_plugins.tables.model import Cell, Table, names, numbers, words
from harness_plugins.tables.run_tables._amounts import ITEMS, cost_of_items, share, tokens
from harness_plugins.tables.view import View, views


def tables(report: Report) -> list[Table]:
    by_view = [(v, [p for p in report.costs if p.benchmark == v.benchmark]) for v in views(report)]
    return [_table(v, points) for v, points in by_view if any(p.with_usage or p.votes for p in points)]


def _table(view: View, points: Sequence[CostPoint]) -> Table:
    """What several samples buy beside what a rubric buys: a row for each arm and number of calls (docs/design/equal-cost.md)."""
    columns = [
        *names("judge", "writer", "arm", "decided by"),
        *numbers(
            "calls", "tokens read", "written", "writer's share", f"cost of {ITEMS:,} items", "accuracy", "95 % CI"
        ),
        *words("frontier"),
    ]
    title = f"{view.benchmark}: accuracy by calls and tokens"
    table = Table("cost", title, columns, benchmark=view.benchmark, section="cost")
    for p in points:
        row = [view.judge(p.judge), view.writer(p.writer), p.arm, _decided_by(p, view)]
        amounts = [Cell(f"{p.calls:.3g}", p.calls), Cell(tokens(p.read), p.read), Cell(tokens(p.written), p.written)]
        cost = cost_of_items(p.cost, p, view.report.prices)
        ci = interval(p.accuracy.low, p.accuracy.high)
        table.add(*row, *amounts, _writers_share(p), cost, percent(p.accuracy), ci, "yes" if p.frontier else "")
    for c in view.cells:
        majority = c.metrics.get("vote_share")
        if majority is not None and c.complete and not c.baseline:
            about = view.about(c.judge, c.writer, c.arm)
            table.notes.append(f"{about}: the majority holds {100 * majority.value:.1f} % of an order's samples.")
    table.notes.append(
        "An item each, as if it were decided alone: calls and tokens of the judge in all orders, one sample each, nothing shared with "
        "other arms and nothing from a cache; an item without a rubric at the cost of none. writer's share: tokens read + written for "
        "its rubrics, over all calls of models that read them in this arm. frontier: no other row of the judge is as accurate for "
        "less. vote@k: majority of k samples, half of them in each order, over all choices of k of those taken; a split vote "
        "counts half."
    )
    table.notes += _unknown(view, points)
    return table


def _decided_by(point: CostPoint, view: View) -> str:
    if point.votes is not None:
        return f"vote@{point.votes}"
    cell = next(c for c in view.cells if (c.judge, c.writer, c.arm) == (point.judge, point.writer, point.arm))
    orders = 2 if "strict_both" in cell.metrics else 1
    return f"one sample, {orders} order{'s' * (orders > 1)}"


def _writers_share(point: CostPoint) -> str:
    if point.writer is None:
        return ""
    unknown = math.isnan(point.writer_read)
    return "not known" if unknown else f"{tokens(point.writer_read)} + {tokens(point.writer_written)}"


def _unknown(view: View, points: Iterable[CostPoint]) -> list[str]:
    """What is not known of the rows, said rather than taken for nothing."""
    notes = []
    for p in (p for p in points if p.votes is None):
        if p.with_usage < p.all_calls:
            about = view.about(p.judge, p.writer, p.arm)
            assumption = "; the others are taken to be like them" if p.with_usage else ""
            notes.append(f"{about}: tokens are known for {share(p.with_usage, p.all_calls)} of its calls{assumption}.")
    for writer in dict.fromkeys(p.writer for p in points if math.isnan(p.writer_read)):
        notes.append(
            f"What {writer}'s rubrics took to write is not recorded (a file without it), so its rows are on no frontier."
        )
    return notes
