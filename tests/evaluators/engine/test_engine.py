"""The engine against a real HTTP server that misbehaves: every verdict ends with the right status, and none is lost."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import math
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from evaluators.engine import breaker, caller
from evaluators.engine.journal import Journal, objects
from evaluators.engine.pacing import Slots, backoff_s
from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.records import Answer
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from evaluators.testing.mock_server import FAULTS, MockServer
from harness_plugins import run, score
from harness_plugins.config.run import Config
from tests.conftest import MakePairs, read_jsonl


class Replies(MockServer):
    """A mock server that asks a function first; None leaves the reply to the server."""

    def __init__(self, reply: Callable[[dict[str, Any]], web.Response | None]) -> None:
        super().__init__()
        self.reply = reply

    async def _reply(self, request: web.Request, body: dict[str, Any], data: bytes, fault: str) -> web.StreamResponse:
        return self.reply(body) or await super()._reply(request, body, data, fault)


CONFIG = """
benchmarks: [{{name: pairs, path: {rows}}}]
arms: [none, generic]
judges:
  - {{name: mock, backend: openai, model: served, base_url: "{url}", timeout_s: 1.5, {more}}}
out: out
"""


def config(write: Callable[[str], Path], rows: Path, url: str, more: str = "retries: 8") -> Path:
    return write(CONFIG.format(rows=rows, url=url, more=more))


def last_by_key(folder: Path) -> dict[str, dict[str, object]]:
    return {str(v["key"]): v for v in read_jsonl(folder / "verdicts.jsonl")}


def test_a_server_that_fails_a_fifth_of_the_time(
    make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    rows = make_pairs(100)
    with MockServer(fail=0.2, seed=3).running() as server:
        path = config(write_config, rows, server.url)
        result = run(path)
        given = Counter(server.given)
    assert set(given) == {*FAULTS, "none"}, "the server gave every fault it knows"
    verdicts = last_by_key(tmp_path / "out")
    assert len(verdicts) == 400 == result.planned
    statuses = Counter(str(v["status"]) for v in verdicts.values())
    # `length` is the judge's own doing: kept as truncated. All other faults were retried to an answer.
    assert statuses == {"ok": 400 - given["length"], "truncated": given["length"]}
    assert result.complete
    assert result.tally.asked == server.asked
    assert set(result.tally.failures) == {"rate_limit", "server", "timeout", "reset", "bad_json", "html", "empty"}


def test_what_is_never_answered_is_an_error_never_a_score(
    make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    rows = make_pairs(30)
    with MockServer(fail=0.5, seed=1, faults=["server_error", "html", "empty"]).running() as server:
        path = config(write_config, rows, server.url, "retries: 0")
        first = run(path)
        assert not first.complete
        assert first.statuses["error"] > 0
        cell = next(c for c in score(tmp_path / "out").cells if c.judge == "mock" and c.arm == "none")
        assert not cell.complete
        right = read_jsonl(tmp_path / "out" / "verdicts.jsonl")
        assert all(
            v["pick"] is None and v["answer"] is None and v["error"]["kind"] for v in right if v["status"] == "error"
        )
        server.fail = 0.0
        before = server.asked
        again = run(path)
        assert again.complete
        assert server.asked - before == first.statuses["error"], "only what failed is asked again"
    assert Counter(v["status"] for v in last_by_key(tmp_path / "out").values()) == {"ok": 120}


def test_nothing_is_asked_twice(make_pairs: MakePairs, write_config: Callable[[str], Path]) -> None:
    with MockServer().running() as server:
        path = config(write_config, make_pairs(10), server.url)
        assert run(path).tally.asked == 40
        assert run(path).tally.asked == 0
        assert server.asked == 40


def test_a_run_folder_grows(make_pairs: MakePairs, write_config: Callable[[str], Path]) -> None:
    with MockServer().running() as server:
        path = config(write_config, make_pairs(10), server.url)
        assert run(path, limit=4).tally.asked == 16
        assert run(path).tally.asked == 24
        path.write_text(path.read_text().replace("[none, generic]", "[none, generic, repeat]"))
        assert run(path).tally.asked == 20


def test_redo_asks_only_the_statuses_named(
    make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    with MockServer(answer=lambda body: "no verdict here").running() as server:
        path = config(write_config, make_pairs(5), server.url)
        assert run(path).statuses == {"unparsed": 20}
        server.answer = lambda body: "<answer>1</answer>"
        assert run(path, redo=["truncated"]).tally.asked == 0
        assert run(path, redo=["unparsed"]).statuses == {"ok": 20}
        assert run(path, redo=["unparsed"]).tally.asked == 0
    assert {v["status"] for v in last_by_key(tmp_path / "out").values()} == {"ok"}


@pytest.mark.parametrize(("status", "kind"), [(401, "auth"), (403, "auth"), (404, "not_found")])
def test_a_server_that_refuses_everything_stops_the_run_at_once(
    make_pairs: MakePairs, write_config: Callable[[str], Path], status: int, kind: str
) -> None:
    with MockServer(status=status).running() as server:
        with pytest.raises(RunStopped, match="run the same command again"):
            run(config(write_config, make_pairs(200, images=False), server.url))
        assert server.asked <= 32, "two rounds of slots at the most, not 800 requests"


def test_a_dead_server_stops_the_run_at_once(make_pairs: MakePairs, write_config: Callable[[str], Path]) -> None:
    path = config(write_config, make_pairs(50), "http://127.0.0.1:9/v1")
    started = time.monotonic()
    with pytest.raises(RunStopped, match="start the server or correct base_url"):
        run(path)
    assert time.monotonic() - started < 5


def test_a_request_that_cannot_succeed_is_not_repeated(
    make_pairs: MakePairs, write_config: Callable[[str], Path]
) -> None:
    with MockServer(status=400).running() as server:
        result = run(config(write_config, make_pairs(3), server.url))
        assert server.asked == 12 == result.statuses["error"]


def test_a_server_that_restarts_in_the_middle_costs_nothing(
    make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    first, second = MockServer(latency_s=0.05), MockServer()
    rows = make_pairs(100)
    with first.running() as server:
        port = server.port
        path = config(write_config, rows, server.url, "retries: 12")
        results: list[object] = []
        thread = threading.Thread(target=lambda: results.append(run(path)))
        thread.start()
        while server.asked < 80:
            time.sleep(0.01)
    time.sleep(0.3)
    with second.running(port):
        thread.join(timeout=60)
    assert results
    assert Counter(v["status"] for v in last_by_key(tmp_path / "out").values()) == {"ok": 400}


def test_the_key_of_a_server_that_echoes_it_appears_nowhere(
    make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = "sk-canary-7f3a9c"
    monkeypatch.setenv("OPENAI_API_KEY", canary)
    with MockServer(require_key="another key").running() as server:
        path = config(write_config, make_pairs(3), server.url)
        with pytest.raises(RunStopped) as stopped:
            run(path)
        assert "[key]" in str(stopped.value), "the server did echo it"
        assert canary not in str(stopped.value)
        server.require_key = canary
        server.answer = lambda body: f"{canary} <answer>1</answer>"
        run(path)
    for file in (tmp_path / "out").iterdir():
        assert canary.encode() not in file.read_bytes(), file


def test_images_go_out_byte_for_byte(
    make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    import base64

    with MockServer(keep=True).running() as server:
        run(config(write_config, make_pairs(3), server.url))
        sent = {
            p["image_url"]["url"]
            for b in server.bodies
            for p in b["messages"][0]["content"]
            if p["type"] == "image_url"
        }
    files = {(tmp_path / "images" / f"{n}.png").read_bytes() for n in range(3)}
    assert {base64.b64decode(u.removeprefix("data:image/png;base64,")) for u in sent} == files


def test_temperature_null_and_other_fields(make_pairs: MakePairs, write_config: Callable[[str], Path]) -> None:
    more = "temperature: null, max_tokens: 7, max_tokens_field: max_completion_tokens, extra_body: {top_k: 3}"
    with MockServer(keep=True).running() as server:
        run(config(write_config, make_pairs(1), server.url, more))
        body = server.bodies[0]
    assert "temperature" not in body
    assert "max_tokens" not in body
    assert (body["max_completion_tokens"], body["top_k"], body["model"]) == (7, 3, "served")


def test_samples_are_asked_one_by_one(make_pairs: MakePairs, write_config: Callable[[str], Path]) -> None:
    with MockServer().running() as server:
        result = run(config(write_config, make_pairs(2), server.url, "samples: 3, temperature: 0.7"))
        assert result.tally.asked == server.asked == 2 * 2 * 2 * 3


def test_direct_reads_probabilities(make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path) -> None:
    with MockServer(keep=True).running() as server:
        assert run(config(write_config, make_pairs(4), server.url, "verdict: direct")).statuses == {"ok": 16}
        assert {b["max_tokens"] for b in server.bodies} == {1}
    for v in last_by_key(tmp_path / "out").values():
        assert v["p"]["first"] == pytest.approx(0.85 / 0.95 if v["choice"] == 1 else 0.15 / 0.95)  # type: ignore[index]
        assert v["p"]["mass"] == pytest.approx(0.95)  # type: ignore[index]


def test_direct_is_refused_before_anything_is_spent(
    make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    with MockServer(logprobs=False).running() as server:
        with pytest.raises(UserError, match="cannot do `verdict: direct`"):
            run(config(write_config, make_pairs(40), server.url, "verdict: direct"))
        assert server.asked == 1, "one probe"
    assert not read_jsonl(tmp_path / "out" / "verdicts.jsonl")


def test_equal_calls_are_asked_once(
    make_pairs: MakePairs, rubrics: Callable[..., Path], write_config: Callable[[str], Path]
) -> None:
    """Two writers with the same text share requests, within a run and with an earlier one; `repeat` does not."""
    rows = make_pairs(6)
    one, two = rubrics(6, "one"), rubrics(6, "two")
    with MockServer().running() as server:
        text = CONFIG.format(rows=rows, url=server.url, more="").replace(
            "[none, generic]", "[none, repeat, transferred]"
        )
        path = write_config(text + f"rubrics: {{one: {one}}}\n")
        assert run(path).tally.asked == 36
        path.write_text(text + f"rubrics: {{one: {one}, two: {two}}}\n")
        result = run(path)
        assert result.tally.asked == 0
        assert result.tally.written == 12
        both = run(path, out=path.parent / "other")
        assert both.tally.asked == 36
        assert both.tally.written == 48


def test_judges_run_side_by_side(make_pairs: MakePairs, tmp_path: Path) -> None:
    specs = [JudgeSpec(name=n, backend="openai", model="m", base_url="http://x/v1", concurrency=2) for n in ("a", "b")]
    judges = {s.name: MockJudge(s, lambda case: "1", latency_s=0.05) for s in specs}
    cfg = Config(benchmarks=({"name": "pairs", "path": make_pairs(10)},), judges=specs, arms=("none",))  # type: ignore[arg-type]
    result = run(cfg, out=tmp_path / "out", judges=judges)
    assert result.complete
    assert result.seconds < 0.85, "20 calls each, 2 at a time, 0.05 s: 0.5 s side by side, 1 s one after the other"


def test_a_fault_in_a_backend_costs_one_verdict_not_the_run(make_pairs: MakePairs, tmp_path: Path) -> None:
    def reply(case: object) -> str:
        if case.item.source_id == "pair-3":  # type: ignore[attr-defined]
            raise ZeroDivisionError("a bug")
        return "1"

    spec = JudgeSpec(name="a", backend="openai", model="m", base_url="http://x/v1")
    cfg = Config(benchmarks=({"name": "pairs", "path": make_pairs(6)},), judges=(spec,), arms=("none",))  # type: ignore[arg-type]
    result = run(cfg, out=tmp_path / "out", judges={"a": MockJudge(spec, reply)})
    assert result.statuses == {"ok": 10, "error": 2}


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path / "verdicts.jsonl") as journal:
        journal.append(b"{}\n")
        with pytest.raises(UserError, match="another process is writing this run"):
            Journal(tmp_path / "verdicts.jsonl")


@pytest.mark.parametrize("torn", [b'{"key":"abc', b"{", b"\x00\x00", b'{"key":"' + b"a" * 100_000])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "verdicts.jsonl"
    path.write_bytes(b'{"a":1}\n' + torn)
    assert list(objects(path)) == [{"a": 1}]
    with Journal(path) as journal:
        assert journal.repaired == len(torn)
        journal.append(b'{"b":2}\n')
    assert path.read_bytes() == b'{"a":1}\n{"b":2}\n'


def test_slots_bound_and_adapt() -> None:
    async def scenario() -> None:
        slots = Slots(100, adaptive=True)
        assert slots.limit == 8
        for _ in range(9):
            slots.succeeded()
        assert slots.limit == 9
        slots.failed("rate_limit")
        assert slots.limit == 4
        slots.failed("rate_limit")
        assert slots.limit == 4, "one congestion is cut for once"
        for _ in range(4):
            await slots.acquire()
        waiting = asyncio.create_task(slots.acquire())
        await asyncio.sleep(0)
        assert not waiting.done()
        slots.release()
        await waiting
        assert slots.in_use == 4

    asyncio.run(scenario())


def test_retry_after_wins_over_jitter() -> None:
    assert 7 <= backoff_s(1, BackendError("rate_limit", "", retry_after_s=7)) <= 8
    assert all(0 <= backoff_s(n, BackendError("server", "")) <= 30 for n in range(1, 12))


@pytest.mark.parametrize("asked", [3600, 1e300, math.inf])
def test_a_pause_is_bounded_whatever_the_server_asks_for(asked: float) -> None:
    assert 300 <= backoff_s(1, BackendError("rate_limit", "", retry_after_s=asked)) <= 301
    assert 20 <= backoff_s(9, BackendError("rate_limit", "", retry_after_s=asked), most_s=20) <= 21


@pytest.mark.parametrize("asked", [math.nan, -math.inf, -5])
def test_a_pause_that_is_no_time_was_not_asked_for(asked: float) -> None:
    assert 0 <= backoff_s(1, BackendError("rate_limit", "", retry_after_s=asked)) <= 0.5


@pytest.mark.parametrize("header", ["3600", "inf", "1e400", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_long_pause_is_cut_short_and_told(
    make_pairs: MakePairs,
    write_config: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    header: str,
) -> None:
    """Told once, not once a request; and no pause longer than the option lets the run wait for hours."""
    monkeypatch.setattr(caller, "LONG_PAUSE_S", 0.2)

    def limited(body: dict[str, Any]) -> web.Response | None:
        if server.asked <= 8:
            return web.json_response({"error": "slow \x1b[2Jdown"}, status=429, headers={"Retry-After": header})
        return None

    with Replies(limited).running() as server:
        result = run(config(write_config, make_pairs(4), server.url, "concurrency: 8, retry_after_most_s: 0.4"))
    assert result.complete and result.seconds < 10
    said = [r.getMessage() for r in caplog.records]
    assert (
        len(said) == 1 and "the server asks to wait" in said[0] and "the most that retry_after_most_s allows" in said[0]
    )
    assert "HTTP 429" in said[0] and "\x1b" not in said[0]


@pytest.mark.parametrize("header", ["nan", "-60", "soon", "", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_pause_that_is_none_is_not_waited_for(
    make_pairs: MakePairs, write_config: Callable[[str], Path], header: str
) -> None:
    def limited(body: dict[str, Any]) -> web.Response | None:
        first = server.asked <= 4
        return web.json_response({"error": "slow down"}, status=429, headers={"Retry-After": header}) if first else None

    with Replies(limited).running() as server:
        result = run(config(write_config, make_pairs(4), server.url))
    assert result.complete and result.seconds < 10


REJECTED = {"error": {"message": "Unsupported parameter: 'max_tokens'", "code": "unsupported_parameter", "id": "req_0"}}


def rejecting(*about: str) -> Callable[[dict[str, Any]], web.Response | None]:
    """Refuses, with an id of its own in each reply, what holds one of some texts; without a text everything."""
    ids = itertools.count()

    def reply(body: dict[str, Any]) -> web.Response | None:
        text = str(body["messages"])
        if about and not any(f"question {a}" in text for a in about):
            return None
        return web.json_response({"error": REJECTED["error"] | {"id": f"req_{next(ids)}a7"}}, status=400)

    return reply


def test_what_the_server_takes_from_nobody_ends_the_run_at_once(
    make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    """An unknown parameter, a model that takes no images: the same 400 on the first requests, ids aside."""
    with Replies(rejecting()).running() as server:
        path = config(write_config, make_pairs(60, images=False), server.url, "concurrency: 4")
        with pytest.raises(
            RunStopped, match=r"nothing else came back.*Unsupported parameter: 'max_tokens'.*max_tokens_field"
        ):
            run(path)
        assert 8 <= server.asked <= 24
    errors = [v["error"] for v in read_jsonl(tmp_path / "out" / "verdicts.jsonl")]
    assert len(errors) >= 8 and {e["kind"] for e in errors} == {"rejected"}, "what was asked is on record"


def test_what_is_wrong_with_one_item_costs_that_item(
    make_pairs: MakePairs, write_config: Callable[[str], Path]
) -> None:
    """The first items are refused, in all arms and orders, while the others are slow: they are waited for."""

    class Slow(Replies):
        async def _reply(
            self, request: web.Request, body: dict[str, Any], data: bytes, fault: str
        ) -> web.StreamResponse:
            if "question 0" not in str(body) and "question 1" not in str(body) and "question 2" not in str(body):
                await asyncio.sleep(0.5)
            return await super()._reply(request, body, data, fault)

    with Slow(rejecting("0", "1", "2", "3")).running() as server:
        result = run(config(write_config, make_pairs(10, images=False), server.url))
    assert result.statuses == {"ok": 24, "error": 16}


def test_after_an_answer_no_rejection_ends_the_run(make_pairs: MakePairs, write_config: Callable[[str], Path]) -> None:
    with Replies(rejecting("1", "2", "3", "4", "5", "6", "7", "8")).running() as server:
        result = run(config(write_config, make_pairs(10, images=False), server.url, "concurrency: 2"))
    assert result.statuses == {"ok": 8, "error": 32}


def test_rejections_in_different_words_are_about_items(
    make_pairs: MakePairs, write_config: Callable[[str], Path]
) -> None:
    def each_its_own(body: dict[str, Any]) -> web.Response:
        word = (
            hashlib.sha256(str(body["messages"]).encode())
            .hexdigest()
            .translate(str.maketrans("0123456789", "ghijklmnop"))
        )
        return web.json_response({"error": f"cannot take {word}"}, status=400)

    with Replies(each_its_own).running() as server:
        result = run(config(write_config, make_pairs(8, images=False), server.url))
        assert server.asked == 32 == result.statuses["error"]


def test_a_limit_on_everything_is_told_at_once_and_given_up_after_a_while(
    make_pairs: MakePairs,
    write_config: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The same 429 on everything: few requests are spent on it, and the server's words are told twice."""
    monkeypatch.setattr(breaker, "PATIENCE_S", 3.0)

    def spent(body: dict[str, Any]) -> web.Response:
        return web.json_response({"error": {"message": "slow down, all of you"}}, status=429)

    with Replies(spent).running() as server:
        path = config(write_config, make_pairs(40, images=False), server.url, "concurrency: 4, retries: 1")
        with pytest.raises(RunStopped, match=r"nothing else came back.*slow down, all of you.*To fix: wait"):
            run(path)
        assert server.asked <= 60
    (said,) = [r.getMessage() for r in caplog.records]
    assert "slow down, all of you" in said and "tried again" in said


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_busy_at_first_is_waited_for(
    make_pairs: MakePairs, write_config: Callable[[str], Path], status: int
) -> None:
    """A model is loaded for two seconds: requests are lost meanwhile, the run is not."""
    ready = time.monotonic() + 2.0

    def loading(body: dict[str, Any]) -> web.Response | None:
        return web.json_response({"error": "loading"}, status=status) if time.monotonic() < ready else None

    with Replies(loading).running() as server:
        path = config(write_config, make_pairs(20, images=False), server.url, "concurrency: 4, retries: 1")
        first = run(path)
        assert first.statuses["ok"] > 60 and first.statuses["error"] < 20
        assert run(path).complete


