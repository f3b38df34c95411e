"""JSON as servers send it: with a byte order mark, NaN, bytes that are not UTF-8, and half characters in its texts."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_HALVES = re.compile("[\ud800-\udfff]")


def parsed(data: bytes) -> Any:
    """The value that a body holds. What is not UTF-8 is replaced; NaN and Infinity are let through.

    Raises:
        ValueError, RecursionError: it is not JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:  # rare, so the slower and more patient reader is tried second
        return json.loads(data.decode(json.detect_encoding(data), "replace").lstrip("\ufeff"), strict=False)


def text_in(value: Any) -> str | None:
    """A text, with half characters (unpaired surrogates) replaced; None for an empty one and for what is no text."""
    if not isinstance(value, str) or not value:
        return None
    return value if value.isascii() else _HALVES.sub("\ufffd", value)
