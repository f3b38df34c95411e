"""What each arm changed: accuracy with it minus accuracy without, item by item."""

from __future__ import annotations

import math

from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import count
from harness_plugins.tables.cells import gain as gain_cell
from harness_plugins.tables.model import Table, names, numbers
from harness_plugins.tables.remarks import REFERENCES, contrasts, no_finding
from harness_plugins.tables.view import View, views


def tables(report: Report) -> list[Table]:
    return [_table(v) for v in views(report) if any(c.contrasts for c in v.cells)]


def _table(view: View) -> Table:
    columns = [
        *names("judge", "writer", "arm"),
        *numbers(*(f"minus {reference}" for reference in REFERENCES), "gained", "lost", "detectable"),
    ]
    title = f"{view.benchmark}: what each arm changed, in points of accuracy"
    table = Table("gain", title, columns, benchmark=view.benchmark, section="gain")
    for c in view.cells:
        shown = contrasts(c)
        if not shown:
            continue
        gains = [gain_cell(c.contrasts.get(reference)) for reference in REFERENCES]
        if not c.complete:
            table.add(*view.row(c), *gains, "", "", "")
            continue
        changes = ["" if n is None else count(n) for n in (c.gained, c.lost)]
        detectable = " / ".join("-" if math.isnan(x.detectable) else f"{100 * x.detectable:.1f}" for x in shown)
        table.add(*view.row(c), *gains, *changes, detectable)
        table.notes += [f"{view.about(c.judge, c.writer, c.arm)}: {flag}." for x in shown for flag in x.flags]
    table.notes += _notes(view)
    return table


def _notes(view: View) -> list[str]:
    notes = [
        "Difference [95 % cluster bootstrap] p of a cluster sign-flip. gained / lost: items that became right in both orders, "
        "or ceased to be. detectable: 2.8 standard errors, for planning: what so many items can be expected to show."
    ]
    if any("shuffled" in c.contrasts for c in view.cells):
        notes.append("minus shuffled: over the items that have a donor.")
    notes += no_finding(view)
    if any(contrasts(c) and all(x.content is None for x in contrasts(c)) for c in view.cells):
        notes.append("Content and order effects cannot be separated here: that needs probabilities or several samples.")
    for c in view.cells:
        for x in contrasts(c):
            if x.content is not None and x.order is not None:
                notes.append(
                    f"{view.about(c.judge, c.writer, c.arm)} minus {x.reference}: content {100 * x.content:+.1f}, "
                    f"order {100 * x.order:+.1f} (over {x.content_n} items)."
                )
    return notes
