"""Whether a config's judges and writers work: what each way of failing is told as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluators.images.colours import QUESTION
from evaluators.testing.mock_server import MockServer
from harness_plugins.config.run import load_config
from harness_plugins.experiment.ping import Ping, ping
from tests.conftest import MakePairs, pair, write_jsonl


def pinged(folder: Path, server: MockServer, more: str = "", benchmark: str = "demo", rest: str = "") -> Ping:
    (folder / "c.yaml").write_text(
        f"benchmarks: [{benchmark}]\narms: [none]\nout: out\n{rest}\n"
        f"judges: [{{name: j, backend: openai, model: m, base_url: '{server.url}', retries: 0{more}}}]\n"
    )
    return ping(load_config(folder / "c.yaml"))[0]


def test_a_judge_that_works(tmp_path: Path) -> None:
    with MockServer(latency_s=0.01, keep=True).running() as server:
        done = pinged(tmp_path, server)
        assert done.works and done.sees and done.status == "ok" and done.p is None and done.model == "m"
        assert done.latency_s and done.tokens_a_second == pytest.approx(20 / done.latency_s)
        assert server.asked == 2 and "<answer>" in str(server.bodies[1]), "the run's own prompt"
        assert [f.name for f in tmp_path.iterdir()] == ["c.yaml"]


def test_probabilities_and_their_mass(tmp_path: Path) -> None:
    with MockServer().running() as server:
        done = pinged(tmp_path, server, ", verdict: direct")
        assert done.works and done.p is not None and done.p.mass == pytest.approx(0.95)
        assert server.bodies == [] and server.asked == 3, "one more that tries out log-probabilities"
    with MockServer(logprobs=False).running() as server:
        (problem,) = pinged(tmp_path, server, ", verdict: direct").problems
        assert "cannot do `verdict: direct`" in problem and "Use `verdict: text`" in problem


def test_a_judge_that_sees_nothing_and_one_whose_verdict_cannot_be_read(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> str:
        return "<answer>1</answer>" if QUESTION not in str(body) else "I cannot see any picture."

    with MockServer(answer=answer).running() as server:
        done = pinged(tmp_path, server)
        assert done.sees is False and done.status == "ok" and "media: none" in done.problems[0]
        assert pinged(tmp_path, server, ", media: none").works, "it is shown none"
    with MockServer(answer=lambda body: "black and white and red green blue yellow").running() as server:
        done = pinged(tmp_path, server)
        assert done.status == "unparsed" and "no verdict could be read (unparsed)" in done.problems[-1]


def test_texts_alone_need_no_picture(tmp_path: Path, make_pairs: MakePairs) -> None:
    make_pairs(2, images=False)
    with MockServer().running() as server:
        done = pinged(tmp_path, server, benchmark="{name: pairs, path: rows.jsonl}")
        assert done.works and done.sees is None and server.asked == 1


def test_a_grammar_of_verdicts_cannot_name_a_colour(tmp_path: Path) -> None:
    with MockServer().running() as server:
        done = pinged(tmp_path, server, ", extra_body: {structured_outputs: {choice: ['1', '2']}}")
        assert done.works and done.sees is None and server.asked == 1


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (MockServer(status=401), "HTTP 401 or 403 (status 401). To fix: set the key"),
        (MockServer(status=404, models=["right/name"]), "correct model or base_url (it usually ends in /v1); it serves: right/name"),
        (MockServer(status=500), "HTTP 5xx (status 500). To fix: see what the server's log says"),
        (MockServer(fail=1, faults=["empty"]), "an answer without content"),
    ],
)  # fmt: skip
def test_what_fails_is_told_once_with_its_fix(server: MockServer, told: str, tmp_path: Path) -> None:
    with server.running():
        (problem,) = pinged(tmp_path, server).problems
    assert told in problem


def test_every_judge_and_writer_is_asked_and_a_dead_one_spoils_no_other(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "seeds.jsonl", [pair(n) for n in range(12)])
    with MockServer(grm=True).running() as server:
        model = f"backend: openai, model: m, retries: 0, base_url: '{server.url}'"
        (tmp_path / "c.yaml").write_text(
            "benchmarks: [demo]\narms: [none, transferred, self]\nout: out\n"
            f"judges: [{{name: j, {model}}}, {{name: dead, backend: openai, model: m, base_url: 'http://127.0.0.1:1/v1'}}, longest]\n"
            f"writers: [{{name: w, {model}}}, {{name: s, {model}, method: arr_induced, seeds: seeds.jsonl}}]\n"
        )
        done = {p.name: p for p in ping(load_config(tmp_path / "c.yaml"))}
    assert [n for n, p in done.items() if not p.works] == ["dead", "self:dead"]
    assert "To fix: start the server or correct base_url" in done["dead"].problems[0]
    assert (done["w"].status, done["s"].status, done["longest"].status) == ("valid", "answered", "ok")
    assert [p.role for p in done.values()] == ["judge"] * 3 + ["writer"] * 4
