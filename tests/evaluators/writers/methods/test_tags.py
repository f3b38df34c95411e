"""Sections of a writer's answer: taken from a tag's only pair, or not at all."""

from __future__ import annotations

import pytest

from evaluators.writers.methods._tags import outside, section


@pytest.mark.parametrize(
    ("text", "inside", "violations"),
    [
        ("a <r> b </r> c", "b", []),
        ("<r></r>", "", ["empty_r"]),
        ("none", None, ["missing_r"]),
        ("<r>1</r><r>2</r>", None, ["duplicate_r"]),
        ("<r>1", None, ["unclosed_r"]),
        ("</r>1<r>", None, ["unclosed_r"]),
    ],
)
def test_a_section(text: str, inside: str | None, violations: list[str]) -> None:
    faults: list[str] = []
    assert section(text, "r", faults, needed=True)[0] == inside
    assert faults == violations


def test_one_that_may_be_missing() -> None:
    faults: list[str] = []
    assert section("none", "r", faults, needed=False) == (None, None) and not faults


def test_the_text_without_its_sections() -> None:
    text = "a<r>1</r>b<s>2</s>c"
    places = [section(text, tag, [], needed=True)[1] for tag in ("s", "r")]
    assert outside(text, [p for p in places if p]) == "abc"
    assert outside(text, []) == text
