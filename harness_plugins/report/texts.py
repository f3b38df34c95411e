"""Texts of others as a page may show them: nothing invisible, nothing that turns the direction of what follows."""

from __future__ import annotations

import re
from typing import NamedTuple

_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"
    r"|[\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Control characters and halves of characters; then marks that are not seen and change how the rest is read."""


def plain(text: str) -> str:
    """The text with control characters as U+FFFD and invisible marks (bidirectional ones above all) by their code point."""
    return _INVISIBLE.sub(_shown, text.replace("\r\n", "\n").replace("\r", "\n"))


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    return "\ufffd" if code < 0xA0 or 0xD800 <= code < 0xE000 or code in (0xFFFE, 0xFFFF) else f"⟨U+{code:04X}⟩"


def one_line(text: str, max_characters: int) -> str:
    """The start of a text on one line, cut at a word where one ends near."""
    flat = " ".join(plain(text[: 4 * max_characters + 64]).split())
    if len(flat) <= max_characters:
        return flat
    cut = flat.rfind(" ", max_characters // 2, max_characters)
    return flat[: cut if cut > 0 else max_characters - 1] + "…"


def middle(text: str, max_characters: int) -> str:
    """A name without its middle where it is long: names of models differ at either end."""
    flat = " ".join(plain(text).split())
    if len(flat) <= max_characters:
        return flat
    tail = max_characters // 2 - 1
    return f"{flat[: max_characters - tail - 1]}…{flat[-tail:]}"


class Excerpt(NamedTuple):
    text: str
    length: int
    """Of the whole, in characters."""


def cut(text: str, max_characters: int) -> Excerpt:
    """The text up to `max_characters`."""
    shown = plain(text[:max_characters])
    return Excerpt(shown + "…" if len(text) > max_characters else shown, len(text))
