"""What may be said of a writer's rubrics: the one rule that decides the words, for tables, page, comparison and hosts alike.

For each writer and benchmark of the config, over the mean of the unseen judges and over the items that have all of it (`none`,
`transferred`, every control), `transferred` is set against `none` and against each control. p is the largest two-sided p of these
differences; Holm runs over the config's writers and benchmarks, whether or not they have a result. docs/statistics.md says which
verdict follows from what; `sentences.sentence` puts it into words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, cast

import numpy as np

from evaluators.rubrics.arms import ARMS, CONTROLS
from harness_plugins.scoring import paired, statistics
from harness_plugins.scoring.arrays import BenchmarkData, CellKey, RunData
from harness_plugins.scoring.caveats import GAP, unequal
from harness_plugins.scoring.cells import CellReport, Contrast, json_number
from harness_plugins.scoring.contrasts import bounds
from harness_plugins.scoring.controls import same_text
from harness_plugins.scoring.metrics import Bools, Facts, Scored, Scores
from harness_plugins.scoring.statistics import Floats

Verdict = Literal[
    "helps by its content",
    "helps; not shown to be more than a control",
    "helps; no more than a control",
    "helps; cause not tested",
    "worse",
    "not shown",
    "cannot say",
]
State = Literal["tested", "not declared", "not run", "void", "few items"]
Kind = Literal[
    "no model", "no unseen judge", "no protocol", "not run", "incomplete", "no item", "no spread", "rubrics", "by ratio", "repeat",
    "unparsed", "refused", "truncated", "low_mass", "provenance", "coverage",
]  # fmt: skip

ALPHA, REPEAT_ALPHA = 0.05, 0.01
FAMILIES = 5
"""From so many families of judges on, something may be said of judges at large."""


@dataclass(frozen=True)
class Declared:
    """What the config named before the answers came, as the manifest holds it."""

    members: Mapping[tuple[str, str], tuple[str, ...]]
    """(benchmark, writer) -> the judges that are models. Holm's correction runs over these."""
    controls: tuple[str, ...] = CONTROLS
    margin: float = 0.02
    """As a share: `equivalence_margin` is in points."""


@dataclass(frozen=True)
class Problem:
    """Why nothing can be said, as numbers.

    here, there: of `incomplete` trials answered and due; of `rubrics` items with a rubric and all; of `unparsed` and the like
    (`caveats.unequal`) the shares under `transferred` and under `arm`.
    """

    kind: Kind
    arm: str = ""
    judge: str = ""
    here: float = math.nan
    there: float = math.nan


@dataclass(frozen=True)
class Lead:
    """`transferred` minus a control."""

    control: str
    state: State
    items: int = 0
    """Those for which the control has another text than `transferred`."""
    of: int = 0
    """Items with a rubric of the writer."""
    contrast: Contrast | None = None
    """Only where it was tested."""


