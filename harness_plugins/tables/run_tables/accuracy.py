"""Accuracy of each judge, writer and arm, with the rates beside it and what spoils the numbers."""

from __future__ import annotations

from evaluators.rubrics.arms import ARMS
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.metric_kinds import extensions, header
from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import accuracy, accuracy_interval, in_unit
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.remarks import answers, flags, warnings
from harness_plugins.tables.view import View, views

OFFICIAL = (
    "macro",
    "macro_with_all",
    "acc_plus_expected",
    "acc_plus_strict",
    "pacc",
    "tos",
    "cmr",
    "pair_accuracy",
    "kendall_tau",
)
RATES = ("strict_both", "consistency", "first_position_rate", "longer_pick_rate", "parsed")
"""Metrics that are beside the accuracy, where there are any."""


def tables(report: Report) -> list[Table]:
    return [_table(view) for view in views(report)]


def _table(view: View) -> Table:
    report, cells = view.report, view.cells
    items, clusters, unlabelled = report.items[view.benchmark]
    protocol, about = report.about[view.benchmark]
    present = {name for c in cells for name in c.metrics}
    others = (extension.kind.name for extension in extensions())
    shown = [metric for metric in (*OFFICIAL, *RATES, *others) if metric in present]
    weighed = any(c.mass is not None for c in cells)
    columns = [*names("judge", "writer", "arm", "relation"), *numbers("accuracy", "95 % CI", *map(header, shown))]
    columns += numbers("mass (median)", "mass below .5") if weighed else []
    title = f"{view.benchmark}, {items} items in {clusters} clusters, protocol {protocol}"
    table = Table("accuracy", title, columns, benchmark=view.benchmark, section="accuracy")
    for c in cells:
        numbered = [in_unit(c.metrics.get(metric)) if c.complete else Cell() for metric in shown]
        mass = _mass(c) if weighed else []
        table.add(*view.row(c), c.relation, accuracy(c), accuracy_interval(c), *numbered, *mass)
    table.warnings = warnings(report, view.benchmark)
    if weighed:
        table.notes.append(
            "mass: P of all offered answers together, of one-token answers; below .5: the share of answers with less."
        )
    table.notes.append(f"Protocol {protocol}: {about}. k/n in items (mean over their orders) or, for rates, in trials.")
    if unlabelled:
        table.notes.append(f"{unlabelled} items whose label prefers no candidate are not part of any accuracy.")
    table.notes += [*_probes(view), *answers(view), *flags(view)]
    if view.benchmark == next(iter(report.items)):
        table.notes += report.notes
    return table


def _mass(cell: CellReport) -> list[Cell]:
    if cell.mass is None:
        return [Cell(), Cell()]
    return [
        Cell(f"{cell.mass.median:.2g}", cell.mass.median),
        Cell(f"{100 * cell.mass.below_half:.1f}", 100 * cell.mass.below_half),
    ]


def _probes(view: View) -> list[str]:
    """Rows that are no judge's on its own: probes that see the label, the writer's verdicts, what was computed."""
    notes = []
    probes = sorted({c.arm for c in view.cells if c.arm in ARMS and ARMS[c.arm].uses_label})
    if probes:
        notes.append(f"{', '.join(probes)}: probes that see the label; they have no place in a paper's table.")
    writers = [c.judge for c in view.cells if c.arm == "grm"]
    if writers:
        notes.append(f"grm: the writer's own verdicts ({', '.join(writers)}).")
    computed = [c.judge for c in view.cells if c.computed and c.arm != "grm"]
    if computed:
        notes.append(f"Computed from the items, not run: {', '.join(computed)}.")
    return notes
