"""Chat endpoints as they are: each oddity that servers are known for, asked by both clients, and what must come of it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.backends import endpoint
from evaluators.backends.endpoint.chat import OpenAIBackend
from evaluators.backends.endpoint.completions import NO_PROBABILITY, read_reply
from evaluators.backends.endpoint.failures import read_failure
from evaluators.backends.endpoint.transport import Reply
from evaluators.errors import FATAL, KINDS, BackendError, RunStopped, UserError
from evaluators.images.media import MediaWindow
from evaluators.judges import create
from evaluators.messages import ChatRequest, Image, Message, Text
from evaluators.records import Answer, Candidate, Failure, Item, Label, Media, MediaFile, decode, encode
from evaluators.specs import JudgeSpec
from evaluators.writers.base import Draw, WriterSpec, request_of
from harness_plugins import run
from tests.conftest import MakePairs, png, read_jsonl, write_jsonl
from tests.evaluators.backends.test_transport import request, serving, sized

CLIENTS = ["http", "sdk"]
TEXT = "Response 1 reads the sign.\n<answer>1</answer>"
USAGE = {"prompt_tokens": 10, "completion_tokens": 5}
KEY = "sk-canary+0123456789="


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def completion(content: Any = TEXT, finish: Any = "stop", message: Any = None, choice: Any = None, **more: Any) -> Any:
    said = {"role": "assistant", "content": content, **(message or {})}
    choices = [{"index": 0, "message": said, "finish_reason": finish, "logprobs": None, **(choice or {})}]
    return {"id": "x", "model": "m", "choices": choices, "usage": {**USAGE, "total_tokens": 15}, **more}


def tops(*listed: tuple[str, Any], layout: str = "new") -> dict[str, Any]:
    if layout == "old":
        return {"logprobs": {"tokens": ["1"], "token_logprobs": [-0.1], "top_logprobs": [dict(listed)]}}
    tops = [{"token": t, "logprob": p, "bytes": None} for t, p in listed]
    return {"logprobs": {"content": [{"token": "1", "logprob": -0.1, "top_logprobs": tops}]}}


def events(*pieces: Any, end: str = "data: [DONE]\n\n") -> bytes:
    return "".join(f"data: {json.dumps(p)}\n\n" for p in pieces).encode() + end.encode()


def piece(content: Any = None, finish: Any = None, index: int = 0, **delta: Any) -> dict[str, Any]:
    shown = {"content": content, **delta} if content is not None else delta
    return {"id": "x", "model": "m", "choices": [{"index": index, "delta": shown, "finish_reason": finish}]}


WORDS = [
    piece(role="assistant"),
    piece("Response 1 reads the sign.\n"),
    piece("<answer>1</answer>"),
    piece(finish="stop"),
]


@dataclass(frozen=True)
class Quirk:
    """What a server sends, and what must come of it: an answer with these fields, or an error of this kind."""

    body: Any = None
    """JSON, or bytes as they are sent."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = ""
    """The kind of error; empty for an answer."""
    words: str = ""
    """What the error says, among other things."""
    answer: dict[str, Any] = field(default_factory=lambda: {"text": TEXT})
    usage: dict[str, int] | None = field(default_factory=lambda: dict(USAGE))
    judge: dict[str, Any] = field(default_factory=dict)
    top_logprobs: int = 0

    def sent(self) -> bytes:
        data = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        kind = {} if "Content-Type" in self.headers else {"Content-Type": "application/json"}
        return sized(data, *(f"{k}: {v}" for k, v in {**kind, **self.headers}.items()), status=f"{self.status} X")


def failed(kind: str, words: str, body: Any, status: int = 400, **more: Any) -> Quirk:
    return Quirk(body, status, kind=kind, words=words, usage=more.pop("usage", None), **more)


def refused(**more: Any) -> dict[str, Any]:
    return {"text": "", "finish_reason": "content_filter", **more}


FILTER = {
    "error": {
        "message": "The response was filtered due to the prompt triggering content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}},
    }
}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "maybe <answer>2</answer>"}]}
ONLY_STREAMS = {"error": {"message": "This model only supports stream mode, please enable the stream parameter."}}
LISTED = [("1", -0.1), ("2", -2.4)]

