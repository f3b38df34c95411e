"""From an answer to a status and a choice: strict, per answer format, with no digit fallback and no coin.

Every parser is versioned and its name is written beside what it derived. `forms` finds what is written where a verdict belongs and
which of it decides, for all formats alike. What may be there depends on the question (`grading.Question`): a strict permutation of as
many as were shown, an integer in range, a line for each criterion. docs/parsing.md shows what counts as a verdict and what does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from evaluators.prompts.grading import PAIR, Question
from evaluators.records import Answer, Criterion, CriterionVerdict, Probability, Status
from evaluators.replies.digits import Masses, masses
from evaluators.replies.finish import ending
from evaluators.replies.forms import (
    Form,
    after_reasoning,
    alone,
    bracketed,
    decision,
    matched,
    named,
    tagged,
    undecorated,
)

VERSION = 2
"""Of all parsers here. Answers that an earlier version parsed are parsed again (`harness_plugins.folder.reread`)."""

MASS_FLOOR = 0.05
"""P of all offered answers together below which a one-token answer decides nothing: `low_mass`."""


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
    forms: int = 0
    """Different forms of a verdict in its text, after the reasoning: with more than one it recites, or changes its mind."""


_JSON = re.compile(
    r"""["']?better[_ ]?response["'*`\\]{0,3}[ \t]*[:=]\s*("[^"\n]*"[^\n,}]*|'[^'\n]*'[^\n,}]*|[^\n,}]*)""", re.I | re.A
)


def _better(noun: str) -> re.Pattern[str]:
    """`Answer 2 is slightly better`; what else is said of answers in its place is a form that cannot be read."""
    return re.compile(
        rf"\b{noun}[\s*_`\"']*(\w{{1,12}})[\s*_`\"']*is[\s*_`\"']*(?:the\s*)?(?:slightly[\s*_`\"']*)?better"
        rf"|\b({noun}s?\b[^.!?\n]{{1,80}}?\b(?:better|equal|equally|tied?|same)\b)",
        re.I | re.A,
    )


_ANSWER_IS_BETTER, _RESPONSE_IS_BETTER = _better("Answer"), _better("Response")
_LINE = re.compile(r"(\d{1,3})[*_]*\s*[:.)](.*)", re.A)
_WHOLE_NUMBER = re.compile(r"-?\d{1,9}", re.A)

TIE, BOTH_BAD = 0, -1
"""What is written in place of a position where none is better."""
_CHOICES = {"tie": TIE, "both good": TIE, "both bad": BOTH_BAD, **{str(n): n for n in range(1, 10)}}
_LETTERS = {"A": "1", "B": "2", "C": "tie"}
_FOUR_WAY = {"A>B": "1", "B>A": "2", "A=B=GOOD": "both good", "A=B=BAD": "both bad"}


def _number(question: Question, content: str) -> str | None:
    """A position, or a tie: those that were offered, and a plain tie where none was, as one that was not asked for."""
    verdict = named(content).lower()
    # ASCII, as digits of other scripts only look like the ones that were offered.
    if verdict.isascii() and verdict.isdigit():
        return verdict if len(verdict) == 1 and 1 <= int(verdict) <= question.shown else None
    ties = ("both good", "both bad") if question.grading.ties == "good_bad" else ("tie",)
    return verdict if verdict in ties else None


def _first_or_second(verdict: str) -> str | None:
    return verdict if verdict in ("1", "2") else None


def _letter(content: str) -> str | None:
    return _LETTERS.get(named(content))


def _letter_of_two(content: str) -> str | None:
    return {"a": "1", "b": "2"}.get(named(content).lower())


def _four_way(content: str) -> str | None:
    return _FOUR_WAY.get(undecorated(content).replace(" ", "").upper())


def _score_in_range(question: Question, content: str) -> str | None:
    """A whole number of the scale, or `8/9` where 9 is its highest."""
    low, high = question.grading.scale
    score, slash, of = undecorated(content).partition("/")
    score = undecorated(score)
    if not _WHOLE_NUMBER.fullmatch(score) or (slash and undecorated(of) != str(high)):
        return None
    return str(int(score)) if low <= int(score) <= high else None


def _permutation(question: Question, content: str) -> str | None:
    """`2>1>3`, best first: every candidate once, none level."""
    places = [named(p) for p in undecorated(content).split(">")]
    return ">".join(places) if sorted(places) == [str(n) for n in range(1, question.shown + 1)] else None


def _lines(question: Question, content: str) -> str | None:
    """One line for each criterion, `number: verdict`, none missing and none twice."""
    lines = [_LINE.fullmatch(undecorated(line)) for line in content.splitlines() if line.strip()]
    verdicts = {int(m[1]): undecorated(m[2]).lower() for m in lines if m}
    if not all(lines) or len(lines) != len(question.criteria) or set(verdicts) != set(range(1, len(lines) + 1)):
        return None
    if any(_on_criterion(c, verdicts[n], question) is None for n, c in enumerate(question.criteria, 1)):
        return None
    return "\n".join(verdicts[n] for n in sorted(verdicts))


def _ranked(best_first: Sequence[int]) -> Parsed:
    """A ranking as a verdict, from its positions (1 = the first shown)."""
    ranks = [0] * len(best_first)
    for rank, position in enumerate(best_first):
        ranks[position - 1] = rank
    return Parsed("ok", best_first[0], ranks=tuple(ranks))


def _on_criterion(criterion: Criterion, verdict: str, question: Question) -> CriterionVerdict | None:
    """A verdict on one criterion, as its line says it; None where it cannot be read."""
    blank = CriterionVerdict(criterion.name, criterion.weight)
    if verdict == "n/a":
        return blank
    if question.grading.kind == "pointwise":
        score = _score_in_range(question, verdict)
        return None if score is None else replace(blank, score=float(score))
    return replace(blank, choice=0 if verdict == "tie" else int(verdict)) if verdict in ("1", "2", "tie") else None


def weighed(verdicts: Sequence[CriterionVerdict], question: Question) -> Parsed:
    """The decision that verdicts on criteria come to: their weighted sum, over those that could be assessed.

    Comparing: weight times +1 or -1 (or P(1) - P(2)), a tie at 0. Scoring: the weighted sum over the sum of the weights' sizes.
    A negative weight counts against. Where nothing could be assessed, it is a tie without a score.
    """
    criteria = tuple(verdicts)
    # Weights may be tiny (1e-10): the rounding below would make a tie of them.
    largest = max((abs(v.weight) for v in criteria), default=0.0) or 1.0
    if question.grading.kind == "pointwise":
        scored = [(v.weight / largest, v.score) for v in criteria if v.score is not None]
        total = sum(abs(w) for w, _ in scored)
        if not total:
            return Parsed("tie", criteria=criteria)
        return Parsed("ok", score=round(sum(w * s for w, s in scored) / total, 9), criteria=criteria)
    # Rounded: weights that balance must come to exactly 0, which floats added up do not.
    margin = round(sum(v.weight / largest * _lean(v) for v in criteria), 9)
    return Parsed("ok", 1 if margin > 0 else 2, criteria=criteria) if margin else Parsed("tie", criteria=criteria)


def _lean(verdict: CriterionVerdict) -> float:
    if verdict.choice == 0:
        return 0.0
    if verdict.p is not None:
        return 2 * verdict.p - 1
    return {1: 1.0, 2: -1.0}.get(verdict.choice or 0, 0.0)


def _decided(value: str, question: Question) -> Parsed:
    choice = _CHOICES[value]
    return Parsed("ok", choice) if choice > 0 else Parsed("tie", both_bad=choice == BOTH_BAD)


def _ordered(value: str, question: Question) -> Parsed:
    return _ranked([int(position) for position in value.split(">")])


def _scored(value: str, question: Question) -> Parsed:
    return Parsed("ok", score=float(value))


def _by_criterion(value: str, question: Question) -> Parsed:
    verdicts = (
        _on_criterion(c, verdict, question) for c, verdict in zip(question.criteria, value.split("\n"), strict=True)
    )
    return weighed([v for v in verdicts if v is not None], question)


@dataclass(frozen=True, slots=True)
class Format:
    """One way in which a text states its verdict."""

    forms: Callable[[str, Question], list[Form]]
    """The forms of a verdict in a text, in order."""
    parsed: Callable[[str, Question], Parsed] = _decided
    """What the verdict is that the form which decides says."""
    own_prompt: bool = True
    """A prompt that a user brings may ask for it (`answer_format:`)."""


def _numbered_tag(text: str, question: Question) -> list[Form]:
    return tagged(text, "answer", partial(_number, question))


FORMATS: dict[str, Format] = {
    "tag": Format(_numbered_tag),
    "double_bracket": Format(lambda text, question: bracketed(text, _letter)),
    "four_way": Format(lambda text, question: bracketed(text, _four_way)),
    "better_response": Format(
        lambda text, question: matched(text, _JSON, _letter_of_two) or alone(text, _letter_of_two)
    ),
    "answer_is_better": Format(lambda text, question: matched(text, _ANSWER_IS_BETTER, _first_or_second)),
    "response_is_better": Format(lambda text, question: matched(text, _RESPONSE_IS_BETTER, _first_or_second)),
    "plain": Format(lambda text, question: alone(text, partial(_number, question))),
    "proxy_grm": Format(_numbered_tag),
    "r1_reward": Format(_numbered_tag),
    "ranking": Format(lambda text, question: tagged(text, "ranking", partial(_permutation, question)), _ordered, False),
    "score": Format(lambda text, question: tagged(text, "score", partial(_score_in_range, question)), _scored, False),
    "verdicts": Format(
        lambda text, question: tagged(text, "verdicts", partial(_lines, question)), _by_criterion, False
    ),
    "scores": Format(lambda text, question: tagged(text, "scores", partial(_lines, question)), _by_criterion, False),
}
"""Answer formats in text: a format is a line here. `tag` and the last four are ours; the others belong to prompts that users bring.
`proxy_grm` and `r1_reward` are tags that are in their authors' replies, which official protocols read in their own way."""

