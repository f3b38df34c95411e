"""Numbers that others measured and no answers lie behind: a line of `scores.jsonl` each, written by `import scores`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from evaluators.engine.journal import verdict_files
from evaluators.errors import UserError
from evaluators.inputs.entries import Entry
from evaluators.inputs.files import read_jsonl

FILE = "scores.jsonl"


class Score(Entry):
    """One number. `value` is in the unit that the benchmark prints (accuracy in percent), as given; nothing is derived."""

    model: str = Field(min_length=1)
    benchmark: str = Field(min_length=1)
    metric: str = Field(min_length=1)
    value: float = Field(allow_inf_nan=False, strict=True)
    source: str = Field(min_length=1)
    """Who measured it and where it stands: a command, a log, a paper's table."""
    method: str = ""
    """What was done with the model, such as the writer of the rubric it was trained with."""
    n: int | None = Field(default=None, gt=0)
    """Items (or images) that it is over, where known."""
    notes: str = ""


def read_scores(folder: Path) -> list[Score]:
    """The folder's scores; none where it has no such file.

    Raises:
        UserError: a line does not fit, naming it.
    """
    path = folder / FILE
    if not path.is_file():
        return []
    scores = []
    for n, row in read_jsonl(path):
        try:
            scores.append(Score.model_validate(row))
        except ValidationError as e:
            problem = e.errors(include_url=False)[0]
            raise UserError(f"{path}: line {n}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None
    return scores


def without_items(folder: Path) -> UserError:
    """What is said of a folder that a command needs items of, and that has none."""
    if (folder / FILE).is_file():
        return UserError(
            f"{folder}: holds {len(read_scores(folder))} imported scores and no verdicts, so there is nothing to score or show; "
            f"`rubric-harness table --spec NAME {folder}` sets them beside published and measured numbers"
        )
    if (folder / "manifest.json").exists() or verdict_files(folder):
        return UserError(
            f"{folder}: items.jsonl is missing, or none of its lines can be read; restore it, or run the same config again "
            "(verdicts are kept)"
        )
    return UserError(
        f"{folder}: no run folder (no items.jsonl in it); `rubric-harness run CONFIG.yaml --out {folder}` makes one"
    )
