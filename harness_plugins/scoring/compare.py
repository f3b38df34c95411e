"""Two runs side by side: did the new checkpoint write better rubrics? `compare` is the whole of it.

Items are matched by uid, judges by what decides their answers, writers by name; all differences are B minus A, item by item.
`none` reads no rubric, so between runs it should not differ: where it does, the judge itself is another one (its server, its
seed), and what its rubrics did is known only as the difference of the gains.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.errors import UserError
from evaluators.gc_pause import rare_collections
from evaluators.inputs.names import unknown
from evaluators.rubrics.arms import ARMS
from harness_plugins.scoring import metrics, paired, protocols
from harness_plugins.scoring.arrays import BenchmarkData, CellKey, RunData
from harness_plugins.scoring.caveats import Caveat, caveats, unequal
from harness_plugins.scoring.cells import Contrast, Metric
from harness_plugins.scoring.conclusions import Conclusion
from harness_plugins.scoring.matching import Both, Indices, NotComparable, judges_of, same_items, writer_pairs
from harness_plugins.scoring.metrics import Scored, Scores
from harness_plugins.scoring.read import read_run
from harness_plugins.scoring.score import APART, conclusions_of, relation_of, scores_of
from harness_plugins.scoring.statistics import Floats


@dataclass
class Row:
    """One judge's arm in both runs, over the items that are complete in both."""

    benchmark: str
    judge: str
    arm: str
    writers: Both[str] | None
    """In A and in B; None where the arm has none."""
    relation: str
    baseline: bool
    complete: bool
    """Every trial of the matched items was answered in both."""
    a: Metric
    b: Metric
    difference: Contrast | None
    """B minus A."""
    beyond_none: Contrast | None = None
    """(B minus B's `none`) minus (A minus A's `none`): what is left of the difference where the judge itself has changed."""
    fixed: float = 0.0
    broken: float = 0.0
    """Items that were not right in every order in A and are in B, and the reverse."""
    transitions: dict[str, dict[str, float]] | None = None


@dataclass
class Matched:
    """One benchmark and pair of writers."""

    benchmark: str
    writers: Both[str]
    items: int
    clusters: int
    rows: list[Row]
    one_run: bool = False
    """A and B are writers of one run."""
    only: Both[int] = field(default_factory=lambda: Both(0, 0))
    """Items that only A, only B has."""
    changed: int = 0
    """Items of both whose texts, labels or media are not the same: left out."""
    judges: tuple[str, ...] = ()
    """Those that the headline is the mean of."""
    headline: Contrast | None = None
    """The arm compared, B minus A, mean over the judges item by item."""
    drift: Contrast | None = None
    """`none` the same way: the noise floor."""
    beyond_none: Contrast | None = None
    notes: list[str] = field(default_factory=list)
    conclusions: Both[Conclusion | None] = field(default_factory=lambda: Both[Conclusion | None](None, None))
    """What may be said of A's rubrics and of B's, each over the whole of its own run."""

    @property
    def drifted(self) -> bool:
        """`none` moved, over all judges or in one of them."""
        return any(
            x is not None and x.clear for x in [self.drift, *(row.difference for row in self.rows if row.arm == "none")]
        )


@dataclass
class Comparison:
    runs: Both[Path]
    arm: str
    protocol: str
    matched: list[Matched]
    not_comparable: list[NotComparable] = field(default_factory=list)
    caveats: Both[list[Caveat]] = field(default_factory=lambda: Both[list[Caveat]]([], []))
    """What spoils the numbers of A and of B."""
    losses: Both[list[str]] = field(default_factory=lambda: Both[list[str]]([], []))
    """What the folders have lost, a sentence each."""
    notes: list[str] = field(default_factory=list)


