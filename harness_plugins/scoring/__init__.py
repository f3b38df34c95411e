"""Scoring: a run folder in, metrics with intervals and contrasts with tests out. `score` is the whole of it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from evaluators.errors import UserError
from evaluators.relation import relation
from harness_plugins.benchmarks.spec import ProtocolSpec
from harness_plugins.scoring import metrics, protocols, statistics
from harness_plugins.scoring.metrics import STATES, Facts, Scored
from harness_plugins.scoring.read import BenchmarkData, CellData, CellKey, RunData, read_run
from harness_plugins.scoring.report import CellReport, Contrast, Metric, Report
from harness_plugins.scoring.statistics import Column, Floats, Ints

__all__ = ["CellReport", "Contrast", "Metric", "Report", "score"]

REFERENCES = ("none", "shuffled")
COVERAGE_GAP = 0.01


def score(run: str | Path, protocol: str = "strict") -> Report:
    """Score a run folder.

    Args:
        run: the folder.
        protocol: `strict`, `official`, `metric`, or a protocol's full name.

    Raises:
        UserError: no run folder, an unknown protocol, or one whose samples, orders or answers are missing.
    """
    data = read_run(Path(run))
    report = Report(data.folder, protocol, {}, {}, [], {n: b.facts for n, b in data.benchmarks.items()})
    for benchmark in data.benchmarks.values():
        resolved = protocols.resolve(protocol, benchmark.name)
        if resolved is None:
            continue
        name, spec = resolved
        report.protocol = name if len(data.benchmarks) == 1 else protocol
        report.about[benchmark.name] = f"{name}: {spec.about}"
        _score_benchmark(data, benchmark, name, spec, report)
    if not report.about:
        raise UserError(
            f"{run}: no benchmark of this run has a protocol {protocol!r}; `rubric-harness tasks` lists them"
        )
    _adjust(data, report)
    if data.skipped_lines:
        report.notes.append(f"{data.skipped_lines} lines of the verdict files are no verdict records and were left out")
    return report


def _score_benchmark(run: RunData, benchmark: BenchmarkData, name: str, spec: ProtocolSpec, report: Report) -> None:
    facts = metrics.facts_of(benchmark, spec.categories)
    cluster = statistics.clusters(benchmark.items)
    count = int(cluster.max()) + 1
    report.items[benchmark.name] = (len(benchmark.items), count, int((facts.label < 0).sum()))
    scored: dict[CellKey, Scored] = {}
    for key, cell in benchmark.cells.items():
        if not cell.computed:
            protocols.check(name, spec, benchmark, cell)
        none = benchmark.cells.get(CellKey(key.judge, "none", None))
        outcome = cell.outcome if cell.computed else protocols.reparsed(run.folder, spec, benchmark, cell)
        scored[key] = metrics.score_cell(benchmark, cell, outcome, none, facts, spec)
    cells = [
        _cell(run, benchmark, benchmark.cells[key], one, scored.get(CellKey(key.judge, "none", None)), facts)
        for key, one in scored.items()
    ]
    _fill_metrics(cells, list(scored.values()), benchmark, facts, cluster, count, name == "strict", spec)
    _fill_contrasts(cells, scored, facts, cluster, count)
    report.cells += cells


def _cell(
    run: RunData, benchmark: BenchmarkData, cell: CellData, one: Scored, none: Scored | None, facts: Facts
) -> CellReport:
    key = cell.key
    with_rubric = None
    if cell.without_rubric is not None:
        with_rubric = (int((~cell.without_rubric).sum()), len(cell.without_rubric))
    transitions = None
    if none is not None and key.arm != "none" and one.asked.all(axis=1).any():
        before, after = metrics.states(none, facts), metrics.states(one, facts)
        labelled = facts.label >= 0
        transitions = {
            a: {b: int(((before == i) & (after == j) & labelled).sum()) for j, b in enumerate(STATES)}
            for i, a in enumerate(STATES)
        }
    flags = []
    if len(cell.provenance) > 1:
        flags.append(f"mixed provenance: {len(cell.provenance)} different models, backends or samplings answered")
    return CellReport(
        benchmark.name,
        key.judge,
        key.writer,
        key.arm,
        _relation(run, key),
        run.baseline(key.judge),
        run.blind(key.judge),
        cell.computed,
        one.trials,
        cell.tokens,
        {},
        {},
        transitions,
        with_rubric,
        flags,
    )


def _relation(run: RunData, key: CellKey) -> str:
    writer = run.writers.get(key.writer) if key.writer else None
    judge = run.manifest.get("judges", {}).get(key.judge)
    if writer is None or judge is None:
        return ""
    if run.baseline(key.judge):
        return "baseline"
    return relation(writer, model=judge["key"]["model"], base=judge["base"], family=judge["family"])


def _fill_metrics(
    cells: list[CellReport],
    scored: list[Scored],
    benchmark: BenchmarkData,
    facts: Facts,
    cluster: Ints,
    count: int,
    strict: bool,
    spec: ProtocolSpec,
) -> None:
    """All metrics of all cells in one bootstrap, so that every cell sees the same resamples."""
    columns: list[tuple[int, Column, Ints]] = []
    macros: list[tuple[int, list[int]]] = []
    for n, (cell, one) in enumerate(zip(cells, scored, strict=True)):
        found = metrics.columns(one, facts, spec, _with_rubric(benchmark, cell))
        columns += [(n, c, cluster) for c in found if strict or c.name in ("accuracy", "parsed", "answered")]
        categories = metrics.category_columns(one, facts)
        if categories and "macro" in spec.aggregates:
            macros.append((n, list(range(len(columns), len(columns) + len(categories)))))
        columns += [(n, c, cluster) for c in categories]
        if "groups" in spec.aggregates:
            groups, stands = metrics.group_columns(one, facts)
            columns += [(n, c, cluster[stands]) for c in groups]
            if not groups and metrics.grouped(facts):
                cell.flags.append("Acc+ is void: it needs every row of every group")
    sums = [statistics.by_cluster(np.stack([c.num, c.den], axis=1), owners, count) for _, c, owners in columns]
    stacked = np.stack(sums, axis=2)
    distribution = statistics.bootstrap(stacked[:, 0], stacked[:, 1])
    low, high = statistics.interval(distribution)
    single = count == len(benchmark.items)
    for i, (n, column, _) in enumerate(columns):
        bounds = (float(low[i]), float(high[i]))
        one_order = column.name in ("forward", "reverse") or (column.name == "accuracy" and not _both(scored[n]))
        if one_order and single and set(np.unique(column.num)) <= {0.0, 1.0}:
            bounds = statistics.wilson(column.k, column.n)
        cells[n].metrics[column.name] = Metric(column.name, column.k, column.n, column.value, *bounds)
    for n, members in macros:
        values = [columns[i][1].value for i in members]
        below, above = statistics.interval(distribution[:, members].mean(axis=1, keepdims=True))
        k, count = math.fsum(values), len(values)
        cells[n].metrics["macro"] = Metric("macro", k, count, k / count, float(below[0]), float(above[0]))


def _both(one: Scored) -> bool:
    return bool(one.asked.all(axis=1).any())


def _with_rubric(benchmark: BenchmarkData, cell: CellReport) -> metrics.Bools | None:
    without = benchmark.cells[CellKey(cell.judge, cell.arm, cell.writer)].without_rubric
    return None if without is None or not without.any() else ~without


def _fill_contrasts(
    cells: list[CellReport], scored: dict[CellKey, Scored], facts: Facts, cluster: Ints, count: int
) -> None:
    """Each arm minus `none` and minus the same writer's `shuffled`."""
    pairs: list[tuple[CellReport, Scored, Scored, str]] = []
    for cell in cells:
        one = scored[CellKey(cell.judge, cell.arm, cell.writer)]
        for reference in REFERENCES:
            key = CellKey(cell.judge, reference, cell.writer if reference == "shuffled" else None)
            if key in scored and reference != cell.arm:
                pairs.append((cell, one, scored[key], reference))
    if not pairs:
        return
    differences, counts = np.empty((len(cluster), len(pairs))), np.empty((len(cluster), len(pairs)))
    for i, (_, one, other, _) in enumerate(pairs):
        shared = (one.den > 0) & (other.den > 0)
        differences[:, i] = np.where(shared, one.score - other.score, 0.0)
        counts[:, i] = shared
    sums, ns = (statistics.by_cluster(x, cluster, count) for x in (differences, counts))
    low, high = statistics.interval(statistics.bootstrap(sums, ns))
    p, error = statistics.sign_flip(sums), statistics.standard_error(sums, ns)
    for i, (cell, one, other, reference) in enumerate(pairs):
        n, total = int(counts[:, i].sum()), float(differences[:, i].sum())
        if n:
            contrast = Contrast(
                reference, n, total, total / n, float(low[i]), float(high[i]), float(p[i]), 2.8 * float(error[i])
            )
            _complete_contrast(contrast, one, other, facts, count == len(cluster))
            cell.contrasts[reference] = contrast


