"""The openai package as a client: it makes the request (addresses, Azure's deployments), and `Transport` carries it.

So its replies meet the same limits, proxies, blanking and reader as those of the other client, and of the environment variables
that the package reads none decides where a request goes or what key it carries.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import openai

from evaluators.backends.endpoint.request_body import pieces
from evaluators.backends.endpoint.transport import Reply, Transport, address
from evaluators.errors import BackendError
from evaluators.images.media import Encoded

VERSION = f"openai {openai.__version__}"

_PASSED = ("user-agent", "accept", "content-type")
"""Headers of the package that are sent, beside those of its telemetry's names; keys and organisations are ours to say."""

# The package hands its transport a request and nothing else. Context variables carry the rest: each task has its own.
_images: ContextVar[Sequence[Encoded]] = ContextVar("images")
_timeout: ContextVar[float] = ContextVar("timeout")


class SdkClient:
    """Args:
    base_url: the endpoint; empty for Azure.
    azure: `azure_endpoint` and `api_version`.
    headers: sent with each request, the key among them.
    """

    version = VERSION

    def __init__(
        self, base_url: str, azure: Mapping[str, str], headers: Mapping[str, str], transport: Transport
    ) -> None:
        # The package and its HTTP library (httpx, later httpx2) are a pair: its own client says which one it is.
        base = next(c for c in openai.DefaultAsyncHttpxClient.__mro__ if c.__name__ == "AsyncClient")
        self._http = importlib.import_module(base.__module__.partition(".")[0])
        http_transport: Any = _Carried(self._http, transport, headers)
        client = self._http.AsyncClient(transport=http_transport, follow_redirects=False, trust_env=False, timeout=None)
        # It wants a key, and waits and asks again by itself: keys are in our headers, and retries and time limits are
        # the engine's.
        arguments: dict[str, Any] = {"api_key": "sent by us", "max_retries": 0, "http_client": client, "timeout": None}
        if azure:
            arguments |= azure
            self._client: openai.AsyncOpenAI = openai.AsyncAzureOpenAI(**arguments)
        else:
            parts = address(base_url)
            query = dict(parts.query)
            self._client = openai.AsyncOpenAI(**arguments, base_url=str(parts.with_query(None)), default_query=query)

    async def send(self, body: Mapping[str, Any], images: Sequence[Encoded], timeout_s: float) -> Reply:
        """Post a request; marks in `body` show where its images go.

        Raises:
            BackendError: there is no reply.
        """
        _images.set(images)
        _timeout.set(timeout_s)
        more = {k: v for k, v in body.items() if k not in ("model", "messages")}
        try:
            # Raw bytes: what they hold is read by `replies`, as with the other client.
            async with self._client.chat.completions.with_streaming_response.create(
                model=body["model"], messages=body["messages"], extra_body=more
            ) as raw:
                return Reply(raw.status_code, raw.headers, await raw.read())
        except openai.APIStatusError as e:
            return Reply(e.response.status_code, e.response.headers, e.response.content)
        except openai.APIConnectionError as e:
            # The package wraps whatever its transport raises.
            if isinstance(e.__cause__, BackendError):
                raise e.__cause__ from None
            raise BackendError("reset", f"no reply: {type(e).__name__}") from None

    async def close(self) -> None:
        await self._client.close()


class _Carried:
    """What the package's HTTP library takes for its connections."""

    def __init__(self, http: Any, transport: Transport, headers: Mapping[str, str]) -> None:
        self._http, self._transport, self._headers = http, transport, headers

    async def handle_async_request(self, request: Any) -> Any:
        passed = {
            k: v for k, v in request.headers.items() if k.lower() in _PASSED or k.lower().startswith("x-stainless-")
        }
        body = pieces(await request.aread(), _images.get())
        url = address(str(request.url))
        reply = await self._transport.post(url, {**passed, **self._headers}, body, _timeout.get())
        # The body is unpacked and whole.
        headers = [
            (k, v)
            for k, v in reply.headers.items()
            if k.lower() not in ("content-encoding", "content-length", "transfer-encoding")
        ]
        return self._http.Response(reply.status, headers=headers, content=reply.body, request=request)

    async def aclose(self) -> None: ...

    async def __aenter__(self) -> _Carried:
        return self

    async def __aexit__(self, *_: object) -> None: ...
