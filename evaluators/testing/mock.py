"""A judge and a chat backend for tests, ours and yours: answers come from a function, no server and no model.

from evaluators.testing.mock import MockJudge
result = harness_plugins.run(config, judges={"qwen": MockJudge(spec, lambda case: "1")})
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from evaluators.errors import BackendError
from evaluators.images.media import MediaWindow
from evaluators.judges import ChatJudge
from evaluators.messages import ChatRequest
from evaluators.prompts.template import Case
from evaluators.records import Answer
from evaluators.specs import JudgeSpec

Reply = str | Answer | BackendError
"""What a mock says: "1" or "2" for a plain verdict, any other text as it is, a whole Answer, or a failure."""


def _answer(reply: Reply, answer_format: str) -> Answer:
    if isinstance(reply, BackendError):
        raise reply
    if isinstance(reply, Answer):
        return replace(reply, answer_format=answer_format)
    text = f"Because.\n<answer>{reply}</answer>" if reply in ("1", "2") else reply
    return Answer(text, answer_format, finish_reason="stop", model="mock", backend="mock", backend_version="1")


class MockJudge:
    """Decides by a function of the case, so a test says what the judge *sees*: order, responses, rubric."""

    in_process = False
    sees_media = False

    def __init__(self, spec: JudgeSpec, reply: Callable[[Case], Reply], latency_s: float = 0.0) -> None:
        self.spec = spec
        self.cases: list[Case] = []
        self._reply = reply
        self._latency_s = latency_s

    async def open(self, media: MediaWindow) -> None:
        pass

    async def decide(self, case: Case, seed: str) -> Answer:
        self.cases.append(case)
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        return _answer(self._reply(case), self.spec.text_format(self.spec.question_for(case)))

    async def close(self) -> None:
        pass


class MockBackend:
    """Answers rendered requests by a function, so a test says what is *sent*: the messages, word for word."""

    name = "mock"
    in_process = False

    def __init__(self, reply: Callable[[ChatRequest], Reply]) -> None:
        self.requests: list[ChatRequest] = []
        self._reply = reply

    async def open(self, media: MediaWindow) -> None:
        pass

    async def chat(self, request: ChatRequest) -> Answer:
        self.requests.append(request)
        return _answer(self._reply(request), request.answer_format)

    async def close(self) -> None:
        pass


def mock_chat_judge(spec: JudgeSpec, reply: Callable[[ChatRequest], Reply]) -> ChatJudge:
    """A judge with the real rendering and parsing over a mock backend."""
    return ChatJudge(spec, MockBackend(reply))
