"""The summary: each judge's accuracy under each arm, and what the arm changed; one writer's rows stand together."""

from __future__ import annotations

from evaluators.rubrics.arms import ARMS
from harness_plugins.scoring.answers import headline
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import accuracy, accuracy_interval, gain
from harness_plugins.tables.model import Table, names, numbers
from harness_plugins.tables.remarks import answers, contrasts, flags, missing, no_finding, warnings
from harness_plugins.tables.view import View, views

USUAL = ("", "unseen", "baseline")
"""Relations of judge and writer that need no word."""


def tables(report: Report) -> list[Table]:
    made = [_table(view) for view in views(report)]
    if made:
        made[-1].notes += report.notes
        if not report.conclusions:
            made[0].answers.append(headline(report))
    return made


def _table(view: View) -> Table:
    columns = [*names("judge", "writer", "arm"), *numbers("accuracy", "95 % CI", "minus none")]
    title = f"{view.benchmark}: accuracy of each judge and arm, {view.report.items[view.benchmark].items:,} items"
    table = Table("summary", title, columns, benchmark=view.benchmark, section="summary")
    for c in _in_order(view):
        difference = gain(c.contrasts.get("none"), short=True)
        table.add(*view.row(c), accuracy(c), accuracy_interval(c), difference, minor=_minor(c))
    table.warnings = [*missing(view.report, view.benchmark), *warnings(view.report, view.benchmark)]
    smallest = [x.detectable for c in view.cells for x in contrasts(c) if x.detectable > 0]
    if smallest:
        span = " to ".join(dict.fromkeys(f"{100 * x:.1f}" for x in (min(smallest), max(smallest))))
        table.notes.append(
            f"For planning: so many items can show a difference of one judge from about {span} points on (2.8 standard errors)."
        )
    table.notes += [*_kin(view), *no_finding(view), *answers(view), *flags(view)]
    return table.without_empty()


def _kin(view: View) -> list[str]:
    """Which judges are in no mean, and why."""
    pairs = {(c.judge, c.writer): c.relation for c in view.cells if c.writer and c.relation not in USUAL}
    if not pairs:
        return []
    listing = "; ".join(
        f"{view.about(judge, writer)}: {relation.replace('_', ' ')}" for (judge, writer), relation in pairs.items()
    )
    return [f"In no mean, since the judge is not known to be unseen by the writer: {listing}."]


def _in_order(view: View) -> list[CellReport]:
    """Models before baselines; of each judge what is of no writer, then writer by writer."""
    judges = list(dict.fromkeys(c.judge for c in view.cells))
    writers = list(dict.fromkeys(c.writer for c in view.cells))
    rank = {None: -1} | {writer: n for n, writer in enumerate(writers) if writer is not None}
    return sorted(view.cells, key=lambda c: (c.baseline or c.computed, judges.index(c.judge), rank[c.writer]))


def _minor(cell: CellReport) -> bool:
    return cell.baseline or cell.computed or ARMS.facts(cell.arm).beside
