"""Prompts and completions as texts: trainers pass them as strings or as messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def text_of(completion: Any) -> str:
    """The completion's text; of a conversation, that of its last assistant message."""
    if isinstance(completion, str):
        return completion
    replies = [m for m in completion if m.get("role", "assistant") == "assistant"]
    return _content_text(replies[-1]) if replies else ""


def prompt_text(prompt: str | Sequence[Mapping[str, Any]]) -> str:
    """A prompt as a judge is to read it: a text, that of a single message, or all messages by role.

    >>> prompt_text([{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is shown?"}]}])
    'What is shown?'
    """
    if isinstance(prompt, str):
        return prompt
    if len(prompt) == 1:
        return _content_text(prompt[0])
    return "\n\n".join(f"{m.get('role', 'user')}: {_content_text(m)}" for m in prompt)


def _content_text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join(str(p.get("text") or "") for p in content or () if p.get("type", "text") == "text")
