"""What may be said of a writer's rubrics: the one rule that decides the words, for tables, page, comparison and hosts.

For each writer and benchmark of the config, over the mean of the unseen judges and over the items that have all of it (`none`,
`transferred`, every control), `transferred` is set against `none` and against each control. p is the largest two-sided p of these
differences; Holm runs over the config's writers and benchmarks, whether or not they have a result. docs/statistics.md says which
verdict follows from what; `sentences.sentence` puts it into words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, NamedTuple, cast

import numpy as np

from evaluators.errors import UserError
from evaluators.rubrics.arms import ARMS, CONTROLS
from harness_plugins.scoring import paired, statistics
from harness_plugins.scoring.arrays import CellKey, RunData
from harness_plugins.scoring.caveats import GAP, unequal
from harness_plugins.scoring.cells import ArmContrast, CellReport, Contrast, json_number
from harness_plugins.scoring.contrasts import bounds
from harness_plugins.scoring.controls import same_text
from harness_plugins.scoring.metrics import Bools, Scored, Scores, Trials
from harness_plugins.scoring.statistics import Floats, Interval


class Verdict(StrEnum):
    BY_CONTENT = "helps by its content"
    NOT_SHOWN_TO_BE_MORE = "helps; not shown to be more than a control"
    NO_MORE = "helps; no more than a control"
    NOT_TESTED = "helps; cause not tested"
    WORSE = "worse"
    NOT_SHOWN = "not shown"
    CANNOT_SAY = "cannot say"

    @property
    def helps(self) -> bool:
        return self in (Verdict.BY_CONTENT, Verdict.NOT_SHOWN_TO_BE_MORE, Verdict.NO_MORE, Verdict.NOT_TESTED)


State = Literal["tested", "not declared", "not run", "void", "few items"]
Kind = Literal[
    "no model", "no unseen judge", "no protocol", "not run", "incomplete", "no item", "no spread", "rubrics", "by ratio", "repeat",
    "unparsed", "refused", "truncated", "low_mass", "provenance", "coverage",
]  # fmt: skip

ALPHA, REPEAT_ALPHA = 0.05, 0.01
FAMILIES = 5
"""From this number of families of judges on, something may be said of judges at large."""


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


@dataclass(frozen=True)
class Part:
    """The gain on the items of one category. Nothing is concluded from it."""

    category: str
    without: float
    """Accuracy under `none`, the mean over the judges."""
    gain: Contrast


@dataclass
class Conclusion:
    """The effect of a writer's rubrics on a benchmark for the judges that are unseen to it."""

    benchmark: str
    writer: str
    shared: bool = False
    """One rubric for all items."""
    judges: tuple[str, ...] = ()
    positive: int = 0
    """Judges whose own gain is above zero."""
    families: int = 0
    """Of the judges."""
    over_judges: dict[str, Interval] = field(default_factory=dict)
    """From five families on: for `none` and each control the 95 % interval of the difference over families."""
    gain: Contrast | None = None
    """`transferred` minus `none`; its `p_holm` is of the gain alone."""
    leads: tuple[Lead, ...] = ()
    advice: Contrast | None = None
    """`transferred` minus `advice`, the writer's bare verdict."""
    control_gains: dict[str, Contrast] = field(default_factory=dict)
    """By arm: `generic`, `shuffled` (where they were tested), `advice` and `repeat` minus `none`, for the same judges and items."""
    parts: tuple[Part, ...] = ()
    """The gain by category, where there are several."""
    of_items: int = 0
    """Labelled items of the benchmark; `gain.n` of them have all of it."""
    problems: tuple[Problem, ...] = ()
    p: float = 1.0
    """The largest two-sided p of the gain and the tested leads; 1 where nothing can be said."""
    p_holm: float = 1.0
    family: int = 1
    """How many conclusions Holm's correction ran over."""
    margin: float = 0.02
    verdict: Verdict = Verdict.CANNOT_SAY
    by_ratio: Conclusion | None = field(default=None, repr=False)
    """The same with `low_mass` answers taken as their digits say, where some answer is such."""

    @property
    def tested(self) -> dict[str, Contrast]:
        """The leads that were tested, by control."""
        return {x.control: x.contrast for x in self.leads if x.contrast is not None}

    @property
    def repeat(self) -> Contrast | None:
        """`repeat` minus `none`."""
        return self.control_gains.get("repeat")

    @property
    def untested(self) -> list[Lead]:
        return [x for x in self.leads if x.contrast is None]

    @property
    def control(self) -> str | None:
        """The control that the verdict names."""
        tested = self.tested
        match self.verdict:
            case Verdict.NOT_TESTED:
                return self.untested[0].control
            case Verdict.NO_MORE:
                return self.nearest
            case Verdict.NOT_SHOWN_TO_BE_MORE:
                return max(tested, key=lambda name: (tested[name].value <= 0, tested[name].p))
        return None

    @property
    def nearest(self) -> str:
        """The tested control over which the lead can be least, at the upper end of its interval."""
        return min(self.tested, key=lambda name: self.tested[name].high)

    @property
    def at_large(self) -> bool:
        """What the verdict says of these judges holds for judges at large: the intervals over families exclude zero too."""
        controls = list(self.tested) if self.verdict == Verdict.BY_CONTENT else []
        intervals = [self.over_judges.get(n, Interval(math.nan, math.nan)) for n in ("none", *controls)]
        if self.verdict == Verdict.WORSE:
            return intervals[0].high < 0
        return self.verdict.helps and all(x.low > 0 for x in intervals)

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
                "verdict": self.verdict.value,
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
        for metric, x in {
            "mean_gain_over_none": self.gain,
            **{f"mean_lead_over_{n}": x for n, x in self.tested.items()},
            "mean_gain_over_advice": self.advice,
        }.items():
            if x is not None:
                interval = self.over_judges.get(x.reference)
                over = {} if interval is None else {"low_over_judges": interval.low, "high_over_judges": interval.high}
                lines.append(
                    {**base, "metric": metric, **_numbers(x), "p_holm": x.p_holm, **over, "protocol": protocol}
                )
        for arm, x in self.control_gains.items():
            gain = {"metric": f"mean_{arm}_minus_none", **_numbers(x), "p_holm": x.p_holm}
            lines.append({**base, "arm": arm, **gain, "protocol": protocol})
        return lines


