"""Proxy-GRM's reward: was the writer right, does a proxy that reads only its rubric decide rightly, is the form kept.

Typed outcomes throughout: an answer of the proxy that names no winner is `unparsed` (its own doing: not right); a proxy that
never answered is an `error`: retried, counted, and the reward is None, for the trainer to mask. Never a silent 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypedDict, get_args

from evaluators.engine.caller import Tally, failure_of
from evaluators.errors import BackendError, UserError
from evaluators.images.media import Known
from evaluators.inputs.names import unknown
from evaluators.judges import Judge
from evaluators.keys import digest
from evaluators.prompts.template import Case, pick_of
from evaluators.records import Answer, Failure, Item, Order, Rubric, Writer
from evaluators.rubrics.arms import as_text
from evaluators.rubrics.leaks import CLASSES, leak_classes
from evaluators.specs import JudgeSpec
from evaluators.writers.base import Draft
from evaluators.writers.methods import proxy_grm
from evaluators.writers.methods.proxy_grm import Form
from harness_plugins.rewards.content_leaks import ContentLeaks
from harness_plugins.rewards.images import ImageFiles
from harness_plugins.rewards.judge import RewardJudge
from harness_plugins.rewards.payoffs import FORMAT_WEIGHT, PAYOFFS, Aggregation, payoff
from harness_plugins.rewards.resources import DEADLINE_S, AsyncResource, check_deadline, concurrently, deadline

Outcome = Literal["correct", "wrong", "unparsed", "truncated", "error"]
Crossed = Literal["both", "mean"]
CutOff = Literal["wrong", "mask"]
MAX_TOKENS = 16_384
"""Of a proxy whose spec does not say: as the reference's scripts serve it."""


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
    """The proxy's verdict under its rubric, in the order that the policy saw; `wrong` where there is no rubric to read; None
    without a proxy."""
    well_formed: bool
    violations: tuple[str, ...] = ()
    error: Failure | None = None
    proxy_crossed: Outcome | None = None
    """The same in the other order; None where it was not asked."""
    leaks: tuple[str, ...] = ()
    """Classes of leaks that the rubric's words show (`evaluators.rubrics.leaks`)."""
    content_leak: bool | None = None
    """Whether the leak judge picks the writer's choice from the masked rubric; None where it was not asked."""
    has_rubric: bool = True

    @property
    def masked_because(self) -> str:
        """The kind of failure, `truncated` where the proxy's answer was cut off; empty where it is not masked."""
        if self.value is not None:
            return ""
        return self.error.kind if self.error else "truncated"


class ProxyOptions(TypedDict, total=False):
    """The options of `ProxyReward`, as `rewards.trl` and configs take them too."""

    aggregation: Aggregation
    format_weight: float
    form: Form
    allow: Collection[str]
    crossed: Crossed | None
    leak_penalty: float
    leak_judge: Literal["lexical"] | JudgeSpec | Judge | None
    cut_off: CutOff
    deadline_s: float | None


