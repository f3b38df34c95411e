"""Rubrics as numbered yes/no questions between `<rubric>` tags: the form that ARR's writers are asked for, and its faults.

A criterion is a numbered line, with the lines up to the next number. Nothing is guessed: a line before the first number is
no criterion, and what is asked for but not given is a named violation.
"""

from __future__ import annotations

import re

from evaluators.records import Answer, Criterion
from evaluators.replies.forms import after_reasoning
from evaluators.replies.parsing import refused, unfinished
from evaluators.writers.base import Draft
from evaluators.writers.methods._tags import outside, section

PARSER = "numbered/2"

VIOLATIONS = {
    "refused": "the model refused",
    "truncated": "the answer was cut off, by a token limit or its server",
    "no_answer": "reasoning was opened and never closed: nothing follows it",
    "missing_rubric": "no <rubric> ... </rubric>",
    "duplicate_rubric": "<rubric> or </rubric> occurs more than once",
    "unclosed_rubric": "<rubric> without </rubric>, or the other way round",
    "empty_rubric": "nothing between <rubric> and </rubric>",
    "text_outside": "text before or after the rubric",
    "no_criteria": "no line of the rubric begins with a number",
    "not_numbered": "a line of the rubric begins with no number",
    "wrong_numbers": "the numbers do not run 1, 2, 3, ...",
    "empty_criterion": "a number with nothing behind it",
    "too_few_criteria": "fewer criteria than asked for",
    "too_many_criteria": "more criteria than asked for",
    "not_yes_no": "a criterion is not a yes/no question",
    "comparative_language": "a criterion compares candidates, or names one",
    "holistic_language": "a criterion asks how good the whole is",
}
"""Every violation by name."""

# Also in bold or as a heading, as models like to write. `1.5 times` begins no criterion.
_NUMBERED = re.compile(r"\s*(?:\*\*|#+)?\s*(\d{1,3})\s*[.)](?!\d)\s*(.*)")
_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|「[^」\n]*」|‘[^’\n]*’")
_COMPARES = re.compile(
    r"\b(?:better|best|worse|worst|superior|inferior|prefer(?:red|able)|outperforms?|outdoes|winner)\b"
    r"|\b(?:than|unlike|versus|vs\.?) (?:the |an? |any )?(?:other|others|another|alternatives?|rivals?|competing)\b"
    r"|\b(?:other|another|both|either|first|second|competing) (?:(?:generated|edited) \w+|candidates?|responses?|outputs?)\b"
)
_PLACES = re.compile(
    r"\b(?:first|second|former|latter|chosen|rejected|favou?red|winning|losing)[- ]"
    r"(?:one|image|picture|photo|candidate|response|output|edit|version|option)\b"
    r"|\b(?:left|right)(?:-hand)?[- ](?:image|picture|photo|candidate|edit)\b"
    r"|\bthe (?:former|latter)\b|\bshown (?:first|second|last)\b"
    r"|\b(?:candidate|response|output|option|version) (?:no\.? ?|number )?(?:one|two|1|2|a(?! \w)|b)\b(?!\s?%|[.:]?\d)"
)
"""In lower case. "The right answer" is a correct one."""
_NAMES = re.compile(
    r"\b(?:(?:[Rr]esponse|[Cc]andidate|[Oo]utput|[Ii]mage|[Pp]icture|[Ee]dit) #?[AB12]|[Aa]nswer #?[12])\b(?!\s?%|[.:]?\d)"
)
"""Case is part of it: "the image a child drew" names no candidate."""
_HOLISTIC = re.compile(
    r"\boverall(?: \w+)? (?:quality|impression|appeal|score|rating|merit)\b|\bhow (?:good|well)\b|\bgood overall\b"
)
_OPEN_QUESTION = re.compile(r"\s*(?:how|what|which|who|whom|whose|when|where|why|to what (?:extent|degree))\b", re.I)
_LONGEST_NAME = 80


def parse(answer: Answer, blind: bool, criteria: int) -> Draft:
    """Take an answer apart. The draft's rubric holds the criteria alone, numbered again.

    Args:
        blind: the writer saw no responses, as always here.
        criteria: how many were asked for.
    """
    if refused(answer):
        return Draft(violations=("refused",))
    text = after_reasoning(answer.text)
    if text is None:
        return Draft(violations=("no_answer",))
    violations = ["truncated"] if unfinished(answer) else []
    rubric, span = section(text, "rubric", violations, needed=True)
    if outside(text, [span] if span else []).strip():
        violations.append("text_outside")
    if not rubric:
        return Draft(violations=tuple(violations))
    lines = _criteria_of(rubric, violations)
    if not lines:
        violations.append("no_criteria")
    elif len(lines) != criteria:
        violations.append("too_few_criteria" if len(lines) < criteria else "too_many_criteria")
    taken = tuple(_criterion(line) for line in lines)
    for line, criterion in zip(lines, taken, strict=True):
        violations += _faults(line, criterion.description)
    # Numbered again: the model may have skipped a number, or given one twice.
    numbered = (f"{n}. {line}" for n, line in enumerate(lines, 1))
    return Draft("\n".join(numbered), taken, violations=tuple(dict.fromkeys(violations)))


def _criteria_of(rubric: str, violations: list[str]) -> list[str]:
    """Each criterion on one line, its number left out."""
    chunks: list[str] = []
    numbers: list[int] = []
    for line in filter(str.strip, rubric.splitlines()):
        opening = _NUMBERED.fullmatch(line)
        if opening:
            numbers.append(int(opening[1]))
            chunks.append(opening[2] or "")
            continue
        violations.append("not_numbered")
        if chunks:
            chunks[-1] += " " + line.strip()
    if numbers != list(range(1, len(numbers) + 1)):
        violations.append("wrong_numbers")
    plain = [c.replace("**", "").strip() for c in chunks]
    if not all(plain):
        violations.append("empty_criterion")
    return [c for c in plain if c]


def _criterion(line: str) -> Criterion:
    name, colon, question = (part.strip() for part in line.partition(":"))
    if not colon or not name or not question or len(name) > _LONGEST_NAME:
        return Criterion(line[:60].strip(), line)
    return Criterion(name, question)


def _faults(line: str, question: str) -> list[str]:
    violations = []
    if not question.rstrip(" )\"”'’`*_").endswith(("?", "？")) or _OPEN_QUESTION.match(question):
        violations.append("not_yes_no")
    if compares(line):
        violations.append("comparative_language")
    if _HOLISTIC.search(_QUOTED.sub('""', line).lower()):
        violations.append("holistic_language")
    return violations


def compares(line: str) -> bool:
    """Whether a criterion compares candidates, or names one."""
    unquoted = _QUOTED.sub('""', line)  # words to be read in a picture compare nothing
    return bool(_COMPARES.search(unquoted.lower()) or _PLACES.search(unquoted.lower()) or _NAMES.search(unquoted))
