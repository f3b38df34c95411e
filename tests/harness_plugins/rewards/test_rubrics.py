"""The rubric of a reward, from a text or a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.errors import UserError
from evaluators.prompts.template import RubricText
from harness_plugins.rewards.rubrics import rubric_of
from tests.conftest import write_jsonl


def test_texts() -> None:
    assert rubric_of(None) is None
    assert rubric_of("1. Red: is it red?") == RubricText("1. Red: is it red?")
    already = RubricText("is it red?")
    assert rubric_of(already) is already


def test_files(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text(" Is it red?\n")
    assert rubric_of(tmp_path / "r.txt") == RubricText("Is it red?")
    rubric = rubric_of(write_jsonl(tmp_path / "r.jsonl", [{"item": None, "writer": "me", "text": "Is it red?"}]))
    assert rubric is not None and rubric.text == "Is it red?" and rubric.uid


def test_a_name_of_a_file_is_no_text() -> None:
    with pytest.raises(UserError, match=r"looks like a file: give Path\('rubric.yaml'\)"):
        rubric_of("rubric.yaml")
    with pytest.raises(UserError, match="empty text"):
        rubric_of(" ")


def test_files_that_hold_no_rubric_or_several(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        rubric_of(tmp_path / "missing.txt")
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(UserError, match="holds no text"):
        rubric_of(tmp_path / "empty.txt")
    two = [
        {"item": None, "writer": "me", "text": t, "replicate": n} for n, t in enumerate(("Is it red?", "Is it blue?"))
    ]
    with pytest.raises(UserError, match="holds 2 rubrics; a reward reads one"):
        rubric_of(write_jsonl(tmp_path / "two.jsonl", two))
