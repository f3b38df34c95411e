"""One-token answers: what the probabilities of the first token say of the digits that may be answered.

A digit outside the listed tokens (the top k) is not known to be improbable: all that is known is that none of its tokens is more
probable than the least probable one that is listed, nor than all that the listed ones leave over. `Masses.bound` is that, and a
decision is valid only where no value up to it would change the decision.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluators.records import TopLogprobs

NO_PROBABILITY = -9999.0
"""The log-probability of a token that is listed with none (-Infinity, null), as vLLM writes it: JSON has no infinity. It is listed, so
a token that is not has none either."""

TOLERANCE = 0.05
"""How far digits outside the top k may move an expected score; where they might move it further, there is none."""


def digit_of(token: str) -> str | None:
    """The digit, "0" to "9", that a token reads as; None for any other.

    A leading space or newline, and the word-start marks of SentencePiece and byte-level BPE, make no other digit.
    """
    digit = token.strip().lstrip("▁ĠĊ").strip()
    return digit if len(digit) == 1 and digit in "0123456789" else None


@dataclass(frozen=True, slots=True)
class Masses:
    """Probabilities of the digits that may be answered, summed over the tokens that read as each."""

    listed: Mapping[int, float]
    """Those in the top k."""
    allowed: tuple[int, ...]
    bound: float
    """The most that a digit outside the top k may have."""

    @property
    def total(self) -> float:
        """P of all answers that could be given, as far as they are listed."""
        return min(sum(self.listed.values()), 1.0)

    def of(self, digit: int) -> float:
        return self.listed.get(digit, 0.0)

    def missing(self, digits: Sequence[int] | None = None) -> list[int]:
        return [d for d in (self.allowed if digits is None else digits) if d not in self.listed]

    def settled(self, digit: int) -> bool:
        """Whether no digit outside the top k can be as probable as this one."""
        return digit in self.listed and (not self.missing() or self.listed[digit] > self.bound)

    def expected(self, digits: Sequence[int]) -> float | None:
        """The expected score over the digits of a scale; None where digits outside the top k may move it by more than
        `TOLERANCE`, or none is listed."""
        score = self._mean(digits, ())
        if score is None:
            return None
        missing = self.missing(digits)
        for side in (
            sorted(missing),
            sorted(missing, reverse=True),
        ):  # the extremes are where one side has all it may have
            for count in range(1, len(side) + 1):
                moved = self._mean(digits, side[:count])
                if moved is not None and abs(moved - score) > TOLERANCE:
                    return None
        return round(score, 9)

    def _mean(self, digits: Sequence[int], at_bound: Sequence[int]) -> float | None:
        weights = {d: self.bound if d in at_bound else self.of(d) for d in digits}
        total = sum(weights.values())
        return sum(d * w for d, w in weights.items()) / total if total else None


def masses(tokens: TopLogprobs | None, allowed: Sequence[int]) -> Masses:
    """Read (token, log-probability in nats) pairs of one place.

    >>> masses((("1", -0.1), (" 2", -2.4)), [1, 2]).bound < 0.01  # nearly all is listed
    True
    """
    listed: dict[int, float] = {}
    # Rounding may put a log-probability a little above 0.
    probabilities = [math.exp(min(logprob, 0.0)) for _, logprob in tokens or ()]
    for (token, _), p in zip(tokens or (), probabilities, strict=True):
        digit = digit_of(token)
        if digit is not None and int(digit) in allowed:
            listed[int(digit)] = listed.get(int(digit), 0.0) + p
    left_over = max(0.0, 1.0 - sum(probabilities))
    return Masses(
        # One listed with no probability counts as missing, and the bound is then 0: it is the least that is listed.
        {d: p for d, p in listed.items() if p > 0},
        tuple(allowed),
        min([*probabilities, left_over]) if probabilities else 1.0,
    )
