"""A limit on what is spent: money is reserved for each request before it is sent, and settled when its answer reports its tokens.

What was spent and what is reserved together stay within the limit. So spending does too, as long as no request takes more than
was reserved for it: `max_tokens` written, and read at first a token for every byte of its text and `IMAGE_TOKENS` for each image; once
`LEARNT_FROM` answers have come, `MARGIN` times the largest share of that which any of them read.

Each attempt is reserved and settled by itself, so a retry must fit as well. What a reply took is what its usage reports, also where
the reply could not be used; where it reports nothing, all that was reserved. A reply is what a model wrote, or anything that came
in its place (`errors.REPLIES`): no error status, no web page, no broken connection, no timeout. What a provider bills for
these is not known here.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from evaluators import stop_messages
from evaluators.errors import RunStopped, UserError
from evaluators.messages import ChatRequest, Image
from evaluators.prompts.template import Case
from evaluators.records import Answer, FailedReplies
from evaluators.specs import JudgeSpec, ModelSpec
from evaluators.usage import tells_both

IMAGE_TOKENS = 16_384
"""Tokens that are reserved for an image: the most that Qwen's vision models make of one by default, several times what others do."""
LEARNT_FROM = 20
MARGIN = 2.0
FRAME_TOKENS = 256
"""What a chat template adds around the messages."""
FENCES = 1024
"""Bytes of markers and names in a rendered prompt that neither the template nor the item's texts hold."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Money a token: read, read from a cache, written."""

    read: float
    cached: float
    written: float

    def cost(self, usage: Mapping[str, int] | None) -> float | None:
        """What an answer took; None where it does not report it."""
        if usage is None or not tells_both(usage):
            return None
        read, cached = usage["prompt_tokens"], min(usage.get("cached_tokens", 0), usage["prompt_tokens"])
        return (read - cached) * self.read + cached * self.cached + usage["completion_tokens"] * self.written


class Budget:
    """Money of one run folder: spent, reserved for requests in flight, and the most that may be spent (None: no limit).

    Args:
        spent: what the folder took before.
    """

    def __init__(self, currency: str, limit: float | None = None, spent: float = 0.0) -> None:
        self.currency = currency
        self.limit = limit
        self.before = self.spent = spent
        self.held = 0.0
        self.most_spent_and_held = spent
        self.reached = False
        """Whether some request was not sent, since it did not fit any more."""
        self.unpriced: tuple[str, ...] = ()
        """Models whose price is not known: what they take is in no sum."""
        self._refused = 0.0
        self._open = 0
        self._waiting: list[asyncio.Future[None]] = []

    async def hold(self, amount: float) -> bool:
        """Set money aside for a request, waiting for those in flight where it does not fit beside them.

        Returns:
            False where it does not fit into what is left: it must not be sent.
        """
        while self.limit is not None:
            if self.spent + amount > self.limit:
                self.reached, self._refused = True, max(self._refused, amount)
                return False
            # With nothing in flight nothing is reserved, and no settlement would ever wake a request that waits.
            if self.spent + self.held + amount <= self.limit or not self._open:
                break
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._open += 1
        self.held += amount
        self.most_spent_and_held = max(self.most_spent_and_held, self.spent + self.held)
        return True

    def settle(self, amount: float, cost: float) -> None:
        """Release the amount reserved for a request and book what it took."""
        self._open -= 1
        self.held = self.held - amount if self._open else 0.0  # sums of fractions drift
        self.spent += cost
        waiting, self._waiting = self._waiting, []
        for turn in waiting:  # all of them: a small request may fit now where the first in line does not
            if not turn.done():
                turn.set_result(None)

    def stop(self, remaining: str, folder: object) -> RunStopped:
        """The message to print when it is used up.

        Args:
            remaining: what remains to be done, such as "12 verdicts".
        """
        spent, limit, next_request = map(self.text, (self.spent, self.limit or 0.0, self._refused))
        return stop_messages.budget_used_up(spent, limit, next_request, folder, remaining)

    @property
    def waiting(self) -> bool:
        """Whether requests wait until others are settled."""
        return bool(self._waiting)

    def text(self, amount: float) -> str:
        return money(amount, self.currency)

    def spent_text(self) -> str:
        """What was spent; "at least" where some model has no price."""
        return f"at least {self.text(self.spent)}" if self.unpriced else self.text(self.spent)


