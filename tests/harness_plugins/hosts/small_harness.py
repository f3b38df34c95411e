"""A harness of a few lines, as lmms-eval and lm-eval are to our tasks: it makes requests of rows, sends them, and asks for metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from harness_plugins.hosts.base import HostedTask

Reply = Callable[[HostedTask, int], str]


@dataclass
class Request:
    doc: dict[str, Any]
    resps: list[str] = field(default_factory=list)
    token_counts: list[Any] = field(default_factory=lambda: [SimpleNamespace(input_tokens=100, output_tokens=5)])


class Small:
    """A mixin: our task's own methods come from `HostedTask` or one of its kind."""

    harness = "lmms"
    harness_version = "small 1"

    def __init__(self, benchmark: str, setting: str) -> None:
        self.load({"benchmark": benchmark, "setting": setting})  # type: ignore[attr-defined]
        self.config = SimpleNamespace(task=f"rt_{benchmark}_{setting}", generation_kwargs={"max_new_tokens": 64})
        self.dataset = {"test": self.docs()}  # type: ignore[attr-defined]

    def command(self) -> None:
        return None

    def request(self, limit: int | None = None) -> list[Request]:
        """Those that are left to be sent."""
        docs = self.dataset["test"][:limit]
        self._instances = [Request(doc) for doc in docs]
        self.expect(docs, ours=False)  # type: ignore[attr-defined]
        return self._instances

    def results(self, limit: int | None = None) -> dict[str, Any]:
        """Each metric over all rows, as a harness puts it together."""
        rows = [self.scored(doc) for doc in self.dataset["test"][:limit]]  # type: ignore[attr-defined]
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: self.aggregations[name]([row[name] for row in rows if name in row]) for name in names}  # type: ignore[attr-defined]


class Task(Small, HostedTask):
    """A setting that judges."""


def evaluate(*tasks: Any, reply: Reply, limit: int | None = None) -> list[dict[str, Any]]:
    """All tasks are loaded; then requests of each are made and sent; then all are scored."""
    for task in tasks:
        for request in task.request(limit):
            request.resps = [reply(task, request.doc["row"])]
    return [task.results(limit) for task in tasks]


def right(task: HostedTask, row: int) -> str:
    return f"<answer>{task.rows.target(row)}</answer>"
