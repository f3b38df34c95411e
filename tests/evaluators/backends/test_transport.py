"""The transport against servers that speak HTTP/1.1 in every way there is, well and badly."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import gc
import gzip
import html
import itertools
import json
import logging
import math
import resource
import shutil
import socket
import ssl
import struct
import subprocess
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import ParamSpec
from urllib.parse import quote

import brotli
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evaluators.backends.endpoint import transport
from evaluators.backends.endpoint.blanking import blanker
from evaluators.backends.endpoint.failures import redirected
from evaluators.backends.endpoint.transport import Reply, Transport, address, check_proxy, query_secrets
from evaluators.errors import FATAL, BackendError

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}"

P = ParamSpec("P")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def in_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def once() -> None:
            await test(*args, **kwargs)

        asyncio.run(once())

    return run


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Head and body of one request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
    return head, await reader.readexactly(length)


@contextlib.asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """A server that runs `script` on each connection; its URL."""

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await script(reader, writer)
        writer.close()

    server = await asyncio.start_server(run, host, 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else 'localhost' if tls else host}:{port}/v1"
    finally:
        server.close()


def answering(*replies: bytes, end: bool = False) -> Script:
    """Each request of a connection gets the next of the replies; then the connection stays open, or ends."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            await request(reader)
            writer.write(reply)
            await writer.drain()
        if not end:
            await reader.read()

    return script


def sized(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class Place:
    """One address with a transport of its own."""

    def __init__(self, url: str, key: str = "", keep_s: float = 15.0, max_bytes: int = transport.MAX_BYTES) -> None:
        self.url, self.transport = address(url), Transport([key], keep_s, max_bytes)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def post(self, body: list[bytes], timeout_s: float = 5.0) -> Reply:
        return await self.transport.post(self.url, self.headers, body, timeout_s)

    async def __aenter__(self) -> Place:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.transport.close()


async def ask(script: Script, *, times: int = 1, timeout_s: float = 5.0, key: str = "") -> list[Reply]:
    async with serving(script) as url, Place(url, key) as place:
        return [await place.post([b"{}"], timeout_s) for _ in range(times)]


async def failure(script: Script, max_bytes: int = transport.MAX_BYTES) -> BackendError:
    async with serving(script) as url, Place(url, max_bytes=max_bytes) as place:
        with pytest.raises(BackendError) as raised:
            await place.post([b"{}"])
    return raised.value


@in_loop
async def test_what_a_request_says() -> None:
    seen: list[tuple[str, bytes]] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request(reader))
        writer.write(OK)

    async with serving(script) as url, Place(f"{url}/chat completions?api-version=1", "key") as place:
        reply = await place.post([b'{"a":', b"", b"1}"])
    assert (reply.status, reply.content_type, reply.body) == (200, "application/json", b"{}")
    head, body = seen[0]
    assert head.startswith("POST /v1/chat%20completions?api-version=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert "\r\nAuthorization: Bearer key\r\n" in head and "\r\nAccept-Encoding: identity\r\n" in head
    assert head.count("Content-Type") == 1 and "Cookie" not in head
    assert body == b'{"a":1}'


@pytest.mark.parametrize(
    ("url", "path", "asked"),
    [
        ("http://h/v1", "/x", "http://h/v1/x"),
        ("http://h/v1/", "/x", "http://h/v1/x"),
        ("http://h", "/x", "http://h/x"),
        ("http://h/d?api-version=2024-06-01", "/x", "http://h/d/x?api-version=2024-06-01"),
        ("http://h/d/?a=b+c%2F&d=#fragment", "/x", "http://h/d/x?a=b+c%2F&d="),
        ("http://[::1]:81/v1", "/x", "http://[::1]:81/v1/x"),
    ],
)
def test_a_path_goes_before_the_query(url: str, path: str, asked: str) -> None:
    assert str(address(url, path)) == asked


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/v1",
        "127.0.0.1:8000",
        "http://",
        "http://user:secret@host",
        "user:secret@host/v1",
        "http://host:99999",
        f"http://{'x' * 64}.org",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError) as said:
        address(url)
    assert "secret" not in str(said.value)


