"""How a judge is asked (docs/design/grading-and-protocols.md): what it compares, what it may answer, and on what it decides.

Grading is part of every key. How answers are scored afterwards is a protocol, and never is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from evaluators.inputs.names import unknown
from evaluators.records import Criterion

Kind = Literal["pairwise", "listwise", "pointwise"]
"""`pairwise`: which of two is better. `listwise`: all of them ranked, strictly. `pointwise`: each alone, on a scale."""
Decision = Literal["holistic", "criteria"]
"""`holistic`: one verdict in view of the whole rubric (the papers' way). `criteria`: a verdict on each criterion, and their
weighted sum decides."""
Ties = Literal["forbidden", "allowed", "good_bad"]
"""`good_bad` also tells a tie of two good ones from a tie of two bad ones."""

SCALE = (1, 9)
"""Of pointwise scores by default: whole numbers of one digit, so that text and probabilities share it."""


@dataclass(frozen=True, slots=True)
class Grading:
    kind: Kind = "pairwise"
    decision: Decision = "holistic"
    ties: Ties = "forbidden"
    scale: tuple[int, int] = SCALE

    def key(self) -> dict[str, Any]:
        """What is in keys and manifests: empty for the plain comparison of two, so that keys of earlier runs hold."""
        fields: dict[str, Any] = {} if self.kind == "pairwise" else {"kind": self.kind}
        if self.decision != "holistic":
            fields["decision"] = self.decision
        if self.ties != "forbidden":
            fields["ties"] = self.ties
        if self.kind == "pointwise":
            fields["scale"] = list(self.scale)
        return fields

    def __str__(self) -> str:
        """As tables name it: `pairwise`, `pairwise by criterion, ties`, `pointwise 1-9`."""
        return label(self.key())


def read_grading(text: str) -> dict[str, Any]:
    """The fields of a judge that a word or two of a command line stand for: `pointwise`, `pairwise,criteria`,
    `pointwise,1-5`, `listwise`, `pairwise,ties`, `pairwise,good_bad`.

    Raises:
        ValueError: a word that means nothing here.
    """
    fields: dict[str, Any] = {}
    for word in (w.strip() for w in text.split(",") if w.strip()):
        low, dash, high = word.partition("-")
        if word in get_args(Kind):
            fields["grading"] = word
        elif word in get_args(Decision):
            fields["decision"] = word
        elif word in ("ties", "good_bad"):
            fields["ties"] = "allowed" if word == "ties" else word
        elif dash and low.isdigit() and high.isdigit():
            fields["scale"] = (int(low), int(high))
        else:
            words = [*get_args(Kind), *get_args(Decision), "ties", "good_bad"]
            raise ValueError(f"{unknown('grading', word, words)}, or a scale such as 1-5")
    return fields


def label(key: dict[str, Any]) -> str:
    """The name in tables of a grading that a manifest holds as its key."""
    text = str(key.get("kind", "pairwise"))
    if "scale" in key:
        low, high = key["scale"]
        text += f" {low}-{high}"
    if key.get("decision") == "criteria":
        text += " by criterion"
    return text + {"allowed": ", ties", "good_bad": ", good and bad ties"}.get(str(key.get("ties")), "")


@dataclass(frozen=True, slots=True)
class Question:
    """What one request asks for: its answer is read against this."""

    grading: Grading = Grading()
    shown: int = 2
    """Candidates before the judge."""
    criteria: tuple[Criterion, ...] = ()
    """Those on which verdicts are asked; none for one holistic verdict."""

    @property
    def answer_format(self) -> str:
        """The format of an answer in text (see `parsing.FORMATS`)."""
        if self.criteria:
            return "scores" if self.grading.kind == "pointwise" else "verdicts"
        return {"pairwise": "tag", "listwise": "ranking", "pointwise": "score"}[self.grading.kind]


PAIR = Question()
