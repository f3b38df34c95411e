"""Scoring: a run folder in, metrics with intervals and contrasts with tests out. `score` is the whole of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evaluators.errors import UserError
from evaluators.gc_pause import rare_collections
from evaluators.prompts.grading import label
from evaluators.replies.parsing import MASS_FLOOR
from evaluators.rubrics.arms import ARMS
from harness_plugins.config.prices import Prices, recorded
from harness_plugins.folder.manifest import refuse_public
from harness_plugins.folder.usage import model_of
from harness_plugins.scoring import (
    aggregates,
    calibration,
    conclusions,
    contrasts,
    matrix,
    metrics,
    package_metrics,
    paired,
    positions,
    protocols,
    rankings,
    statistics,
    transfer,
    votes,
)
from harness_plugins.scoring.arrays import GIVEN, TIE, BenchmarkData, CellData, CellKey, Codes, RunData
from harness_plugins.scoring.caveats import caveats
from harness_plugins.scoring.cells import PRIMARY, ArmContrast, CellReport, Contrast, Metric
from harness_plugins.scoring.costs import cost_points, equal_costs
from harness_plugins.scoring.metrics import Facts, ParsedCell, Scored, Scores
from harness_plugins.scoring.panel import panels
from harness_plugins.scoring.read import read_run
from harness_plugins.scoring.relation import relation
from harness_plugins.scoring.report import AppliedProtocol, ItemCounts, Report
from harness_plugins.scoring.statistics import Column, Ints
from harness_plugins.scoring.ways import ways

__all__ = ["CellReport", "Contrast", "Metric", "Report", "adjust", "score"]


def score(
    run: str | Path | RunData,
    protocol: str = "strict",
    prices: Prices | None = None,
    mass_floor: float = MASS_FLOOR,
) -> Report:
    """Score a run folder.

    Args:
        run: the folder, or what was read of it.
        protocol: `strict`, `official`, `metric`, or a protocol's full name.
        prices: what models cost; by default what the folder's manifest holds of that.
        mass_floor: P of all offered answers together below which a one-token answer is `low_mass`: not right, and in the denominator.

    Raises:
        UserError: no run folder, an unknown protocol, or one whose samples, orders or answers are missing.
    """
    with rare_collections(freeze=False):
        return _score(run if isinstance(run, RunData) else read_run(Path(run), mass_floor), protocol, prices)


def _score(data: RunData, protocol: str, prices: Prices | None) -> Report:
    facts = {n: b.facts for n, b in data.benchmarks.items()}
    report = Report(
        data.folder, data, protocol, {}, {}, [], facts, ArmContrast(*data.manifest.get("primary_contrast", PRIMARY))
    )
    report.prices = prices or recorded(data.manifest.get("prices"))
    report.paid = data.usage.paid
    declared = conclusions.declared(data)
    measured: Measured = {}
    for benchmark in data.benchmarks.values():
        resolved = protocols.resolve(protocol, benchmark.name)
        if resolved is None:
            report.notes.append(protocols.absent(protocol, benchmark.name))
            measured |= conclusions.unscored(declared, benchmark.name)
            continue
        report.about[benchmark.name] = AppliedProtocol(resolved.name, resolved.spec.about)
        measured |= _score_benchmark(report, benchmark, resolved, declared)
    if not report.about:
        raise UserError(*(f"{data.folder}: {why}" for why in report.notes))
    adjust([report])
    report.conclusions = conclusions.conclude(declared, measured)
    report.notes += data.notes
    report.losses = data.problems.notes()
    return report


Measured = dict[tuple[str, str], conclusions.Conclusion]
"""By benchmark and writer, without verdicts yet."""


def _score_benchmark(
    report: Report, benchmark: BenchmarkData, protocol: protocols.NamedProtocol, declared: conclusions.Declared
) -> Measured:
    scores = scores_of(report.data, benchmark, protocol)
    facts, cluster = scores.facts, benchmark.cluster
    unlabelled = int((facts.label < 0).sum())
    report.items[benchmark.name] = ItemCounts(len(benchmark.items), int(cluster.max()) + 1, unlabelled)
    cells = []
    for key, scored in scores.by_key.items():
        cell = _cell(scores, key)
        more: list[Column] = []
        if protocol.strict:
            more = [*transfer.extra_columns(scores, key), *package_metrics.columns(benchmark, scored, facts)]
        measures = _measures(scored, benchmark.cells[key], facts, protocol, more)
        acc_plus = any(c.name.startswith("acc_plus") for c in measures.columns)
        if protocol.by_group and metrics.grouped(facts) and not acc_plus:
            cell.groups_void = True
        cell.metrics = _with_intervals(measures, cluster)
        cells.append(cell)
    contrasts.fill(cells, scores)
    report.caveats += caveats(scores)
    report.cells += cells
    report.panels += panels(cells, scores)
    report.ways += ways(cells, scores)
    report.matrices += matrix.matrices(cells, scores, report.primary)
    if protocol.strict:
        report.calibrations += calibration.calibrations(cells, scores)
        report.transfers += transfer.transfers(scores)
        points = cost_points(cells, scores, report.prices)
        report.costs += points
        report.equal_costs += equal_costs(points, scores)
    return conclusions.measured(cells, scores, declared)


def conclusions_of(run: RunData, protocol: str = "strict") -> list[conclusions.Conclusion]:
    """What may be said of a run's rubrics (`Report.conclusions`), without the rest of its report."""
    declared = conclusions.declared(run)
    measured: Measured = {}
    for benchmark in run.benchmarks.values():
        resolved = protocols.resolve(protocol, benchmark.name)
        if resolved is None:
            measured |= conclusions.unscored(declared, benchmark.name)
        else:
            scores = scores_of(run, benchmark, resolved)
            measured |= conclusions.measured([_cell(scores, key) for key in scores.by_key], scores, declared)
    return conclusions.conclude(declared, measured)


