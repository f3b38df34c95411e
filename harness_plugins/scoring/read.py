"""A run folder as arrays: the outcome of every trial, by benchmark and cell. Nothing is needed but the jsonl files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.arms import ARMS
from evaluators.backends.baseline import PICKS
from evaluators.engine.journal import lines, verdict_files
from evaluators.engine.plan import orders_of
from evaluators.errors import UserError
from evaluators.records import ORDERS, STATUSES, Item, RecordError, Writer, decode
from evaluators.rendering import Case, pick_of
from harness_plugins.manifest import read_manifest

PICK_0, PICK_1, TIE, UNPARSED, REFUSED, TRUNCATED, ERROR, ABSENT = range(8)
"""Outcomes of a trial: the canonical candidate picked, or why there is no pick."""

_CODES = {"tie": TIE, "unparsed": UNPARSED, "refused": REFUSED, "truncated": TRUNCATED, "error": ERROR}
assert set(_CODES) | {"ok"} == set(STATUSES)

Codes = NDArray[np.int8]


class CellKey(NamedTuple):
    judge: str
    arm: str
    writer: str | None


@dataclass
class CellData:
    """All trials of one cell.

    `outcome` and `p` (P of canonical candidate 0, NaN where unknown) have the shape (items, orders AB and BA, draws);
    a draw is a sample and a replicate. `without_rubric` marks items for which the arm had no rubric to give.
    """

    key: CellKey
    outcome: Codes
    p: NDArray[np.float64]
    samples: int = 1
    without_rubric: NDArray[np.bool_] | None = None
    provenance: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    tokens: tuple[float, float] = (0.0, 0.0)
    """Mean prompt and completion tokens a verdict."""
    computed: bool = False
    """A baseline computed from the items, without having been run."""


@dataclass
class BenchmarkData:
    name: str
    items: list[Item]
    facts: dict[str, Any]
    expected: NDArray[np.bool_]
    """(items, orders): the trials that the run's `orders` asks for."""
    cells: dict[CellKey, CellData] = field(default_factory=dict)


@dataclass
class RunData:
    folder: Path
    manifest: dict[str, Any]
    benchmarks: dict[str, BenchmarkData]
    writers: dict[str, Writer]
    skipped_lines: int = 0

    def baseline(self, judge: str) -> bool:
        known = self.manifest.get("judges", {}).get(judge)
        return known["key"]["backend"] == "baseline" if known else judge in PICKS

    def blind(self, judge: str) -> bool:
        known = self.manifest.get("judges", {}).get(judge)
        return self.baseline(judge) and (known["key"]["model"] if known else judge) != "lexical"


def read_run(folder: Path) -> RunData:
    """Read a run folder.

    Raises:
        UserError: it is no run folder, or a file in it is damaged.
    """
    if not folder.is_dir() or not (folder / "items.jsonl").exists():
        raise UserError(
            f"{folder}: no run folder (no items.jsonl in it); `rubric-harness run CONFIG.yaml --out {folder}` makes one"
        )
    manifest = read_manifest(folder)
    by_benchmark: dict[str, dict[str, Item]] = defaultdict(dict)
    for number, line in enumerate(lines(folder / "items.jsonl"), 1):
        try:
            item = decode(Item, line)
        except RecordError as e:
            raise UserError(f"{folder / 'items.jsonl'}: line {number}: {e}") from None
        by_benchmark[item.benchmark][item.uid] = item
    benchmarks = {}
    for name, found in by_benchmark.items():
        items = sorted(found.values(), key=lambda i: (i.row, i.uid))
        orders = manifest.get("orders", "both")
        expected = np.array([[o in orders_of(i, orders) for o in ORDERS] for i in items], dtype=bool)
        facts = manifest.get("benchmarks", {}).get(name, {})
        benchmarks[name] = BenchmarkData(name, items, facts, expected)
    writers, with_rubric = _rubrics(folder)
    run = RunData(folder, manifest, benchmarks, writers)
    _fill(run)
    for benchmark in benchmarks.values():
        for cell in benchmark.cells.values():
            cell.without_rubric = _without_rubric(run, benchmark, cell.key, with_rubric)
        _add_baselines(benchmark)
        benchmark.cells = dict(sorted(benchmark.cells.items(), key=lambda kv: _place(run, kv[0])))
    return run


def _place(run: RunData, key: CellKey) -> tuple[object, ...]:
    """Where a cell stands in tables: judges and writers in the order of the config, arms in their own."""

    def at(value: str | None, known: Iterable[str]) -> tuple[int, str]:
        found = list(known)
        return (found.index(value), "") if value in found else (len(found), value or "")

    writers = run.manifest.get("rubrics", {})
    return at(key.judge, run.manifest.get("judges", {})), at(key.arm, ARMS), at(key.writer, writers)


def _rubrics(folder: Path) -> tuple[dict[str, Writer], set[tuple[str, str | None, str]]]:
    """The writers by name, and (writer, item or None for shared, benchmark) of every valid rubric."""
    import orjson

    writers: dict[str, Writer] = {}
    held = set()
    for line in lines(folder / "rubrics.jsonl"):
        value = orjson.loads(line)
        name = value["writer"]["name"]
        if name not in writers:
            writers[name] = decode(Writer, value["writer"])
        if value["status"] == "valid":
            held.add((name, value["item"], value["benchmark"]))
    return writers, held


