"""What to do next: commands that run as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_plugins import run, score
from harness_plugins.scoring.report import Report
from harness_plugins.tables.summary import next_steps, print_summary
from tests.conftest import ROOT
from tests.harness_plugins.scripted_judges import BY_CONTENT, judge, judged


def commands(report: Report, typed: str = "") -> list[str]:
    return [step.command.replace(str(report.folder), "RUN") for step in next_steps(report, typed)]


def test_the_items_that_a_writer_fixed_come_with_their_number(tmp_path: Path) -> None:
    report = judged(tmp_path, {"a": judge(BY_CONTENT)})
    first = next(iter(next_steps(report)))
    assert first.purpose == "the 12 items that w's rubrics fixed for a"
    assert commands(report) == [
        "rubric-harness show RUN --judge a --where transferred=fixed",
        "rubric-harness report RUN",
        "rubric-harness table RUN",
    ]


def test_baselines_alone_lead_to_a_model(tmp_path: Path) -> None:
    report = score(run(ROOT / "examples" / "demo.yaml", out=tmp_path, limit=8).out)
    assert "rubric-harness init" in commands(report)


def test_what_is_missing_is_asked_for_first(tmp_path: Path) -> None:
    report = judged(tmp_path, {"a": judge(BY_CONTENT)})
    verdicts = report.folder / "verdicts.jsonl"
    verdicts.write_bytes(b"".join(verdicts.read_bytes().splitlines(keepends=True)[:-1]))
    assert commands(score(report.folder), "my.yaml --set x=1")[0] == "rubric-harness run my.yaml --set x=1"


def test_three_warnings_and_a_pointer_to_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unread = {name: lambda case: "I cannot say." for name in "abcde"}
    print_summary(judged(tmp_path, unread).folder)
    out = " ".join(capsys.readouterr().out.split())
    assert out.count("answers without a verdict that can be read") == 3
    assert f"! 2 more: rubric-harness table {tmp_path / 'out'}" in out
