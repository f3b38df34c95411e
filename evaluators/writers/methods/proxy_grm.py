"""Proxy-GRM's rubric writer: rubric, evaluation and answer in one pass, after seeing the pair (arXiv 2603.16600, sec. 3).

The parser is structural and never guesses: each deviation from the form is a named violation, and a rubric is taken only
from strictly between its own tags. The reference's reward code fell back to the whole output, evaluation and answer
included, where `</rubric>` was missing; here such an answer has no rubric.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator

from evaluators.inputs.names import unknown
from evaluators.prompts.criteria import parse_criteria
from evaluators.records import Answer, Criterion
from evaluators.replies.forms import after_reasoning, named
from evaluators.replies.parsing import refused, unfinished
from evaluators.writers.base import Draft
from evaluators.writers.methods._tags import outside, section

TEMPLATE = "proxy_grm.jinja"
PARSER = "proxy_grm/2"
SEES = "either"
"""It can write without seeing the responses; then there is nothing to evaluate and no answer."""
OPTIONS = ()

VIOLATIONS = {
    "refused": "the model refused",
    "truncated": "the answer was cut off, by a token limit or its server",
    "no_answer": "reasoning was opened and never closed: nothing follows it",
    **{f"missing_{t}": f"no <{t}> ... </{t}>" for t in ("rubric", "eval", "answer")},
    **{f"duplicate_{t}": f"<{t}> or </{t}> occurs more than once" for t in ("rubric", "justify", "eval", "answer")},
    **{
        f"unclosed_{t}": f"<{t}> without </{t}>, or the other way round"
        for t in ("rubric", "justify", "eval", "answer")
    },
    **{f"empty_{t}": f"nothing between <{t}> and </{t}>" for t in ("rubric", "justify", "eval", "answer")},
    "misplaced_justify": "<justify> is outside <rubric>",
    "nested_tags": "one section begins inside another",
    "wrong_order": "the sections do not follow each other as rubric, eval, answer",
    "text_outside": "text before, between or after the sections",
    "no_criteria": "no line of the rubric reads as a criterion",
    "no_weights": "criteria without a weight in per cent",
    "weights_do_not_sum": "the weights do not add up to 100 %",
    "bad_verdict": "<answer> holds more than 1 or 2 alone",
}
"""Every violation by name."""

Form = Literal["full", "tags"]
"""Which faults count: `full`, all of them; `tags`, those of the tags alone, which is what the released reward looks at."""

CONTENT = frozenset(
    {
        "no_criteria",
        "no_weights",
        "weights_do_not_sum",
        "bad_verdict",
        *(v for v in VIOLATIONS if v.startswith("empty_")),
    }
)
"""Violations by what is between the tags."""


def known_faults(names: Collection[str]) -> Collection[str]:
    """Raises:
    ValueError: one of them is no violation.
    """
    for name in names:
        if name not in VIOLATIONS:
            raise ValueError(unknown("fault", name, VIOLATIONS))
    return names


Faults = Annotated[tuple[str, ...], AfterValidator(known_faults)]
"""Violations by name, in a config."""

_SECTIONS = ("rubric", "eval", "answer")


def faults(violations: Iterable[str], form: Form = "full", allow: Collection[str] = ()) -> tuple[str, ...]:
    """The violations that count as faults of form: one rule for what is taught and for what is rewarded.

    Example:
        >>> faults(["weights_do_not_sum", "text_outside"], form="tags")
        ('text_outside',)

    Args:
        allow: further violations that do not count.
    """
    return tuple(v for v in violations if v not in allow and not (form == "tags" and v in CONTENT))


def parse(answer: Answer, blind: bool) -> Draft:
    """Take an answer apart.

    Args:
        blind: the writer saw no responses, so neither evaluation nor answer is expected.
    """
    if refused(answer):
        return Draft(violations=("refused",))
    text = after_reasoning(answer.text)
    if text is None:
        return Draft(violations=("no_answer",))
    violations: list[str] = []
    if unfinished(answer):
        violations.append("truncated")
    rubric, rubric_span = section(text, "rubric", violations, needed=True)
    evaluation, eval_span = section(text, "eval", violations, needed=not blind)
    verdict_text, answer_span = section(text, "answer", violations, needed=not blind)
    justify = ""
    if rubric is not None:
        rubric, justify = _parted(rubric, violations)
    elif re.search(r"</?justify>", text):
        violations.append("misplaced_justify")
    spans = [p for p in (rubric_span, eval_span, answer_span) if p]
    inside = rubric is not None and re.search(r"</?(?:eval|answer)>", rubric)
    if inside or any(a[0] < b[0] < a[1] for a in spans for b in spans if a is not b):
        violations.append("nested_tags")
        # With <eval> or <answer> in it, it would give the writer's own verdict to the judge.
        rubric = None if inside else rubric
    elif sorted(spans) != spans:
        violations.append("wrong_order")
    # Blanks outside are no fault. The reference's format check failed on a trailing space.
    if outside(text, spans).strip():
        violations.append("text_outside")
    criteria = parse_criteria(rubric or "")
    if rubric:
        violations += _weight_violations(criteria)
    verdict: Literal[1, 2] | None = None
    if verdict_text is not None:
        choice = named(verdict_text)
        # An empty one is `empty_answer` already.
        if verdict_text not in ("", "1", "2"):
            violations.append("bad_verdict")
        if not unfinished(answer):  # an answer that breaks off has decided nothing
            verdict = 1 if choice == "1" else 2 if choice == "2" else None
    return Draft(rubric or "", criteria, justify, evaluation or "", verdict, tuple(dict.fromkeys(violations)))


class _Parted(NamedTuple):
    """What is in `<rubric>`: the rubric itself, and its reasons."""

    rubric: str
    justify: str = ""


def _parted(rubric: str, violations: list[str]) -> _Parted:
    """The rubric without its `<justify>` section, and that section; faults are added to `violations`."""
    justify, span = section(rubric, "justify", violations, needed=False)
    if span is None:
        if "unclosed_justify" in violations:  # where it would end is not known: nothing after its tag is rubric
            rubric = re.split(r"</?justify>", rubric)[0].strip()
        return _Parted(rubric)
    remaining = (rubric[: span.start].rstrip() + "\n" + rubric[span.end :].lstrip()).strip()
    if not remaining:
        violations.append("empty_rubric")
    return _Parted(remaining, justify or "")


def _weight_violations(criteria: tuple[Criterion, ...]) -> list[str]:
    if not criteria:
        return ["no_criteria"]
    weights = [c.weight for c in criteria]
    if any(math.isnan(w) for w in weights):
        return ["no_weights"]
    return [] if abs(sum(weights) - 100) <= 1 else ["weights_do_not_sum"]
