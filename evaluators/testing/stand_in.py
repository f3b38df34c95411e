"""What a sensible small model would say to a prompt of ours, read from the prompt alone.

The form of the reply is the one that the prompt asks for: it is recognised by the answer tags in the prompt's own words
(`<verdicts>`, `<ranking>`, `<themes>`, ...), never by a name. What is said comes from the words of the material: a criterion
about numbers is met by a text that holds one, any other criterion by a text that shares its words. Pictures are not seen.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evaluators.backends.baseline import words

_SECTION = re.compile(r"\[([a-z][a-z ]*?)(?: (\d))? ([0-9a-f]{12})\]\n(.*?)\n?\[end of \1(?: \2)? \3\]", re.S)
_SHOWN = frozenset({"response", "candidate"})
_NOISE = 0.25
"""How far a response's own worth, which no rubric explains, moves a score of 0 to 1."""
_FIRST = 0.01
"""What the response that is shown first has on top: near ties flip with the order, as with real models."""
_ADVICE = 0.1
"""What the response has on top that "another evaluator" prefers."""


class _Quality(NamedTuple):
    """Something that a text has or lacks, and the criterion that asks for it."""

    name: str
    question: str
    holds: Callable[[str], object]
    called_for: str
    """A pattern of requests that call for it."""


def _pattern(expression: str) -> Callable[[str], object]:
    return re.compile(expression, re.I).search


_NUMBER = r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|none|half)\b"
_COLOUR = r"\b(?:red|green|blue|yellow|orange|purple|brown|black|white|grey|cream|pink)\b"
_PLACE = r"\b(?:left|right|above|below|between|corner|behind|beside|under|column|row|top|bottom|middle)\b"
_REASON = r"\b(?:because|since|so that|which shows|which makes|marked|stands in|labelled|says|reads)\b"
_HEDGE = r"\b(?:perhaps|maybe|might|seems?|probably|possibly|usually|often|hard to say|could be|I think)\b"
_ASIDE = r"\b(?:cheerful|handy|lovely|if I may|by the way|not part of the question|hope|happy to|delightful)\b|!"
QUALITIES = (
    _Quality("Number", "Is a number given?", _pattern(_NUMBER), r"\bhow (?:many|much)|number|share|weigh|total|count|long\b"),
    _Quality("Evidence", "Is it said what shows the answer?", _pattern(_REASON), r"\bhow can you|why|which|what does\b"),
    _Quality("Place", "Is a place named where something is found?", _pattern(_PLACE), r"\bwhere|scene|picture|map|left|right\b"),
    _Quality("Colour", "Is a colour named?", _pattern(_COLOUR), r"\bcolou?r|scene|picture|wear|flag\b"),
    _Quality("Certainty", "Is the answer free of hedging?", lambda text: not re.search(_HEDGE, text, re.I), r"\bis|are|when\b"),
    _Quality("To the point", "Is it free of remarks nobody asked for?", lambda text: not re.search(_ASIDE, text, re.I), r"."),
    _Quality("Length", "Can it be read in ten seconds?", lambda text: len(text) < 180, r"\bbrief|short|line|caption|summar\b"),
    _Quality("Sentence", "Is it written in full sentences?", _pattern(r"^[A-Z].*[.?!]$"), r"\bdescribe|explain|tell\b"),
)  # fmt: skip
_BY_QUESTION = {q.question: q for q in QUALITIES}


@dataclass(frozen=True)
class _Prompt:
    """A prompt taken apart."""

    frame: str
    """Its own words, without the material."""
    sections: tuple[tuple[str, str], ...]
    """Each section of material: what it is called, and its text."""

    def texts(self, *names: str) -> list[str]:
        return [text for name, text in self.sections if name in names]

    @property
    def request(self) -> str:
        return " ".join(self.texts("request"))

    @property
    def responses(self) -> list[str]:
        return self.texts(*_SHOWN)

    def block(self, tag: str) -> str:
        """What stands between a tag and its end, the last time that the prompt shows it."""
        blocks: list[str] = re.findall(rf"<{tag}>(.*?)</{tag}>", self.frame, re.S)
        return blocks[-1] if blocks else ""


