"""Numbers that others measured and no answers are behind: a line of `scores.jsonl` each, written by `import scores`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from evaluators.errors import UserError
from evaluators.inputs.entries import Entry
from evaluators.inputs.files import read_jsonl


class Score(Entry):
    """One number. `value` is in the unit that the benchmark prints (accuracy in percent), as given; nothing is derived."""

    model: str = Field(min_length=1)
    benchmark: str = Field(min_length=1)
    metric: str = Field(min_length=1)
    value: float = Field(allow_inf_nan=False, strict=True)
    source: str = Field(min_length=1)
    """Who measured it and where it is printed: a command, a log, a paper's table."""
    method: str = ""
    """What was done with the model, such as the writer of the rubric it was trained with."""
    n: int | None = Field(default=None, gt=0)
    """Items (or images) that it is over, where known."""
    notes: str = ""


def read_scores(path: Path) -> list[Score]:
    """The scores of a file.

    Raises:
        UserError: a line does not fit, naming it.
    """
    scores = []
    for n, row in read_jsonl(path):
        try:
            scores.append(Score.model_validate(row))
        except ValidationError as e:
            problem = e.errors(include_url=False)[0]
            raise UserError(f"{path}: line {n}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None
    return scores
