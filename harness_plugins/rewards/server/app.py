"""The reward server: Proxy-GRM's and RPO's rewards over HTTP, for trainers on other machines or in other environments.

rubric-harness reward-server CONFIG.yaml

Images come by value alone. Pending judge calls are limited, and so are the bytes of all request bodies together; what would
go beyond is refused with 503 and Retry-After. Whatever has no reward is `null` with the reason beside it, so that a trainer masks it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

import orjson
import PIL  # noqa: F401  # so that a missing extra is said before anything is served
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from evaluators.errors import KINDS, UserError
from evaluators.images.pictures import opened
from evaluators.inputs.complaints import complaint
from evaluators.records import Candidate, Failure, Media
from harness_plugins._version import __version__
from harness_plugins.local_server import is_named, without_port
from harness_plugins.rewards.images import BadImage, ImageFiles
from harness_plugins.rewards.proxy import ProxyReward, Reward, Sample
from harness_plugins.rewards.resources import deadline
from harness_plugins.rewards.rpo import Candidates, Completions, Group, RPOReward, Score, unheard
from harness_plugins.rewards.samples import masked, pair
from harness_plugins.rewards.server import wire
from harness_plugins.rewards.server.config import MEGABYTE, Limits, ServerConfig
from harness_plugins.rewards.server.prometheus import CONTENT_TYPE, Metrics

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

log = logging.getLogger("uvicorn.error")  # where the server that runs this writes its own lines

RETRY_AFTER_S = 1
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
"""Of images that are taken: what judges read, and what decoders are hardened for."""


class Refused(Exception):
    """A request that is not answered: an HTTP status, a kind and what to do."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