def _numbers(x: Contrast | None) -> dict[str, Any]:
    nothing = {"k": None, "n": 0, "value": None, "low": None, "high": None, "p": None, "detectable": None}
    return nothing if x is None else x.numbers()


def declared(run: RunData) -> Declared:
    """What the run's config declared. A folder that does not say so (an older one, an import) declares what it has cells of."""
    judged = [(b.name, str(k.writer)) for b in run.benchmarks.values() for k in b.cells if k.arm == "transferred"]
    declaration: Mapping[str, Any] = run.manifest.get("declared", {})
    members = {(m["benchmark"], m["writer"]): tuple(m["judges"]) for m in declaration.get("members", ())}
    members |= {member: () for member in judged if member not in members}
    controls = tuple(declaration.get("controls", CONTROLS))
    if absent := [c for c in controls if c not in ARMS]:
        package = run.package_arm(absent[0]).get("package")
        what = f"the package {package}, which brings it" if package else "the package that brings it"
        raise UserError(
            f"{run.folder}: its config declares the control {absent[0]!r}, an arm that is not installed: install {what}"
        )
    margin = float(declaration.get("equivalence_margin", 2.0)) / 100
    return Declared(members, controls, margin)


class Arms(NamedTuple):
    """One writer's cells with the unseen judges."""

    scores: Scores
    writer: str
    judges: tuple[str, ...]

    def cells(self, arm: str) -> list[Scored]:
        """Each judge's, of those that have one."""
        keys = [self._key(arm, j) for j in self.judges]
        return [self.scores.by_key[k] for k in keys if k in self.scores.by_key]

    def _key(self, arm: str, judge: str) -> CellKey:
        return CellKey(judge, arm, self.writer if ARMS[arm].per_writer else None)

    def judged_by_all(self, arm: str) -> bool:
        return len(self.cells(arm)) == len(self.judges)

    def has(self, arm: str) -> Bools:
        """(items,): the arm had something of its own to give, in every order of every judge."""
        everywhere = np.ones(len(self.scores.benchmark.items), dtype=bool)
        masks = [scored.with_rubric for scored in self.cells(arm) if scored.with_rubric is not None]
        answer: Bools = np.logical_and.reduce([everywhere, *masks])
        return answer

    def same_text(self, control: str) -> Bools:
        """(items,): the control gives the very text that `transferred` does."""
        benchmark = self.scores.benchmark
        rubrics = self.scores.run.rubrics.get((benchmark.name, self.writer))
        return np.zeros(len(benchmark.items), dtype=bool) if rubrics is None else same_text(benchmark, rubrics, control)

    def other_text(self, control: str) -> Bools:
        """(items,): the control gives something, and another text than `transferred` does."""
        answer: Bools = self.has(control) & ~self.same_text(control)
        return answer

    def trials(self, arm: str, judge: str) -> Trials:
        """Over the items that the arm has something for; those of items that the folder has lost are due."""
        cell = self.scores.by_key.get(self._key(arm, judge))
        if cell is None:
            return Trials(0, 0)
        counts = cell.counts & self.has(arm)[:, None, None]
        return Trials(int((cell.answered & counts).sum()), int(counts.sum()) + cell.lost)

    def missing(self, arm: str) -> list[Problem]:
        """The judges that were not asked at all, and those with answers missing."""
        problems = []
        for judge in self.judges:
            trials = self.trials(arm, judge)
            if not trials.answered:
                problems.append(Problem("not run", arm, judge))
            elif not trials.complete:
                problems.append(Problem("incomplete", arm, judge, *trials))
        return problems

    def spoiled(self, reference: str, members: Bools) -> list[Problem]:
        """What differs between the answers under `transferred` and under the reference."""
        differing = unequal(self.cells("transferred"), self.cells(reference), members)
        return [Problem(cast(Kind, u.kind), reference, "", u.share, u.reference_share) for u in differing]

    def difference(self, arm: str, reference: str) -> Floats:
        """(judges, items): NaN where either has no score."""
        sides = zip(self.cells(arm), self.cells(reference), strict=True)
        return np.array([a.score - b.score for a, b in sides])


