"""Cells that were not run: baselines that need the items alone, and each writer as a judge, by its own verdicts."""

from __future__ import annotations

import numpy as np

from evaluators.backends.baseline import PICKS, drawn
from evaluators.engine.due import Orders
from evaluators.engine.runner import seed_of
from evaluators.prompts.template import pick_of
from evaluators.records import Rubric, rotations
from harness_plugins.scoring.arrays import (
    ABSENT,
    ERROR,
    REFUSED,
    TRUNCATED,
    UNPARSED,
    BenchmarkData,
    CellData,
    CellKey,
    RunData,
)
from harness_plugins.scoring.statistics import Ints


def add_baselines(run: RunData, benchmark: BenchmarkData) -> None:
    """Rows that belong in every table: computed from the items where they were not run."""
    expected = benchmark.in_orders(run.manifest.get("orders", "both"))
    for name in PICKS:
        # Without texts all lengths are equal, and both would be the baseline `first` under another name.
        if name in ("longest", "shortest") and not any(n for i in benchmark.items for n in i.lengths()):
            continue
        if name == "lexical" or any(k.judge == name for k in benchmark.cells):
            continue
        outcome = np.where(expected, _picks(name, benchmark), ABSENT).astype(np.int8)[:, :, None]
        key = CellKey(name, "none", None)
        p = np.full(outcome.shape, np.nan)
        benchmark.cells[key] = CellData(key, outcome, p, expected[:, :, None], computed=True)


def _picks(name: str, benchmark: BenchmarkData) -> Ints:
    """(items, orders): the candidate that `PICKS[name]` picks of those that are shown, for all items at once."""
    size = benchmark.turns.sum(axis=1)[:, None]
    turns = np.arange(benchmark.width)[None, :]
    if name == "random":
        positions = [
            [drawn(seed_of(i, o, "none"), len(o)) - 1 for o in rotations(len(i.candidates))]
            + [0] * (benchmark.width - len(i.candidates))
            for i in benchmark.items
        ]
        return np.asarray((turns + np.array(positions)) % size)
    if name == "first":
        return np.broadcast_to(turns, benchmark.turns.shape)
    sign = 1 if name == "longest" else -1
    worth = np.full(benchmark.turns.shape, -np.inf)
    worth[benchmark.turns] = [sign * n for i in benchmark.items for n in i.lengths()]
    shown = (turns[:, :, None] + turns[:, None, :]) % size[:, :, None]  # at each place of each order
    of_place = np.take_along_axis(np.broadcast_to(worth[:, None, :], shown.shape), shown, axis=2)
    return np.asarray((turns + of_place.argmax(axis=2)) % size)  # of equal ones the first shown


def add_writers(run: RunData, benchmark: BenchmarkData) -> None:
    """A row of its own for each writer that gave verdicts: what it is worth as a judge (`grm`)."""
    index_by_uid = {i.uid: n for n, i in enumerate(benchmark.items)}
    for (name, writer), drafts in run.drafts.items():
        ordered_drafts = [rubric for rubric in drafts if rubric.saw != "nothing" and rubric.item in index_by_uid]
        imported = CellKey(writer, "grm", None) in benchmark.cells  # as verdicts that official protocols read
        if name != benchmark.name or imported or not any(rubric.verdict for rubric in ordered_drafts):
            continue
        replicates = tuple(sorted({rubric.replicate for rubric in ordered_drafts}))
        shape = (len(benchmark.items), benchmark.width, len(replicates))
        outcome = np.full(shape, ABSENT, dtype=np.int8)
        orders: Orders = run.manifest.get("orders", "both")
        expected = np.repeat(benchmark.in_orders(orders)[:, :, None], len(replicates), axis=2)
        for n in {index_by_uid[rubric.item or ""] for rubric in ordered_drafts}:
            expected[n] = False  # what it was asked for is on record, failures too; of the rest all is missing
        for rubric in ordered_drafts:
            index = (
                index_by_uid[rubric.item or ""],
                0 if rubric.saw == "AB" else 1,
                replicates.index(rubric.replicate),
            )
            outcome[index], expected[index] = _own_verdict(rubric), True
        key = CellKey(writer, "grm", None)
        p = np.full(shape, np.nan)
        benchmark.cells[key] = CellData(key, outcome, p, expected, replicates=replicates, computed=True)


def _own_verdict(rubric: Rubric) -> int:
    if rubric.status == "error":
        return ERROR
    if rubric.verdict is not None:
        return pick_of(rubric.verdict, "AB" if rubric.saw == "AB" else "BA")
    return TRUNCATED if "truncated" in rubric.violations else REFUSED if "refused" in rubric.violations else UNPARSED
