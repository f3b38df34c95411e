"""A reward server in a process of its own, and ways to ask it: shared by the tests of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from evaluators.records import Candidate, Item, Label, Media
from evaluators.testing.mock_server import MockServer
from harness_plugins.rewards import Sample
from harness_plugins.rewards.server.client import RewardClient
from tests.conftest import ROOT

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


@asynccontextmanager
async def serving_here(path: Path, hosts: Sequence[str] = ("*",)) -> AsyncIterator[tuple[str, int]]:
    """The same in this process and loop: its host and port."""
    from harness_plugins.local_server import listening_on
    from harness_plugins.rewards.server import limits as ours
    from harness_plugins.rewards.server.app import RewardServer
    from harness_plugins.rewards.server.config import load_server

    rewards = RewardServer(load_server(path))
    listening = listening_on("127.0.0.1", 0)
    await rewards.open()
    server = ours.Server(rewards, hosts)
    if threading.current_thread() is not threading.main_thread():  # which alone may handle signals
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    task = asyncio.create_task(server.serve([listening]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield listening.getsockname()
    finally:
        server.should_exit = server.force_exit = True
        await task
        await rewards.close()


@contextmanager
def serving_in_thread(path: Path) -> Iterator[str]:
    """The same in a thread: its address."""
    address: Future[str] = Future()
    ended = threading.Event()

    async def serve() -> None:
        try:
            async with serving_here(path) as (host, port):
                address.set_result(f"http://{host}:{port}")
                await asyncio.to_thread(ended.wait)
        except BaseException as e:
            if address.done():
                raise
            address.set_exception(e)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        yield address.result(60)
    finally:
        ended.set()
        thread.join(60)


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
