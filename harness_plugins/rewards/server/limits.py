"""Binding, silent connections, signals and the end of the reward server: loopback by default, and what is under way is finished."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import math
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from evaluators.errors import UserError
from evaluators.text import say
from harness_plugins.local_server import host_names, listening_on
from harness_plugins.rewards.server.app import RewardServer, app, log
from harness_plugins.rewards.server.config import load_server

SHORTEST_TOKEN = 16
ENOUGH_HANDLES = 1 << 16


def serve(path: Path, host: str, port: int, token_env: str | None, hosts: Sequence[str] = ()) -> None:
    """Serve until SIGTERM or Ctrl-C; a second one does not wait for what is under way.

    Args:
        token_env: the environment variable with the token; without one, the Host header is checked in its place.
        hosts: further names that a Host header may hold; where there are any it is checked beside a token as well.

    Raises:
        UserError: the config, the token or the address cannot be used.
    """
    config = load_server(path)
    token = _token(token_env)
    if not token and not _loopback(host):
        raise UserError(
            f"{host} can be reached from other machines: give --token-env NAME, the environment variable that holds the token "
            "that clients must show, or serve on 127.0.0.1"
        )
    names = host_names(host, hosts) if hosts or not token else ["*"]
    rewards = RewardServer(config, token)
    asyncio.run(_serve(rewards, names, listening_on(host, port)))


async def _serve(rewards: RewardServer, names: Sequence[str], listening: socket.socket) -> None:
    await rewards.open()
    try:
        await Server(rewards, names).serve([listening])
    finally:
        await rewards.close()


class Server(uvicorn.Server):
    """uvicorn, which notes when it ends, so that requests on open connections are refused from then on."""

    def __init__(self, rewards: RewardServer, names: Sequence[str]) -> None:
        connections = Connections()
        config = uvicorn.Config(
            app(rewards, names),
            http=_closing_silent(rewards.config.limits.head_s, connections),
            ws="none",
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
        )
        super().__init__(config)
        self._rewards, self._connections = rewards, connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self._connections.failed)
        await super().startup(sockets)
        host, port = (sockets or [])[0].getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        say(f"serving http://{name}:{port} ({', '.join(sorted(self._rewards.rewards))})", flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own raises the signal once more at the end, which would cut off the closing of the judges."""
        handlers = {s: signal.signal(s, self.handle_exit) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sig, handler in handlers.items():
                signal.signal(sig, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self._rewards.draining and self._rewards.pending:
            say(f"finishing {self._rewards.pending} judge calls; once more to leave them", flush=True)
        self._rewards.draining = True
        super().handle_exit(sig, frame)


class Connections:
    """How many are open. They get half of the process's file handles: the judge's connections and the pictures need the rest."""

    def __init__(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        target = ENOUGH_HANDLES if hard == resource.RLIM_INFINITY else min(hard, ENOUGH_HANDLES)
        if soft != resource.RLIM_INFINITY and soft < target:
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
                soft = target
        self.most = max((target if soft == resource.RLIM_INFINITY else soft) // 2, 1)
        self.open = 0
        self._next_line = -math.inf

    def full(self) -> bool:
        if self.open >= self.most:
            self.tell()
        return self.open >= self.most

    def tell(self) -> None:
        """One line, and no other for a minute."""
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + 60
            log.warning(
                "more than %d connections, half of this process's file handles: those beyond are closed at once (raise `ulimit -n`)",
                self.most,
            )

    def failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop's handler of exceptions: its own prints a traceback for each connection that it has no handle for."""
        # Measured: 30 MB of such tracebacks in ten seconds.
        if isinstance(e := context.get("exception"), OSError) and e.errno in (errno.EMFILE, errno.ENFILE):
            self.tell()
        else:
            loop.default_exception_handler(context)


def _closing_silent(head_s: float, connections: Connections) -> type[asyncio.Protocol]:
    """uvicorn's protocol, with a deadline for the head of each request: its own ends idle connections after an answer alone."""

    class Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        _deadline: asyncio.TimerHandle | None = None
        _counted = False

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            if connections.full():
                self.transport.abort()
                return
            connections.open += 1
            self._counted = True
            self._start()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop()  # a request is under way: its body has a deadline of its own
            elif self._deadline is None:
                self._start()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            # A connection that was closed at once ends here too, and was never counted.
            connections.open -= self._counted
            super().connection_lost(exc)

        def _start(self) -> None:
            self._deadline = asyncio.get_running_loop().call_later(head_s, self.transport.abort)

        def _stop(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return Protocol


def _token(name: str | None) -> str:
    if name is None:
        return ""
    token = os.environ.get(name, "").strip()
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise UserError(
            f"--token-env {name}: the variable must hold at least {SHORTEST_TOKEN} printable characters, such as: "
            f'export {name}="$(openssl rand -hex 32)"'
        )
    return token


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