OWN_PROMPTS = tuple(name for name, f in FORMATS.items() if f.own_prompt)
"""What a user's `answer_format:` may be."""

DIRECT = "token"
"""The answer format of `direct` verdicts: probabilities of the first token, not text."""

EACH = "tokens"
"""The same, one call for each criterion (`Answer.each`)."""

REASONED = "reasoned"
"""The answer format of `reasoned` verdicts: a text in our format, and the probabilities at the place of its verdict."""


def begun(text: str) -> str | None:
    """The text up to the digit of its verdict, `<answer>` included; None where it decides for neither."""
    final_text = after_reasoning(text)
    form = None if final_text is None else decision(final_text, _numbered_tag(final_text, PAIR))
    if final_text is None or form is None or form.value not in ("1", "2"):
        return None
    content = final_text[form.inside : form.end]
    # Blanks before the digit are left out as well: the model's own token for it may begin with one.
    digit = form.inside + (0 if content.lstrip().startswith(form.value) else content.index(form.value))
    return text[: len(text) - len(final_text) + digit]


def refused(answer: Answer) -> bool:
    return bool(answer.refusal) or ending(answer.finish_reason) == "filtered"


def unfinished(answer: Answer) -> bool:
    """Whether a limit or its server ended it before the model did."""
    return ending(answer.finish_reason) in ("cut", "failed")


