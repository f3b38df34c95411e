"""The page's sections: what a run came to in sentences, figures and the same tables as everywhere else."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness_plugins.report.drawing import Plot, for_page, svg
from harness_plugins.report.texts import middle, one_line, plain
from harness_plugins.scoring.arrays import RunData
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.sentences import sentence
from harness_plugins.tables.cards import cards
from harness_plugins.tables.cells import Table
from harness_plugins.tables.run import summary, tables, warnings


@dataclass(frozen=True)
class Shown:
    """A text in a cell of a table."""

    text: str
    bold: bool = False
    quiet: bool = False

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Grid:
    title: str
    header: list[str]
    rows: list[list[Shown]]
    notes: list[str]


@dataclass(frozen=True)
class Picture:
    title: str
    alt: str
    data: str
    """An SVG in base64."""
    width: int
    height: int


@dataclass
class Section:
    id: str
    short: str
    title: str
    about: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    findings: list[tuple[str, str]] = field(default_factory=list)
    """(kind, sentence): `finding` or `warning`."""
    pictures: list[Picture] = field(default_factory=list)
    tables: list[Grid] = field(default_factory=list)


KINDS: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    (
        "accuracy",
        "Accuracy",
        "Accuracy",
        "How often each judge picked the preferred candidate, k/n beside each percentage. Both orders count alike, and what was "
        "never answered is not scored.",
        ("clusters, protocol", "accuracy by category", "asked in several ways", "the judges together"),
    ),
    (
        "matrix",
        "Matrix",
        "Writers and judges",
        "Each writer's rubrics in each judge's hands. The margins are means over unseen cells, item by item.",
        ("the matrix of",),
    ),
    (
        "gain",
        "Gain",
        "Gain of each arm",
        "Accuracy with the arm minus accuracy without a rubric, item by item, with the interval of a cluster bootstrap. A gain "
        "counts beside its controls: shuffled, generic, repeat.",
        ("whether the rubrics help", "what each arm changed"),
    ),
    (
        "transitions",
        "Transitions",
        "What became of each pair",
        "A pair is right or wrong in both orders, or its judge went by the place. Gains and losses that cancel in the mean show "
        "here.",
        ("pairs by what they were",),
    ),
    (
        "carries",
        "Carry-over",
        "What the rubrics carry over",
        "Criteria that help, or only the writer's verdict?",
        ("carry over", "writer's verdict"),
    ),
    (
        "position",
        "Position",
        "Position bias",
        "A judge without it is as often right where the preferred candidate comes first as where it comes last.",
        ("accuracy by position",),
    ),
    (
        "cost",
        "Cost",
        "Accuracy against cost",
        "What a decision takes: the judge's calls, and the rubric's share of its writer's.",
        ("calls and tokens", "cost", "what it took"),
    ),
    (
        "calibration",
        "Calibration",
        "Calibration",
        "Whether a judge that says 80 per cent is right four times in five, and how accurate it is where it is most certain.",
        ("calibration", "calibrated"),
    ),
    (
        "cards",
        "Rubrics",
        "Rubric cards",
        "What each writer's rubrics are like before any judge reads them.",
        ("rubric cards",),
    ),
    ("more", "More", "More tables", "", ()),
)
"""(id, short name, title, what it is about, words in the titles of its tables)."""


def sections(run: RunData, report: Report, plots: Mapping[str, Sequence[Plot]]) -> list[Section]:
    """All sections that have anything to show, the summary first."""
    by_kind = {kind[0]: Section(*kind[:4]) for kind in KINDS}
    for kind, drawn in plots.items():
        by_kind[kind].pictures = [picture(p) for p in drawn]
    for table in [*tables([report]), cards(run.items(), run.written())]:
        if table.rows:
            by_kind[_section_of(table.title)].tables.append(grid(table))
    first = Section("summary", "Summary", "Summary", facts=_facts(run, report), findings=_findings(report))
    first.tables = [grid(t) for t in summary(report)]
    return [first, *(s for s in by_kind.values() if s.pictures or s.tables)]


def _section_of(title: str) -> str:
    """By the words of a table's title after its benchmark."""
    about = title.partition(": ")[2] or title
    for kind, *_, words in KINDS:
        if any(w in about.lower() or w in title.lower() for w in words):
            return kind
    return "more"


