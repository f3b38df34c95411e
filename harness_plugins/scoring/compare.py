"""Two runs side by side: did the new checkpoint write better rubrics? `compare` is the whole of it.

Items are matched by uid, judges by what decides their answers, writers by name; all differences are B minus A, item by item.
`none` reads no rubric, so between runs it should not differ: where it does, the judge itself is another one (its server, its
seed), and what its rubrics did is known only as the difference of the gains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.errors import UserError
from evaluators.garbage import rare_collections
from evaluators.inputs.names import unknown
from evaluators.rubrics.arms import ARMS
from harness_plugins.scoring import metrics, paired, protocols, statistics
from harness_plugins.scoring.arrays import CellKey, RunData
from harness_plugins.scoring.caveats import Caveat, caveats, unequal
from harness_plugins.scoring.cells import Contrast, Metric
from harness_plugins.scoring.conclusions import Conclusion
from harness_plugins.scoring.matching import Both, Indices, Refused, judges_alike, same_items, writer_pairs
from harness_plugins.scoring.metrics import Facts, Scored
from harness_plugins.scoring.read import read_run
from harness_plugins.scoring.score import APART, conclusions_of, relation_of, scores_of
from harness_plugins.scoring.statistics import Floats, Ints


@dataclass
class Row:
    """One judge's arm in both runs, over the items that are complete in both."""

    benchmark: str
    judge: str
    arm: str
    writers: tuple[str, str] | None
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
    writers: tuple[str, str]
    items: int
    clusters: int
    only: tuple[int, int]
    """Items that only A, only B has."""
    changed: int
    """Items of both whose texts, labels or media are not the same: left out."""
    rows: list[Row]
    one_run: bool = False
    """A and B are writers of one run."""
    judges: tuple[str, ...] = ()
    """Those that the headline is the mean of."""
    headline: Contrast | None = None
    """The arm compared, B minus A, mean over the judges item by item."""
    drift: Contrast | None = None
    """`none` the same way: the noise floor."""
    beyond_none: Contrast | None = None
    notes: list[str] = field(default_factory=list)
    conclusions: tuple[Conclusion | None, Conclusion | None] = (None, None)
    """What may be said of A's rubrics and of B's, each over the whole of its own run."""

    @property
    def drifted(self) -> bool:
        """`none` moved, over all judges or in one of them."""
        return any(
            x is not None and x.clear for x in [self.drift, *(r.difference for r in self.rows if r.arm == "none")]
        )


