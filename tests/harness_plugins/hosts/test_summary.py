"""The short table at the end of a harness's command."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_plugins.hosts.summary import print_summaries
from harness_plugins.tables.summary import print_summary
from tests.harness_plugins.hosts.small_harness import Task, evaluate, right


def test_it_says_whether_all_is_there_and_where_the_rest_is(
    out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate(Task("demo", "judge"), reply=right, limit=10)
    capsys.readouterr()
    assert print_summaries([out]) and all(c.complete for c in print_summary(out).cells)
    said = capsys.readouterr().out
    assert (
        "small-judge is right on 100.0 % of" in said and "100.0 (5/5)" in said and f"rubric-harness table {out}" in said
    )
    monkeypatch.setenv("RANK", "1")
    assert print_summaries([out]) and capsys.readouterr().out == "", "one process says it"


def test_what_is_missing_makes_it_incomplete(out: Path) -> None:
    evaluate(Task("demo", "judge"), reply=lambda task, row: "" if row == 0 else right(task, row), limit=10)
    assert not print_summaries([out])