def reply(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """The reply to a prompt, or None where it asks for no form that is known here.

    >>> reply([{"role": "user", "content": "Which is it?\\nReply with <answer>VERDICT</answer>"}])
    'I compared both.\\n<answer>1</answer>'
    """
    prompt = _taken_apart(messages)
    for asks, answer in _FORMS:
        if asks(prompt):
            return answer(prompt)
    return None


def compares(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a prompt asks for one verdict between two, in an answer tag or one digit."""
    prompt = _taken_apart(messages)
    answer = next((answer for asks, answer in _FORMS if asks(prompt)), None)
    return answer in (None, _verdict) or (answer is _digit and "criterion" not in _last(prompt) and not _scale(prompt))


def _taken_apart(messages: Sequence[Mapping[str, Any]]) -> _Prompt:
    """The user's and the system's messages; an answer that the assistant has begun adds nothing to what is asked."""
    pieces = [piece for m in messages if m.get("role") != "assistant" for piece in _pieces(m.get("content"))]
    text = "\n".join(pieces) if len(pieces) == 1 else "".join(pieces)
    sections = tuple((m[1], m[4].strip()) for m in _SECTION.finditer(text))
    return _Prompt(_SECTION.sub("", text), sections)


def _pieces(content: object) -> Iterable[str]:
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if part.get("type") == "text":
            yield str(part.get("text", ""))
        else:
            yield f"[picture {hashlib.sha256(repr(part).encode()).hexdigest()[:12]}]\n"


def _last(prompt: _Prompt) -> str:
    return prompt.frame.strip().rpartition("\n\n")[2]


def _scale(prompt: _Prompt) -> tuple[int, ...]:
    """Lowest and highest score; nothing where no score is asked for."""
    limits = re.search(r"whole number from (-?\d+) \([^)]*\) to (-?\d+)", prompt.frame)
    return (int(limits[1]), int(limits[2])) if limits else ()


# What is judged.
def _own_worth(text: str) -> float:
    """Between 0 and 1, the same wherever the text stands."""
    return hashlib.sha256(text.encode()).digest()[0] / 255


def meets(text: str, criterion: str) -> float:
    """How far a text meets a criterion, from 0 to 1.

    >>> meets("There are 3 cups.", "Number: Is a number given?"), meets("Red cups.", "Names the cups")
    (1.0, 0.5)
    """
    quality = _BY_QUESTION.get(criterion.partition(": ")[2].strip())
    if quality is not None:
        return float(bool(quality.holds(text)))
    wanted = words(re.sub(r"^\W*\d+[.)]|\(\d+ ?%\)|^[^:]*:", "", criterion))
    return len(wanted & words(text)) / len(wanted) if wanted else 0.0


def _worth(text: str, prompt: _Prompt) -> float:
    """The worth of a response by the rubric or the one criterion that is shown, and by what it is worth itself."""
    lines = [line for rubric in prompt.texts("rubric", "criterion") for line in rubric.splitlines() if line.strip()]
    by_rubric = sum(meets(text, _unnumbered(line)) for line in lines) / len(lines) if lines else 0.0
    return by_rubric + _NOISE * _own_worth(text)


def _unnumbered(line: str) -> str:
    return re.sub(r"^\s*(?:\d+[.)]|[-*])\s*", "", line).strip()


def _worths(prompt: _Prompt) -> list[float]:
    """Of each response as it stands in the prompt. Where they are withheld, two that only the rubric's text tells apart."""
    shown = prompt.responses or [f"{prompt.texts('rubric')} {n}" for n in (1, 2)]
    worths = [_worth(text, prompt) for text in shown]
    worths[0] += _FIRST
    if advice := re.search(r"prefers response (\d)", prompt.frame):
        worths[int(advice[1]) - 1] += _ADVICE
    return worths


def _best(prompt: _Prompt) -> int:
    worths = _worths(prompt)
    return 1 + worths.index(max(worths))


def _criteria(prompt: _Prompt) -> list[str]:
    """The criteria that verdicts are asked on, one a line of the rubric."""
    return [_unnumbered(line) for line in "\n".join(prompt.texts("rubric")).splitlines() if line.strip()]


def _score_of(share: float, scale: Sequence[int]) -> int:
    low, high = scale
    return round(low + min(1.0, share) * (high - low))


# What is said.
def _verdict(prompt: _Prompt) -> str:
    return f"I compared both.\n<answer>{_best(prompt)}</answer>"


def _ranking(prompt: _Prompt) -> str:
    worths = _worths(prompt)
    best_first = sorted(range(len(worths)), key=lambda n: -worths[n])
    return f"I compared all of them.\n<ranking>{' > '.join(str(n + 1) for n in best_first)}</ranking>"


def _verdicts(prompt: _Prompt) -> str:
    first, second = [*prompt.responses, "", ""][:2]
    lines = []
    for n, criterion in enumerate(_criteria(prompt), 1):
        difference = meets(first, criterion) - meets(second, criterion)
        lines.append(f"{n}: {'1' if difference > 0 else '2' if difference < 0 else 'tie'}")
    return "\n".join(["I checked each criterion.", "<verdicts>", *lines, "</verdicts>"])


def _scores(prompt: _Prompt) -> str:
    text = " ".join(prompt.responses)
    lines = [f"{n}: {_score_of(meets(text, c), _scale(prompt))}" for n, c in enumerate(_criteria(prompt), 1)]
    return "\n".join(["I checked each criterion.", "<scores>", *lines, "</scores>"])


def _score(prompt: _Prompt) -> str:
    return f"I read the response.\n<score>{_whole_score(prompt)}</score>"


def _whole_score(prompt: _Prompt) -> int:
    return _score_of(_worth(" ".join(prompt.responses), prompt) / (1 + _NOISE), _scale(prompt))


def _digit(prompt: _Prompt) -> str:
    criteria = _criteria(prompt) if "criterion" in _last(prompt) else []
    if _scale(prompt):
        text = " ".join(prompt.responses)
        return str(_score_of(meets(text, criteria[0]), _scale(prompt)) if criteria else _whole_score(prompt))
    if criteria and len(prompt.responses) == 2:
        first, second = (meets(text, criteria[0]) for text in prompt.responses)
        return "1" if first > second else "2" if second > first else "3"
    return str(_best(prompt))


def _themes(prompt: _Prompt) -> str:
    """Criteria on what a text says under one theme, those on how it says it under another."""
    listed = [line for line in "\n".join(prompt.texts("criteria")).splitlines() if line.strip()]
    manner = {"Certainty", "To the point", "Length", "Sentence"}
    themes: dict[str, list[str]] = {"What is said": [], "How it is said": []}
    for n, line in enumerate(listed, 1):
        name, _, question = _unnumbered(line).partition(": ")
        themes["How it is said" if name in manner else "What is said"].append(
            f"- [{n}] Look at this: {question or name}"
        )
    lines = [line for theme, tips in themes.items() if tips for line in (f"# {theme}", *tips)]
    return "\n".join(["<themes>", *lines, "</themes>"])


def _numbered(lines: Iterable[str]) -> str:
    return "\n".join(["<rubric>", *(f"{n}. {line}" for n, line in enumerate(lines, 1)), "</rubric>"])


def _asked_count(prompt: _Prompt) -> int:
    return max(map(int, re.findall(r"^\s*(\d+)\. Short name", prompt.block("rubric"), re.M)), default=1)


def _fitting(request: str) -> list[str]:
    """Criteria for a request, those first that it calls for, then one for each of its words."""
    called: list[str] = []
    others: list[str] = []
    for quality in QUALITIES:
        line = f"{quality.name}: {quality.question}"
        (called if re.search(quality.called_for, request, re.I) else others).append(line)
    subjects = [f"Subject, {word}: Is the {word} spoken of?" for word in sorted(words(request)) if len(word) > 3]
    details = [f"Detail {n}: Is there a detail number {n}?" for n in range(1, 51)]
    return [*called, *subjects[:3], *others, *subjects[3:], *details]


def _rubric(prompt: _Prompt) -> str:
    """Criteria for a request; of a labelled pair, first those that the preferred one meets and the other one does not."""
    lines = _fitting(prompt.request)
    preferred = re.search(r"preferred candidate (\d)", prompt.frame)
    if preferred:
        known = "\n".join(prompt.texts("tried", "held"))
        better = prompt.responses[int(preferred[1]) - 1]
        worse = next((text for text in prompt.responses if text != better), "")
        lines = sorted((line for line in lines if line not in known), key=lambda c: meets(worse, c) - meets(better, c))
    return _numbered(lines[: _asked_count(prompt)])


def _grm(prompt: _Prompt) -> str:
    """Rubric, evaluation and verdict in one, as a Proxy-GRM writer gives them; the rubric alone where it saw no responses."""
    weights = (40, 30, 20, 10)
    lines = []
    for weight, line in zip(weights, _fitting(prompt.request), strict=False):
        name, _, question = line.partition(": ")
        lines.append(f"{name} ({weight}%): {question}")
    rubric = _numbered(lines).replace(
        "</rubric>", "<justify>\nThis is what the request calls for.\n</justify>\n</rubric>"
    )
    if not prompt.block("eval"):
        return rubric
    by_rubric = _Prompt(prompt.frame, (*prompt.sections, ("rubric", "\n".join(_plain(line) for line in lines))))
    return f"{rubric}\n<eval>\nBoth were held against the criteria.\n</eval>\n<answer>{_best(by_rubric)}</answer>"


def _plain(line: str) -> str:
    return re.sub(r" \(\d+%\)", "", line)


_Asks = Callable[[_Prompt], object]
_FORMS: tuple[tuple[_Asks, Callable[[_Prompt], str]], ...] = (
    (lambda prompt: prompt.block("justify"), _grm),
    (lambda prompt: prompt.block("themes"), _themes),
    (lambda prompt: prompt.block("rubric"), _rubric),
    (lambda prompt: prompt.block("verdicts"), _verdicts),
    (lambda prompt: prompt.block("scores"), _scores),
    (lambda prompt: prompt.block("score"), _score),
    (lambda prompt: prompt.block("ranking"), _ranking),
    (lambda prompt: "one character and nothing else" in _last(prompt), _digit),
    (lambda prompt: prompt.block("answer"), _verdict),
)
"""What a prompt that asks for a form shows, the most telling first, and the reply in that form."""
