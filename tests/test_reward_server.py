"""The reward server: what it answers, what it refuses, and that a client gets through when it is busy, killed or ending."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from evaluators.errors import UserError
from evaluators.judges import JudgeSpec
from evaluators.mock_server import MockServer
from evaluators.records import Candidate, Item, Label, Media, MediaFile
from harness_plugins.cli import main
from harness_plugins.rewards import Group, ProxyReward, RPOReward, Sample
from harness_plugins.rewards.client import RewardClient
from tests.conftest import ROOT, png

pytest.importorskip("fastapi", reason="needs the extra `server`")

RIGHT = "<rubric>1. Word (100%): says good</rubric><eval>Both read.</eval><answer>1</answer>"
TOKEN = "a-token-of-some-length"


def sample(n: int, completion: str = RIGHT, media: tuple[Media, ...] = ()) -> Sample:
    candidates = (Candidate(f"good {n}"), Candidate(f"bad {n}"))
    item = Item(f"x:{n}", "x", str(n), n, f"question {n}", candidates, (0, 1), Label(preferred=0), media)
    return Sample(item, "AB", completion)


def config(folder: Path, backend: MockServer, more: str = "", how: str = "retries: 1, timeout_s: 5") -> Path:
    judge = f"name: j, backend: openai, model: m, base_url: '{backend.url}', concurrency: 64, {how}"
    path = folder / "reward.yaml"
    path.write_text(f"proxy_grm: {{proxy: {{{judge}}}}}\nrpo: {{judge: {{{judge}}}}}\n{more}\n")
    return path


@contextmanager
def serving(path: Path, *options: str, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "harness_plugins", "reward-server", str(path), "--port", str(port), *options]
    env = {**os.environ, "REWARD_TOKEN": TOKEN}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=ROOT)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("serving http://127.0.0.1:"), process.communicate()
    try:
        yield line.split()[1], process
    finally:
        process.kill()
        process.communicate()


async def posted(url: str, body: Any, **headers: str) -> tuple[int, Any, Any]:
    async with aiohttp.ClientSession() as http, http.post(url, json=body, headers=headers) as response:
        return response.status, await response.json(), response.headers


def get(url: str, **headers: str) -> str:
    async def one() -> str:
        async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
            return f"{response.status} {await response.text()}"

    return asyncio.run(one())


def through(url: str, asked: list[Any], **how: Any) -> list[Any]:
    async def one() -> list[Any]:
        async with RewardClient(url, **how) as client:
            return await client.score(asked)

    return asyncio.run(one())


def looks(body: dict[str, Any]) -> str:
    """A backend that sees: the redder of the last two images; without images, the first."""
    parts = body["messages"][0]["content"]
    urls = [p["image_url"]["url"] for p in parts if not isinstance(p, str) and p["type"] == "image_url"]
    if len(urls) < 2:
        return "<answer>1</answer>"
    reds = []
    for url in urls[-2:]:
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
            reds.append(image.convert("RGB").getpixel((0, 0))[0])
    return f"<answer>{1 if reds[0] > reds[1] else 2}</answer>"


@pytest.fixture(scope="module")
def backend() -> Iterator[MockServer]:
    with MockServer(answer=looks, keep=True).running() as server:
        yield server


@pytest.fixture(scope="module")
def url(backend: MockServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(config(tmp_path_factory.mktemp("open"), backend)) as (found, _):
        yield found


def test_rewards_are_those_of_a_judge_of_ones_own(url: str, backend: MockServer, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(5))
    media = (Media("a.png", "image", (MediaFile(str(tmp_path / "a.png")),)),)
    completions = [RIGHT, RIGHT.replace("<answer>1", "<answer>2"), "no rubric", RIGHT + " and more"]
    samples = [Sample(sample(n, c, media).item, saw, c) for n, c in enumerate(completions) for saw in ("AB", "BA")]
    spec = JudgeSpec(name="j", backend="openai", model="m", base_url=backend.url)

    async def own() -> list[Any]:
        async with ProxyReward(spec) as reward:
            return await reward.score(samples)

    assert through(url, samples) == asyncio.run(own())
    sent = backend.bodies[-1]["messages"][0]["content"]
    assert base64.b64encode(png(5)).decode() in str(sent), "the very bytes"


def test_groups_are_compared_as_by_a_judge_of_ones_own(url: str, backend: MockServer) -> None:
    reds = [Image.new("RGB", (4, 4), (n, 0, 0)) for n in (9, 200, 90)]
    groups = [Group("a red square", reds), Group("make it red", reds[:2], source=reds[2], rubric="1. Is it red?")]
    spec = JudgeSpec(name="j", backend="openai", model="m", base_url=backend.url)

    async def own() -> list[Any]:
        async with RPOReward(spec) as reward:
            return await reward.score(groups)

    found = through(url, groups)
    assert found == asyncio.run(own())
    assert [round(s.value, 6) for s in found[0]] == [-0.1, 1.0, 0.45]


def bomb() -> bytes:
    """A PNG of 100 bytes that would unfold to ten gigabytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "picture",
    ["/etc/passwd", "file:///etc/passwd", "http://127.0.0.1/a.png", "", base64.b64encode(bomb()).decode(), "aGVsbG8="],
)
def test_a_picture_that_is_none_is_a_typed_failure(url: str, picture: str) -> None:
    good = {"question": "q", "responses": [{"text": "a"}, {"text": "b"}], "answer": 1, "completion": RIGHT}
    body = {"samples": [good, {**good, "images": [picture]}]}
    status, reply, _ = asyncio.run(posted(f"{url}/v1/proxy_grm", body))
    assert status == 200 and reply["results"][0]["value"] == 2.5
    assert reply["results"][1]["value"] is None and reply["results"][1]["error"]["kind"] == "image"
    images = [base64.b64encode(png(n)).decode() for n in (1, 2)]
    body = {"groups": [{"prompt": "p", "images": [*images, picture]}]}
    status, reply, _ = asyncio.run(posted(f"{url}/v1/rpo", body))
    scores = reply["results"][0]["scores"]
    assert status == 200 and scores[2]["value"] is None and scores[2]["error"]["kind"] == "image"
    assert scores[0]["pairs"][0] in ("won", "lost", "disagree")


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/v1/rpo", {"groups": []}, 422, "groups"),
        ("/v1/rpo", {"groups": [{"prompt": "p", "images": ["a"]}]}, 422, "groups.0.images"),
        ("/v1/rpo", {"groups": [{"prompt": "p", "images": ["a"] * 17}]}, 413, "17 candidates; the limit is 16"),
        (
            "/v1/rpo",
            {"groups": [{"prompt": "p", "images": ["a"] * 13}] * 5},
            413,
            "65 images in one request; the limit is 64",
        ),
        ("/v1/rpo", {"groups": [{"prompt": "p", "images": ["a"] * 3, "path": "/x"}]}, 422, "path"),
        ("/v1/proxy_grm", {"samples": [{"question": "q"}]}, 422, "samples.0"),
        ("/v1/proxy_grm", [1], 422, ""),
    ],
)
def test_what_cannot_be_answered_is_refused(url: str, path: str, body: Any, status: int, said: str) -> None:
    found, reply, _ = asyncio.run(posted(url + path, body))
    assert found == status and reply["error"]["kind"] == "rejected" and re.search(said, reply["error"]["message"])


