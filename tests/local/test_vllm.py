"""vLLM on CPU with a tiny random Qwen2.5-VL: in this process and behind its own server, the same verdicts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vllm", reason="needs vLLM; `make test-all` runs this where it can be installed")

from evaluators.errors import BackendError
from evaluators.messages import ChatRequest, Message, Text
from evaluators.prompts.grading import Grading, Question
from evaluators.replies.parsing import parse
from evaluators.specs import JudgeSpec
from harness_plugins import run, score
from tests.conftest import pair, read_jsonl, write_jsonl
from tests.local import tiny
from tests.local.asking import answered, ask, requests_of

ARGUMENTS: dict[str, Any] = {
    "dtype": "float32",
    "enforce_eager": True,
    "max_model_len": 2048,
    "limit_mm_per_prompt": {"image": 4},
}


SERVED = pytest.mark.xdist_group("served")
"""Those that share a server: the others start an engine each, beside them."""


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """Two engines on one machine: neither takes the memory or the cores for itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        patch.setenv("VLLM_CPU_OMP_THREADS_BIND", "nobind")
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.qwen(tmp_path_factory.mktemp("qwen"))


@pytest.fixture(scope="module")
def url(model: Path) -> Iterator[str]:
    """vLLM's own server."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--port", str(port)]
    command += ["--dtype", "float32", "--enforce-eager", "--max-model-len", "2048", "--served-model-name", "tiny"]
    command += ["--limit-mm-per-prompt", '{"image": 4}', "--host", "127.0.0.1"]
    log = model / "server.log"
    with open(log, "wb") as out:
        server = subprocess.Popen(command, env={**os.environ}, stdout=out, stderr=subprocess.STDOUT)
    try:
        for _ in range(240):
            assert server.poll() is None, log.read_text()[-3000:]
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
                break
            except OSError:
                time.sleep(1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(30)


def in_process(model: Path, **more: Any) -> JudgeSpec:
    return JudgeSpec(name="local", backend="vllm", model=str(model), model_args=ARGUMENTS, **more)


@SERVED
def test_the_engine_and_its_server_agree(model: Path, url: str, tmp_path: Path) -> None:
    """P, limits and errors in one engine start: it takes most of the time."""
    requests = requests_of(tmp_path, 24)
    long = ChatRequest((Message("user", (Text("word " * 3000),)),), requests[0].sampling, 20, "token")
    crowd = ChatRequest((Message("user", requests[3].messages[0].parts[:1] * 6),), requests[0].sampling, 20, "token")
    begun = [
        ChatRequest(
            (*r.messages, Message("assistant", (Text("I looked.\n<answer>"),))), r.sampling, 20, "token", continues=True
        )
        for r in requests[:6]
    ]
    drawn = [
        replace(r, sampling={"temperature": 1.0, "max_tokens": 12}, top_logprobs=0, seed=seed)
        for r in requests[:2]
        for seed in (7, 7, 8)
    ]
    asked = [*requests, *begun, *drawn, long, crowd]
    *found, too_long, too_many = ask(in_process(model, verdict="direct"), asked)
    found, sampled = found[: -len(drawn)], answered(found[-len(drawn) :])
    for same, again, other in (sampled[:3], sampled[3:]):
        assert same.text == again.text != other.text
    assert isinstance(too_long, BackendError) and too_long.kind == "too_long" and "2048" in too_long.message
    assert isinstance(too_many, BackendError) and too_many.kind == "too_long" and "4 image" in too_many.message
    local = answered(found)
    assert all(a.finish_reason and a.usage and a.usage["prompt_tokens"] > 5 for a in local)
    # A random model spreads its mass: the digits are outside the server's top 20, and asked for by a choice of two instead.
    spec = JudgeSpec(
        name="served", backend="openai", model="tiny", base_url=url, verdict="direct",
        extra_body={"structured_outputs": {"choice": ["1", "2"]}},
    )  # fmt: skip
    served = answered(ask(spec, [*requests, *begun]))
    for ours, theirs in zip(local, served, strict=True):
        p = parse(ours).p
        assert p is not None and 0 < p.mass < 1
        if abs(p.first - 0.5) > 1e-3:
            assert theirs.text.strip() == str(parse(ours).choice)


SCORED = Question(Grading("pointwise"), 1)


@pytest.mark.parametrize("family", ["qwen3", "internvl", "llava"])
def test_it_and_transformers_compute_the_same(family: str, tmp_path: Path) -> None:
    """The other families, by their own processors and chat templates; for one of them as an adapter on its base.

    Each answer holds every digit, and so is read as an expected score as well.
    """
    folder = getattr(tiny, family)(tmp_path / family)
    requests = requests_of(tmp_path, 8)
    adapter = {}
    if family == "qwen3":
        adapter = {"adapter": tiny.adapter(folder, tmp_path / "adapter")}
        plain = answered(ask(JudgeSpec(name="hf", backend="hf", model=str(folder), verdict="direct"), requests))
    theirs = JudgeSpec(
        name="hf", backend="hf", model=str(folder), verdict="direct", model_args={"dtype": "float32", **adapter}
    )
    ours = theirs.model_copy(update={"backend": "vllm", "model_args": {**ARGUMENTS, **adapter}})
    expected, found = (answered(ask(spec, requests)) for spec in (theirs, ours))
    for one, other in zip(expected, found, strict=True):
        a, b = parse(one).p, parse(other).p
        assert a is not None and b is not None
        assert abs(a.first - b.first) < 1e-4 and abs(a.mass - b.mass) < 1e-4
        assert one.usage["prompt_tokens"] == other.usage["prompt_tokens"]  # type: ignore[index]
        a, b = parse(one, SCORED), parse(other, SCORED)
        assert a.score is not None and b.score is not None and 1 < a.score < 9
        assert abs(a.score - b.score) < 1e-4 and abs(a.p.mass - b.p.mass) < 1e-4  # type: ignore[union-attr, operator]
    if adapter:
        assert any(abs(parse(a).p.first - parse(b).p.first) > 1e-3 for a, b in zip(plain, found, strict=True))  # type: ignore[union-attr]


REASONS = {"structured_outputs": {"regex": "[12ab]{20}<answer>[12]</answer>"}}
"""Lets a random model reason for twenty letters and name a winner; where it goes on from `<answer>`, a digit is among them."""


@SERVED
def test_a_run_through_both(model: Path, url: str, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [pair(n) for n in range(6)])
    arguments = {**ARGUMENTS, "limit_mm_per_prompt": {"image": 1}}
    config = tmp_path / "run.yaml"
    config.write_text(
        "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none, generic]\nout: out\njudges:\n"
        f"  - {{name: served, backend: openai, model: tiny, base_url: '{url}', max_tokens: 16}}\n"
        f"  - {{name: weighed, backend: vllm, model: {model}, verdict: reasoned, max_tokens: 64, model_args: {arguments}, "
        f"extra_body: {REASONS}}}\n"
        f"  - {{name: served-weighed, backend: openai, model: tiny, base_url: '{url}', verdict: reasoned, max_tokens: 64, "
        f"extra_body: {REASONS}}}\n"
    )
    result = run(config)
    assert result.complete and result.statuses["truncated"] == 24, "a random model never ends within sixteen tokens"
    weighed = {(v["judge"], v["call"]): v for v in read_jsonl(result.out / "verdicts.jsonl") if "weighed" in v["judge"]}
    assert len(weighed) == 48 and all(v["p"] for v in weighed.values())
    masses = {n: [v["p"]["mass"] for (j, _), v in weighed.items() if j == n] for n in ("weighed", "served-weighed")}
    assert max(masses["weighed"]) < 0.2, "in process the mass is that of the model, whatever the grammar lets through"
    assert set(masses["served-weighed"]) == {None}, "a server's log-probabilities are taken after its grammar"
    cells = {c.judge: c for c in score(result.out).cells if c.arm == "generic"}
    assert cells["weighed"].trials == cells["served"].trials == (12, 12)


@SERVED
def test_a_writer_and_a_judge_behind_the_server(url: str, tmp_path: Path) -> None:
    """A grammar makes the random model write in the form; the judge reads what it wrote."""
    write_jsonl(tmp_path / "rows.jsonl", [pair(n) for n in range(4)])
    form = r"<rubric>1\. [ab]{4} \(100%\)</rubric><eval>[ab]{4}</eval><answer>[12]</answer>"
    config = tmp_path / "run.yaml"
    config.write_text(
        "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none, transferred, crossed, advice]\nout: out\n"
        f"writers: [{{name: grm, backend: openai, model: tiny, base_url: '{url}', max_tokens: 200, "
        f"extra_body: {{structured_outputs: {{regex: '{form}'}}}}}}]\n"
        f"judges: [{{name: served, backend: openai, model: tiny, base_url: '{url}', verdict: direct, "
        "extra_body: {structured_outputs: {choice: ['1', '2']}}}]\n"
    )
    result = run(config)
    assert result.complete and result.wrote.statuses == {"valid": 8}
    written = read_jsonl(result.out / "rubrics.jsonl")
    assert all(r["verdict"] in (1, 2) and not r["violations"] and r["answer"]["usage"] for r in written)
    (found,) = score(result.out).transfers
    assert {"writer", "same", "cross", "content_gain"} <= set(found.metrics)
