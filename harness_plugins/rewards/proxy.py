"""Proxy-GRM's reward: was the writer right, does a proxy that reads only its rubric decide rightly, is the form kept.

Typed outcomes throughout: an answer of the proxy that names no winner is `unparsed` (its own doing: not right); a proxy that
never answered is an `error`: retried, counted, and the reward is None, for the trainer to mask. Never a silent 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from evaluators.engine.caller import Tally, failure_of
from evaluators.errors import BackendError, UserError
from evaluators.images.media import Known
from evaluators.inputs.names import unknown
from evaluators.judges import Judge
from evaluators.keys import digest
from evaluators.prompts.template import Case
from evaluators.records import Answer, Failure, Item, Order, Rubric, Writer
from evaluators.rubrics.arms import as_text
from evaluators.specs import JudgeSpec
from evaluators.writers.base import Draft
from evaluators.writers.methods import proxy_grm
from harness_plugins.rewards.images import ImageFiles
from harness_plugins.rewards.judge import RewardJudge
from harness_plugins.rewards.payoffs import FORMAT_WEIGHT, PAYOFFS, Aggregation, payoff
from harness_plugins.rewards.resources import AsyncResource, concurrently

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
class ProxyReward(AsyncResource):
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
            raise UserError(unknown("aggregation", self.aggregation, PAYOFFS))
        self._judge = None if self.proxy is None else RewardJudge(self.proxy, self.tally)

    async def open(self) -> None:
        if self._judge is not None:
            await self._judge.open()

    async def close(self) -> None:
        if self._judge is not None:
            await self._judge.close()

    def files(self) -> ImageFiles:
        """For the images of one call."""
        return ImageFiles() if self._judge is None else self._judge.files()

    def know(self, files: Mapping[str, Known]) -> None:
        """Image files that are encoded already, so that they are not read again for the proxy."""
        if self._judge is not None:
            self._judge.know(files)

    def forget(self, paths: Collection[str]) -> None:
        """Keep nothing of image files that are about to go."""
        if self._judge is not None:
            self._judge.media.forget(paths)

    async def score(self, samples: Sequence[Sample], /) -> list[Reward]:
        """The rewards of many completions, in order; as many proxy requests at a time as the judge's `concurrency`."""
        for sample in samples:
            preferred(sample)
        return await concurrently(self.reward, samples)

    async def reward(self, sample: Sample) -> Reward:
        """The reward of one completion.

        Raises:
            UserError: the item's label prefers no candidate, or the proxy's template or files are not as they must be.
        """
        draft, answer = read(sample)
        proxy, error = await self._proxy_verdict(sample, draft)
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

    async def _proxy_verdict(self, sample: Sample, draft: Draft) -> _ProxyVerdict:
        """What the proxy makes of the rubric."""
        if self._judge is None:
            return _ProxyVerdict(None)
        if not draft.rubric:
            return _ProxyVerdict("wrong")  # nothing strictly between the tags: nothing is sent in its place
        rubric = Rubric(sample.item.benchmark, sample.item.uid, Writer("policy"), draft.rubric, criteria=draft.criteria)
        case = Case(sample.item, sample.saw, as_text(rubric))
        try:
            parsed = await self._judge.decide(case, digest("reward", sample.item.uid, sample.saw, draft.rubric))
        except BackendError as e:
            return _ProxyVerdict("error", failure_of(e))
        if parsed.status != "ok":
            return _ProxyVerdict("unparsed")
        return _ProxyVerdict("correct" if parsed.choice == preferred(sample) else "wrong")


class _ProxyVerdict(NamedTuple):
    outcome: Outcome | None
    error: Failure | None = None


class Completion(NamedTuple):
    """A sample's completion, as it is read."""

    draft: Draft
    answer: Outcome
    """Its own verdict against the label."""


def read(sample: Sample) -> Completion:
    """What the completion holds."""
    draft = proxy_grm.parse(Answer(sample.completion, "proxy_grm", finish_reason=sample.finish_reason), blind=False)
    if draft.verdict is None:
        return Completion(draft, "unparsed")
    return Completion(draft, "correct" if draft.verdict == preferred(sample) else "wrong")


def preferred(sample: Sample) -> Literal[1, 2]:
    """The position of the preferred response as the sample's writer saw it.

    Raises:
        UserError: the label prefers no candidate.
    """
    if sample.item.label.preferred is None:
        raise UserError(f"{sample.item.uid}: the label prefers no candidate, so there is nothing to reward")
    return 1 if (sample.item.label.preferred == 0) == (sample.saw == "AB") else 2
