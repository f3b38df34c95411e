"""From an answer to a status and a choice: strict, per answer format, with no digit fallback and no coin.

Every parser is versioned and its name is written beside what it derived. A rule common to all: the verdict counts only
after the reasoning, the last well-formed one wins, and a reply cut off by the token limit has decided nothing. What is
well-formed depends on what was asked (`grading.Asked`): a strict permutation of as many as were shown, an integer in range,
a line for each criterion.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from evaluators.grading import PAIR, Asked
from evaluators.records import Answer, Criterion, CriterionVerdict, Probability, Status


@dataclass(frozen=True, slots=True)
class Parsed:
    status: Status
    choice: int | None = None
    p: Probability | None = None
    parser: str = ""
    both_bad: bool = False
    score: float | None = None
    ranks: tuple[int, ...] | None = None
    """The place (0 = best) of the candidate at each position."""
    criteria: tuple[CriterionVerdict, ...] = ()


_CUT = frozenset({"length", "max_tokens", "model_length"})
_FILTERED = frozenset({"content_filter", "safety", "refusal"})
_TAG = re.compile(r"<answer>\s*([1-9]|tie|both good|both bad)\s*</answer>", re.I | re.A)
_BRACKET = re.compile(r"\[\[\s*(A|B|C)\s*\]\]")
_FOUR_WAY = re.compile(r"\[\[\s*(A>B|B>A|A=B=Good|A=B=Bad)\s*\]\]")
_JSON = re.compile(r'"better_response"\s*:\s*"\s*([AB])\s*"|^\s*([AB])\s*$', re.I | re.A)
_BETTER = re.compile(r"Answer\s*([12])\s*is\s*(?:the\s*)?(?:slightly\s*)?better", re.I | re.A)
_PLAIN = re.compile(r"\s*([1-9])\s*\.?\s*")
_RANKING = re.compile(r"<ranking>([^<]*)</ranking>", re.I | re.A)
_SCORE = re.compile(r"<score>\s*(-?\d{1,9})\s*</score>", re.I | re.A)
_BLOCK = {k: re.compile(rf"<{k}>((?:(?!</?{k}>).)*)</{k}>", re.I | re.A | re.S) for k in ("verdicts", "scores")}
_LINE = re.compile(r"\s*(\d{1,3})\s*[:.)]\s*(-?\d{1,9}|tie|n/a)\s*", re.I | re.A)

TIE, BOTH_BAD = 0, -1
"""What stands in place of a position where none is better."""
_NAMES = {"tie": TIE, "both good": TIE, "both bad": BOTH_BAD, "a": 1, "b": 2, "c": TIE, "a>b": 1, "b>a": 2}
_NAMES |= {"a=b=good": TIE, "a=b=bad": BOTH_BAD, **{str(n): n for n in range(1, 10)}}


def after_reasoning(text: str) -> str | None:
    """What follows the reasoning block; None while a block is still open.

    Only a `<think>` that *starts* the reply opens a block: one quoted later belongs to the text. Templates that open
    it in the prompt leave a lone `</think>`, and everything up to the last one is reasoning.
    """
    _, closing, tail = text.rpartition("</think>")
    if closing:
        return tail
    return None if text.lstrip().startswith("<think>") else text


def _chosen(choice: int) -> Parsed:
    return Parsed("ok", choice) if choice > 0 else Parsed("tie", both_bad=choice == BOTH_BAD)


def _offered(found: Iterable[str], asked: Asked) -> list[str]:
    """Without the ties that this judge was not offered; a plain one counts where none was, as a tie that was not asked for."""
    ties = ("both good", "both bad") if asked.grading.ties == "good_bad" else ("tie",)
    return [f for f in found if f.isdigit() or f.lower() in ties]


def _last(found: Iterable[str], shown: int) -> Parsed | None:
    choices = [c for c in (_NAMES[f.lower()] for f in found) if c <= shown]
    return _chosen(choices[-1]) if choices else None


def _ranking(text: str, asked: Asked) -> Parsed | None:
    """`2 > 1 > 3`, best first: every candidate once, none level."""
    for inside in reversed(_RANKING.findall(text)):
        places = [p.strip() for p in inside.split(">")]
        if sorted(places) == [str(n) for n in range(1, asked.shown + 1)]:
            return _ranked([int(p) for p in places])
    return None


def _ranked(best_first: Sequence[int]) -> Parsed:
    ranks = [0] * len(best_first)
    for place, position in enumerate(best_first):
        ranks[position - 1] = place
    return Parsed("ok", best_first[0], ranks=tuple(ranks))


def _score(text: str, asked: Asked) -> Parsed | None:
    low, high = asked.grading.scale
    found = [n for n in map(int, _SCORE.findall(text)) if low <= n <= high]
    return Parsed("ok", score=float(found[-1])) if found else None


def _by_criterion(text: str, asked: Asked, tag: str) -> Parsed | None:
    """One line for each criterion, `number: verdict`, none missing and none twice."""
    for inside in reversed(_BLOCK[tag].findall(text)):
        lines = [_LINE.fullmatch(line) for line in inside.splitlines() if line.strip()]
        said = {int(m[1]): m[2].lower() for m in lines if m}
        if all(lines) and len(lines) == len(asked.criteria) and set(said) == set(range(1, len(lines) + 1)):
            verdicts = [_on_criterion(c, said[n], asked) for n, c in enumerate(asked.criteria, 1)]
            if all(v is not None for v in verdicts):
                return weighed([v for v in verdicts if v is not None], asked)
    return None


def _on_criterion(criterion: Criterion, said: str, asked: Asked) -> CriterionVerdict | None:
    blank = CriterionVerdict(criterion.name, criterion.weight)
    if said == "n/a":
        return blank
    if asked.grading.kind == "pointwise":
        low, high = asked.grading.scale
        return replace(blank, score=float(said)) if said != "tie" and low <= int(said) <= high else None
    return replace(blank, choice=0 if said == "tie" else int(said)) if said in ("1", "2", "tie") else None


def weighed(verdicts: Sequence[CriterionVerdict], asked: Asked) -> Parsed:
    """The decision that verdicts on criteria come to: their weighted sum, over those that could be assessed.

    Comparing: weight times +1 or -1 (or P(1) - P(2)), a tie at 0. Scoring: the weighted sum over the sum of the weights' sizes.
    A negative weight counts against. Where nothing could be assessed, it is a tie without a score.
    """
    kept = tuple(verdicts)
    largest = max((abs(v.weight) for v in kept), default=0.0) or 1.0
    if asked.grading.kind == "pointwise":
        scored = [(v.weight / largest, v.score) for v in kept if v.score is not None]
        total = sum(abs(w) for w, _ in scored)
        if not total:
            return Parsed("tie", criteria=kept)
        return Parsed("ok", score=round(sum(w * s for w, s in scored) / total, 9), criteria=kept)
    margin = round(sum(v.weight / largest * _lean(v) for v in kept), 9)
    return Parsed("ok", 1 if margin > 0 else 2, criteria=kept) if margin else Parsed("tie", criteria=kept)


def _lean(verdict: CriterionVerdict) -> float:
    if verdict.choice == 0:
        return 0.0
    if verdict.p is not None:
        return 2 * verdict.p - 1
    return {1: 1.0, 2: -1.0}.get(verdict.choice or 0, 0.0)


def _whole(text: str, asked: Asked) -> Parsed | None:
    found = _PLAIN.fullmatch(text)
    return _last([found[1]], asked.shown) if found else None


FORMATS: dict[str, Callable[[str, Asked], Parsed | None]] = {
    "tag": lambda text, asked: _last(_offered(_TAG.findall(text), asked), asked.shown),
    "double_bracket": lambda text, asked: _last(_BRACKET.findall(text), asked.shown),
    "four_way": lambda text, asked: _last(_FOUR_WAY.findall(text), asked.shown),
    "better_response": lambda text, asked: _last((a or b for a, b in _JSON.findall(text)), asked.shown),
    "answer_is_better": lambda text, asked: _last(_BETTER.findall(text), asked.shown),
    "plain": _whole,
    "proxy_grm": lambda text, asked: _last(_offered(_TAG.findall(text), asked), asked.shown),
    "r1_reward": lambda text, asked: _last(_offered(_TAG.findall(text), asked), asked.shown),
    "ranking": _ranking,
    "score": _score,
    "verdicts": lambda text, asked: _by_criterion(text, asked, "verdicts"),
    "scores": lambda text, asked: _by_criterion(text, asked, "scores"),
}
"""Answer formats in text. `tag` and the last four are ours; the others belong to prompts that users bring. `proxy_grm` and
`r1_reward` are tags that stand in their authors' replies, which official protocols read in their own way."""

