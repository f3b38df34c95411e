"""What pydantic alone would let through: words for numbers, at any place where a number stands, and paths that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from evaluators.inputs.entries import Entry


class Everything(Entry):
    count: int = 1
    share: float | None = None
    scale: tuple[int, int] = (1, 9)
    parts: dict[str, int] = {}
    adaptive: bool = False
    either: int | bool = 0
    body: dict[str, Any] = {}
    text: str = ""
    out: Path | None = None


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("count", True, "must be a number"),
        ("share", False, "must be a number"),
        ("share", float("nan"), "finite"),
        ("scale", [True, 9], "must be a number"),
        ("parts", {"train": True}, "must be a number"),
        ("out", "a\0b", "U+0000"),
        ("coutn", 1, "not permitted"),
    ],
)
def test_refused(field: str, value: Any, complaint: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Everything.model_validate({field: value})
    (error,) = raised.value.errors()
    assert complaint in error["msg"] and error["loc"][0] == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", 3),
        ("adaptive", True),
        ("either", True),
        ("body", {"x": True}),
        ("text", "a\0b"),
        ("parts", {"train": 4}),
    ],
)
def test_taken_as_it_is(field: str, value: Any) -> None:
    assert getattr(Everything.model_validate({field: value}), field) == value