def compare(
    run_a: str | Path,
    run_b: str | Path,
    *,
    writer_a: str | None = None,
    writer_b: str | None = None,
    arm: str = "transferred",
    protocol: str = "strict",
) -> Comparison:
    """Compare what two runs' rubrics did for the same judges on the same items.

    Args:
        run_a, run_b: run folders; the same one twice compares two of its writers.
        writer_a, writer_b: whose rubrics; by default writers of equal name, else the only one on each side.
        arm: the arm of the headline.
        protocol: as `scoring.score`.

    Raises:
        UserError: no run folder, or nothing in the two can be compared; the message says why.
    """
    with rare_collections(freeze=False):
        a = read_run(Path(run_a))
        b = a if Path(run_a).resolve() == Path(run_b).resolve() else read_run(Path(run_b))
        losses = Both(a.problems.notes(), [] if b is a else b.problems.notes())
        comparison = Comparison(Both(a.folder, Path(run_b)), arm, protocol, [], losses=losses)
        shared = [n for n in a.benchmarks if n in b.benchmarks]
        if not shared:
            names = " and ".join(f"{run.folder} has {', '.join(run.benchmarks)}" for run in (a, b))
            raise UserError(f"the runs share no benchmark: {names}")
        arms = [k.arm for run in (a, b) for benchmark in run.benchmarks.values() for k in benchmark.cells]
        if arm not in arms:
            raise UserError(f"--arm: {unknown('arm', arm, arms)}")
        judges = judges_of(Both(a, b))
        comparison.not_comparable = judges.not_comparable
        for name in shared:
            _compare_benchmark(Both(a, b), name, judges.alike, Both(writer_a, writer_b), comparison)
    if not comparison.matched:
        raise UserError(*(comparison.notes or [f"no writer's rubrics were judged under {arm!r} in both runs"]))
    _adjust(comparison.matched, arm)
    by_run = {id(run): {(c.benchmark, c.writer): c for c in conclusions_of(run, protocol)} for run in (a, b)}
    for m in comparison.matched:
        m.conclusions = Both(
            *(by_run[id(run)].get((m.benchmark, writer)) for run, writer in zip((a, b), m.writers, strict=True))
        )
    return comparison


def _compare_benchmark(
    runs: Both[RunData], name: str, judges: Sequence[str], writers: Both[str | None], comparison: Comparison
) -> None:
    """Add a benchmark's pairs of writers to the comparison, or a note on why there is none."""
    benchmarks = Both(runs.a.benchmarks[name], runs.b.benchmarks[name])
    protocol = protocols.resolve(comparison.protocol, name)
    if protocol is None:
        comparison.notes.append(protocols.absent(comparison.protocol, name))
        return
    pairs, problem = writer_pairs(benchmarks, comparison.runs, comparison.arm, judges, writers)
    comparison.notes += [problem] if problem else []
    indices, changed = same_items(benchmarks)
    only = Both(*(len(benchmark.items) - len(indices.a) - changed for benchmark in benchmarks))
    if not len(indices.a):
        comparison.notes.append(
            f"{name}: the runs share no item ({only.a} only in A, {only.b} only in B, {changed} changed)"
        )
        return
    both = Both(*(scores_of(run, data, protocol) for run, data in zip(runs, benchmarks, strict=True)))
    for scores, shown in zip(both, comparison.caveats, strict=True):
        shown += [c for c in caveats(scores) if c.judge in (None, *judges)]
    width = min(benchmark.width for benchmark in benchmarks)
    sides = Both(
        *(_cut(scores, side_indices, width, judges) for scores, side_indices in zip(both, indices, strict=True))
    )
    for pair in pairs:
        matched = _matched(sides, pair, judges, comparison.arm)
        matched.only, matched.changed = only, changed
        if sides.a.by_ratio or sides.b.by_ratio:
            twin = _matched(Both(*(s.with_ratios() for s in sides)), pair, judges, comparison.arm)
            for contrast, by_ratio in zip(_contrasts(matched), _contrasts(twin), strict=True):
                paired.set_by_ratio(contrast, by_ratio)
        _add_notes(matched, benchmarks)
        comparison.matched.append(matched)