def money(amount: float, currency: str) -> str:
    """`1,234.50 USD`; amounts below 1 with three significant digits, `0.0000320 USD`."""
    places = 2 if amount >= 1 or amount <= 1e-12 else 2 - math.floor(math.log10(amount))
    return f"{amount:,.{places}f} {currency}"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was set aside for one request."""

    amount: float = 0.0
    read: int = 0
    """The most tokens that it could read."""


class Account:
    """One judge's or writer's way to a budget. It learns how much of what its requests could read they do read."""

    def __init__(self, budget: Budget, rates: Rates) -> None:
        self.budget = budget
        self._rates = rates
        self._answers = 0
        self._share = 0.0
        """The largest share of what a request could read that one did read."""

    async def hold(self, spec: ModelSpec, request: Case | ChatRequest) -> Reservation | None:
        """Reserve what a decision or a request may cost; None where that is more than is left."""
        reservation = Reservation()
        if self.budget.limit is not None:
            if isinstance(request, Case):
                assert isinstance(spec, JudgeSpec)  # only a judge decides a case
                tokens = most_of_case(spec, request)
            else:
                tokens = most_of_request(spec, request)
            share = 1.0 if self._answers < LEARNT_FROM else min(1.0, MARGIN * self._share)
            reservation = Reservation(
                share * tokens.read * self._rates.read + tokens.written * self._rates.written, tokens.read
            )
        return reservation if await self.budget.hold(reservation.amount) else None

    def settle(self, reservation: Reservation, answer: Answer | None, failed: FailedReplies | None = None) -> None:
        """Book what an attempt took: its answer, and replies of it that failed. Neither: it cost nothing."""
        cost = 0.0 if answer is None else self._cost(reservation, answer.usage)
        if answer and answer.usage and reservation.read and tells_both(answer.usage):
            self._answers += 1
            self._share = max(self._share, answer.usage["prompt_tokens"] / reservation.read)
        if failed is not None:
            cost += self._rates.cost(failed.usage) or 0.0
            if failed.told < failed.count:
                cost = max(cost, reservation.amount)
        self.budget.settle(reservation.amount, cost)

    def _cost(self, reservation: Reservation, usage: Mapping[str, int] | None) -> float:
        cost = self._rates.cost(usage)
        return reservation.amount if cost is None else cost


class Tokens(NamedTuple):
    """The most tokens that something can read and write."""

    read: int
    written: int


def most_of_request(spec: ModelSpec, request: ChatRequest) -> Tokens:
    """What a request can take."""
    read = FRAME_TOKENS
    for message in request.messages:
        for part in message.parts:
            read += IMAGE_TOKENS if isinstance(part, Image) else len(part.text.encode("utf-8", "replace"))
    return Tokens(read, max_written(spec) or 0)


def most_of_case(spec: JudgeSpec, case: Case) -> Tokens:
    """What a decision can take, all its calls together; no prompt is rendered for it."""
    case = spec.shown(case)
    shown = case.shown() if "responses" not in case.hidden else ()
    media = [m for c in shown for m in c.media] + [m for m in case.item.media if "media" not in case.hidden]
    read = FRAME_TOKENS + FENCES + len(spec.template.source)
    read += sum(len(t.encode("utf-8", "replace")) for t in _texts(case)) + IMAGE_TOKENS * sum(
        len(m.files) for m in media
    )
    written = max_written(spec) or 0
    if spec.verdict == "reasoned":  # the second call reads what the first wrote, and writes one token
        return Tokens(2 * read + written, written + 1)
    calls = len(spec.question_for(case).criteria) or 1 if spec.verdict == "direct" else 1
    return Tokens(calls * read, calls * written)


def _texts(case: Case) -> Iterator[str]:
    yield case.item.prompt
    yield case.item.criterion or ""
    if "responses" not in case.hidden:
        yield from (c.text for c in case.shown())
    if case.rubric is not None:
        yield case.rubric.text
        for c in case.rubric.criteria:  # a prompt asks for a verdict on each, a line of some words
            yield from (c.name, c.description, " " * 32)


def max_written(spec: ModelSpec) -> int | None:
    """The limit on written tokens that is sent; fields of `extra_body` come last and win. None where none is sent: they take it
    away (`max_tokens: null`), or set what is not a limit (-1)."""
    sent: Mapping[str, Any] = {**spec.sampling(), **spec.extra_body}
    values = [n for name in _limits(spec) if (n := sent.get(name)) is not None]
    # `type`, not `isinstance`: True is an int as well, and no limit.
    limits: list[int] = [n for n in values if type(n) is int and n > 0]
    if not limits or len(limits) < len(values):
        return None
    # `n` asks for several answers, each as long as the limit, and all of them are paid for.
    several = sent.get("n", 1)
    return max(limits) * (several if type(several) is int and several > 0 else 1)


def check_limited(spec: ModelSpec) -> None:
    """Whether there is a limit on what is written, for which money can be reserved.

    Raises:
        UserError: there is none.
    """
    if max_written(spec) is None:
        settings = " and ".join(f"{n}: {spec.extra_body[n]!r}" for n in _limits(spec) if n in spec.extra_body)
        raise UserError(
            f"{spec.name!r}: max_cost needs a limit on what is written, and its extra_body sets {settings}: set a whole number "
            "above 0, or leave it out"
        )


def _limits(spec: ModelSpec) -> list[str]:
    return sorted({"max_tokens", "max_completion_tokens", spec.max_tokens_field})
