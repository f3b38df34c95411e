"""Inputs that come a call each, answered together once their group is complete: verl asks for one completion, RPO compares several."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from evaluators.errors import UserError

T = TypeVar("T")
R = TypeVar("R")


class _Call(NamedTuple, Generic[T, R]):
    value: T
    result: asyncio.Future[R]


@dataclass
class _Group(Generic[T, R]):
    give_up: asyncio.TimerHandle
    calls: list[_Call[T, R]] = field(default_factory=list)


class Gathering(Generic[T, R]):
    """Groups of calls, by key.

    Args:
        size: calls that make a group.
        wait_s: from a group's first call to its last.
        answer: is called once a group, with its values in the order in which they came; gives a result for each.
        incomplete: what to do where a group does not become complete in time; it ends the error's message.
        most: calls that may wait at a time. The next one fails at once: where the caller lets no more in, no group would complete.
    """

    def __init__(
        self,
        size: int,
        wait_s: float,
        answer: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        incomplete: str,
        most: int,
    ) -> None:
        self._size, self._wait_s, self._answer = size, wait_s, answer
        self._incomplete, self._most = incomplete, most
        self._groups: dict[Hashable, _Group[T, R]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    async def result(self, key: Hashable, value: T) -> R:
        """The answer for this value, when `size` values of the key have come.

        Raises:
            UserError: the group did not become complete in time, or too many calls wait. What `answer` raises is raised in each
                call of the group.
        """
        loop = asyncio.get_running_loop()
        key = (id(loop), key)  # what an ended loop has left is not this one's
        if sum(len(group.calls) for group in self._groups.values()) >= self._most:
            raise UserError(f"{self._most} completions wait for others of their prompts: {self._incomplete}")
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(loop.call_later(self._wait_s, self._give_up, key))
        call: _Call[T, R] = _Call(value, loop.create_future())
        group.calls.append(call)
        if len(group.calls) == self._size:
            self._close(key)
            # A task of its own: the call that came last may be cancelled, and the others wait for the same answer.
            task = loop.create_task(self._answered(group))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        try:
            return await call.result
        except asyncio.CancelledError:
            if (
                self._groups.get(key) is group
            ):  # it is still open, and may be completed by another call in this one's place
                group.calls.remove(call)
                if not group.calls:
                    self._close(key)
            raise

    def _close(self, key: Hashable) -> _Group[T, R]:
        group = self._groups.pop(key)
        group.give_up.cancel()
        return group

    async def _answered(self, group: _Group[T, R]) -> None:
        try:
            results = await self._answer([call.value for call in group.calls])
            for call, result in zip(group.calls, results, strict=True):
                if not call.result.done():
                    call.result.set_result(result)
        except BaseException as e:
            self._fail(group, e)
            if not isinstance(e, Exception):
                raise

    def _give_up(self, key: Hashable) -> None:
        group = self._close(key)
        message = f"{len(group.calls)} of {self._size} completions of one prompt came within {self._wait_s:g} s"
        self._fail(group, UserError(f"{message}: {self._incomplete}"))

    def _fail(self, group: _Group[T, R], error: BaseException) -> None:
        for call in group.calls:
            if not call.result.done():
                call.result.set_exception(error)