class RewardServer:
    """The rewards behind the routes. `open` before the first request, `close` after the last.

    Args:
        token: what `Authorization: Bearer` must hold; empty asks for none.
    """

    def __init__(self, config: ServerConfig, token: str = "") -> None:
        self.config, self._token = config, token.encode()
        self.proxy: ProxyReward | None = config.proxy_grm.reward() if config.proxy_grm else None
        self.rpo: RPOReward | None = config.rpo.reward() if config.rpo else None
        rewards = ((wire.PROXY_GRM, self.proxy), (wire.RPO, self.rpo))
        self.rewards: dict[str, ProxyReward | RPOReward] = {name: r for name, r in rewards if r is not None}
        self.metrics = Metrics(self.rewards)
        self.pending = 0
        self.body_bytes = 0
        """Of requests that are not answered yet: received, or announced by their Content-Length."""
        self.draining = False
        """New requests are refused, those under way are finished."""
        self.metrics.gauge("pending", "calls accepted and not yet answered", lambda: self.pending)
        self.metrics.gauge("queue", "calls that may be pending", lambda: config.queue)
        self.metrics.gauge("body_bytes", "bytes of requests that are not answered yet", lambda: self.body_bytes)

    async def open(self) -> None:
        for reward in self.rewards.values():
            await reward.open()

    async def close(self) -> None:
        for reward in self.rewards.values():
            await reward.close()

    def check_token(self, request: Request) -> None:
        if not self._token:
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        # Both are looked at whatever the scheme is, and in constant time: the time that it takes shows nothing of the token.
        right = hmac.compare_digest(token.strip().encode(), self._token)
        if not right or scheme.lower() != "bearer":
            raise Refused(401, "auth", "Authorization: Bearer with the server's token is needed")

    @contextlib.contextmanager
    def admitted(self, calls: int) -> Iterator[None]:
        """Reserve this many judge calls, until they are answered."""
        # 413 and not 503: a client asks again after 503, and this would never fit.
        if calls > self.config.queue:
            raise Refused(
                413,
                "rejected",
                f"{calls} judge calls in one request; the queue takes {self.config.queue}: send less, or raise `queue`",
            )
        if self.pending + calls > self.config.queue:
            raise Refused(
                503, "server", f"{self.pending} judge calls are pending, of {self.config.queue}: ask again later"
            )
        self.pending += calls
        try:
            yield
        finally:
            self.pending -= calls

    @contextlib.contextmanager
    def room_for_body(self) -> Iterator[Callable[[int], None]]:
        """A function that reserves bytes for a body, or more for the same one; all is released at the end."""
        max_bytes = int(self.config.limits.bodies_mb * MEGABYTE)
        taken = 0

        def take(size: int) -> None:
            nonlocal taken
            more = max(size - taken, 0)
            if self.body_bytes + more > max_bytes:
                raise Refused(
                    503,
                    "server",
                    f"requests under way hold {self.body_bytes} bytes, of {max_bytes} (limits.bodies_mb): ask again later",
                )
            self.body_bytes += more
            taken += more

        try:
            yield take
        finally:
            self.body_bytes -= taken

    async def proxy_grm(self, request: wire.ProxyRequest) -> wire.ProxyReply:
        assert self.proxy is not None
        limits = self.config.limits
        pictures = [p for s in request.samples for p in _pictures_of(s)]
        _check_counts(limits, len(request.samples), pictures)
        with self.admitted(len(request.samples)), self.proxy.files() as files:
            samples = await _in_a_thread(lambda: [_sample(s, files, limits) for s in request.samples], bool(pictures))
            self.proxy.know(files.known)
            until = deadline(self.proxy.deadline_s)
            try:
                rewards = await asyncio.gather(*(self._rewarded(m, until) for m in samples))
            finally:
                self.proxy.forget(files.paths)
        for reward in rewards:
            if reward.value is None:
                self.metrics.masked(wire.PROXY_GRM, reward.masked_because)
            for kind in (*reward.leaks, *(["content"] if reward.content_leak else [])):
                self.metrics.leak(kind)
        return wire.ProxyReply(results=tuple(wire.reward_out(r) for r in rewards))

    async def _rewarded(self, sample: Sample | Reward, until: float | None) -> Reward:
        assert self.proxy is not None
        if isinstance(sample, Reward):
            return sample
        try:
            return await self.proxy.reward(sample, until)
        except Exception as e:  # one sample's trouble is not the batch's; it is said in its place
            return masked(sample, Failure("backend", f"{type(e).__name__}: {e}"[:300]))

    async def rank(self, request: wire.RPORequest) -> wire.RPOReply:
        assert self.rpo is not None
        limits = self.config.limits
        _check_counts(limits, len(request.groups), [p for g in request.groups for p in g.pictures])
        largest_group = max(g.size for g in request.groups)
        if largest_group > limits.candidates:
            raise Refused(
                413,
                "rejected",
                f"a group of {largest_group} candidates; the limit is {limits.candidates} (limits.candidates)",
            )
        with self.admitted(sum(self.rpo.calls(g.size) for g in request.groups)):
            groups = await asyncio.to_thread(lambda: [_group(g, limits) for g in request.groups])
            scored = await asyncio.gather(*(self._scored(g) for g in groups))
        for scores in scored:
            for score in scores:
                if score.value is None:
                    self.metrics.masked(wire.RPO, score.error.kind if score.error else "undecided")
        return wire.RPOReply(
            results=tuple(wire.GroupResult(scores=tuple(wire.score_out(s) for s in scores)) for scores in scored)
        )

    async def _scored(self, group: Candidates) -> list[Score]:
        assert self.rpo is not None
        try:
            return (await self.rpo.score([group]))[0]
        except Exception as e:
            # One group's trouble is not the batch's, as in `_rewarded`.
            return unheard(group.size, Failure("backend", f"{type(e).__name__}: {e}"[:300]))


async def _in_a_thread(work: Callable[[], T], heavy: bool) -> T:
    """Decoding off the loop; without pictures a hop to a thread would cost more than the work."""
    return await asyncio.to_thread(work) if heavy else work()