def test_a_long_value_of_a_query_is_a_secret_a_version_is_none() -> None:
    url = address("http://h/v1?api-version=2024-10-01-preview&key=AIzaSy%2B0123456789abcdef")
    assert query_secrets(url) == ["AIzaSy%2B0123456789abcdef", "AIzaSy+0123456789abcdef"]


KEY = "sk-Can+ary/0=x_9"


@pytest.mark.parametrize(
    "echoed",
    [
        KEY,
        KEY.upper(),
        json.dumps(KEY)[1:-1],
        KEY.replace("/", "\\/"),
        "".join(f"\\u{ord(c):04X}" for c in KEY),
        KEY.replace("C", "\\u0043").replace("+", "\\u002b"),
        "".join(f"\\\\u{ord(c):04x}" for c in KEY),
        html.escape(KEY.replace("x", "&#x78;")),
        "".join(f"&#{ord(c)};" for c in KEY),
        KEY.replace("+", "&plus;").replace("/", "&sol;").replace("=", "&amp;equals;"),
        quote(KEY, safe=""),
        quote(quote(KEY, safe=""), safe="").lower(),
    ],
)
@in_loop
async def test_a_key_that_a_server_echoes_is_blanked_in_every_spelling(echoed: str) -> None:
    reply = sized(f'"denied: Bearer {echoed}, so"'.encode(), status="400 Bad")
    (read,) = await ask(answering(reply), key=KEY)
    assert read.body == b'"denied: Bearer [key], so"'


@given(before=st.binary(max_size=5), after=st.binary(max_size=5), urlsafe=st.booleans())
def test_a_key_is_blanked_within_base64(before: bytes, after: bytes, urlsafe: bool) -> None:
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    blanked = blanker([KEY])(b"<" + encode(before + KEY.encode() + after) + b">")
    assert b"[key]" in blanked and len(blanked) <= 5 + 2 + 4 * 6


@given(
    st.text(
        alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="\\"), min_size=8, max_size=40
    ),
    st.data(),
)
@example('a"b\\c/d<', None)
def test_no_spelling_of_any_key_is_let_through(key: str, data: st.DataObject | None) -> None:
    spellings: list[Callable[[str], str]] = [
        lambda c: json.dumps(c)[1:-1],
        lambda c: f"\\u{ord(c):04x}",
        lambda c: f"&#{ord(c)};",
        lambda c: f"&#x{ord(c):X};",
        lambda c: f"%{ord(c):02x}",
        str.upper,
    ]
    written = "".join((data.draw(st.sampled_from(spellings)) if data else spellings[0])(c) for c in key)
    assert blanker([key])(f"<<{written}>>".encode()).strip(b"\\") in (b"<<[key]>>", b"<<\\[key]>>")