OWN_PROMPTS = (
    "tag",
    "double_bracket",
    "four_way",
    "better_response",
    "answer_is_better",
    "plain",
    "proxy_grm",
    "r1_reward",
)
"""What a user's `answer_format:` may be."""

DIRECT = "token"
"""The answer format of `direct` verdicts: probabilities of the first token, not text."""

EACH = "tokens"
"""The same, one call for each criterion (`Answer.each`)."""

REASONED = "reasoned"
"""The answer format of `reasoned` verdicts: a text in our format, and the probabilities at the place of its verdict."""


def begun(text: str) -> str | None:
    """The text up to where its verdict stands, `<answer>` included; None where it names none."""
    rest = after_reasoning(text)
    found = [m for m in _TAG.finditer(rest) if m[1].lower() in ("1", "2", "tie")] if rest is not None else []
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


def parse(answer: Answer, asked: Asked = PAIR) -> Parsed:
    """Derive status and choice from an answer that arrived.

    Raises:
        KeyError: an answer format that no parser knows.
    """
    return replace(_parsed(answer, asked), parser=f"{answer.answer_format}/1")


def _parsed(answer: Answer, asked: Asked) -> Parsed:
    if refused(answer):
        return Parsed("refused")
    if answer.answer_format == DIRECT:
        return _direct(answer, asked)
    if answer.answer_format == EACH:
        return _each(answer, asked)
    if cut(answer):
        return Parsed("truncated")
    rest = after_reasoning(answer.text)
    reasoned = answer.answer_format == REASONED
    found = FORMATS["tag" if reasoned else answer.answer_format](rest, asked) if rest is not None else None
    if reasoned and found is not None and found.status == "ok":
        by_token = _direct(answer, asked)
        if by_token.p is not None:  # else what the text says, with no probability
            return by_token
    return found or Parsed("unparsed")


