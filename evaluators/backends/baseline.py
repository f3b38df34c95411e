"""Judges without a model: first, random, longest, shortest, lexical. They answer from the case itself, at once.

They are the controls of every table. `lexical` reads the rubric (weighted overlap between its criteria and each
response): a meter of how much of the decision is in the rubric's words, and no evidence that a rubric transfers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from evaluators.capabilities import Capabilities
from evaluators.images.media import MediaWindow
from evaluators.inputs.names import unknown
from evaluators.prompts.template import Case, RubricText
from evaluators.records import Answer, Candidate
from evaluators.specs import JudgeSpec, ModelSpec

VERSION = "baseline/1"

_STOP_WORDS = """
a an and any are as at be by do does for from has have in is it its no not of on or so than that the their them then
there they this to was were what when which who with
"""
_STOP = frozenset(_STOP_WORDS.split())


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower())) - _STOP


class _Weighted(NamedTuple):
    """A criterion, for the overlap."""

    weight: float
    words: frozenset[str]


@lru_cache(4096)
def _weighted_words(rubric: RubricText) -> tuple[_Weighted, ...]:
    """The criteria; a rubric without criteria gives its lines, equal in weight."""
    criteria = [(c.weight, words(c.description or c.name)) for c in rubric.criteria] or [
        (1.0, words(line)) for line in rubric.text.splitlines()
    ]
    return tuple(_Weighted(weight, terms) for weight, terms in criteria if terms and weight > 0)


def overlap(rubric: RubricText | None, candidate: Candidate) -> float:
    """The share of the criteria's words that a response uses, weighted by criterion; 0 without a rubric."""
    criteria = _weighted_words(rubric) if rubric else ()
    if not criteria:
        return 0.0
    response_words = words(candidate.text)
    return sum(c.weight * len(c.words & response_words) / len(c.words) for c in criteria) / sum(
        c.weight for c in criteria
    )


def _best(scores: Sequence[float]) -> int:
    return 1 + scores.index(max(scores))


def _first(case: Case, seed: str) -> int:
    return 1


def drawn(seed: str, shown: int) -> int:
    """The position (from 1) that `random` names of so many."""
    return 1 + hashlib.sha256(seed.encode()).digest()[0] % shown


def _random(case: Case, seed: str) -> int:
    return drawn(seed, len(case.shown()))


def _longest(case: Case, seed: str) -> int:
    return _best([len(c.text) for c in case.shown()])


def _shortest(case: Case, seed: str) -> int:
    return _best([-len(c.text) for c in case.shown()])


def _lexical(case: Case, seed: str) -> int:
    return _best([overlap(case.rubric, c) for c in case.shown()])


PICKS: dict[str, Callable[[Case, str], int]] = {
    "first": _first,
    "random": _random,
    "longest": _longest,
    "shortest": _shortest,
    "lexical": _lexical,
}
"""Position (from 1) that each baseline names. An equal score picks the first shown. `random` is seeded by the cell."""


CAPABILITIES = Capabilities(asks_model=False, models=tuple(PICKS))


class BaselineJudge:
    in_process = False
    sees_media = False

    def __init__(self, spec: JudgeSpec) -> None:
        self.spec = spec
        self._pick = PICKS[spec.model]

    async def open(self, media: MediaWindow) -> None:
        pass

    async def decide(self, case: Case, seed: str) -> Answer:
        choice = self._pick(case, seed)
        return Answer(
            f"<answer>{choice}</answer>",
            "tag",
            finish_reason="stop",
            model=self.spec.model,
            backend="baseline",
            backend_version=VERSION,
        )

    async def close(self) -> None:
        pass


def check(spec: ModelSpec) -> None:
    if spec.model not in PICKS:
        raise ValueError(unknown("baseline", spec.model, PICKS))
    if spec.probabilities or spec.prompt:
        raise ValueError("a baseline takes no verdict mode and no prompt: leave them out")
    if isinstance(spec, JudgeSpec) and spec.full_grading.key():
        raise ValueError("a baseline compares what it is shown: leave grading, decision, ties and scale out")


def create_judge(spec: JudgeSpec) -> BaselineJudge:
    return BaselineJudge(spec)
