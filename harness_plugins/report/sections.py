"""The page's sections: what a run came to in sentences, figures and the same tables as everywhere else."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from harness_plugins.report.drawing import Plot, for_page, svg
from harness_plugins.report.texts import middle, one_line, plain
from harness_plugins.scoring.arrays import RunData
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.sentences import sentence
from harness_plugins.tables.model import Table
from harness_plugins.tables.package_tables import NONE, PackageTables
from harness_plugins.tables.remarks import warnings
from harness_plugins.tables.render.to_html import html_table
from harness_plugins.tables.run import tables


@dataclass(frozen=True)
class Picture:
    title: str
    alt: str
    data: str
    """An SVG in base64."""
    width: int
    height: int


@dataclass(frozen=True)
class PageTable:
    title: str
    html: str


class Fact(NamedTuple):
    """A line of the box at the top of the page."""

    name: str
    text: str


class Finding(NamedTuple):
    kind: Literal["finding", "warning"]
    text: str


@dataclass
class Section:
    id: str
    """Tables of this `section` are in it (`tables.model.Table`), and figures of this kind (`figures.all_plots`)."""
    short: str
    title: str
    about: str = ""
    facts: list[Fact] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    tables: list[PageTable] = field(default_factory=list)


def _empty_sections() -> list[Section]:
    return [
        Section("summary", "Summary", "Summary"),
        Section(
            "accuracy",
            "Accuracy",
            "Accuracy",
            "How often each judge picked the preferred candidate, k/n beside each percentage. Both orders count alike, and what was "
            "never answered is not scored.",
        ),
        Section(
            "matrix",
            "Matrix",
            "Writers and judges",
            "Each writer's rubrics, read by each judge. The margins are means over unseen cells, item by item.",
        ),
        Section(
            "gain",
            "Gain",
            "Gain of each arm",
            "Accuracy with the arm minus accuracy without a rubric, item by item, with the interval of a cluster bootstrap. A gain "
            "counts beside its controls: shuffled, generic, repeat.",
        ),
        Section(
            "transitions",
            "Transitions",
            "What became of each pair",
            "A pair is right or wrong in both orders, or its judge follows the position. Gains and losses that cancel in the mean show "
            "here.",
        ),
        Section(
            "carries",
            "Carry-over",
            "What the rubrics carry over",
            "Criteria that help, or only the writer's verdict?",
        ),
        Section(
            "position",
            "Position",
            "Position bias",
            "A judge without it is as often right where the preferred candidate comes first as where it comes last.",
        ),
        Section(
            "cost",
            "Cost",
            "Accuracy against cost",
            "What a decision takes: the judge's calls, and the rubric's share of its writer's.",
        ),
        Section(
            "calibration",
            "Calibration",
            "Calibration",
            "Whether a judge that says 80 per cent is right four times in five, and how accurate it is where it is most certain.",
        ),
        Section("cards", "Rubrics", "Rubric cards", "What each writer's rubrics are like before any judge reads them."),
        Section("packages", "Packages", "From other packages", "Tables that packages installed beside this one add."),
    ]


def sections(
    run: RunData, report: Report, plots: Mapping[str, Sequence[Plot]], others: PackageTables = NONE
) -> list[Section]:
    """All sections that have anything to show, the summary first.

    Args:
        plots: by the id of their section.
    """
    by_id = {section.id: section for section in _empty_sections()}
    for name, drawn in plots.items():
        by_id[name].pictures = [picture(p) for p in drawn]
    # What spoils the numbers of ours is said once, at the top of the page.
    ours = [replace(table, warnings=[]) for table in tables([report])]
    for n, table in enumerate([*ours, *others.tables]):
        by_id.get(table.section, by_id["packages"]).tables.append(page_table(table, f"t{n}"))
    first, *later = by_id.values()
    first.facts, first.findings = _facts(run, report), _findings(report, others)
    return [first, *(s for s in later if s.pictures or s.tables)]


def page_table(table: Table, id_prefix: str) -> PageTable:
    """Args:
    id_prefix: as `html_table` has it."""
    shown = table.changed(plain)
    return PageTable(shown.title, html_table(shown, id_prefix))


def picture(plot: Plot) -> Picture:
    drawn = for_page(svg(plot))
    size = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', drawn)
    # A point is 4/3 of a page's pixel.
    width, height = (round(float(x) * 4 / 3) for x in size.groups()) if size else (800, 400)
    return Picture(plain(plot.title), plain(plot.alt), base64.b64encode(drawn).decode(), width, height)


def _facts(run: RunData, report: Report) -> list[Fact]:
    cells = [c for c in report.cells if not c.computed]
    judges = list(dict.fromkeys(c.judge for c in cells))
    models = [j for j in judges if not run.baseline(j)]
    answered, due = sum(c.trials.answered for c in cells), sum(c.trials.due for c in cells)
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
    facts.append(("Trials answered", f"{answered:,} of {due:,}"))
    revisions = {n: f.get("revision") for n, f in report.facts.items() if f.get("revision")}
    if revisions:
        facts.append(("Dataset revision", "; ".join(f"{n}: {str(revision)[:12]}" for n, revision in revisions.items())))
    if run.manifest.get("updated"):
        version = run.manifest.get("versions", {}).get("rubric_harness", "?")
        facts.append(("Judged", f"{str(run.manifest['updated'])[:10]}, rubric-harness {version}"))
    return [Fact(name, one_line(text, 600)) for name, text in facts]


def _findings(report: Report, others: PackageTables) -> list[Finding]:
    """What spoils the numbers, what may be said of each writer's rubrics, then what else a reader must know."""
    findings = [
        Finding("warning", one_line(warning, 600))
        for benchmark in report.items
        for warning in warnings(report, benchmark)
    ]
    findings += [Finding("finding", plain(sentence(c))) for c in report.conclusions if c.benchmark in report.items]
    broken = [c for c in report.cells if not c.complete]
    if broken:
        names = ", ".join(_cell(c) for c in broken[:4]) + (f" and {len(broken) - 4} more" if len(broken) > 4 else "")
        incomplete = f"{_count(len(broken), 'cell')} incomplete and without a score: {names}"
        findings.append(Finding("warning", f"{incomplete}. Run the same config again."))
    if not any(c.contrasts for c in report.cells):
        findings.append(Finding("finding", "No arm was judged beside none: there is no gain to show."))
    findings += [Finding("warning", one_line(n, 400) + ".") for n in report.notes]
    findings += [Finding("warning", one_line(problem, 600) + ".") for problem in others.problems]
    return findings


def _cell(c: CellReport, arm: bool = True) -> str:
    parts = [middle(c.judge, 40), *([f"reading {middle(c.writer, 40)}"] if c.writer else []), *([c.arm] if arm else [])]
    return " ".join(parts)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"
