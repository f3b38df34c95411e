"""The transport against servers that speak HTTP/1.1 in every way there is, well and badly."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import itertools
import logging
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import ParamSpec

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators import transport
from evaluators.transport import Address, Broken, Reply, Unreachable

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}"

P = ParamSpec("P")


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


async def ask(script: Script, *, times: int = 1, timeout_s: float = 5.0) -> list[Reply]:
    async with serving(script) as url:
        address = Address(url)
        try:
            return [await address.post([b"{}"], timeout_s) for _ in range(times)]
        finally:
            address.close()


@in_loop
async def test_what_a_request_says() -> None:
    seen: list[tuple[str, bytes]] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request(reader))
        writer.write(OK)

    async with serving(script) as url:
        address = Address(f"{url}/chat completions?api-version=1", "key")
        reply = await address.post([b'{"a":', b"", b"1}"])
    assert (reply.status, reply.content_type, reply.body) == (200, "application/json", b"{}")
    head, body = seen[0]
    assert head.startswith("POST /v1/chat%20completions?api-version=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert "\r\nAuthorization: Bearer key\r\n" in head and "\r\nAccept-Encoding: identity\r\n" in head
    assert body == b'{"a":1}'


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
        Address(url)
    assert "secret" not in str(said.value)


def test_a_key_brings_no_second_header() -> None:
    with pytest.raises(ValueError, match="no header may"):
        Address("http://host", "a\r\nX: b")


@pytest.mark.parametrize(
    ("key", "echoed", "read"),
    [
        ("secret/key", b"denied: Bearer secret/key", b"denied: Bearer [key]"),
        ("secret/key", b"secret\\/key secret%2Fkey", b"[key] [key]"),
        ('secret"key', b'"secret\\"key"', b'"[key]"'),
        ("EMPTY", b"EMPTY", b"EMPTY"),
    ],
)
@in_loop
async def test_a_key_that_a_server_echoes_is_blanked(key: str, echoed: bytes, read: bytes) -> None:
    reply = b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%s" % (len(echoed), echoed)
    async with serving(answering(reply)) as url:
        address = Address(url, key)
        assert (await address.post([b"{}"])).body == read
        address.close()


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
    assert first == second
    assert first.body == body
    assert first.status == int(reply.split(b"HTTP/1.1 ")[-1][:3])
    assert first.headers.get("retry-after") == ("7" if first.status == 429 else None)


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

    async with serving(script) as url:
        address = Address(url)
        posting = asyncio.ensure_future(address.post(pieces, 20))
        await asyncio.sleep(0.05)
        (connection,) = [o for o in gc.get_objects() if isinstance(o, transport._Connection) and o._room is not None]
        assert connection._transport.get_write_buffer_size() <= transport._WRITTEN, "the rest waits until there is room"
        assert (await posting).status == 200
        assert len(address._idle) == 1
        address.close()


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
        address = Address(url)
        for _ in range(3):
            await address.post([b"{}"])
        assert opened == 1
        await asyncio.gather(*(address.post([b"{}"]) for _ in range(5)))
        await asyncio.gather(*(address.post([b"{}"]) for _ in range(5)))
        assert opened == 5
        address.close()
        stale = Address(url, keep_s=0.01)
        for _ in range(2):
            await stale.post([b"{}"])
            await asyncio.sleep(0.05)
        assert opened == 7
        stale.close()


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
            address = Address(url)
            for _ in range(3):
                assert (await address.post([b"{}"])).status == 200
                await asyncio.sleep(0.02)
                for _ in range(turns):
                    await asyncio.sleep(0)


@pytest.mark.parametrize("pause", [0.0, 0.05], ids=["in the same packet", "later"])
@pytest.mark.parametrize(
    "unasked", [OK.replace(b"{}", b"!!"), b"HTTP/1.1 200 OK\r\nContent-Le"], ids=["whole", "begun"]
)
@in_loop
async def test_a_reply_that_nobody_asked_for_answers_nothing(pause: float, unasked: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(OK if pause else OK + unasked)
        await asyncio.sleep(pause)
        if pause:
            writer.write(unasked)
        await reader.read()

    async with serving(script) as url:
        address = Address(url)
        for _ in range(3):
            assert (await address.post([b"{}"], 5)).body == b"{}"
            await asyncio.sleep(2 * pause)
        address.close()


@in_loop
async def test_a_refusal_before_the_body_is_through() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(refusal)
        await asyncio.sleep(1)

    async with serving(script) as url:
        address = Address(url)
        for _ in range(2):  # nothing of the first body is left for the second
            reply = await address.post([b"x" * 40_000_000], 5)
            assert (reply.status, reply.body) == (413, b"big")
        assert not address._idle


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"", "closed"),
        (OK[:-1], "closed"),
        (OK[:30], "closed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "closed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "not an HTTP reply"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "not an HTTP reply"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", "not an HTTP reply"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "not an HTTP reply"),
    ],
)
@in_loop
async def test_what_is_no_whole_reply(reply: bytes, why: str) -> None:
    with pytest.raises(Broken, match=why):
        await ask(answering(reply, end=True))


@in_loop
async def test_a_refusal_may_be_cut_short_an_answer_may_not() -> None:
    def cut(status: bytes) -> Script:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request(reader)
            writer.write(b"HTTP/1.1 " + status + b"\r\n\r\nsome te")
            await asyncio.sleep(0.1)
            end = writer.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by a reset
            writer.transport.abort()

        return script

    (reply,) = await ask(cut(b"413 Too Large"))
    assert (reply.status, reply.body) == (413, b"some te")
    with pytest.raises(Broken):
        await ask(cut(b"200 OK"))


@pytest.mark.parametrize("refusal", [b"", b"HTTP/1.1 413 Too Large\r\n\r\nbig"])
@in_loop
async def test_a_server_that_ends_its_half_in_the_middle_of_a_body(refusal: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(refusal)
        writer.write_eof()
        await asyncio.sleep(3)

    async with serving(script) as url:
        posting = Address(url).post([b"x" * 40_000_000], 2)
        if refusal:
            assert (await posting).body == b"big"
        else:
            with pytest.raises(Broken):
                await posting


@in_loop
async def test_refused_uploads_harm_nobody_else() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request(reader)
            writer.write(OK)

    async with serving(refuse) as refusing, serving(answer) as healthy:
        large, small = Address(refusing), Address(healthy)

        async def upload() -> int:
            try:
                return (await large.post([b"x" * 5_000_000], 5)).status
            except Broken:
                return 413

        for _ in range(3):
            uploads, replies = await asyncio.gather(
                asyncio.gather(*(upload() for _ in range(10))),
                asyncio.gather(*(small.post([b"x" * 1000], 5) for _ in range(10))),
            )
            assert set(uploads) == {413}
            assert [r.body for r in replies] == [b"{}"] * 10
        small.close()


@in_loop
async def test_an_address_that_was_closed_keeps_nothing() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        await asyncio.sleep(0.05)
        writer.write(OK)
        await reader.read()

    async with serving(script) as url:
        address = Address(url)
        posting = asyncio.ensure_future(address.post([b"{}"]))
        await asyncio.sleep(0.01)
        address.close()
        assert (await posting).status == 200
        assert not address._idle


@in_loop
async def test_a_connection_reset() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.transport.abort()

    with pytest.raises(Broken):
        await ask(script)


@in_loop
async def test_a_server_that_hangs_up_in_the_middle_of_a_body() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with serving(script) as url:
        with pytest.raises(Broken):
            await Address(url).post([b"x" * 40_000_000], 5)


@in_loop
async def test_nobody_there() -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1: .*refused|Connect call failed"):
        await Address("http://127.0.0.1:1/v1").post([b"{}"])
    with pytest.raises(Unreachable, match=r"no connection to nowhere\.invalid:80"):
        await Address("http://nowhere.invalid/v1").post([b"{}"])


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

    async with serving(script) as url:
        address = Address(url)
        for body in ([b"{}"], [b"x" * 40_000_000]):
            with pytest.raises(TimeoutError):
                await address.post(body, 0.1)
            task = asyncio.ensure_future(address.post(body))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (await address.post([b"{}"], 5)).status == 200
        await asyncio.sleep(0.5)
        assert hung_up == 4
        address.close()
    gc.collect()
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING], caplog.text


@in_loop
async def test_ipv6() -> None:
    try:
        async with serving(answering(OK), host="::1") as url:
            assert (await Address(url).post([b"{}"])).status == 200
    except OSError as e:
        pytest.skip(f"no IPv6 here: {e}")


@in_loop
async def test_certificates_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(["openssl", *made.split(), "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    caplog.set_level(logging.CRITICAL, "asyncio")  # the server's word on the client that hung up
    body = b"x" * 3_000_000
    async with serving(answering(OK, OK), tls=context) as url:
        with pytest.raises(Broken, match="TLS with localhost"):
            await Address(url).post([b"{}"], 5)
        monkeypatch.setattr(transport, "_tls", lambda: ssl.create_default_context(cafile=str(cert)))
        address = Address(url)
        assert [(await address.post([body], 10)).body for _ in range(2)] == [b"{}", b"{}"]
        assert len(address._idle) == 1
        address.close()