def test_placeholders_are_no_secrets() -> None:
    assert blanker(["EMPTY", "x"])(b"EMPTY x") == b"EMPTY x"


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (OK, b"{}"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: t\r\n\r\n",
            b"abcdefg",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"{}"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + OK, b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 429 Slow\r\nRETRY-AFTER: 7\r\nContent-Length: 0\r\n\r\n", b""),
    ],
    ids=["sized", "chunked", "continue", "hints", "no-content", "refused"],
)
@in_loop
async def test_replies_of_all_forms(reply: bytes, body: bytes) -> None:
    first, second = await ask(answering(reply, reply), times=2)
    assert (first.status, first.body) == (second.status, second.body)
    assert first.body == body
    assert first.status == int(reply.split(b"HTTP/1.1 ")[-1][:3])
    assert first.retry_after_s == (7 if first.status == 429 else None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "7", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "inf"}, math.inf),
        ({"retry-after": "nan", "retry-after-ms": ""}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert Reply(429, headers, b"").retry_after_s == seconds


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress)]
)
@in_loop
async def test_what_comes_compressed_is_unpacked(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    body = b'{"a": "bc"}' * 1000
    (reply,) = await ask(answering(sized(pack(body), f"Content-Encoding: {encoding}")))
    assert reply.body == body


@in_loop
async def test_what_cannot_be_unpacked_is_said() -> None:
    error = await failure(answering(sized(b"no gzip at all", "Content-Encoding: gzip"), end=True))
    assert error.kind == "bad_json" and "gzip" in error.message


def _endless(head: bytes, chunk: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(head)
        while True:
            writer.write(chunk)
            await writer.drain()

    return script


def _bomb(encoding: str) -> Script:
    """200 MB of spaces, packed when they are asked for, and a piece at a time: the test looks at this process's memory."""
    piece = b" " * 1_000_000

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if encoding == "br":
            brotlis = brotli.Compressor(quality=1)
            packed = [*(brotlis.process(piece) for _ in range(200)), brotlis.finish()]
        else:
            gzips = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
            packed = [*(gzips.compress(piece) for _ in range(200)), gzips.flush()]
        await answering(sized(b"".join(packed), f"Content-Encoding: {encoding}"))(reader, writer)

    return script


@pytest.mark.parametrize(
    "script",
    [
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n"),
        _endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10_000),
        _endless(b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n", b"4\r\nxxxx\r\n" * 1000),
        _bomb("gzip"),
        _bomb("br"),
    ],
    ids=["declared", "endless", "endless refusal", "gzip bomb", "brotli bomb"],
)
@in_loop
async def test_no_more_is_read_than_may_be(script: Script) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = await failure(script, max_bytes=1_000_000)
    assert (error.kind, error.message, error.permanent) == ("too_large", "the reply is longer than 1 MB", True)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000, "KB"


@in_loop
async def test_a_reply_may_end_with_its_connection() -> None:
    body = b"x" * 100_000
    (reply,) = await ask(answering(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body, end=True))
    assert reply.body == body


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(1, 119), max_size=6), chunked=st.booleans())
def test_replies_arrive_in_any_pieces(cuts: list[int], chunked: bool) -> None:
    sent = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
    body = bytes(range(97, 97 + 20))
    sent += (
        b"Transfer-Encoding: chunked\r\n\r\n14\r\n" + body + b"\r\n0\r\n\r\n"
        if chunked
        else b"Content-Length: 20\r\n\r\n" + body
    )
    ends = [0, *sorted({c for c in cuts if c < len(sent)}), len(sent)]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        for start, end in itertools.pairwise(ends):
            writer.write(sent[start:end])
            await asyncio.sleep(0.001)
        await reader.read()

    (reply,) = asyncio.run(ask(script))
    assert reply.body == body


@in_loop
async def test_a_body_larger_than_what_is_written_at_once_to_a_slow_reader() -> None:
    pieces = [b"a" * 5, b"b" * (40 * transport._WRITTEN + 1), b"", b"c" * transport._WRITTEN, b"d" * 7]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        _, body = await request(reader)
        assert body == b"".join(pieces)
        writer.write(OK)
        await reader.read()

    async with serving(script) as url, Place(url) as place:
        posting = asyncio.ensure_future(place.post(pieces, 20))
        await asyncio.sleep(0.05)
        waiting = [
            o.get_write_buffer_size() for o in gc.get_objects() if isinstance(o, asyncio.Transport) and o.is_reading()
        ]
        assert 0 < max(waiting) <= transport._WRITTEN, "the rest waits until there is room"
        assert (await posting).status == 200


@in_loop
async def test_connections_are_kept_and_as_many_as_are_needed() -> None:
    opened = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while True:
            await request(reader)
            await asyncio.sleep(0.02)
            writer.write(OK)

    async with serving(script) as url:
        async with Place(url) as place:
            for _ in range(3):
                await place.post([b"{}"])
            assert opened == 1
            await asyncio.gather(*(place.post([b"{}"]) for _ in range(150)))
            await asyncio.gather(*(place.post([b"{}"]) for _ in range(150)))
            assert opened == 150
        async with Place(url, keep_s=0.01) as stale:
            for _ in range(2):
                await stale.post([b"{}"])
                await asyncio.sleep(0.05)
        assert opened == 152


@pytest.mark.parametrize(
    "reply",
    [OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), OK.replace(b"1.1", b"1.0")],
    ids=["close", "http-1.0"],
)
@in_loop
async def test_a_last_reply_is_the_last(reply: bytes) -> None:
    assert len(await ask(answering(reply, b"never"), times=3)) == 3


