"""POST over HTTP: aiohttp, with limits on what a server may send, and every failure as a `BackendError` of its kind.

Proxies come from the environment as urllib reads it. aiohttp's own `trust_env` stays off: it would also send passwords of
`~/.netrc` to the endpoint.
"""

from __future__ import annotations

import asyncio
import email.utils
import errno
import json
import math
import os
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDict
from yarl import URL

from evaluators.backends.endpoint.blanking import blanker
from evaluators.errors import BackendError

MAX_BYTES = 64_000_000
"""The longest reply that is read, counted after decompression."""

SHOWN = 300
"""Characters of a server's own words that are kept."""

_WRITTEN = 1 << 20
"""Bytes passed to a connection in one go: more of a body waits until there is room, so that it is in memory once."""

_ALWAYS = {
    "User-Agent": "rubric-harness",
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # unpacking costs more than a short reply takes on its way
    "Content-Type": "application/json",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply, whatever its status; secrets are blanked."""

    status: int
    headers: Mapping[str, str]
    """By name, in any case."""
    body: bytes

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def retry_after_s(self) -> float | None:
        """Seconds that the server asks to wait: `retry-after-ms`, or Retry-After in seconds or as a date."""
        ms = _seconds(self.headers.get("retry-after-ms"))
        if ms is not None:
            return ms / 1000
        value = self.headers.get("retry-after")
        seconds = _seconds(value)
        if seconds is not None or not value:
            return seconds
        try:
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            return None


def _seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return None if math.isnan(seconds) else max(0.0, seconds)  # without an end: as long as the judge grants


def address(url: str, path: str = "") -> URL:
    """Where to post to: `path` is appended to the path of `url`, before its query.

    >>> str(address("https://host/deployments/x?api-version=1", "/chat/completions"))
    'https://host/deployments/x/chat/completions?api-version=1'

    Raises:
        ValueError: that is not an http(s) URL, or it holds a user name.
    """
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ValueError("it holds a user name or password: a key belongs in an environment variable")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        shown = "it" if "@" in url else repr(url)  # perhaps a password, mistyped
        raise ValueError(f"{shown} is not an http(s) address such as http://127.0.0.1:8000/v1")
    host = parts.hostname.encode("idna").decode()
    netloc = f"[{host}]" if ":" in host else host
    netloc += f":{parts.port}" if parts.port is not None else ""
    target = (parts.path.rstrip("/") if path else parts.path or "/") + path
    query = f"?{parts.query}" if parts.query else ""
    return URL(f"{parts.scheme}://{netloc}{quote(target + query, safe=_SAFE)}", encoded=True)


# `%` is among them: what is encoded already must not be encoded twice.
_SAFE = "/%?:@!$&'()*+,;=~"


def where(url: URL) -> str:
    """Host and port, for messages: paths and queries may hold secrets."""
    host = url.raw_host or ""
    return f"[{host}]:{url.port}" if ":" in host else f"{host}:{url.port}"


def query_secrets(url: URL) -> list[str]:
    """What may be a key in a query: values of 20 characters or more, which no date or version number has."""
    values = [part.partition("=")[2] for part in url.raw_query_string.split("&")]
    return [s for v in values if len(v) >= 20 for s in (v, unquote(v)) if s.isascii()]


def header_problem(name: str, value: str) -> str | None:
    """What is wrong with a header, in words that do not repeat its value."""
    if not name or not all(c.isalnum() or c in "!#$%&'*+-.^_`|~" for c in name) or not name.isascii():
        return f"{name!r} is not a valid name of a header"
    if not (value.isascii() and value.isprintable()):
        return "it holds characters that no header may"
    return None


class Transport:
    """Connections to servers, within one event loop: as many as there are requests at a time, used again while they last.

    Args:
        secrets: what is blanked wherever a reply holds it.
        keep_s: for how long an idle connection may be used again.
        max_bytes: the longest reply that is read.
    """

    def __init__(self, secrets: Sequence[str] = (), keep_s: float = 15.0, max_bytes: int = MAX_BYTES) -> None:
        self._keep_s, self._max_bytes = keep_s, max_bytes
        self._proxies: dict[URL, URL | None] = {}
        passwords = [p.password for p in map(_proxy_url, _proxies().values()) if p is not None and p.password]
        self._blanked = blanker([*secrets, *passwords])
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: URL, headers: Mapping[str, str], body: Sequence[bytes], timeout_s: float | None = None
    ) -> Reply:
        """Send a body, given in pieces, and wait for the whole reply, whatever its status. Nothing is asked twice, and no
        redirect is followed.

        Raises:
            BackendError: there is no reply, or one that is longer than may be read.
        """
        return await self._asked("POST", url, headers, _Pieces(body), timeout_s)

    async def get(self, url: URL, headers: Mapping[str, str], timeout_s: float | None = None) -> Reply:
        """Ask for what is at an address; otherwise as `post`."""
        return await self._asked("GET", url, headers, None, timeout_s)

    async def _asked(
        self, method: str, url: URL, headers: Mapping[str, str], data: _Pieces | None, timeout_s: float | None
    ) -> Reply:
        session = self._session or self._opened()
        proxy, tls = self._proxy(url), _tls() if url.scheme == "https" else True
        try:
            async with (
                asyncio.timeout(timeout_s),
                session.request(
                    method, url, data=data, headers=headers, proxy=proxy, allow_redirects=False, ssl=tls
                ) as response,
            ):
                content = self._blanked(_utf8(await self._read(response)))
                received: Mapping[str, str] = response.headers
                if "location" in received:  # the one header that is shown
                    received = CIMultiDict(received)
                    received["location"] = self.blank(received["location"])
                return Reply(response.status, received, content)
        except TimeoutError:
            raise BackendError("timeout", f"no answer within {timeout_s or math.inf:.3g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as e:
            raise self._failure(e, url, proxy) from None

    def blank(self, text: str) -> str:
        """A text without the secrets."""
        return self._blanked(text.encode("utf-8", "replace")).decode()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        # `limit=0`: aiohttp would open 100 connections at most; here the engine's slots bound them.
        connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=self._keep_s, ttl_dns_cache=60, socket_factory=_socket
        )
        # aiohttp has no public way to name the class of a connection.
        connector._factory = partial(_Connection, loop=asyncio.get_running_loop())  # type: ignore[assignment]
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_ALWAYS,
            # aiohttp's own limits (5 minutes in all, 30 s to connect) are off: `post` has the judge's own for the whole
            # request.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        )
        return self._session

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if (response.content_length or 0) > self._max_bytes:
            raise self._too_large(response.status)
        chunks, size = [], 0
        try:
            while chunk := await response.content.readany():
                chunks.append(chunk)
                size += len(chunk)
                if size > self._max_bytes:
                    raise self._too_large(response.status)
        except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError):
            # The words of a refusal may be cut short, an answer may not. The last word may be half a key.
            if response.status < 400 or response.headers.get("content-encoding"):
                raise
            return b"".join(chunks).rpartition(b" ")[0]
        return b"".join(chunks)

    def _too_large(self, status: int) -> BackendError:
        return BackendError(
            "too_large", f"the reply is longer than {self._max_bytes / 1e6:g} MB", http=status, wrote=status < 300
        )

    def _proxy(self, url: URL) -> URL | None:
        """The proxy for an address, as the environment names it; None where the request goes there itself."""
        if url not in self._proxies:
            setting = _proxies().get(url.scheme)
            self._proxies[url] = None if setting is None or proxy_bypass(where(url)) else _proxy_url(setting)
        return self._proxies[url]

    def _failure(self, error: Exception, url: URL, proxy: URL | None) -> BackendError:
        """What aiohttp raised, as a kind of failure and in words."""
        words = str(error) or type(error).__name__
        # The order of the tests matters: classes further down are bases of some above.
        if isinstance(error, OSError) and _out_of_descriptors(error):
            kind, words = (
                "descriptors",
                "this process has as many files and connections open as it may: raise the limit "
                "(`ulimit -n 65536`) or lower `concurrency`",
            )
        elif isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
            why = (
                f"HTTP {error.status} {error.message}"
                if isinstance(error, aiohttp.ClientHttpProxyError)
                else _os(error)
            )
            kind, words = "proxy", f"no connection to {where(url)} through the proxy {where(proxy or url)}: {why}"
        elif isinstance(error, aiohttp.ClientConnectorCertificateError):
            why = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
            kind, words = "certificate", f"the certificate of {where(url)} is not trusted: {why}"
        elif isinstance(error, aiohttp.ClientSSLError):
            kind, words = "refused_connection", f"no TLS with {where(url)}: {_os(error)}; is it an http:// address?"
        elif isinstance(error, aiohttp.ClientConnectorError):
            kind, words = "refused_connection", f"no connection to {where(url)}: {_os(error)}"
        elif isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError) and (
            "content-encoding" in words.lower()
        ):
            why = error.message if isinstance(error, aiohttp.ClientResponseError) else words  # else it names the URL
            kind, words = "bad_json", f"the reply is compressed in a way that cannot be read: {why}"
        elif isinstance(error, aiohttp.ClientResponseError):
            kind, words = "reset", f"not an HTTP reply: {error.message}"
        elif isinstance(error, aiohttp.ClientPayloadError):
            kind, words = "reset", "the connection broke off in the middle of the reply"
        elif isinstance(error, aiohttp.ServerDisconnectedError):
            kind, words = "reset", "the server closed the connection"
        elif isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError):
            kind, words = ("proxy" if proxy else "backend"), words
        else:
            kind = "reset"
        return BackendError(kind, self.blank(" ".join(words.split()))[:SHOWN])


def _utf8(data: bytes) -> bytes:
    """JSON in another encoding as UTF-8: it would be read anyway, and a key in it would not be found."""
    if data[:1] == b"{" and data[1:2] != b"\0":
        return data
    encoding = json.detect_encoding(data[:4])
    return data if encoding.startswith("utf-8") else data.decode(encoding, "replace").encode("utf-8", "replace")


class _Pieces(aiohttp.Payload):
    """A body that is sent from where its pieces are."""

    def __init__(self, value: Sequence[bytes]) -> None:
        super().__init__(value, content_type="application/json")
        self._size = sum(map(len, value))

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return b"".join(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        for piece in self._value:
            if len(piece) <= _WRITTEN:
                await writer.write(piece)
            else:
                for start in range(0, len(piece), _WRITTEN):
                    await writer.write(memoryview(piece)[start : start + _WRITTEN])


class _Connection(ResponseHandler):
    """Closes where data come that were not asked for (aiohttp would take them for the reply to the next request), and at
    once where the server says that no more will come."""

    _answer: Any = None
    """The body of the reply that was waited for, once its head is there."""

    def set_response_params(self, **parameters: Any) -> None:
        self._answer = None
        super().set_response_params(**parameters)

    def feed_data(self, data: Any, size: int = 0) -> None:
        if data[0].code >= 200:  # below, more is to come
            self._answer = data[1]
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        if data and self._answer is not None and self._answer.is_eof():
            self.close()
        else:
            super().data_received(data)

    def eof_received(self) -> None:
        super().eof_received()
        # asyncio would first send the rest of a body, which such a server may never read: the reply would have no end.
        if self.transport is not None:
            self.transport.abort()


def _proxies() -> dict[str, str]:
    """By scheme; ALL_PROXY is for both."""
    settings = getproxies()
    return {
        scheme: settings.get(scheme) or settings["all"]
        for scheme in ("http", "https")
        if settings.keys() & {scheme, "all"}
    }


def _proxy_url(text: str) -> URL | None:
    try:
        return URL(text if "://" in text else f"http://{text}")
    except ValueError:
        return None


def check_proxy(url: URL) -> None:
    """Whether the proxy that the environment names for an address can be used.

    Raises:
        ValueError: it is not an http(s) proxy.
    """
    setting = _proxies().get(url.scheme)
    if setting is None or proxy_bypass(where(url)):
        return
    proxy = _proxy_url(setting)
    if proxy is None or proxy.scheme not in ("http", "https") or not proxy.host:
        scheme = f"a {proxy.scheme}:// proxy" if proxy is not None and proxy.host else "no address of a proxy"
        raise ValueError(
            f"the environment names {scheme} for {where(url)}, and only http:// and https:// ones can be used: set "
            f"{url.scheme.upper()}_PROXY to one, or add {url.host} to NO_PROXY"
        )


def _os(error: Exception) -> str:
    """The operating system's words, without those that aiohttp puts round them."""
    inner = getattr(error, "os_error", error)
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


def _out_of_descriptors(error: OSError) -> bool:
    inner = getattr(error, "os_error", error)
    if getattr(inner, "errno", None) in (errno.EMFILE, errno.ENFILE):
        return True
    if not isinstance(inner, socket.gaierror):
        return False
    try:  # looking a name up takes a descriptor too, and says nothing of it
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as e:
        return e.errno in (errno.EMFILE, errno.ENFILE)
    return False


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _socket(addr_info: aiohttp.AddrInfoType) -> socket.socket:
    """A TCP socket that keeps an idle connection alive."""
    family, kind, protocol, _, _ = addr_info
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a judge may think for minutes
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    return sock
