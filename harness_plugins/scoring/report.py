"""What scoring comes to: one report a run folder, made of cells with metrics and contrasts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from harness_plugins.config.prices import Prices
    from harness_plugins.folder.usage import Paid
    from harness_plugins.scoring.asked import Ways
    from harness_plugins.scoring.calibration import Calibration
    from harness_plugins.scoring.caveats import Caveat
    from harness_plugins.scoring.conclusions import Conclusion
    from harness_plugins.scoring.costs import CostPoint, EqualCost
    from harness_plugins.scoring.matrix import Matrix
    from harness_plugins.scoring.panel import Panel
    from harness_plugins.scoring.read import Mass, RunData
    from harness_plugins.scoring.transfer import Transfer


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


@dataclass(frozen=True)
class Unequal:
    """A share of answers in which the two sides of a difference differ, so that the difference may be theirs (decision 20)."""

    kind: str
    here: float
    there: float


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
    bounds: tuple[float, float] | None = None
    """Of an incomplete one: what it is if all that was not answered goes against it, or for it."""
    of: int = 0
    """Items of the benchmark that it could be over."""
    unequal: list[Unequal] = field(default_factory=list)
    """Where its two sides differ by more than a point in what spoils numbers: then it is no finding."""
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
        known = {name: json_number(x) if self.complete else None for name, x in values.items()}
        more: dict[str, Any] = {"n": self.n, "of": self.of, "detectable": json_number(self.detectable)}
        more |= {"complete": self.complete, "differs": self.differs}
        if self.bounds is not None:
            more["bounds"] = list(self.bounds)
        if self.unequal:
            more["unequal"] = {u.kind: [u.here, u.there] for u in self.unequal}
        return known | more


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
    trials: tuple[int, int]
    """Answered, to be answered."""
    tokens: tuple[float, float]
    """Read and written a verdict; NaN where no answer tells."""
    metrics: dict[str, Metric]
    contrasts: dict[str, Contrast] = field(default_factory=dict)
    transitions: dict[str, dict[str, float]] | None = None
    """From each state under `none` to each state under this arm: items (fractions where an item has several draws)."""
    flags: list[str] = field(default_factory=list)
    grading: str = "pairwise"
    """How the judge was asked."""
    mass: Mass | None = None
    """Of one-token answers."""
    several_forms: tuple[int, int] = (0, 0)
    """How many text answers hold several different forms of a verdict, of how many."""
    rubrics: Literal["", "shared", "by item"] = ""
    """Whether the writer's rubrics are one for all items of the benchmark, or one an item."""

    @property
    def complete(self) -> bool:
        return self.trials[0] == self.trials[1]


