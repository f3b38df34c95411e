"""One row of R1-Reward's answer files, whose preferred response is always shown first. Whole files: test_answers.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import UserError
from harness_plugins.imports import import_results, r1_reward
from tests.conftest import read_jsonl, write_jsonl

ROW: dict[str, Any] = {"prompt": "What?", "chosen": "good", "rejected": "bad", "image": "/d/1.png"}


def rows(first: int, count: int, **more: Any) -> list[dict[str, Any]]:
    return [{**ROW, "id": f"RLHF-V-{n}", "critic": "<answer>1</answer>", **more} for n in range(first, first + count)]


def test_chunks_are_one_judge(tmp_path: Path) -> None:
    for chunk in (0, 2):
        write_jsonl(tmp_path / f"r1_chunk{chunk}_of_3.jsonl", rows(10 * chunk, 2))
    summary = import_results("r1_reward", [tmp_path], tmp_path / "run")
    assert any("chunks 1 of 3 are missing" in line for line in summary.lines)
    verdicts = read_jsonl(tmp_path / "run" / "verdicts.jsonl")
    assert len(verdicts) == 4 and {v["judge"] for v in verdicts} == {"r1"}
    labels = {i["uid"]: i["label"]["preferred"] for i in read_jsonl(tmp_path / "run" / "items.jsonl")}
    assert all(v["pick"] == labels[v["item"]] for v in verdicts), "the first shown is the preferred one"


def test_files_of_the_other_project_are_told_apart(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "r1_chunk0_of_1.jsonl", rows(0, 1, reverse=False))
    with pytest.raises(UserError, match="import it as proxy_grm"):
        import_results("r1_reward", [path], tmp_path / "run")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no \*_chunk\*_of_\*.jsonl in this folder"):
        import_results("r1_reward", [tmp_path / "empty"], tmp_path / "run")
    assert "put together" in r1_reward.HELP
