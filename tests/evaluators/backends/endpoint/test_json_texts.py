"""JSON as servers send it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from evaluators.backends.endpoint.json_texts import parsed, text_in


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('{"a": "é"}'.encode("utf-16"), {"a": "é"}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'{"a": -Infinity}', {"a": -math.inf}),
        (b'{"a": "two\nlines"}', {"a": "two\nlines"}),
        (b'{"a": "\\ud83d"}', {"a": "\ud83d"}),
    ],
)
def test_what_is_no_json_by_the_letter_is_read(data: bytes, value: Any) -> None:
    assert parsed(data) == value


@pytest.mark.parametrize("data", [b"", b"<html>", b'{"a": 1', b'{"a": 1} and more'])
def test_what_is_no_json(data: bytes) -> None:
    with pytest.raises(ValueError):
        parsed(data)


@pytest.mark.parametrize(
    ("value", "text"),
    [("plain", "plain"), ("smile 😀", "smile 😀"), ("half \ud83d", "half \ufffd"), ("", None), (None, None), (7, None)],
)
def test_texts(value: Any, text: str | None) -> None:
    assert text_in(value) == text
