"""Scoring: a run folder in, metrics with intervals and contrasts with tests out. `score` is the whole of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluators.errors import UserError
from evaluators.garbage import rare_collections
from evaluators.prompts.grading import label
from evaluators.prompts.parsing import MASS_FLOOR
from evaluators.rubrics.arms import ARMS
from harness_plugins.benchmarks.spec import ProtocolSpec
from harness_plugins.config.prices import Prices, recorded
from harness_plugins.folder.manifest import refuse_public
from harness_plugins.folder.usage import model_of
from harness_plugins.scoring import (
    aggregates,
    calibration,
    conclusions,
    contrasts,
    extensions,
    matrix,
    metrics,
    paired,
    positions,
    protocols,
    rankings,
    statistics,
    transfer,
    votes,
)
from harness_plugins.scoring.arrays import GIVEN, TIE, BenchmarkData, CellData, CellKey, Codes, RunData
from harness_plugins.scoring.asked import ways
from harness_plugins.scoring.caveats import caveats
from harness_plugins.scoring.cells import PRIMARY, ArmContrast, CellReport, Contrast, Metric
from harness_plugins.scoring.costs import cost_points, equal_costs
from harness_plugins.scoring.metrics import Facts, Scored, Scores
from harness_plugins.scoring.panel import panels
from harness_plugins.scoring.read import read_run
from harness_plugins.scoring.relation import relation
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.statistics import Column, Ints

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
        name, spec = resolved
        report.about[benchmark.name] = (name, spec.about)
        measured |= _score_benchmark(data, benchmark, name, spec, report, declared)
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
    run: RunData,
    benchmark: BenchmarkData,
    name: str,
    spec: ProtocolSpec,
    report: Report,
    declared: conclusions.Declared,
) -> Measured:
    scores = scores_of(run, benchmark, name, spec)
    facts, scored, cluster = scores.facts, scores.by_key, benchmark.cluster
    count = int(cluster.max()) + 1
    report.items[benchmark.name] = (len(benchmark.items), count, int((facts.label < 0).sum()))
    cells = [_cell(scores, key) for key in scored]
    ties = int((facts.label >= TIE).sum())
    for c in cells:
        cell_data = benchmark.cells[CellKey(c.judge, c.arm, c.writer)]
        may_tie = (
            cell_data.grading.get("ties")
            or cell_data.grading.get("kind") == "pointwise"
            or "four_way" in cell_data.formats
        )
        if ties and not c.baseline and not c.computed and not may_tie:
            c.flags.append(
                f"ties are forbidden to this judge: it cannot be right on the {ties} items whose label is one"
            )
    strict = name == "strict"
    extra = [
        [*transfer.extra_columns(scores, key), *extensions.columns(benchmark, s, facts)]
        for key, s in (scored.items() if strict else ())
    ]
    _fill_metrics(cells, list(scored.values()), benchmark, facts, cluster, count, strict, spec, extra)
    contrasts.fill(cells, scores)
    report.caveats += caveats(scores)
    report.cells += cells
    report.panels += panels(cells, scores)
    report.ways += ways(cells, scores)
    report.matrices += matrix.matrices(cells, scores, report.primary)
    if strict:
        report.calibrations += calibration.calibrations(benchmark.name, cells, scored, facts, cluster)
        report.transfers += transfer.transfers(scores)
        points = cost_points(run, benchmark, cells, report.prices)
        report.costs += points
        report.equal_costs += equal_costs(run, benchmark, points, scored, facts, cluster)
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
            scores = scores_of(run, benchmark, *resolved)
            measured |= conclusions.measured([_cell(scores, key) for key in scores.by_key], scores, declared)
    return conclusions.conclude(declared, measured)


def scores_of(run: RunData, benchmark: BenchmarkData, name: str, spec: ProtocolSpec) -> Scores:
    """Apply a protocol to every cell of a benchmark.

    Raises:
        UserError: what the protocol needs is missing in a cell.
    """
    facts = metrics.facts_of(benchmark, spec.categories, spec.labels)
    outcomes: dict[CellKey, Codes] = {}
    for key, cell in benchmark.cells.items():
        if run.baseline(key.judge) or cell.computed:
            outcomes[key] = cell.outcome  # a control: it has one answer, whatever the format
        else:
            if spec.parser:
                refuse_public(
                    run.folder, run.manifest, f"{name} reads answers with a parser of its own; use metric:..."
                )
            protocols.check(name, spec, benchmark, cell)
            outcomes[key] = protocols.reparsed(run.folder, spec, benchmark, cell)
    ratio_outcomes = {k: c.by_ratio for k, c in benchmark.cells.items() if c.by_ratio is not None}
    scored: dict[CellKey, Scored] = {}
    by_ratio: dict[CellKey, Scored] = {}
    for key, cell in benchmark.cells.items():
        none = CellKey(key.judge, "none", None)
        none_cell_outcome = (benchmark.cells[none], outcomes[none]) if none in outcomes else None
        scored[key] = metrics.score_cell(benchmark, cell, outcomes[key], none_cell_outcome, facts, spec)
        if key in ratio_outcomes or none in ratio_outcomes:
            none_cell_outcome = none_cell_outcome and (
                none_cell_outcome[0],
                ratio_outcomes.get(none, none_cell_outcome[1]),
            )
            by_ratio[key] = metrics.score_cell(
                benchmark, cell, ratio_outcomes.get(key, outcomes[key]), none_cell_outcome, facts, spec
            )
    return Scores(run, benchmark, facts, scored, by_ratio)


def measure(benchmark: BenchmarkData, cell: CellData, protocol: str = "strict") -> dict[str, Metric]:
    """All metrics of one cell that lies in no folder (a harness holds its rows), by name, as `score` computes them.

    Raises:
        UserError: the benchmark has no such protocol, or what it needs is missing.
    """
    name, spec, facts, scored = _alone(benchmark, cell, protocol)
    cluster = benchmark.cluster
    key = cell.key
    report = CellReport(
        benchmark=benchmark.name,
        judge=key.judge,
        writer=key.writer,
        arm=key.arm,
        relation="",
        baseline=False,
        blind=False,
        computed=False,
        trials=scored.trials,
        tokens=cell.tokens,
        metrics={},
    )
    more = [extensions.columns(benchmark, scored, facts)] if name == "strict" else []
    _fill_metrics([report], [scored], benchmark, facts, cluster, int(cluster.max()) + 1, name == "strict", spec, more)
    return report.metrics


def defined(benchmark: BenchmarkData, cell: CellData, protocol: str = "strict") -> list[str]:
    """The names of those metrics of `measure` that have a value, without the cost of their intervals.

    Raises:
        UserError: the benchmark has no such protocol, or what it needs is missing.
    """
    name, spec, facts, scored = _alone(benchmark, cell, protocol)
    rows = np.zeros(len(benchmark.items), dtype=np.int64)
    more = extensions.columns(benchmark, scored, facts) if name == "strict" else []
    columns, macros = _columns(scored, cell, facts, rows, name == "strict", spec, more)
    names = [c.name for c, _ in columns if c.name and c.n]
    return names + [name for name, parts in macros if all(columns[i][0].n for i in parts)]


def _alone(benchmark: BenchmarkData, cell: CellData, protocol: str) -> tuple[str, ProtocolSpec, Facts, Scored]:
    resolved = protocols.resolve(protocol, benchmark.name)
    if resolved is None:
        raise UserError(protocols.absent(protocol, benchmark.name))
    name, spec = resolved
    facts = metrics.facts_of(benchmark, spec.categories, spec.labels)
    benchmark.cells[cell.key] = cell
    return name, spec, facts, metrics.score_cell(benchmark, cell, cell.outcome, None, facts, spec)


def _cell(scores: Scores, key: CellKey) -> CellReport:
    run, benchmark, facts = scores.run, scores.benchmark, scores.facts
    cell, cell_scored = benchmark.cells[key], scores.by_key[key]
    none = scores.by_key.get(CellKey(key.judge, "none", None))
    flags = []
    if cell.without_rubric is not None and cell.without_rubric.any() and none is None:
        flags.append("items without a rubric need the arm `none`, which was not judged")
    if cell.grading.get("decision") == "criteria" and not ARMS.facts(key.arm).blank:
        holistic = [f for f in cell.formats if f not in ("verdicts", "scores", "tokens")]
        if holistic:
            which = "some rubrics list no criteria" if len(cell.formats) > 1 else "no rubric lists criteria"
            flags.append(f"{which}, and those were judged holistically")
    if run.judge(key.judge).get("orders") == GIVEN:
        flags += positions.one_order(np.asarray(cell.expected.any(axis=2)), facts)
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
        trials=cell_scored.trials,
        tokens=cell.tokens,
        metrics={},
        mass=cell.mass,
        several_forms=cell.several_forms,
        transitions=metrics.transitions(none, cell_scored, facts) if none is not None and key.arm != "none" else None,
        flags=flags,
    )


def relation_of(run: RunData, key: CellKey) -> str:
    """How a cell's judge stands to its writer (docs/design/unseen.md); empty where there is none, or nothing is known of the judge."""
    writer = run.writers.get(key.writer) if key.writer else None
    judge = run.judge(key.judge)
    if writer is None or not judge:
        return ""
    if run.baseline(key.judge):
        return "baseline"
    return relation(writer, model=model_of(judge["key"]), base=judge["base"], family=judge["family"])