class Differences(NamedTuple):
    """`transferred` minus `none` and minus each tested control, for each judge."""

    by_reference: dict[str, Floats]
    """(judges, items): NaN where either has no score."""
    due: Bools
    """(items,): those that have a rubric, and another text under each tested control."""
    complete: Bools
    """(items,): those of them with a score in every arm of every judge."""

    def mean(self, reference: str) -> Floats:
        """(items,): over the judges; NaN outside of `complete`."""
        return np.where(self.complete, paired.mean(self.by_reference[reference]), np.nan)

    def by_judge(self, reference: str) -> Floats:
        """(judges,): over the items."""
        answer: Floats = self.by_reference[reference][:, self.complete].mean(axis=1)
        return answer


def measured(cells: Sequence[CellReport], scores: Scores, declaration: Declared) -> dict[tuple[str, str], Conclusion]:
    """By benchmark and writer the differences of each writer of the config, without a verdict yet (`decide`).

    Args:
        cells: the benchmark's, for how each judge is related to the writer.
    """
    name = scores.benchmark.name
    conclusions = {
        (name, writer): _measure(cells, scores, writer, declaration)
        for benchmark, writer in declaration.members
        if benchmark == name
    }
    if scores.by_ratio:
        with_ratios = scores.with_ratios()
        for (_, writer), conclusion in conclusions.items():
            conclusion.by_ratio = _measure(cells, with_ratios, writer, declaration)
    return conclusions


