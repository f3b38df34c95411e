"""An OpenAI-compatible chat server for tests and benchmarks: fixed latency, chosen verdicts, and every fault there is.

    python -m evaluators.testing.mock_server --port 8765 --latency 0.5 --fail 0.2
    with MockServer(fail=0.2).running() as server: ...   # server.url, server.asked

It serves on the loopback interface only. Replies have the form that a prompt of ours asks for (`stand_in`): rubrics, rankings,
scores, verdicts by criterion; the colour that `rubric-harness ping` asks for it sees. A verdict between two is a hash of the prompt
(or `--answer 1`), so it repeats; with `--reads` it comes from the words of the responses and of the rubric.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import math
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
from aiohttp import web

from evaluators.images import colours
from evaluators.testing import stand_in
from evaluators.text import say

FAULTS = ("rate_limit", "server_error", "hang", "reset", "truncated_json", "html", "empty", "length")
"""429 with Retry-After, 500, no answer, a broken connection, half a JSON, a web page, no content, cut by the limit."""


GRM_REPLY = (
    "<rubric>\n1. Accuracy (60%): says what can be seen\n2. Completeness (40%): leaves nothing out\n<justify>\nIt is about "
    "facts.\n</justify>\n</rubric>\n<eval>\nBoth were held against the criteria.\n</eval>\n"
)


_VERDICT = re.compile(r".*<answer>(.*?)</answer>\s*", re.S)


class MockServer:
    """Args:
    latency_s: seconds from request to answer.
    fail: share of the requests that get a fault.
    faults: which faults, each equally often.
    answer: request body -> the text of the reply; by default a verdict from a hash of the messages.
    grm: whether replies are a Proxy-GRM writer's: rubric, evaluation and that verdict.
    reads: whether a verdict between two comes from their words and the rubric's, not from a hash.
    logprobs: whether the server gives log-probabilities.
    status: a status that every request gets (401, 404, ...).
    require_key: the bearer token without which requests get 401.
    hang_s: how long a hang lasts.
    keep: whether to keep the request bodies in `bodies`.
    models: the names that GET /models lists.
    """

    def __init__(
        self,
        *,
        latency_s: float = 0.0,
        fail: float = 0.0,
        faults: Sequence[str] = FAULTS,
        seed: int = 0,
        answer: Callable[[dict[str, Any]], str] | None = None,
        logprobs: bool = True,
        status: int = 200,
        require_key: str = "",
        hang_s: float = 3600.0,
        keep: bool = False,
        fast: bool = False,
        grm: bool = False,
        reads: bool = False,
        retry_after_s: float = 0.05,
        models: Sequence[str] = ("mock",),
    ) -> None:
        self.latency_s, self.fail, self.faults, self.answer = latency_s, fail, tuple(faults), answer
        self.logprobs, self.status, self.require_key, self.hang_s = logprobs, status, require_key, hang_s
        self.keep, self.fast, self.grm, self.reads = keep, fast, grm, reads
        self.retry_after_s, self.models = retry_after_s, tuple(models)
        self.asked = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.given: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.port = 0
        self._random = random.Random(seed)  # noqa: S311 (a test server)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            data = await request.read()
            self.asked += 1
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            if self.require_key and request.headers.get("Authorization") != f"Bearer {self.require_key}":
                # Echoes what was sent, as careless servers do.
                return web.json_response({"error": f"bad key: {request.headers.get('Authorization')}"}, status=401)
            if self.status != 200:
                return web.json_response({"error": {"message": f"status {self.status}"}}, status=self.status)
            fault = self._random.choice(self.faults) if self._random.random() < self.fail else "none"
            self.given[fault] += 1
            body = {} if self.fast else orjson.loads(data)
            if self.keep:
                self.bodies.append(body)
            return await self._reply(request, body, data, fault)
        finally:
            self.in_flight -= 1

    async def listed(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": m, "object": "model"} for m in self.models]})

    async def _reply(self, request: web.Request, body: dict[str, Any], data: bytes, fault: str) -> web.StreamResponse:
        if fault == "rate_limit":
            headers = {"Retry-After": str(self.retry_after_s)}
            return web.json_response({"error": "slow down"}, status=429, headers=headers)
        if fault == "server_error":
            return web.json_response({"error": "inner"}, status=500)
        if fault == "hang":
            await asyncio.sleep(self.hang_s)
        if fault == "reset":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if fault == "html":
            return web.Response(text="<html><body>Bad gateway</body></html>", content_type="text/html")
        text = self._text(body, data)
        reply = self._completion(body, "" if fault == "empty" else text, "length" if fault == "length" else "stop")
        payload = orjson.dumps(reply)
        if fault == "truncated_json":
            payload = payload[: len(payload) // 2]
        return web.Response(body=payload, content_type="application/json")

    def _text(self, body: dict[str, Any], data: bytes) -> str:
        if self.answer is not None:
            return self.answer(body)
        if colour := _colour_asked_for(body):
            return colour
        messages = body.get("messages") or []
        if not (self.fast or self.grm) and (self.reads or not stand_in.compares(messages)):
            reply = stand_in.reply(messages)
            if reply is not None:
                # One token is asked for where a reply that has begun goes on, too.
                return _VERDICT.sub(r"\1", reply) if body.get("logprobs") else reply
        choice = 1 if self.fast else 1 + hashlib.sha256(orjson.dumps(body.get("messages"))).digest()[0] % 2
        if self.grm:
            return f"{GRM_REPLY}<answer>{choice}</answer>"
        return str(choice) if body.get("logprobs") else f"I compared both.\n<answer>{choice}</answer>"

    def _completion(self, body: dict[str, Any], text: str, finish: str) -> dict[str, Any]:
        choice: dict[str, Any] = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": finish,
        }
        if body.get("logprobs") and self.logprobs:
            digit = text.strip()
            other = "2" if digit == "1" else "1"
            tops = [(digit, 0.8), (other, 0.1), (" 1", 0.05), ("The", 0.05)]
            tops.sort(key=lambda t: -t[1])
            choice["logprobs"] = {
                "content": [
                    {
                        "token": text,
                        "logprob": 0.0,
                        "top_logprobs": [{"token": t, "logprob": math.log(p)} for t, p in tops],
                    }
                ]
            }
        return {
            "id": "mock",
            "object": "chat.completion",
            "created": 0,
            "model": body.get("model", "mock"),
            "system_fingerprint": "mock-1",
            "choices": [choice],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
        }

    def app(self) -> web.Application:
        # Requests hold images in base64, and aiohttp's own limit is 1 MB.
        app = web.Application(client_max_size=1 << 30)
        app.router.add_post("/v1/chat/completions", self.handle)
        app.router.add_get("/v1/models", self.listed)
        return app

    async def start(self, port: int = 0) -> web.AppRunner:
        runner = web.AppRunner(self.app(), access_log=None)
        await runner.setup()
        # Tests of many requests at a time open more connections at once than aiohttp's 128 would let wait.
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=4096)
        await site.start()
        self.port = int(runner.addresses[0][1])
        return runner

    @contextlib.contextmanager
    def running(self, port: int = 0) -> Iterator[MockServer]:
        """Serve from a thread of this process while the block runs."""
        loop = asyncio.new_event_loop()
        started = threading.Event()

        def serve() -> None:
            asyncio.set_event_loop(loop)
            runner = loop.run_until_complete(self.start(port))
            started.set()
            loop.run_forever()
            loop.run_until_complete(runner.cleanup())
            loop.close()

        # A daemon: a request may hang for an hour, and the process must be able to end before that.
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        started.wait()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout=2)


def _colour_asked_for(body: dict[str, Any]) -> str:
    """The colour of the picture that a request shows, where it asks for that; else nothing."""
    contents = [m.get("content") for m in body.get("messages", ()) if isinstance(m.get("content"), list)]
    parts = [part for content in contents for part in content]
    if not any(part.get("text") == colours.QUESTION for part in parts):
        return ""
    urls = [part["image_url"]["url"] for part in parts if part.get("type") == "image_url"]
    sent = {base64.b64encode(colours.picture(c)).decode(): c for c in colours.COLOURS}
    return next((sent[data] for url in urls if (data := url.partition(",")[2]) in sent), "I see no picture")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m evaluators.testing.mock_server", description="A mock OpenAI-compatible server."
    )
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds from request to answer")
    parser.add_argument("--fail", type=float, default=0.0, help="share of requests that get a fault")
    parser.add_argument("--faults", default=",".join(FAULTS), help="which faults, by comma (default: all)")
    parser.add_argument(
        "--answer", choices=["1", "2"], help="the verdict of every reply (default: a hash of the prompt)"
    )
    parser.add_argument("--no-logprobs", action="store_true", help="serve no log-probabilities")
    parser.add_argument("--fast", action="store_true", help="do not parse requests (for measuring clients)")
    parser.add_argument(
        "--grm", action="store_true", help="reply as a Proxy-GRM writer does (a teacher to try things with)"
    )
    parser.add_argument(
        "--reads", action="store_true", help="decide by the words of the responses and the rubric, not by a hash"
    )
    args = parser.parse_args()
    server = MockServer(
        latency_s=args.latency,
        fail=args.fail,
        faults=args.faults.split(","),
        logprobs=not args.no_logprobs,
        fast=args.fast,
        grm=args.grm,
        reads=args.reads,
        answer=(lambda body: f"<answer>{args.answer}</answer>") if args.answer else None,
    )

    async def serve() -> None:
        await server.start(args.port)
        say(f"serving {server.url}", flush=True)
        await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


if __name__ == "__main__":
    main()
