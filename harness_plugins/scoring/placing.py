"""From DuckDB's tables of verdicts to the arrays of each cell, a column at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.errors import UserError
from evaluators.rubrics.arms import ARMS
from harness_plugins.folder.problems import LostRubrics
from harness_plugins.scoring.arm_inputs import arm_inputs_of
from harness_plugins.scoring.arrays import (
    ABSENT,
    BOTH_BAD,
    CODES,
    GIVEN,
    LOW_MASS,
    TIE,
    BenchmarkData,
    Bools,
    CellData,
    RunData,
    compare_scores,
    note_lost_items,
)

Rows = Mapping[str, NDArray[Any]]
"""The verdicts of one cell, by column, in the order of their lines."""

_NUMBERED = """
CREATE TABLE numbered AS
SELECT benchmark, judge, arm, writer, row_number() OVER (ORDER BY min(line)) - 1 AS cell FROM last GROUP BY 1, 2, 3, 4
"""

_PLACED = """
SELECT cell, n, ascii("order") - 65 AS turn, sample, replicate, coalesce(candidate, -1) AS candidate,
       CASE WHEN status = 'ok' THEN coalesce(pick, 0) WHEN status = 'tie' AND both_bad AND candidate IS NULL THEN {both_bad} {codes} END
           AS code,
       CASE WHEN status = 'low_mass' THEN CASE WHEN pick IS NOT NULL OR score IS NOT NULL THEN coalesce(pick, 0)
                                               WHEN both_bad AND candidate IS NULL THEN {both_bad} ELSE {tie} END END AS by_ratio,
       coalesce(CASE WHEN "order" = 'AB' THEN p ELSE 1 - p END, 'nan'::DOUBLE) AS p,
       coalesce(score, 'nan'::DOUBLE) AS score, {ranks}
       coalesce(number, CASE WHEN CASE WHEN arm IN {donors} THEN donor ELSE rubric END IS NULL THEN -1 ELSE -2 END) AS reads,
       coalesce(last.writer IS NOT NULL AND CASE
           WHEN rubric IS NOT NULL THEN rubric IN (SELECT rubric FROM lost)
           ELSE (benchmark, last.writer, item) IN (SELECT (benchmark, writer, item) FROM lost WHERE NOT from_donors) END, false) AS lost
FROM last JOIN numbered USING (benchmark, judge, arm) JOIN items USING (benchmark, item)
     LEFT JOIN numbers ON uid = CASE WHEN arm IN {donors} THEN donor ELSE rubric END
