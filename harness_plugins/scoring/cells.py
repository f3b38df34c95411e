"""What is measured in a cell: numbers with what they are made of, and differences with their tests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from harness_plugins.scoring.arrays import FormCounts, Mass, MeanTokens
from harness_plugins.scoring.metrics import Trials
from harness_plugins.scoring.statistics import Interval


def json_number(value: float) -> float | int | None:
    """JSON has no NaN: an undefined value is null, never 0. Whole numbers come without a point."""
    if math.isnan(value):
        return None
    return int(value) if float(value).is_integer() and abs(value) < 1e15 else float(value)


@dataclass(frozen=True)
class Metric:
    """A number with what it is made of. k / n = value; n counts items, or trials for rates of trials."""

    name: str
    k: float
    n: float
    value: float
    low: float
    high: float

    def numbers(self) -> dict[str, float | int | None]:
        """As JSON has it."""
        return json_numbers({"k": self.k, "n": self.n, "value": self.value, "low": self.low, "high": self.high})


class ArmContrast(NamedTuple):
    """Which arm is set against which, as in "transferred minus none"."""

    arm: str
    reference: str


PRIMARY = ArmContrast("transferred", "none")


@dataclass(frozen=True)
class Unequal:
    """A share of answers in which the two sides of a difference differ, so that the difference may be theirs
    (docs/design/what-spoils-a-number.md)."""

    kind: str
    share: float
    """Under the arm."""
    reference_share: float
    """Under what it is set against."""


@dataclass
class Contrast:
    """An arm minus a reference, over the items that are complete in both. Differences are of item scores s_i."""

    reference: str
    n: int
    total: float
    value: float
    low: float
    high: float
    p: float
    """Cluster sign-flip."""
    detectable: float
    """2.8 standard errors: the smallest difference this comparison can be expected to show. For planning, no threshold."""
    primary: bool = False
    p_holm: float | None = None
    complete: bool = True
    """Both cells are complete; else this is a peek, never a headline."""
    p_strict: float | None = None
    """McNemar on strict-both, where each cluster is one item judged once in both orders."""
    content: float | None = None
    order: float | None = None
    content_n: int = 0
    """Gain in acc_agg and what is left of the gain (order effects), over the items of which both arms know the log-odds."""
    flags: list[str] = field(default_factory=list)
    differs: bool = True
    """Some item's difference is other than 0. Without that there is no spread, and so no answer: nothing was parsed, or every item
    came out alike."""
    bounds: Interval | None = None
    """Of an incomplete one: what it is if all that was not answered goes against it, or for it."""
    of: int = 0
    """Items of the benchmark that it could be over."""
    unequal: list[Unequal] = field(default_factory=list)
    """Where its two sides differ by more than a point in what spoils numbers: then it is not a finding."""
    by_ratio: Contrast | None = None
    """The same with `low_mass` answers taken as their digits say, where a side has some: a difference in mass alone moves the first."""

    @property
    def clear(self) -> bool:
        """Different from zero, whatever the size; by ratio as well, and to the same side, where there is such a twin."""
        p = self.p if self.p_holm is None else self.p_holm
        twin = self.by_ratio
        agrees = twin is None or (twin.clear and (self.value > 0) == (twin.value > 0))
        return self.complete and self.differs and not self.unequal and p < 0.05 and agrees

    def numbers(self) -> dict[str, Any]:
        """As JSON has it. An incomplete difference has bounds, and no value."""
        values = {"k": self.total, "value": self.value, "low": self.low, "high": self.high, "p": self.p}
        numbers = {name: json_number(x) if self.complete else None for name, x in values.items()}
        more: dict[str, Any] = {"n": self.n, "of": self.of, "detectable": json_number(self.detectable)}
        more |= {"complete": self.complete, "differs": self.differs}
        if self.bounds is not None:
            more["bounds"] = list(self.bounds)
        if self.unequal:
            more["unequal"] = {u.kind: [u.share, u.reference_share] for u in self.unequal}
        return numbers | more


@dataclass
class CellReport:
    benchmark: str
    judge: str
    writer: str | None
    arm: str
    relation: str
    baseline: bool
    blind: bool
    """A judge that looks at no rubric: its arms are one and the same."""
    computed: bool
    trials: Trials
    tokens: MeanTokens
    metrics: dict[str, Metric]
    contrasts: dict[str, Contrast] = field(default_factory=dict)
    transitions: dict[str, dict[str, float]] | None = None
    """From each state under `none` to each state under this arm: items (fractions where an item has several draws)."""
    flags: list[str] = field(default_factory=list)
    groups_void: bool = False
    """Its protocol is by group, and some group lacks a row: there is no Acc+."""
    grading: str = "pairwise"
    """How the judge was asked."""
    mass: Mass | None = None
    """Of one-token answers."""
    forms: FormCounts = field(default_factory=FormCounts)
    rubrics: Literal["", "shared", "by item"] = ""
    """Whether the writer's rubrics are one for all items of the benchmark, or one an item."""

    @property
    def complete(self) -> bool:
        return self.trials.complete

    @property
    def gained(self) -> float | None:
        """Items that became right in every order under this arm (fractions where an item has several draws); None without `none`."""
        return self._moved("both_right", of_none=False)

    @property
    def lost(self) -> float | None:
        """Items that ceased to be right in every order."""
        return self._moved("both_right", of_none=True)

    def _moved(self, state: str, *, of_none: bool) -> float | None:
        if self.transitions is None:
            return None
        moved = ((a, b, n) for a, by_arm in self.transitions.items() for b, n in by_arm.items())
        return sum(n for a, b, n in moved if (a == state) == of_none and (b == state) != of_none)

    def objects(self, protocol: str) -> Iterator[dict[str, Any]]:
        """One flat object for each metric and contrast."""
        base = {"benchmark": self.benchmark, "judge": self.judge, "writer": self.writer, "arm": self.arm}
        about = {"protocol": protocol, "complete": self.complete, "relation": self.relation}
        about |= {"grading": self.grading, "rubrics": self.rubrics}
        for m in self.metrics.values():
            yield {**base, "metric": m.name, **m.numbers(), **about}
        for c in self.contrasts.values():
            tests: dict[str, Any] = {"p_holm": c.p_holm, "p_strict": c.p_strict, "content": c.content, "order": c.order}
            tests["primary"] = c.primary
            if c.by_ratio is not None and c.complete:
                again = c.by_ratio
                tests |= {"value_by_ratio": again.value, "low_by_ratio": again.low, "high_by_ratio": again.high}
                tests["p_by_ratio"] = again.p
            sides = about | {"complete": c.complete}
            yield {**base, "metric": f"gain_over_{c.reference}", **c.numbers(), **tests, **sides, "flags": c.flags}
        if self.mass is not None:
            numbers = {"n": self.mass.count, "value": self.mass.median, "below_half": self.mass.below_half}
            yield {**base, "metric": "mass", **json_numbers(numbers), **about}
        if self.forms.texts:
            k, n = self.forms
            yield {**base, "metric": "several_forms", **json_numbers({"k": k, "n": n, "value": k / n}), **about}
        if self.transitions is not None:
            yield {**base, "metric": "transitions_from_none", "counts": self.transitions, **about}


def json_numbers(values: Mapping[str, float]) -> dict[str, float | int | None]:
    return {k: json_number(v) for k, v in values.items()}
