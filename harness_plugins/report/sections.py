"""The page's sections: what a run came to in sentences, figures and the same tables as everywhere else."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from harness_plugins.report.drawing import Plot, for_page, svg
from harness_plugins.report.texts import plain
from harness_plugins.tables.model import Table
from harness_plugins.tables.package_tables import NONE, PackageTables
from harness_plugins.tables.render.to_html import html_table


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
        Section("packages", "Packages", "From other packages", "Tables that packages installed beside this one add."),
    ]


def sections(
    shown: Sequence[Table], plots: Mapping[str, Sequence[Plot]], others: PackageTables = NONE
) -> list[Section]:
    """The sections below the items that have anything to show.

    Args:
        shown: our tables; those that name one of these sections are in it.
        plots: by the id of their section.
    """
    by_id = {section.id: section for section in _empty_sections()}
    for name, section in by_id.items():
        section.pictures = [picture(p) for p in plots.get(name, ())]
    for n, table in enumerate([*(t for t in shown if t.section in by_id), *others.tables]):
        by_id.get(table.section, by_id["packages"]).tables.append(page_table(table, f"s{n}"))
    return [s for s in by_id.values() if s.pictures or s.tables]


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
