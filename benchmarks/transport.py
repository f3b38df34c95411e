"""Why endpoints are asked over a transport of our own: minimal clients side by side against one fixed-latency server.

    pip install openai httpx && python benchmarks/transport.py

Each client sends the same number of requests with one 256 KB image each, 64 at a time, to a server with 0.5 s latency in
a process of its own. Printed for each: efficiency (ideal wall time over wall time) and client CPU a request, in rounds, so
that a noisy machine is noisy to all. A client whose library is not installed is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
import orjson
import pybase64
from aiohttp.abc import AbstractStreamWriter

from evaluators.transport import Address

URL = "http://127.0.0.1:18768/v1"
Ask = Callable[[], Awaitable[object]]


def messages(image: str) -> list[dict[str, object]]:
    url = f"data:image/jpeg;base64,{image}"
    return [
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "x" * 2000}],
        }
    ]


def pieces(encoded: bytes) -> list[bytes]:
    """The same as JSON, with the image where it lies: encoding 350 KB as JSON would cost as much as sending it."""
    before, after = orjson.dumps({"model": "m", "messages": messages("IMAGE")}).split(b"IMAGE")
    return [before, encoded, after]


class Pieces(aiohttp.Payload):
    """The cheapest way to hand pieces to aiohttp."""

    def __init__(self, value: list[bytes]) -> None:
        super().__init__(value, content_type="application/json")
        self._size = sum(map(len, value))

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return b"".join(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        for piece in self._value:
            await writer.write(piece)


async def bounded(ask: Ask, count: int, slots: int) -> None:
    gate = asyncio.Semaphore(slots)

    async def one() -> None:
        async with gate:
            await ask()

    await asyncio.gather(*(one() for _ in range(count)))


async def with_ours(image: str, count: int, slots: int) -> None:
    address, encoded = Address(f"{URL}/chat/completions"), image.encode()

    async def ask() -> object:
        return orjson.loads((await address.post(pieces(encoded))).body)

    await bounded(ask, count, slots)
    address.close()


async def with_aiohttp(image: str, count: int, slots: int) -> None:
    encoded, jar = image.encode(), aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=jar) as http:

        async def ask() -> object:
            async with http.post(f"{URL}/chat/completions", data=Pieces(pieces(encoded))) as reply:
                return orjson.loads(await reply.read())

        await bounded(ask, count, slots)


async def with_openai(image: str, count: int, slots: int) -> None:
    import openai

    client = openai.AsyncOpenAI(base_url=URL, api_key="none", max_retries=0)
    await bounded(lambda: client.chat.completions.create(model="m", messages=messages(image)), count, slots)  # type: ignore
    await client.close()


async def with_httpx(image: str, count: int, slots: int) -> None:
    import httpx

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=60) as http:
        await bounded(
            lambda: http.post(f"{URL}/chat/completions", json={"model": "m", "messages": messages(image)}), count, slots
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--requests", type=int, default=1280)
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    image = pybase64.b64encode(os.urandom(256 * 1024)).decode()
    command = [sys.executable, "-m", "evaluators.mock_server", "--fast", "--latency", "0.5", "--port", "18768"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert server.stdout is not None
    server.stdout.readline()
    ideal = math.ceil(args.requests / args.slots) * 0.5
    try:
        for client in args.repeat * (with_ours, with_aiohttp, with_openai, with_httpx):
            try:
                asyncio.run(client(image, args.slots, args.slots))  # imports and connections, not counted
            except ImportError as e:
                print(f"{client.__name__:14} left out: {e.name} is not installed")
                continue
            cpu, wall = time.process_time(), time.perf_counter()
            asyncio.run(client(image, args.requests, args.slots))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(
                f"{client.__name__:14} efficiency {ideal / wall:.3f}   CPU {1000 * cpu / args.requests:.2f} ms a request"
            )
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
