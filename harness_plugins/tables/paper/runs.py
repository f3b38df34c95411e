"""Run folders as a paper's table needs them: scored under each column's protocol, and what is to be said of them below it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from evaluators.keys import digest
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.folder.scores import Score
from harness_plugins.scoring.arrays import RunData
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.protocols import spec_of
from harness_plugins.scoring.read import read_run
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.score import score
from harness_plugins.tables.paper.spec import Column, TableSpec

IMPORTED = "import"
"""The backend of judges whose answers another program collected."""


@dataclass
class Run:
    """A folder as it is on disk, with the reports that the columns need of it."""

    name: str
    folder: Path
    data: RunData | None
    scores: list[Score]
    protocols: dict[str, str] = field(default_factory=dict)
    """Column -> protocol, of the columns that it has something for."""
    metrics: dict[str, str] = field(default_factory=dict)
    """Column -> metric."""
    reports: dict[str, Report] = field(default_factory=dict)
    """By protocol."""
    items: dict[str, Hashable] = field(default_factory=dict)
    """Benchmark -> what its items and their labels are."""

    def report(self, column: Column) -> Report | None:
        return self.reports.get(self.protocols.get(column.key, ""))


def read_folders(spec: TableSpec, folders: Sequence[Path]) -> list[Run]:
    """Raises:
    UserError: a folder is neither a run nor holds scores."""
    folders = list({f.resolve(): f for f in folders}.values())  # named twice it would be two tests in Holm's family
    plain = [f.resolve().name for f in folders]
    # By the folder's own name, distinguished by a number: no path is in a table.
    names = [n if plain.count(n) == 1 else f"{n}#{plain[:i].count(n) + 1}" for i, n in enumerate(plain)]
    return [_read(spec, folder, name) for folder, name in zip(folders, names, strict=True)]


def _read(spec: TableSpec, folder: Path, name: str) -> Run:
    run_folder = RunFolder(folder)
    scores = run_folder.scores()
    if scores and not run_folder.files("items"):
        return Run(name, folder, None, scores)
    data = read_run(folder)
    run = Run(name, folder, data, scores)
    benchmarks_by_protocol: dict[str, set[str]] = {}
    for column in (c for c in spec.columns if c.benchmark in data.benchmarks):
        scoring = _scoring(column, data)
        run.protocols[column.key], run.metrics[column.key] = scoring.protocol, scoring.metric
        benchmarks_by_protocol.setdefault(scoring.protocol, set()).add(column.benchmark)
    for protocol, benchmarks in benchmarks_by_protocol.items():
        benchmark_data = {b: d for b, d in data.benchmarks.items() if b in benchmarks}
        run.reports[protocol] = score(replace(data, benchmarks=benchmark_data), protocol)
        for b, d in benchmark_data.items():
            run.items[b] = digest(sorted((i.uid, i.label.kind, str(i.label.preferred)) for i in d.items))
    return run


class Scoring(NamedTuple):
    """What fills a column."""

    protocol: str
    metric: str


def _scoring(column: Column, data: RunData) -> Scoring:
    """The column's protocol and metric; of imported answers, those of the benchmark's official protocol for their format."""
    cells = data.benchmarks[column.benchmark].cells
    foreign = {k for k in cells if data.judge(k.judge).get("key", {}).get("backend") == IMPORTED}
    formats = {cells[k].formats for k in cells if k in foreign or not (cells[k].computed or data.baseline(k.judge))}
    spec = spec_of(column.benchmark)
    if foreign and len(formats) == 1 and spec is not None:
        (imported_formats,) = formats
        official = [
            n for n, p in spec.protocols.items() if n.startswith("official:") and (p.answer_format,) == imported_formats
        ]
        if len(official) == 1 and spec.protocols[official[0]].samples == 1:
            return Scoring(official[0], column.imported.get(imported_formats[0], column.metric))
    return Scoring(column.protocol, column.metric)


def expected_rows(benchmark: str, report: Report) -> int | None:
    """The benchmark's own row count, where it has one."""
    spec = spec_of(benchmark)
    return report.facts[benchmark].get("expected_rows") or (spec.dataset.rows if spec else None)


def protocols(spec: TableSpec, runs: Sequence[Run]) -> list[str]:
    """Under which protocol each of our columns is."""
    headers_by_protocol: dict[str, list[str]] = {}
    for column in spec.columns:
        for run in runs:
            report = run.report(column)
            if report is not None:
                name, about = report.about[column.benchmark]
                headers_by_protocol.setdefault(f"{name} ({about})", []).append(column.header)
    return [f"Ours, {', '.join(dict.fromkeys(headers))}: {text}." for text, headers in headers_by_protocol.items()]


def limits(column: Column, run: Run, report: Report, shown: Callable[[CellReport], bool]) -> list[str]:
    """What the folder has lost, how many of the rows our numbers are over, and the smallest difference that these can show."""
    benchmark = column.benchmark
    items, expected = report.items[benchmark][0], expected_rows(benchmark, report)
    notes = [f"Ours, {run.name}: {note}." for note in report.data.problems.notes()]
    if expected and items < expected:
        notes.append(f"Ours, {benchmark}: {items:,} of {expected:,} rows in {run.name}, so not the benchmark's number.")
    shown_cells = [c for c in report.cells if c.benchmark == benchmark and not c.baseline and shown(c)]
    smallest = [x.detectable for c in shown_cells if (x := c.contrasts.get("none")) and x.complete and x.detectable > 0]
    if smallest and column.metric == "accuracy":
        span = " to ".join(dict.fromkeys(f"{100 * x:.1f}" for x in (min(smallest), max(smallest))))
        notes.append(
            f"Ours, {benchmark}: differences to no rubric below {span} points (2.8 standard errors) are not to be seen with the "
            f"{items:,} items of {run.name}."
        )
    return notes