@dataclass
class Comparison:
    runs: tuple[Path, Path]
    arm: str
    protocol: str
    matched: list[Matched]
    refused: list[Refused] = field(default_factory=list)
    caveats: tuple[list[Caveat], list[Caveat]] = field(default_factory=lambda: ([], []))
    """What spoils the numbers of A and of B."""
    losses: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    """What the folders have lost, a sentence each."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Side:
    """A benchmark of one run, cut to the items that both have."""

    run: RunData
    scored: Mapping[CellKey, Scored]


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
        losses = a.problems.notes(), [] if b is a else b.problems.notes()
        comparison = Comparison((a.folder, Path(run_b)), arm, protocol, [], losses=losses)
        shared = [n for n in a.benchmarks if n in b.benchmarks]
        if not shared:
            names = " and ".join(f"{r.folder} has {', '.join(r.benchmarks)}" for r in (a, b))
            raise UserError(f"the runs share no benchmark: {names}")
        arms = [k.arm for r in (a, b) for d in r.benchmarks.values() for k in d.cells]
        if arm not in arms:
            raise UserError(f"--arm: {unknown('arm', arm, arms)}")
        judges, comparison.refused = judges_alike(a, b)
        for name in shared:
            _compare_benchmark(a, b, name, judges, (writer_a, writer_b), comparison)
    if not comparison.matched:
        raise UserError(*(comparison.notes or [f"no writer's rubrics were judged under {arm!r} in both runs"]))
    _adjust(comparison.matched, arm)
    by_run = {id(r): {(c.benchmark, c.writer): c for c in conclusions_of(r, protocol)} for r in (a, b)}
    for m in comparison.matched:
        first, second = (by_run[id(r)].get((m.benchmark, w)) for r, w in zip((a, b), m.writers, strict=True))
        m.conclusions = (first, second)
    return comparison


def _compare_benchmark(
    a: RunData,
    b: RunData,
    name: str,
    judges: Sequence[str],
    asked_for: tuple[str | None, str | None],
    comparison: Comparison,
) -> None:
    here = (a.benchmarks[name], b.benchmarks[name])
    resolved = protocols.resolve(comparison.protocol, name)
    if resolved is None:
        comparison.notes.append(protocols.absent(comparison.protocol, name))
        return
    pairs, problem = writer_pairs(here, comparison.runs, comparison.arm, judges, asked_for)
    places, changed = same_items(*here)
    comparison.notes += [problem] if problem else []
    only = tuple(len(d.items) - len(places[0]) - changed for d in here)
    if not len(places[0]):
        comparison.notes.append(
            f"{name}: the runs share no item ({only[0]} only in A, {only[1]} only in B, {changed} changed)"
        )
        return
    sides: list[_Side] = []
    by_ratio: list[_Side] = []
    facts = []
    for run, data, place in zip((a, b), here, places, strict=True):
        scores = scores_of(run, data, resolved)
        scored, again = scores.by_key, scores.by_ratio
        comparison.caveats[len(sides)].extend(c for c in caveats(scores) if c.judge in (None, *judges))
        sides.append(_Side(run, {k: _cut(s, place, here) for k, s in scored.items() if k.judge in judges}))
        by_ratio.append(
            _Side(
                run, {**sides[-1].scored} | {k: _cut(s, place, here) for k, s in again.items() if k in sides[-1].scored}
            )
        )
        facts.append(_cut_facts(scores.facts, place))
    cluster = statistics.clusters([here[0].items[i] for i in places[0]])
    touched = any(
        s.scored[k] is not plain.scored[k] for s, plain in zip(by_ratio, sides, strict=True) for k in s.scored
    )
    for writers in pairs:

        def matched_on(sides: Sequence[_Side], writers: tuple[str, str] = writers) -> Matched:
            rows = [r for j in judges for r in _rows(sides, name, j, writers, facts[0], cluster)]
            clusters = int(cluster.max()) + 1
            matched = Matched(name, writers, len(cluster), clusters, (only[0], only[1]), changed, rows, a is b)
            _pool(matched, comparison.arm, sides, cluster)
            return matched

        matched = matched_on(sides)
        if touched:
            for contrast, twin in zip(_contrasts(matched), _contrasts(matched_on(by_ratio)), strict=True):
                paired.set_by_ratio(contrast, twin)
        _add_notes(matched, here)
        comparison.matched.append(matched)


def _cut(scored: Scored, place: Indices, here: Both) -> Scored:
    """A cell with the matched items alone, in their common order, and as many orders as both benchmarks have."""
    turns = min(d.width for d in here)
    per_item = {f: getattr(scored, f)[place] for f in ("complete", "num", "den", "log_odds")}
    wide = {f: getattr(scored, f)[place][:, :turns] for f in ("outcome", "counts", "turns")}
    return replace(scored, **per_item, **wide, places=None, own=None if scored.own is None else scored.own[place])


def _cut_facts(facts: Facts, place: Indices) -> Facts:
    arrays: dict[str, Any] = {k: v[place] for k, v in vars(facts).items() if isinstance(v, np.ndarray)}
    return replace(facts, **arrays)


def _rows(
    sides: Sequence[_Side], benchmark: str, judge: str, writers: tuple[str, str], facts: Facts, cluster: Ints
) -> list[Row]:
    """A judge's arms that both runs have, those of the writers and those that have none."""
    keys = {}
    for arm in dict.fromkeys(k.arm for k in sides[0].scored if k.judge == judge):
        per_writer = any(k.writer for k in sides[0].scored if k.arm == arm)
        pair = [CellKey(judge, arm, w if per_writer else None) for w in writers]
        if all(k in s.scored for k, s in zip(pair, sides, strict=True)):
            keys[arm] = pair
    cells = {arm: [s.scored[k] for k, s in zip(pair, sides, strict=True)] for arm, pair in keys.items()}
    gained = {}
    if "none" in cells and sides[0].run is not sides[1].run:
        gained = {
            arm: [scored.score - none.score for scored, none in zip(two, cells["none"], strict=True)]
            for arm, two in cells.items()
        }
    differences = {(arm, "minus"): two[1].score - two[0].score for arm, two in cells.items()}
    differences |= {(arm, "beyond"): two[1] - two[0] for arm, two in gained.items() if arm != "none"}
    contrasts = paired.contrasts(differences, cluster)
    rows = []
    for arm in sorted(cells, key=lambda name: list(ARMS).index(name) if name in ARMS else len(ARMS)):
        a, b = cells[arm]
        per_writer = keys[arm][0].writer is not None
        row = Row(
            benchmark,
            judge,
            arm,
            writers if per_writer else None,
            _relation([relation_of(s.run, k) for s, k in zip(sides, keys[arm], strict=True)]),
            sides[0].run.baseline(judge),
            all(s.trials[0] == s.trials[1] for s in (a, b)),
            *_accuracies(a, b),
            _named(contrasts[arm, "minus"], "A", [a], [b], arm),
            _named(contrasts.get((arm, "beyond")), "A, beyond none", [a], [b], arm),
            transitions=metrics.transitions(a, b, facts),
        )
        t = row.transitions or {}
        row.fixed = sum(t[s]["both_right"] for s in t if s != "both_right")
        row.broken = sum(n for s, n in t.get("both_right", {}).items() if s != "both_right")
        rows.append(row)
    return rows


