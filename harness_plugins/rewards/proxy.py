"""Proxy-GRM's reward: was the writer right, does a proxy that reads only its rubric decide rightly, is the form kept.

Typed outcomes throughout: an answer of the proxy that names no winner is `unparsed` (its own doing: not right); a proxy that
never answered is an `error`: retried, counted, and the reward is None, for the trainer to mask. Never a silent 0.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

from evaluators import judges as judge_factory
from evaluators.arms import as_text
from evaluators.engine.pacing import Slots, with_retries
from evaluators.engine.runner import Tally, cause_of
from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.judges import Judge, JudgeSpec
from evaluators.keys import digest
from evaluators.media import MediaWindow
from evaluators.parsing import Parsed, parse
from evaluators.records import Answer, Failure, Item, Order, Rubric, Writer
from evaluators.rendering import Case
from evaluators.writers import Draft, proxy_grm
from harness_plugins.rewards.payoffs import FORMAT_WEIGHT, PAYOFFS, Aggregation, payoff

Outcome = Literal["correct", "wrong", "unparsed", "error"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion of the policy: what it wrote on an item as it saw it."""

    item: Item
    saw: Order
    completion: str
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Reward:
    """What a completion earned, and why."""

    value: float | None
    """None where the proxy never answered: mask it."""
    answer: Outcome
    """The completion's own verdict against the label."""
    proxy: Outcome | None
    """The proxy's verdict under its rubric; `wrong` where there is no rubric to read; None without a proxy."""
    well_formed: bool
    violations: tuple[str, ...] = ()
    error: Failure | None = None


@dataclass
class ProxyReward:
    """The reward as an async callable. Use it within `async with`, or call `open` and `close`.

    Args:
        proxy: the judge that reads the rubrics: a spec, or a Judge of your own. None is the ablation without a proxy.
        aggregation: one of `AGGREGATIONS`.
        format_weight: what a completion without violations earns on top.

    Raises:
        UserError: the proxy cannot be used.
    """

    proxy: JudgeSpec | Judge | None
    aggregation: Aggregation = "sum"
    format_weight: float = FORMAT_WEIGHT
    tally: Tally = field(default_factory=Tally)
    """Requests, failures by kind, waits."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Proxy outcomes so far, by name."""

    def __post_init__(self) -> None:
        if self.aggregation not in PAYOFFS:
            raise UserError(f"unknown aggregation {self.aggregation!r}; there are: {', '.join(PAYOFFS)}")
        self._judge = judge_factory.create(self.proxy) if isinstance(self.proxy, JudgeSpec) else self.proxy
        if self._judge is not None:
            self._slots = Slots(self._judge.spec.concurrency, self._judge.spec.adaptive)

    async def open(self) -> None:
        self._media = MediaWindow()
        if self._judge is not None:
            await self._judge.open(self._media)

    async def close(self) -> None:
        if self._judge is not None:
            await self._judge.close()
        self._media.close()

    async def __aenter__(self) -> ProxyReward:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def score(self, samples: Sequence[Sample]) -> list[Reward]:
        """The rewards of many completions, in order; as many proxy requests at a time as the judge's `concurrency`."""
        for sample in samples:
            _preferred(sample)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.reward(s)) for s in samples]
        except BaseExceptionGroup as failures:
            raise cause_of(failures) from None
        return [t.result() for t in tasks]

    async def reward(self, sample: Sample) -> Reward:
        """The reward of one completion.

        Raises:
            UserError: the item's label prefers no candidate, or the proxy's template or files are not as they must be.
        """
        right = _preferred(sample)
        draft = proxy_grm.parse(Answer(sample.completion, "proxy_grm", finish_reason=sample.finish_reason), blind=False)
        answer: Outcome = "unparsed" if draft.verdict is None else "correct" if draft.verdict == right else "wrong"
        proxy, error = await self._verified(sample, draft, right)
        if proxy is not None:
            self.outcomes[proxy] += 1
        value: float | None = None
        if proxy is None:
            value = 1.0 if answer == "correct" else -1.0
        elif proxy != "error":
            value = payoff(self.aggregation, answer == "correct", proxy == "correct")
        if value is not None and not draft.violations:
            value += self.format_weight
        return Reward(value, answer, proxy, not draft.violations, draft.violations, error)

    async def _verified(self, sample: Sample, draft: Draft, right: int) -> tuple[Outcome | None, Failure | None]:
        """What the proxy makes of the rubric."""
        judge = self._judge
        if judge is None:
            return None, None
        if not draft.rubric:
            return "wrong", None  # nothing strictly between the tags: nothing is sent in its place
        rubric = Rubric(sample.item.benchmark, sample.item.uid, Writer("policy"), draft.rubric, criteria=draft.criteria)
        case = Case(sample.item, sample.saw, as_text(rubric))
        seed = digest("reward", sample.item.uid, sample.saw, draft.rubric)
        await self._slots.acquire()
        self.tally.in_flight += 1
        try:
            parsed = await self._asked(judge, case, seed)
        except BackendError as e:
            self.tally.unanswered[e.kind] += 1
            self.tally.examples[e.kind] = e.message
            return "error", Failure(e.kind, e.message, e.http)
        finally:
            self.tally.in_flight -= 1
            self._slots.release()
        if parsed.choice is None:
            return "unparsed", None
        return ("correct" if parsed.choice == right else "wrong"), None

    async def _asked(self, judge: Judge, case: Case, seed: str) -> Parsed:
        async def once() -> Parsed:
            self.tally.asked += 1
            try:
                return parse(await judge.decide(case, seed))
            except (BackendError, UserError, RunStopped, asyncio.CancelledError):
                raise
            except Exception as e:  # a fault of one backend on one request must not cost the batch
                raise BackendError("backend", f"{type(e).__name__}: {e}"[:300]) from e

        def failed(error: BackendError) -> None:
            self.tally.failures[error.kind] += 1

        parsed, _ = await with_retries(
            once,
            retries=judge.spec.retries,
            slots=self._slots,
            waits=self.tally.waits,
            give_up=lambda error: False,
            failed=failed,
        )
        return parsed


def _preferred(sample: Sample) -> Literal[1, 2]:
    """The position of the preferred response as the sample's writer saw it."""
    if sample.item.label.preferred is None:
        raise UserError(f"{sample.item.uid}: the label prefers no candidate, so there is nothing to reward")
    return 1 if (sample.item.label.preferred == 0) == (sample.saw == "AB") else 2