def test_limits_are_looked_at_before_a_body_is_read(url: str, backend: MockServer, tmp_path: Path) -> None:
    limits = "limits: {body_mb: 1, image_mb: 0.001, images: 2}\nqueue: 3"
    big = base64.b64encode(b"\0" * 2000).decode()
    with serving(config(tmp_path, backend, limits)) as (small, _):
        group = {"prompt": "p", "images": [base64.b64encode(png(1)).decode()] * 2}
        for body, said in (
            ({"groups": [{**group, "prompt": "p" * 2_000_000}]}, "larger than 1 MB"),
            ({"groups": [{**group, "images": [big, big]}]}, "an image is larger"),
            ({"groups": [group, group]}, "4 images"),
        ):
            status, reply, _ = asyncio.run(posted(f"{small}/v1/rpo", body))
            assert status == 413 and said in reply["error"]["message"]
        assert asyncio.run(posted(f"{small}/v1/rpo", {"groups": [group]}))[0] == 200
    large = {"question": "q" * 12_000_000, "responses": [{}, {}], "answer": 1, "completion": "no rubric"}
    assert asyncio.run(posted(f"{url}/v1/proxy_grm", {"samples": [large]}))[0] == 200, "12 MB are no trouble"


def test_no_web_page_can_post(url: str) -> None:
    async def plain() -> int:
        kind = {"content-type": "text/plain"}
        async with aiohttp.ClientSession() as http, http.post(f"{url}/v1/rpo", data="{}", headers=kind) as response:
            return response.status

    assert asyncio.run(plain()) == 415