def digit_of(token: str) -> str | None:
    """The digit, "0" to "9", that a token reads as; None for any other.

    A leading space or newline, and the word-start marks of SentencePiece and byte-level BPE, make no other digit.
    """
    digit = token.strip().lstrip("▁ĠĊ").strip()
    return digit if len(digit) == 1 and digit in "0123456789" else None


def _masses(tokens: Sequence[tuple[str, float]] | None, allowed: Sequence[int]) -> dict[int, float]:
    """P of each digit that may be answered, summed over the tokens that read as it; those outside the top k are absent."""
    mass: dict[int, float] = {}
    for token, logprob in tokens or ():
        digit = digit_of(token)
        if digit and int(digit) in allowed and math.exp(logprob):
            mass[int(digit)] = mass.get(int(digit), 0.0) + math.exp(logprob)
    return mass


def token_answers(asked: Asked) -> list[int]:
    """The digits that a one-token answer may be: positions (3 a tie, 4 both bad), scores; 0 where a criterion cannot be
    assessed."""
    if asked.grading.kind == "pointwise":
        low, high = asked.grading.scale
        return [*([0] if asked.criteria and low > 0 else []), *range(low, high + 1)]
    if asked.criteria:
        return [0, 1, 2, 3]
    more = {"forbidden": 0, "allowed": 1, "good_bad": 2}[asked.grading.ties]
    return list(range(1, asked.shown + 1 + more))


def _direct(answer: Answer, asked: Asked) -> Parsed:
    """The verdict by the probabilities of the first token. Where a position is outside the top k there is none."""
    allowed = token_answers(asked)
    mass = _masses(answer.top_logprobs, allowed)
    total = None if answer.masked else min(sum(mass.values()), 1.0)
    if asked.grading.kind == "pointwise":
        if not mass:
            return Parsed("unparsed")
        return Parsed("ok", score=_expected(mass), p=Probability(None, total))
    positions = range(1, asked.shown + 1)
    if any(n not in mass for n in positions):
        return Parsed("unparsed")
    p = Probability(mass[1] / (mass[1] + mass[2]) if asked.shown == 2 else None, total)
    best_first = sorted(positions, key=lambda n: -mass[n])
    tie = max((n for n in mass if n > asked.shown), key=lambda n: mass[n], default=None)
    if tie is not None and mass[tie] > mass[best_first[0]]:
        return Parsed("tie", p=p, both_bad=tie == asked.shown + 2)
    if mass[best_first[0]] == mass[best_first[1]]:
        return Parsed("tie", p=p)
    if asked.grading.kind == "listwise" and len({mass[n] for n in positions}) == len(positions):
        return replace(_ranked(best_first), p=p)
    return Parsed("ok", best_first[0], p)  # level further down: a best one, and no ranking


def _expected(mass: dict[int, float]) -> float:
    return round(sum(n * m for n, m in mass.items()) / sum(mass.values()), 9)


def _each(answer: Answer, asked: Asked) -> Parsed:
    """Verdicts on criteria, each by the probabilities of a call of its own; a call that gave none leaves it unparsed."""
    if len(answer.each) != len(asked.criteria):
        return Parsed("unparsed")
    verdicts = []
    for criterion, tokens in zip(asked.criteria, answer.each, strict=True):
        mass = _masses(tokens, token_answers(asked))
        if not mass:
            return Parsed("unparsed")
        best = max(mass, key=lambda n: mass[n])
        seen = None if answer.masked else round(min(sum(mass.values()), 1.0), 9)
        blank = CriterionVerdict(criterion.name, criterion.weight, mass=seen)
        if best == 0 and (asked.grading.scale[0] if asked.grading.kind == "pointwise" else 1) > 0:
            verdicts.append(blank)
        elif asked.grading.kind == "pointwise":
            verdicts.append(
                replace(blank, score=_expected({n: m for n, m in mass.items() if n >= asked.grading.scale[0]}))
            )
        elif best == 3:
            verdicts.append(replace(blank, choice=0))
        elif 1 not in mass or 2 not in mass:
            return Parsed("unparsed")
        else:
            p = round(mass[1] / (mass[1] + mass[2]), 9)
            verdicts.append(replace(blank, choice=0 if p == 0.5 else 1 if p > 0.5 else 2, p=p))
    return weighed(verdicts, asked)
