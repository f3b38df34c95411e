"""The openai package makes the request, our transport carries it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from evaluators.backends.endpoint.request_body import MARK
from evaluators.backends.endpoint.transport import Reply
from evaluators.errors import BackendError
from evaluators.images.media import Encoded

SdkClient = pytest.importorskip("evaluators.backends.endpoint.sdk").SdkClient
BODY = {"model": "m", "messages": [{"role": "user", "content": MARK}], "top_k": 3}


class Wire:
    """In place of the transport: keeps what it is to carry, and answers or fails."""

    def __init__(self, status: int = 200, error: BackendError | None = None) -> None:
        self.sent: list[tuple[URL, Mapping[str, str], bytes, float]] = []
        self.status, self.error = status, error

    async def post(self, url: URL, headers: Mapping[str, str], body: Sequence[bytes], timeout_s: float) -> Reply:
        self.sent.append((url, headers, b"".join(body), timeout_s))
        if self.error:
            raise self.error
        return Reply(self.status, CIMultiDictProxy(CIMultiDict({"retry-after": "7"})), b'{"id": "1"}')


def sent(wire: Wire, base_url: str = "http://h/v1?version=2", azure: Mapping[str, str] | None = None) -> Reply:
    async def one() -> Reply:
        client: Any = SdkClient(base_url, azure or {}, {"authorization": "Bearer ours"}, wire)
        try:
            reply: Reply = await client.send(BODY, [Encoded("image/png", b"AAAA")], 5.0)
            return reply
        finally:
            await client.close()

    return asyncio.run(one())


def test_a_request_carries_our_key_our_fields_and_the_image() -> None:
    wire = Wire()
    assert sent(wire).body == b'{"id": "1"}'
    ((url, headers, body, timeout_s),) = wire.sent
    assert str(url) == "http://h/v1/chat/completions?version=2" and timeout_s == 5.0
    assert headers["authorization"] == "Bearer ours"
    assert "sent by us" not in repr(headers), "the package's own key stays here"
    assert orjson.loads(body) == {
        "model": "m",
        "messages": [{"role": "user", "content": "data:image/png;base64,AAAA"}],
        "top_k": 3,
    }


def test_azure_has_addresses_of_its_own() -> None:
    wire = Wire()
    sent(wire, "", {"azure_endpoint": "https://place.openai.azure.com", "api_version": "2024-10-21"})
    assert str(wire.sent[0][0]).startswith("https://place.openai.azure.com/openai/deployments/m/chat/completions?")


def test_a_refusal_is_a_reply_and_is_asked_once() -> None:
    wire = Wire(status=429)
    reply = sent(wire)
    assert (reply.status, reply.headers["retry-after"], len(wire.sent)) == (429, "7", 1)


def test_a_failure_of_the_transport_comes_through_as_it_is() -> None:
    error = BackendError("timeout", "no reply within 5 s")
    with pytest.raises(BackendError) as raised:
        sent(Wire(error=error))
    assert raised.value is error