@in_loop
async def test_an_idle_connection_that_the_server_closed_is_not_used_again() -> None:
    async with serving(answering(OK, end=True)) as url:
        for turns in range(6):  # of the loop, in which word of the end may be on its way
            async with Place(url) as place:
                for _ in range(3):
                    assert (await place.post([b"{}"])).status == 200
                    await asyncio.sleep(0.02)
                    for _ in range(turns):
                        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (OK + OK.replace(b"{}", b"!!"), b""),
        (OK, OK.replace(b"{}", b"!!")),
        (OK, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"),
        (OK, b"HTTP/1.1 200 OK\r\nContent-Le"),
    ],
    ids=["in the same packet", "later", "a timeout of an idle connection", "begun"],
)
@in_loop
async def test_a_reply_that_nobody_asked_for_answers_nothing(first: bytes, then: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(first)
        await asyncio.sleep(0.02)
        writer.write(then)
        await reader.read()

    async with serving(script) as url, Place(url) as place:
        for _ in range(3):
            assert (await place.post([b"{}"])).body == b"{}"
            await asyncio.sleep(0.05)


@in_loop
async def test_a_refusal_before_the_body_is_through() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(refusal)
        await asyncio.sleep(1)

    async with serving(script) as url, Place(url) as place:
        for _ in range(2):  # nothing of the first body is left for the second
            reply = await place.post([b"x" * 40_000_000])
            assert (reply.status, reply.body) == (413, b"big")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"", "closed"),
        (OK[:-1], "in the middle of the reply"),
        (OK[:30], "closed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "in the middle of the reply"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "not an HTTP reply"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "not an HTTP reply"),
    ],
)
@in_loop
async def test_what_is_no_whole_reply(reply: bytes, why: str) -> None:
    error = await failure(answering(reply, end=True))
    assert error.kind == "reset"
    assert any(w in error.message.lower() for w in why.lower().split("|")), error.message


@in_loop
async def test_a_refusal_may_be_cut_short_an_answer_may_not() -> None:
    def cut(status: bytes) -> Script:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request(reader)
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 100\r\n\r\nbad key sk-ab")
            await asyncio.sleep(0.1)
            end = writer.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by a reset
            writer.transport.abort()

        return script

    (reply,) = await ask(cut(b"413 Too Large"))
    assert (reply.status, reply.body) == (413, b"bad key"), "its last word may be half a key"
    assert (await failure(cut(b"200 OK"))).kind == "reset"


@pytest.mark.parametrize("refusal", [b"", b"HTTP/1.1 413 Too Large\r\n\r\nbig"])
@in_loop
async def test_a_server_that_ends_its_half_in_the_middle_of_a_body(refusal: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2)  # by now the client waits with the rest, which nobody will read
        writer.write(refusal)
        writer.write_eof()
        await asyncio.sleep(30)

    async with serving(script) as url, Place(url) as place:
        posting = place.post([b"x" * 40_000_000], 20)
        if refusal:
            assert (await posting).body == b"big"
        else:
            with pytest.raises(BackendError) as raised:
                await posting
            assert raised.value.kind == "reset"


@in_loop
async def test_refused_uploads_harm_nobody_else() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request(reader)
            writer.write(OK)

    async with (
        serving(refuse) as refusing,
        serving(answer) as healthy,
        Place(refusing) as large,
        Place(healthy) as small,
    ):

        async def upload() -> int:
            try:
                return (await large.post([b"x" * 5_000_000], 5)).status
            except BackendError as e:
                return 413 if e.kind == "reset" else 0

        for _ in range(3):
            uploads, replies = await asyncio.gather(
                asyncio.gather(*(upload() for _ in range(10))),
                asyncio.gather(*(small.post([b"x" * 1000]) for _ in range(10))),
            )
            assert set(uploads) == {413}
            assert [r.body for r in replies] == [b"{}"] * 10


@in_loop
async def test_a_connection_reset() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.transport.abort()

    assert (await failure(script)).kind == "reset"


