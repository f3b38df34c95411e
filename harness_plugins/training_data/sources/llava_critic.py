"""LLaVA-Critic-113k: GPT-4o's judgements of two answers about an image (arXiv 2410.02712); its config `pairwise`.

Columns: id, source, conversations ([{"from": "human", "value": the judge's prompt}, {"from": "gpt", "value": the judgement}]), image.
Question and answers are inside the judge's prompt, in one of three forms, and the verdict in the judgement:

- `Question: [...]`, `The first response: [...]`, `The second response: [...]` (or `Response 1`/`A`); "The better response: [first]",
- `<|User Prompt|>` with `<|The Start of Assistant A's Answer|>`; `[[A>B]]`, `[[A>>B]]` (margin 2), `[[A=B]]`,
- `[Question]`, `[Assistant 1]`; a first line of two scores (margin: their difference).

Rows of the config `pointwise` that score one response, and ties, prefer neither.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from harness_plugins.benchmarks.sources import Row, RowProblem
from harness_plugins.benchmarks.spec import DatasetSpec
from harness_plugins.training_data.sources import NoPreference
from harness_plugins.training_data.sources._columns import column, turns

LICENCE = "Apache-2.0; judgements and answers are subject to the terms of the models that wrote them"
DATASET = DatasetSpec(
    id="lmms-lab/llava-critic-113k",
    config="pairwise",
    split="train",
    revision="7aa893ac47197c8300d7399d921836e12ceb5499",
)
_COLUMNS = "id, source, conversations, image"

_BRACKETED = re.compile(
    r"Question:\s*\[(?P<q>.*?)\]\s*\n\s*(?:The first response|Response (?:1|A)):\s*\[(?P<a>.*?)\]\s*\n\s*"
    r"(?:The second response|Response (?:2|B)):\s*\[(?P<b>.*)\]",
    re.S,
)
_ARENA = re.compile(
    r"<\|User Prompt\|>(?P<q>.*?)<\|The Start of Assistant A's Answer\|>(?P<a>.*?)<\|The End of Assistant A's Answer\|>\s*"
    r"<\|The Start of Assistant B's Answer\|>(?P<b>.*?)<\|The End of Assistant B's Answer\|>",
    re.S,
)
_BENCH = re.compile(
    r"\[Question\](?P<q>.*?)\[Assistant 1\](?P<a>.*?)\[End of Assistant 1\]\s*\[Assistant 2\](?P<b>.*?)\[End of Assistant 2\]",
    re.S,
)
_BETTER = re.compile(r"better response\W{0,3}(?::|\bis\b)([^\n\]]*)", re.I)
_WHICH = re.compile(r"[\s*\[]*(?:the\s+)?(?:response\s+|assistant\s+)?\W{0,3}(first|second|1|2|(?-i:[AB]))\b", re.I)
_LETTERS = re.compile(r"\[\[\s*(A>>B|A>B|A=B|B>A|B>>A)\s*\]\]")
_SCORES = re.compile(r"\s*(\d+(?:\.\d+)?)[ ,]+(\d+(?:\.\d+)?)\s*(?:\n|$)")
_EQUAL = re.compile(r"equally good|are tied|\btie\b", re.I)


def pair(row: Row) -> Row:
    conversation = turns(column(row, "conversations", _COLUMNS))
    if len(conversation) != 2:
        raise RowProblem(f"'conversations' has {len(conversation)} turns; a judgement has two: fix or remove the row")
    prompt, judgement = (turn.text for turn in conversation)
    for form in (_BRACKETED, _ARENA, _BENCH):
        if match := form.search(prompt):
            break
    else:
        raise NoPreference("no two responses in the judge's prompt: a score of one response")
    better, margin = _preference(form, judgement)
    if "<image>" in prompt and not row.get("image"):
        raise RowProblem("the judge was shown an image, and the row has none: restore it or remove the row")
    return {
        "id": str(column(row, "id", _COLUMNS)),
        "prompt": match["q"].replace("<image>", "").strip(),
        "media": [row["image"]] if row.get("image") else [],
        "candidates": [match["a"].strip(), match["b"].strip()],
        "label": better,
        "category": str(row.get("source") or ""),
        "margin": margin,
    }


class _Preference(NamedTuple):
    better: int
    """The index of the better response."""
    margin: float | None = None
    """How much better, where that is said."""


def _preference(form: re.Pattern[str], judgement: str) -> _Preference:
    if form is _ARENA and (letters := _LETTERS.findall(judgement)):
        if letters[-1] == "A=B":
            raise NoPreference("tie")
        return _Preference(int(letters[-1].startswith("B")), float(letters[-1].count(">")))
    if form is _BENCH and (scores := _SCORES.match(judgement)):
        first, second = float(scores[1]), float(scores[2])
        if first == second:
            raise NoPreference("tie")
        return _Preference(int(second > first), abs(first - second))
    if form is _BRACKETED:
        for statement in reversed(
            _BETTER.findall(judgement)
        ):  # the last that names one: reasons may speak of "the better response" too
            if _EQUAL.search(statement[:60]):
                raise NoPreference("tie")
            if which := _WHICH.match(statement):
                return _Preference(int(which[1].lower() in ("second", "2", "b")))
        if _EQUAL.search(judgement[-300:]):
            raise NoPreference("tie")
    raise RowProblem(
        f"the judgement names no better response ({' '.join(judgement.split())[-80:]!r}): fix or remove the row"
    )
