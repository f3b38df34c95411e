"""A run folder as arrays: the outcome of every trial, by benchmark and cell. Nothing is needed but the jsonl files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.arms import ARMS, WriterRubrics
from evaluators.backends.baseline import PICKS
from evaluators.engine.journal import items_of, rubrics_of, verdict_files
from evaluators.engine.plan import Orders, orders_of
from evaluators.engine.runner import seed_of
from evaluators.errors import UserError
from evaluators.grading import Kind
from evaluators.keys import media_digest
from evaluators.records import STATUSES, Item, Order, Rubric, Writer, rotations
from evaluators.rendering import Case, pick_of
from harness_plugins.manifest import read_manifest
from harness_plugins.scoring.lines import verdict_tables
from harness_plugins.scoring.usage import Folder, usage_of

TIE, UNPARSED, REFUSED, TRUNCATED, ERROR, ABSENT, BOTH_BAD, ANY_TIE = range(100, 108)
"""Outcomes of a trial are the canonical candidate picked (0, 1, ...), or why there is no pick. BOTH_BAD: a tie because none is
any good. ANY_TIE: one that does not say whether they are good or bad, where that is asked."""

CODES = {"tie": TIE, "unparsed": UNPARSED, "refused": REFUSED, "truncated": TRUNCATED, "error": ERROR}
assert set(CODES) | {"ok"} == set(STATUSES)

Codes = NDArray[np.int8]
Bools = NDArray[np.bool_]


class CellKey(NamedTuple):
    judge: str
    arm: str
    writer: str | None


@dataclass
class CellData:
    """All trials of one cell.

    `outcome`, `p` (P of canonical candidate 0, NaN where unknown) and `expected` (the trials there are to be) have the
    shape (items, orders, draws): the cyclic orders of an item, AB and BA of a pair; draw d is sample d % samples of
    replicate replicates[d // samples]. `without_rubric` (items, orders) marks where the arm has nothing to give, in an order
    that the judge is asked in.
    """

    key: CellKey
    outcome: Codes
    p: NDArray[np.float64]
    expected: Bools
    samples: int = 1
    replicates: tuple[int, ...] = (0,)
    without_rubric: Bools | None = None
    provenance: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    grading: Mapping[str, Any] = field(default_factory=dict)
    """How the judge was asked, as its key has it (`grading.Grading.key`)."""
    places: NDArray[np.float64] | None = None
    """(items, orders, draws, candidates): listwise the place of each (0 = best), pointwise its score, negated; NaN unknown."""
    tokens: tuple[float, float] = (np.nan, np.nan)
    """Mean prompt and completion tokens a verdict, over those whose answers tell them; NaN where none does."""
    computed: bool = False
    """A baseline computed from the items, without having been run."""

    def draw(self, sample: int, replicate: int) -> int | None:
        """The draw that a verdict's sample and replicate are; None for one that is no longer asked for."""
        if sample >= self.samples or replicate not in self.replicates:
            return None
        return self.replicates.index(replicate) * self.samples + sample


@dataclass
class BenchmarkData:
    name: str
    items: list[Item]
    facts: dict[str, Any]
    cells: dict[CellKey, CellData] = field(default_factory=dict)

    @cached_property
    def media(self) -> list[str]:
        """What `Verdict.media` says of each item as it is now."""
        return [media_digest(i.all_media())[:16] for i in self.items]

    @cached_property
    def width(self) -> int:
        """Candidates of the item with the most of them, and so cyclic orders."""
        return max(len(i.candidates) for i in self.items)

    def in_orders(self, orders: Orders, grading: Kind = "pairwise") -> Bools:
        """(items, orders): which orders of each item `orders` asks for."""
        return np.array(
            [
                [t < len(i.candidates) and rotations(len(i.candidates))[t] in wanted for t in range(self.width)]
                for i, wanted in ((i, orders_of(i, orders, grading)) for i in self.items)
            ],
            dtype=bool,
        )


@dataclass
class RunData:
    folder: Path
    manifest: dict[str, Any]
    benchmarks: dict[str, BenchmarkData]
    writers: dict[str, Writer]
    rubrics: dict[tuple[str, str], WriterRubrics]
    """(benchmark, writer) -> its valid rubrics, as judges were handed them."""
    drafts: dict[tuple[str, str], list[Rubric]]
    """(benchmark, writer) -> the last record of each rubric, whatever its status; answers left out."""
    uids: dict[tuple[str, str], frozenset[str]]
    """(benchmark, writer) -> the uids of all its rubrics, also of those written again since."""
    skipped_lines: int = 0
    given: dict[tuple[str, str, str | None, int], list[list[dict[int, str]]]] = field(default_factory=dict, repr=False)
    """(benchmark, arm, writer, replicates seen) -> for each item and order the replicates there are to judge, with the uid of
    the rubric that is read (empty where it is not known or not written yet): equal for all judges."""
    usage: Folder = field(default_factory=Folder)
    """Calls and tokens, paid for and by cell."""

    def judge(self, name: str) -> dict[str, Any]:
        known: dict[str, Any] = self.manifest.get("judges", {}).get(name, {})
        return known

    def baseline(self, judge: str) -> bool:
        known = self.judge(judge)
        return known["key"]["backend"] == "baseline" if known else judge in PICKS

    def blind(self, judge: str) -> bool:
        known = self.judge(judge)
        return self.baseline(judge) and (known["key"]["model"] if known else judge) != "lexical"

    def shared(self, benchmark: str, writer: str | None) -> bool | None:
        """Whether a writer's rubrics are shared by all items of a benchmark; None where it has none."""
        found = self.rubrics.get((benchmark, writer)) if writer else None
        return None if found is None else bool(found.shared) and not found.by_item

    def donors(self, benchmark: str, writer: str) -> list[dict[str, str]] | None:
        """The donors of each shuffle as planned; None where the folder does not say."""
        found: list[dict[str, str]] | None = self.manifest.get("donors", {}).get(benchmark, {}).get(writer)
        return found


def read_run(folder: Path) -> RunData:
    """Read a run folder.

    Raises:
        UserError: it is no run folder, or a file in it is damaged.
    """
    items_here = items_of(folder)
    if not items_here:
        raise UserError(
            f"{folder}: no run folder (no items.jsonl in it); `rubric-harness run CONFIG.yaml --out {folder}` makes one"
        )
    manifest = read_manifest(folder)
    by_benchmark: dict[str, dict[str, Item]] = defaultdict(dict)
    for item in items_here.values():
        by_benchmark[item.benchmark][item.uid] = item
    benchmarks = {}
    for name, found in by_benchmark.items():
        items = sorted(found.values(), key=lambda i: (i.row, i.uid))
        benchmarks[name] = BenchmarkData(name, items, manifest.get("benchmarks", {}).get(name, {}))
    run = RunData(folder, manifest, benchmarks, *_rubrics(folder, manifest))
    _fill(run)
    for benchmark in benchmarks.values():
        _add_baselines(run, benchmark)
        _add_writers(run, benchmark)
        benchmark.cells = dict(sorted(benchmark.cells.items(), key=lambda kv: _place(run, kv[0])))
    return run


def _place(run: RunData, key: CellKey) -> tuple[object, ...]:
    """Where a cell stands in tables: judges and writers in the order of the config, arms in their own."""

    def at(value: str | None, known: Iterable[str]) -> tuple[int, str]:
        found = list(known)
        return (found.index(value), "") if value in found else (len(found), value or "")

    writers = run.manifest.get("rubrics", {})
    return at(key.judge, run.manifest.get("judges", {})), at(key.arm, ARMS), at(key.writer, writers)


def _rubrics(
    folder: Path, manifest: Mapping[str, Any]
) -> tuple[
    dict[str, Writer],
    dict[tuple[str, str], WriterRubrics],
    dict[tuple[str, str], list[Rubric]],
    dict[tuple[str, str], frozenset[str]],
]:
    writers: dict[str, Writer] = {}
    last: dict[tuple[object, ...], Rubric] = {}
    uids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for rubric in rubrics_of(folder):
        writers.setdefault(rubric.writer.name, rubric.writer)
        place = (rubric.benchmark, rubric.writer.name, rubric.item, rubric.saw, rubric.replicate)
        uids[rubric.benchmark, rubric.writer.name].add(rubric.uid)
        if rubric.status != "error" or place not in last:
            last[place] = replace(rubric, answer=None)
    drafts: dict[tuple[str, str], list[Rubric]] = defaultdict(list)
    for rubric in last.values():
        drafts[rubric.benchmark, rubric.writer.name].append(rubric)
    rubrics = {}
    for (benchmark, name), found in drafts.items():
        by_item: dict[str, tuple[Rubric, ...]] = {}
        for r in found:
            if r.status == "valid" and r.item is not None:
                by_item[r.item] = (*by_item.get(r.item, ()), r)
        shared = tuple(r for r in found if r.status == "valid" and r.item is None)
        donors = manifest.get("donors", {}).get(benchmark, {}).get(name, ())
        paired = frozenset(str(r.item) for r in found if r.saw != "nothing")
        pending = frozenset((str(r.item), r.saw, r.replicate) for r in found if r.status == "error")
        saw = frozenset(r.saw for r in found)
        rubrics[benchmark, name] = WriterRubrics(name, by_item, shared, tuple(donors), None, paired, pending, saw)
    return writers, rubrics, dict(drafts), {k: frozenset(v) for k, v in uids.items()}


def _new_cell(
    run: RunData, benchmark: BenchmarkData, key: CellKey, seen_samples: int, seen_replicates: int
) -> CellData:
    """An empty cell with the trials it is to hold: orders and samples are the judge's, replicates the arm's."""
    judge = run.judge(key.judge)
    samples = int(judge.get("samples", seen_samples))
    orders: Orders = judge.get("orders", "both")
    grading = judge.get("key", {}).get("grading", {})
    place = (benchmark.name, key.arm, key.writer, seen_replicates)
    if place not in run.given:
        run.given[place] = [
            [
                _read_in(run, benchmark.name, key, i, o, seen_replicates) if o else {}
                for o in (*rotations(len(i.candidates)), *[""] * (benchmark.width - len(i.candidates)))
            ]
            for i in benchmark.items
        ]
    has = run.given[place]
    replicates = tuple(sorted(set().union(*(h for both in has for h in both)))) or (0,)
    shape = (len(benchmark.items), benchmark.width, samples * len(replicates))
    draws = np.array([[[r in h for r in replicates for _ in range(samples)] for h in both] for both in has], dtype=bool)
    asked = benchmark.in_orders(orders, grading.get("kind", "pairwise"))
    expected = asked[:, :, None] & draws
    without: Bools | None = None if key.writer is None else asked & ~draws.any(axis=2)
    outcome = np.full(shape, ABSENT, dtype=np.int8)
    cell = CellData(key, outcome, np.full(shape, np.nan), expected, samples, replicates, without, grading=grading)
    if "kind" in grading:
        cell.places = np.full((*shape, benchmark.width), np.nan)
    return cell


def _read_in(run: RunData, benchmark: str, key: CellKey, item: Item, order: Order, seen: int) -> dict[int, str]:
    """The replicates that an item has in a cell and order, with the rubric that is read; none where its arm gives nothing."""
    arm = ARMS.get(key.arm)
    if key.writer is None:
        untold = arm is not None and arm.uses_label and item.label.preferred is None
        return {} if untold else {0: ""}
    rubrics = run.rubrics.get((benchmark, key.writer))
    if key.arm == "shuffled":
        donors = run.donors(benchmark, key.writer)
        return (
            dict.fromkeys(range(seen), "") if donors is None else {s: "" for s, d in enumerate(donors) if item.uid in d}
        )
    if rubrics is None:
        return {}
    found = {r.replicate: r.uid for r in (arm.reads if arm else WriterRubrics.of)(rubrics, item.uid, order)}
    saw = {"crossed": "BA" if order == "AB" else "AB", "blind": "nothing"}.get(key.arm, order)
    if rubrics.saw == {"nothing"} and not (arm and arm.after_responses):  # one for both orders
        saw = "nothing"
    to_come = {n: "" for i, s, n in rubrics.pending if (i, s) == (item.uid, saw)} if rubrics.pending else {}
    return {**to_come, **found}


def _fill(run: RunData) -> None:
    """Put every verdict's outcome in its place; of several lines for one trial the last one counts."""
    for name, judge, arm, writer in run.manifest.get("planned", ()):
        if name in run.benchmarks:
            benchmark, key = run.benchmarks[name], CellKey(judge, arm, writer)
            benchmark.cells[key] = _new_cell(run, benchmark, key, 1, 1)
    db = verdict_tables(run.folder)
    run.usage = usage_of(db, run.folder, run.manifest)
    if not any(f.stat().st_size for f in verdict_files(run.folder)):
        return
    run.skipped_lines = int(db.execute("SELECT count(*) FROM raw WHERE coalesce(bad, true)").fetchall()[0][0])
    cells = db.execute(
        "SELECT benchmark, judge, arm, writer, max(sample) + 1, max(replicate) + 1, "
        "list_sort(list(DISTINCT provenance) FILTER (status <> 'error')), "
        "list_sort(list(DISTINCT format) FILTER (status <> 'error')), "
        "coalesce(avg(prompt_tokens), 'nan'), coalesce(avg(completion_tokens), 'nan') "
        "FROM last GROUP BY 1, 2, 3, 4 ORDER BY min(line)"
    ).fetchall()
    for name, judge, arm, writer, samples, replicates, provenance, formats, tokens_in, tokens_out in cells:
        if name in run.benchmarks:
            benchmark, key = run.benchmarks[name], CellKey(judge, arm, writer)
            cell = benchmark.cells.get(key) or _new_cell(run, benchmark, key, samples, replicates)
            cell.provenance, cell.formats = tuple(provenance or ()), tuple(f for f in formats or () if f)
            cell.tokens = (tokens_in, tokens_out)
            benchmark.cells[key] = cell
            _fill_cell(db, run, benchmark, cell)
    db.close()


def _fill_cell(db: Any, run: RunData, benchmark: BenchmarkData, cell: CellData) -> None:
    places = {i.uid: n for n, i in enumerate(benchmark.items)}
    donors = run.donors(benchmark.name, cell.key.writer) if cell.key.writer and cell.key.arm == "shuffled" else None
    given, known = None, frozenset[str]()
    if cell.key.writer and cell.key.arm != "shuffled":
        given = next(
            (g for k, g in run.given.items() if k[:3] == (benchmark.name, cell.key.arm, cell.key.writer)), None
        )
        known = run.uids.get((benchmark.name, cell.key.writer), known)
    alone = cell.grading.get("kind") == "pointwise"
    if not run.manifest and db.execute("SELECT count(*) FROM last WHERE candidate IS NOT NULL").fetchall()[0][0]:
        raise UserError(
            f"{run.folder}: has pointwise verdicts and no manifest.json that says how they were asked: restore it, or run the same "
            "config again (verdicts are kept)"
        )
    found = db.execute(
        'SELECT item, "order", sample, replicate, status, pick, p, donor, media, rubric, candidate, score, ranks, both_bad '
        "FROM last "
        "WHERE benchmark = ? AND judge = ? AND arm = ? AND writer IS NOT DISTINCT FROM ?",
        [benchmark.name, *cell.key],
    )
    each = np.full((*cell.outcome.shape, benchmark.width), ABSENT, dtype=np.int8) if alone else None
    while rows := found.fetchmany(50_000):
        for uid, order, sample, replicate, status, pick, p, donor, media, rubric, candidate, score, ranks, bad in rows:
            n, draw = places.get(uid), cell.draw(sample, replicate)
            if n is None or draw is None or (media is not None and media != benchmark.media[n]):
                continue  # no longer asked for, or of an image that has changed since
            if donors is not None and donors[replicate].get(uid) != donor:
                continue  # of an earlier shuffle, before rubrics were added
            turn = ord(order[0]) - ord("A")  # the cyclic order that starts with this candidate
            if turn >= benchmark.width:
                continue
            if given is not None and rubric in known and rubric != given[n][turn].get(replicate):
                continue  # on a rubric that stood in for one that has been written since
            place = (n, turn, draw)
            if each is not None and cell.places is not None:
                if candidate is not None and candidate < benchmark.width:
                    each[(*place, candidate)] = 0 if status == "ok" else CODES[status]
                    cell.places[(*place, candidate)] = np.nan if score is None else -score
                continue
            cell.outcome[place] = pick if status == "ok" else BOTH_BAD if bad else CODES[status]
            if p is not None:
                cell.p[place] = p if order == "AB" else 1 - p
            if ranks is not None and cell.places is not None:
                cell.places[place][: len(ranks)] = ranks
    if each is not None:
        compare_scores(benchmark, cell, each)


def compare_scores(benchmark: BenchmarkData, cell: CellData, each: Codes) -> None:
    """Outcomes of candidates that were scored alone: the highest score is the pick, several highest are a tie.

    Args:
        each: (items, orders, draws, candidates): 0 where there is a score, else why there is none.
    """
    assert cell.places is not None
    there = np.array([[n < len(i.candidates) for n in range(benchmark.width)] for i in benchmark.items])[
        :, None, None, :
    ]
    places = np.where(there & (each == 0), cell.places, np.inf)
    best = places.min(axis=3)
    level = (places == best[..., None]) & np.isfinite(places)
    cell.outcome[...] = np.where(level.sum(axis=3) == 1, level.argmax(axis=3), TIE)
    for code in (TIE, TRUNCATED, UNPARSED, REFUSED, ERROR, ABSENT):  # what is missing weighs more than what was said
        cell.outcome[((each == code) & there).any(axis=3)] = code


def _add_baselines(run: RunData, benchmark: BenchmarkData) -> None:
    """Rows that belong in every table: computed from the items where they were not run."""
    expected = benchmark.in_orders(run.manifest.get("orders", "both"))[:, :, None]
    for name, pick in PICKS.items():
        if name in ("longest", "shortest") and not any(c.text for i in benchmark.items for c in i.candidates):
            continue
        if name == "lexical" or any(k.judge == name for k in benchmark.cells):
            continue
        outcome = np.full(expected.shape, ABSENT, dtype=np.int8)
        for n, turn in zip(*np.nonzero(expected[:, :, 0]), strict=True):
            item = benchmark.items[n]
            order = rotations(len(item.candidates))[turn]
            outcome[n, turn, 0] = pick_of(pick(Case(item, order), seed_of(item, order, "none")), order)
        key = CellKey(name, "none", None)
        benchmark.cells[key] = CellData(key, outcome, np.full(outcome.shape, np.nan), expected, computed=True)


def _add_writers(run: RunData, benchmark: BenchmarkData) -> None:
    """A row of its own for each writer that gave verdicts: what it is worth as a judge (`grm`)."""
    places = {i.uid: n for n, i in enumerate(benchmark.items)}
    for (name, writer), drafts in run.drafts.items():
        told = [r for r in drafts if r.saw != "nothing" and r.item in places]
        if name != benchmark.name or not any(r.verdict for r in told):
            continue
        replicates = tuple(sorted({r.replicate for r in told}))
        shape = (len(benchmark.items), benchmark.width, len(replicates))
        outcome = np.full(shape, ABSENT, dtype=np.int8)
        orders: Orders = run.manifest.get("orders", "both")
        expected = np.repeat(benchmark.in_orders(orders)[:, :, None], len(replicates), axis=2)
        for n in {places[r.item or ""] for r in told}:
            expected[n] = False  # what it was asked for is on record, failures too; of the rest all is missing
        for r in told:
            place = (places[r.item or ""], 0 if r.saw == "AB" else 1, replicates.index(r.replicate))
            outcome[place], expected[place] = _own_verdict(r), True
        key = CellKey(writer, "grm", None)
        p = np.full(shape, np.nan)
        benchmark.cells[key] = CellData(key, outcome, p, expected, replicates=replicates, computed=True)


def _own_verdict(rubric: Rubric) -> int:
    if rubric.status == "error":
        return ERROR
    if rubric.verdict is not None:
        return pick_of(rubric.verdict, "AB" if rubric.saw == "AB" else "BA")
    return TRUNCATED if "truncated" in rubric.violations else REFUSED if "refused" in rubric.violations else UNPARSED
