"""One row of Proxy-GRM's answer files: its verdict, and the rubric that it rests on. Whole files: test_answers.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import UserError
from harness_plugins.imports import import_results, proxy_grm
from tests.conftest import read_jsonl, write_jsonl

CRITIC = "<rubric>\n1. Truth (100%): is it true\n</rubric>\n<eval>Both were read.</eval>\n<answer>1</answer>"
ROW: dict[str, Any] = {
    "id": "RLHF-V-1", "prompt": "What?", "chosen": "good", "rejected": "bad", "image": "/d/1.png", "critic": CRITIC, "reverse": True,
}  # fmt: skip


def imported(folder: Path, **change: Any) -> dict[str, Any]:
    path = write_jsonl(folder / "grm.jsonl", [{k: v for k, v in {**ROW, **change}.items() if v is not ...}])
    import_results("proxy_grm", [path], folder / "run")
    (verdict,) = read_jsonl(folder / "run" / "verdicts.jsonl")
    return verdict


@pytest.mark.parametrize(("reverse", "right"), [(False, True), (True, False)])
def test_the_position_is_read_by_who_was_shown_first(reverse: bool, right: bool, tmp_path: Path) -> None:
    verdict = imported(tmp_path, reverse=reverse)
    (item,) = read_jsonl(tmp_path / "run" / "items.jsonl")
    (rubric,) = read_jsonl(tmp_path / "run" / "rubrics.jsonl")
    assert (verdict["arm"], verdict["choice"], rubric["status"]) == ("grm", 1, "valid")
    assert (verdict["pick"] == item["label"]["preferred"]) is right
    assert rubric["saw"] == verdict["order"] and rubric["text"] == "1. Truth (100%): is it true"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"reverse": ...}, "if it is of R1-Reward's scripts, import it as r1_reward"),
        ({"reverse": 1}, "`reverse` is 1; it must be true or false"),
        ({"critic": 3}, "`critic` must be what the model wrote"),
        ({"rewards": [1, 0, 0]}, "two numbers of 0 and 1"),
        ({"rewards": [0, 1]}, "`rewards` is not what the script of proxy_grm reads from `critic`"),
    ],
)
def test_refused(change: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=complaint):
        imported(tmp_path, **change)
    assert proxy_grm.FILES == ("*.jsonl",)
