"""Our rows of a paper's table: cells of scored runs, and numbers that others reported (`scores.jsonl`)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from evaluators.errors import UserError
from evaluators.inputs.names import unknown
from evaluators.records import Writer
from harness_plugins.folder.scores import Score
from harness_plugins.scoring.arrays import RunData
from harness_plugins.scoring.caveats import warning
from harness_plugins.scoring.cells import CellReport, Metric
from harness_plugins.scoring.protocols import resolve
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.score import APART, adjust
from harness_plugins.tables.cells import behind, unanswered
from harness_plugins.tables.paper.rows import Number, Row
from harness_plugins.tables.paper.runs import Run, expected_rows, limits, protocols, read_folders
from harness_plugins.tables.paper.spec import WRITER_PLUS_NONE, Column, TableSpec

SCALE = {"percent": 100.0, "share": 1.0, "score": 1.0}


class Key(NamedTuple):
    """What one row is of: cells of several runs that share it are one row."""

    judge: str
    judge_model: str
    writer: str
    writer_model: str
    rubrics: int | None
    arm: str
    baseline: bool


class Part(NamedTuple):
    """What one run has for a row."""

    key: Key
    run: str
    row: Row


class Measured(NamedTuple):
    """Our rows, in the order of judges, arms and K, notes on them, and what spoils their numbers."""

    rows: list[Row]
    notes: list[str]
    warnings: list[str]


def measured(spec: TableSpec, folders: Sequence[Path]) -> Measured:
    """What runs have for a table.

    Raises:
        UserError: a folder is not a run, or none of them holds anything that the table has a column for.
    """
    runs = read_folders(spec, folders)
    adjust([report for run in runs for report in run.reports.values()])  # shown together, tested together
    notes = protocols(spec, runs)
    parts: list[Part] = []
    for run in runs:
        of_run = _judged(spec, run, notes) | _reported(spec, run, notes)
        parts += [Part(key, run.name, row) for key, row in of_run.items()]
        if not of_run:
            notes.append(f"{run.name}: nothing in it fits a column of this table.")
    if runs and not parts:
        benchmarks = dict.fromkeys(c.benchmark for c in spec.columns if c.benchmark)
        raise UserError(
            f"{', '.join(map(str, folders))}: nothing for {spec.spec}, whose columns are of {', '.join(benchmarks)}"
        )
    rows = _joined(spec, parts, notes)
    for row in rows:
        _means(spec, row)
    return Measured(rows, list(dict.fromkeys(notes)), _warnings(spec, runs))


def _warnings(spec: TableSpec, runs: Sequence[Run]) -> list[str]:
    warnings: dict[str, None] = {}
    for column in spec.columns:
        for run in runs:
            report = run.report(column)
            warnings |= {f"{run.name}: {loss}.": None for loss in (report.losses if report is not None else ())}
            for caveat in report.caveats if report is not None else ():
                if caveat.benchmark == column.benchmark:
                    warnings[f"{run.name}, {caveat.benchmark}: {warning(caveat)}"] = None
    return list(warnings)


def _judged(spec: TableSpec, run: Run, notes: list[str]) -> dict[Key, Row]:
    rows: dict[Key, Row] = {}
    for column in spec.columns:
        report = run.report(column)
        if run.data is None or report is None:
            continue
        notes += limits(column, run, report, partial(_shown, spec))
        for cell in report.cells:
            if cell.benchmark == column.benchmark and _shown(spec, cell):
                key = _key(run.data, cell)
                row = rows.setdefault(key, _row(spec, run.data, cell, key))
                row.cells[column.key] = _cell(column, run, report, cell)
                notes += _remarks(row.label, cell)
        complete = [c for c in report.cells if c.benchmark == column.benchmark and c.complete]
        if complete and not any(n.startswith(run.metrics[column.key]) for c in complete for n in c.metrics):
            names = [n for c in complete for n in c.metrics]
            what = unknown("metric", run.metrics[column.key], names)
            notes.append(f"{column.header}: {run.name}, {run.protocols[column.key]}: {what}.")
        if WRITER_PLUS_NONE in spec.arms and column.metric == "accuracy" and not column.part:
            _add_voted(spec, column, report, rows)
    return rows


def _shown(spec: TableSpec, cell: CellReport) -> bool:
    """The spec's arms, and each baseline; of a judge that looks at no rubric only the row without one."""
    if cell.arm == "none" and cell.baseline:
        return True
    return cell.arm in spec.arms and not cell.blind


def _key(data: RunData, cell: CellReport) -> Key:
    writer = _writer(data, cell)
    model = data.judge(cell.judge).get("key", {}).get("model", "")
    rubrics = writer.sampling.get("criteria") if writer else None
    return Key(
        cell.judge,
        "" if cell.computed or cell.baseline else str(model),
        cell.writer or "",
        (writer.model or "") if writer else "",
        rubrics if isinstance(rubrics, int) else None,
        cell.arm,
        cell.baseline,
    )


