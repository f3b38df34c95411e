"""The result of scoring: one report for each run folder, with all that was computed of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from harness_plugins.config.prices import Prices
from harness_plugins.folder.usage import Paid
from harness_plugins.scoring.arrays import RunData
from harness_plugins.scoring.calibration import Calibration
from harness_plugins.scoring.caveats import Caveat
from harness_plugins.scoring.cells import PRIMARY, ArmContrast, CellReport
from harness_plugins.scoring.conclusions import Conclusion
from harness_plugins.scoring.costs import CostPoint, EqualCost
from harness_plugins.scoring.matrix import Matrix
from harness_plugins.scoring.panel import Panel
from harness_plugins.scoring.sentences import sentence
from harness_plugins.scoring.transfer import Transfer
from harness_plugins.scoring.ways import Ways


class ItemCounts(NamedTuple):
    items: int
    clusters: int
    unlabelled: int
    """Items whose label names no preferred candidate."""


class AppliedProtocol(NamedTuple):
    name: str
    """Its full name."""
    about: str


@dataclass
class Report:
    """A scored run folder."""

    folder: Path
    data: RunData = field(repr=False)
    """What was read of it."""
    protocol: str
    about: dict[str, AppliedProtocol]
    """By benchmark."""
    items: dict[str, ItemCounts]
    """By benchmark."""
    cells: list[CellReport]
    facts: dict[str, dict[str, Any]]
    primary: ArmContrast = PRIMARY
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
        currency = self.prices.currency if self.prices else None
        cells = {(c.benchmark, c.judge, c.writer): c for c in reversed(self.cells)}
        objects = [_of_the_folder("caveat", loss) for loss in self.losses]
        objects += [_of_the_folder("note", note) for note in self.notes]
        objects += [{**o, "protocol": self._protocol(c.benchmark)} for c in self.caveats for o in c.objects()]
        for c in self.cells:
            objects += c.objects(self._protocol(c.benchmark))
        for conclusion in self.conclusions:
            objects += conclusion.objects(self._protocol(conclusion.benchmark), sentence(conclusion))
        for t in self.transfers:
            cell = cells[t.benchmark, t.judge, t.writer]
            objects += t.objects(self._protocol(t.benchmark), cell.grading, cell.rubrics)
        parts: list[Ways | Panel | Matrix | Calibration]
        parts = [*self.ways, *self.panels, *self.matrices, *self.calibrations]
        for part in parts:
            objects += part.objects(self._protocol(part.benchmark))
        for point in self.costs:
            objects += point.objects(self._protocol(point.benchmark), currency)
        return objects

    def _protocol(self, benchmark: str) -> str:
        """The full name of what was applied; the protocol asked for where the benchmark was not judged."""
        return self.about[benchmark].name if benchmark in self.about else self.protocol


def _of_the_folder(metric: str, text: str) -> dict[str, Any]:
    """A sentence on the folder as a whole, with the fields that every object has."""
    nothing = dict.fromkeys(("benchmark", "judge", "writer", "arm", "k", "value", "low", "high", "protocol"))
    return {**nothing, "n": 0, "metric": metric, "text": text} | ({"caveat": "folder"} if metric == "caveat" else {})
