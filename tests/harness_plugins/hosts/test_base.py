"""What our tasks are to a harness: prompts of rows, records of replies, and the numbers that `score` gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.errors import UserError
from harness_plugins import score
from harness_plugins.hosts import JUDGE
from harness_plugins.hosts.base import HostedTask, importing, plainly
from tests.conftest import read_jsonl
from tests.harness_plugins.hosts.small_harness import Task, evaluate, right

FAILED = "[LMMS_EVAL_REQUEST_FAILED after 3 attempts]"


def test_a_row_is_asked_as_a_native_judge_asks(out: Path) -> None:
    task = Task("demo", "transfer")
    assert len(task.docs()) == 80 and {d["order"] for d in task.docs()} == {"AB", "BA"}
    text = task.text(0)
    row = task.rows.rows[0]
    assert row.item.prompt in text and all(c.text in text for c in row.case.shown())
    assert row.case.rubric is not None and row.case.rubric.text.splitlines()[0] in text
    assert task.text(0) != Task("demo", "judge").text(0)


def test_the_metrics_are_those_of_score(out: Path) -> None:
    (results,) = evaluate(Task("demo", "judge"), reply=right, limit=20)
    (cell,) = [c for c in score(out).cells if c.judge == "small-judge"]
    assert results["accuracy"] == results["strict_both"] == cell.metrics["accuracy"].value == 1.0
    assert results["answered"] == 1.0 and results["unparsed"] == 0.0
    verdicts = read_jsonl(out / "verdicts-0.jsonl")
    assert len(verdicts) == 20 and {v["answer"]["usage"]["prompt_tokens"] for v in verdicts} == {100}


def test_what_did_not_come_is_an_error_and_what_says_nothing_is_unparsed(out: Path) -> None:
    def reply(task: HostedTask, row: int) -> str:
        return {0: FAILED, 1: "", 2: "I cannot say."}.get(row, right(task, row))

    (results,) = evaluate(Task("demo", "judge"), reply=reply, limit=8)
    kinds = [v["error"]["kind"] for v in read_jsonl(out / "verdicts-0.jsonl") if v["error"]]
    assert kinds == ["server", "empty"]
    assert results["answered"] == 6 / 8 and results["unparsed"] == pytest.approx(1 / 6)


def test_settings_share_what_they_ask_alike(out: Path) -> None:
    """An item without a rubric is judged under `none`, once."""
    judge, transfer = Task("demo", "judge"), Task("demo", "transfer")
    assert len(judge.request()) == 80
    assert len(transfer.request()) == sum(row.arm.name == "transferred" for row in transfer.rows.rows)


def test_the_gain_stands_beside_its_reference(out: Path) -> None:
    def reply(task: HostedTask, row: int) -> str:
        return right(task, row) if task.rows.arm.name == "transferred" else "<answer>1</answer>"

    judge, transfer = evaluate(Task("demo", "judge"), Task("demo", "transfer"), reply=reply)
    assert (judge["accuracy"], transfer["accuracy"]) == (0.5, 1.0)
    assert transfer["gain_over_none"] == 0.5 and "gain_over_none" not in judge


def test_somebody_must_judge(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(JUDGE)
    with pytest.raises(UserError, match=f"the judge has no name: export {JUDGE}"):
        Task("demo", "judge").request()


def test_a_mistake_in_somebody_elses_program_is_an_exception() -> None:
    @plainly
    def refuse() -> None:
        raise UserError("no such file")

    with pytest.raises(UserError, match="no such file"):
        refuse()
    with (
        pytest.raises(UserError, match=r"a harness cannot be imported \(No module named 'gone'\)"),
        importing("a harness", "hf"),
    ):
        raise ModuleNotFoundError("No module named 'gone'", name="gone")
