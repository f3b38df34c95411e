"""The folder that is made of what other programs found: one that is scored as a run of ours is."""

from __future__ import annotations

from pathlib import Path

import orjson

from evaluators.records import SCHEMA
from harness_plugins import score
from harness_plugins.imports import import_results
from tests.conftest import read_jsonl, write_jsonl

CRITIC = "<rubric>\n1. Truth (100%): is it true\n</rubric>\n<eval>Both were read.</eval>\n<answer>{}</answer>"


def test_a_folder_says_where_it_comes_from_and_is_scored(tmp_path: Path) -> None:
    row = {"prompt": "What?", "chosen": "good", "rejected": "bad", "image": "/d/1.png", "reverse": False}
    rows = [{**row, "id": f"RLHF-V-{n}", "critic": CRITIC.format(1 + (n == 0))} for n in range(4)]
    path = write_jsonl(tmp_path / "grm.jsonl", rows)
    summary = import_results("proxy_grm", [path], tmp_path / "run")
    assert any("grm: 4 verdicts" in line for line in summary.lines)

    manifest = orjson.loads((tmp_path / "run" / "manifest.json").read_bytes())
    assert manifest["schema"] == SCHEMA and manifest["imported"]["format"] == "proxy_grm"
    assert len(manifest["imported"]["files"]) == 1 and str(tmp_path) not in str(manifest["imported"]["files"])
    assert manifest["judges"]["grm"]["key"]["backend"] == "import"

    assert summary.protocol is not None
    (cell,) = [c for c in score(tmp_path / "run", summary.protocol).cells if c.judge == "grm"]
    assert (cell.metrics["accuracy"].k, cell.metrics["accuracy"].n) == (3, 4)
    assert len(read_jsonl(tmp_path / "run" / "rubrics.jsonl")) == 4
    assert all(i["media_missing"] for i in read_jsonl(tmp_path / "run" / "items.jsonl"))