def _check_counts(limits: Limits, samples: int, pictures: Sequence[str]) -> None:
    """Before anything is decoded."""
    if samples > limits.samples:
        raise Refused(413, "rejected", f"{samples} in one request; the limit is {limits.samples} (limits.samples)")
    if len(pictures) > limits.images:
        raise Refused(
            413, "rejected", f"{len(pictures)} images in one request; the limit is {limits.images} (limits.images)"
        )
    if any(len(p) * 3 // 4 > limits.image_mb * MEGABYTE for p in pictures):
        raise Refused(413, "rejected", f"an image is larger than {limits.image_mb:g} MB (limits.image_mb)")


def _pictures_of(sample: wire.ProxySample) -> list[str]:
    return [*sample.images, *(p for r in sample.responses for p in r.images)]


def _checked(picture: str, limits: Limits) -> bytes | BadImage:
    """The bytes of a picture whose header says that it may be decoded; nothing is decoded here."""
    data = wire.unpacked(picture)
    if isinstance(data, BadImage):
        return data
    try:
        with opened(data, FORMATS) as image:
            width, height = image.size
    except Exception as e:  # decoders raise what they like, Pillow's own guard against bombs among it
        return BadImage(f"not an image that is taken ({', '.join(FORMATS)}): {type(e).__name__}")
    if width * height > limits.megapixels * 1e6:
        return BadImage(f"{width} x {height} pixels; the limit is {limits.megapixels:g} megapixels (limits.megapixels)")
    return data


def _sample(sent: wire.ProxySample, files: ImageFiles, limits: Limits) -> Sample | Reward:
    def media(pictures: Sequence[str]) -> tuple[Media, ...]:
        return tuple(files.media(_checked(p, limits)) for p in pictures)

    texts = [Candidate(r.text) for r in sent.responses]
    try:
        shown = [Candidate(r.text, media(r.images)) for r in sent.responses]
        item = pair(sent.question, shown, sent.answer, media(sent.images), sent.criterion)
    except BadImage as e:
        item = pair(sent.question, texts, sent.answer, (), sent.criterion)
        return masked(Sample(item, "AB", sent.completion, sent.finish_reason), Failure("image", str(e)))
    return Sample(item, "AB", sent.completion, sent.finish_reason)


def _group(sent: wire.RPOGroup, limits: Limits) -> Candidates:
    if sent.texts:
        shown = [_checked(p, limits) for p in sent.prompt_images]
        return Completions(sent.prompt, sent.texts, shown, sent.rubric, sent.replies)
    source = None if sent.source is None else _checked(sent.source, limits)
    return Group(sent.prompt, [_checked(p, limits) for p in sent.images], source, sent.rubric, sent.replies)


class HostCheck:
    """Refuses a request whose Host header holds none of the names."""

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        header = Headers(scope=scope).get("host", "")
        if is_named(header, self._names):
            await self._app(scope, receive, send)
            return
        message = (
            f"the Host header {without_port(header)!r:.100} does not name this server: start it with --allow-host, "
            f"or ask {', '.join(self._names)}"
        )
        await _refusal(Refused(400, "rejected", message))(scope, receive, send)


def app(server: RewardServer, hosts: Sequence[str] = ("*",)) -> FastAPI:
    """The routes. /openapi.json describes them; there is no page that would load a script from elsewhere.

    Args:
        hosts: names that a request's Host header may hold, without port; `*` takes any.
    """
    api = FastAPI(title="rubric-harness rewards", version=__version__, docs_url=None, redoc_url=None)
    api.add_middleware(HostCheck, names=hosts)

    @api.get("/health", summary="Whether it serves, and how much is pending; needs no token")
    async def health() -> Response:
        state = "draining" if server.draining else "ok"
        body = {"status": state, "serves": sorted(server.rewards), "pending": server.pending}
        return _json({**body, "queue": server.config.queue, "version": __version__}, 503 if server.draining else 200)

    @api.get("/metrics", summary="Counters in Prometheus' text format")
    async def metrics(request: Request) -> Response:
        try:
            server.check_token(request)
        except Refused as e:
            return _refusal(e)
        return Response(server.metrics.text(), media_type=CONTENT_TYPE)

    def serve(name: str, form: type[M], reply: type[BaseModel], answer: Callable[[M], Awaitable[BaseModel]]) -> None:
        path = wire.path_of(name)

        async def route(request: Request) -> Response:
            started = time.perf_counter()
            response = await _answered(server, request, form, answer)
            server.metrics.answered(path, response.status_code, time.perf_counter() - started)
            return response

        schema = {
            "requestBody": {"content": {"application/json": {"schema": form.model_json_schema()}}, "required": True}
        }
        api.post(path, response_model=reply, openapi_extra=schema, name=name)(route)

    if server.proxy is not None:
        serve(wire.PROXY_GRM, wire.ProxyRequest, wire.ProxyReply, server.proxy_grm)
    if server.rpo is not None:
        serve(wire.RPO, wire.RPORequest, wire.RPOReply, server.rank)
    return api


async def _answered(
    server: RewardServer, request: Request, form: type[M], answer: Callable[[M], Awaitable[BaseModel]]
) -> Response:
    try:
        server.check_token(request)
        if server.draining:
            raise Refused(503, "server", "shutting down")
        with server.admitted(1):  # a full queue is said before megabytes are read
            pass
        with server.room_for_body() as take:
            parsed = form.model_validate(await _body(request, server.config.limits, take))
            reply = await _while_connected(request, answer(parsed))
        return _json(reply.model_dump(mode="json"))
    except ClientDisconnect:
        client = f"{request.client.host}:{request.client.port}" if request.client else "a client"
        log.warning("%s left before %s was answered", client, request.url.path)
        return _refusal(Refused(499, "reset", "the client has gone"))
    except ValidationError as e:
        return _refusal(Refused(422, "rejected", complaint(e.errors(include_url=False)[0], form)))
    except Refused as e:
        return _refusal(e)
    except UserError as e:
        return _refusal(Refused(422, "rejected", str(e)))
    except OSError as e:
        log.error("pictures cannot be written: %s", e)
        return _refusal(Refused(503, "server", f"pictures cannot be written on the server: {e.strerror or e}"))


async def _body(request: Request, limits: Limits, take: Callable[[int], None]) -> Any:
    """The request's JSON. Its type is asked for so that no web page can post here: a browser would have to ask first."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "rejected", "the content type must be application/json")
    max_bytes = int(limits.body_mb * MEGABYTE)
    length = request.headers.get("content-length", "")
    data = bytearray()

    def check(size: int) -> None:
        if size > max_bytes:
            raise Refused(413, "rejected", f"the body is larger than {limits.body_mb:g} MB (limits.body_mb)")
        take(size)

    # Announced bytes count before they come. Measured: 25 half-sent bodies of 64 MB took 1,646 MB, and 321 MB since.
    check(int(length) if length.isdigit() else 0)
    try:
        async with asyncio.timeout(limits.body_s):
            async for piece in request.stream():
                check(len(data) + len(piece))
                data += piece
    except TimeoutError:
        raise Refused(408, "timeout", f"the body was not sent within {limits.body_s:g} s (limits.body_s)") from None
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as e:
        raise Refused(400, "rejected", f"not JSON: {e}") from None


async def _while_connected(request: Request, work: Awaitable[BaseModel]) -> BaseModel:
    """The work, cancelled where no client waits for it any longer: a trainer that died must not keep the judge busy."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    task, watch = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return await task
    finally:
        for future in (task, watch):
            future.cancel()
        await asyncio.gather(task, watch, return_exceptions=True)


def _json(value: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def _refusal(refused: Refused) -> Response:
    assert refused.kind in KINDS
    response = _json({"error": {"kind": refused.kind, "message": refused.message}}, refused.status)
    if refused.status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    if refused.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if refused.status in (408, 413, 503):
        response.headers["Connection"] = "close"  # the rest of its body is not read, so the connection is closed
    return response
