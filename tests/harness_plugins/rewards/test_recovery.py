"""The reward server under load and at its end: a flaky backend, a full queue, kill -9, SIGTERM, and trainers that leave."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import UserError
from evaluators.testing.mock_server import MockServer
from harness_plugins.rewards.server.client import RewardClient
from tests.evaluators.backends.test_transport import answering, certificate, sized
from tests.evaluators.backends.test_transport import serving as reached
from tests.serving import RIGHT, config, get, posted, sample, serving, serving_in_thread, through

pytest.importorskip("fastapi", reason="needs the extra `server`")


def test_none_is_lost_and_none_silently_zero(tmp_path: Path) -> None:
    """64 at a time, a backend that fails one request in five, and a queue that is too short for them."""
    faults = ("server_error", "rate_limit", "reset", "html", "truncated_json")
    with (
        MockServer(fail=0.2, faults=faults, answer=lambda body: "<answer>1</answer>").running() as flaky,
        serving_in_thread(config(tmp_path, flaky, "queue: 32", "retries: 1, timeout_s: 2")) as found,
    ):
        rewards = through(found, [sample(n) for n in range(400)])
    assert len(rewards) == 400
    assert {r.value for r in rewards if r.proxy == "correct"} == {2.5}
    assert all(r.value is None and r.error for r in rewards if r.proxy != "correct")
    assert sum(r.value is None for r in rewards) < 60


def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    with (
        MockServer(latency_s=0.5, answer=lambda body: "<answer>1</answer>").running() as slow,
        serving_in_thread(config(tmp_path, slow, "queue: 4")) as found,
    ):
        body = {"samples": [{"question": "q", "responses": [{}, {}], "answer": 1, "completion": RIGHT}]}

        async def rush() -> list[tuple[int, Any, Any]]:
            return await asyncio.gather(*(posted(f"{found}/v1/proxy_grm", body) for _ in range(12)))

        replies = asyncio.run(rush())
        refused = [(r, h) for status, r, h in replies if status == 503]
        assert len(refused) == 8 and all(h["Retry-After"] == "1" for _, h in refused)
        assert slow.most_in_flight == 4
        status, reply, _ = asyncio.run(posted(f"{found}/v1/proxy_grm", {"samples": body["samples"] * 5}))
        assert status == 413 and "send less" in reply["error"]["message"]
        assert [r.value for r in through(found, [sample(n) for n in range(12)])] == [2.5] * 12, "a client comes back"


def test_whoever_has_gone_is_not_asked_for(tmp_path: Path) -> None:
    with (
        MockServer(latency_s=30).running() as slow,
        serving_in_thread(config(tmp_path, slow, how="timeout_s: 60")) as found,
    ):

        async def leave() -> None:
            async with RewardClient(found, timeout_s=0.5, deadline_s=0.1) as client:
                (reward,) = await client.score([sample(1)])
                assert reward.value is None and reward.error and reward.error.kind == "late"

        asyncio.run(leave())
        until(lambda: '"pending":0' in get(f"{found}/health"))


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def test_killed_and_started_again_under_load(tmp_path: Path) -> None:
    port = free_port()
    with MockServer(latency_s=0.1, answer=lambda body: "<answer>1</answer>").running() as backend:
        path = config(tmp_path, backend)

        async def many(client: RewardClient) -> list[Any]:
            return await client.score([sample(n) for n in range(600)])

        async def killed() -> tuple[list[Any], RewardClient]:
            async with RewardClient(f"http://127.0.0.1:{port}", concurrency=32, deadline_s=60) as client:
                work = asyncio.create_task(many(client))
                for _ in range(2):
                    before = backend.asked
                    with serving(path, port=port) as (_, process):
                        while backend.asked < before + 150:
                            await asyncio.sleep(0.01)
                        process.send_signal(signal.SIGKILL)
                        process.wait()
                with serving(path, port=port):
                    return await work, client

        rewards, client = asyncio.run(killed())
    assert [r.value for r in rewards] == [2.5] * 600 and not client.masked
    assert client.failures["reset"] + client.failures["refused_connection"] > 32


def test_what_has_no_server_until_the_deadline_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    (reward,) = through(f"http://127.0.0.1:{free_port()}", [sample(1)], deadline_s=0.5)
    assert reward.value is None and reward.answer == "correct" and reward.proxy == "error"
    assert reward.error.kind == "refused_connection" and "within 0.5 s" in reward.error.message
    with pytest.raises(UserError, match="no address of a reward server"):
        RewardClient("127.0.0.1:8765")
    with pytest.raises(UserError, match="UNSET is not set"):
        RewardClient("http://127.0.0.1:8765", token_env="UNSET")
    monkeypatch.setenv("TOKEN", "two\nlines")
    with pytest.raises(UserError, match="the token in TOKEN holds characters that no header may"):
        RewardClient("http://127.0.0.1:8765", token_env="TOKEN")


def test_ending_finishes_what_is_under_way(tmp_path: Path) -> None:
    with (
        MockServer(latency_s=1.0, answer=lambda body: "<answer>1</answer>").running() as slow,
        serving(config(tmp_path, slow)) as (found, process),
    ):

        async def end() -> list[Any]:
            async with RewardClient(found) as client, RewardClient(found, deadline_s=0.1) as hasty:
                work = asyncio.create_task(client.score([sample(n) for n in range(8)]))
                while slow.in_flight < 8:
                    await asyncio.sleep(0.01)
                process.send_signal(signal.SIGTERM)
                await asyncio.sleep(0.3)
                (late,) = await hasty.score([sample(99)])
                assert late.value is None, "refused"
                return await work

        assert [r.value for r in asyncio.run(end())] == [2.5] * 8
        out, err = process.communicate(timeout=10)
        assert process.returncode == 0 and "finishing 8 judge calls" in out and not err


def test_a_redirect_or_an_untrusted_certificate_is_said_at_once(tmp_path: Path) -> None:
    """Neither is mended by asking until the deadline."""

    async def score(url: str) -> None:
        async with RewardClient(url, deadline_s=30) as client:
            await client.score([sample(1)])

    async def scenario() -> None:
        elsewhere = sized(b"", "Location: https://host/login", status="302 Found")
        async with reached(answering(elsewhere)) as url:
            with pytest.raises(UserError, match=r"HTTP 302: .*its Location is https://host/login"):
                await score(url)
        with certificate(tmp_path) as (_, tls):
            async with reached(answering(elsewhere), tls=tls) as url:
                with pytest.raises(UserError, match=r"certificate of localhost.*self-signed.*SSL_CERT_FILE"):
                    await score(url)

    asyncio.run(scenario())