def test_an_unknown_finish_reason_on_everything_ends_the_run(make_pairs: MakePairs, tmp_path: Path) -> None:
    def unknown(case: object) -> BackendError:
        return BackendError(
            "finish_reason",
            "finish_reason 'paused' is not known here",
            usage={"prompt_tokens": 9, "completion_tokens": 1},
        )

    spec = JudgeSpec(name="a", backend="openai", model="m", base_url="http://x/v1", concurrency=4)
    cfg = Config(benchmarks=({"name": "pairs", "path": make_pairs(50)},), judges=(spec,), arms=("none",))  # type: ignore[arg-type]
    judge = MockJudge(spec, unknown)
    with pytest.raises(RunStopped, match=r"finish_reason 'paused'.*complete_reasons"):
        run(cfg, out=tmp_path / "out", judges={"a": judge})
    assert 8 <= len(judge.cases) <= 16, "asked once each: the next answer would end so too"
    assert all(v["error"]["failed_replies"]["told"] == 1 for v in read_jsonl(tmp_path / "out" / "verdicts.jsonl"))


def test_an_account_without_money_ends_the_run_also_in_the_middle(make_pairs: MakePairs, tmp_path: Path) -> None:
    spec = JudgeSpec(name="a", backend="openai", model="m", base_url="http://x/v1", concurrency=4)
    cfg = Config(benchmarks=({"name": "pairs", "path": make_pairs(50)},), judges=(spec,), arms=("none",))  # type: ignore[arg-type]
    turns = itertools.count()
    judge = MockJudge(
        spec, lambda case: "1" if next(turns) < 30 else BackendError("quota", "insufficient_quota", http=429)
    )
    with pytest.raises(RunStopped, match=r"insufficient_quota.*add money"):
        run(cfg, out=tmp_path / "out", judges={"a": judge})
    assert len(judge.cases) <= 38, "asked once each, a round of slots at the most"


