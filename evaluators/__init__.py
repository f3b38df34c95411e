"""Who judges, and how. Knows no harness and no benchmark.

    from evaluators import ChatBackend, JudgeSpec, MockJudge, UserError

`__all__` is what others may rely on; every other module may change its place.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` is slow to import, and this comes before everything else
if TYPE_CHECKING:
    from typing import Any

    from evaluators.capabilities import Capabilities
    from evaluators.errors import BackendError, UserError
    from evaluators.judges import ChatJudge, Judge
    from evaluators.messages import ChatBackend, ChatRequest, Image, Message, Text
    from evaluators.plugins import Plugins
    from evaluators.prompts.template import Case
    from evaluators.records import Answer, Candidate, Criterion, Item, Rubric, Verdict
    from evaluators.replies.parsing import parse
    from evaluators.specs import JudgeSpec, ModelSpec
    from evaluators.testing.mock import MockBackend, MockJudge
    from evaluators.testing.mock_server import MockServer
    from evaluators.writers.base import WriterSpec

_MODULES = {
    "Answer": "evaluators.records",
    "BackendError": "evaluators.errors",
    "Candidate": "evaluators.records",
    "Capabilities": "evaluators.capabilities",
    "Case": "evaluators.prompts.template",
    "ChatBackend": "evaluators.messages",
    "ChatJudge": "evaluators.judges",
    "ChatRequest": "evaluators.messages",
    "Criterion": "evaluators.records",
    "Plugins": "evaluators.plugins",
    "Image": "evaluators.messages",
    "Item": "evaluators.records",
    "Judge": "evaluators.judges",
    "JudgeSpec": "evaluators.specs",
    "Message": "evaluators.messages",
    "MockBackend": "evaluators.testing.mock",
    "MockJudge": "evaluators.testing.mock",
    "MockServer": "evaluators.testing.mock_server",
    "ModelSpec": "evaluators.specs",
    "Rubric": "evaluators.records",
    "Text": "evaluators.messages",
    "UserError": "evaluators.errors",
    "Verdict": "evaluators.records",
    "WriterSpec": "evaluators.writers.base",
    "parse": "evaluators.replies.parsing",
}

__all__ = [
    "Answer",
    "BackendError",
    "Candidate",
    "Capabilities",
    "Case",
    "ChatBackend",
    "ChatJudge",
    "ChatRequest",
    "Criterion",
    "Image",
    "Item",
    "Judge",
    "JudgeSpec",
    "Message",
    "MockBackend",
    "MockJudge",
    "MockServer",
    "ModelSpec",
    "Plugins",
    "Rubric",
    "Text",
    "UserError",
    "Verdict",
    "WriterSpec",
    "parse",
]


def __getattr__(name: str) -> Any:
    from evaluators._public import imported  # not above: Ctrl-C is not quiet yet while this package is imported

    return imported(__name__, _MODULES, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
