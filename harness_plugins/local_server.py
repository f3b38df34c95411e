"""A server on this machine: where it listens, and by which names it may be asked."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence

from evaluators.errors import UserError

_HOST_NAME = re.compile(r"\*|(\*\.)?[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def host_names(host: str, more: Sequence[str]) -> list[str]:
    """Names that a Host header may hold where no token is asked for: a page in a browser, whose own name is pointed at this
    machine, sends that name.

    Raises:
        UserError: one of them is no name.
    """
    for name in more:
        if not _HOST_NAME.fullmatch(name):
            raise UserError(
                f"--allow-host {name}: give a name without scheme and port, such as judges.local or *.local"
            )
    bound = f"[{host}]" if ":" in host else host
    return list(dict.fromkeys(["localhost", "127.0.0.1", "[::1]", bound, *more]))


def without_port(header: str) -> str:
    """The name in a Host header.

    >>> without_port("127.0.0.1:8766"), without_port("[::1]")
    ('127.0.0.1', '[::1]')
    """
    return re.sub(r":\d*$", "", header)


def is_named(header: str, names: Sequence[str]) -> bool:
    """Whether a Host header holds one of the names.

    >>> is_named("127.0.0.1:8766", ["localhost", "127.0.0.1"]), is_named("evil.example", ["localhost"])
    (True, False)

    Args:
        names: `*` is any, and `*.name` any below it.
    """
    host = without_port(header).lower()
    return any(
        name in ("*", host) or (name.startswith("*.") and host.endswith(name[1:])) for name in map(str.lower, names)
    )


def listening_on(host: str, port: int, options: str = "--host, --port") -> socket.socket:
    """A socket that listens. Named TCP, as asyncio switches Nagle's algorithm off for such sockets alone: 40 ms an answer otherwise.

    Args:
        port: 0 for any that is free.
        options: those that choose another address, for errors.

    Raises:
        UserError: nothing can listen there.
    """
    if not 0 <= port < 1 << 16:  # getaddrinfo would take the rest of a division
        raise UserError(f"--port {port}: give a number from 0 (any that is free) to 65535")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as e:
        raise UserError(f"cannot listen on {host}:{port} ({e.strerror or e}): choose another with {options}") from None
    return listener
