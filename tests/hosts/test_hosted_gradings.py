"""Listwise, pointwise and by-criterion judging, and ARR's writer, through lmms-eval's real command, on texts and on images."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evaluators.testing.mock_server import MockServer
from harness_plugins import run, score
from tests.conftest import png, read_jsonl, write_jsonl
from tests.hosts.conftest import Cli


def texts(body: dict[str, Any]) -> str:
    return "\n".join(p.get("text", "") for m in body["messages"] for p in _parts(m))


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def says(body: dict[str, Any]) -> str:
    """Scores by what it sees, and ranks by the same: a longer text is better."""
    text = texts(body)
    shown = re.findall(r"\[response(?: \d)? \w+\]\n(.*?)\n?\[end of response", text, re.S)
    if "<score>" in text:
        return f"<score>{min(9, 1 + len(shown[0]) // 20)}</score>"
    order = sorted(range(len(shown)), key=lambda n: -len(shown[n]))
    return f"<ranking>{' > '.join(str(n + 1) for n in order)}</ranking>"


@pytest.mark.parametrize(
    ("model", "grading"), [("rubric_judge", "pointwise"), pytest.param("openai", "listwise", marks=pytest.mark.long)]
)
def test_the_same_rows_as_a_native_run(model: str, grading: str, cli: Cli, tmp_path: Path) -> None:
    """What lmms-eval prints is what `score` says of its folder, and of a native run of the same judge."""
    with MockServer(answer=says).running() as server:
        done = cli.lmms("rt_demo_judge", model, f"model=m,base_url={server.url}", RUBRIC_HARNESS_GRADING=grading)
        assert done.code == 0, done.out
        config = tmp_path / "native.yaml"
        judge = f"{{name: m, backend: openai, model: m, base_url: '{server.url}', grading: {grading}}}"
        config.write_text(f"benchmarks: [{{name: demo}}]\narms: [none]\njudges: [{judge}]\nout: native\n")
        native = score(run(config).out)
    printed = done.results()["results"]["rt_demo_judge"]
    hosted = next(c for c in score(done.folder).cells if not c.baseline)
    own = next(c for c in native.cells if c.judge == "m")
    assert hosted.grading == own.grading and hosted.complete
    assert (
        printed["accuracy,none"]
        == pytest.approx(hosted.metrics["accuracy"].value)
        == pytest.approx(own.metrics["accuracy"].value)
    )
    assert 0 < own.metrics["accuracy"].value < 1
    count = 160 if grading == "pointwise" else 80
    assert len(done.verdicts()) == count


def test_pairs_of_images(cli: Cli, tmp_path: Path) -> None:
    """Candidates that are images reach a model of lmms-eval's own in their places; one scored alone comes alone."""
    rows = [
        {"caption": f"a cat {n}", "image_0": f"a{n}.png", "image_1": f"b{n}.png", "label_0": 1, "subset": "x"}
        for n in range(3)
    ]
    for n in range(3):
        (tmp_path / f"a{n}.png").write_bytes(png(n))
        (tmp_path / f"b{n}.png").write_bytes(png(n + 9))
    write_jsonl(tmp_path / "rows.jsonl", rows)
    config = tmp_path / "data.yaml"
    config.write_text(
        "benchmarks: [{name: mj_bench_quality, path: rows.jsonl}]\njudges: [{name: first, backend: baseline}]\n"
    )
    counts: dict[str, set[int]] = {}
    for grading, reply in (("pairwise", "<answer>1</answer>"), ("pointwise", "<score>5</score>")):
        with MockServer(answer=lambda body, reply=reply: reply, keep=True).running() as server:
            done = cli.lmms(
                "rt_mj_bench_quality_judge",
                "openai",
                f"model=m,base_url={server.url}",
                out=grading,
                RUBRIC_HARNESS_CONFIG=str(config),
                RUBRIC_HARNESS_GRADING=grading,
            )
            assert done.code == 0, done.out
            counts[grading] = {
                sum(p["type"] == "image_url" for m in b["messages"] for p in _parts(m)) for b in server.bodies
            }
    assert counts == {"pairwise": {2}, "pointwise": {1}}


def test_arr_writes_and_the_next_judges(cli: Cli) -> None:
    def writes(body: dict[str, Any]) -> str:
        if "Write the rubric" in json.dumps(body["messages"]):
            return "<rubric>\n" + "\n".join(f"{n}. Point {n}: is it there?" for n in range(1, 6)) + "\n</rubric>"
        return "<answer>2</answer>"

    with MockServer(answer=writes, keep=True).running() as server:
        done = cli.lmms("rt_demo_arr", "openai", f"model=w,base_url={server.url}", "--limit", "8")
        assert done.code == 0, done.out
        lines = read_jsonl(done.folder / "rubrics.jsonl")
        assert len(lines) == 8 == len({line["item"] for line in lines})
        assert {line["saw"] for line in lines} == {"nothing"} and {line["status"] for line in lines} == {"valid"}
        assert done.results()["results"]["rt_demo_arr"]["valid,none"] == 1.0
        assert not any("[response" in texts(b) for b in server.bodies), "it sees the request alone"
        rubrics = {"RUBRIC_HARNESS_RUBRICS": str(done.folder / "rubrics.jsonl")}
        judged = cli.lmms(
            "rt_demo_transfer",
            "rubric_judge",
            f"model=j,base_url={server.url}",
            "--limit",
            "8",
            out="judged",
            **rubrics,
        )
        assert judged.code == 0, judged.out
        assert sum(v["arm"] == "transferred" for v in judged.verdicts()) == 8