def _cut(scores: Scores, indices: Indices, width: int, judges: Sequence[str]) -> Scores:
    """The judges' cells with the matched items alone, in their common order.

    Args:
        width: as many orders as both benchmarks have.
    """

    def cut(scored: Scored) -> Scored:
        per_item = {f: getattr(scored, f)[indices] for f in ("complete", "num", "den", "log_odds")}
        wide = {f: getattr(scored, f)[indices][:, :width] for f in ("outcome", "counts", "turns")}
        return replace(
            scored,
            **per_item,
            **wide,
            ranks=None,
            with_rubric=None if scored.with_rubric is None else scored.with_rubric[indices],
        )

    arrays: dict[str, Any] = {k: v[indices] for k, v in vars(scores.facts).items() if isinstance(v, np.ndarray)}
    return Scores(
        scores.run,
        replace(scores.benchmark, items=[scores.benchmark.items[i] for i in indices]),
        replace(scores.facts, **arrays),
        {k: cut(s) for k, s in scores.by_key.items() if k.judge in judges},
        {k: cut(s) for k, s in scores.by_ratio.items() if k.judge in judges},
    )


def _matched(sides: Both[Scores], writers: Both[str], judges: Sequence[str], arm: str) -> Matched:
    benchmark = sides.a.benchmark
    rows = [row for judge in judges for row in _rows(sides, judge, writers)]
    clusters = int(benchmark.cluster.max()) + 1
    one_run = sides.a.run is sides.b.run
    matched = Matched(benchmark.name, writers, len(benchmark.items), clusters, rows, one_run)
    _set_headline(matched, arm, sides)
    return matched


def _rows(sides: Both[Scores], judge: str, writers: Both[str]) -> list[Row]:
    """A judge's arms that both runs have, those of the writers and those that have none."""
    keys: dict[str, Both[CellKey]] = {}
    for arm in dict.fromkeys(k.arm for k in sides.a.by_key if k.judge == judge):
        per_writer = any(k.writer for k in sides.a.by_key if k.arm == arm)
        pair = Both(*(CellKey(judge, arm, writer if per_writer else None) for writer in writers))
        if pair.a in sides.a.by_key and pair.b in sides.b.by_key:
            keys[arm] = pair
    cells = {arm: _cells(sides, pair) for arm, pair in keys.items()}
    differences = {(arm, "minus"): b.score - a.score for arm, (a, b) in cells.items()}
    # Two writers of one run share their `none`, which would cancel.
    if "none" in cells and sides.a.run is not sides.b.run:
        none_cells = cells["none"]
        differences |= {
            (arm, "beyond"): (b.score - none_cells.b.score) - (a.score - none_cells.a.score)
            for arm, (a, b) in cells.items()
            if arm != "none"
        }
    contrasts = paired.contrasts(differences, sides.a.benchmark.cluster)
    rows = []
    for arm in sorted(cells, key=lambda name: list(ARMS).index(name) if name in ARMS else len(ARMS)):
        a, b = cells[arm]
        row = Row(
            sides.a.benchmark.name,
            judge,
            arm,
            writers if keys[arm].a.writer is not None else None,
            _relation([relation_of(s.run, k) for s, k in zip(sides, keys[arm], strict=True)]),
            sides.a.run.baseline(judge),
            a.trials.complete and b.trials.complete,
            *_accuracies(cells[arm]),
            _named(contrasts[arm, "minus"], "A", [cells[arm]], arm),
            _named(contrasts.get((arm, "beyond")), "A, beyond none", [cells[arm]], arm),
            transitions=metrics.transitions(a, b, sides.a.facts),
        )
        moves = row.transitions or {}
        row.fixed = sum(moves[s]["both_right"] for s in moves if s != "both_right")
        row.broken = sum(n for s, n in moves.get("both_right", {}).items() if s != "both_right")
        rows.append(row)
    return rows


def _cells(sides: Both[Scores], keys: Both[CellKey]) -> Both[Scored]:
    return Both(sides.a.by_key[keys.a], sides.b.by_key[keys.b])


def _relation(relations: Sequence[str]) -> str:
    """How a judge is related to both writers: the nearer of two relations."""
    return next((relation for relation in (*APART, "undeclared", "baseline", "unseen") if relation in relations), "")


def _accuracies(cells: Both[Scored]) -> Both[Metric]:
    """Over the items that both completed."""
    shared = (cells.a.den > 0) & (cells.b.den > 0)
    n = int(shared.sum())

    def accuracy(scored: Scored) -> Metric:
        k = float(scored.score[shared].sum())
        return Metric("accuracy", k, n, k / n if n else math.nan, math.nan, math.nan)

    return Both(accuracy(cells.a), accuracy(cells.b))


