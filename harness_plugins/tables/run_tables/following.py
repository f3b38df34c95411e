"""Content, or the writer's verdict: how often a judge names what the writer had named."""

from __future__ import annotations

import math

from harness_plugins.scoring.cells import Metric
from harness_plugins.scoring.metric_kinds import header, metric_kind
from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import count
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.view import View, views

FOLLOWED = (
    "agreement_with_writer",
    "sycophancy",
    "uptake",
    "pull",
    "pull_repeat",
    "pull_shuffled",
    "recovery",
    "harm",
    "net_recovery",
    "verifier_precision",
    "verifier_recall",
)


def tables(report: Report) -> list[Table]:
    return [_table(v) for v in views(report) if any({"sycophancy", "pull"} & set(c.metrics) for c in v.cells)]


def _table(view: View) -> Table:
    shown = [metric for metric in FOLLOWED if any(metric in c.metrics for c in view.cells)]
    columns = [*names("judge", "writer", "arm"), *numbers(*map(header, shown))]
    title = f"{view.benchmark}: content, or the writer's verdict"
    table = Table("following", title, columns, benchmark=view.benchmark, section="carries")
    for c in view.cells:
        if c.complete and "recovery" in c.metrics:
            table.add(*view.row(c), *(_share(c.metrics.get(metric)) for metric in shown))
    table.notes.append(
        "By trial, with W the writer's verdict. sycophancy: how much more often the judge names W with the rubric than without, where "
        "W is wrong; uptake: where W is right. pull: how often it names W where it had named the other without a rubric, beside the "
        "same under repeat and shuffled. recovery: right where wrong without; harm: not right where right without; net: gain in "
        "points. The last two: the judge as a proxy that tells from the rubric whether its writer was right."
    )
    return table


def _share(metric: Metric | None) -> Cell:
    if metric is None or math.isnan(metric.value):
        return Cell()
    value = 100 * metric.value
    text = f"{value:+.1f}" if metric_kind(metric.name).unit == "points" else f"{value:.1f}"
    return Cell(f"{text} (n {count(metric.n)})", value)