def undecided(answer: Answer) -> bool:
    """Whether its text decides nothing, whatever is in it."""
    return refused(answer) or unfinished(answer)


def parse(answer: Answer, question: Question = PAIR, complete_reasons: Collection[str] = ()) -> Parsed:
    """Derive status and choice from an answer that arrived. Its status is `error` where its server did not finish it.

    Args:
        complete_reasons: further finish reasons that mean a whole answer (`JudgeSpec.complete_reasons`).

    Raises:
        KeyError: an answer format that no parser knows.
    """
    reading = _read(answer, question, complete_reasons)
    return replace(reading.parsed, forms=reading.distinct_forms, parser=f"{answer.answer_format}/{VERSION}")


class _Reading(NamedTuple):
    """What an answer says, and how many different verdicts its text holds (`Parsed.forms`)."""

    parsed: Parsed
    distinct_forms: int = 0


def _read(answer: Answer, question: Question, complete_reasons: Collection[str]) -> _Reading:
    """Whether the answer may be read at all; then by its tokens or by its text, as its format says."""
    family = ending(answer.finish_reason, complete_reasons)
    if answer.refusal or family == "filtered":
        return _Reading(Parsed("refused"))
    if family in ("failed", "unknown"):
        return _Reading(Parsed("error"))
    parse_tokens = _TOKEN_PARSERS.get(answer.answer_format)
    if parse_tokens is not None:  # also where it was cut: one token was asked for, and `length` ends each such answer
        return _Reading(parse_tokens(answer, question))
    if family == "cut":
        return _Reading(Parsed("truncated"))
    reasoned = answer.answer_format == REASONED
    answer_format = FORMATS["tag" if reasoned else answer.answer_format]
    final_text = after_reasoning(answer.text)
    if final_text is None:
        return _Reading(Parsed("unparsed"))
    forms = answer_format.forms(final_text, question)
    deciding = decision(final_text, forms)
    distinct_forms = len({f.value for f in forms} - {None})
    if deciding is None:
        return _Reading(Parsed("unparsed"), distinct_forms)
    parsed = answer_format.parsed(deciding.value or "", question)
    if reasoned and parsed.status == "ok":
        parsed = replace(parsed, p=_at_the_verdict(answer))
    return _Reading(parsed, distinct_forms)


