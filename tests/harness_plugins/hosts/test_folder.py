"""The run folder of a harness's process: the records of a native run, a file a rank."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from evaluators.errors import UserError
from harness_plugins.hosts import JUDGE
from harness_plugins.hosts.folder import close_folders, folder_of
from tests.conftest import read_jsonl
from tests.harness_plugins.hosts.small_harness import Task, evaluate, right


def test_a_folder_holds_what_a_native_run_writes(out: Path) -> None:
    evaluate(Task("demo", "transfer"), reply=right, limit=10)
    manifest = orjson.loads((out / "manifest.json").read_bytes())
    assert list(manifest["judges"]) == ["small-judge"] and manifest["arms"] == ["transferred"]
    items = {i["uid"]: i for i in read_jsonl(out / "items-0.jsonl")}
    assert all(f["sha256"] for i in items.values() for m in i["media"] for f in m["files"])
    verdicts = read_jsonl(out / "verdicts-0.jsonl")
    assert {v["item"] for v in verdicts} <= set(items) and {v["status"] for v in verdicts} == {"ok"}
    assert {r["writer"]["name"] for r in read_jsonl(out / "rubrics.jsonl")} == {"careful"}


def test_another_judge_under_the_same_name_is_refused(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate(Task("demo", "judge"), reply=right, limit=2)
    close_folders()
    task = Task("demo", "judge")
    task.config.generation_kwargs = {"max_new_tokens": 64, "temperature": 0.7}
    with pytest.raises(UserError, match="small-judge"):
        task.request(2)
    monkeypatch.setenv(JUDGE, "another")
    second = Task("demo", "judge")
    second.config.generation_kwargs = {"max_new_tokens": 64, "temperature": 0.7}
    assert len(second.request(2)) == 2


def test_ranks_write_beside_each_other_and_only_one_holds_a_file(out: Path) -> None:
    first, second = folder_of(out, 0), folder_of(out, 1)
    assert first is folder_of(out, 0) and first is not second
    assert {p.name for p in out.glob("verdicts*")} == {"verdicts-0.jsonl", "verdicts-1.jsonl"}
