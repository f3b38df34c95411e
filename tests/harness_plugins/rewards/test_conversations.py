"""Prompts and completions as trainers pass them: texts, messages, messages in parts."""

from __future__ import annotations

from typing import Any

import pytest

from harness_plugins.rewards.conversations import prompt_text, text_of


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("plain", "plain"),
        ([{"role": "assistant", "content": "said"}], "said"),
        ([{"role": "assistant", "content": [{"type": "text", "text": "in parts"}]}], "in parts"),
        (
            [
                {"role": "assistant", "content": "a"},
                {"role": "tool", "content": "t"},
                {"role": "assistant", "content": "b"},
            ],
            "b",
        ),
        ([{"role": "assistant", "content": None}], ""),
        ([], ""),
    ],
)
def test_the_completion_is_what_the_policy_said_last(completion: Any, text: str) -> None:
    assert text_of(completion) == text


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("plain", "plain"),
        ([{"role": "user", "content": "asked"}], "asked"),
        ([{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "in parts"}]}], "in parts"),
        (
            [{"role": "system", "content": "be short"}, {"role": "user", "content": "why?"}],
            "system: be short\n\nuser: why?",
        ),
    ],
)
def test_a_judge_reads_all_that_the_policy_was_asked(prompt: Any, text: str) -> None:
    assert prompt_text(prompt) == text