@in_loop
async def test_a_server_that_hangs_up_in_the_middle_of_a_body() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with serving(script) as url, Place(url) as place:
        with pytest.raises(BackendError) as raised:
            await place.post([b"x" * 40_000_000])
    assert raised.value.kind == "reset"


@pytest.mark.parametrize(
    ("url", "words"),
    [("http://127.0.0.1:1/v1", "127.0.0.1:1: "), ("http://nowhere.invalid/v1", "no connection to nowhere.invalid:80")],
)
@in_loop
async def test_nobody_there(url: str, words: str) -> None:
    async with Place(url) as place:
        with pytest.raises(BackendError) as raised:
            await place.post([b"{}"], 60)
    assert raised.value.kind == "refused_connection" and words in raised.value.message


@in_loop
async def test_out_of_descriptors_is_said_as_that() -> None:
    async with serving(answering(OK)) as url, contextlib.AsyncExitStack() as places:
        fresh = [await places.enter_async_context(Place(url)) for _ in range(20)]
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        sockets = []
        error = None
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, soft), hard))
            for place in fresh:  # what other tests left behind in this process may close a file in between
                with contextlib.suppress(OSError):
                    while True:
                        sockets.append(socket.socket())
                try:
                    await place.post([b"{}"])
                except BackendError as e:
                    error = e
                    break
        finally:
            for one in sockets:
                one.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert error is not None and error.kind == "descriptors" and "ulimit -n" in error.message
        assert (await place.post([b"{}"])).status == 200, "it passes"


@in_loop
async def test_late_or_cancelled_requests_leave_nothing(caplog: pytest.LogCaptureFixture) -> None:
    asked = hung_up = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked, hung_up
        asked += 1
        if asked <= 4:
            await asyncio.sleep(0.3)
            with contextlib.suppress(ConnectionError):
                await reader.read()
            hung_up += 1
        else:
            await request(reader)
            writer.write(OK)
            await reader.read()

    async with serving(script) as url, Place(url) as place:
        for body in ([b"{}"], [b"x" * 40_000_000]):
            with pytest.raises(BackendError) as raised:
                await place.post(body, 0.1)
            assert (raised.value.kind, raised.value.message) == ("timeout", "no answer within 0.1 s")
            task = asyncio.ensure_future(place.post(body))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (await place.post([b"{}"])).status == 200
        await asyncio.sleep(0.5)
        assert hung_up == 4
    gc.collect()
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING], caplog.text


@in_loop
async def test_a_reply_that_trickles_in_meets_the_limit_of_the_whole_request() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" ")
            await asyncio.sleep(0.02)

    with pytest.raises(BackendError, match=r"no answer within 0\.2 s"):
        await ask(script, timeout_s=0.2)


@in_loop
async def test_ipv6() -> None:
    try:
        async with serving(answering(OK), host="::1") as url, Place(url) as place:
            assert (await place.post([b"{}"])).status == 200
    except OSError as e:
        pytest.skip(f"no IPv6 here: {e}")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
@in_loop
async def test_redirects_are_told_and_not_followed(status: str) -> None:
    followed = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        followed.append(await request(reader))

    async with serving(elsewhere) as other:
        target = other.replace("//", f"//user:{KEY}@") + f"/{KEY}?state=secret"
        (reply,) = await ask(answering(sized(b"", f"Location: {target}", status=status)), key=KEY)
        said = redirected(reply)
    assert not followed
    assert (said.kind, said.kind in FATAL) == ("redirect", True)
    assert status[:3] in said.message and f"Location is {other}/[key])" in said.message
    assert KEY not in said.message and "secret" not in said.message