@dataclass
class Conclusion:
    """What a writer's rubrics did on a benchmark for the judges that are unseen to it."""

    benchmark: str
    writer: str
    shared: bool = False
    """One rubric for all items."""
    judges: tuple[str, ...] = ()
    positive: int = 0
    """Judges whose own gain is above zero."""
    families: int = 0
    """Of the judges."""
    over_judges: dict[str, tuple[float, float]] = field(default_factory=dict)
    """From five families on: for `none` and each control the 95 % interval of the difference over families."""
    gain: Contrast | None = None
    """`transferred` minus `none`; its `p_holm` is of the gain alone."""
    leads: tuple[Lead, ...] = ()
    advice: Contrast | None = None
    """`transferred` minus `advice`, the writer's bare verdict."""
    repeat: Contrast | None = None
    """`repeat` minus `none`."""
    of_items: int = 0
    """Labelled items of the benchmark; `gain.n` of them have all of it."""
    problems: tuple[Problem, ...] = ()
    p: float = 1.0
    """The largest two-sided p of the gain and the tested leads; 1 where nothing can be said."""
    p_holm: float = 1.0
    family: int = 1
    """How many conclusions Holm's correction ran over."""
    margin: float = 0.02
    verdict: Verdict = "cannot say"
    control: str | None = None
    """The control that the verdict names."""
    by_ratio: Conclusion | None = field(default=None, repr=False)
    """The same with `low_mass` answers taken as their digits say, where some answer is such."""

    @property
    def tested(self) -> list[tuple[str, Contrast]]:
        """The leads that were tested, by control."""
        return [(x.control, x.contrast) for x in self.leads if x.contrast is not None]

    @property
    def untested(self) -> list[Lead]:
        return [x for x in self.leads if x.contrast is None]

    @property
    def at_large(self) -> bool:
        """What the verdict says of these judges holds for judges at large: the intervals over families exclude zero too."""
        controls = [name for name, _ in self.tested] if self.verdict == "helps by its content" else []
        intervals = [self.over_judges.get(n, (math.nan, math.nan)) for n in ("none", *controls)]
        if self.verdict == "worse":
            return intervals[0][1] < 0
        return self.verdict.startswith("helps") and all(low > 0 for low, _ in intervals)

    def objects(self, protocol: str, sentence: str) -> list[dict[str, Any]]:
        """Flat objects, as `Report.objects` has them: the conclusion, and each difference behind it."""
        base: dict[str, Any] = {"benchmark": self.benchmark, "judge": None, "judges": list(self.judges)}
        base |= {"writer": self.writer, "arm": "transferred"}
        lines: list[dict[str, Any]] = [
            {
                **base,
                "metric": "conclusion",
                **_numbers(self.gain),
                "p": json_number(self.p),
                "p_holm": json_number(self.p_holm),
                "verdict": self.verdict,
                "control": self.control,
                "positive": self.positive,
                "families": self.families,
                "at_large": self.at_large,
                "of_items": self.of_items,
                "family": self.family,
                "equivalence_margin": json_number(round(100 * self.margin, 9)),
                "shared": self.shared,
                "untested": [
                    {"control": x.control, "state": x.state, "items": x.items, "of": x.of} for x in self.untested
                ],
                "problems": [
                    {
                        "kind": x.kind,
                        "arm": x.arm,
                        "judge": x.judge,
                        "here": json_number(x.here),
                        "there": json_number(x.there),
                    }
                    for x in self.problems
                ],
                "sentence": sentence,
                "protocol": protocol,
            }
        ]
        differences = [("mean_gain_over_none", self.gain), *((f"mean_lead_over_{n}", x) for n, x in self.tested)]
        differences += [("mean_gain_over_advice", self.advice), ("mean_repeat_minus_none", self.repeat)]
        for metric, x in differences:
            if x is not None:
                arm = {"arm": "repeat"} if x is self.repeat else {}
                interval = self.over_judges.get(x.reference)
                over = {} if interval is None else {"low_over_judges": interval[0], "high_over_judges": interval[1]}
                lines.append(
                    {**base, **arm, "metric": metric, **_numbers(x), "p_holm": x.p_holm, **over, "protocol": protocol}
                )
        return lines


def _numbers(x: Contrast | None) -> dict[str, Any]:
    nothing = {"k": None, "n": 0, "value": None, "low": None, "high": None, "p": None, "detectable": None}
    return nothing if x is None else x.numbers()


def declared(run: RunData) -> Declared:
    """What the run's config declared. A folder that does not say so (an older one, an import) declares what it has cells of."""
    there = [(b.name, str(k.writer)) for b in run.benchmarks.values() for k in b.cells if k.arm == "transferred"]
    declaration: Mapping[str, Any] = run.manifest.get("declared", {})
    members = {(m["benchmark"], m["writer"]): tuple(m["judges"]) for m in declaration.get("members", ())}
    members |= {place: () for place in there if place not in members}
    margin = float(declaration.get("equivalence_margin", 2.0)) / 100
    return Declared(members, tuple(declaration.get("controls", CONTROLS)), margin)