def _measure(cells: Sequence[CellReport], scores: Scores, writer: str, declaration: Declared) -> Conclusion:
    run, name = scores.run, scores.benchmark.name
    conclusion = Conclusion(name, writer, bool(run.shared(name, writer)), margin=declaration.margin)
    writer_cells = [c for c in cells if c.arm == "transferred" and c.writer == writer]
    _set_judges(conclusion, writer_cells, declaration.members.get((name, writer), ()))
    if not conclusion.judges:
        return conclusion
    conclusion.families = len(set(_families(run, conclusion.judges)))
    arms = Arms(scores, writer, conclusion.judges)
    labelled = scores.facts.label >= 0
    with_rubric = arms.has("transferred") & labelled
    conclusion.of_items = int(labelled.sum())
    problems = []
    if with_rubric.sum() < (1 - GAP) * conclusion.of_items:
        problems.append(Problem("rubrics", "transferred", "", int(with_rubric.sum()), conclusion.of_items))
    if with_rubric.any():
        problems += [*arms.missing("none"), *arms.missing("transferred")]
    if with_rubric.any() and arms.judged_by_all("none") and arms.judged_by_all("transferred"):
        controls = [
            c for c in dict.fromkeys((*CONTROLS, *declaration.controls)) if not (conclusion.shared and ARMS[c].donors)
        ]
        conclusion.leads = tuple(_lead(arms, c, c in declaration.controls, with_rubric) for c in controls)
        tested = [x.control for x in conclusion.leads if x.state == "tested"]
        problems += [p for c in tested for p in arms.missing(c)]
        differences = _differences(arms, tested, with_rubric)
        if differences.complete.any():
            problems += [p for reference in ("none", *tested) for p in arms.spoiled(reference, differences.complete)]
            _set_contrasts(conclusion, arms, differences)
            problems += _without_answer(conclusion)
        else:
            problems.append(Problem("no item"))
    conclusion.problems += tuple(problems)
    return conclusion


def _set_judges(conclusion: Conclusion, cells: Sequence[CellReport], configured: Sequence[str]) -> None:
    """The unseen judges, and those that the config names and that have no cell.

    Args:
        cells: the writer's, under `transferred`.
    """
    models = [c for c in cells if not c.baseline]
    unseen = [c.judge for c in models if c.relation == "unseen" and (c.trials.answered or c.judge in configured)]
    problems = [Problem("not run", "transferred", j) for j in configured if j not in {c.judge for c in cells}]
    if not unseen:
        problems.append(Problem("no unseen judge" if models or configured else "no model"))
    conclusion.judges, conclusion.problems = tuple(unseen), tuple(problems)


def _families(run: RunData, judges: Sequence[str]) -> list[str]:
    return [str(run.judge(j)["family"]) for j in judges]


def _lead(arms: Arms, control: str, declared: bool, with_rubric: Bools) -> Lead:
    """Whether a control can be tested: it is another text for half of the items with a rubric at least."""
    of, items = int(with_rubric.sum()), int((arms.other_text(control) & with_rubric).sum())
    if not declared:
        return Lead(control, "not declared", of=of)
    if 2 * int((arms.same_text(control) & with_rubric).sum()) > of:
        return Lead(control, "void", items, of)
    if any(p.kind == "not run" for p in arms.missing(control)):
        return Lead(control, "not run", of=of)
    return Lead(control, "few items" if 2 * items < of else "tested", items, of)


