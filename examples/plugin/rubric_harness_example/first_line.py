"""An arm: the judge reads the first line of the writer's rubric and nothing else. Is the most important criterion enough?"""

from __future__ import annotations

from evaluators.records import Item, Rubric
from evaluators.rubrics.arms import Arm, Edited, RubricText


def first_line(item: Item, rubric: Rubric) -> Edited:
    lines = rubric.text.splitlines()
    removed = sum(len(line.split()) for line in lines[1:]) / max(1, len(rubric.text.split()))
    return Edited(RubricText(lines[0], rubric.criteria[:1], rubric.uid), round(removed, 4))


FIRST_LINE = Arm.of_edit("first_line", "the first line of the writer's rubric alone", first_line)