def _relation(two: Sequence[str]) -> str:
    """How a judge stands to both writers: the nearer of two relations."""
    relations = [r for r in (*APART, "undeclared", "baseline", "unseen") if r in two]
    return relations[0] if relations else ""


def _accuracies(a: Scored, b: Scored) -> tuple[Metric, Metric]:
    shared = (a.den > 0) & (b.den > 0)
    accuracies = []
    for scored in (a, b):
        k, n = float(scored.score[shared].sum()), int(shared.sum())
        accuracies.append(Metric("accuracy", k, n, k / n if n else float("nan"), float("nan"), float("nan")))
    return accuracies[0], accuracies[1]


def _named(
    contrast: Contrast | None, reference: str, a: Sequence[Scored], b: Sequence[Scored], arm: str
) -> Contrast | None:
    """The contrast with what must be known of its two sides, a cell for each judge.

    What differs under `none` is the judge's own doing, which makes a comparison *confounded*; who answered is noted apart.
    """
    if contrast is not None:
        contrast.reference = reference
        contrast.complete = all(s.trials[0] == s.trials[1] for s in (*a, *b))
        contrast.of = len(a[0].den)
        if arm != "none":
            among = np.logical_and.reduce([s.den > 0 for s in (*a, *b)])
            contrast.unequal = unequal(b, a, among, leaving_out=("provenance",))
    return contrast


def _pool(matched: Matched, arm: str, sides: Sequence[_Side], cluster: Ints) -> None:
    """The headline: the mean over the judges that are unseen to both writers, item by item; where no judge is known to be
    unseen, over those not known to be kin; where only baselines read the rubrics, over those."""
    rows = [r for r in matched.rows if r.arm == arm and r.complete]
    models = [r for r in rows if not r.baseline and r.relation not in APART]
    unseen = [r for r in models if r.relation == "unseen"]
    members = unseen or models or [r for r in rows if r.baseline]
    if not members:
        return
    if not unseen:
        kind = (
            "judges whose relation to the writers is not declared"
            if models
            else "baselines, which are no evidence of transfer"
        )
        matched.notes.append(f"The headline is over {kind}.")
    matched.judges = tuple(r.judge for r in members)
    without = {r.judge for r in matched.rows if r.arm == "none" and r.complete and not matched.one_run}
    differences: dict[str, list[Floats]] = {"minus": [], "none": [], "beyond": []}
    cells = [
        [s.scored[CellKey(row.judge, arm, w)] for s, w in zip(sides, row.writers or (None, None), strict=True)]
        for row in members
    ]
    for row, both in zip(members, cells, strict=True):
        a, b = (scored.score for scored in both)
        differences["minus"].append(b - a)
        if row.judge in without:
            before, after = (s.scored[CellKey(row.judge, "none", None)].score for s in sides)
            differences["none"].append(after - before)
            differences["beyond"].append(b - a - (after - before))
    means = {k: np.mean(d, axis=0) for k, d in differences.items() if len(d) == len(members)}
    contrasts = paired.contrasts(means, cluster)
    first, second = ([both[n] for both in cells] for n in (0, 1))
    matched.headline = _named(contrasts["minus"], "A", first, second, arm)
    matched.drift, matched.beyond_none = contrasts.get("none"), contrasts.get("beyond")


def _contrasts(matched: Matched) -> list[Contrast | None]:
    rows = [c for r in matched.rows for c in (r.difference, r.beyond_none)]
    return [matched.headline, matched.drift, matched.beyond_none, *rows]


def _add_notes(matched: Matched, here: Both) -> None:
    if here[0] is here[1]:
        return
    for judge in dict.fromkeys(r.judge for r in matched.rows):
        key = CellKey(judge, "none", None)
        served = [set(d.cells[key].provenance) if key in d.cells else set() for d in here]
        if all(served) and served[0] != served[1]:
            servers = " / ".join(", ".join(sorted(s)) for s in served)
            matched.notes.append(f"{judge}: not served alike (in A / in B): {servers}.")


def _adjust(matched: Sequence[Matched], arm: str) -> None:
    """Holm over the judges of the headlines, over the headlines, and over the judges' `none`."""
    families: list[Iterable[Contrast | None]] = [
        [r.difference for m in matched for r in m.rows if r.arm == arm and r.judge in m.judges],
        [m.headline for m in matched],
        [r.difference for m in matched for r in m.rows if r.arm == "none"],
    ]
    for family in families:
        paired.adjust([c for c in family if c is not None and c.complete])