QUIRKS: dict[str, Quirk] = {
    # An answer, in odd clothes.
    "plain": Quirk(completion()),
    "content in parts": Quirk(completion([{"type": "text", "text": TEXT[:9]}, {"type": "output_text", "text": TEXT[9:]}])),
    "content as bare texts": Quirk(completion([TEXT[:9], TEXT[9:]])),
    "thinking in a part": Quirk(
        completion([THINKING, {"type": "text", "text": TEXT}]),
        answer={"text": TEXT, "reasoning": "maybe <answer>2</answer>"},
    ),
    "reasoning beside it, twice": Quirk(
        completion(message={"reasoning": "hm", "reasoning_content": "hm"}), answer={"text": TEXT, "reasoning": "hm"}
    ),
    "half a character": Quirk(
        json.dumps(completion("QQ" + TEXT)).replace("QQ", "\\ud83d").encode(), answer={"text": "\ufffd" + TEXT}
    ),
    "a whole character as a pair": Quirk(
        json.dumps(completion("QQ" + TEXT)).replace("QQ", "\\ud83d\\ude00").encode(), answer={"text": "😀" + TEXT}
    ),
    "no UTF-8": Quirk(
        json.dumps(completion("QQ" + TEXT)).encode().replace(b"QQ", b"\xff\xfe"), answer={"text": "\ufffd\ufffd" + TEXT}
    ),
    "NUL and line separators": Quirk(completion(TEXT + "\0\u2028"), answer={"text": TEXT + "\0\u2028"}),
    "NaN where nobody reads": Quirk(completion(cost=float("nan"), choice={"score": float("-inf")})),
    "a byte order mark": Quirk(b"\xef\xbb\xbf" + json.dumps(completion()).encode()),
    "blanks before and after": Quirk(b"\n\n  \n" + json.dumps(completion()).encode() + b"\n\n"),
    "UTF-16": Quirk(json.dumps(completion()).encode("utf-16")),
    "text/plain": Quirk(completion(), headers={"Content-Type": "text/plain"}),
    "201": Quirk(completion(), status=201),
    "no ids, no usage": Quirk({"choices": [{"message": {"content": TEXT}}]}, usage=None),
    "usage null": Quirk(completion(usage=None), usage=None),
    "choices out of order": Quirk(
        {**completion(), "choices": [{"index": 1, "message": {"content": "2"}}, completion()["choices"][0]]}
    ),
    "an error that is none": Quirk(completion(error={"code": 0, "message": ""})),
    "a base_resp that is none": Quirk(completion(base_resp={"status_code": 0, "status_msg": "success"})),
    # How it ended.
    "MAX_TOKENS within": Quirk(completion("<answer>1", "MAX_TOKENS"), answer={"text": "<answer>1", "finish_reason": "MAX_TOKENS"}),
    "MAX_TOKENS and null": Quirk(completion(None, "MAX_TOKENS"), answer={"text": "", "finish_reason": "MAX_TOKENS"}),
    "length and reasoning": Quirk(
        completion(None, "length", {"reasoning_content": "hm"}), answer={"text": "", "reasoning": "hm", "finish_reason": "length"}
    ),
    "length and no message": Quirk(
        completion(choice={"message": None}, finish="length"), answer={"text": "", "finish_reason": "length"}
    ),
    "SAFETY and null": Quirk(completion(None, "SAFETY"), answer={"text": "", "finish_reason": "SAFETY"}),
    "content_filter: RECITATION": Quirk(
        completion("", "content_filter: RECITATION"), answer={"text": "", "finish_reason": "content_filter: RECITATION"}
    ),
    "filtered and no message": Quirk(
        {**completion(), "choices": [{"index": 0, "finish_reason": "content_filter", "content_filter_result": {}}]},
        answer=refused(),
    ),
    "a refusal": Quirk(completion(None, message={"refusal": "I can't."}), answer={"text": "", "refusal": "I can't."}),
    "a refusal in a part": Quirk(
        completion([{"type": "refusal", "refusal": "I can't."}]), answer={"text": "", "refusal": "I can't."}
    ),
    "prompt_feedback": Quirk(
        {"choices": [], "prompt_feedback": {"block_reason": "SAFETY"}, "usage": USAGE}, answer=refused(refusal="SAFETY")
    ),
    "promptFeedback": Quirk({"promptFeedback": {"blockReason": "OTHER"}}, answer=refused(refusal="OTHER"), usage=None),
    "Azure's 400": Quirk(FILTER, 400, answer=refused(refusal=FILTER["error"]["message"]), usage=None),
    "Alibaba's 400": Quirk(
        {"error": {"code": "data_inspection_failed", "message": "inappropriate"}},
        400,
        answer=refused(refusal="inappropriate"),
        usage=None,
    ),
    "OpenRouter's 403": Quirk(
        {"error": {"code": 403, "message": "flagged", "metadata": {"reasons": ["violence"], "flagged_input": "the text"}}},
        403,
        answer=refused(refusal="flagged"),
        usage=None,
    ),
    "error within": failed("server", "did not finish", completion("<answer>1", "error"), 200, usage=USAGE),
    "error in the choice": failed(
        "server",
        "upstream disconnected",
        completion("<answer>1", "error", choice={"error": {"code": 502, "message": "upstream disconnected"}}),
        200,
        usage=USAGE,
    ),
    "tokens written that are none": Quirk(completion(usage={"prompt_tokens": 9, "completion_tokens": 0}), usage={"prompt_tokens": 9}),
    "no images, under 500": failed(
        "rejected",
        "image input is not supported",
        {"error": {"code": 500, "message": "image input is not supported - hint: provide the mmproj", "type": "server_error"}},
        500,
    ),
    "no images, under 404": failed(
        "rejected", "No endpoints found", {"error": {"message": "No endpoints found that support image input", "code": 404}}, 404
    ),
    "max_tokens that leaves no room": failed(
        "rejected",
        "is too large: 4096",
        {
            "error": {
                "message": "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context length is 4096 "
                "tokens and your request has 300 input tokens (4096 > 4096 - 300)."
            }
        },
    ),
    "compressed in an unknown way": failed(
        "bad_json", "compressed in a way that cannot be read", b"x", 200, headers={"Content-Encoding": "zstd"}
    ),
    "an unknown reason": failed("finish_reason", "complete_reasons: [paused]", completion(finish="paused"), 200, usage=USAGE),
    "a known one of this server": Quirk(
        completion(finish="paused"), judge={"complete_reasons": ["paused"]}, answer={"text": TEXT, "finish_reason": "paused"}
    ),
    "a reason that is a number": failed("finish_reason", "'2'", completion(finish=2), 200, usage=USAGE),
    # No answer, though it may have been paid for.
    "reasoning alone": failed(
        "empty",
        "came as reasoning",
        completion(None, message={"reasoning_content": "long " * 50 + TEXT}),
        200,
        usage=USAGE,
    ),
    "reasoning alone, its end": failed(
        "empty", "...Response 1 reads the sign. <answer>1</answer>", completion("", message={"reasoning": TEXT}), 200, usage=USAGE
    ),
    "nothing": failed("empty", "no content", completion(""), 200, usage=USAGE),
    "a tool call": failed(
        "empty", "calls a tool", completion(None, "tool_calls", {"tool_calls": [{"function": {"name": "f"}}]}), 200, usage=USAGE
    ),
    "a number for a text": failed("bad_json", "its content is not a text", completion(1), 200, usage=USAGE),
    "no choices": failed("bad_json", "no choices", completion(choices=[]), 200, usage=USAGE),
    "a list": failed("bad_json", "a list came", [completion()], 200),
    "a page": failed("html", "base_url", b"<!DOCTYPE html><html>Sign in</html>", 200, headers={"Content-Type": "text/html"}),
    "half": failed("bad_json", "not a chat completion", json.dumps(completion()).encode()[:50], 200),
    "too deep": failed("bad_json", "not a chat completion", b"[" * 100_000, 200),
    "an empty body": failed("bad_json", "not a chat completion", b"", 200),
    # Errors, under any status.
    "200, error with a code": failed("rate_limit", "slow down", {"error": {"message": "slow down", "code": 429}}, 200),
    "200, choices null": failed(
        "quota", "quota of the day", {"choices": None, "error": {"message": "quota of the day is used up", "code": 429}}, 200
    ),
    "200, MiniMax": failed(
        "quota", "balance", {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, 200
    ),
    "200, a list as Gemini's": failed("auth", "not valid", [{"error": {"message": "API key not valid.", "code": 400}}], 200),
    "200, an overloaded one": failed("server", "Overloaded", OVERLOADED, 200),
    "200, a text": failed("server", "no worker", {"error": "no worker"}, 200),
    "401": failed("auth", "bad key", {"error": "bad key"}, 401),
    "400, a wrong key": failed("auth", "not valid", {"error": {"message": "API key not valid. Pass another.", "code": 400}}),
    "400, an expired key": failed("auth", "expired", {"error": {"message": "API key expired. Please renew the API key."}}),
    "402": failed("quota", "Insufficient Balance", {"error": {"message": "Insufficient Balance"}}, 402),
    "429, no quota": failed(
        "quota", "current quota", {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}, 429
    ),
    "429, too fast": failed(
        "rate_limit", "retry in", {"error": {"message": "You exceeded your daily quota. Please retry in 22 s."}}, 429
    ),
    "403, arrears": failed("quota", "standing", {"error": {"code": "Arrearage", "message": "good standing"}}, 403),
    "404, no model": failed("not_found", "does not exist", {"error": {"message": "The model `x` does not exist."}}, 404),
    "400, no model": failed("not_found", "no such", {"error": {"message": "no such", "code": "model_not_found"}}),
    "400, no pictures": failed("rejected", "not a multimodal model", {"error": {"message": "m is not a multimodal model"}}),
    "400, a parameter": failed(
        "rejected", "max_completion_tokens", {"error": {"message": "Use 'max_completion_tokens'", "code": "unsupported_parameter"}}
    ),
    "422, FastAPI": failed(
        "rejected",
        "body.n: too many",
        {"detail": [{"loc": ["body", "n"], "msg": "too many", "input": "context length of my prompt"}]},
        422,
    ),
    "529": failed("server", "Overloaded", OVERLOADED, 529),
    "502, a page": failed(
        "server", "502 Bad Gateway", b"<html><title>502 Bad Gateway</title></html>", 502, headers={"Content-Type": "text/html"}
    ),
    "500, nothing": failed("server", "HTTP 500", b"", 500),
    "307": failed("redirect", "Location is /elsewhere", {}, 307, headers={"Location": "/elsewhere"}),
    "a stream that nobody asked for": failed(
        "stream", "`stream: true` of the judge", events(*WORDS), 200, headers={"Content-Type": "text/event-stream"}
    ),
    "400, streams only": failed("stream", "enable the stream parameter. (`stream: true` of the judge", ONLY_STREAMS),
    # Streams, where they were asked for.
    "a stream": Quirk(
        b": hello\n\n" + events(*WORDS, {"choices": [], "usage": USAGE}),
        headers={"Content-Type": "text/event-stream"},
        judge={"stream": True},
    ),
    "a stream with reasoning": Quirk(
        events(piece(reasoning_content="h"), piece(reasoning_content="m"), piece("un", index=1), *WORDS),
        judge={"stream": True},
        answer={"text": TEXT, "reasoning": "hm"},
        usage=None,
    ),
    "a stream without a mark of its end": Quirk(events(*WORDS, end=""), judge={"stream": True}, usage=None),
    "a stream of CRLF": Quirk(events(*WORDS).replace(b"\n\n", b"\r\n\r\n"), judge={"stream": True}, usage=None),
    "a stream that breaks off": failed(
        "reset",
        "the stream ended",
        events(*WORDS[:3], {"choices": [], "usage": USAGE}, end=""),
        200,
        judge={"stream": True},
        usage=USAGE,
    ),
    "a stream with an error": failed(
        "server", "no more", events(WORDS[1], {"error": {"message": "no more", "code": 500}}), 200, judge={"stream": True}
    ),
    "a stream that is cut": Quirk(
        events(WORDS[1], piece(finish="length")),
        judge={"stream": True},
        answer={"text": TEXT.partition("<")[0], "finish_reason": "length"},
        usage=None,
    ),
    "a whole reply where a stream was asked for": Quirk(completion(), judge={"stream": True}),
    # Log-probabilities.
    "logprobs": Quirk(completion("1", choice=tops(*LISTED)), top_logprobs=20, answer={"top_logprobs": (("1", -0.1), ("2", -2.4))}),
    "logprobs of old": Quirk(
        completion("1", choice=tops(*LISTED, layout="old")), top_logprobs=20, answer={"top_logprobs": (("1", -0.1), ("2", -2.4))}
    ),
    "logprobs without end": Quirk(
        completion("1", choice=tops(*LISTED, ("a", float("-inf")), ("b", None), ("c", -3.4e38))),
        top_logprobs=20,
        answer={"top_logprobs": (("1", -0.1), ("2", -2.4), *((t, NO_PROBABILITY) for t in "abc"))},
    ),
    "a logprob above 0": failed(
        "bad_json", "log-probability of 5", completion("1", choice=tops(("1", 5))), 200, usage=USAGE, top_logprobs=20
    ),
    "a logprob that is no number": failed(
        "bad_json", "log-probability of nan", completion("1", choice=tops(("1", float("nan")))), 200, usage=USAGE, top_logprobs=20
    ),
    "no logprobs": failed("logprobs", "no log-probabilities", completion("1"), 200, usage=USAGE, top_logprobs=20),
    "no logprobs of a filtered answer": Quirk(completion("", "content_filter"), top_logprobs=20, answer=refused()),
    "streamed logprobs": Quirk(
        events(
            piece(role="assistant"),
            {"choices": [{"index": 0, "delta": {"content": "1"}, **tops(*LISTED)}]},
            piece(finish="length"),
        ),
        judge={"stream": True},
        top_logprobs=20,
        answer={"text": "1", "top_logprobs": (("1", -0.1), ("2", -2.4))},
        usage=None,
    ),
}  # fmt: skip

TOO_LONG = [
    "This model's maximum context length is 4096 tokens. However, you requested 5120 tokens.",
    "The decoder prompt (length 20000) is longer than the maximum model length of 16384.",
    "The input (9000 tokens) is longer than the model's context length (4096 tokens).",
    "Requested token count exceeds the model's maximum context length of 4096 tokens.",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000",
    "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000",
    "the request exceeds the available context size, try increasing it",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "Prompt contains 35000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    "Range of input length should be [1, 30720]",
    "Input is too long for requested model.",
    "Please reduce the length of the messages.",
]


@asynccontextmanager
async def asked(
    client: str, script: Any, seen: list[tuple[str, bytes]] | None = None, path: str = "", **judge: Any
) -> AsyncIterator[OpenAIBackend]:
    """A backend, open, whose endpoint is `script`, or sends these bytes to everyone."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            received = await request(reader)
            if seen is not None:
                seen.append(received)
            writer.write(script(json.loads(received[1])) if callable(script) else script)

    async with serving(reply) as url:
        fields = {
            "name": "j",
            "backend": "openai",
            "model": "m",
            "base_url": url + path,
            "client": client,
            "timeout_s": 5,
        }
        if "model_args" in judge:
            judge["model_args"] = {k: v.replace("URL", url.removesuffix("/v1")) for k, v in judge["model_args"].items()}
            del fields["base_url"]
        backend = OpenAIBackend(JudgeSpec.model_validate(fields | judge))
        try:
            await backend.open(MediaWindow())
            yield backend
        finally:
            await backend.close()


def question(top_logprobs: int = 0) -> ChatRequest:
    return ChatRequest((Message("user", (Text("Which?"),)),), {"temperature": 0.0}, top_logprobs)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", QUIRKS)
def test_an_oddity(name: str, client: str) -> None:
    quirk = QUIRKS[name]

    async def once() -> Answer:
        async with asked(client, quirk.sent(), **quirk.judge) as backend:
            return await backend.chat(question(quirk.top_logprobs))

    if quirk.kind:
        with pytest.raises(BackendError) as raised:
            asyncio.run(once())
        error = raised.value
        assert (error.kind, error.usage) == (quirk.kind, quirk.usage), error
        assert quirk.words in error.message and error.kind in KINDS
    else:
        answer = asyncio.run(once())
        expected = {"finish_reason": answer.finish_reason, "refusal": None, "reasoning": None, "text": answer.text}
        expected |= quirk.answer
        assert {k: getattr(answer, k) for k in expected} == expected
        assert answer.usage == quirk.usage
        assert (answer.backend, answer.latency_s is not None) == ("openai", True)
        assert decode(Answer, encode(answer)) == answer, "its line is valid JSON"


@pytest.mark.parametrize("words", TOO_LONG)
def test_too_long_in_the_words_of_each_server(words: str) -> None:
    for body in ({"error": {"message": words, "code": 400}}, {"object": "error", "message": words}, {"error": words}):
        assert read_failure(400, body).kind == "too_long"
    assert read_failure(401, {"error": words}).kind == "auth"


def test_other_statuses_and_codes() -> None:
    assert read_failure(413, None, b"").kind == "too_long"
    assert read_failure(407, None, b"").kind == "proxy"
    assert read_failure(400, {"error": {"message": "no", "code": "context_length_exceeded"}}).kind == "too_long"
    assert read_failure(400, {"error": {"message": "Unknown parameter: 'context_length'"}}).kind == "rejected"


def test_retry_after_ms_is_honoured() -> None:
    quirk = Quirk({"error": "slow"}, 429, {"retry-after-ms": "1500", "Retry-After": "7"})

    async def once(client: str) -> float | None:
        async with asked(client, quirk.sent()) as backend:
            with pytest.raises(BackendError) as raised:
                await backend.chat(question())
        return raised.value.retry_after_s

    assert [asyncio.run(once(client)) for client in CLIENTS] == [1.5, 1.5]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("body", "streamed"),
    [
        (completion([KEY[:9], KEY[9:], TEXT]), False),
        (events(piece(reasoning=KEY[:9]), piece(reasoning=KEY[9:]), *WORDS), True),
        (events(piece(KEY[:9]), piece(KEY[9:]), *WORDS), True),
        (json.dumps(completion(KEY + TEXT)).encode("utf-16"), False),
        (json.dumps(completion(TEXT, message={"reasoning": KEY})).encode("utf-32-le"), False),
    ],
)
def test_a_key_in_pieces_or_in_another_encoding_is_blanked(client: str, body: Any, streamed: bool) -> None:
    async def once() -> Answer:
        kind = {"Content-Type": "text/event-stream"} if streamed else {}
        async with asked(client, lambda _: Quirk(body, headers=kind).sent(), [], "/v1", stream=streamed) as backend:
            return await backend.chat(question())

    answer = asyncio.run(once())
    assert "[key]" in answer.text + str(answer.reasoning) and KEY not in answer.text + str(answer.reasoning)


NAMES = (
    "choices message content finish_reason usage error logprobs refusal reasoning index prompt_feedback block_reason "
)
NAMES += "top_logprobs token logprob delta code metadata details model type text"
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["stop", "SAFETY"])
)


@given(
    value=st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(NAMES.split()) | st.text(max_size=5), inner, max_size=4)
        ),
        max_leaves=12,
    ),
    status=st.sampled_from([200, 201, 302, 400, 403, 429, 500]),
    how=st.sampled_from(["json", "choice", "message", "stream", "raw"]),
    raw=st.binary(max_size=30),
    top_logprobs=st.sampled_from([0, 20]),
    streamed=st.booleans(),
)
def test_whatever_comes_is_an_answer_or_a_failure(
    value: Any, status: int, how: str, raw: bytes, top_logprobs: int, streamed: bool
) -> None:
    wrapped: dict[str, Callable[[], bytes]] = {
        "json": lambda: json.dumps(value).encode(),
        "choice": lambda: json.dumps({"choices": [value], "usage": value}).encode(),
        "message": lambda: json.dumps({"choices": [{"message": value, "logprobs": value}]}).encode(),
        "stream": lambda: events(value, {"choices": [{"delta": value}]}, end=""),
        "raw": lambda: raw,
    }
    try:
        answer = read_reply(Reply(status, {}, wrapped[how]()), question(top_logprobs), (), streamed)
    except BackendError as e:
        result: Failure | Answer = Failure(KINDS[e.kind], e.message, e.http)
    else:
        result = answer
    assert decode(type(result), encode(result)) == result, "its line is valid JSON"


@pytest.mark.parametrize("choices", [True, 1, "text", {"index": 0}, [True], [[]]])
def test_a_stream_whose_choices_are_no_list_says_nothing(choices: Any) -> None:
    with pytest.raises(BackendError):
        read_reply(Reply(200, {}, events({"choices": choices})), question(0), (), True)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_query_stays_behind_the_path_and_its_secrets_are_blanked(client: str) -> None:
    secret = "AIza-0123456789abcdefghi"
    seen: list[tuple[str, bytes]] = []

    def echo(body: Any) -> bytes:
        return Quirk(completion(f"{secret} {TEXT}")).sent()

    async def once() -> Answer:
        path = f"/deployments/x?api-version=2024-06-01&key={secret}"
        async with asked(client, echo, seen, path) as backend:
            return await backend.chat(question())

    answer = asyncio.run(once())
    assert seen[0][0].startswith(
        f"POST /v1/deployments/x/chat/completions?api-version=2024-06-01&key={secret} HTTP/1.1"
    )
    assert answer.text == f"[key] {TEXT}"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_key_that_is_named_must_be_there_and_the_default_one_need_not(
    client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    seen: list[tuple[str, bytes]] = []
    echo = Quirk(completion(TEXT))

    async def once(**fields: Any) -> Answer:
        async with asked(client, echo.sent(), seen, **fields) as backend:
            return await backend.chat(question())

    asyncio.run(once())
    assert "authorization:" not in seen[0][0].lower() and "api-key" not in seen[0][0].lower()
    for fields in ({"api_key_env": "UNSET"}, {"api_key_env": "OPENAI_API_KEY"}, {"headers": {"X": {"env": "UNSET"}}}):
        with pytest.raises(UserError, match=r"the environment variable .* is not set"):
            asyncio.run(once(**fields))
    assert len(seen) == 1


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("fields", "sent", "absent"),
    [
        ({}, {"authorization": f"Bearer {KEY}"}, ["api-key"]),
        ({"api_key_header": "api-key"}, {"api-key": KEY}, ["authorization"]),
        (
            {"headers": {"X-Title": "a study", "X-Gateway": {"env": "GATEWAY"}}},
            {"authorization": f"Bearer {KEY}", "x-title": "a study", "x-gateway": "Token gate-0123456789"},
            [],
        ),
    ],
)
def test_headers_and_keys(
    client: str, fields: dict[str, Any], sent: dict[str, str], absent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY", "Token gate-0123456789")
    seen: list[tuple[str, bytes]] = []
    echo = Quirk(completion(f"{KEY} gate-0123456789 {TEXT}"))

    async def once() -> Answer:
        async with asked(client, echo.sent(), seen, **fields) as backend:
            return await backend.chat(question())

    text = asyncio.run(once()).text
    headers = dict(line.split(": ", 1) for line in seen[0][0].split("\r\n")[1:] if ": " in line)
    lower = {k.lower(): v for k, v in headers.items()}
    assert {k: lower.get(k) for k in sent} == sent
    assert not lower.keys() & set(absent)
    if "env" in str(fields.get("headers")):
        assert text == f"[key] [key] {TEXT}"


SURPRISES = {
    "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
    "OPENAI_ORG_ID": "org-surprise",
    "OPENAI_PROJECT_ID": "proj-surprise",
    "OPENAI_ADMIN_KEY": "sk-surprise",
    "OPENAI_CUSTOM_HEADERS": "X-Surprise: surprise",
    "AZURE_OPENAI_AD_TOKEN": "surprise",
    "AZURE_OPENAI_API_KEY": "surprise",
    "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:1",
    "OPENAI_API_VERSION": "surprise",
}


def test_nothing_of_the_environment_changes_where_the_sdk_asks_or_as_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SURPRISES.items():
        monkeypatch.setenv(name, value)
    seen: list[tuple[str, bytes]] = []
    azure = {"azure_endpoint": "URL", "api_version": "2024-06-01"}

    async def both() -> None:
        for more in ({}, {"model_args": azure, "model": "gpt-4o"}):
            async with asked("sdk", Quirk(completion()).sent(), seen, **more) as backend:
                assert (await backend.chat(question())).text == TEXT

    asyncio.run(both())
    plain, deployed = (head for head, _ in seen)
    assert plain.startswith("POST /v1/chat/completions HTTP/1.1\r\n") and f"Authorization: Bearer {KEY}\r\n" in plain
    assert deployed.startswith("POST /openai/deployments/gpt-4o/chat/completions?api-version=2024-06-01 HTTP/1.1\r\n")
    assert f"api-key: {KEY}\r\n" in deployed and "authorization:" not in deployed.lower()
    assert not any("surprise" in head for head, _ in seen)


def test_both_clients_send_the_same_request(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(7))
    image = Image(MediaFile(str(tmp_path / "a.png"), "", 0))
    content = (Text("Which? é 😀 "), image, Text("or"), image)
    asks = ChatRequest((Message("user", content),), {"temperature": 0.0, "max_tokens": 7}, 5, seed=3)
    bodies = []

    async def once(client: str) -> None:
        seen: list[tuple[str, bytes]] = []
        reply = Quirk(completion("1", choice=tops(*LISTED))).sent()
        async with asked(client, reply, seen, extra_body={"top_k": 3, "response_format": {"type": "text"}}) as backend:
            await backend.chat(asks)
        bodies.append(json.loads(seen[0][1]))

    for client in CLIENTS:
        asyncio.run(once(client))
    assert bodies[0] == bodies[1]
    assert bodies[0]["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"extra_body": {"stream": True}}, "`stream: true` beside extra_body"),
        ({"headers": {"Authorization": "Bearer abc"}}, "Authorization: {env: NAME}"),
        ({"headers": {"api-key": "abc"}}, "api-key: {env: NAME}"),
        ({"headers": {"Host": "x"}}, "leave it out"),
        ({"headers": {"a b": "x"}}, "not a valid name of a header"),
        ({"headers": {"X": "a\r\nY: b"}}, "no header may"),
        ({"api_key_header": "a b"}, "not a valid name of a header"),
        ({"api_key_header": "X-Key", "headers": {"x-key": {"env": "A"}}}, "name it once"),
        ({"model_args": {"azure_endpoint": "https://x", "api_version": "1"}}, "`client: sdk`"),
        ({"client": "sdk", "model_args": {"azure_endpoint": "https://x"}}, "two texts"),
        ({"client": "sdk", "model_args": {"azure_endpoint": "https://x", "api_version": "1"}}, "leave base_url out"),
        ({"top_logprobs": 5}, "`verdict: direct`"),
        ({"backend": "baseline", "name": "first", "model": "first", "stream": True}, "belongs to the backend openai"),
    ],
)
def test_what_does_not_fit_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError) as raised:
        JudgeSpec.model_validate({"name": "j", "backend": "openai", "model": "m", "base_url": "http://h/v1", **fields})
    assert complaint in str(raised.value)


def test_the_sdk_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    monkeypatch.delitem(sys.modules, "evaluators.backends.endpoint.sdk", raising=False)
    monkeypatch.delattr(endpoint, "sdk", raising=False)
    fields = {"name": "j", "backend": "openai", "model": "m", "base_url": "http://h/v1"}
    create(JudgeSpec.model_validate(fields))
    with pytest.raises(UserError, match=r"pip install 'rubric-harness\[openai\]'"):
        create(JudgeSpec.model_validate({**fields, "client": "sdk"}))


def test_how_an_endpoint_is_reached_is_in_no_key() -> None:
    plain: dict[str, Any] = {"name": "j", "backend": "openai", "model": "m", "base_url": "http://h/v1"}
    azure = {"azure_endpoint": "https://x", "api_version": "1"}
    same: list[dict[str, Any]] = [
        {"client": "sdk"},
        {"client": "sdk", "model_args": azure, "base_url": ""},
        {"stream": True},
        {"headers": {"X-Title": "a"}},
        {"api_key_header": "api-key"},
        {"media": "shown"},
    ]
    digests = {JudgeSpec.model_validate(plain | fields).digest for fields in [{}, *same]}
    assert len(digests) == 1
    other = [{"media": "none"}, {"verdict": "direct"}, {"verdict": "direct", "top_logprobs": 5}]
    assert len(digests | {JudgeSpec.model_validate(plain | fields).digest for fields in other}) == 4


def config(rows: Path, url: str, more: str) -> str:
    judge = f"{{name: j, backend: openai, model: m, base_url: '{url}', retries: 1, {more}}}"
    return f"benchmarks: [{{name: pairs, path: '{rows}'}}]\narms: [none]\njudges: [{judge}]\nout: out\n"


def ran(script: Any, rows: Path, write: Callable[[str], Path], more: str, path: str = "") -> list[tuple[str, bytes]]:
    """Run a config against `script`; what was asked."""
    seen: list[tuple[str, bytes]] = []

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append(await request(reader))
            writer.write(script(json.loads(seen[-1][1])) if callable(script) else script)

    async def once() -> None:
        async with serving(reply) as url:
            await asyncio.to_thread(run, write(config(rows, url + path, more)))

    asyncio.run(once())
    return seen


@pytest.mark.parametrize("client", CLIENTS)
def test_no_secret_is_written(
    client: str,
    make_pairs: MakePairs,
    write_config: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = "gate+0123456789/="
    monkeypatch.setenv("GATEWAY", secret)

    def echo(body: Any) -> bytes:
        return Quirk(completion(f"{KEY} {secret} {TEXT}")).sent()

    ran(
        echo,
        make_pairs(2),
        write_config,
        f"client: {client}, headers: {{X-Gateway: {{env: GATEWAY}}}}",
        "?key=AIza-0123456789abcdefghi",
    )
    for file in (tmp_path / "out").iterdir():
        for word in (KEY, secret, "AIza-", "GATEWAY"):
            assert word.encode() not in file.read_bytes(), (file, word)
    assert {v["answer"]["text"] for v in read_jsonl(tmp_path / "out" / "verdicts.jsonl")} == {f"[key] [key] {TEXT}"}


@pytest.mark.parametrize(
    ("quirk", "words"),
    [
        (QUIRKS["402"], "Insufficient Balance.*add money"),
        (QUIRKS["307"], "Location is /elsewhere.*set base_url"),
        (QUIRKS["400, streams only"], "only supports stream.*set `stream: true` of the judge"),
        (QUIRKS["a stream that nobody asked for"], "set `stream: true` of the judge"),
        (QUIRKS["400, an expired key"], "expired.*api_key_env"),
    ],
)
def test_what_asking_on_cannot_mend_stops_the_run_with_the_servers_words(
    quirk: Quirk, words: str, make_pairs: MakePairs, write_config: Callable[[str], Path]
) -> None:
    assert quirk.kind in FATAL
    with pytest.raises(RunStopped, match=words):
        ran(quirk.sent(), make_pairs(40, images=False), write_config, "concurrency: 4")


def _without_five(body: Any) -> bytes:
    if body["top_logprobs"] > 5:
        return Quirk({"error": {"message": "'top_logprobs' must be less than or equal to 5."}}, 400).sent()
    return Quirk(completion("1", choice=tops(*LISTED))).sent()


def test_a_server_that_takes_fewer_alternatives_is_told_how(
    make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    rows = make_pairs(2)
    with pytest.raises(UserError, match=r"less than or equal to 5.*Set `top_logprobs: 5` of the judge"):
        ran(_without_five, rows, write_config, "verdict: direct")
    seen = ran(_without_five, rows, write_config, "verdict: direct, top_logprobs: 5")
    assert len(seen) == 1 + 4 and {json.loads(body)["top_logprobs"] for _, body in seen} == {5}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert manifest["judges"]["j"]["key"]["top_logprobs"] == 5


def test_a_server_that_begins_anew_in_place_of_going_on_is_found(
    make_pairs: MakePairs, write_config: Callable[[str], Path]
) -> None:
    anew = Quirk(completion("<", choice=tops(("<", -0.01), ("1", -5.0), ("2", -6.0)))).sent()
    with pytest.raises(
        UserError, match=r"began a new answer with '<': it ignores continue_final_message.*vLLM and SGLang"
    ):
        ran(anew, make_pairs(2), write_config, "verdict: reasoned")


def test_a_weak_model_that_goes_on_with_no_digit_is_none_of_these(
    make_pairs: MakePairs, write_config: Callable[[str], Path]
) -> None:
    """It reads another prompt where it is not asked to go on, and shows it by its tokens or their probabilities."""
    anew = completion("I", choice=tops(("I", -0.01), ("1", -5.0), ("2", -6.0)))
    goes_on = completion("the", choice=tops(("the", -0.7), ("1", -1.5), ("2", -2.0)))

    def answers(body: dict[str, Any]) -> bytes:
        if "logprobs" not in body:
            return Quirk(completion()).sent()
        return Quirk(goes_on if body.get("continue_final_message") else anew).sent()

    seen = ran(answers, make_pairs(1), write_config, "verdict: reasoned")
    assert len(seen) == 2 + 2 * 2, "two to find out, and both calls of both orders"


def test_a_judge_that_reads_text_alone(
    make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    seen = ran(Quirk(completion()).sent(), make_pairs(2), write_config, "media: none")
    contents = [json.loads(body)["messages"][0]["content"] for _, body in seen]
    assert len(contents) == 4
    assert all(isinstance(c, str) and "media that are not available here" in c for c in contents)
    assert b"image_url" not in b"".join(body for _, body in seen)
    assert {v["status"] for v in read_jsonl(tmp_path / "out" / "verdicts.jsonl")} == {"ok"}


def test_a_judge_that_reads_text_alone_is_refused_where_images_are_compared(
    write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(png(ord(name)))
    candidates = [{"media": ["a.png"]}, {"media": ["b.png"]}]
    rows = write_jsonl(tmp_path / "rows.jsonl", [{"id": 1, "prompt": "a cat", "candidates": candidates, "label": 0}])
    with pytest.raises(UserError, match=r"'j': `media: none`, and the candidates of 'pairs' are images"):
        ran(Quirk(completion()).sent(), rows, write_config, "media: none")
    assert not (tmp_path / "out").exists(), "before anything was asked"


def test_a_writer_that_reads_text_alone(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    image = Media("a.png", "image", (MediaFile(str(tmp_path / "a.png")),))
    candidates = (Candidate("a"), Candidate("b"))
    item = Item("x:1", "x", "1", 0, "q", candidates, (0, 1), Label(preferred=0), media=(image,))
    fields: dict[str, Any] = {
        "name": "w",
        "backend": "openai",
        "model": "m",
        "base_url": "http://h/v1",
        "media": "none",
    }
    spec = WriterSpec.model_validate({**fields, "method": "arr_zero_shot"})
    (part,) = request_of(spec, Draw(item, "nothing")).messages[0].parts
    assert isinstance(part, Text) and "not available here" in part.text
    assert spec.writer().sampling["media"] == "none"
    row = {"prompt": "p", "preferred": ["a.png"], "dispreferred": "nothing", "rationale": "It is one."}
    guided = {"method": "arr_guided", "exemplars": write_jsonl(tmp_path / "guide.jsonl", [row])}
    with pytest.raises(UserError, match=r"guide.jsonl: its exemplars show images, which `media: none` of 'w'"):
        request_of(WriterSpec.model_validate({**fields, **guided}), Draw(item, "nothing"))