def scores_of(run: RunData, benchmark: BenchmarkData, protocol: protocols.NamedProtocol) -> Scores:
    """Apply a protocol to every cell of a benchmark.

    Raises:
        UserError: what the protocol needs is missing in a cell.
    """
    facts = metrics.facts_of(benchmark, protocol.spec.categories, protocol.spec.labels)
    parsed = {key: ParsedCell(cell, _outcome(run, benchmark, cell, protocol)) for key, cell in benchmark.cells.items()}
    with_ratios = {k: p._replace(outcome=p.cell.by_ratio) for k, p in parsed.items() if p.cell.by_ratio is not None}
    scored: dict[CellKey, Scored] = {}
    by_ratio: dict[CellKey, Scored] = {}
    for key, cell in parsed.items():
        none_key = CellKey(key.judge, "none", None)
        scored[key] = metrics.score_cell(benchmark, cell, parsed.get(none_key), facts, protocol.spec)
        if key in with_ratios or none_key in with_ratios:
            sides = (with_ratios.get(key, cell), with_ratios.get(none_key, parsed.get(none_key)))
            by_ratio[key] = metrics.score_cell(benchmark, *sides, facts, protocol.spec)
    return Scores(run, benchmark, facts, scored, by_ratio)


def _outcome(run: RunData, benchmark: BenchmarkData, cell: CellData, protocol: protocols.NamedProtocol) -> Codes:
    """A cell's outcomes as the protocol's parser reads them."""
    if run.baseline(cell.key.judge) or cell.computed:
        return cell.outcome  # a control: it has one answer, whatever the format
    if protocol.spec.parser:
        problem = f"{protocol.name} reads answers with a parser of its own; use metric:..."
        refuse_public(run.folder, run.manifest, problem)
    protocols.check(protocol, benchmark, cell)
    return protocols.reparsed(run.folder, protocol.spec, benchmark, cell)


def measure(benchmark: BenchmarkData, cell: CellData, protocol: str = "strict") -> dict[str, Metric]:
    """All metrics of one cell that is in no folder (a harness holds its rows), by name, as `score` computes them.

    Raises:
        UserError: the benchmark has no such protocol, or what it needs is missing.
    """
    return _with_intervals(_alone(benchmark, cell, protocol), benchmark.cluster)


