"""A streamed reply as the one reply that it adds up to. How a whole judgement takes it: tests/evaluators/backends/test_endpoints.py."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evaluators.backends.endpoint.streams import collected, is_stream


def events(*pieces: Any, end: str = "data: [DONE]\n\n") -> bytes:
    return ("".join(f"data: {json.dumps(p)}\n\n" for p in pieces) + end).encode()


def delta(text: str | None = None, finish: str | None = None, index: int = 0) -> dict[str, Any]:
    return {"id": "1", "choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]}


def test_texts_add_up() -> None:
    reply, whole = collected(events(delta("Th"), delta("is"), delta(finish="stop"), {"usage": {"total_tokens": 3}}))
    assert whole
    assert reply["choices"] == [{"index": 0, "finish_reason": "stop", "message": {"content": "This"}}]
    assert reply["usage"] == {"total_tokens": 3}


@pytest.mark.parametrize(
    ("data", "is_whole"),
    [
        (events(delta("half"), end=""), False),
        (events(delta("half"), end="data: [DONE]\n\n"), True),
        (events(delta("all", "stop"), end=""), True),
        (events({"error": {"message": "overloaded"}}, end=""), True),
    ],
)
def test_a_stream_may_break_off(data: bytes, is_whole: bool) -> None:
    assert collected(data)[1] is is_whole


def test_other_choices_do_not_mix_in() -> None:
    reply, _ = collected(events(delta("mine"), delta("another's", index=1), delta("!", "stop")))
    assert reply["choices"][0]["message"]["content"] == "mine!"


def test_probabilities_add_up() -> None:
    pieces = [
        {"choices": [{"index": 0, "delta": {"content": t}, "logprobs": {"content": [{"token": t}]}}]} for t in "ab"
    ]
    reply, _ = collected(events(*pieces))
    assert reply["choices"][0]["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}


def test_any_line_ends_and_comments() -> None:
    data = b': hello\r\ndata: {"id": "1",\r\ndata:  "choices": []}\r\n\r\ndata: [DONE]\r\r'
    reply, whole = collected(data)
    assert whole and reply["id"] == "1"


def test_a_piece_that_is_no_object() -> None:
    with pytest.raises(ValueError, match="no JSON object"):
        collected(events([1, 2]))


def test_what_is_a_stream() -> None:
    assert is_stream("text/event-stream", b"")
    assert is_stream("application/json", b"\xef\xbb\xbf\ndata: {}")
    assert not is_stream("application/json", b'{"data": 1}')