class Arms(NamedTuple):
    """One writer's cells in the unseen judges' hands."""

    benchmark: BenchmarkData
    writer: str
    judges: tuple[str, ...]
    scored: Mapping[CellKey, Scored]

    def key(self, arm: str, judge: str) -> CellKey:
        return CellKey(judge, arm, self.writer if ARMS[arm].per_writer else None)

    def cells(self, arm: str) -> list[Scored]:
        """Each judge's, of those that have one."""
        keys = [self.key(arm, j) for j in self.judges]
        return [self.scored[k] for k in keys if k in self.scored]

    def has(self, arm: str) -> Bools:
        """(items,): the arm had something of its own to give, in every order of every judge."""
        everywhere = np.ones(len(self.benchmark.items), dtype=bool)
        own = [scored.own for scored in self.cells(arm) if scored.own is not None]
        answer: Bools = np.logical_and.reduce([everywhere, *own])
        return answer

    def trials(self, arm: str, judge: str) -> tuple[int, int]:
        """Answered and due, over the items that the arm has something for; those of items that the folder has lost are due."""
        cell = self.scored.get(self.key(arm, judge))
        if cell is None:
            return 0, 0
        counts = cell.counts & self.has(arm)[:, None, None]
        return int((cell.answered & counts).sum()), int(counts.sum()) + cell.lost

    def state(self, arm: str) -> list[Problem]:
        """The judges that were not asked at all, and those with answers missing."""
        problems = []
        for judge in self.judges:
            answered, due = self.trials(arm, judge)
            if not answered:
                problems.append(Problem("not run", arm, judge))
            elif answered < due:
                problems.append(Problem("incomplete", arm, judge, answered, due))
        return problems

    def difference(self, arm: str, reference: str) -> Floats:
        """(judges, items): NaN where either has no score."""
        sides = zip(self.cells(arm), self.cells(reference), strict=True)
        return np.array([np.where((a.den > 0) & (b.den > 0), a.score - b.score, np.nan) for a, b in sides])


def measured(cells: Sequence[CellReport], scores: Scores, what: Declared) -> dict[tuple[str, str], Conclusion]:
    """By benchmark and writer the differences of each writer of the config, without a verdict yet (`decide`).

    Args:
        cells: the benchmark's, for how each judge stands to the writer.
    """
    name = scores.benchmark.name
    conclusions = {(b, w): _measure(cells, scores, w, what) for b, w in what.members if b == name}
    if scores.by_ratio:
        with_ratios = scores.with_ratios()
        for (_, writer), conclusion in conclusions.items():
            conclusion.by_ratio = _measure(cells, with_ratios, writer, what)
    return conclusions


