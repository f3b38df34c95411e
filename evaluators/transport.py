"""Requests to a server: POST over kept HTTP/1.1 connections, with asyncio's sockets and TLS and httptools' parser.

A general client takes more CPU a request than rendering, judging and journalling together; `benchmarks/transport.py` shows
it beside this one. What it leaves out, nobody here needs: redirects, cookies, proxies, compression.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import ip_address
from typing import cast
from urllib.parse import SplitResult, quote, urlsplit

import httptools
import orjson

_WRITTEN = 1 << 20
"""Bytes handed to a connection in one go: more of a body waits until there is room, so that it lies in memory once."""


class Unreachable(Exception):
    """No connection came about: it was refused, or there is no such host."""


class Broken(Exception):
    """A connection ended, or spoke no HTTP, before the reply was whole; or TLS failed."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    """By name in lower case; of a header that came twice the last, be it behind the body."""
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Address:
    """Where JSON is posted to, within one event loop. As many connections are opened as there are requests at a time.

    Args:
        url: http or https, without user name.
        key: sent as bearer token. Where a reply holds it, in whatever way a server may write it down, it is blanked.
        keep_s: for how long an idle connection may be used again.

    Raises:
        ValueError: that is no such URL, or the key holds what no header may.
    """

    def __init__(self, url: str, key: str = "", keep_s: float = 15.0) -> None:
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise ValueError("it holds a user name or password: a key belongs in an environment variable")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            shown = "it" if "@" in url else repr(url)  # perhaps a password, mistyped
            raise ValueError(f"{shown} is no http(s) address such as http://127.0.0.1:8000/v1")
        self.url = url
        self._tls = parts.scheme == "https"
        self._host = parts.hostname.encode("idna").decode()
        self._port = parts.port or (443 if self._tls else 80)
        self._keep_s = keep_s
        self._idle: list[tuple[_Connection, float]] = []
        self._closed = False
        # Placeholders such as "x" or "EMPTY" are no secrets, and blanking them would garble replies.
        self._secrets = _spellings(key) if len(key) >= 8 else []
        self._where = f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"
        self._head = _head(parts, self._where, key)

    async def post(self, body: Sequence[bytes], timeout_s: float | None = None) -> Reply:
        """Send a body, given in pieces, and wait for the whole reply, whatever its status.

        Raises:
            TimeoutError: it took longer than `timeout_s`, connecting included.
            Unreachable, Broken: there is no reply. Asking again is up to the caller.
        """
        head = b"%s%d\r\n\r\n" % (self._head, sum(map(len, body)))
        async with asyncio.timeout(timeout_s):
            connection = self._kept() or await self._connect()
            try:
                reply = await connection.ask(head, body)
            except BaseException:
                connection.close()
                raise
        if connection.usable and not self._closed:
            self._idle.append((connection, asyncio.get_running_loop().time()))
        else:
            connection.close()
        for spelling in self._secrets:
            if spelling in reply.body:
                reply = replace(reply, body=reply.body.replace(spelling, b"[key]"))
        return reply

    def close(self) -> None:
        """Close the idle connections. Those in use are closed when their requests end or are cancelled."""
        self._closed = True
        while self._idle:
            self._idle.pop()[0].close()

    def _kept(self) -> _Connection | None:
        fresh = asyncio.get_running_loop().time() - self._keep_s
        while self._idle:
            connection, since = self._idle.pop()
            if connection.usable and since > fresh:
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        loop, tls = asyncio.get_running_loop(), _tls() if self._tls else None
        race_s = None if _is_ip(self._host) else 0.25  # a name may have addresses that lead nowhere
        try:
            _, connection = await loop.create_connection(
                _Connection, self._host, self._port, ssl=tls, happy_eyeballs_delay=race_s
            )
        except ssl.SSLError as e:
            raise Broken(f"TLS with {self._where} failed: {e}") from None
        except OSError as e:
            raise Unreachable(f"no connection to {self._where}: {str(e) or type(e).__name__}") from None
        return connection


def _is_ip(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _spellings(secret: str) -> list[bytes]:
    """A text as it is, JSON-escaped, with slashes escaped (PHP), and percent-encoded."""
    escaped = orjson.dumps(secret).decode()[1:-1]
    found = dict.fromkeys([secret, escaped, escaped.replace("/", "\\/"), quote(secret, safe="")])
    return [f.encode() for f in found]


def _head(parts: SplitResult, where: str, key: str) -> bytes:
    """A request up to the length of its body."""
    target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe="/%?:@!$&'()*+,;=~")
    sent = {
        "Host": where if parts.port else where.rpartition(":")[0],
        "User-Agent": "rubric-harness",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        **({"Authorization": f"Bearer {key}"} if key else {}),
    }
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "Content-Length: "]
    if not all(line.isascii() and line.isprintable() for line in lines):
        raise ValueError("the key holds characters that no header may")
    return "\r\n".join(lines).encode()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Connection(asyncio.Protocol):
    """One connection, one request at a time: asyncio calls the first half of its methods, the parser the `on_` ones."""

    def __init__(self) -> None:
        self._reusable = False
        """Whether another request may follow the one that was answered."""
        self._parser = httptools.HttpResponseParser(self)
        self._reply: asyncio.Future[Reply] | None = None
        self._room: asyncio.Future[None] | None = None
        """Awaited while the socket takes no more."""
        self._sent = False
        self._ends_with_connection = False
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []

    @property
    def usable(self) -> bool:
        return self._reusable and not self._transport.is_closing()

    async def ask(self, head: bytes, body: Sequence[bytes]) -> Reply:
        if self._transport.is_closing():  # as soon as it was there: nobody would tell of it any more
            raise Broken("the server closed the connection")
        self._reusable = self._sent = False
        self._reply = asyncio.get_running_loop().create_future()
        for some in _runs([head, *body]):
            while self._room is not None:
                await self._room
            if self._reply.done() or self._transport.is_closing():  # refused, mostly: the rest is not wanted
                break
            self._transport.write(b"".join(some))  # not `writelines`: Python 3.12's knows no flow control
        else:
            self._sent = True
        return await self._reply

    def close(self) -> None:
        self._reusable = False
        if self._reply is not None:
            self._reply.cancel()  # so that nobody misses a failure that comes now
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        own: socket.socket = transport.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a judge may think for minutes
        if hasattr(socket, "TCP_KEEPIDLE"):
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)

    def pause_writing(self) -> None:
        self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("not an HTTP reply, but another protocol")
        except httptools.HttpParserError as e:
            self._fail(f"not an HTTP reply: {e}")

    def eof_received(self) -> None:
        self.connection_lost(None)  # asyncio would tell of it only once all that is left had been written

    def connection_lost(self, exc: Exception | None) -> None:
        # The text of a refusal may be cut short; an answer may not.
        if self._ends_with_connection and (exc is None or self._parser.get_status_code() >= 400):
            self._done(last=True)
        self._fail((str(exc) or type(exc).__name__) if exc else "the server closed the connection")

    def on_message_begin(self) -> None:
        self._reusable = False  # where nobody asked as well: the next request would get this for its reply
        self._headers, self._chunks = {}, []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        sized = "content-length" in self._headers or "chunked" in self._headers.get("transfer-encoding", "").lower()
        self._ends_with_connection = not sized and status >= 200 and status not in (204, 304)

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() >= 200:  # below, more is to come
            self._done(last=not self._parser.should_keep_alive())

    def _done(self, last: bool) -> None:
        if self._reply is None or self._reply.done():
            return
        self._ends_with_connection = False
        self._reusable = self._sent and not last and not self._transport.get_write_buffer_size()
        self._reply.set_result(Reply(self._parser.get_status_code(), self._headers, b"".join(self._chunks)))
        self.resume_writing()

    def _fail(self, why: str) -> None:
        self._reusable = False
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(Broken(why))
        self.resume_writing()
        self._transport.abort()


def _runs(pieces: Sequence[bytes]) -> Iterator[list[bytes | memoryview]]:
    """The pieces, as they are or cut, in runs of at most `_WRITTEN` bytes."""
    run: list[bytes | memoryview] = []
    size = 0
    for piece in pieces:
        for start in range(0, len(piece), _WRITTEN):
            part = piece if len(piece) <= _WRITTEN else memoryview(piece)[start : start + _WRITTEN]
            if run and size + len(part) > _WRITTEN:
                yield run
                run, size = [], 0
            run.append(part)
            size += len(part)
    yield run
