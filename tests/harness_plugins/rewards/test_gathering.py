"""Calls that come one at a time are answered together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from evaluators.errors import BackendError, UserError
from harness_plugins.rewards.gathering import Gathering


async def doubled(values: Sequence[int]) -> list[tuple[int, int]]:
    """Each value with the size of the group that it was answered in."""
    return [(2 * v, len(values)) for v in values]


def gathers(
    size: int,
    answer: Callable[[Sequence[int]], Awaitable[list[tuple[int, int]]]] = doubled,
    wait_s: float = 60.0,
    most: int = 100,
) -> Gathering[int, tuple[int, int]]:
    return Gathering(size, wait_s, answer, incomplete="set the other option", most=most)


def test_each_call_gets_its_own_answer_when_its_group_is_complete() -> None:
    async def calls() -> list[tuple[int, int]]:
        gathering = gathers(3)
        return await asyncio.gather(*(gathering.result("ab"[n % 2], n) for n in range(6)))

    assert asyncio.run(calls()) == [(2 * n, 3) for n in range(6)]


def test_a_key_may_come_again() -> None:
    async def calls() -> list[tuple[int, int]]:
        gathering = gathers(2)
        return await asyncio.gather(*(gathering.result("a", n) for n in range(4)))

    assert asyncio.run(calls()) == [(0, 2), (2, 2), (4, 2), (6, 2)]


def test_a_group_that_does_not_become_complete_is_an_error_for_all_its_calls() -> None:
    async def calls() -> list[object]:
        gathering = gathers(3, wait_s=0.05)
        return await asyncio.gather(*(gathering.result("a", n) for n in range(2)), return_exceptions=True)

    errors = asyncio.run(calls())
    assert [type(e) for e in errors] == [UserError, UserError]
    assert "2 of 3 completions of one prompt came within 0.05 s: set the other option" in str(errors[0])


def test_what_goes_wrong_is_raised_in_each_call() -> None:
    async def broken(values: Sequence[int]) -> list[tuple[int, int]]:
        raise BackendError("server", "down")

    async def calls() -> list[object]:
        gathering = gathers(2, broken)
        return await asyncio.gather(*(gathering.result("a", n) for n in range(2)), return_exceptions=True)

    assert [str(e) for e in asyncio.run(calls())] == ["down", "down"]


def test_a_call_that_is_cancelled_takes_no_answer_from_the_others() -> None:
    async def slowly(values: Sequence[int]) -> list[tuple[int, int]]:
        await asyncio.sleep(0.05)
        return await doubled(values)

    async def calls() -> tuple[int, int]:
        gathering = gathers(2, slowly)
        first = asyncio.ensure_future(gathering.result("a", 1))
        last = asyncio.ensure_future(gathering.result("a", 2))
        await asyncio.sleep(0.01)
        last.cancel()
        with pytest.raises(asyncio.CancelledError):
            await last
        return await first

    assert asyncio.run(calls()) == (2, 2)


def test_a_call_that_is_cancelled_while_it_waits_leaves_its_place() -> None:
    async def calls() -> list[tuple[int, int]]:
        gathering = gathers(2, wait_s=0.2)
        given_up = asyncio.ensure_future(gathering.result("a", 1))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        return await asyncio.gather(*(gathering.result("a", n) for n in (2, 3)))

    assert asyncio.run(calls()) == [(4, 2), (6, 2)]


def test_what_an_ended_loop_left_is_no_part_of_a_new_group() -> None:
    gathering = gathers(2)

    async def left() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(gathering.result("a", 1))), 0.01)

    async def calls() -> list[tuple[int, int]]:
        return await asyncio.gather(*(gathering.result("a", n) for n in (2, 3)))

    asyncio.run(left())
    assert asyncio.run(calls()) == [(4, 2), (6, 2)]


def test_more_calls_than_may_wait_fail_at_once() -> None:
    async def calls() -> list[object]:
        gathering = gathers(2, most=3, wait_s=0.1)
        return await asyncio.gather(*(gathering.result(key, 0) for key in "abcd"), return_exceptions=True)

    assert "3 completions wait for others of their prompts: set the other option" in str(asyncio.run(calls())[3])


def test_an_answer_of_another_length_is_an_error_and_no_hang() -> None:
    async def short(values: Sequence[int]) -> list[tuple[int, int]]:
        return [(0, 0)]

    async def calls() -> list[object]:
        gathering = gathers(2, short)
        both = asyncio.gather(*(gathering.result("a", n) for n in range(2)), return_exceptions=True)
        return await asyncio.wait_for(both, 5)

    assert any(isinstance(e, ValueError) for e in asyncio.run(calls()))
