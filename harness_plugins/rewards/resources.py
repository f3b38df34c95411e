"""What all rewards share: they are opened before use and closed after it, and take many inputs at a time."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from evaluators.engine.runner import cause_of
from evaluators.errors import UserError

T = TypeVar("T")
R = TypeVar("R")


class Openable(Protocol):
    """Whatever must be opened before its first use, and closed after the last."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...


class AsyncResource(ABC):
    """An Openable for `async with`.

    async with RPOReward(judge) as reward:
        scores = await reward.score(groups)
    """

    @abstractmethod
    async def open(self) -> None: ...

    @abstractmethod
    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


DEADLINE_S = 600.0
"""Of one call of a reward, all attempts and waits together: trainers give up a step that takes much longer."""


def deadline(seconds: float | None) -> float | None:
    """When a call that begins now must be answered, by the loop's clock; None: it may take any time."""
    return None if seconds is None else asyncio.get_running_loop().time() + seconds


def check_deadline(seconds: float | None) -> None:
    """Raises:
    UserError: it is no number of seconds.
    """
    if seconds is not None and not seconds > 0:
        raise UserError(f"deadline_s is {seconds}; it is a number of seconds above 0, or None")


async def concurrently(function: Callable[[T], Coroutine[Any, Any, R]], inputs: Iterable[T]) -> list[R]:
    """The results for all inputs, in order. The first failure ends the others; of several, the one that says what to do is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(function(i)) for i in inputs]
    except BaseExceptionGroup as failures:
        raise cause_of(failures) from None
    return [task.result() for task in tasks]