def test_what_is_too_long_says_nothing_of_the_next_item(make_pairs: MakePairs, tmp_path: Path) -> None:
    spec = JudgeSpec(name="a", backend="openai", model="m", base_url="http://x/v1", concurrency=4)
    cfg = Config(benchmarks=({"name": "pairs", "path": make_pairs(20)},), judges=(spec,), arms=("none",))  # type: ignore[arg-type]
    judge = MockJudge(spec, lambda case: BackendError("too_long", "the prompt is too long"))
    assert run(cfg, out=tmp_path / "out", judges={"a": judge}).statuses == {"error": 40}


CUT = "First I look at the picture\x1b[31m, then at"


@pytest.mark.parametrize(
    ("finish", "mend"), [("length", "raise max_tokens (now 4,096)"), ("stop", "structured_outputs")]
)
def test_first_answers_that_hold_no_verdict_are_told(
    make_pairs: MakePairs, tmp_path: Path, caplog: pytest.LogCaptureFixture, finish: str, mend: str
) -> None:
    spec = JudgeSpec(name="a", backend="openai", model="m", base_url="http://x/v1", concurrency=4)
    cfg = Config(benchmarks=({"name": "pairs", "path": make_pairs(15)},), judges=(spec,), arms=("none",))  # type: ignore[arg-type]
    judge = MockJudge(spec, lambda case: Answer(CUT, "tag", finish_reason=finish))
    result = run(cfg, out=tmp_path / "out", judges={"a": judge})
    assert result.tally.written == 30, "the run goes on"
    (said,) = [r.getMessage() for r in caplog.records]
    assert "judge 'a': its first 20 answers hold no verdict" in said and "then at'" in said and mend in said
    assert "rubric-harness show" in said and "\x1b" not in said


