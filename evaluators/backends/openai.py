"""Any OpenAI-compatible chat endpoint.

Image bytes go out as data URLs, untouched. The key is read from the environment, sent, and never written anywhere:
should a server echo it, it is blanked before anyone sees the reply.
"""

from __future__ import annotations

import email.utils
import hashlib
import os
import secrets
import time
from typing import TYPE_CHECKING, Any

import httptools
import orjson

from evaluators.errors import BackendError, UserError
from evaluators.media import Encoded, MediaWindow
from evaluators.messages import ChatRequest, Image, Message, Text
from evaluators.records import Answer
from evaluators.transport import Address, Broken, Unreachable
from evaluators.usage import read_usage

if TYPE_CHECKING:
    from evaluators.judges import JudgeSpec

_KINDS = {401: "auth", 403: "auth", 404: "not_found", 408: "timeout", 409: "server", 425: "server", 429: "rate_limit"}
_MARK = secrets.token_hex(16)
"""Where an image goes in the request's JSON. Drawn anew in each process and never sent, so no text can hold it."""
_GRAMMARS = frozenset(
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
TRANSPORT_ARGS = frozenset({"azure_endpoint"})
"""Arguments that say where a model runs, how fast, and what is too much for it. Every other one may change an answer, and is in
the key."""

_SHOWN = 300
"""Characters of a server's error text that are kept."""


class OpenAIBackend:
    name = "openai"
    in_process = False

    def __init__(self, spec: JudgeSpec) -> None:
        self._spec = spec
        self._key = os.environ.get(spec.api_key_env, "").strip()
        if not self._key.isascii() or not self._key.isprintable():
            raise UserError(
                f"judge {spec.name!r}: the key in {spec.api_key_env} holds characters that no header may: set it again"
            )
        self._version = f"httptools {httptools.__version__}"

    async def open(self, media: MediaWindow) -> None:
        self._media = media
        self._replicas = [Address(f"{u.rstrip('/')}/chat/completions", self._key) for u in _urls(self._spec)]
        if self._spec.verdict != "text":
            await self._probe()

    async def close(self) -> None:
        for replica in getattr(self, "_replicas", ()):
            replica.close()

    async def chat(self, request: ChatRequest) -> Answer:
        body = await self._body(request)
        replica = self._replicas[0]
        if len(self._replicas) > 1:
            drawn = int(hashlib.sha256(request.affinity.encode()).hexdigest()[:8], 16)
            replica = self._replicas[drawn % len(self._replicas)]
        started = time.perf_counter()
        data, kind = await self._post(replica, body)
        latency = time.perf_counter() - started
        return self._answer(data, kind, request, latency)

    async def _body(self, request: ChatRequest) -> list[bytes]:
        """The request's JSON, in pieces: images are sent from where they lie encoded, never copied into the text."""
        images: list[Encoded] = []
        messages = [{"role": m.role, "content": await self._content(m, images)} for m in request.messages]
        body: dict[str, Any] = {"model": self._spec.model, "messages": messages, **request.sampling}
        if request.top_logprobs:
            body |= {"logprobs": True, "top_logprobs": request.top_logprobs}
        if request.seed is not None:
            body["seed"] = request.seed
        if request.continues:  # vLLM's and SGLang's word for it; OpenAI's own server refuses, and the probe says so
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        texts = orjson.dumps(body | self._spec.extra_body).split(_MARK.encode())
        pieces = [texts[0]]
        for image, text in zip(images, texts[1:], strict=True):
            pieces[-1] += image.prefix
            pieces += [image.base64, text]
        return pieces

    async def _content(self, message: Message, images: list[Encoded]) -> str | list[dict[str, Any]]:
        if len(message.parts) == 1 and isinstance(message.parts[0], Text):
            return message.parts[0].text
        content: list[dict[str, Any]] = []
        for part in message.parts:
            if isinstance(part, Image):
                images.append(await self._media.encoded(part.file, part.max_pixels))
                content.append({"type": "image_url", "image_url": {"url": _MARK}})
            else:
                content.append({"type": "text", "text": part.text})
        return content

    async def _post(self, replica: Address, body: list[bytes]) -> tuple[bytes, str]:
        """The reply's bytes and content type; anything but a 200 is a BackendError."""
        try:
            reply = await replica.post(body, self._spec.timeout_s)
        except TimeoutError:
            raise BackendError("timeout", f"no answer within {self._spec.timeout_s:g} s") from None
        except Unreachable as e:
            raise BackendError("refused_connection", str(e)[:_SHOWN]) from None
        except Broken as e:
            raise BackendError("reset", str(e)[:_SHOWN]) from None
        data, status = reply.body, reply.status
        if status == 200:
            return data, reply.content_type
        kind = _KINDS.get(status, "server" if status >= 500 else "rejected")
        text = " ".join(data[: 4 * _SHOWN].decode("utf-8", "replace").split())[:_SHOWN]
        raise BackendError(kind, text, http=status, retry_after_s=retry_after(reply.headers.get("retry-after")))

    def _answer(self, data: bytes, content_type: str, request: ChatRequest, latency: float) -> Answer:
        usage = None
        try:
            reply = orjson.loads(data)
            usage = read_usage(reply.get("usage"))
            choice = reply["choices"][0]
            message = choice["message"]
            text = message.get("content") or ""
            if not isinstance(text, str):
                raise TypeError("content is not a string")
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as e:
            start = data[:200].lstrip().lower()
            if content_type == "text/html" or start.startswith((b"<!doctype html", b"<html")):
                raise BackendError(
                    "html", "a web page came back; is base_url right (it usually ends in /v1)?"
                ) from None
            raise BackendError("bad_json", f"not a chat completion: {e}"[:_SHOWN], usage=usage) from None
        finish, refusal = _text(choice.get("finish_reason")), _text(message.get("refusal"))
        reasoning = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
        if not text.strip() and not refusal and finish not in ("length", "content_filter") and not request.top_logprobs:
            raise BackendError("empty", "the reply has no content", usage=usage)
        return Answer(
            text=text,
            answer_format=request.answer_format,
            reasoning=reasoning,
            finish_reason=finish,
            refusal=refusal,
            top_logprobs=_first_token(choice, usage) if request.top_logprobs else None,
            masked=bool(request.top_logprobs) and not _GRAMMARS.isdisjoint(self._spec.extra_body),
            usage=usage,
            latency_s=round(latency, 4),
            model=_text(reply.get("model")),
            backend=self.name,
            backend_version=self._version,
            fingerprint=_text(reply.get("system_fingerprint")),
            sampling=request.sampling,
        )

    async def _probe(self) -> None:
        """Ask each replica once whether it gives log-probabilities: better now than after a thousand paid answers."""
        for replica in self._replicas:
            asked = Message("user", (Text("Reply with 1."),))
            reasoned = self._spec.verdict == "reasoned"
            request = ChatRequest(
                (asked, Message("assistant", (Text("<answer>"),))) if reasoned else (asked,),
                {**self._spec.sampling(), self._spec.max_tokens_field: 1},
                top_logprobs=20,
                answer_format="token",
                continues=reasoned,
            )
            body = await self._body(request)
            try:
                answer = self._answer(*await self._post(replica, body), request, 0.0)
                found = len(answer.top_logprobs or ())
            except BackendError as e:
                if e.kind not in ("rejected", "logprobs"):
                    return  # a dead or busy server is the engine's business, with its own message
                why = f"HTTP {e.http}: {e.message}" if e.http else e.message
                raise UserError(_no_logprobs(self._spec, replica.url, why)) from None
            if found < 2:
                raise UserError(_no_logprobs(self._spec, replica.url, f"{found} log-probabilities came back, not 20"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _no_logprobs(spec: JudgeSpec, url: str, why: str) -> str:
    return (
        f"judge {spec.name!r}: {url} cannot do `verdict: {spec.verdict}` ({why}); nothing was asked. "
        "Use `verdict: text`, or a server that returns top_logprobs (vLLM does)"
    )


def retry_after(value: str | None) -> float | None:
    """Seconds to wait from a Retry-After header (seconds or an HTTP date)."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _first_token(choice: dict[str, Any], usage: dict[str, int] | None) -> tuple[tuple[str, float], ...]:
    try:
        tops = choice["logprobs"]["content"][0]["top_logprobs"]
        found = tuple((str(t["token"]), float(t["logprob"])) for t in tops)
    except (LookupError, TypeError, ValueError):
        raise BackendError(
            "logprobs", "the reply holds no log-probabilities for its first token", usage=usage
        ) from None
    if any(not logprob <= 1e-6 for _, logprob in found):  # also NaN
        raise BackendError("bad_json", "log-probabilities above 0", usage=usage)
    return found


def check(spec: JudgeSpec) -> None:
    if not spec.model:
        raise ValueError(
            "`model` is missing: the name under which the server serves it (GET base_url/models lists them)"
        )
    for url in _urls(spec) or ("",):
        try:
            Address(url)
        except ValueError as e:
            raise ValueError(f"`base_url`: {e}") from None


def _urls(spec: JudgeSpec) -> tuple[str, ...]:
    return (spec.base_url,) if isinstance(spec.base_url, str) else tuple(spec.base_url)


def create(spec: JudgeSpec) -> OpenAIBackend:
    return OpenAIBackend(spec)
