"""What all rewards share: opening, closing, and many inputs at a time."""

from __future__ import annotations

import asyncio

import pytest

from evaluators.errors import UserError
from harness_plugins.rewards.resources import AsyncResource, concurrently


class Door(AsyncResource):
    def __init__(self) -> None:
        self.events: list[str] = []

    async def open(self) -> None:
        self.events.append("open")

    async def close(self) -> None:
        self.events.append("close")


def test_a_resource_is_closed_whatever_happens_within() -> None:
    resource = Door()

    async def fail() -> None:
        async with resource as inside:
            assert inside is resource
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(fail())
    assert resource.events == ["open", "close"]


def test_results_come_in_the_order_of_the_inputs() -> None:
    async def slow_first(n: int) -> int:
        await asyncio.sleep(0.02 if n == 0 else 0)
        return -n

    assert asyncio.run(concurrently(slow_first, range(3))) == [0, -1, -2]


def test_of_several_failures_the_one_that_says_what_to_do_is_raised_alone() -> None:
    """Also where one call waits for several of its own, as a group's for its orders."""
    ended: list[str] = []

    async def fail(error: Exception | None) -> None:
        if error is None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append("cancelled")
        else:
            raise error

    async def nested(errors: list[Exception | None]) -> list[None]:
        return await concurrently(fail, errors)

    with pytest.raises(UserError, match="correct the file"):
        asyncio.run(concurrently(nested, [[None, ValueError()], [UserError("correct the file")]]))
    assert ended == ["cancelled"]