def test_a_token_is_asked_for(backend: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(config(tmp_path, backend), "--token-env", "REWARD_TOKEN") as (found, _):
        body = {"samples": [{"question": "q", "responses": [{}, {}], "answer": 1, "completion": ""}]}
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            status, reply, headers = asyncio.run(posted(f"{found}/v1/proxy_grm", body, **given))
            assert status == 401 and reply["error"]["kind"] == "auth" and headers["WWW-Authenticate"] == "Bearer"
        assert asyncio.run(posted(f"{found}/v1/proxy_grm", body, Authorization=f"Bearer {TOKEN}"))[0] == 200
        assert get(f"{found}/health").startswith('200 {"status":"ok"') and get(f"{found}/metrics").startswith("401")
        monkeypatch.setenv("MINE", TOKEN)
        assert through(found, [sample(1)], token_env="MINE")[0].value == 2.5
        monkeypatch.setenv("MINE", "another")
        with pytest.raises(UserError, match=r"refused \(HTTP 401\): set token_env"):
            through(found, [sample(1)], token_env="MINE")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "give --token-env NAME"),
        (["--token-env", "SHORT"], "at least 16 printable characters"),
        (["--token-env", "UNSET"], "at least 16 printable characters"),
        (["--host", "192.0.2.1", "--token-env", "LONG"], "cannot listen on 192.0.2.1"),
    ],
)
def test_what_cannot_be_served_is_said(
    options: list[str],
    said: str,
    backend: MockServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SHORT", "short")
    monkeypatch.setenv("LONG", TOKEN)
    assert main(["reward-server", str(config(tmp_path, backend)), *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("queue: 3", "nothing to serve"),
        ("rpo: {judge: {name: j, backend: baseline, modle: x}}", "line 1: unknown key 'modle'; did you mean 'model'?"),
        (
            "rpo:\n  judge: {name: j, backend: baseline}\n  rubrics: x",
            "line 3: unknown key 'rubrics'; did you mean 'rubric'?",
        ),
        ("rpo:\n  judge: {name: longest, backend: baseline}\n  rubric: gone.yaml", "gone.yaml: no such file"),
        ("proxy_grm: {aggregation: sum}", "'proxy_grm.proxy' is missing"),
    ],
)
def test_a_config_that_does_not_fit_is_said(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "reward.yaml"
    path.write_text(text)
    assert main(["reward-server", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_a_failing_backend_is_masked_and_counted(tmp_path: Path) -> None:
    with (
        MockServer(fail=1.0, faults=("server_error",)).running() as broken,
        serving(config(tmp_path, broken, how="retries: 0")) as (found, _),
    ):
        rewards = through(found, [sample(n) for n in range(5)])
        scores = through(found, [Group("p", [png(1), png(2)])])[0]
        counted = get(f"{found}/metrics")
    assert {(r.value, r.proxy, r.answer, r.error.kind) for r in rewards} == {(None, "error", "correct", "server")}
    assert {(s.value, s.pairs, s.error.kind) for s in scores} == {(None, ("error",), "server")}
    for line in (
        'requests_total{route="/v1/proxy_grm",status="200"} 5',
        'outcomes_total{reward="proxy_grm",outcome="error"} 5',
        'masked_total{reward="proxy_grm",reason="server"} 5',
        'masked_total{reward="rpo",reason="server"} 2',
        'judge_failures_total{reward="rpo",kind="server"} 2',
        'request_seconds_count{route="/v1/rpo"} 1',
    ):
        assert f"rubric_harness_reward_{line}\n" in counted


def test_none_is_lost_and_none_silently_zero(tmp_path: Path) -> None:
    """64 at a time, a backend that fails one request in five, and a queue that is too short for them."""
    faults = ("server_error", "rate_limit", "reset", "html", "truncated_json")
    with (
        MockServer(fail=0.2, faults=faults, answer=lambda body: "<answer>1</answer>").running() as flaky,
        serving(config(tmp_path, flaky, "queue: 32", "retries: 1, timeout_s: 2")) as (found, _),
    ):
        rewards = through(found, [sample(n) for n in range(400)])
    assert len(rewards) == 400
    assert {r.value for r in rewards if r.proxy == "correct"} == {2.5}
    assert all(r.value is None and r.error for r in rewards if r.proxy != "correct")
    assert sum(r.value is None for r in rewards) < 60


def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    with (
        MockServer(latency_s=0.5, answer=lambda body: "<answer>1</answer>").running() as slow,
        serving(config(tmp_path, slow, "queue: 4")) as (found, _),
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
        serving(config(tmp_path, slow, how="timeout_s: 60")) as (found, _),
    ):

        async def leave() -> None:
            async with RewardClient(found, timeout_s=0.5, deadline_s=0.1) as client:
                (reward,) = await client.score([sample(1)])
                assert reward.value is None and reward.error and reward.error.kind == "timeout"

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


def test_what_has_no_server_until_the_deadline_is_masked() -> None:
    (reward,) = through(f"http://127.0.0.1:{free_port()}", [sample(1)], deadline_s=0.5)
    assert reward.value is None and reward.answer == "correct" and reward.proxy == "error"
    assert reward.error.kind == "refused_connection" and "within 0.5 s" in reward.error.message
    with pytest.raises(UserError, match="no address of a reward server"):
        RewardClient("127.0.0.1:8765")
    with pytest.raises(UserError, match="UNSET is not set"):
        RewardClient("http://127.0.0.1:8765", token_env="UNSET")


def test_ending_finishes_what_is_under_way(tmp_path: Path) -> None:
    with (
        MockServer(latency_s=1.0, answer=lambda body: "<answer>1</answer>").running() as slow,
        serving(config(tmp_path, slow)) as (found, process),
    ):

        async def end() -> list[Any]:
            async with RewardClient(found, deadline_s=0.1) as client:
                work = asyncio.create_task(client.score([sample(n) for n in range(8)]))
                while slow.in_flight < 8:
                    await asyncio.sleep(0.01)
                process.send_signal(signal.SIGTERM)
                await asyncio.sleep(0.3)
                (late,) = await client.score([sample(99)])
                assert late.value is None, "refused"
                return await work

        assert [r.value for r in asyncio.run(end())] == [2.5] * 8
        out, err = process.communicate(timeout=10)
        assert process.returncode == 0 and "finishing 8 judge calls" in out and not err