def _differences(arms: Arms, tested: Sequence[str], with_rubric: Bools) -> Differences:
    by_reference = {reference: arms.difference("transferred", reference) for reference in ("none", *tested)}
    due: Bools = np.logical_and.reduce([with_rubric, *(arms.other_text(c) for c in tested)])
    return Differences(by_reference, due, due & ~np.isnan(np.concatenate(list(by_reference.values()))).any(axis=0))


def _set_contrasts(conclusion: Conclusion, arms: Arms, differences: Differences) -> None:
    """The mean over the judges of each difference, tested: the gain, the leads, what `advice` and `repeat` come to."""
    references = list(differences.by_reference)
    means = {ArmContrast("transferred", reference): differences.mean(reference) for reference in references}
    with_advice = differences.complete & arms.has("advice")
    others = [ArmContrast(control, "none") for control in references if control != "none"]
    if _complete(arms, "advice"):
        others += [ArmContrast("transferred", "advice"), ArmContrast("advice", "none")]
    if _complete(arms, "repeat"):
        others.append(ArmContrast("repeat", "none"))
    for x in others:
        members = with_advice if "advice" in x else differences.complete
        means[x] = np.where(members, paired.mean(arms.difference(*x)), np.nan)
    tested = paired.contrasts(means, arms.scores.benchmark.cluster)
    for (arm, reference), contrast in tested.items():
        if contrast is not None:
            contrast.of, contrast.reference = conclusion.of_items, reference
            if {arm, reference} <= {"transferred", *references}:  # `advice` and `repeat` are complete
                _set_complete(contrast, arms, ArmContrast(arm, reference), differences.due)
    over = {x.reference: contrast for x, contrast in tested.items() if x.arm == "transferred"}
    conclusion.gain, conclusion.advice = over.get("none"), over.get("advice")
    conclusion.control_gains = {x.arm: c for x, c in tested.items() if x.arm != "transferred" and c is not None}
    if conclusion.gain is not None and conclusion.gain.complete:
        conclusion.parts = tuple(_parts(arms, means[ArmContrast("transferred", "none")]))
    conclusion.leads = tuple(replace(lead, contrast=over.get(lead.control)) for lead in conclusion.leads)
    if conclusion.advice is not None:
        conclusion.advice.unequal = unequal(arms.cells("transferred"), arms.cells("advice"), with_advice)
    conclusion.positive = int((differences.by_judge("none") > 1e-12).sum())
    if conclusion.families >= FAMILIES:
        families = _families(arms.scores.run, arms.judges)
        conclusion.over_judges = {
            n: _over_families(differences.by_judge(n), families) for n in differences.by_reference
        }


def _parts(arms: Arms, gain: Floats) -> Iterator[Part]:
    """Args:
    gain: (items,) of `transferred` over `none`, NaN where there is none."""
    categories = arms.scores.facts.category
    names = sorted({str(name) for name in categories[~np.isnan(gain)]} - {""})
    if len(names) < 2:
        return
    tested = paired.contrasts(
        {name: np.where(categories == name, gain, np.nan) for name in names}, arms.scores.benchmark.cluster
    )
    without = paired.mean(np.array([scored.score for scored in arms.cells("none")]))
    for name, contrast in tested.items():
        if contrast is not None:
            contrast.reference = "none"
            members = (categories == name) & ~np.isnan(gain)
            yield Part(name, float(without[members].mean()), contrast)


def _complete(arms: Arms, arm: str) -> bool:
    return arms.judged_by_all(arm) and not arms.missing(arm)


def _set_complete(contrast: Contrast, arms: Arms, of: ArmContrast, due: Bools) -> None:
    """Of an incomplete difference there are bounds, and no score."""
    sides = arms.cells(of.arm), arms.cells(of.reference)
    if not all(scored.trials.complete for side in sides for scored in side):
        contrast.complete, contrast.bounds = False, bounds(*sides, arms.scores.facts, due, arms.scores.benchmark.lost)


def _over_families(by_judge: Floats, families: Sequence[str]) -> Interval:
    names = np.array(families)
    return statistics.t_interval(np.array([by_judge[names == f].mean() for f in dict.fromkeys(families)]))