@dataclass
class ProxyReward(AsyncResource):
    """The reward as an async callable. Use it within `async with`, or call `open` and `close`.

    Args:
        proxy: the judge that reads the rubrics: a spec, or a Judge of your own. None is the ablation without a proxy. A spec
            that does not say `max_tokens` gets 16,384, as in the reference's scripts.
        aggregation: one of `AGGREGATIONS`.
        format_weight: what a completion without faults of form earns on top.
        form: which faults count: `full`, or those of the `tags` alone, as in the released scripts.
        allow: violations by name that are no faults; give what `distil.allow` of the training data says.
        crossed: the proxy is asked in the other order as well, and the two payoffs are combined: `both` takes the smaller one, so that
            it pays only where the proxy is right in both orders; `mean` the mean. None asks once.
        leak_penalty: taken off where the rubric's words leak, or where the leak judge picks the writer's choice.
        leak_judge: reads the masked rubric, without images: `lexical`, a spec, or a Judge of your own; None asks nobody.
        cut_off: what a proxy's answer that was cut off counts as: `wrong`, or `mask`.
        deadline_s: for one call of `score`: what has no answer by then is masked, of the kind `late`. None waits.

    Raises:
        UserError: the proxy cannot be used, or an option is not as it must be.
    """

    proxy: JudgeSpec | Judge | None
    aggregation: Aggregation = "sum"
    format_weight: float = FORMAT_WEIGHT
    form: Form = "full"
    allow: Collection[str] = ()
    crossed: Crossed | None = None
    leak_penalty: float = 0.0
    leak_judge: Literal["lexical"] | JudgeSpec | Judge | None = None
    cut_off: CutOff = "wrong"
    deadline_s: float | None = DEADLINE_S
    tally: Tally = field(default_factory=Tally)
    """Requests, failures by kind, waits."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Proxy outcomes so far, by name."""

    def __post_init__(self) -> None:
        self._check_options()
        proxy = self.proxy
        if isinstance(proxy, JudgeSpec) and "max_tokens" not in proxy.model_fields_set:
            proxy = proxy.model_copy(update={"max_tokens": MAX_TOKENS})
        self._judge = None if proxy is None else RewardJudge(proxy, self.tally)
        self._leak_judge = None if self.leak_judge is None else ContentLeaks(self.leak_judge, self.tally)

    def _check_options(self) -> None:
        choices: tuple[tuple[str, str | None, Collection[str]], ...] = (
            ("aggregation", self.aggregation, PAYOFFS),
            ("form", self.form, get_args(Form)),
            ("crossed", self.crossed, get_args(Crossed)),
            ("cut_off", self.cut_off, get_args(CutOff)),
        )
        for name, value, known in choices:
            if value not in known and not (name == "crossed" and value is None):
                raise UserError(unknown(name, str(value), known))
        try:
            proxy_grm.known_faults(self.allow)
        except ValueError as e:
            raise UserError(f"allow: {e}") from None
        if not (math.isfinite(self.leak_penalty) and self.leak_penalty >= 0):
            raise UserError(f"leak_penalty is {self.leak_penalty}; it is a number of 0 or more, which is taken off")
        check_deadline(self.deadline_s)

    def _judges(self) -> list[RewardJudge]:
        return [judge for judge in (self._judge, self._leak_judge) if judge is not None]

    async def open(self) -> None:
        async with AsyncExitStack() as opened:  # where the second judge cannot be opened, the first is closed again
            for judge in self._judges():
                await judge.open()
                opened.push_async_callback(judge.close)
            opened.pop_all()

    async def close(self) -> None:
        for judge in self._judges():
            await judge.close()

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
        until = deadline(self.deadline_s)
        return await concurrently(lambda sample: self.reward(sample, until), samples)

    async def reward(self, sample: Sample, until: float | None = None) -> Reward:
        """The reward of one completion.

        Args:
            until: the deadline, by the loop's clock; None waits.

        Raises:
            UserError: the item's label prefers no candidate, or the proxy's template or files are not as they must be.
        """
        draft, answer = read(sample)
        outcomes = await self._proxy_verdicts(sample, draft, until)
        proxy, crossed = outcomes.shown, outcomes.crossed
        self.outcomes.update(o for o in (proxy, crossed) if o is not None)
        leaks = leaks_in(sample, draft)
        content_leak, leak_error = await self._content_leak(sample, draft, until)
        well_formed = not proxy_grm.faults(draft.violations, self.form, self.allow)
        error = outcomes.error or leak_error
        value = None if error else self._value(answer == "correct", [o for o in (proxy, crossed) if o is not None])
        if value is not None:
            value += self.format_weight if well_formed else 0.0
            value -= self.leak_penalty if leaks or content_leak else 0.0
        return Reward(
            value, answer, proxy, well_formed, draft.violations, error, crossed, leaks, content_leak, bool(draft.rubric)
        )

    def _value(self, answer_right: bool, outcomes: Sequence[Outcome]) -> float | None:
        """The payoffs of the orders together, without form and leaks; None: masked."""
        if self._judge is None:
            return 1.0 if answer_right else -1.0
        if self.cut_off == "mask" and "truncated" in outcomes:
            return None
        payoffs = [payoff(self.aggregation, answer_right, o == "correct") for o in outcomes]
        return min(payoffs) if self.crossed == "both" else sum(payoffs) / len(payoffs)

    async def _proxy_verdicts(self, sample: Sample, draft: Draft, until: float | None) -> _ProxyVerdicts:
        """What the proxy makes of the rubric, in each order that is asked."""
        if self._judge is None:
            return _ProxyVerdicts(None)
        if not draft.rubric:  # nothing strictly between the tags: nothing is sent in its place
            return _ProxyVerdicts("wrong", "wrong" if self.crossed else None)
        text = as_text(_rubric(sample, draft))
        orders = [sample.saw, sample.saw[::-1]] if self.crossed else [sample.saw]

        async def verdict(order: Order) -> Outcome | Failure:
            assert self._judge is not None
            case = Case(sample.item, order, text)
            try:
                seed = digest("reward", sample.item.uid, order, draft.rubric)
                _, parsed = await self._judge.decide(case, seed, until)
            except BackendError as e:
                return failure_of(e)
            if parsed.status != "ok" or not parsed.choice:
                return "truncated" if parsed.status == "truncated" else "unparsed"
            return "correct" if pick_of(parsed.choice, order) == sample.item.label.preferred else "wrong"

        verdicts = await concurrently(verdict, orders)
        error = next((v for v in verdicts if isinstance(v, Failure)), None)
        outcomes: list[Outcome] = ["error" if isinstance(v, Failure) else v for v in verdicts]
        return _ProxyVerdicts(outcomes[0], outcomes[1] if self.crossed else None, error)

    async def _content_leak(self, sample: Sample, draft: Draft, until: float | None) -> _ContentLeak:
        if self._leak_judge is None or not draft.rubric or draft.verdict is None:
            return _ContentLeak(None)
        choice = pick_of(draft.verdict, sample.saw)
        try:
            given_away = await self._leak_judge.given_away(sample.item, _rubric(sample, draft), choice, until)
        except BackendError as e:
            # Without a penalty it is a number beside the reward, and no reason to lose that.
            return _ContentLeak(None, failure_of(e) if self.leak_penalty else None)
        return _ContentLeak(given_away)