def _at_the_verdict(answer: Answer) -> Probability | None:
    """P(1) and P(2) at the token of a verdict that its text states; None where one of them is outside the top k."""
    probabilities = masses(answer.top_logprobs, (1, 2))
    if probabilities.missing():
        return None
    return Probability(
        probabilities.of(1) / (probabilities.of(1) + probabilities.of(2)),
        None if answer.masked else probabilities.total,
    )


def token_answers(question: Question) -> list[int]:
    """The digits that a one-token answer may be: scores; or positions, and above them a tie (of two: 3) and both bad (of two: 4);
    0 where a criterion cannot be assessed."""
    if question.grading.kind == "pointwise":
        low, high = question.grading.scale
        return [*([0] if question.criteria and low > 0 else []), *range(low, high + 1)]
    if question.criteria:
        return [0, 1, 2, 3]
    ties = {"forbidden": 0, "allowed": 1, "good_bad": 2}[question.grading.ties]
    return list(range(1, question.shown + 1 + ties))


def _direct(answer: Answer, question: Question) -> Parsed:
    """The verdict by the probabilities of the first token, where no digit outside the top k could change it.

    Digits are numbered as in `token_answers`: positions, then a tie, then both bad.
    """
    probabilities = masses(answer.top_logprobs, token_answers(question))
    # Behind a grammar all tokens are offered answers, so the mass says nothing of what the model wanted to write.
    mass = None if answer.masked else probabilities.total
    if question.grading.kind == "pointwise":
        score = probabilities.expected(probabilities.allowed)
        return Parsed("unparsed") if score is None else _if_likely(Parsed("ok", score=score, p=Probability(None, mass)))
    positions = range(1, question.shown + 1)
    both_bad = question.shown + 2
    top_digit = max(probabilities.listed, key=lambda d: probabilities.listed[d], default=None)
    if top_digit is None or not probabilities.settled(top_digit):
        return Parsed("unparsed")
    p_first = None
    if question.shown == 2 and not probabilities.missing((1, 2)):
        p_first = probabilities.of(1) / (probabilities.of(1) + probabilities.of(2))
    p = Probability(p_first, mass)
    if top_digit > question.shown:
        return _if_likely(Parsed("tie", p=p, both_bad=top_digit == both_bad))
    if any(probabilities.of(n) == probabilities.of(top_digit) for n in positions if n != top_digit):
        return _if_likely(Parsed("tie", p=p))
    if (
        question.grading.kind == "listwise"
        and not probabilities.missing(positions)
        and len({probabilities.of(n) for n in positions}) == len(positions)
    ):
        return _if_likely(replace(_ranked(sorted(positions, key=lambda n: -probabilities.of(n))), p=p))
    # A list of which two positions are equally probable, or one is not among the top k, has a best one and no ranking.
    return _if_likely(Parsed("ok", top_digit, p))


