"""Chat completions as servers really send them, read into an `Answer`, or into the failure that they are.

Fields that are not read may hold anything. Fields that are read are read without guessing; where one cannot be, the error says
what came and what to do.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from evaluators.backends.endpoint.failures import STREAM_FIX, is_page, read_failure, redirected
from evaluators.backends.endpoint.json_texts import parsed, text_in
from evaluators.backends.endpoint.streams import collected, is_stream
from evaluators.backends.endpoint.transport import SHOWN, Reply
from evaluators.errors import BackendError
from evaluators.messages import ChatRequest
from evaluators.records import Answer, TopLogprobs
from evaluators.replies.digits import NO_PROBABILITY
from evaluators.replies.finish import check_finished, ending
from evaluators.usage import read_usage


def read_reply(
    reply: Reply,
    request: ChatRequest,
    complete_reasons: Collection[str] = (),
    streamed: bool = False,
    **call_fields: Any,
) -> Answer:
    """The answer that a reply holds.

    Args:
        complete_reasons: further finish reasons that mean a whole answer (a judge's `complete_reasons`).
        streamed: whether a stream was asked for.
        call_fields: fields of the answer that no reply holds (latency, sampling, ...).

    Raises:
        BackendError: it holds none, with what it cost anyway.
    """
    if 300 <= reply.status < 400:
        raise redirected(reply)
    body = _body(reply, streamed)
    usage = read_usage(body.get("usage")) if isinstance(body, dict) else None
    failed = _failure_in(body) if reply.good else body
    if failed is not None or not reply.good:
        failure = read_failure(reply.status, failed, reply.body)
        if failure.filtered:
            return Answer(
                text="",
                answer_format=request.answer_format,
                finish_reason="content_filter",
                refusal=failure.words[:SHOWN] or None,
                usage=usage,
                **call_fields,
            )
        raise failure.error(reply, usage, wrote=reply.good and isinstance(body, dict) and bool(body.get("choices")))
    return _Completion(body, usage).answer(request, complete_reasons, call_fields)


def _body(reply: Reply, streamed: bool) -> Any:
    """The reply as JSON; None for a failure that is none."""
    try:
        if not is_stream(reply.content_type, reply.body):
            return parsed(reply.body)
        # A failure is read however it comes, an answer in a stream only where one was asked for.
        if streamed or not reply.good:
            stream = collected(reply.body)
            if not stream.ended and reply.good:
                usage = read_usage(stream.body.get("usage"))
                raise BackendError(
                    "reset", "the stream ended before the answer did", http=reply.status, usage=usage, wrote=True
                )
            return stream.body
    except (ValueError, RecursionError) as e:
        if not reply.good:
            return None
        if reply.content_type == "text/html" or is_page(reply.body):
            raise BackendError(
                "html", "a web page came back; is base_url right (it usually ends in /v1)?", http=reply.status
            ) from None
        raise BackendError("bad_json", f"not a chat completion: {e}"[:SHOWN], http=reply.status) from None
    raise BackendError(
        "stream", f"the endpoint streamed its answer, and no stream was asked for{STREAM_FIX}", http=reply.status
    )


def _failure_in(body: Any) -> Any:
    """What a reply with a good status says went wrong; None where it holds an answer."""
    if isinstance(body, list) and len(body) == 1 and isinstance(body[0], dict) and body[0].get("error"):
        return body[0]
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    # Some servers send an error with every answer, empty: {"code": 0, "message": ""}.
    if any(error.values()) if isinstance(error, dict) else error:
        return body
    choices = body.get("choices")
    if isinstance(choices, list) and choices:
        choice = _chosen(choices)
        # A server that passes requests on may put the failure of the server behind it into the choice.
        inside = choice.get("error") or (choice.get("message") or {}).get("error")
        return {"error": inside} if inside else None
    # A body without choices and without words is no failure that could be named: the reader of answers says what is
    # missing.
    return None if _blocked(body) or not read_failure(0, body).words else body


def _chosen(choices: list[Any]) -> dict[str, Any]:
    """The first choice: that of index 0, wherever it is."""
    choice = choices[0]
    if len(choices) > 1 or not isinstance(choice, dict):
        objects = [c for c in choices if isinstance(c, dict)]
        choice = next((c for c in objects if c.get("index") == 0), objects[0] if objects else {})
    return choice if isinstance(choice.get("message"), dict) else {**choice, "message": None}


def _blocked(body: dict[str, Any]) -> str | None:
    """Why a prompt was blocked, as Gemini says it beside an answer without candidates."""
    for name in ("prompt_feedback", "promptFeedback"):
        feedback = body.get(name)
        if isinstance(feedback, dict):
            reason = feedback.get("block_reason") or feedback.get("blockReason")
            if reason and reason != "BLOCK_REASON_UNSPECIFIED":
                return text_in(feedback.get("block_reason_message")) or str(reason)
    return None


_REASONING = ("reasoning_content", "reasoning", "thinking")
"""Fields of a message in which servers put it."""


class _Texts(NamedTuple):
    """What a message says."""

    content: str
    reasoning: str | None
    refusal: str | None


class _Completion:
    """A body with a good status and no error in it."""

    def __init__(self, body: Any, usage: dict[str, int] | None) -> None:
        self._usage = usage
        if not isinstance(body, dict):
            raise self._odd(f"{'a list' if isinstance(body, list) else type(body).__name__} came, not an object")
        self._body = body
        self._blocked = _blocked(body)
        choices = body.get("choices")
        if not isinstance(choices, list) or not choices:
            if not self._blocked:
                raise self._odd("it has no choices")
            choices = [{}]
        self._choice = _chosen(choices)

    def _odd(self, why: str) -> BackendError:
        return BackendError("bad_json", f"not a chat completion: {why}"[:SHOWN], usage=self._usage)

    def answer(self, request: ChatRequest, complete_reasons: Collection[str], call_fields: Mapping[str, Any]) -> Answer:
        """The answer; `call_fields` as in `read_reply`.

        Raises:
            BackendError: the reply holds none.
        """
        message = self._choice.get("message") or {}
        finish = _finish(self._choice.get("finish_reason"))
        family = ending(finish, complete_reasons)
        text, reasoning, refusal = self._texts(message)
        # Gemini blocks a prompt without any choice: that is a refusal.
        if self._blocked and not text:
            finish, family, refusal = "content_filter", "filtered", refusal or self._blocked
        if (text or reasoning) and self._usage and self._usage.get("completion_tokens") == 0:
            # That cannot be true, and would make what was written free.
            self._usage = {k: v for k, v in self._usage.items() if k != "completion_tokens"}
        tops = None
        # A refusal is an answer, so nothing is missed in it: no text, no message, no probabilities.
        if family != "filtered" and not refusal:
            if not text.strip() and family != "cut":
                self._check_called(message)
            check_finished(finish, complete_reasons, usage=self._usage)
            if not message and family != "cut":
                raise self._odd("it has no message")
            if request.top_logprobs:
                tops = self._first_token()
            elif not text.strip() and family != "cut":
                raise BackendError("empty", _empty(reasoning), usage=self._usage)
        return Answer(
            text=text,
            answer_format=request.answer_format,
            reasoning=reasoning,
            finish_reason=finish,
            refusal=refusal,
            top_logprobs=tops,
            usage=self._usage,
            model=text_in(self._body.get("model")),
            fingerprint=text_in(self._body.get("system_fingerprint")),
            **call_fields,
        )

    def _texts(self, message: dict[str, Any]) -> _Texts:
        content = message.get("content")
        if content is not None and not isinstance(content, str | list | dict):
            raise self._odd("its content is not a text")
        by_kind: dict[str, list[str]] = {"text": [], "reasoning": [], "refusal": []}
        for kind, text in _parts(content):
            by_kind[kind].append(text)
        # Some servers send the same reasoning in two of these fields.
        apart = dict.fromkeys(_joined(message[f]) for f in _REASONING if message.get(f))
        reasoning = "\n".join([*filter(None, apart), *by_kind["reasoning"]])
        refusal = _joined(message.get("refusal")) or "".join(by_kind["refusal"])
        return _Texts("".join(by_kind["text"]), reasoning or None, refusal or None)

    def _check_called(self, message: dict[str, Any]) -> None:
        calls = message.get("tool_calls") or message.get("function_call")
        if calls:
            raise BackendError(
                "empty",
                "the reply calls a tool and says nothing: leave tools out of extra_body, or turn tool calling off in the server",
                usage=self._usage,
            )

    def _first_token(self) -> TopLogprobs:
        """The alternatives of the first token, in the layout of chat completions or in the older one of completions."""
        logprobs = self._choice.get("logprobs")
        logprobs = logprobs if isinstance(logprobs, dict) else {}
        content, older = logprobs.get("content"), logprobs.get("top_logprobs")
        tops: list[tuple[Any, Any]] | None = None
        if isinstance(content, list) and content and isinstance(content[0], dict):
            listed = content[0].get("top_logprobs")
            if isinstance(listed, list) and all(isinstance(t, dict) for t in listed):
                tops = [(t.get("token"), t.get("logprob")) for t in listed]
        elif isinstance(older, list) and older and isinstance(older[0], dict):
            tops = list(older[0].items())
        if not tops or not all(isinstance(token, str) for token, _ in tops):
            raise BackendError(
                "logprobs", "the reply holds no log-probabilities for its first token", usage=self._usage
            )
        return tuple((text_in(token) or "", self._logprob(value)) for token, value in tops)

    def _logprob(self, value: Any) -> float:
        if value is None:
            return NO_PROBABILITY
        # Rounding may put a log-probability a little above 0.
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value) or value > 1e-6:
            raise BackendError("bad_json", f"a log-probability of {value!r}"[:SHOWN], usage=self._usage)
        # Servers write minus infinity as null, -Infinity or the least float of 32 bits.
        return max(float(value), NO_PROBABILITY) if value > -1e300 else NO_PROBABILITY


def _finish(reason: Any) -> str | None:
    """A finish reason as text, whatever a server makes of it."""
    if reason is None or isinstance(reason, str):
        return text_in(reason)
    return json.dumps(reason)[:100]


class _Piece(NamedTuple):
    """A text of a content, and what it is: `text`, `reasoning` or `refusal`."""

    kind: str
    text: str


def _parts(content: Any, depth: int = 0) -> Iterator[_Piece]:
    """The texts of a content."""
    if isinstance(content, str):
        yield _Piece("text", text_in(content) or "")
    # A reply may be nested as deep as its server likes.
    elif depth > 5:
        return
    elif isinstance(content, list):
        for part in content:
            yield from _parts(part, depth + 1)
    elif isinstance(content, dict):
        name = str(content.get("type") or "text").lower()
        kind = "reasoning" if "think" in name or "reason" in name else "refusal" if name == "refusal" else "text"
        if kind == "text" and name not in ("text", "output_text"):
            return  # a picture, a citation, a call
        fields = ("text", "value", "content", "thinking", "reasoning", "summary", "refusal")
        inner = next((content[f] for f in fields if content.get(f)), None)
        yield from (_Piece(kind if p.kind == "text" else p.kind, p.text) for p in _parts(inner, depth + 1))


def _joined(content: Any) -> str:
    """All texts of a content, whatever they are."""
    return "".join(text for _, text in _parts(content)) if content else ""


def _empty(reasoning: str | None) -> str:
    if not reasoning or not reasoning.strip():
        return "the reply has no content"
    end = " ".join(reasoning.split())[-120:]
    return (
        "all text came as reasoning and none as the answer: start the server without its reasoning parser, or raise max_tokens; "
        f"it ends: ...{end}"
    )