def metrics_of(rewards: Sequence[Reward]) -> dict[str, float]:
    """Shares of the completions of one call, by the names under which trainers log them. What nothing is known of is left out."""
    if not rewards:
        return {}
    metrics = {
        "judge_fail_rate": _share(r.value is None for r in rewards),
        "answer_right": _share(r.answer == "correct" for r in rewards),
        "well_formed": _share(r.well_formed for r in rewards),
    }
    if answered := [r for r in rewards if r.proxy not in (None, "error")]:
        metrics["proxy_right"] = _share(r.proxy == "correct" for r in answered)
        metrics["proxy_cut_off"] = _share("truncated" in (r.proxy, r.proxy_crossed) for r in answered)
    if crossed := [r for r in answered if r.proxy_crossed not in (None, "error")]:
        metrics["proxy_right_both"] = _share(r.proxy == r.proxy_crossed == "correct" for r in crossed)
    if written := [r for r in rewards if r.has_rubric]:
        metrics["leak"] = _share(bool(r.leaks) for r in written)
        metrics |= {f"leak_{kind}": _share(kind in r.leaks for r in written) for kind in CLASSES}
    if read_alone := [r.content_leak for r in rewards if r.content_leak is not None]:
        metrics["content_leak"] = _share(read_alone)
    return metrics


def _share(values: Iterable[bool]) -> float:
    each = list(values)
    return sum(each) / len(each)


class _ProxyVerdicts(NamedTuple):
    shown: Outcome | None
    crossed: Outcome | None = None
    error: Failure | None = None


class _ContentLeak(NamedTuple):
    given_away: bool | None
    error: Failure | None = None


def _rubric(sample: Sample, draft: Draft) -> Rubric:
    return Rubric(sample.item.benchmark, sample.item.uid, Writer("policy"), draft.rubric, criteria=draft.criteria)


def leaks_in(sample: Sample, draft: Draft) -> tuple[str, ...]:
    """The classes of leaks that the rubric's words show."""
    return leak_classes(draft.rubric, [c.text for c in sample.item.candidates]) if draft.rubric else ()


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