def defined(benchmark: BenchmarkData, cell: CellData, protocol: str = "strict") -> list[str]:
    """The names of those metrics of `measure` that have a value, without the cost of their intervals.

    Raises:
        UserError: the benchmark has no such protocol, or what it needs is missing.
    """
    columns, means, _ = _alone(benchmark, cell, protocol)
    names = [c.name for c in columns if c.name and c.n]
    return names + [name for name, column_indices in means.items() if all(columns[i].n for i in column_indices)]


def _alone(benchmark: BenchmarkData, cell: CellData, protocol: str) -> Measures:
    """Of a cell that is in no folder."""
    resolved = protocols.resolve(protocol, benchmark.name)
    if resolved is None:
        raise UserError(protocols.absent(protocol, benchmark.name))
    facts = metrics.facts_of(benchmark, resolved.spec.categories, resolved.spec.labels)
    benchmark.cells[cell.key] = cell
    scored = metrics.score_cell(benchmark, ParsedCell(cell, cell.outcome), None, facts, resolved.spec)
    more = package_metrics.columns(benchmark, scored, facts) if resolved.strict else ()
    return _measures(scored, cell, facts, resolved, more)


def _cell(scores: Scores, key: CellKey) -> CellReport:
    """What is reported of a cell, its metrics and contrasts yet to be filled in."""
    run, benchmark = scores.run, scores.benchmark
    cell, scored = benchmark.cells[key], scores.by_key[key]
    none_cell = scores.by_key.get(CellKey(key.judge, "none", None))
    shared = run.shared(benchmark.name, key.writer)
    return CellReport(
        grading=label(dict(cell.grading)),
        rubrics="" if shared is None else "shared" if shared else "by item",
        benchmark=benchmark.name,
        judge=key.judge,
        writer=key.writer,
        arm=key.arm,
        relation=relation_of(run, key),
        baseline=run.baseline(key.judge),
        blind=run.blind(key.judge),
        computed=cell.computed,
        trials=scored.trials,
        tokens=cell.tokens,
        metrics={},
        mass=cell.mass,
        forms=cell.forms,
        transitions=metrics.transitions(none_cell, scored, scores.facts)
        if none_cell is not None and key.arm != "none"
        else None,
        flags=_flags(scores, key),
    )


def _flags(scores: Scores, key: CellKey) -> list[str]:
    """Notes on a cell, a sentence each."""
    run, facts, cell = scores.run, scores.facts, scores.benchmark.cells[key]
    flags = []
    none_key = CellKey(key.judge, "none", None)
    if cell.without_rubric is not None and cell.without_rubric.any() and none_key not in scores.by_key:
        flags.append("items without a rubric need the arm `none`, which was not judged")
    if cell.grading.get("decision") == "criteria" and not ARMS.facts(key.arm).blank:
        holistic = [f for f in cell.formats if f not in ("verdicts", "scores", "tokens")]
        if holistic:
            which = "some rubrics list no criteria" if len(cell.formats) > 1 else "no rubric lists criteria"
            flags.append(f"{which}, and those were judged holistically")
    if run.judge(key.judge).get("orders") == GIVEN:
        flags += positions.one_order(np.asarray(cell.expected.any(axis=2)), facts)
    ties = int((facts.label >= TIE).sum())
    may_tie = cell.grading.get("ties") or cell.grading.get("kind") == "pointwise" or "four_way" in cell.formats
    if ties and not run.baseline(key.judge) and not cell.computed and not may_tie:
        flags.append(f"ties are forbidden to this judge: it cannot be right on the {ties} items whose label is one")
    return flags


def relation_of(run: RunData, key: CellKey) -> str:
    """How a cell's judge is related to its writer (docs/design/unseen.md); empty without a writer, or for an unknown judge."""
    writer = run.writers.get(key.writer) if key.writer else None
    judge = run.judge(key.judge)
    if writer is None or not judge:
        return ""
    if run.baseline(key.judge):
        return "baseline"
    return relation(writer, model=model_of(judge["key"]), base=judge["base"], family=judge["family"])


