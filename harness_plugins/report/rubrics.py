"""Rubrics as the page shows them: criteria, where they come from, and the words that give a verdict away."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from evaluators.records import Item, Rubric
from evaluators.rubrics.arms import ARMS
from evaluators.rubrics.leaks import CLASSES, Leak, find_leaks
from harness_plugins.report.texts import cut, one_line, plain
from harness_plugins.tables.show import as_judged

LEAKS = 200
"""Of a text, at most: one that copies a whole response has as many quotes as words."""

EXCERPT = 110
"""Characters of the prompt of another item."""

Piece = str | list[str]
"""A stretch of text, or [stretch, its leak classes by comma]."""


class Marked(NamedTuple):
    """The leak classes of a text, and the text in pieces, those marked that gave it away."""

    kinds: list[str]
    pieces: list[Piece]


def marked(text: str, responses: Sequence[str]) -> Marked:
    """The text in pieces, each with the kinds of leak that it is a part of."""
    leaks = find_leaks(text, responses)[:LEAKS]
    shown = plain(text)
    cuts: set[int] = {0, len(shown)}
    spans: list[tuple[int, int, str]] = []
    for leak in leaks:
        for m in _pattern(leak).finditer(shown):
            spans.append((m.start(), m.end(), leak.kind))
            cuts |= {m.start(), m.end()}
    pieces: list[Piece] = []
    edges = sorted(cuts)
    for start, end in pairwise(edges):
        kinds = {k for a, b, k in spans if a <= start and end <= b}
        names = ", ".join(_name(c) for c in CLASSES if c in kinds)
        previous = pieces[-1] if pieces else None
        if isinstance(previous, list) and previous[1] == names:
            previous[0] += shown[start:end]
        elif names:
            pieces.append([shown[start:end], names])
        else:
            pieces.append(shown[start:end])
    kinds = {leak.kind for leak in leaks}
    return Marked([_name(c) for c in CLASSES if c in kinds], pieces)


def _name(kind: str) -> str:
    return kind.replace("_", " ")


def _pattern(leak: Leak) -> re.Pattern[str]:
    words = re.findall(r"\w+", leak.evidence) if leak.kind == "quote" else plain(leak.evidence).split()
    between = r"\W{1,40}" if leak.kind == "quote" else r"\s{1,40}"
    return re.compile(between.join(map(re.escape, words)), re.I) if words else re.compile(r"(?!)")


class Shelf:
    """The rubrics that a page holds, each once, and by number."""

    def __init__(self, rubrics: Mapping[str, Rubric], items: Mapping[str, Item], max_characters: int) -> None:
        self.entries: list[dict[str, Any]] = []
        self._rubrics, self._items, self._max_characters = rubrics, items, max_characters
        self._numbers: dict[tuple[object, ...], int] = {}

    def number(self, item: Item, arm: str, uid: str) -> int:
        """The number of a rubric as an arm's judge read it."""
        edited = ARMS.facts(arm).edit is not None
        key = (uid, arm, item.uid) if edited else (uid,)
        if key not in self._numbers:
            self._numbers[key] = len(self.entries)
            self.entries.append(self._entry(item, arm if edited else "transferred", uid))
        number = self._numbers[key]
        written_for = self._items.get(self._rubrics[uid].item or "") if uid in self._rubrics else None
        if written_for is not None and written_for.uid != item.uid:
            prompt = one_line(written_for.prompt, EXCERPT)
            self.entries[number]["of"] = [plain(written_for.uid), plain(written_for.source_id), prompt]
        return number

    def leaks(self, number: int) -> bool:
        """Whether the rubric of this number gives a verdict away."""
        return bool(self.entries[number].get("leaks"))

    def _entry(self, item: Item, arm: str, uid: str) -> dict[str, Any]:
        rubric = self._rubrics.get(uid)
        text = as_judged(item, arm, uid, self._rubrics)
        if rubric is None:  # a fixed text, which knows of no pair
            return {"uid": plain(uid), "text": [cut(text, self._max_characters).text]}
        rubric_item = self._items.get(rubric.item or "")
        responses = [c.text for c in rubric_item.candidates] if rubric_item else []
        kinds, pieces = marked(text[: self._max_characters], responses)
        writer = rubric.writer
        entry: dict[str, Any] = {
            "uid": plain(uid),
            "writer": plain(writer.name),
            "about": [
                [k, plain(str(v))]
                for k, v in (("method", writer.method), ("model", writer.model), ("family", writer.family))
                if v
            ],
            "text": pieces,
            "saw": rubric.saw,
            "shared": rubric.item is None,
            "draw": rubric.replicate,
        }
        if len(text) > self._max_characters:
            entry["length"] = len(text)
        if arm != "transferred":
            entry["edited"] = arm
        if rubric.verdict is not None:
            entry["verdict"] = rubric.verdict
        if rubric.violations:
            entry["violations"] = [plain(v) for v in rubric.violations]
        if kinds:
            entry["leaks"] = kinds
        if rubric.criteria and arm == "transferred":
            entry["criteria"] = [
                [marked(c.name[:400], responses).pieces, marked(c.description[:2000], responses).pieces, c.weight]
                for c in rubric.criteria
            ]
        return entry