def _named(contrast: Contrast | None, reference: str, cells: Sequence[Both[Scored]], arm: str) -> Contrast | None:
    """The contrast with what must be known of its two sides, a pair of cells for each judge.

    What differs under `none` comes from the judge itself, which makes a comparison *confounded*; who answered is noted apart.
    """
    if contrast is not None:
        contrast.reference = reference
        contrast.complete = all(scored.trials.complete for pair in cells for scored in pair)
        contrast.of = len(cells[0].a.den)
        if arm != "none":
            members = np.logical_and.reduce([scored.den > 0 for pair in cells for scored in pair])
            cells_b, cells_a = [pair.b for pair in cells], [pair.a for pair in cells]
            contrast.unequal = unequal(cells_b, cells_a, members, leaving_out=("provenance",))
    return contrast


def _set_headline(matched: Matched, arm: str, sides: Both[Scores]) -> None:
    """The mean over the judges that are unseen to both writers, item by item; where no judge is known to be unseen, over those not
    known to be kin; where only baselines read the rubrics, over those."""
    rows = [row for row in matched.rows if row.arm == arm and row.complete]
    models = [row for row in rows if not row.baseline and row.relation not in APART]
    unseen = [row for row in models if row.relation == "unseen"]
    members = unseen or models or [row for row in rows if row.baseline]
    if not members:
        return
    if not unseen:
        kind = (
            "judges whose relation to the writers is not declared"
            if models
            else "baselines, which are no evidence of transfer"
        )
        matched.notes.append(f"The headline is over {kind}.")
    matched.judges = tuple(row.judge for row in members)
    with_none = {row.judge for row in matched.rows if row.arm == "none" and row.complete and not matched.one_run}
    differences: dict[str, list[Floats]] = {"minus": [], "none": [], "beyond": []}
    cells = []
    for row in members:
        keys = Both(*(CellKey(row.judge, arm, writer) for writer in row.writers or (None, None)))
        cells.append(_cells(sides, keys))
        minus = cells[-1].b.score - cells[-1].a.score
        differences["minus"].append(minus)
        if row.judge in with_none:
            key = CellKey(row.judge, "none", None)
            drift = sides.b.by_key[key].score - sides.a.by_key[key].score
            differences["none"].append(drift)
            differences["beyond"].append(minus - drift)
    means = {k: paired.mean(d) for k, d in differences.items() if len(d) == len(members)}
    contrasts = paired.contrasts(means, sides.a.benchmark.cluster)
    matched.headline = _named(contrasts["minus"], "A", cells, arm)
    matched.drift, matched.beyond_none = contrasts.get("none"), contrasts.get("beyond")


def _contrasts(matched: Matched) -> list[Contrast | None]:
    """Those of the headline, then those of the rows, in a fixed order."""
    rows = [c for row in matched.rows for c in (row.difference, row.beyond_none)]
    return [matched.headline, matched.drift, matched.beyond_none, *rows]


def _add_notes(matched: Matched, benchmarks: Both[BenchmarkData]) -> None:
    """Note where another model, backend or sampling answered a judge's `none` in B than in A."""
    if matched.one_run:
        return
    for judge in dict.fromkeys(row.judge for row in matched.rows):
        key = CellKey(judge, "none", None)
        served = [set(benchmark.cells[key].provenance) if key in benchmark.cells else set() for benchmark in benchmarks]
        if all(served) and served[0] != served[1]:
            servers = " / ".join(", ".join(sorted(s)) for s in served)
            matched.notes.append(f"{judge}: not served alike (in A / in B): {servers}.")


def _adjust(matched: Sequence[Matched], arm: str) -> None:
    """Holm over the judges of the headlines, over the headlines, and over the judges' `none`."""
    families: list[Iterable[Contrast | None]] = [
        [row.difference for m in matched for row in m.rows if row.arm == arm and row.judge in m.judges],
        [m.headline for m in matched],
        [row.difference for m in matched for row in m.rows if row.arm == "none"],
    ]
    for family in families:
        paired.adjust([c for c in family if c is not None and c.complete])
