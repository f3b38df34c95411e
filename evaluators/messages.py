"""What a chat backend is asked and what it answers: the one interface between judging and engines.

A backend knows messages, sampling and answers. It knows neither rubrics nor items nor orders: those live above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from evaluators.images.media import MediaWindow
from evaluators.records import Answer, MediaFile


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """One image, by its file; the bytes are taken from the `MediaWindow` when the request is sent."""

    file: MediaFile
    max_pixels: int | None = None
    """Shown no larger than this; None leaves the bytes as they are."""


Part = Text | Image


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to a model.

    `sampling` holds OpenAI-style fields (temperature, max_tokens, seed, ...); a field that is absent is not sent.
    `top_logprobs` > 0 asks for that many alternatives of the first generated token. `affinity` names what the
    request shares its prefix with: requests of one affinity go to one replica, where a backend has several.
    """

    messages: tuple[Message, ...]
    sampling: dict[str, Any] = field(default_factory=dict)
    top_logprobs: int = 0
    answer_format: str = "tag"
    affinity: str = ""
    seed: int | None = None
    """Set where sampling is to be repeatable: another one for each sample, so it is not part of `sampling`."""
    continues: bool = False
    """The last message is the assistant's own, begun: the model must continue it."""


class ChatBackend(Protocol):
    """An engine that answers chat requests. Every backend module offers `create(judge) -> ChatBackend`.

    `chat` raises `errors.BackendError`; retries, pacing and the journal are the engine's business, not the backend's.
    `in_process` backends are run one after the other and closed between; the rest run side by side.
    """

    name: str
    in_process: bool

    async def open(self, media: MediaWindow) -> None: ...

    async def chat(self, request: ChatRequest) -> Answer: ...

    async def close(self) -> None: ...


def text_of(messages: Sequence[Message]) -> str:
    """The messages as plain text for people: an image becomes `[image: path]`."""
    return "\n".join(
        part.text if isinstance(part, Text) else f"[image: {part.file.path}]" for m in messages for part in m.parts
    )


def within_budget(messages: tuple[Message, ...], max_pixels: int | None) -> tuple[Message, ...]:
    """The messages with their images to be shown no larger than `max_pixels`; None leaves them as they are."""
    if max_pixels is None:
        return messages
    return tuple(
        replace(m, parts=tuple(replace(p, max_pixels=max_pixels) if isinstance(p, Image) else p for p in m.parts))
        for m in messages
    )