def _if_likely(parsed: Parsed) -> Parsed:
    """The same, as `low_mass` where the offered answers were hardly what the model would have written."""
    low = parsed.p is not None and parsed.p.mass is not None and parsed.p.mass < MASS_FLOOR
    return replace(parsed, status="low_mass") if low else parsed


def _each(answer: Answer, question: Question) -> Parsed:
    """Verdicts on criteria, each by the probabilities of a call of its own; one that nothing can be said of leaves all unparsed.

    Where a digit is outside the top k its call has two readings, the extremes; the sum decides where both come to the same.
    """
    if len(answer.each) != len(question.criteria):
        return Parsed("unparsed")
    low, high, total = [], [], []
    for criterion, tokens in zip(question.criteria, answer.each, strict=True):
        probabilities = masses(tokens, token_answers(question))
        readings = _criterion_by_token(criterion, probabilities, answer.masked, question)
        if readings is None:
            return Parsed("unparsed")
        low.append(readings.low)
        high.append(readings.high)
        total.append(probabilities.total)
    parsed, other = weighed(low, question), weighed(high, question)
    if (parsed.status, parsed.choice) != (other.status, other.choice):
        return Parsed("unparsed")
    shown = weighed([_as_recorded(a, b) for a, b in zip(low, high, strict=True)], question)
    return _if_likely(replace(shown, p=None if answer.masked or not total else Probability(None, min(total))))


@dataclass(frozen=True, slots=True)
class _Readings:
    """The lowest and the highest that the probabilities of one criterion may mean."""

    low: CriterionVerdict
    high: CriterionVerdict


def _criterion_by_token(
    criterion: Criterion, probabilities: Masses, masked: bool, question: Question
) -> _Readings | None:
    """None where the probabilities say nothing."""
    top_digit = max(probabilities.listed, key=lambda d: probabilities.listed[d], default=None)
    if top_digit is None:
        return None
    mass = None if masked else round(probabilities.total, 9)
    blank = CriterionVerdict(criterion.name, criterion.weight, mass=mass)
    pointwise = question.grading.kind == "pointwise"
    if not probabilities.settled(top_digit) and not pointwise:
        return None
    if top_digit == 0 and (question.grading.scale[0] if pointwise else 1) > 0:
        return _Readings(blank, blank) if probabilities.settled(top_digit) else None
    if pointwise:
        score = probabilities.expected([d for d in probabilities.allowed if d >= question.grading.scale[0]])
        return None if score is None else _Readings(replace(blank, score=score), replace(blank, score=score))
    if top_digit == 3:
        return _Readings(replace(blank, choice=0), replace(blank, choice=0))
    shares = sorted(
        (probabilities.listed.get(1, first))
        / ((probabilities.listed.get(1, first)) + (probabilities.listed.get(2, second)))
        for first, second in ((0.0, probabilities.bound), (probabilities.bound, 0.0))
    )
    return _Readings(*(replace(blank, choice=0 if p == 0.5 else 1 if p > 0.5 else 2, p=round(p, 9)) for p in shares))


def _as_recorded(low: CriterionVerdict, high: CriterionVerdict) -> CriterionVerdict:
    """The verdict on one criterion, without a probability that is only known within bounds."""
    return low if low.p == high.p else replace(low, p=None)


_TOKEN_PARSERS: dict[str, Callable[[Answer, Question], Parsed]] = {DIRECT: _direct, EACH: _each}
"""Answer formats in probabilities of tokens, not in text."""