@contextlib.contextmanager
def certificate(folder: Path, name: str = "localhost", days: str = "2") -> Iterator[tuple[Path, ssl.SSLContext]]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    made = f"req -x509 -newkey rsa:2048 -nodes -days {days} -subj /CN={name} -addext subjectAltName=DNS:{name}"
    subprocess.run(["openssl", *made.split(), "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    yield cert, context


@in_loop
async def test_certificates_are_checked_and_what_is_wrong_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "asyncio")  # the server's word on the client that hung up
    body = b"x" * 3_000_000
    with certificate(tmp_path) as (cert, context), certificate(tmp_path, "elsewhere") as (other, its_context):
        async with serving(answering(OK, OK), tls=context) as url, serving(answering(OK), tls=its_context) as wrong:

            async def told(place_url: str) -> BackendError:
                async with Place(place_url) as place:
                    with pytest.raises(BackendError) as raised:
                        await place.post([b"{}"])
                return raised.value

            error = await told(url)
            assert (error.kind, error.permanent, error.kind in FATAL) == ("certificate", True, True)
            assert "of localhost" in error.message and "self-signed certificate" in error.message
            trusting = ssl.create_default_context()
            trusting.load_verify_locations(cert)
            trusting.load_verify_locations(other)
            monkeypatch.setattr(transport, "_tls", lambda: trusting)
            assert "not valid for 'localhost'" in (await told(wrong)).message
            async with Place(url) as place:
                assert [(await place.post([body], 10)).body for _ in range(2)] == [b"{}", b"{}"]

        async def plain_text(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        async with serving(plain_text) as plain:
            error = await told(plain.replace("http:", "https:"))
            assert (error.kind, "is it an http:// address?" in error.message) == ("refused_connection", True)


@pytest.mark.parametrize("names", [["http_proxy"], ["ALL_PROXY"]])
@in_loop
async def test_a_proxy_of_the_environment_carries_requests(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await request(reader))[0])
        writer.write(sized(b"via the proxy, password hunter22 and aHVudGVyMjI="))

    async with serving(proxy) as url:
        at = url.removeprefix("http://").removesuffix("/v1")
        for name in names:
            monkeypatch.setenv(name, f"http://user:hunter22@{at}")
        async with Place("http://endpoint.invalid/v1") as place:
            reply = await place.post([b"{}"])
        assert reply.body == b"via the proxy, password [key] and [key]I="
        assert seen[0].startswith("POST http://endpoint.invalid/v1 HTTP/1.1\r\n")
        assert "Proxy-Authorization: Basic " + base64.b64encode(b"user:hunter22").decode() in seen[0]
        monkeypatch.setenv("no_proxy", "elsewhere,127.0.0.1")
        async with Place("http://127.0.0.1:1/v1") as place:
            with pytest.raises(BackendError, match=r"no connection to 127\.0\.0\.1:1: "):
                await place.post([b"{}"])


@in_loop
async def test_a_proxy_that_refuses_or_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"CONNECT endpoint.invalid:443")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    async with serving(refuse) as url:
        for proxy, words in [
            (url.removesuffix("/v1"), "HTTP 407"),
            ("127.0.0.1:1", "through the proxy 127.0.0.1:1: "),
        ]:
            monkeypatch.setenv("https_proxy", proxy)
            async with Place("https://endpoint.invalid/v1") as place:
                with pytest.raises(BackendError) as raised:
                    await place.post([b"{}"])
            assert (raised.value.kind, words in raised.value.message) == ("proxy", True)


def test_a_proxy_that_is_none_of_http_is_refused_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5://user:hunter22@127.0.0.1:1080")
    with pytest.raises(ValueError, match="socks5:// proxy") as said:
        check_proxy(address("https://host/v1"))
    assert "hunter22" not in str(said.value)
    monkeypatch.setenv("no_proxy", "host")
    check_proxy(address("https://host/v1"))


@in_loop
async def test_no_password_of_netrc_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password hunter22\ndefault login any password hunter22\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_bytes(netrc.read_bytes())
    heads = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await request(reader))[0])
        writer.write(OK)

    async with serving(script) as url:
        async with Place(url) as place:
            await place.post([b"{}"])
        monkeypatch.setenv("http_proxy", url)
        async with Place("http://endpoint.invalid/v1") as place:
            await place.post([b"{}"])
    assert len(heads) == 2 and not any("authorization" in head.lower() for head in heads)


@in_loop
async def test_cookies_are_not_kept() -> None:
    heads = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            heads.append((await request(reader))[0])
            writer.write(OK.replace(b"OK\r\n", b"OK\r\nSet-Cookie: a=b\r\n"))

    await ask(script, times=2)
    assert len(heads) == 2 and not any("cookie" in head.lower() for head in heads)
