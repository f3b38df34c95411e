"""The rubric of a reward, from a text or from the files in which rubrics are."""

from __future__ import annotations

from pathlib import Path

from evaluators.errors import UserError
from evaluators.inputs.files import read_text
from evaluators.prompts.template import RubricText
from harness_plugins.folder.artefacts import SUFFIXES, read_artefact
from harness_plugins.folder.rubrics import read_rubrics

BENCHMARK = "rpo"
"""What items of generated images, and rubrics for them, are filed under."""


def rubric_of(rubric: RubricText | str | Path | None) -> RubricText | None:
    """Args:
        rubric: a text as a judge is to read it; or a file: the artefact of `arr_induced` (.yaml), a .jsonl with one rubric for
            all items (`{"item": null, "writer": "me", "text": "..."}`), or any other file, whose text it is.

    Raises:
        UserError: the file is missing or holds no rubric, or more than one.
    """
    if rubric is None or isinstance(rubric, RubricText):
        return rubric
    if isinstance(rubric, str):
        if not rubric.strip():
            raise UserError("the rubric is an empty text; leave it out to judge without one")
        if Path(rubric).suffix in (*SUFFIXES, ".jsonl", ".txt", ".md") and len(rubric.split()) == 1:
            raise UserError(f"the rubric {rubric!r} looks like a file: give Path({rubric!r}), or the text itself")
        return RubricText(rubric)
    if not rubric.exists():
        raise UserError(f"{rubric}: no such file (the reward's rubric)")
    if rubric.suffix in SUFFIXES:
        (induced,) = read_artefact("rubric", rubric, (BENCHMARK,)).rubrics
        return RubricText(induced.text, induced.criteria)
    if rubric.suffix == ".jsonl":
        shared = [r for r in read_rubrics("rubric", rubric, {BENCHMARK: ()}).rubrics if r.status == "valid"]
        if len(shared) != 1:
            raise UserError(f"{rubric}: holds {len(shared)} rubrics; a reward reads one for all prompts")
        return RubricText(shared[0].text, shared[0].criteria, shared[0].uid)
    text = read_text(rubric).strip()
    if not text:
        raise UserError(f"{rubric}: holds no text")
    return RubricText(text)
