"""Controls beside a writer's rubrics: on which items one is there, and is another text than the rubric that it controls for."""

from __future__ import annotations

from itertools import islice

import numpy as np

from evaluators.keys import digest
from evaluators.records import Item, Order, Rubric, rotations
from evaluators.rubrics.arms import ARMS, WriterRubrics
from harness_plugins.scoring.arrays import BenchmarkData, CellKey, RunData
from harness_plugins.scoring.metrics import Bools


def controlled(run: RunData, benchmark: BenchmarkData, control: CellKey, writer: str | None) -> Bools:
    """(items,): where the arm of `control` gives something, and not the very text that the writer's own rubric says.

    A control with the same text is void: it asks the same question, and "+0.0" would look like a finding.
    """
    judged: Bools = np.asarray(benchmark.cells[control].expected.any(axis=(1, 2)))
    rubrics = run.rubrics.get((benchmark.name, writer)) if writer else None
    return judged if rubrics is None else judged & ~same_text(benchmark, rubrics, control.arm)


def same_text(benchmark: BenchmarkData, rubrics: WriterRubrics, control: str) -> Bools:
    """(items,): where a control (`generic`, `shuffled`) gives the very text that `transferred` does."""
    memo_key = ("same_text", control, rubrics.name)
    if memo_key not in benchmark.memo:
        benchmark.memo[memo_key] = _same_text(benchmark, rubrics, control)
    answer: Bools = benchmark.memo[memo_key]
    return answer


def _same_text(benchmark: BenchmarkData, rubrics: WriterRubrics, control: str) -> Bools:
    """`same_text`, computed: in some order of the item, a text of the control is one of the item's own rubrics."""
    identical = np.zeros(len(benchmark.items), dtype=bool)
    if ARMS[control].donors and ARMS[control].edit is None and not rubrics.shared:
        by_item = [{_content(r) for r in written} for written in rubrics.by_item.values()]
        texts = set().union(*by_item)
        if sum(map(len, by_item)) == len(texts):
            return identical  # no two items have one text
        if len(texts) == 1:
            return ~identical  # no donor has another text
    for n, item in enumerate(benchmark.items):
        for order in rotations(len(item.candidates)):
            own_contents = {_content(rubric) for rubric in rubrics.of(item.uid, order)}
            identical[n] |= not own_contents.isdisjoint(_handed_over(control, item, order, rubrics))
    return identical


def _handed_over(arm: str, item: Item, order: Order, rubrics: WriterRubrics) -> set[str]:
    """The contents of what a control gives for an item.

    None where a public export has left out the texts that the arm changes: such a text counts as another one.
    """
    control = ARMS[arm]
    if control.donors and control.edit is None:
        donors = [d[item.uid] for d in rubrics.donors if item.uid in d]
        return {_content(r) for donor in donors for r in islice(rubrics.of(donor, order), 1)}
    if control.per_writer and any(r.public for r in rubrics.of(item.uid, order)):
        return set()
    handed_over = control.give(item, order, rubrics if control.per_writer else None)
    return {digest(x.rubric.text) for x in handed_over if x.rubric is not None}


def _content(rubric: Rubric) -> str:
    """What stands for a rubric's text: its digest, also where a public export has left the text out."""
    return (rubric.public.content or rubric.uid) if rubric.public else digest(rubric.text)
