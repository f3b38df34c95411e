"""From an answer to a status and a choice: strict, per answer format, with no digit fallback and no coin.

Every parser is versioned and its name is written beside what it derived. A rule common to all: the verdict counts only
after the reasoning, the last well-formed one wins, and a reply cut off by the token limit has decided nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from evaluators.records import Answer, Probability, Status


@dataclass(frozen=True, slots=True)
class Parsed:
    status: Status
    choice: Literal[1, 2] | None = None
    p: Probability | None = None
    parser: str = ""


_CUT = frozenset({"length", "max_tokens", "model_length"})
_FILTERED = frozenset({"content_filter", "safety", "refusal"})
_TAG = re.compile(r"<answer>\s*(1|2|tie)\s*</answer>", re.I)
_BRACKET = re.compile(r"\[\[\s*(A|B|C)\s*\]\]")
_BETTER = re.compile(r"Answer\s*([12])\s*is\s*(?:the\s*)?(?:slightly\s*)?better", re.I)
_PLAIN = re.compile(r"\s*([12])\s*\.?\s*")

_Choice = Literal[1, 2, "tie"]


def after_reasoning(text: str) -> str | None:
    """What follows the reasoning block; None while a block is still open.

    Only a `<think>` that *starts* the reply opens a block: one quoted later belongs to the text. Templates that open
    it in the prompt leave a lone `</think>`, and everything up to the last one is reasoning.
    """
    _, closing, tail = text.rpartition("</think>")
    if closing:
        return tail
    return None if text.lstrip().startswith("<think>") else text


def _last(pattern: re.Pattern[str], names: dict[str, _Choice]) -> Callable[[str], _Choice | None]:
    def find(text: str) -> _Choice | None:
        found = pattern.findall(text)
        return names[found[-1].lower()] if found else None

    return find


def _whole(text: str) -> _Choice | None:
    found = _PLAIN.fullmatch(text)
    return (1 if found[1] == "1" else 2) if found else None


FORMATS: dict[str, Callable[[str], _Choice | None]] = {
    "tag": _last(_TAG, {"1": 1, "2": 2, "tie": "tie"}),
    "double_bracket": _last(_BRACKET, {"a": 1, "b": 2, "c": "tie"}),
    "answer_is_better": _last(_BETTER, {"1": 1, "2": 2}),
    "plain": _whole,
}
"""Answer formats of text verdicts. `tag` is ours; the others belong to prompts that users bring (`answer_format:`)."""

DIRECT = "token"
"""The answer format of `direct` verdicts: probabilities of the first token, not text."""


REASONED = "reasoned"
"""The answer format of `reasoned` verdicts: a text in our format, and the probabilities at the place of its verdict."""


def begun(text: str) -> str | None:
    """The text up to where its verdict stands, `<answer>` included; None where it names none."""
    rest = after_reasoning(text)
    found = list(_TAG.finditer(rest)) if rest is not None else []
    if rest is None or not found:
        return None
    opening = found[-1].start() + len("<answer>")
    return text[: len(text) - len(rest) + opening]


def refused(answer: Answer) -> bool:
    return bool(answer.refusal) or answer.finish_reason in _FILTERED


def cut(answer: Answer) -> bool:
    """Whether the token limit ended it."""
    return answer.finish_reason in _CUT


def undecided(answer: Answer) -> bool:
    """Whether its text decides nothing, whatever stands in it."""
    return refused(answer) or cut(answer)


def parse(answer: Answer) -> Parsed:
    """Derive status and choice from an answer that arrived.

    Raises:
        KeyError: an answer format that no parser knows.
    """
    parser = f"{answer.answer_format}/1"
    if refused(answer):
        return Parsed("refused", parser=parser)
    if answer.answer_format == DIRECT:
        return _direct(answer, parser)
    if cut(answer):
        return Parsed("truncated", parser=parser)
    rest = after_reasoning(answer.text)
    reasoned = answer.answer_format == REASONED
    choice = FORMATS["tag" if reasoned else answer.answer_format](rest) if rest is not None else None
    if reasoned and choice is not None:
        weighed = _direct(answer, parser)
        if weighed.p is not None:  # else what the text says, with no probability
            return weighed
    if choice is None:
        return Parsed("unparsed", parser=parser)
    return Parsed("tie", parser=parser) if choice == "tie" else Parsed("ok", choice, parser=parser)


def digit_of(token: str) -> str | None:
    """The verdict, "1" or "2", that a token reads as; None for any other.

    A leading space or newline, and the word-start marks of SentencePiece and byte-level BPE, make no other digit.
    """
    digit = token.strip().lstrip("▁ĠĊ").strip()
    return digit if digit in ("1", "2") else None


def _direct(answer: Answer, parser: str) -> Parsed:
    """P(1) and P(2) summed over the tokens that read as them; where either is outside the top k there is no P."""
    mass = {"1": 0.0, "2": 0.0}
    for token, logprob in answer.top_logprobs or ():
        digit = digit_of(token)
        if digit:
            mass[digit] += math.exp(logprob)
    total = mass["1"] + mass["2"]
    if not mass["1"] or not mass["2"]:
        return Parsed("unparsed", parser=parser)
    p = Probability(first=mass["1"] / total, mass=None if answer.masked else min(total, 1.0))
    if p.first == 0.5:
        return Parsed("tie", None, p, parser)
    return Parsed("ok", 1 if p.first > 0.5 else 2, p, parser)