def _measure(cells: Sequence[CellReport], scores: Scores, writer: str, what: Declared) -> Conclusion:
    run, benchmark, scored, facts = scores.run, scores.benchmark, scores.by_key, scores.facts
    cluster = benchmark.cluster
    labelled = facts.label >= 0
    named = what.members.get((benchmark.name, writer), ())
    conclusion = Conclusion(benchmark.name, writer, bool(run.shared(benchmark.name, writer)), margin=what.margin)
    own = [c for c in cells if c.arm == "transferred" and c.writer == writer]
    models = [c for c in own if not c.baseline]
    unseen = [c.judge for c in models if c.relation == "unseen" and (c.trials[0] or c.judge in named)]
    problems = [Problem("not run", "transferred", j) for j in named if j not in {c.judge for c in own}]
    if not unseen:
        kind: Kind = "no unseen judge" if models or named else "no model"
        conclusion.problems = (*problems, Problem(kind))
        return conclusion
    conclusion.judges = tuple(unseen)
    arms = Arms(benchmark, writer, conclusion.judges, scored)
    families = [str(run.judge(j)["family"]) for j in unseen]
    conclusion.families = len(set(families))
    own_rubric = arms.has("transferred") & labelled
    conclusion.of_items = int(labelled.sum())
    if own_rubric.sum() < (1 - GAP) * conclusion.of_items:
        problems.append(Problem("rubrics", "transferred", "", int(own_rubric.sum()), conclusion.of_items))
    for arm in ("none", "transferred") if own_rubric.any() else ():
        problems += arms.state(arm)
    if not own_rubric.any() or any(
        not arms.cells(arm) or len(arms.cells(arm)) < len(unseen) for arm in ("none", "transferred")
    ):
        conclusion.problems = tuple(problems)
        return conclusion
    leads, sets, more = _controls(run, arms, what, own_rubric, conclusion.shared)
    problems += more
    among = np.logical_and.reduce([own_rubric, *sets.values()])
    differences = {"none": arms.difference("transferred", "none")}
    differences |= {c: arms.difference("transferred", c) for c in sets}
    among = among & ~np.isnan(np.concatenate(list(differences.values()))).any(axis=0)
    if not among.any():
        conclusion.problems, conclusion.leads = (*problems, Problem("no item")), tuple(leads)
        return conclusion
    for arm in ("none", *sets):
        problems += _spoiled(arms, arm, among)
    means = {name: _mean(d, among) for name, d in differences.items()}
    advice, repeat = (_complete_for_all(arms, arm) for arm in ("advice", "repeat"))
    if advice:
        means["advice"] = _mean(arms.difference("transferred", "advice"), among & arms.has("advice"))
    if repeat:
        means["repeat"] = _mean(arms.difference("repeat", "none"), among)
    tested = paired.contrasts(means, cluster)
    for name in differences:
        _set_complete(tested[name], arms, name, facts, np.logical_and.reduce([own_rubric, *sets.values()]))
    for x in tested.values():
        if x is not None:
            x.of = conclusion.of_items
    conclusion.gain = tested["none"]
    conclusion.leads = tuple(
        Lead(x.control, x.state, x.items, x.of, tested[x.control]) if x.control in sets else x for x in leads
    )
    conclusion.advice, conclusion.repeat = tested.get("advice"), tested.get("repeat")
    if conclusion.advice is not None:
        conclusion.advice.unequal = unequal(arms.cells("transferred"), arms.cells("advice"), among & arms.has("advice"))
    if not np.nan_to_num(means["none"]).any():
        problems.append(Problem("no spread"))
    if conclusion.repeat is not None and conclusion.repeat.p < REPEAT_ALPHA:
        problems.append(Problem("repeat", "repeat", "", conclusion.repeat.value, conclusion.repeat.p))
    conclusion.positive = int((differences["none"][:, among].mean(axis=1) > 1e-12).sum())
    if conclusion.families >= FAMILIES:
        conclusion.over_judges = {n: _over_families(d[:, among].mean(axis=1), families) for n, d in differences.items()}
    conclusion.problems = tuple(problems)
    return conclusion


def _set_complete(x: Contrast | None, arms: Arms, reference: str, facts: Facts, among: Bools) -> None:
    """Of an incomplete difference there are bounds, and no score."""
    sides = arms.cells("transferred"), arms.cells(reference)
    if x is not None and any(s.trials[0] < s.trials[1] for side in sides for s in side):
        x.complete, x.bounds = False, bounds(*sides, facts, among, arms.benchmark.lost)


def _complete_for_all(arms: Arms, arm: str) -> bool:
    return len(arms.cells(arm)) == len(arms.judges) and not arms.state(arm)


def _mean(difference: Floats, among: Bools) -> Floats:
    """Over the judges, item by item: (judges, items) -> (items,), NaN outside of `among`."""
    mean = difference.mean(axis=0)
    mean[np.abs(mean) < 1e-12] = 0.0  # thirds that cancel are 0, not a rounding error
    answer: Floats = np.where(among, mean, np.nan)
    return answer


def _over_families(by_judge: Floats, families: Sequence[str]) -> tuple[float, float]:
    names = np.array(families)
    return statistics.t_interval(np.array([by_judge[names == f].mean() for f in dict.fromkeys(families)]))


def _controls(
    run: RunData, arms: Arms, what: Declared, own_rubric: Bools, shared: bool
) -> tuple[list[Lead], dict[str, Bools], list[Problem]]:
    """The controls that the writer's rubrics need, of those tested the items that have them, and what is incomplete."""
    leads, sets, problems = [], {}, []
    rubrics = run.rubrics.get((arms.benchmark.name, arms.writer))
    of = int(own_rubric.sum())
    for control in (c for c in CONTROLS if not (shared and ARMS[c].across_items)):
        state = arms.state(control)
        identical = own_rubric & (False if rubrics is None else same_text(arms.benchmark, rubrics, control))
        there = arms.has(control) & own_rubric & ~identical
        items = int(there.sum())
        if control not in what.controls:
            leads.append(Lead(control, "not declared", of=of))
        elif 2 * identical.sum() > of:
            leads.append(Lead(control, "void", items, of))
        elif any(p.kind == "not run" for p in state):
            leads.append(Lead(control, "not run", of=of))
        else:
            tested: State = "few items" if 2 * items < of else "tested"
            leads.append(Lead(control, tested, items, of))
            if tested == "tested":
                sets[control] = there
                problems += state
    return leads, sets, problems


