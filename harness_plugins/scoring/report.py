"""What scoring comes to: one report a run folder, with all that was computed of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness_plugins.config.prices import Prices
from harness_plugins.folder.usage import Paid
from harness_plugins.scoring.arrays import RunData
from harness_plugins.scoring.asked import Ways
from harness_plugins.scoring.calibration import Calibration
from harness_plugins.scoring.caveats import Caveat
from harness_plugins.scoring.cells import CellReport, json_numbers
from harness_plugins.scoring.conclusions import Conclusion
from harness_plugins.scoring.costs import CostPoint, EqualCost
from harness_plugins.scoring.matrix import Matrix
from harness_plugins.scoring.panel import Panel
from harness_plugins.scoring.sentences import sentence
from harness_plugins.scoring.transfer import Transfer


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
        objects = [_of_the_folder("caveat", loss) for loss in self.losses]
        objects += [_of_the_folder("note", note) for note in self.notes]
        objects += [{**o, "protocol": self.about[c.benchmark][0]} for c in self.caveats for o in c.objects()]
        for cell in self.cells:
            base = {"benchmark": cell.benchmark, "judge": cell.judge, "writer": cell.writer, "arm": cell.arm}
            cell_fields = {
                "protocol": self.about[cell.benchmark][0],
                "complete": cell.complete,
                "relation": cell.relation,
            }
            cell_fields |= {"grading": cell.grading, "rubrics": cell.rubrics}
            for m in cell.metrics.values():
                numbers = {"k": m.k, "n": m.n, "value": m.value, "low": m.low, "high": m.high}
                objects.append({**base, "metric": m.name, **json_numbers(numbers), **cell_fields})
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
                objects.append(
                    {
                        **base,
                        "metric": f"gain_over_{c.reference}",
                        **c.numbers(),
                        **more,
                        **(cell_fields | {"complete": c.complete}),
                        "flags": c.flags,
                    }
                )
            if cell.mass is not None:
                numbers = {"n": cell.mass.count, "value": cell.mass.median, "below_half": cell.mass.below_half}
                objects.append({**base, "metric": "mass", **json_numbers(numbers), **cell_fields})
            if cell.several_forms[1]:
                k, n = cell.several_forms
                objects.append(
                    {**base, "metric": "several_forms", **json_numbers({"k": k, "n": n, "value": k / n}), **cell_fields}
                )
            if cell.transitions is not None:
                objects.append({**base, "metric": "transitions_from_none", "counts": cell.transitions, **cell_fields})
        for conclusion in self.conclusions:
            protocol = self.about[conclusion.benchmark][0] if conclusion.benchmark in self.about else self.protocol
            objects += conclusion.objects(protocol, sentence(conclusion))
        for t in self.transfers:
            whose = {"benchmark": t.benchmark, "judge": t.judge, "writer": t.writer, "arm": "transfer"}
            cell = next(c for c in self.cells if (c.benchmark, c.judge, c.writer) == (t.benchmark, t.judge, t.writer))
            whose |= {"grading": cell.grading, "rubrics": cell.rubrics}
            for m in t.metrics.values():
                numbers = {"k": m.k, "n": m.n, "value": m.value, "low": m.low, "high": m.high}
                if m.name in t.by_ratio:
                    numbers["value_by_ratio"] = t.by_ratio[m.name].value
                objects.append(
                    {**whose, "metric": m.name, **json_numbers(numbers), "protocol": self.about[t.benchmark][0]}
                )
        for w in self.ways:
            of = {"benchmark": w.benchmark, "writer": w.writer, "arm": w.arm, "protocol": self.about[w.benchmark][0]}
            for judge, x in zip(w.judges, w.difference, strict=True):
                if x is not None:
                    numbers = {"k": x.total, "n": x.n, "value": x.value, "low": x.low, "high": x.high, "p": x.p}
                    objects.append(
                        {**of, "judge": judge, "metric": f"gain_over_judge_{x.reference}", **json_numbers(numbers)}
                    )
        for p in self.panels:
            of = {"benchmark": p.benchmark, "writer": p.writer, "arm": p.arm, "protocol": self.about[p.benchmark][0]}
            vote = {"k": p.vote.k, "n": p.vote.n, "value": p.vote.value, "low": p.vote.low, "high": p.vote.high}
            objects.append({**of, "judge": list(p.judges), "metric": p.vote.name, **json_numbers(vote)})
            objects.append(
                {**of, "judge": list(p.judges), "metric": "krippendorff_alpha", **json_numbers({"value": p.alpha})}
            )
            for pair, (value, n) in p.kappa.items():
                agreement = json_numbers({"value": value, "n": n})
                objects.append({**of, "judge": list(pair), "metric": "cohen_kappa", **agreement})
        parts: list[Matrix | Calibration] = [*self.matrices, *self.calibrations]
        for part in parts:
            objects += part.objects(self.about[part.benchmark][0])
        return objects + [{**o, **json_numbers(numbers)} for o, numbers in _of_costs(self)]


def _of_costs(report: Report) -> Iterator[tuple[dict[str, Any], dict[str, float]]]:
    """What a decision of each cell costs: flat objects, and their numbers."""
    currency = report.prices.currency if report.prices else None
    for p in report.costs:
        vote = "" if p.votes is None else f"[vote@{p.votes}]"
        of = {"benchmark": p.benchmark, "judge": p.judge, "writer": p.writer, "arm": p.arm, "votes": p.votes}
        of["protocol"] = report.about[p.benchmark][0]
        usage_counts = {"calls_told": p.usage[0], "calls_all": p.usage[1]}
        fields = ("calls", "read", "written", "writer_read", "writer_written", "judge_cost")
        numbers = {"value": p.cost, "accuracy": p.accuracy.value, **{f: getattr(p, f) for f in fields}}
        yield (
            {**of, "metric": f"cost_{p.axis}{vote}", "currency": currency, "frontier": p.frontier, **usage_counts},
            numbers,
        )


def _of_the_folder(metric: str, text: str) -> dict[str, Any]:
    """A sentence on the folder as a whole, with the fields that every object has."""
    nothing = dict.fromkeys(("benchmark", "judge", "writer", "arm", "k", "value", "low", "high", "protocol"))
    return {**nothing, "n": 0, "metric": metric, "text": text} | ({"caveat": "folder"} if metric == "caveat" else {})