def _writer(data: RunData, cell: CellReport) -> Writer | None:
    """Who wrote what is read; under `grm` the row's judge is a writer itself."""
    name = cell.judge if cell.arm == "grm" else cell.writer
    return data.writers.get(name) if name else None


def _row(spec: TableSpec, data: RunData, cell: CellReport, key: Key) -> Row:
    method = "baseline" if cell.baseline and cell.arm == "none" else spec.arms[cell.arm]
    writer = _writer(data, cell)
    if cell.arm == "grm" and writer and writer.trained_with:
        method = f"{method}, proxy {' and '.join(writer.trained_with)}".lstrip(", ")
    model = cell.judge if cell.grading == "pairwise" else f"{cell.judge} ({cell.grading})"
    relation = "" if cell.relation == "baseline" else cell.relation
    apart = cell.relation in APART
    return Row("measured", model, method, cell.writer or "", key.rubrics, cell.arm, relation, apart)


def _cell(column: Column, run: Run, report: Report, cell: CellReport) -> Number:
    assert run.data is not None
    conventions = _conventions(column, run, report, cell)
    if not cell.complete:
        return Number("incomplete", unanswered(cell), answered=cell.trials, conventions=conventions)
    name = run.metrics[column.key]
    covers_all = not column.part or {i.category for i in run.data.benchmarks[column.benchmark].items} == {column.part}
    metric = cell.metrics.get(name if covers_all else f"{name}[{column.part}]")
    number = _number(column, metric)
    if number.state == "measured":
        number.conventions = conventions
        number.flags = tuple(
            warning(c)
            for c in report.caveats
            if c.kind == "media"
            and c.benchmark == cell.benchmark
            and c.judge in (None, cell.judge)
            and not cell.baseline
        )
        number.comparable = (run.items[column.benchmark], conventions["protocol"], conventions["order"])
        # The contrast is of the whole benchmark's accuracy: a part, or another metric, has no test to be bold by.
        tested = covers_all and name == "accuracy" and not cell.baseline
        number.gain = cell.contrasts.get("none") if tested else None
    return number


def _number(column: Column, metric: Metric | None) -> Number:
    if metric is None or math.isnan(metric.value) or not metric.n:
        return Number()
    scale = SCALE[column.unit]
    value = scale * metric.value
    low, high = (None if math.isnan(x) else scale * x for x in (metric.low, metric.high))
    return Number("measured", f"{_digits(value, column)} ({behind(metric)})", value, metric.k, metric.n, low, high)


def _digits(value: float, column: Column) -> str:
    text = f"{value:.{column.digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def _conventions(column: Column, run: Run, report: Report, cell: CellReport) -> dict[str, object]:
    """How a number of ours was measured, in the words that published tables use."""
    assert run.data is not None
    resolved = resolve(run.protocols[column.key], column.benchmark)
    assert resolved is not None
    name, protocol = resolved
    facts = report.facts[column.benchmark]
    orders = run.data.judge(cell.judge).get("orders", run.data.manifest.get("orders", "both"))
    return {
        "protocol": name,
        "order": "stored" if protocol.orders == "stored" else orders,
        "unparsed": protocol.unparsed,
        "revision": facts.get("revision"),
        "rows": report.items[column.benchmark][0],
        "dataset_rows": expected_rows(column.benchmark, report),
    } | ({"part": column.part} if column.part else {})


def _remarks(label: str, cell: CellReport) -> list[str]:
    return [f"{label}: {flag}." for flag in cell.flags]


def _add_voted(spec: TableSpec, column: Column, report: Report, rows: dict[Key, Row]) -> None:
    """A row for each judge and writer whose verdicts, voted, decide: what copying the writer would be worth."""
    for transfer in report.transfers:
        metric = transfer.metrics.get(WRITER_PLUS_NONE)
        whose = (transfer.judge, transfer.writer, "transferred")
        read = next((k for k in rows if (k.judge, k.writer, k.arm) == whose), None)
        if transfer.benchmark == column.benchmark and metric is not None and read is not None:
            row = replace(rows[read], method=spec.arms[WRITER_PLUS_NONE], arm=WRITER_PLUS_NONE, cells={})
            beside = rows[read].cells[column.key]
            cell = _number(column, metric)
            cell.conventions = {**beside.conventions}
            # It is never bold itself, but what reads the rubric must beat it.
            cell.comparable = beside.comparable if metric.n == beside.n else None
            rows.setdefault(read._replace(arm=WRITER_PLUS_NONE), row).cells[column.key] = cell


