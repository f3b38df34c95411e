"""The verdicts of a few items out of a file of millions, as scoring counts them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from evaluators.records import RecordError, Verdict, decode
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.scoring.arm_inputs import arm_inputs_of
from harness_plugins.scoring.arrays import BenchmarkData, CellKey, RunData

Trials = dict[str, dict[CellKey, list[Verdict]]]
"""By item and cell: the verdicts that count, in the order of draw, order and candidate."""


def verdicts_of(run: RunData, uids: Collection[str]) -> Trials:
    """The verdicts of some items that scoring counts: of each trial the last one, none that is of the past.

    Raises:
        UserError: the verdict files cannot be read.
    """
    folder = RunFolder(run.folder)
    benchmark_and_index = {
        i.uid: (benchmark, index) for benchmark in run.benchmarks.values() for index, i in enumerate(benchmark.items)
    }
    last: dict[tuple[object, ...], Verdict] = {}
    reread = folder.rereader(run.manifest)
    for line in folder.verdicts_on(list(uids)):
        try:
            v = reread.verdict(decode(Verdict, line, "ignore"))
        except RecordError:
            continue  # counted in the report's notes
        trial = (v.item, v.judge, v.arm, v.writer, v.order, v.sample, v.replicate, v.candidate)
        if _is_current(run, *benchmark_and_index[v.item], v) and (v.status != "error" or trial not in last):
            last[trial] = v
    trials: Trials = defaultdict(lambda: defaultdict(list))
    for v in last.values():
        trials[v.item][CellKey(v.judge, v.arm, v.writer)].append(v)
    for cells in trials.values():
        for group in cells.values():
            group.sort(key=lambda v: (v.replicate, v.sample, v.order, v.candidate or 0))
    return trials


def _is_current(run: RunData, benchmark: BenchmarkData, n: int, v: Verdict) -> bool:
    """Whether scoring counts it (`scoring.read`): asked for, on the item's media, donor and rubric as they are now."""
    cell = benchmark.cells.get(CellKey(v.judge, v.arm, v.writer))
    turn = ord(v.order[0]) - ord("A")
    if cell is None or turn >= benchmark.width or cell.draw(v.sample, v.replicate) is None:
        return False
    if v.media is not None and v.media != benchmark.media[n]:
        return False
    arm_inputs = arm_inputs_of(run, benchmark, cell.key, len(cell.replicates))
    if arm_inputs.reads is None:
        return True
    what = v.donor if v.arm == "shuffled" else v.rubric
    expected = int(arm_inputs.reads[n, turn, cell.replicates.index(v.replicate)])
    number = run.numbers.get(what) if what else None
    return v.arm != "shuffled" if number is None else number == expected
