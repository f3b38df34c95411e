"""From a case to messages: templates, fences round untrusted text, and where the media go.

Questions, responses and rubrics are data. They are put in by one pass of a sandboxed Jinja template, inside fences
whose names derive from the item's content: equal in all arms of an item, so that prompts share their prefix and keys
hold, and not to be guessed by a text that is part of what they derive from.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from evaluators.errors import UserError
from evaluators.keys import candidate_content, digest
from evaluators.messages import Image, Message, Part, Text
from evaluators.records import Candidate, Criterion, Item, Media, Order

RENDERER_VERSION = "renderer/1"
"""Part of every key: a change in how templates are filled is a change of what was asked."""

PROMPTS = Path(__file__).parent / "prompts"


@dataclass(frozen=True, slots=True)
class RubricText:
    """What an arm hands to a judge: the exact text and, for judges that weigh criteria, the criteria behind it."""

    text: str
    criteria: tuple[Criterion, ...] = ()
    uid: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to decide: an item, shown in an order, with a rubric or without."""

    item: Item
    order: Order
    rubric: RubricText | None = None

    def shown(self) -> tuple[Candidate, Candidate]:
        """The candidates as Response 1 and Response 2."""
        first, second = self.item.candidates
        return (first, second) if self.order == "AB" else (second, first)


def pick_of(choice: int, order: Order) -> Literal[0, 1]:
    """The canonical candidate (0 or 1) that stands at position `choice` (1 or 2)."""
    return 0 if (choice == 1) == (order == "AB") else 1


def fence_of(item: Item) -> str:
    """Twelve hex digits from the item's content alone: the same in every arm, order and sample of the item."""
    return digest("fence", item.uid, item.prompt, [candidate_content(c) for c in item.candidates])[:12]


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\ufdd0-\ufdef\ufffe\uffff]")


def neutral(text: str, fence: str) -> str:
    """Untrusted text without control characters (they stand as the replacement character) and without the fence."""
    return _CONTROL.sub("\ufffd", text).replace(fence, "[...]")


class Template:
    """A prompt template: Jinja over `question`, `responses`, `rubric` (None without one), `mode`, `fence`, `media`,
    `media_missing` and `video`.

    `{{ media }}` marks where the item's images go, `{{ responses[0].media }}` those of a response. An edit of the file
    changes `digest`, and with it every key.

    Raises:
        UserError: the file is missing, or not a valid template, or lacks a place for what it must show.
    """

    def __init__(self, path: Path = PROMPTS / "pairwise.jinja") -> None:
        self.path = path
        try:
            self.source = path.read_text(encoding="utf-8")
        except OSError as e:
            raise UserError(f"{path}: the prompt template cannot be read ({e.strerror})") from None
        env = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
        try:
            self._template = env.from_string(self.source)
        except TemplateError as e:
            raise UserError(f"{path}: line {getattr(e, 'lineno', '?')}: not a valid Jinja template: {e}") from None
        for needed in ("question", "responses", "rubric"):
            if needed not in self.source:
                raise UserError(f"{path}: the template never shows `{needed}`; add {{{{ {needed} }}}} where it belongs")

    @cached_property
    def digest(self) -> str:
        return digest(RENDERER_VERSION, self.source)

    def render(self, case: Case, mode: str = "text") -> tuple[Message, ...]:
        """One user message, text and images interleaved.

        Raises:
            UserError: the template uses something that is not there.
        """
        item, fence = case.item, fence_of(case.item)
        places: list[Media] = []

        def mark(media: tuple[Media, ...]) -> str:
            marks = []
            for one in media:
                places.append(one)
                marks.append(f"{_MARK}{len(places) - 1};")
            return "".join(marks)

        responses = [{"text": neutral(c.text, fence), "media": mark(c.media)} for c in case.shown()]
        try:
            text = self._template.render(
                question=neutral(item.prompt, fence),
                responses=responses,
                rubric=neutral(case.rubric.text, fence) if case.rubric else None,
                mode=mode,
                fence=fence,
                media=mark(item.media),
                media_missing=item.media_missing,
                video=any(m.kind == "video" for m in item.media),
            )
        except TemplateError as e:
            raise UserError(
                f"{self.path}: {e}; the template may use question, responses, rubric, fence, media"
            ) from None
        return (Message("user", tuple(_split(text, places))),)


_MARK = secrets.token_hex(16)
"""Where media go in a rendered text. Drawn anew in each process and never sent, so no text can hold it."""


def _split(text: str, places: list[Media]) -> Iterator[Part]:
    """Cut at the marks."""
    pieces = text.split(_MARK)
    for i, piece in enumerate(pieces):
        if i:
            number, _, piece = piece.partition(";")
            yield from (Image(f) for f in places[int(number)].files)
        if piece.strip():
            yield Text(piece.strip("\n"))
