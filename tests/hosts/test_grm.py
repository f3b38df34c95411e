"""The setting `grm` through lmms-eval's real command: one model writes, the next command's model judges with it."""

from __future__ import annotations

from typing import Any

from evaluators.testing.mock_server import MockServer
from harness_plugins import score
from tests.conftest import read_jsonl
from tests.hosts.conftest import Cli

RUBRIC = "<rubric>1. Truth (100%): true to the picture\n<justify>It is asked.</justify></rubric>"


def says(body: dict[str, Any]) -> str:
    if "write down the rubric" in str(body["messages"]):
        return f"{RUBRIC}\n<eval>Both were read.</eval>\n<answer>1</answer>"
    return "<answer>2</answer>"


def test_one_writes_and_the_next_judges(cli: Cli) -> None:
    with MockServer(answer=says, keep=True).running() as server:
        arguments = f"model=writer-7b,base_url={server.url}"
        done = cli.lmms("rt_demo_grm", "openai", arguments, "--limit", "12")
        assert done.code == 0, done.out
        lines = read_jsonl(done.folder / "rubrics.jsonl")
        assert len(lines) == 12 and {line["status"] for line in lines} == {"valid"}
        assert {line["text"] for line in lines} == {"1. Truth (100%): true to the picture"}
        assert {line["verdict"] for line in lines} == {1} and {line["saw"] for line in lines} == {"AB", "BA"}
        printed = done.results()["results"]["rt_demo_grm"]
        assert printed["first_position_rate,none"] == 1.0 and printed["accuracy,none"] == 0.5
        own = next(c for c in score(done.folder).cells if c.arm == "grm")
        assert own.metrics["accuracy"].value == 0.5
        rubrics = {"RUBRIC_HARNESS_RUBRICS": str(done.folder / "rubrics.jsonl")}
        judged = cli.lmms(
            "rt_demo_transfer",
            "rubric_judge",
            f"model=judge-3b,base_url={server.url}",
            "--limit",
            "12",
            out="judged",
            **rubrics,
        )
        assert judged.code == 0, judged.out
        read = [v for v in judged.verdicts() if v["arm"] == "transferred"]
        assert len(read) == 12 and {v["writer"] for v in read} == {"openai:writer-7b"}
        prompt = str(server.bodies[-1]["messages"])
        assert "true to the picture" in prompt and "It is asked" not in prompt and "Both were read" not in prompt


def test_our_own_model_writes_too(cli: Cli) -> None:
    with MockServer(answer=says).running() as server:
        done = cli.lmms("rt_demo_grm", "rubric_judge", f"model=w,base_url={server.url}", "--limit", "4")
        assert done.code == 0, done.out
        assert len(read_jsonl(done.folder / "rubrics.jsonl")) == 4
