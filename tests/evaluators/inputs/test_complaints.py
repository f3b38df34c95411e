"""What pydantic finds wrong, said with a line, a place and a mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from evaluators.inputs.complaints import complaint, in_file, problem_lines, walk
from evaluators.inputs.entries import Entry
from evaluators.inputs.yaml_files import read_mapping


class Judge(Entry):
    name: str
    verdict: Literal["text", "direct"] = "text"
    args: dict[Literal["speed", "place"], int] = {}


class Config(Entry):
    judges: tuple[Judge, ...]
    limit: int | tuple[int, ...] = 0
    out: Path | None = None


def complaints(value: Any) -> list[str]:
    with pytest.raises(ValidationError) as raised:
        Config.model_validate(value)
    return [complaint(e, Config) for e in raised.value.errors()]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "'judges' is missing"),
        ({"judges": 3}, "judges: must be a list (found 3)"),
        ({"judges": [], "otu": "x"}, "unknown key 'otu'; did you mean 'out'? There are: judges, limit, out"),
        ({"judges": [], "out": 3}, "out: must be a path (found 3)"),
        (
            {"judges": [{"name": "j", "verdict": "txt"}]},
            "judges.0.verdict: unknown value 'txt'; did you mean 'text'? There are: text, direct",
        ),
        (
            {"judges": [{"name": "j", "args": {"sped": 1}}]},
            "judges.0.args.sped: unknown key 'sped'; did you mean 'speed'? There are: speed, place",
        ),
        ({"judges": [{"verdict": "text"}]}, "'judges.0.name' is missing"),
    ],
)
def test_one_mistake(value: Any, message: str) -> None:
    assert message in complaints(value)


def test_a_huge_value_is_not_repeated() -> None:
    (message,) = complaints({"judges": [], "out": ["deep"] * 10_000})
    assert len(message) < 150 and message.endswith("...)")


def test_lines_of_a_file_each_mistake_once(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("judges:\n  - name: j\n    verdict: txt\nlimit: some\notu: x\n")
    node, value = read_mapping(path, "judges")
    with pytest.raises(ValidationError) as raised:
        Config.model_validate(value)
    third, fourth, fifth = sorted(problem_lines(in_file(path, node), raised.value, Config))
    assert third.startswith(f"{path}: line 3: judges.0.verdict: unknown value 'txt'")
    assert fourth.startswith(f"{path}: line 4: limit: input should be a valid integer"), (
        "and not one for each type that might stand there"
    )
    assert fifth.startswith(f"{path}: line 5: unknown key 'otu'")


def test_the_steps_that_only_name_a_member_of_a_union_are_left_out() -> None:
    kinds, place = walk(Config, ("limit", "tuple[int, ...]", 3))
    assert place == ("limit", 3)
    assert kinds == [int]
