"""The backend `openai` once it is used: requests as chat completions, one replica or several, and what each is asked first."""

from __future__ import annotations

import hashlib
import math
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, Protocol

import aiohttp

from evaluators.backends.endpoint.completions import read_reply
from evaluators.backends.endpoint.request_body import MARK, HttpClient
from evaluators.backends.endpoint.transport import Reply, Transport, address, check_proxy, header_problem, query_secrets
from evaluators.errors import BackendError, UserError
from evaluators.images.media import Encoded, MediaWindow
from evaluators.messages import ChatRequest, Image, Message, Text
from evaluators.records import Answer
from evaluators.replies.digits import digit_of
from evaluators.specs import ModelSpec

KEY = "OPENAI_API_KEY"
"""The variable that is read where a judge names none. It may be unset: a local server asks for no key."""

_PATH = "/chat/completions"
GRAMMARS = frozenset(
    {
        "structured_outputs",
        "response_format",
        "guided_choice",
        "guided_regex",
        "guided_json",
        "guided_grammar",
        "regex",
        "ebnf",
    }
)
"""Fields of vLLM's and SGLang's requests that let through some tokens only."""


class Client(Protocol):
    """A client: it posts requests to one replica."""

    async def send(self, body: Mapping[str, Any], images: list[Encoded], timeout_s: float) -> Reply: ...

    async def close(self) -> None: ...


class OpenAIBackend:
    name = "openai"
    in_process = False

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._headers = _headers(spec)
        self._version = f"aiohttp {aiohttp.__version__}"
        if spec.client == "sdk":
            from evaluators.backends.endpoint import sdk

            self._sdk, self._version = sdk, sdk.VERSION

    async def open(self, media: MediaWindow) -> None:
        if lines := unset(self._spec):
            raise UserError(*lines)
        self._media = media
        addresses = [address(u, _PATH) for u in urls_of(self._spec)]
        for url in addresses:
            try:
                check_proxy(url)
            except ValueError as e:
                raise UserError(f"judge {self._spec.name!r}: {e}") from None
        secrets = [*self._headers.secrets, *(s for url in addresses for s in query_secrets(url))]
        self._transport = Transport(secrets)
        self._replicas: list[Client] = []
        if self._spec.client == "http":
            self._replicas = [HttpClient(url, self._headers.sent, self._transport) for url in addresses]
        else:
            azure = {name: str(value) for name, value in self._spec.model_args.items()}
            self._replicas = [
                self._sdk.SdkClient("" if azure else url, azure, self._headers.sent, self._transport)
                for url in urls_of(self._spec)
            ]
        if self._spec.probabilities:
            await self._probe()

    async def close(self) -> None:
        # Also where `open` failed half-way, or was never called: a run closes all of its judges.
        for replica in getattr(self, "_replicas", ()):
            await replica.close()
        if hasattr(self, "_transport"):
            await self._transport.close()

    async def chat(self, request: ChatRequest) -> Answer:
        replica = self._replicas[0]
        if len(self._replicas) > 1:
            # All requests on an item go to one replica, whose prefix cache has read it then
            # (docs/design/prefix-order.md). Python's own hash differs from process to process.
            drawn = int(hashlib.sha256(request.affinity.encode()).hexdigest()[:8], 16)
            replica = self._replicas[drawn % len(self._replicas)]
        return await self._ask(replica, request)

    async def _ask(self, replica: Client, request: ChatRequest) -> Answer:
        images: list[Encoded] = []
        body = await self._body(request, images)
        started = time.perf_counter()
        reply = await replica.send(body, images, self._spec.timeout_s)
        latency = time.perf_counter() - started
        return self._blanked(
            read_reply(
                reply,
                request,
                self._spec.complete_reasons,
                self._spec.stream,
                masked=bool(request.top_logprobs) and not GRAMMARS.isdisjoint(self._spec.extra_body),
                latency_s=round(latency, 4),
                backend=self.name,
                backend_version=self._version,
                sampling=request.sampling,
            )
        )

    def _blanked(self, answer: Answer) -> Answer:
        """Without keys: pieces of a stream and parts of a content were blanked each by itself, and a key may be whole
        only where they are joined."""
        fields = (answer.text, answer.reasoning, answer.refusal)
        text, reasoning, refusal = (t and self._transport.blank(t) for t in fields)
        if (text, reasoning, refusal) == fields:
            return answer
        return replace(answer, text=text or "", reasoning=reasoning, refusal=refusal)

    async def _body(self, request: ChatRequest, images: list[Encoded]) -> dict[str, Any]:
        """The request, with marks where its images go; these are appended to `images`."""
        messages = [{"role": m.role, "content": await self._content(m, images)} for m in request.messages]
        body: dict[str, Any] = {"model": self._spec.model, "messages": messages, **request.sampling}
        if request.top_logprobs:
            body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
        if request.seed is not None:
            body["seed"] = request.seed
        if request.continues:  # vLLM's and SGLang's word for it; OpenAI's own server refuses, and the probe says so
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        if self._spec.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        # Last, so that a field of the user wins over ours, also one that takes ours away (null).
        return body | self._spec.extra_body

    async def _content(self, message: Message, images: list[Encoded]) -> str | list[dict[str, Any]]:
        if len(message.parts) == 1 and isinstance(message.parts[0], Text):
            return message.parts[0].text
        content: list[dict[str, Any]] = []
        for part in message.parts:
            if isinstance(part, Image):
                images.append(await self._media.encoded(part.file, part.max_pixels))
                content.append({"type": "image_url", "image_url": {"url": MARK}})
            else:
                content.append({"type": "text", "text": part.text})
        return content

    async def _probe(self) -> None:
        """Ask each replica once whether it gives log-probabilities, and continues an answer that has begun where that is wanted:
        better now than after a thousand paid answers."""
        spec = self._spec
        text = "Reply with exactly this and nothing else: <answer>1</answer>" if spec.continues else "Reply with 1."
        begun = (Message("assistant", (Text("<answer>"),)),) if spec.continues else ()
        request = ChatRequest(
            (Message("user", (Text(text),)), *begun),
            {**spec.sampling(), spec.max_tokens_field: 1},
            top_logprobs=spec.probabilities,
            answer_format="token",
            continues=spec.continues,
        )
        for number, replica in enumerate(self._replicas):
            try:
                answer = await self._ask(replica, request)
            except BackendError as e:
                if e.kind not in ("rejected", "logprobs"):
                    return  # the engine handles a dead or busy server, with its own message
                why = f"HTTP {e.http}: {e.message}" if e.http else e.message
                self._refuse(number, why, alternatives=_most_allowed(e.message, spec.probabilities))
            tops = answer.top_logprobs or ()
            if len(tops) < min(2, spec.probabilities):
                self._refuse(number, f"{len(tops)} log-probabilities came back, not {spec.probabilities}")
            first = max(tops, key=lambda t: t[1])[0]
            if spec.continues and digit_of(first) is None and await self._begins_anew(replica, request, answer):
                self._refuse(
                    number,
                    f"asked to continue from `<answer>`, it began a new answer with {first!r}: it ignores continue_final_message",
                    needed="continues an answer that has begun (vLLM and SGLang do)",
                )

    async def _begins_anew(self, replica: Client, request: ChatRequest, answer: Answer) -> bool:
        """Whether a server gives the same answer when it is not asked to continue: then it ignores the request. A weak model
        that continues with no digit reads another prompt in the two cases, and gives other probabilities."""
        try:
            other = await self._ask(replica, replace(request, continues=False))
        except BackendError:
            return False  # it tells the two apart
        read = [(a.usage or {}).get("prompt_tokens") for a in (answer, other)]
        best = [max(a.top_logprobs or (("", 0.0),), key=lambda t: t[1]) for a in (answer, other)]
        return read[0] == read[1] and best[0][0] == best[1][0] and math.isclose(best[0][1], best[1][1], abs_tol=0.01)

    def _refuse(
        self,
        number: int,
        why: str,
        *,
        needed: str = "returns top_logprobs (vLLM does)",
        alternatives: int | None = None,
    ) -> NoReturn:
        """Refuse the judge, since a replica cannot do what it asks for.

        Args:
            needed: what another server must be able to do.
            alternatives: how many alternatives of a token the server says that it gives, where that would do.

        Raises:
            UserError: always.
        """
        spec = self._spec
        # A query may hold a key.
        url = urls_of(spec)[number].partition("?")[0]
        fix = f"Use `verdict: text`, or a server that {needed}"
        if alternatives is not None:
            setting = f"Set `top_logprobs: {alternatives}` of the judge if that is the most that the server takes"
            fix = f"{setting}. Or: {fix[0].lower()}{fix[1:]}"
        verdict = "reasoned" if spec.continues else "direct"
        raise UserError(f"judge {spec.name!r}: {url} cannot do `verdict: {verdict}` ({why}); nothing was asked. {fix}")