WHERE last.writer IS NOT DISTINCT FROM numbered.writer AND (last.media IS NULL OR last.media = items.media)
ORDER BY cell, line
"""
"""`reads` is the number of the rubric (or of the donor's) under `RunData.numbers`: -1 none, -2 one without number.
`lost`: the rubric, or for `advice` its writer's verdict, is not in the folder any more."""


def place_verdicts(db: Any, run: RunData, cells: Mapping[int, CellData]) -> None:
    """Fill the cells from table `last`.

    Args:
        cells: by their number: their index among all cells of `last`, by their first line.

    Raises:
        UserError: pointwise verdicts of a judge that the manifest does not know, which alone says how they were asked.
    """
    alone = db.execute("SELECT DISTINCT judge FROM last WHERE candidate IS NOT NULL ORDER BY 1").fetchall()
    untold = [name for (name,) in alone if not run.judge(name).get("key", {}).get("grading")]
    if untold:
        raise UserError(
            f"{run.folder}: has pointwise verdicts of {', '.join(map(repr, untold))} and no manifest.json that says how they were "
            "asked: restore it, or run the same config again (verdicts are kept)"
        )
    db.execute(_NUMBERED)
    _add_items(db, run)
    _note_losses(db, run)
    codes = " ".join(f"WHEN status = '{status}' THEN {code}" for status, code in CODES.items())
    ranked = db.execute("SELECT coalesce(max(len(ranks)), 0) FROM last").fetchall()[0][0]
    ranks = "".join(f"coalesce(ranks[{k + 1}]::DOUBLE, 'nan'::DOUBLE) AS rank_{k}, " for k in range(ranked))
    rows = db.execute(
        _PLACED.format(both_bad=BOTH_BAD, tie=TIE, codes=codes, ranks=ranks, donors=_donor_arms(run))
    ).fetchnumpy()
    starts = np.searchsorted(rows["cell"], np.arange(max(cells, default=0) + 2))
    where = {id(cell): benchmark for benchmark in run.benchmarks.values() for cell in benchmark.cells.values()}
    for number, cell in cells.items():
        cell_rows = slice(starts[number], starts[number + 1])
        _fill_cell(run, where[id(cell)], cell, {name: values[cell_rows] for name, values in rows.items()})
        if run.judge(cell.key.judge).get("orders") == GIVEN:
            judged = cell.outcome != ABSENT
            judged[~judged.any(axis=(1, 2)), 0, 0] = True  # of an item without any verdict one is missing
            cell.expected &= judged


def _donor_arms(run: RunData) -> str:
    """The arms that read what the shuffle drew, as SQL has a list of texts."""
    names = (arm.replace("'", "''") for arm in [*ARMS, *run.manifest.get("package_arms", {})] if run.from_donors(arm))
    return "(" + ", ".join(f"'{name}'" for name in names) + ")"


def _note_losses(db: Any, run: RunData) -> None:
    """What verdicts are on and the folder lacks. Table `lost` has the rubrics by who wrote them and for which item."""
    items = "SELECT benchmark, count(DISTINCT item) FROM last ANTI JOIN items USING (benchmark, item) GROUP BY 1"
    note_lost_items(run, dict(db.execute(items).fetchall()))
    db.execute(
        "CREATE TABLE lost AS "
        f"SELECT benchmark, writer, item, rubric, bool_and(arm IN {_donor_arms(run)}) AS from_donors, count(*) AS verdicts "
        "FROM last WHERE writer IS NOT NULL AND rubric IS NOT NULL AND rubric NOT IN (SELECT uid FROM numbers) GROUP BY 1, 2, 3, 4"
    )
    rubrics = (
        "SELECT benchmark, writer, count(DISTINCT rubric), sum(verdicts)::INT FROM lost GROUP BY 1, 2 ORDER BY ALL"
    )
    run.problems.rubrics = [LostRubrics(*row) for row in db.execute(rubrics).fetchall()]


def _add_items(db: Any, run: RunData) -> None:
    """Tables `items` (with what their verdicts say of their media) and `numbers` (of what may be read)."""
    for uid in (uid for uids in run.uids.values() for uid in uids):
        run.number(uid)
    benchmarks = list(run.benchmarks.values())
    db.execute(
        "CREATE TABLE items AS SELECT unnest($benchmarks::VARCHAR[]) AS benchmark, unnest($items::VARCHAR[]) AS item, "
        "unnest($n::INTEGER[]) AS n, unnest($media::VARCHAR[]) AS media",
        {
            "benchmarks": [b.name for b in benchmarks for _ in b.items],
            "items": [i.uid for b in benchmarks for i in b.items],
            "n": [n for b in benchmarks for n in range(len(b.items))],
            "media": [m for b in benchmarks for m in b.media],
        },
    )
    db.execute(
        "CREATE TABLE numbers AS SELECT unnest($uids::VARCHAR[]) AS uid, unnest($numbers::INTEGER[]) AS number",
        {"uids": list(run.numbers), "numbers": list(run.numbers.values())},
    )


def _fill_cell(run: RunData, benchmark: BenchmarkData, cell: CellData, rows: Rows) -> None:
    """Put a cell's rows in their places; what is no longer asked for, or was said of what has changed since, is left out."""
    n, turn, sample = (rows[c].astype(np.intp) for c in ("n", "turn", "sample"))
    replicates = np.array(cell.replicates)
    # Kept within the axis, so that it can be an index; rows of another replicate are left out by `current`.
    replicate_index = np.minimum(np.searchsorted(replicates, rows["replicate"]), len(replicates) - 1)
    current: Bools = (replicates[replicate_index] == rows["replicate"]) & (sample >= 0) & (sample < cell.samples)
    current &= turn < benchmark.width
    turn = np.minimum(turn, benchmark.width - 1)
    arm_inputs = arm_inputs_of(run, benchmark, cell.key, len(replicates))
    if arm_inputs.reads is not None:
        rubric_now = arm_inputs.reads[n, turn, replicate_index]
        # Of an earlier shuffle, before rubrics were added; or on a rubric that stood in for one that has been written since.
        current &= (rows["reads"] == rubric_now) | ((rows["reads"] < 0) & (not run.from_donors(cell.key.arm)))
    index: tuple[NDArray[np.intp], ...] = (n, turn, replicate_index * cell.samples + sample)
    if cell.grading.get("kind") == "pointwise":
        current &= (rows["candidate"] >= 0) & (rows["candidate"] < benchmark.width)
        _fill_scores(benchmark, cell, rows, (*index, rows["candidate"].astype(np.intp)), current)
        _without_lost(cell, tuple(axis[rows["lost"] & current] for axis in index))
        return
    last = _last(index, cell.outcome.shape, current)
    n, turn, draw = (axis[last] for axis in index)
    cell.outcome[n, turn, draw] = rows["code"][last]
    low = last[rows["code"][last] == LOW_MASS]
    if len(low):
        cell.by_ratio = cell.outcome.copy()
        cell.by_ratio[tuple(axis[low] for axis in index)] = rows["by_ratio"][low]
    p = rows["p"][last]
    with_p = ~np.isnan(p)
    cell.p[n[with_p], turn[with_p], draw[with_p]] = p[with_p]
    if cell.ranks is not None and "rank_0" in rows:
        for k in range(benchmark.width):
            if f"rank_{k}" in rows:
                ranks = rows[f"rank_{k}"][last]
                cell.ranks[n, turn, draw, k] = np.where(rows["code"][last] == LOW_MASS, np.nan, ranks)
    _without_lost(cell, tuple(axis[rows["lost"] & current] for axis in index))


def _without_lost(cell: CellData, index: tuple[NDArray[np.intp], ...]) -> None:
    """Trials on lost rubrics are missing: the verdict of `none`, which is used where no rubric was written, does not replace them."""
    for outcome in (cell.outcome, cell.by_ratio):
        if outcome is not None:
            outcome[index] = ABSENT
    cell.expected[index] = True
    if cell.without_rubric is not None:
        cell.without_rubric[index[:2]] = False


def _fill_scores(
    benchmark: BenchmarkData, cell: CellData, rows: Rows, index: tuple[NDArray[np.intp], ...], current: Bools
) -> None:
    """The scores of candidates that were each scored alone, and what they come to."""
    assert cell.ranks is not None
    codes = np.full(cell.ranks.shape, ABSENT, dtype=np.int8)
    last = _last(index, codes.shape, current)
    index = tuple(axis[last] for axis in index)
    codes[index] = rows["code"][last]
    cell.ranks[index] = -rows["score"][last]
    if (codes == LOW_MASS).any():
        as_said = replace(cell, outcome=cell.outcome.copy(), ranks=cell.ranks.copy())
        by_ratio = codes.copy()
        by_ratio[index] = np.where(codes[index] == LOW_MASS, rows["by_ratio"][last], codes[index])
        compare_scores(benchmark, as_said, by_ratio)
        cell.by_ratio = as_said.outcome
        cell.ranks[codes == LOW_MASS] = np.nan
    compare_scores(benchmark, cell, codes)


def _last(index: tuple[NDArray[np.intp], ...], shape: tuple[int, ...], current: Bools) -> NDArray[np.intp]:
    """The rows that are current, of several for one trial (or score) the last.

    Args:
        index: of each row where in an array of this shape it belongs, an array for each axis.
    """
    # np.unique gives the first row of each trial: backwards, that is the last line.
    rows = np.flatnonzero(current)[::-1]
    flat = np.ravel_multi_index(tuple(axis[rows] for axis in index), shape)
    return rows[np.unique(flat, return_index=True)[1]]
