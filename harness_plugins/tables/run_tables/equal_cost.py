"""Rubrics beside votes that cost as much: whether the rubric or more samples buy more."""

from __future__ import annotations

import math

from harness_plugins.scoring.costs import Bought, EqualCost
from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import gain, percent
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.run_tables._amounts import ITEMS, cost_of_items
from harness_plugins.tables.view import View, views


def tables(report: Report) -> list[Table]:
    return [_table(v) for v in views(report) if any(e.point.benchmark == v.benchmark for e in report.equal_costs)]


def _table(view: View) -> Table:
    """Each rubric's arm beside the votes without a rubric that cost as much: the largest that costs no more, the smallest that
    costs no less."""
    votes = ("vote for no more", "arm minus it", "vote for no less", "arm minus it")
    columns = [*names("judge", "writer", "arm"), *numbers("accuracy", f"cost of {ITEMS:,} items", *votes)]
    title = f"{view.benchmark}: rubrics beside votes that cost as much"
    table = Table("equal_cost", title, columns, benchmark=view.benchmark, section="cost")
    for e in (e for e in view.report.equal_costs if e.point.benchmark == view.benchmark):
        p = e.point
        cost = cost_of_items(p.judge_cost if e.writer_unknown else p.cost, p, view.report.prices)
        name_cells = [view.judge(p.judge), view.writer(p.writer), p.arm]
        cost += " + its writing" if e.writer_unknown else ""
        no_less = [Cell("the same"), Cell()] if e.above is None else _vote(view, e, e.above)
        table.add(*name_cells, percent(p.accuracy), cost, *_vote(view, e, e.below), *no_less)
        if e.voter != p.judge:
            about = view.about(p.judge, p.writer, p.arm)
            table.notes.append(f"{about}: the votes are {e.voter}'s, the same model with samples.")
    table.notes.append(
        "Votes are the judge's own without a rubric (arm none). arm minus it: difference item by item [95 % cluster bootstrap] p of a "
        "cluster sign-flip, uncorrected. A rubric is worth its cost where it beats the vote that costs as much."
    )
    return table


def _vote(view: View, equal: EqualCost, bought: Bought | None) -> list[Cell]:
    """The vote with its cost and accuracy, and the arm minus it."""
    if bought is None:
        return [Cell("none: vote@2 costs more"), Cell()]
    cost = cost_of_items(bought.cost, equal.point, view.report.prices)
    if math.isnan(bought.accuracy):
        return [Cell(f"vote@{bought.votes} for {cost}: {2 * equal.samples} samples were taken"), Cell()]
    accuracy = 100 * bought.accuracy
    return [Cell(f"vote@{bought.votes} for {cost}: {accuracy:.1f}", accuracy), gain(bought.difference)]