def _reported(spec: TableSpec, run: Run, notes: list[str]) -> dict[Key, Row]:
    """A row for each model and method that `scores.jsonl` names.

    Raises:
        UserError: two lines give one cell different values, or one is beyond what its column's unit allows.
    """
    rows: dict[Key, Row] = {}
    for score in run.scores:
        column = next((c for c in spec.columns if (c.benchmark, c.metric) == (score.benchmark, score.metric)), None)
        if column is None:
            benchmark_metrics = [c.metric for c in spec.columns if c.benchmark == score.benchmark]
            if benchmark_metrics:
                notes.append(
                    f"{run.name}: {score.metric} of {score.benchmark} fits no column ({', '.join(benchmark_metrics)} would)."
                )
            continue
        _fits_unit(run, column, score)
        key = Key(score.model, "", "", score.method, None, "reported", False)
        row = rows.setdefault(key, Row("measured", score.model, score.method, arm="reported"))
        conventions = {"rows": score.n} if score.n else {}
        text = _digits(score.value, column) + (f" (n {score.n:,})" if score.n else "")
        cell = Number(
            "measured", text, score.value, n=score.n, sources=(f"reported by {score.source}",), conventions=conventions
        )
        if (previous := row.cells.setdefault(column.key, cell)).value != score.value:
            raise UserError(
                f"{run.folder}/scores.jsonl: {score.model}, {score.benchmark}, {score.metric}: {previous.value:g} and {score.value:g}; "
                "keep one line, or distinguish them by `method`"
            )
        row.notes = tuple(dict.fromkeys((*row.notes, *([score.notes] if score.notes else []))))
    return rows


def _fits_unit(run: Run, column: Column, score: Score) -> None:
    """78 beside a paper's .92 would be read as a hundred times as much."""
    if column.unit != "score" and abs(score.value) > SCALE[column.unit]:
        raise UserError(
            f"{run.folder}/scores.jsonl: {score.model}, {score.benchmark}, {score.metric}: {score.value:g}; {column.header} is "
            f"printed as a {column.unit}, {SCALE[column.unit]:g} at most: give it in that unit"
        )


def _joined(spec: TableSpec, parts: Sequence[Part], notes: list[str]) -> list[Row]:
    """Rows of one key from several runs made one, unless two runs fill one cell differently: then each is alone.

    They are ordered by judge, arm and K; baselines last.
    """
    groups: dict[Key, list[Part]] = {}
    for part in parts:
        groups.setdefault(part.key, []).append(part)
    judges = list(dict.fromkeys((k.judge, k.judge_model) for k in groups))
    arms = [*spec.arms, "reported"]

    def sort_key(key: Key) -> tuple[object, ...]:
        arm = 0 if key.baseline else arms.index(key.arm)
        return key.baseline, judges.index((key.judge, key.judge_model)), arm, key.rubrics or 0

    named_rows: list[tuple[Row, str]] = []
    apart: dict[str, None] = {}
    for key in sorted(groups, key=sort_key):
        members = groups[key]
        cells: dict[str, Number] = {}
        if all(_equal(cells.setdefault(c, cell), cell) for part in members for c, cell in part.row.cells.items()):
            remarks = dict.fromkeys(note for part in members for note in part.row.notes)
            row = replace(members[0].row, cells=cells, notes=tuple(remarks))
            named_rows.append((row, ", ".join(part.run for part in members)))
        else:
            named_rows += [(part.row, part.run) for part in members]
            apart |= dict.fromkeys(part.run for part in members)
    if apart:
        notes.append(f"{', '.join(apart)} give one row different numbers: each has one of its own.")
    labels = Counter(
        row.label for row, _ in named_rows
    )  # as above, or of judges that have a name in common and no model
    return [replace(row, run=name if labels[row.label] > 1 else "") for row, name in named_rows]


def _equal(cell: Number, other: Number) -> bool:
    return (cell.state, cell.text, cell.comparable) == (other.state, other.text, other.comparable)


def _means(spec: TableSpec, row: Row) -> None:
    for column in (c for c in spec.columns if c.mean_of and c.key not in row.cells):
        row.cells[column.key] = _mean(column, [row.cell(k) for k in column.mean_of])


def _mean(column: Column, parts: Iterable[Number]) -> Number:
    """The mean of measured cells; incomplete where one is, and nothing where one is not there."""
    parts = list(parts)
    if any(p.state == "incomplete" for p in parts):
        return Number("incomplete", "incomplete: see its parts")
    values = [p.value for p in parts if p.state == "measured" and p.value is not None]
    if len(values) < len(parts):
        return Number()
    value = math.fsum(values) / len(values)
    conventions: Mapping[str, object] = {"aggregate": "mean_of_groups", "of": list(column.mean_of)}
    return Number(
        "measured",
        f"{_digits(value, column)} (mean of {len(values)})",
        value,
        n=len(values),
        conventions=dict(conventions),
    )
