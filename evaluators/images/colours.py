"""Pictures of one colour, and the question for it: whether a model sees what it is shown."""

from __future__ import annotations

import re
import struct
import zlib
from typing import NamedTuple


class RGB(NamedTuple):
    red: int
    green: int
    blue: int


COLOURS = {
    "red": RGB(220, 20, 20),
    "green": RGB(20, 160, 40),
    "blue": RGB(20, 60, 220),
    "yellow": RGB(250, 220, 20),
    "black": RGB(0, 0, 0),
    "white": RGB(255, 255, 255),
}
QUESTION = f"What colour is this picture? Answer with one word: {', '.join(COLOURS)}."

SIDE = 224
"""Pixels: more than the least that vision models take."""


def picture(colour: str) -> bytes:
    """A square of a colour of `COLOURS`, as PNG; no library is needed.

    >>> len(picture("red")) < 1000
    True
    """
    row = b"\0" + bytes(COLOURS[colour]) * SIDE
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(row * SIDE)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def named(text: str) -> str | None:
    """The colour that an answer names; the last one, where it thinks aloud.

    >>> named("It is not red, it is **Blue**."), named("I see no picture.")
    ('blue', None)
    """
    words = re.findall(rf"\b({'|'.join(COLOURS)})\b", text.lower())
    return words[-1] if words else None
