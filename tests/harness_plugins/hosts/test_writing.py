"""A harness's model as a rubric writer: what it writes is filed for others, and its own verdicts are the score."""

from __future__ import annotations

from pathlib import Path

from harness_plugins.hosts.base import HostedTask
from harness_plugins.hosts.writing import HostedRubrics, HostedWriting
from tests.conftest import read_jsonl
from tests.harness_plugins.hosts.small_harness import Small, evaluate

GRM = "<rubric>\n1. Word (100%): says so\n</rubric>\n<eval>Both were read.</eval>\n<answer>{}</answer>"
ARR = "<rubric>\n" + "\n".join(f"{n}. Point {n}: Is it so?" for n in range(1, 6)) + "\n</rubric>"


class Writes(Small, HostedWriting):
    pass


class WritesFromTheRequest(Small, HostedRubrics):
    pass


def test_it_writes_for_each_row_and_decides(out: Path) -> None:
    def reply(task: HostedTask, row: int) -> str:
        return "no rubric" if row == 0 else GRM.format(task.rows.target(row))

    task = Writes("demo", "grm")
    assert "<rubric>" in task.text(0), "its prompt asks for one"
    (results,) = evaluate(task, reply=reply, limit=8)
    assert results["accuracy"] == 7 / 8 and results["unparsed"] == 1 / 8
    rubrics = read_jsonl(out / "rubrics.jsonl")
    assert [r["status"] for r in rubrics] == ["invalid", *["valid"] * 7]
    assert {r["saw"] for r in rubrics} == {"AB", "BA"} and {r["writer"]["name"] for r in rubrics} == {"small-judge"}
    assert not (out / "verdicts-0.jsonl").read_bytes(), "a writer's verdicts are no judge's"


def test_it_writes_once_an_item_where_it_sees_no_responses(out: Path) -> None:
    def reply(task: HostedTask, row: int) -> str:
        return "" if row == 0 else ARR

    task = WritesFromTheRequest("demo", "arr")
    assert len(task.docs()) == 40
    (results,) = evaluate(task, reply=reply, limit=4)
    assert results["valid"] == 3 / 4 and results["answered"] == 3 / 4
    assert {r["saw"] for r in read_jsonl(out / "rubrics.jsonl")} == {"nothing"}
