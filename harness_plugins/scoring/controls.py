"""Controls beside a writer's rubrics: on which items one is there, and is another text than the rubric that it controls for."""

from __future__ import annotations

import numpy as np

from evaluators.arms import ARMS
from evaluators.records import rotations
from harness_plugins.scoring.metrics import Bools
from harness_plugins.scoring.read import BenchmarkData, CellKey, RunData


def controlled(run: RunData, benchmark: BenchmarkData, control: CellKey, writer: str | None) -> Bools:
    """(items,): where the arm of `control` hands over something, and not the very text that the writer's own rubric says.

    A control with the same text is void: it asks the same question, and "+0.0" would look like a finding.
    """
    there: Bools = np.asarray(benchmark.cells[control].expected.any(axis=(1, 2)))
    rubrics = run.rubrics.get((benchmark.name, writer)) if writer else None
    if rubrics is None or control.arm not in ("shuffled", "generic"):
        return there
    place = ("controlled", control.arm, writer)
    if place not in benchmark.kept:
        same = np.zeros(len(benchmark.items), dtype=bool)
        give = ARMS[control.arm].give
        for n, item in enumerate(benchmark.items):
            for order in rotations(len(item.candidates)):
                own = {r.text for r in rubrics.of(item.uid, order)}
                others = {g.rubric.text for g in give(item, order, rubrics) if g.rubric is not None}
                same[n] |= bool(own & others)
        benchmark.kept[place] = same
    answer: Bools = there & ~benchmark.kept[place]
    return answer
