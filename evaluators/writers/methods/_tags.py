"""Sections of a writer's answer: what is between a tag's only pair, and what is outside all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """From where to where a section reaches, tags included."""

    start: int
    end: int


class Section(NamedTuple):
    """What is between a tag's only pair; nothing where there is no such pair."""

    inside: str | None = None
    span: Span | None = None


def section(text: str, tag: str, violations: list[str], needed: bool) -> Section:
    """Look for a section; faults are added to `violations`."""
    opens = [m.start() for m in re.finditer(f"<{tag}>", text)]
    closes = [m.end() for m in re.finditer(f"</{tag}>", text)]
    if not opens and not closes:
        if needed:
            violations.append(f"missing_{tag}")
        return Section()
    if len(opens) > 1 or len(closes) > 1:
        violations.append(f"duplicate_{tag}")
        tags = [m.span() for m in re.finditer(f"</?{tag}>", text)]
        return Section(None, Span(tags[0][0], tags[-1][1]))
    if len(opens) != 1 or len(closes) != 1 or closes[0] < opens[0]:
        violations.append(f"unclosed_{tag}")
        return Section()
    inside = text[opens[0] + len(tag) + 2 : closes[0] - len(tag) - 3].strip()
    if not inside:
        violations.append(f"empty_{tag}")
    return Section(inside, Span(opens[0], closes[0]))


def outside(text: str, spans: Sequence[Span]) -> str:
    """The text without its sections."""
    pieces, offset = [], 0
    for start, end in sorted(spans):
        pieces.append(text[offset:start])
        offset = max(offset, end)
    return "".join([*pieces, text[offset:]])
