"""What there is to judge: the trials that a cell should hold, and the rubric that each of them reads. Equal for all judges."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from evaluators.engine.due import Orders
from evaluators.records import rotations
from evaluators.rubrics.arms import ARMS
from harness_plugins.scoring.arrays import ABSENT, GIVEN, ArmInputs, BenchmarkData, Bools, CellData, CellKey, RunData


def new_cell(run: RunData, benchmark: BenchmarkData, key: CellKey, seen_samples: int, seen_replicates: int) -> CellData:
    """An empty cell with the trials it should hold: orders and samples are the judge's, replicates the arm's."""
    judge = run.judge(key.judge)
    samples = int(judge.get("samples", seen_samples))
    orders: Orders = "both" if judge.get("orders") == GIVEN else judge.get("orders", "both")
    grading = judge.get("key", {}).get("grading", {})
    arm_inputs = arm_inputs_of(run, benchmark, key, seen_replicates)
    shape = (len(benchmark.items), benchmark.width, samples * len(arm_inputs.replicates))
    in_orders = benchmark.in_orders(orders, grading.get("kind", "pairwise"))
    expected = in_orders[:, :, None] & np.repeat(arm_inputs.available, samples, axis=2)
    without: Bools | None = None if key.writer is None else in_orders & ~arm_inputs.available.any(axis=2)
    outcome = np.full(shape, ABSENT, dtype=np.int8)
    cell = CellData(
        key, outcome, np.full(shape, np.nan), expected, samples, arm_inputs.replicates, without, grading=grading
    )
    if "kind" in grading:
        cell.ranks = np.full((*shape, benchmark.width), np.nan)
    return cell


def arm_inputs_of(run: RunData, benchmark: BenchmarkData, key: CellKey, seen_replicates: int) -> ArmInputs:
    """Which rubric each trial of an arm hands to the judge to read, and in which trials it has none.

    It depends on the arm and the writer, not on the judge: it is computed for the first judge that needs it, and kept in
    `run.arm_inputs` for the others.

    Args:
        seen_replicates: how many shuffles the verdicts show, for a folder that does not say which donors were chosen.
    """
    cache_key = (benchmark.name, key.arm, key.writer, seen_replicates if run.from_donors(key.arm) else 0)
    if cache_key not in run.arm_inputs:
        if key.writer is None:
            run.arm_inputs[cache_key] = _without_writer(benchmark, key.arm)
        elif run.from_donors(key.arm):
            run.arm_inputs[cache_key] = _shuffled(run, benchmark, key.writer, seen_replicates)
        else:
            run.arm_inputs[cache_key] = _written(run, benchmark, key.arm, key.writer)
    return run.arm_inputs[cache_key]


def _without_writer(benchmark: BenchmarkData, name: str) -> ArmInputs:
    available = benchmark.turns
    if ARMS.facts(name).uses_label:
        available = available & np.array([i.label.preferred is not None for i in benchmark.items])[:, None]
    return ArmInputs((0,), available[:, :, None])


def _shuffled(run: RunData, benchmark: BenchmarkData, writer: str, replicate_count: int) -> ArmInputs:
    donors = run.donors(benchmark.name, writer)
    if donors is None:
        return ArmInputs(tuple(range(replicate_count)), np.repeat(benchmark.turns[:, :, None], replicate_count, axis=2))
    numbers = [[run.number(d.get(i.uid)) for d in donors] for i in benchmark.items]
    reads = np.array(numbers, dtype=np.int32).reshape(len(benchmark.items), len(donors))
    used = [s for s in range(len(donors)) if (reads[:, s] >= 0).any()] or [0]
    reads = reads[:, used] if donors else np.full((len(benchmark.items), 1), -1, dtype=np.int32)
    in_orders = np.repeat(reads[:, None, :], benchmark.width, axis=1)
    return ArmInputs(tuple(used), (in_orders >= 0) & benchmark.turns[:, :, None], in_orders)


def _written(run: RunData, benchmark: BenchmarkData, name: str, writer: str) -> ArmInputs:
    """Of each item and order the writer's rubrics that the arm reads, one a replicate, and those that are still to come."""
    rubrics = run.rubrics.get((benchmark.name, writer))
    if rubrics is None:
        return ArmInputs((0,), np.zeros((*benchmark.turns.shape, 1), dtype=bool))
    arm = ARMS.facts(name)
    reads = arm.reads
    blind = rubrics.saw == {"nothing"} and not arm.after_responses  # one for both orders
    pending: dict[tuple[str, str], list[int]] = defaultdict(list)
    for uid, saw, replicate in rubrics.pending:
        pending[uid, saw].append(replicate)
    rubric_numbers: dict[tuple[int, int, int], int] = {}
    for n, item in enumerate(benchmark.items):
        for turn, order in enumerate(rotations(len(item.candidates))):
            if pending:
                to_come = pending.get((item.uid, "nothing" if blind else reads.saw(order)), ())
                rubric_numbers.update({(n, turn, replicate): -1 for replicate in to_come})
            for rubric in reads.rubrics(rubrics, item.uid, order):
                rubric_numbers[n, turn, rubric.replicate] = run.number(rubric.uid)
    return _as_arrays(benchmark, rubric_numbers)


def _as_arrays(benchmark: BenchmarkData, rubric_numbers: dict[tuple[int, int, int], int]) -> ArmInputs:
    """From the number of the rubric by item, order and replicate."""
    table = np.array(list(rubric_numbers), dtype=np.int32).reshape(-1, 3)
    replicates, draw = np.unique(table[:, 2], return_inverse=True)
    shape = (*benchmark.turns.shape, max(len(replicates), 1))
    available, reads = np.zeros(shape, dtype=bool), np.full(shape, -1, dtype=np.int32)
    index = (table[:, 0], table[:, 1], draw)
    available[index] = True
    reads[index] = list(rubric_numbers.values())
    return ArmInputs(tuple(replicates.tolist()) or (0,), available, reads)
