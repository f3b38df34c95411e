"""A streamed reply (server-sent events) as the one reply that it adds up to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from evaluators.backends.endpoint.json_texts import parsed


def is_stream(content_type: str, data: bytes) -> bool:
    return content_type == "text/event-stream" or data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"data:", b"event:"))


class Collected(NamedTuple):
    """What a stream adds up to."""

    body: dict[str, Any]
    """A chat completion: texts joined, the rest as it came last."""
    ended: bool
    """Whether the stream came to its end: it may break off, and what it has said by then looks like an answer."""


def collected(data: bytes) -> Collected:
    """The chat completion that the pieces of a stream add up to.

    Raises:
        ValueError: a piece is not a JSON object.
    """
    reply: dict[str, Any] = {}
    message: dict[str, list[Any]] = {}
    choice: dict[str, Any] = {"index": 0}
    logprobs: list[Any] = []
    ended = False
    for text in _events(data):
        if text.strip() == b"[DONE]":
            ended = True
            break
        piece = parsed(text)
        if not isinstance(piece, dict):
            raise ValueError("a piece of the stream is no JSON object")
        reply |= {k: v for k, v in piece.items() if v is not None and k != "choices"}
        parts = piece.get("choices")
        for part in parts if isinstance(parts, list) else ():
            # One answer was asked for. What a server streams of further choices must not get between its pieces.
            if not isinstance(part, dict) or part.get("index", 0) not in (0, None):
                continue
            delta = part.get("delta")
            for name, value in (delta if isinstance(delta, dict) else {}).items():
                message.setdefault(name, []).append(value)
            listed = part.get("logprobs")
            if isinstance(listed, dict) and isinstance(listed.get("content"), list):
                logprobs += listed["content"]
            elif listed:
                choice.setdefault("logprobs", listed)
            choice |= {k: v for k, v in part.items() if v is not None and k not in ("delta", "logprobs")}
    if "error" in reply:
        return Collected(reply, True)
    if logprobs:
        choice["logprobs"] = {"content": logprobs}
    if message:
        choice["message"] = {name: _joined(values) for name, values in message.items()}
    # Not every server sends [DONE]; a finish reason is an end too.
    return Collected({**reply, "choices": [choice]}, ended or choice.get("finish_reason") is not None)


def _joined(values: list[Any]) -> Any:
    """Texts, and lists of parts, one after the other; of anything else the last."""
    present = [v for v in values if v is not None]
    if present and all(isinstance(v, str) for v in present):
        return "".join(present)
    if present and all(isinstance(v, str | list) for v in present):
        return [part for v in present for part in (v if isinstance(v, list) else [v])]
    return present[-1] if present else None


def _events(data: bytes) -> Iterator[bytes]:
    """The data of each event."""
    lines: list[bytes] = []
    for line in data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
        elif not line and lines:
            yield b"\n".join(lines)
            lines = []
    if lines:
        yield b"\n".join(lines)