def grid(table: Table) -> Grid:
    rows = [[_shown(x) for x in row] for row in table.rows]
    header = [plain(h) for h in table.header]
    return Grid(plain(table.title), header, rows, [plain(n) for n in table.notes])


def _shown(text: str) -> Shown:
    bold = len(text) > 4 and text.startswith("**") and text.endswith("**")
    return Shown(plain(text[2:-2] if bold else text), bold, text.startswith("incomplete"))


def picture(plot: Plot) -> Picture:
    drawn = for_page(svg(plot))
    size = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', drawn)
    width, height = (round(float(x) * 4 / 3) for x in size.groups()) if size else (800, 400)
    return Picture(plain(plot.title), plain(plot.alt), base64.b64encode(drawn).decode(), width, height)


def _facts(run: RunData, report: Report) -> list[tuple[str, str]]:
    cells = [c for c in report.cells if not c.computed]
    judges = list(dict.fromkeys(c.judge for c in cells))
    models = [j for j in judges if not run.baseline(j)]
    answered, asked = (sum(c.trials[n] for c in cells) for n in (0, 1))
    total, clusters = (sum(i[n] for i in report.items.values()) for n in (0, 1))
    several = f", {len(report.items)} benchmarks" if len(report.items) > 1 else ""
    facts = [
        ("Items", f"{total:,} in {clusters:,} clusters{several}"),
        ("Protocol", ", ".join(dict.fromkeys(n for n, _ in report.about.values()))),
    ]
    if models:
        facts.append(("Judges", ", ".join(models)))
    if baselines := [j for j in judges if run.baseline(j)]:
        facts.append(("Baselines that were run", ", ".join(baselines)))
    if run.writers:
        facts.append(("Writers", ", ".join(run.writers)))
    facts.append(("Arms", ", ".join(dict.fromkeys(c.arm for c in cells))))
    facts.append(("Trials answered", f"{answered:,} of {asked:,}"))
    revisions = {n: f.get("revision") for n, f in report.facts.items() if f.get("revision")}
    if revisions:
        facts.append(("Dataset revision", "; ".join(f"{n}: {str(r)[:12]}" for n, r in revisions.items())))
    if run.manifest.get("updated"):
        version = run.manifest.get("versions", {}).get("rubric_harness", "?")
        facts.append(("Judged", f"{str(run.manifest['updated'])[:10]}, rubric-harness {version}"))
    return [(k, one_line(v, 600)) for k, v in facts]


def _findings(report: Report) -> list[tuple[str, str]]:
    """What spoils the numbers, what may be said of each writer's rubrics, then what else a reader must know."""
    findings = [("warning", one_line(w, 600)) for benchmark in report.items for w in warnings(report, benchmark)]
    findings += [("finding", plain(sentence(c))) for c in report.conclusions if c.benchmark in report.items]
    broken = [c for c in report.cells if not c.complete]
    if broken:
        names = ", ".join(_cell(c) for c in broken[:4]) + (f" and {len(broken) - 4} more" if len(broken) > 4 else "")
        findings.append(
            (
                "warning",
                f"{_count(len(broken), 'cell')} incomplete and without a score: {names}. Run the same config again.",
            )
        )
    if not any(c.contrasts for c in report.cells):
        findings.append(("finding", "No arm was judged beside none: there is no gain to show."))
    findings += [("warning", one_line(n, 400) + ".") for n in report.notes]
    return findings


def _cell(c: CellReport, arm: bool = True) -> str:
    parts = [middle(c.judge, 40), *([f"reading {middle(c.writer, 40)}"] if c.writer else []), *([c.arm] if arm else [])]
    return " ".join(parts)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"