def _fill_metrics(
    cells: list[CellReport],
    scored: list[Scored],
    benchmark: BenchmarkData,
    facts: Facts,
    cluster: Ints,
    count: int,
    strict: bool,
    spec: ProtocolSpec,
    extra: Sequence[Sequence[Column]] = (),
) -> None:
    """All metrics of all cells; every cell sees the same resamples."""
    for n, (cell, cell_scored) in enumerate(zip(cells, scored, strict=True)):
        data = benchmark.cells[CellKey(cell.judge, cell.arm, cell.writer)]
        more = [c for c in extra[n] if c.n] if extra else []
        columns, macros = _columns(cell_scored, data, facts, cluster, strict, spec, more)
        grouping = {"groups", "groups_by_category"} & set(spec.aggregates)
        if grouping and metrics.grouped(facts) and not any(c.name.startswith("acc_plus") for c, _ in columns):
            cell.flags.append("Acc+ is void: it needs every row of every group")
        _fill_one(cell, columns, macros, count, _both(cell_scored), count == len(benchmark.items))


Columns = list[tuple[Column, Ints]]
"""Each with the clusters of its rows."""


def _columns(
    scored: Scored,
    cell: CellData,
    facts: Facts,
    cluster: Ints,
    strict: bool,
    spec: ProtocolSpec,
    more: Sequence[Column] = (),
) -> tuple[Columns, list[tuple[str, list[int]]]]:
    """What a cell's metrics are made of: columns, and by name the places of those whose mean is a metric."""
    cell_columns = metrics.columns(scored, facts)
    cell_columns += positions.columns(scored, facts) + rankings.columns(scored, facts)
    cell_columns += votes.columns(scored, facts, cell.samples)
    cell_columns += more
    columns = [(c, cluster) for c in cell_columns if strict or c.name in ("accuracy", "parsed", "answered")]
    macros: list[tuple[str, list[int]]] = []
    categories = metrics.category_columns(scored, facts)
    if categories and "macro" in spec.aggregates:
        macros.append(("macro", list(range(len(columns), len(columns) + len(categories)))))
    if categories and "macro_with_all" in spec.aggregates:
        accuracy_place = next(i for i, (c, _) in enumerate(columns) if c.name == "accuracy")
        macros.append(("macro_with_all", [accuracy_place, *range(len(columns), len(columns) + len(categories))]))
    columns += [(c, cluster) for c in categories]
    if "criteria" in spec.aggregates:
        for name, parts in aggregates.by_criterion(scored, facts).items():
            macros.append((name, list(range(len(columns), len(columns) + len(parts)))))
            columns += [(c, cluster) for c in parts]
    if "conflicts" in spec.aggregates:
        conflict_columns, stands = aggregates.conflicts(scored, facts)
        columns += [(c, cluster[s]) for c, s in zip(conflict_columns, stands, strict=True)]
    if {"groups", "groups_by_category"} & set(spec.aggregates):
        groups, stand = metrics.group_columns(scored, facts, "groups_by_category" in spec.aggregates)
        columns += [(c, cluster[stand]) for c in groups]
    return columns, macros


