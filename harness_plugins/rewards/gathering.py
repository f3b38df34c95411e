"""Inputs that come a call each, answered together once their group is complete: verl asks for one completion, RPO compares several."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from evaluators.errors import UserError

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class _Group(Generic[T, R]):
    give_up: asyncio.TimerHandle
    calls: list[tuple[T, asyncio.Future[R]]] = field(default_factory=list)


class Gathering(Generic[T, R]):
    """Groups of calls, by key.

    Args:
        size: calls that make a group.
        wait_s: from a group's first call to its last.
        incomplete: what to do where a group does not become complete in time; it ends the error's message.
    """

    def __init__(self, size: int, wait_s: float, incomplete: str) -> None:
        self._size, self._wait_s, self._incomplete = size, wait_s, incomplete
        self._groups: dict[Hashable, _Group[T, R]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    async def result(self, key: Hashable, value: T, answer: Callable[[list[T]], Awaitable[Sequence[R]]]) -> R:
        """The answer for this value, when `size` values of the key have come.

        Args:
            answer: is called once a group, with all its values in the order in which they came.

        Raises:
            UserError: the group did not become complete in time. What `answer` raises is raised in each call.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(loop.call_later(self._wait_s, self._give_up, key))
        group.calls.append((value, future))
        if len(group.calls) == self._size:
            group.give_up.cancel()
            del self._groups[key]
            # A task of its own: the call that came last may be cancelled, and the others wait for the same answer.
            task = loop.create_task(self._answer(group, answer))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        return await future

    async def _answer(self, group: _Group[T, R], answer: Callable[[list[T]], Awaitable[Sequence[R]]]) -> None:
        try:
            results = await answer([value for value, _ in group.calls])
        except BaseException as e:
            self._fail(group, e)
            if not isinstance(e, Exception):
                raise
            return
        for (_, future), result in zip(group.calls, results, strict=True):
            if not future.done():
                future.set_result(result)

    def _give_up(self, key: Hashable) -> None:
        group = self._groups.pop(key)
        message = f"{len(group.calls)} of {self._size} completions of one prompt came within {self._wait_s:g} s"
        self._fail(group, UserError(f"{message}: {self._incomplete}"))

    def _fail(self, group: _Group[T, R], error: BaseException) -> None:
        for _, future in group.calls:
            if not future.done():
                future.set_exception(error)
