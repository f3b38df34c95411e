"""For engines that answer batches: requests that wait go to them together, one batch after another, in one thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.messages import ChatRequest
from evaluators.records import Answer

T = TypeVar("T")

Answers = Callable[[list[ChatRequest]], Sequence[Answer | BackendError]]
"""Answers a batch: one for each request, in order."""

Choose = Callable[[Sequence[ChatRequest]], list[int]]
"""Which of the waiting requests make the next batch, by index: at least one."""


def everything(waiting: Sequence[ChatRequest]) -> list[int]:
    return list(range(len(waiting)))


class Gathering:
    """The queue before an engine.

    Args:
        name: of the thread that the engine lives in.
        answers: called there with one batch at a time; whatever it raises fails the whole batch.
        choose: picks the next batch.
    """

    def __init__(self, name: str, answers: Answers, choose: Choose = everything) -> None:
        self._answers = answers
        self._choose = choose
        self._waiting: list[tuple[ChatRequest, asyncio.Future[Answer]]] = []
        self._turn: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, work: Callable[[], T]) -> T:
        """Anything else that the engine's thread must do: load, unload."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def ask(self, request: ChatRequest) -> Answer:
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, done))
        if self._turn is None or self._turn.done():
            self._turn = asyncio.create_task(self._drain())
        return await done

    def close(self) -> None:
        self._thread.shutdown()

    async def _drain(self) -> None:
        await asyncio.sleep(0)  # requests that start together shall share a batch
        while self._waiting:
            chosen = self._choose([request for request, _ in self._waiting])
            batch = [self._waiting[n] for n in chosen]
            taken = set(chosen)
            self._waiting = [w for n, w in enumerate(self._waiting) if n not in taken]
            requests = [request for request, _ in batch]
            try:
                answers = await self.run(lambda requests=requests: self._answers(requests))  # type: ignore[misc]
                if len(answers) != len(batch):
                    raise ValueError(f"{len(answers)} answers to {len(batch)} requests")
            except (RunStopped, UserError) as e:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(e)
                continue
            # Whatever an engine raises is about this batch: those that wait are asked all the same.
            except Exception as e:
                error = BackendError("backend", f"{type(e).__name__}: {e}"[:300])
                answers = [error] * len(batch)
            for (_, done), answer in zip(batch, answers, strict=True):
                # Cancelled meanwhile: a result for it would raise here, and the rest of the batch would get none.
                if done.done():
                    continue
                if isinstance(answer, BackendError):
                    done.set_exception(answer)
                else:
                    done.set_result(answer)