def _fill_one(
    cell: CellReport,
    columns: Sequence[tuple[Column, Ints]],
    macros: Sequence[tuple[str, list[int]]],
    count: int,
    both: bool,
    single: bool,
) -> None:
    """A cell's metrics from its columns (each with the clusters of its rows) and from means of several of them."""
    num, den = np.empty((count, len(columns))), np.empty((count, len(columns)))
    for i, (column, owners) in enumerate(columns):
        num[:, i], den[:, i] = statistics.by_cluster(np.stack([column.num, column.den], axis=1), owners, count).T
    distribution = statistics.bootstrap(num, den)
    low, high = statistics.interval(distribution)
    for i, (column, _) in enumerate(columns):
        bounds = (float(low[i]), float(high[i]))
        one_order = column.name in ("forward", "reverse") or (column.name == "accuracy" and not both)
        if one_order and single and set(np.unique(column.num)) <= {0.0, 1.0}:
            bounds = statistics.wilson(column.k, column.n)
        if column.name:
            cell.metrics[column.name] = Metric(column.name, column.k, column.n, column.value, *bounds)
    for name, members in macros:
        values = [columns[i][0].value for i in members]
        below, above = statistics.interval(distribution[:, members].mean(axis=1, keepdims=True))
        k, n = math.fsum(values), len(values)
        cell.metrics[name] = Metric(name, k, n, k / n, float(below[0]), float(above[0]))


def _both(scored: Scored) -> bool:
    return bool(scored.both.any())


APART = ("self", "training_proxy", "same_base", "same_family")
"""Relations that stand apart from the headline, and so from its family of tests (docs/design/unseen.md)."""


def adjust(reports: Sequence[Report]) -> None:
    """Holm over the cells of the declared primary contrast in all reports that are shown together.

    The family are the complete cells of models that are not known to be kin of the writer; where only baselines were run,
    those of `lexical`.
    """
    cell_contrasts = [
        (c, c.contrasts[r.primary.reference])
        for r in reports
        for c in r.cells
        if c.arm == r.primary.arm and r.primary.reference in c.contrasts and c.contrasts[r.primary.reference].complete
    ]
    models = [x for c, x in cell_contrasts if not c.baseline and c.relation not in APART]
    family = models or [x for c, x in cell_contrasts if c.baseline and not c.blind]
    paired.adjust(family)
    for contrast in family:
        contrast.primary = True
    matrix.adjust([m for r in reports for m in r.matrices])