@dataclass
class Report:
    """A scored run folder."""

    folder: Path
    data: RunData = field(repr=False)
    """What was read of it."""
    protocol: str
    about: dict[str, tuple[str, str]]
    """For each benchmark the full name of the protocol that was applied, and what it does."""
    items: dict[str, tuple[int, int, int]]
    """Items, clusters, items whose label names no preferred candidate."""
    cells: list[CellReport]
    facts: dict[str, dict[str, Any]]
    primary: tuple[str, str] = ("transferred", "none")
    """The contrast that Holm's correction runs over."""
    notes: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    """What the folder has lost, or holds in lines that cannot be read: a sentence each, shown above its numbers."""
    caveats: list[Caveat] = field(default_factory=list)
    """What spoils its numbers: shown above them."""
    conclusions: list[Conclusion] = field(default_factory=list)
    """What may be said of each writer's rubrics on each benchmark of the config."""
    panels: list[Panel] = field(default_factory=list)
    """Where several models judged the same arm."""
    transfers: list[Transfer] = field(default_factory=list)
    """One for each judge and writer whose rubrics it read."""
    ways: list[Ways] = field(default_factory=list)
    """Where one model was asked in several ways."""
    matrices: list[Matrix] = field(default_factory=list)
    """One a benchmark whose rubrics several writers wrote or several judges read."""
    calibrations: list[Calibration] = field(default_factory=list)
    """Of the cells that gave probabilities."""
    costs: list[CostPoint] = field(default_factory=list)
    equal_costs: list[EqualCost] = field(default_factory=list)
    """Where a judge's samples give votes without a rubric."""
    paid: list[Paid] = field(default_factory=list)
    """What each judge and writer of the folder took."""
    prices: Prices | None = None

    def objects(self) -> list[dict[str, Any]]:
        """One flat object for every benchmark, judge, writer, arm and metric; what spoils the numbers comes first."""
        found = [_of_the_folder("caveat", loss) for loss in self.losses]
        found += [_of_the_folder("note", note) for note in self.notes]
        found += [{**o, "protocol": self.about[c.benchmark][0]} for c in self.caveats for o in c.objects()]
        for cell in self.cells:
            base = {"benchmark": cell.benchmark, "judge": cell.judge, "writer": cell.writer, "arm": cell.arm}
            rest = {"protocol": self.about[cell.benchmark][0], "complete": cell.complete, "relation": cell.relation}
            rest |= {"grading": cell.grading, "rubrics": cell.rubrics}
            for m in cell.metrics.values():
                numbers = {"k": m.k, "n": m.n, "value": m.value, "low": m.low, "high": m.high}
                found.append({**base, "metric": m.name, **_numbers(numbers), **rest})
            for c in cell.contrasts.values():
                more: dict[str, Any] = {
                    "p_holm": c.p_holm,
                    "p_strict": c.p_strict,
                    "content": c.content,
                    "order": c.order,
                }
                more["primary"] = c.primary
                if c.by_ratio is not None and c.complete:
                    again = c.by_ratio
                    more |= {"value_by_ratio": again.value, "low_by_ratio": again.low, "high_by_ratio": again.high}
                    more["p_by_ratio"] = again.p
                found.append(
                    {
                        **base,
                        "metric": f"gain_over_{c.reference}",
                        **c.numbers(),
                        **more,
                        **(rest | {"complete": c.complete}),
                        "flags": c.flags,
                    }
                )
            if cell.mass is not None:
                numbers = {"n": cell.mass.count, "value": cell.mass.median, "below_half": cell.mass.below_half}
                found.append({**base, "metric": "mass", **_numbers(numbers), **rest})
            if cell.several_forms[1]:
                k, n = cell.several_forms
                found.append({**base, "metric": "several_forms", **_numbers({"k": k, "n": n, "value": k / n}), **rest})
            if cell.transitions is not None:
                found.append({**base, "metric": "transitions_from_none", "counts": cell.transitions, **rest})
        from harness_plugins.scoring.sentences import sentence  # knows this module

        for conclusion in self.conclusions:
            protocol = self.about[conclusion.benchmark][0] if conclusion.benchmark in self.about else self.protocol
            found += conclusion.objects(protocol, sentence(conclusion))
        for t in self.transfers:
            whose = {"benchmark": t.benchmark, "judge": t.judge, "writer": t.writer, "arm": "transfer"}
            cell = next(c for c in self.cells if (c.benchmark, c.judge, c.writer) == (t.benchmark, t.judge, t.writer))
            whose |= {"grading": cell.grading, "rubrics": cell.rubrics}
            for m in t.metrics.values():
                numbers = {"k": m.k, "n": m.n, "value": m.value, "low": m.low, "high": m.high}
                if m.name in t.by_ratio:
                    numbers["value_by_ratio"] = t.by_ratio[m.name].value
                found.append({**whose, "metric": m.name, **_numbers(numbers), "protocol": self.about[t.benchmark][0]})
        for w in self.ways:
            of = {"benchmark": w.benchmark, "writer": w.writer, "arm": w.arm, "protocol": self.about[w.benchmark][0]}
            for judge, x in zip(w.judges, w.difference, strict=True):
                if x is not None:
                    numbers = {"k": x.total, "n": x.n, "value": x.value, "low": x.low, "high": x.high, "p": x.p}
                    found.append(
                        {**of, "judge": judge, "metric": f"gain_over_judge_{x.reference}", **_numbers(numbers)}
                    )
        for p in self.panels:
            of = {"benchmark": p.benchmark, "writer": p.writer, "arm": p.arm, "protocol": self.about[p.benchmark][0]}
            vote = {"k": p.vote.k, "n": p.vote.n, "value": p.vote.value, "low": p.vote.low, "high": p.vote.high}
            found.append({**of, "judge": list(p.judges), "metric": p.vote.name, **_numbers(vote)})
            found.append(
                {**of, "judge": list(p.judges), "metric": "krippendorff_alpha", **_numbers({"value": p.alpha})}
            )
            for pair, (value, n) in p.kappa.items():
                agreement = _numbers({"value": value, "n": n})
                found.append({**of, "judge": list(pair), "metric": "cohen_kappa", **agreement})
        parts: list[Matrix | Calibration] = [*self.matrices, *self.calibrations]
        for part in parts:
            found += part.objects(self.about[part.benchmark][0])
        from harness_plugins.scoring.costs import cost_objects  # knows this module

        return found + [{**o, **_numbers(numbers)} for o, numbers in cost_objects(self)]


def _of_the_folder(metric: str, text: str) -> dict[str, Any]:
    """A sentence on the folder as a whole, with the fields that every object has."""
    nothing = dict.fromkeys(("benchmark", "judge", "writer", "arm", "k", "value", "low", "high", "protocol"))
    return {**nothing, "n": 0, "metric": metric, "text": text} | ({"caveat": "folder"} if metric == "caveat" else {})


def _numbers(values: dict[str, float]) -> dict[str, float | int | None]:
    return {k: json_number(v) for k, v in values.items()}
