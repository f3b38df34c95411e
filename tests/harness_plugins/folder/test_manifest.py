"""What a run folder's manifest keeps of earlier runs, and whom it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.errors import UserError
from evaluators.specs import JudgeSpec
from harness_plugins.benchmarks.entry import BenchmarkEntry
from harness_plugins.benchmarks.loader import load_benchmark
from harness_plugins.config.run import Config
from harness_plugins.folder.manifest import check_judges, check_rows, make_manifest, refuse_public
from harness_plugins.folder.run_folder import RunFolder

FIRST = JudgeSpec(name="first", backend="baseline")


def config(*judges: JudgeSpec) -> Config:
    return Config(benchmarks=(BenchmarkEntry(name="demo"),), judges=judges, arms=("none",))


def test_a_folder_grows(tmp_path: Path) -> None:
    demo = {"demo": load_benchmark("demo")}
    folder = RunFolder(tmp_path)
    folder.write_manifest(make_manifest({}, config(FIRST), demo, ()))
    before = folder.manifest()
    assert before["benchmarks"]["demo"]["rows"] == len(demo["demo"].items)
    again = make_manifest(before | {"arms": ["generic"]}, config(FIRST), demo, ())
    assert again["created"] == before["created"] and again["arms"] == ["generic", "none"]


def test_rows_that_changed_are_refused(tmp_path: Path) -> None:
    demo = {"demo": load_benchmark("demo")}
    manifest = make_manifest({}, config(FIRST), demo, ())
    check_rows(RunFolder(tmp_path), manifest, demo)
    manifest["benchmarks"]["demo"]["rows_sha256"] = "0"
    with pytest.raises(UserError, match="the rows of 'demo' are not those"):
        check_rows(RunFolder(tmp_path), manifest, demo)


def test_a_judge_that_never_answered_may_change(tmp_path: Path) -> None:
    manifest = {"judges": {"first": {"key": {"backend": "openai"}, "orders": "both"}}}
    check_judges(RunFolder(tmp_path), manifest, (FIRST,), "both")


def test_a_public_export_is_not_added_to(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a public export"):
        refuse_public(tmp_path, {"public": {"version": 1}}, "give another folder")
    refuse_public(tmp_path, {}, "")
