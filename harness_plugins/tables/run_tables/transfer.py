"""What the rubrics carry over: the writer's own accuracy beside what its rubrics do for a judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness_plugins.scoring.metric_kinds import header
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.sentences import listed
from harness_plugins.scoring.transfer import Transfer
from harness_plugins.tables.cells import percent, points
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.view import View, views

CARRIED = ("writer", "none", "writer_plus_none", "transferred", "advice")
ORDERS = ("same", "cross", "headline")
DIFFERENCES = ("content_gain", "leak", "gain_leak_free")

EXPLAINED = {
    "writer": "writer alone: its own verdicts.",
    "writer_plus_none": "writer + none: these and the judge's own voted, a split vote half; a judge that gains less from the rubric "
    "has learned nothing.",
    "content_gain": "content gain: transferred minus advice (one line with the writer's verdict).",
    "same": "same: rubrics read in the order they were written in.",
    "cross": "cross: in the other order, text as it is.",
    "headline": "headline: mean of the four cells, over the trials with a rubric of that order (transferred also counts the rest, as "
    "under none).",
    "leak": "position leak: same minus cross.",
    "gain_leak_free": "gain, leak-free: over none, on items whose rubrics leak by no word.",
}
"""What a column of it is, by metric: a note for each column that is shown."""


def tables(report: Report) -> list[Table]:
    by_view = [(v, _shown(report, v.benchmark)) for v in views(report)]
    return [_table(v, transfers) for v, transfers in by_view if transfers]


def _shown(report: Report, benchmark: str) -> list[Transfer]:
    """The models'; those of baselines, which carry nothing over, where no model judged."""
    transfers = [t for t in report.transfers if t.benchmark == benchmark]
    return [t for t in transfers if not report.data.baseline(t.judge)] or transfers


def _table(view: View, transfers: Sequence[Transfer]) -> Table:
    """A row for each judge and writer: the writer's own accuracy beside what its rubrics do, and the four cells of orders."""
    metrics = {name for t in transfers for name in t.metrics}
    rates = [metric for metric in CARRIED if metric in metrics]
    orders = [order for order in ORDERS if order in metrics]
    shown = (*rates, "content_gain", *orders, "leak", "gain_leak_free")
    columns = [*names("judge", "writer"), *numbers(*map(header, shown))]
    title = f"{view.benchmark}: what the rubrics carry over"
    table = Table("transfer", title, columns, benchmark=view.benchmark, section="carries")
    for t in transfers:
        row = [*(percent(t.metrics.get(metric)) for metric in rates), points(t.metrics.get("content_gain"))]
        row += [_order(t, order) for order in orders]
        table.add(view.judge(t.judge), view.writer(t.writer), *row, points(t.metrics.get("leak")), _leak_free(t))
    explained = [text for metric, text in EXPLAINED.items() if metric in metrics]
    table.notes += [" ".join(explained)] if explained else []
    writers_by_note: dict[str, dict[str, None]] = {}
    for t in transfers:
        for note in _notes(t):
            # What is so for every judge is said of the writer.
            every = all(note in _notes(other) for other in transfers if other.writer == t.writer)
            writers_by_note.setdefault(note, {})[view.writer(t.writer) if every else view.about(t.judge, t.writer)] = (
                None
            )
    table.notes += [f"{listed(list(names))}: {note}" for note, names in writers_by_note.items()]
    return table


def _order(transfer: Transfer, order: str) -> Cell:
    metric = transfer.metrics.get(order)
    return Cell() if metric is None else Cell(f"{100 * metric.value:.1f}", 100 * metric.value)


def _leak_free(transfer: Transfer) -> Cell:
    gain = points(transfer.metrics.get("gain_leak_free"))
    return Cell(f"{gain.text} ({transfer.leak_free}/{transfer.with_rubric})", gain.value) if gain.text else gain


def _notes(transfer: Transfer) -> Iterator[str]:
    by_ratio = [f"{header(m)} {points(x).text}" for m in DIFFERENCES if (x := transfer.by_ratio.get(m))]
    if by_ratio:
        yield f"with answers of low mass by their ratio: {', '.join(by_ratio)}."
    if transfer.one_order:
        yield f"{transfer.one_order}; same and cross are one cell each."
    if transfer.unordered:
        yield (
            "written without the responses, so there is no verdict of the writer's to copy and no "
            "order to leak: no advice, content gain, same or cross."
        )
    elif "cross" not in transfer.metrics and not transfer.one_order:
        yield "the arm crossed was not judged (or not completely), so there is no cross cell."