def test_first_answers_that_hold_no_verdict_may_end_the_run(make_pairs: MakePairs, tmp_path: Path) -> None:
    """What is in flight is waited for and kept, of the other judges too."""
    specs = [JudgeSpec(name=n, backend="openai", model="m", base_url="http://x/v1", concurrency=4) for n in ("a", "b")]
    cfg = Config(benchmarks=({"name": "pairs", "path": make_pairs(100)},), judges=specs, arms=("none",))  # type: ignore[arg-type]
    judges = {
        "a": MockJudge(specs[0], lambda case: "I cannot say.", latency_s=0.01),
        "b": MockJudge(specs[1], lambda case: "1", latency_s=0.05),
    }
    with pytest.raises(
        RunStopped, match=r"judge 'a': its first 20 answers hold no verdict.*leave --stop-unreadable out"
    ):
        run(cfg, out=tmp_path / "out", judges=judges, stop_unreadable=True)
    lines = Counter(v["judge"] for v in read_jsonl(tmp_path / "out" / "verdicts.jsonl"))
    assert lines == {name: len(judge.cases) for name, judge in judges.items()} and 20 <= lines["a"] <= 25


def test_one_verdict_among_the_first_answers_is_enough(
    make_pairs: MakePairs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = JudgeSpec(name="a", backend="openai", model="m", base_url="http://x/v1", concurrency=4)
    cfg = Config(benchmarks=({"name": "pairs", "path": make_pairs(30)},), judges=(spec,), arms=("none",))  # type: ignore[arg-type]
    turns = itertools.count()
    judge = MockJudge(spec, lambda case: "1" if next(turns) == 12 else "no verdict")
    assert run(cfg, out=tmp_path / "out", judges={"a": judge}, stop_unreadable=True).complete
    assert not caplog.records


def test_memory_of_a_judge_is_its_key_fields(make_pairs: MakePairs, write_config: Callable[[str], Path]) -> None:
    with MockServer().running() as server:
        path = config(write_config, make_pairs(2), server.url)
        run(path)
        path.write_text(path.read_text().replace("timeout_s: 1.5", "timeout_s: 9, concurrency: 4"))
        assert run(path).tally.asked == 0
        path.write_text(path.read_text().replace("model: served", "model: other"))
        with pytest.raises(UserError, match=r"model: 'served' -> 'other'.*give it another name"):
            run(path)


def test_an_image_that_changed_is_judged_anew(
    make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    from tests.conftest import png

    with MockServer().running() as server:
        path = config(write_config, make_pairs(3), server.url)
        run(path)
        (tmp_path / "images" / "1.png").write_bytes(png(999))
        os.utime(tmp_path / "images" / "2.png")  # touched, not changed
        assert run(path).tally.asked == 4


def test_a_failed_redo_leaves_what_was_answered(
    make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    with MockServer(answer=lambda body: "no verdict").running() as server:
        path = config(write_config, make_pairs(3), server.url, "retries: 0")
        run(path)
        server.status = 500
        again = run(path, redo=["unparsed"])
    assert (again.complete, again.statuses) == (False, {"error": 12})
    assert {v["status"] for v in last_by_key(tmp_path / "out").values()} == {"unparsed"}
    cell = next(c for c in score(tmp_path / "out").cells if c.judge == "mock")
    assert cell.complete


def test_a_touched_image_is_read_again_and_nothing_is_asked(
    make_pairs: MakePairs, write_config: Callable[[str], Path]
) -> None:
    with MockServer().running() as server:
        path = config(write_config, make_pairs(3), server.url)
        run(path)
        os.utime(path.parent / "images" / "2.png")
        again = run(path)
        assert (again.tally.asked, again.complete) == (0, True)


def test_an_image_that_changed_and_changed_back(
    make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    """Verdicts on bytes that an item no longer has are of the past: not counted, and counted again when they are back."""
    image = tmp_path / "images" / "1.png"

    def accuracy() -> float:
        return next(c for c in score(tmp_path / "out").cells if c.judge == "mock").metrics["accuracy"].k

    with MockServer(answer=lambda body: "<answer>1</answer>").running() as server:
        path = config(write_config, make_pairs(4), server.url)
        run(path)
        before, data = accuracy(), image.read_bytes()
        server.answer = lambda body: "no verdict"
        image.write_bytes(data + b"more")
        assert run(path).tally.asked == 4
        assert accuracy() == before - 0.5
        image.write_bytes(data)
        assert run(path).tally.asked == 0
        assert accuracy() == before


def test_other_rows_in_the_same_folder_are_refused(make_pairs: MakePairs, write_config: Callable[[str], Path]) -> None:
    with MockServer().running() as server:
        path = config(write_config, make_pairs(4), server.url)
        run(path)
        make_pairs(3)
        with pytest.raises(UserError, match=r"4 rows then, 3 now.*give the run another folder"):
            run(path)


def test_a_judge_that_never_answered_may_be_mended(make_pairs: MakePairs, write_config: Callable[[str], Path]) -> None:
    with MockServer(status=404).running() as server:
        path = config(write_config, make_pairs(4), server.url)
        with pytest.raises(RunStopped, match="correct model or base_url"):
            run(path)
        server.status = 200
        path.write_text(path.read_text().replace("model: served", "model: right"))
        assert run(path).complete


@pytest.mark.parametrize(
    "oddity",
    [{"finish_reason": []}, {"message": {"content": ["x"]}}, {"message": None}, {"logprobs": {"content": [{"top_logprobs": [
        {"token": "1", "logprob": 1e4}, {"token": "2", "logprob": -1}]}]}}],
)  # fmt: skip
def test_an_odd_reply_never_ends_the_run(
    make_pairs: MakePairs, write_config: Callable[[str], Path], oddity: dict[str, object]
) -> None:

    class Odd(MockServer):
        def _completion(self, body: dict[str, Any], text: str, finish: str) -> dict[str, Any]:
            reply = super()._completion(body, text, finish)
            if self.asked > 1:
                reply["choices"][0] |= oddity
                reply["model"], reply["system_fingerprint"] = 7, {}
            return reply

    with Odd().running() as server:
        more = "retries: 0, verdict: direct" if "logprobs" in oddity else "retries: 0"
        result = run(config(write_config, make_pairs(3), server.url, more))
    assert sum(result.statuses.values()) == 12
    assert set(result.statuses) <= {"ok", "error", "unparsed"}


@pytest.mark.parametrize("key", ["sk-CANARY/0123456789", 'sk-"quoted"-0123'])
def test_a_key_echoed_in_another_spelling_is_blanked_too(
    make_pairs: MakePairs,
    write_config: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
) -> None:
    from aiohttp import web

    class Php(MockServer):
        async def _reply(
            self, request: web.Request, body: dict[str, object], data: bytes, fault: str
        ) -> web.StreamResponse:
            import json

            reply = json.dumps(self._completion(body, f"{key} <answer>1</answer>", "stop")).replace("/", "\\/")
            return web.Response(text=reply, content_type="application/json")

    monkeypatch.setenv("OPENAI_API_KEY", key)
    with Php().running() as server:
        assert run(config(write_config, make_pairs(2), server.url)).statuses == {"ok": 8}
    assert all(
        v["answer"]["text"] == "[key] <answer>1</answer>" for v in read_jsonl(tmp_path / "out" / "verdicts.jsonl")
    )
