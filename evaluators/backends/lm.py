"""Judges that are models of lm-eval: they answer inside an lm-eval run, and stand in the records under this name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evaluators.errors import UserError
from evaluators.messages import ChatBackend

if TYPE_CHECKING:
    from evaluators.judges import JudgeSpec


def check(spec: JudgeSpec) -> None:
    if not spec.model:
        raise ValueError("`model` is missing: the name of an lm-eval model")


def create(spec: JudgeSpec) -> ChatBackend:
    raise UserError(
        f"judge {spec.name!r}: models of lm-eval are asked by lm-eval itself: "
        'lm-eval run --include_path "$(rubric-harness tasks --path)" --tasks rt_pairs_judge --model ...'
    )
