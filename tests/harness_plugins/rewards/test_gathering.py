"""Calls that come one at a time are answered together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from evaluators.errors import BackendError, UserError
from harness_plugins.rewards.gathering import Gathering


async def doubled(values: Sequence[int]) -> list[tuple[int, int]]:
    """Each value with the size of the group that it was answered in."""
    return [(2 * v, len(values)) for v in values]


def test_each_call_gets_its_own_answer_when_its_group_is_complete() -> None:
    async def calls() -> list[tuple[int, int]]:
        gathering: Gathering[int, tuple[int, int]] = Gathering(3, 60, "")
        return await asyncio.gather(*(gathering.result("ab"[n % 2], n, doubled) for n in range(6)))

    assert asyncio.run(calls()) == [(2 * n, 3) for n in range(6)]


def test_a_key_may_come_again() -> None:
    async def calls() -> list[tuple[int, int]]:
        gathering: Gathering[int, tuple[int, int]] = Gathering(2, 60, "")
        return await asyncio.gather(*(gathering.result("a", n, doubled) for n in range(4)))

    assert asyncio.run(calls()) == [(0, 2), (2, 2), (4, 2), (6, 2)]


def test_a_group_that_does_not_become_complete_is_an_error_for_all_its_calls() -> None:
    async def calls() -> list[object]:
        gathering: Gathering[int, tuple[int, int]] = Gathering(3, 0.05, "set the other option")
        return await asyncio.gather(*(gathering.result("a", n, doubled) for n in range(2)), return_exceptions=True)

    errors = asyncio.run(calls())
    assert [type(e) for e in errors] == [UserError, UserError]
    assert "2 of 3 completions of one prompt came within 0.05 s: set the other option" in str(errors[0])


def test_what_goes_wrong_is_raised_in_each_call() -> None:
    async def broken(values: Sequence[int]) -> list[tuple[int, int]]:
        raise BackendError("server", "down")

    async def calls() -> list[object]:
        gathering: Gathering[int, tuple[int, int]] = Gathering(2, 60, "")
        return await asyncio.gather(*(gathering.result("a", n, broken) for n in range(2)), return_exceptions=True)

    assert [str(e) for e in asyncio.run(calls())] == ["down", "down"]


def test_a_call_that_is_cancelled_takes_no_answer_from_the_others() -> None:
    async def slowly(values: Sequence[int]) -> list[tuple[int, int]]:
        await asyncio.sleep(0.05)
        return await doubled(values)

    async def calls() -> tuple[int, int]:
        gathering: Gathering[int, tuple[int, int]] = Gathering(2, 60, "")
        first = asyncio.ensure_future(gathering.result("a", 1, slowly))
        last = asyncio.ensure_future(gathering.result("a", 2, slowly))
        await asyncio.sleep(0.01)
        last.cancel()
        with pytest.raises(asyncio.CancelledError):
            await last
        return await first

    assert asyncio.run(calls()) == (2, 2)