class Measures(NamedTuple):
    """What a cell's metrics are made of."""

    columns: list[Column]
    """Those without a name are there for means alone."""
    means: dict[str, list[int]]
    """By name of a metric the indices of the columns of which it is the mean."""
    one_order: tuple[str, ...]
    """Columns of one trial an item."""


def _measures(
    scored: Scored, cell: CellData, facts: Facts, protocol: protocols.NamedProtocol, more: Sequence[Column]
) -> Measures:
    """Args:
    more: further columns of the cell, of which those count that have a value.
    """
    aggregates_of = set(protocol.spec.aggregates)
    columns = metrics.columns(scored, facts)
    columns += positions.columns(scored, facts) + rankings.columns(scored, facts)
    columns += votes.columns(scored, facts, cell.samples)
    columns += [c for c in more if c.n]
    columns = [c for c in columns if protocol.strict or c.name in ("accuracy", "parsed", "answered")]
    means: dict[str, list[int]] = {}
    categories = metrics.category_columns(scored, facts)
    column_indices = list(range(len(columns), len(columns) + len(categories)))
    if categories and "macro" in aggregates_of:
        means["macro"] = column_indices
    if categories and "macro_with_all" in aggregates_of:
        means["macro_with_all"] = [next(i for i, c in enumerate(columns) if c.name == "accuracy"), *column_indices]
    columns += categories
    if "criteria" in aggregates_of:
        for name, parts in aggregates.by_criterion(scored, facts).items():
            means[name] = list(range(len(columns), len(columns) + len(parts)))
            columns += parts
    if "conflicts" in aggregates_of:
        columns += aggregates.conflicts(scored, facts)
    if protocol.by_group:
        columns += metrics.group_columns(scored, facts, "groups_by_category" in aggregates_of)
    return Measures(columns, means, ("forward", "reverse") if scored.both.any() else ("forward", "reverse", "accuracy"))


def _with_intervals(measures: Measures, cluster: Ints) -> dict[str, Metric]:
    """A cell's metrics by name. Every cell sees the same resamples."""
    single = int(cluster.max()) + 1 == len(cluster)
    distribution = statistics.resampled(measures.columns, cluster)
    ends = statistics.intervals(distribution)
    metrics_by_name: dict[str, Metric] = {}
    for i, column in enumerate(measures.columns):
        # Where all are right a bootstrap interval is a point. Wilson's is not, but it is for independent 0s and 1s.
        binary = single and column.name in measures.one_order and set(np.unique(column.num)) <= {0.0, 1.0}
        interval = statistics.wilson(column.k, column.n) if binary else ends.at(i)
        if column.name:
            metrics_by_name[column.name] = Metric(column.name, column.k, column.n, column.value, *interval)
    for name, column_indices in measures.means.items():
        values = [measures.columns[i].value for i in column_indices]
        k, n = math.fsum(values), len(values)
        interval = statistics.interval(distribution[:, column_indices].mean(axis=1))
        metrics_by_name[name] = Metric(name, k, n, k / n, *interval)
    return metrics_by_name


APART = ("self", "training_proxy", "same_base", "same_family")
"""Relations that are apart from the headline, and so from its family of tests (docs/design/unseen.md)."""


def adjust(reports: Sequence[Report]) -> None:
    """Holm over the cells of the declared primary contrast in all reports that are shown together.

    The family are the complete cells of models that are not known to be kin of the writer; where only baselines were run,
    those of `lexical`.
    """
    cell_contrasts = [
        (c, c.contrasts[report.primary.reference])
        for report in reports
        for c in report.cells
        if c.arm == report.primary.arm
        and report.primary.reference in c.contrasts
        and c.contrasts[report.primary.reference].complete
    ]
    models = [x for c, x in cell_contrasts if not c.baseline and c.relation not in APART]
    family = models or [x for c, x in cell_contrasts if c.baseline and not c.blind]
    paired.adjust(family)
    for contrast in family:
        contrast.primary = True
    matrix.adjust([m for report in reports for m in report.matrices])
