"""A run folder as arrays: the outcome of every trial, by benchmark and cell. Nothing is needed but the jsonl files."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from evaluators.engine.journal import Damage
from evaluators.records import Item, Rubric, Writer
from evaluators.replies.parsing import MASS_FLOOR
from evaluators.rubrics.arms import ARMS, WriterRubrics
from harness_plugins.folder.problems import Problems
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.scoring.arm_inputs import new_cell
from harness_plugins.scoring.arrays import (
    BenchmarkData,
    CellKey,
    FormCounts,
    Mass,
    MeanTokens,
    RunData,
    note_lost_items,
)
from harness_plugins.scoring.baseline_cells import add_baselines, add_writers
from harness_plugins.scoring.placing import place_verdicts


def read_run(folder: Path, mass_floor: float = MASS_FLOOR) -> RunData:
    """Read a run folder.

    Args:
        mass_floor: P of all offered answers together below which a one-token answer is `low_mass`.

    Raises:
        UserError: it is not a run folder, or a file in it is damaged.
    """
    damage: Damage = {}
    run_folder = RunFolder(folder)
    items_here = run_folder.items(damage)
    if not items_here:
        raise run_folder.without_items()
    manifest = run_folder.manifest()
    by_benchmark: dict[str, dict[str, Item]] = defaultdict(dict)
    for item in items_here.values():
        by_benchmark[item.benchmark][item.uid] = item
    benchmarks = {}
    for name, items_by_uid in by_benchmark.items():
        items = sorted(items_by_uid.values(), key=lambda i: (i.row, i.uid))
        benchmarks[name] = BenchmarkData(name, items, manifest.get("benchmarks", {}).get(name, {}))
    run = RunData(
        folder, manifest, benchmarks, *_rubrics(run_folder.rubrics(damage), manifest), Problems(damage), mass_floor
    )
    note_lost_items(run, {})
    _fill(run, run_folder)
    for benchmark in benchmarks.values():
        add_baselines(run, benchmark)
        add_writers(run, benchmark)
        benchmark.cells = dict(sorted(benchmark.cells.items(), key=lambda kv: _place(run, kv[0])))
    return run


def _place(run: RunData, key: CellKey) -> tuple[object, ...]:
    """Where a cell is in tables: judges and writers in the order of the config, arms in their own."""

    def at(value: str | None, in_order: Iterable[str]) -> tuple[object, ...]:
        names = list(in_order)
        return names.index(value) if value in names else len(names), value or ""

    writers = run.manifest.get("rubrics", {})
    return at(key.judge, run.manifest.get("judges", {})), at(key.arm, ARMS), at(key.writer, writers)


class WrittenRubrics(NamedTuple):
    """The rubrics of a folder, in the fields of `RunData`."""

    writers: dict[str, Writer]
    rubrics: dict[tuple[str, str], WriterRubrics]
    drafts: dict[tuple[str, str], list[Rubric]]
    uids: dict[tuple[str, str], frozenset[str]]


def _rubrics(records: Iterable[Rubric], manifest: Mapping[str, Any]) -> WrittenRubrics:
    """The writers and their rubrics; of several records of one rubric the last counts that is no error."""
    writers: dict[str, Writer] = {}
    last: dict[tuple[object, ...], Rubric] = {}
    uids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for rubric in records:
        writers.setdefault(rubric.writer.name, rubric.writer)
        rubric_key = (rubric.benchmark, rubric.writer.name, rubric.item, rubric.saw, rubric.replicate)
        uids[rubric.benchmark, rubric.writer.name].add(rubric.uid)
        if rubric.status != "error" or rubric_key not in last:
            last[rubric_key] = rubric if rubric.answer is None else replace(rubric, answer=None)
    drafts: dict[tuple[str, str], list[Rubric]] = defaultdict(list)
    for rubric in last.values():
        drafts[rubric.benchmark, rubric.writer.name].append(rubric)
    rubrics = {}
    for (benchmark, name), writer_drafts in drafts.items():
        by_item: dict[str, tuple[Rubric, ...]] = {}
        for rubric in writer_drafts:
            if rubric.status == "valid" and rubric.item is not None:
                by_item[rubric.item] = (*by_item.get(rubric.item, ()), rubric)
        shared = tuple(rubric for rubric in writer_drafts if rubric.status == "valid" and rubric.item is None)
        donors = manifest.get("donors", {}).get(benchmark, {}).get(name, ())
        paired = frozenset(str(rubric.item) for rubric in writer_drafts if rubric.saw != "nothing")
        pending = frozenset(
            (str(rubric.item), rubric.saw, rubric.replicate) for rubric in writer_drafts if rubric.status == "error"
        )
        saw = frozenset(rubric.saw for rubric in writer_drafts)
        rubrics[benchmark, name] = WriterRubrics(name, by_item, shared, tuple(donors), None, paired, pending, saw)
    return WrittenRubrics(writers, rubrics, dict(drafts), {k: frozenset(v) for k, v in uids.items()})


def _fill(run: RunData, run_folder: RunFolder) -> None:
    """Put every verdict's outcome in its place; of several lines for one trial the last one counts."""
    # A cell that was planned and never reached is incomplete; by its verdicts alone it would not be there.
    for name, judge, arm, writer in run.manifest.get("planned", ()):
        if name in run.benchmarks:
            benchmark, key = run.benchmarks[name], CellKey(judge, arm, writer)
            benchmark.cells[key] = new_cell(run, benchmark, key, 1, 1)
    reread = run_folder.rereader(run.manifest)
    db = run_folder.tables(reread, run.mass_floor)
    run.notes += reread.notes()
    run.usage = run_folder.usage(db, run.manifest)
    if not run_folder.filled("verdicts"):
        return
    if db.execute("SELECT count(*) FROM raw WHERE coalesce(bad, true)").fetchall()[0][0]:
        deque(run_folder.verdicts(run.problems.damage), maxlen=0)  # once more, for the numbers of the lines
    cells = db.execute(
        "SELECT benchmark, judge, arm, writer, max(sample) + 1, max(replicate) + 1, "
        "list_sort(list(DISTINCT provenance) FILTER (status <> 'error')), "
        "list_sort(list(DISTINCT format) FILTER (status <> 'error')), "
        "coalesce(avg(prompt_tokens), 'nan'), coalesce(avg(completion_tokens), 'nan'), count(mass) FILTER (by_token), "
        "median(mass) FILTER (by_token), avg((mass < 0.5)::INT) FILTER (by_token), "
        "count(*) FILTER (answered AND NOT by_token AND forms > 1), count(*) FILTER (answered AND NOT by_token) "
        "FROM (SELECT *, coalesce(format IN ('token', 'tokens'), false) AS by_token FROM last) GROUP BY 1, 2, 3, 4 ORDER BY min(line)"
    ).fetchall()
    # After the usage, which needs every line: what was paid for includes lines that later ones replaced.
    db.execute("DROP TABLE raw")
    numbered = {}
    for n, (name, judge, arm, writer, samples, replicates, provenance, formats, *means) in enumerate(cells):
        tokens_in, tokens_out, weighed, median, below_half, several, texts = means
        if name in run.benchmarks:
            benchmark, key = run.benchmarks[name], CellKey(judge, arm, writer)
            cell = benchmark.cells.get(key) or new_cell(run, benchmark, key, samples, replicates)
            cell.provenance, cell.formats = tuple(provenance or ()), tuple(f for f in formats or () if f)
            cell.tokens = MeanTokens(tokens_in, tokens_out)
            cell.mass = Mass(weighed, median, below_half) if weighed else None
            cell.forms = FormCounts(several, 0 if run.baseline(judge) else texts)
            benchmark.cells[key] = numbered[n] = cell
    place_verdicts(db, run, numbered)
    db.close()
