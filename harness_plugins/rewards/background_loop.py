"""A reward that stays open in a loop of its own, so that trainers can call it from whatever loop or thread they have.

TRL awaits rewards in a loop of its thread, verl in each worker's, flow-GRPO calls a plain function. Connections, slots and models
belong to one loop; a loop a call (`asyncio.run`) would open and load them again each time.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Generic, NamedTuple, TypeVar

from harness_plugins.rewards.resources import Openable

T = TypeVar("T")
R = TypeVar("R", bound=Openable)
CLOSING_S = 10.0
"""How long closing may take when the program ends."""


class _Running(NamedTuple):
    process: int
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread


class BackgroundLoop(Generic[R]):
    """Args:
    reward: opened at its first use, and closed by `close` or at the program's end.
    """

    def __init__(self, reward: R) -> None:
        self._reward = reward
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._opening: asyncio.Task[R] | None = None

    async def run(self, call: Callable[[R], Coroutine[Any, Any, T]]) -> T:
        """Await a call of the reward, in any loop; being cancelled cancels it."""
        return await asyncio.wrap_future(self.submit(call))

    def run_blocking(self, call: Callable[[R], Coroutine[Any, Any, T]]) -> T:
        """The same for callers that are no coroutines."""
        return self.submit(call).result()

    def submit(self, call: Callable[[R], Coroutine[Any, Any, T]]) -> Future[T]:
        """The same for callers that go on meanwhile."""

        async def opened_and_called() -> T:
            return await call(await self._opened())

        return asyncio.run_coroutine_threadsafe(opened_and_called(), self._loop())

    def _loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._running is None or self._running.process != os.getpid():  # also in a process forked from the first
                loop = asyncio.new_event_loop()
                thread = threading.Thread(target=loop.run_forever, name="rewards", daemon=True)
                thread.start()
                self._running, self._opening = _Running(os.getpid(), loop, thread), None
                # A weak reference: atexit would otherwise keep each reward, and its model, until the program ends.
                atexit.register(_close, weakref.ref(self))
            return self._running.loop

    async def _opened(self) -> R:
        """The reward, opened once; an opening that failed is tried again by the next call. Runs in the loop."""
        opening = self._opening
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception() is not None)):
            opening = self._opening = asyncio.get_running_loop().create_task(self._open())
        # A call that is cancelled must not cancel the opening that other calls wait for.
        return await asyncio.shield(opening)

    async def _open(self) -> R:
        await self._reward.open()
        return self._reward

    def close(self) -> None:
        """Close the reward and end its loop. A later call opens it again."""
        with self._lock:
            running, self._running = self._running, None
        if running is None or running.process != os.getpid():
            return
        opening = self._opening

        async def end() -> None:
            if opening is not None:
                await (await opening).close()

        with contextlib.suppress(Exception):  # it never opened, say: what is to be said was said then
            asyncio.run_coroutine_threadsafe(end(), running.loop).result(CLOSING_S)
        running.loop.call_soon_threadsafe(running.loop.stop)
        running.thread.join(CLOSING_S)
        if not running.loop.is_running():
            running.loop.close()


def _close(reference: weakref.ref[Any]) -> None:
    background = reference()
    if background is not None:
        background.close()