def _spoiled(arms: Arms, reference: str, among: Bools) -> list[Problem]:
    """What differs between the answers under `transferred` and under the reference."""
    differing = unequal(arms.cells("transferred"), arms.cells(reference), among)
    return [Problem(cast(Kind, u.kind), reference, "", u.here, u.there) for u in differing]


def unscored(what: Declared, benchmark: str) -> dict[tuple[str, str], Conclusion]:
    """The conclusions on a benchmark that the protocol does not score."""
    why = (Problem("no protocol"),)
    members = ((b, w) for b, w in what.members if b == benchmark)
    return {(b, w): Conclusion(b, w, margin=what.margin, problems=why) for b, w in members}


def conclude(what: Declared, measured: Mapping[tuple[str, str], Conclusion]) -> list[Conclusion]:
    """A verdict for each member of the family; one that was not measured has no result, and counts as one test all the same."""
    nothing = (Problem("not run", "transferred"),)
    conclusions = [
        measured.get((b, w)) or Conclusion(b, w, margin=what.margin, problems=nothing) for b, w in what.members
    ]
    decide(conclusions)
    if any(c.by_ratio for c in conclusions):
        twins = [c.by_ratio or replace(c, gain=c.gain and replace(c.gain)) for c in conclusions]
        decide(twins)
        for c, twin in zip(conclusions, twins, strict=True):
            if c.verdict not in (twin.verdict, "cannot say"):
                c.problems = (*c.problems, Problem("by ratio"))
                c.verdict, c.control, c.p, c.p_holm = "cannot say", None, 1.0, 1.0
                if c.gain is not None:
                    c.gain.p_holm = None
            if c.advice is not None:
                c.advice.by_ratio = twin.advice if c.by_ratio else None
    return conclusions


def decide(family: Sequence[Conclusion]) -> None:
    """Holm over the family, then each verdict. One of which nothing can be said counts in the family with p = 1."""
    for c in family:
        ps = [] if c.gain is None or c.problems else [c.gain.p, *(x.p for _, x in c.tested)]
        c.p, c.family = max(ps, default=1.0), len(family)
    adjusted = statistics.holm([c.p for c in family])
    gains = statistics.holm([1.0 if c.gain is None or c.problems else c.gain.p for c in family])
    for c, p, gain_p in zip(family, adjusted, gains, strict=True):
        c.p_holm = p
        if c.gain is not None:
            c.gain.p_holm = None if c.problems else gain_p
        c.verdict, c.control = _verdict(c)


def _verdict(c: Conclusion) -> tuple[Verdict, str | None]:
    """The verdict and the control that it names.

    *Worse* asks for the p of the gain alone: it says nothing of a cause, so that a control that does as much harm takes nothing
    from it. Whatever the largest p lets be called worse is so by this one too.
    """
    gain, leads = c.gain, c.tested
    if c.problems or gain is None or gain.p_holm is None:
        return "cannot say", None
    if gain.p_holm >= ALPHA or gain.value == 0:
        return "not shown", None
    if gain.value < 0:
        return "worse", None
    if c.untested:
        return "helps; cause not tested", c.untested[0].control
    if c.p_holm < ALPHA and all(x.value > 0 for _, x in leads):
        return "helps by its content", None
    name, least = min(leads, key=lambda lead: lead[1].high)
    if least.high < c.margin and least.differs:  # without spread the interval is a point, whatever the number of items
        return "helps; no more than a control", name
    return "helps; not shown to be more than a control", max(leads, key=lambda x: (x[1].value <= 0, x[1].p))[0]