def _without_answer(c: Conclusion) -> list[Problem]:
    problems = []
    if c.gain is not None and not c.gain.differs:
        problems.append(Problem("no spread"))
    if c.repeat is not None and c.repeat.p < REPEAT_ALPHA:
        problems.append(Problem("repeat", "repeat", "", c.repeat.value, c.repeat.p))
    return problems


def unscored(declaration: Declared, benchmark: str) -> dict[tuple[str, str], Conclusion]:
    """The conclusions on a benchmark that the protocol does not score."""
    why = (Problem("no protocol"),)
    writers = (writer for name, writer in declaration.members if name == benchmark)
    return {
        (benchmark, writer): Conclusion(benchmark, writer, margin=declaration.margin, problems=why)
        for writer in writers
    }


def conclude(declaration: Declared, measured: Mapping[tuple[str, str], Conclusion]) -> list[Conclusion]:
    """A verdict for each member of the family; one that was not measured has no result, and counts as one test anyway."""
    nothing = (Problem("not run", "transferred"),)
    conclusions = [
        measured.get((benchmark, writer)) or Conclusion(benchmark, writer, margin=declaration.margin, problems=nothing)
        for benchmark, writer in declaration.members
    ]
    decide(conclusions)
    if any(c.by_ratio for c in conclusions):
        # Holm by ratio runs over the whole family too. `decide` writes into what it gets, so the others are copies.
        twins = [c.by_ratio or replace(c, gain=c.gain and replace(c.gain)) for c in conclusions]
        decide(twins)
        for c, twin in zip(conclusions, twins, strict=True):
            if c.verdict not in (twin.verdict, Verdict.CANNOT_SAY):
                c.problems = (*c.problems, Problem("by ratio"))
                c.verdict, c.p, c.p_holm = Verdict.CANNOT_SAY, 1.0, 1.0
                if c.gain is not None:
                    c.gain.p_holm = None
            if c.advice is not None:
                c.advice.by_ratio = twin.advice if c.by_ratio else None
    return conclusions


def decide(family: Sequence[Conclusion]) -> None:
    """Holm over the family, then each verdict. One of which nothing can be said counts in the family with p = 1."""
    for c in family:
        # All of these differences must hold, so the largest p needs no correction for their number (Berger 1982:
        # an intersection-union test).
        ps = [] if c.gain is None or c.problems else [c.gain.p, *(x.p for x in c.tested.values())]
        c.p, c.family = max(ps, default=1.0), len(family)
    adjusted = statistics.holm([c.p for c in family])
    gains = statistics.holm([1.0 if c.gain is None or c.problems else c.gain.p for c in family])
    for c, p, gain_p in zip(family, adjusted, gains, strict=True):
        c.p_holm = p
        if c.gain is not None:
            c.gain.p_holm = None if c.problems else gain_p
        c.verdict = _verdict(c)


def _verdict(c: Conclusion) -> Verdict:
    """*Worse* asks for the p of the gain alone: it says nothing about a cause, so a control that does as much harm does not
    weaken it. What is worse by the largest p is worse by this one too.
    """
    gain = c.gain
    if c.problems or gain is None or gain.p_holm is None:
        return Verdict.CANNOT_SAY
    if gain.p_holm >= ALPHA or gain.value == 0:
        return Verdict.NOT_SHOWN
    if gain.value < 0:
        return Verdict.WORSE
    if c.untested:
        return Verdict.NOT_TESTED
    if c.p_holm < ALPHA and all(x.value > 0 for x in c.tested.values()):
        return Verdict.BY_CONTENT
    lead = c.tested[c.nearest]
    if lead.high < c.margin and lead.differs:  # without spread the interval is a point, whatever the number of items
        return Verdict.NO_MORE
    return Verdict.NOT_SHOWN_TO_BE_MORE