def _complete_contrast(contrast: Contrast, one: Scored, other: Scored, facts: Facts, single: bool) -> None:
    """McNemar, content share and the flag for unequal coverage."""
    both = one.complete & other.complete
    if single and _both(one):
        a, b = ((s.pick == facts.label[:, None]).all(axis=1) & both for s in (one, other))
        contrast.p_strict = statistics.mcnemar(int((a & ~b).sum()), int((b & ~a).sum()))
    if one.log_odds is not None and other.log_odds is not None:
        contrast.content = float(np.mean(_aggregated(one.log_odds[both])) - np.mean(_aggregated(other.log_odds[both])))
    shares = [s.trials[0] / max(s.trials[1], 1) for s in (one, other)]
    if abs(shares[0] - shares[1]) > COVERAGE_GAP:
        contrast.flags.append(f"coverage differs: {shares[0]:.1%} here, {shares[1]:.1%} in {contrast.reference}")


def _aggregated(log_odds: Floats) -> Floats:
    answer: Floats = (log_odds > 0) + 0.5 * (log_odds == 0)
    return answer


def _adjust(run: RunData, report: Report) -> None:
    """Holm over the cells of the declared primary contrast: models where there are any, else `lexical`."""
    arm, reference = run.manifest.get("primary_contrast", ["transferred", "none"])
    found = [c for c in report.cells if c.arm == arm and reference in c.contrasts]
    family = [c for c in found if not c.baseline] or [c for c in found if not c.blind]
    for cell, p in zip(family, statistics.holm([c.contrasts[reference].p for c in family]), strict=True):
        cell.contrasts[reference].p_holm = p
        cell.contrasts[reference].primary = True
