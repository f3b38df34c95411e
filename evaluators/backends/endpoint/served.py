"""Which models an endpoint serves, by its own word: GET /models."""

from __future__ import annotations

import os
from typing import NamedTuple

import orjson

from evaluators.backends.endpoint.chat import KEY
from evaluators.backends.endpoint.transport import Transport, address
from evaluators.errors import BackendError
from evaluators.text import printable

TIMEOUT_S = 5.0


class Served(NamedTuple):
    """What an endpoint said."""

    base_url: str
    """As a config is to have it."""
    models: tuple[str, ...]


async def served(url: str, timeout_s: float = TIMEOUT_S) -> Served:
    """Ask an endpoint for the names of its models, at `url` and, where that has no path, at `url`/v1.

    >>> asyncio.run(served("http://127.0.0.1:8000"))                                     # doctest: +SKIP
    Served(base_url='http://127.0.0.1:8000/v1', models=('Qwen/Qwen2.5-VL-7B-Instruct',))

    Raises:
        ValueError: `url` is no http(s) address.
        BackendError: nothing came back, or no list of models.
    """
    base = url.rstrip("/")
    bases = [base] if address(base).path.strip("/") else [f"{base}/v1", base]
    key = os.environ.get(KEY, "").strip()
    transport = Transport([key] if key else [])
    try:
        failures = []
        for candidate in bases:
            try:
                return Served(candidate, await _listed(transport, candidate, key, timeout_s))
            except BackendError as e:
                failures.append(e)
        raise failures[0]
    finally:
        await transport.close()


async def _listed(transport: Transport, base: str, key: str, timeout_s: float) -> tuple[str, ...]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    reply = await transport.get(address(base, "/models"), headers, timeout_s)
    if not reply.good:
        kind = {401: "auth", 403: "auth", 404: "not_found"}.get(reply.status, "server")
        raise BackendError(kind, f"HTTP {reply.status}", http=reply.status)
    try:
        models = orjson.loads(reply.body)["data"]
        return tuple(printable(str(m["id"])) for m in models)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise BackendError("bad_json", f"{base}/models holds no list of models") from None