def _without_rubric(
    run: RunData, benchmark: BenchmarkData, key: CellKey, held: set[tuple[str, str | None, str]]
) -> NDArray[np.bool_] | None:
    if key.writer is None:
        return None
    if (key.writer, None, benchmark.name) in held and key.arm != "shuffled":
        return np.zeros(len(benchmark.items), dtype=bool)
    without = np.array([(key.writer, i.uid, benchmark.name) not in held for i in benchmark.items], dtype=bool)
    if key.arm == "shuffled":
        donorless = set(run.manifest.get("without_donor", {}).get(benchmark.name, {}).get(key.writer, ()))
        without |= np.array([i.uid in donorless for i in benchmark.items], dtype=bool)
    return without


_QUERY = """
SELECT benchmark, judge, arm, writer, item, "order", sample, replicate, status, pick, p.first AS p,
       concat_ws(' | ', answer.model, answer.backend, answer.backend_version, answer.fingerprint,
                 CAST(answer.sampling AS VARCHAR)) AS provenance,
       answer.answer_format AS format, answer.usage.prompt_tokens AS prompt_tokens,
       answer.usage.completion_tokens AS completion_tokens, row_number() OVER () AS line
FROM read_json($files, format = 'newline_delimited', ignore_errors = true, maximum_object_size = 268435456, columns = {
    key: 'VARCHAR', status: 'VARCHAR', benchmark: 'VARCHAR', judge: 'VARCHAR', arm: 'VARCHAR', writer: 'VARCHAR',
    item: 'VARCHAR', "order": 'VARCHAR', sample: 'INTEGER', replicate: 'INTEGER', pick: 'INTEGER',
    p: 'STRUCT(first DOUBLE)',
    answer: 'STRUCT(model VARCHAR, backend VARCHAR, backend_version VARCHAR, fingerprint VARCHAR, sampling JSON,
                    answer_format VARCHAR, usage STRUCT(prompt_tokens DOUBLE, completion_tokens DOUBLE))'})
"""


def _fill(run: RunData) -> None:
    """Put every verdict's outcome in its place; of several lines for one trial the last one counts."""
    import duckdb

    files = [str(f) for f in verdict_files(run.folder) if f.stat().st_size]
    if not files:
        return
    db = duckdb.connect()
    try:
        db.execute(f"CREATE TABLE raw AS {_QUERY}", {"files": files})
    except duckdb.Error as e:
        raise UserError(f"{run.folder}: the verdict files cannot be read ({e})") from None
    run.skipped_lines = _count(db, "SELECT count(*) FROM raw WHERE item IS NULL OR judge IS NULL OR status IS NULL")
    db.execute(
        "CREATE TABLE last AS SELECT * FROM raw WHERE item IS NOT NULL QUALIFY row_number() OVER "
        '(PARTITION BY benchmark, judge, arm, writer, item, "order", sample, replicate ORDER BY line DESC) = 1'
    )
    cells = db.execute(
        "SELECT benchmark, judge, arm, writer, max(sample) + 1, max(replicate) + 1, "
        "list_sort(list(DISTINCT provenance) FILTER (status <> 'error')), "
        "list_sort(list(DISTINCT format) FILTER (status <> 'error')), "
        "coalesce(avg(prompt_tokens), 0), coalesce(avg(completion_tokens), 0) "
        "FROM last GROUP BY 1, 2, 3, 4 ORDER BY min(line)"
    ).fetchall()
    for name, judge, arm, writer, samples, replicates, provenance, formats, tokens_in, tokens_out in cells:
        benchmark = run.benchmarks.get(name)
        if benchmark is None:
            continue
        # An interrupted run may not have reached the last sample: the judge's own number says how many there are to be.
        declared = run.manifest.get("judges", {}).get(judge, {}).get("samples", 1)
        samples = max(samples, declared)
        shape = (len(benchmark.items), 2, samples * replicates)
        cell = CellData(
            CellKey(judge, arm, writer),
            np.full(shape, ABSENT, dtype=np.int8),
            np.full(shape, np.nan),
            samples,
            provenance=tuple(provenance or ()),
            formats=tuple(f for f in formats or () if f),
            tokens=(tokens_in, tokens_out),
        )
        benchmark.cells[cell.key] = cell
    _fill_cells(db, run)
    db.close()


def _count(db: Any, query: str) -> int:
    return int(db.execute(query).fetchone()[0])


def _fill_cells(db: Any, run: RunData) -> None:
    places = {i.uid: n for b in run.benchmarks.values() for n, i in enumerate(b.items)}
    for benchmark in run.benchmarks.values():
        for key, cell in benchmark.cells.items():
            found = db.execute(
                'SELECT item, "order", sample, replicate, status, pick, p FROM last '
                "WHERE benchmark = ? AND judge = ? AND arm = ? AND writer IS NOT DISTINCT FROM ?",
                [benchmark.name, key.judge, key.arm, key.writer],
            )
            while rows := found.fetchmany(50_000):
                for uid, order, sample, replicate, status, pick, p in rows:
                    n = places.get(uid)
                    if n is None:
                        continue
                    place = (n, 0 if order == "AB" else 1, replicate * cell.samples + sample)
                    cell.outcome[place] = pick if status == "ok" else _CODES[status]
                    if p is not None:
                        cell.p[place] = p if order == "AB" else 1 - p


def _add_baselines(benchmark: BenchmarkData) -> None:
    """Rows that belong in every table: computed from the items where they were not run."""
    if any(len(i.candidates) != 2 for i in benchmark.items):
        return
    for name, pick in PICKS.items():
        if name == "lexical" or any(k.judge == name for k in benchmark.cells):
            continue
        outcome = np.array(
            [
                [[pick_of(pick(Case(item, order), f"{item.uid} {order}"), order)] for order in ORDERS]
                for item in benchmark.items
            ],
            dtype=np.int8,
        )
        outcome[~benchmark.expected] = ABSENT
        key = CellKey(name, "none", None)
        benchmark.cells[key] = CellData(key, outcome, np.full(outcome.shape, np.nan), computed=True)