def _most_allowed(words: str, requested: int) -> int | None:
    """The largest number below what was requested in a server's words on `top_logprobs`: servers name their limit there."""
    numbers = [int(n) for n in re.findall(r"\d+", words)] if "logprobs" in words else []
    return max((n for n in numbers if 0 < n < requested), default=None)


@dataclass(frozen=True)
class Headers:
    """The headers of each request."""

    sent: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    """Which of their values must not be written to a file."""


def _headers(spec: ModelSpec) -> Headers:
    """What a spec and the environment say of them.

    Raises:
        UserError: a variable of the environment holds what no header may.
    """

    def secret(variable: str) -> str:
        value = os.environ.get(variable, "").strip()
        if header_problem("x", value):
            raise UserError(
                f"judge {spec.name!r}: the key in {variable} holds characters that no header may: set it again"
            )
        return value

    headers = Headers()
    key = secret(spec.api_key_env or KEY)
    if key:
        name = spec.api_key_header or ("api-key" if spec.model_args.get("azure_endpoint") else "Authorization")
        headers.sent[name] = f"Bearer {key}" if name.lower() == "authorization" else key
        headers.secrets.append(key)
    for name, header in spec.headers.items():
        if isinstance(header, str):
            headers.sent[name] = header
            continue
        value = secret(header.env)
        headers.sent[name] = value
        # `Token KEY` in a header: a server may echo the key alone.
        headers.secrets.extend([value, *value.split()])
    return headers


def unset(spec: ModelSpec) -> list[str]:
    """The variables of the environment that a spec names and that are not set, a line each."""
    variables = [(spec.api_key_env, "api_key_env")] if spec.api_key_env else []
    variables += [(h.env, f"for the header {name}") for name, h in spec.headers.items() if not isinstance(h, str)]
    return [
        f"{spec.name!r}: the environment variable {variable} ({use}) is not set: set it, or leave it out where none is asked for"
        for variable, use in variables
        if not os.environ.get(variable, "").strip()
    ]


def urls_of(spec: ModelSpec) -> tuple[str, ...]:
    """The addresses of its replicas."""
    if spec.model_args:
        return (str(spec.model_args["azure_endpoint"]),)
    return (spec.base_url,) if isinstance(spec.base_url, str) else tuple(spec.base_url)
