"""Tables as a page: a grid of cells with their marks and footnotes, and the small HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness_plugins.tables.cells import Table
from harness_plugins.tables.escaping import html_text


@dataclass
class GridCell:
    text: str = ""
    bold: bool = False
    marks: tuple[str, ...] = ()
    """Of footnotes: "1" for a source, "†1" for a flag."""
    state: str = ""
    """measured, published, unavailable or incomplete, where it is a number's."""


@dataclass
class Grid:
    title: str
    header: list[str]
    sections: list[list[list[GridCell]]]
    """Groups of rows, a line between them."""
    numbers_from: int = 1
    """The first column of numbers; those before it name the row."""
    notes: list[str] = field(default_factory=list)
    footnotes: dict[str, str] = field(default_factory=dict)
    """Mark -> what it says."""
    warnings: list[str] = field(default_factory=list)
    """What spoils its numbers: stands above them."""


def grid_of(table: Table) -> Grid:
    """An ordinary table, whose bold cells are `**text**`."""

    def cell(text: str) -> GridCell:
        bold = text.startswith("**") and text.endswith("**") and len(text) > 4
        return GridCell(text[2:-2] if bold else text, bold)

    names = next((n for n, h in enumerate(table.header) if h not in _NAMES), len(table.header))
    rows = [[cell(x) for x in row] for row in table.rows]
    return Grid(table.title, table.header, [rows], max(1, names), list(table.notes), warnings=list(table.warnings))


_NAMES = ("judge", "judges", "writer", "arm", "relation", "under none", "decided by", "method")

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 95rem; padding: 0 1rem; color: #1a1a1a; background: #fff }
.scroll { overflow-x: auto }
table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid }
caption { text-align: left; font-weight: 600; padding: .4rem 0 }
thead, tbody + tbody { border-top: 1px solid }
th, td { padding: .2rem .6rem; text-align: left; font-weight: normal; vertical-align: baseline }
th, td { overflow-wrap: break-word; max-width: 24em }
section { margin-bottom: 2.5rem }
thead th { font-weight: 600 }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap }
td[data-state=incomplete] { font-style: italic; color: #6b4a00; white-space: normal }
p.warning { margin: .2rem 0; padding: .3rem .6rem; border-left: 3px solid #b06000; background: #fff6e5 }
ul { font-size: .87rem; color: #444; overflow-wrap: anywhere }
sup { line-height: 0 }
sup a { text-decoration: none; padding: 0 .15em }
"""


def html(grids: Sequence[Grid]) -> str:
    """One page that needs no other file and runs no script; every text is escaped."""
    title = html_text(grids[0].title) if grids else "tables"
    head = f'<meta charset="utf-8">\n<title>{title}</title>\n<style>{_STYLE}</style>'
    body = "\n".join(_table(grid, n) for n, grid in enumerate(grids, 1))
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n'


def _table(grid: Grid, number: int) -> str:
    places = {mark: f"t{number}-{n}" for n, mark in enumerate(grid.footnotes, 1)}
    head = "".join(f'<th scope="col">{html_text(h)}</th>' for h in grid.header)
    lines = [
        "<section>",
        *(f'<p class="warning">Warning: {html_text(w)}</p>' for w in grid.warnings),
        f'<div class="scroll" role="region" tabindex="0" aria-label="{html_text(grid.title)}">',
        f"<table><caption>{html_text(grid.title)}</caption>",
        f"<thead><tr>{head}</tr></thead>",
    ]
    for section in grid.sections:
        rows = ["<tr>" + "".join(_cell(c, n, grid, places) for n, c in enumerate(row)) + "</tr>" for row in section]
        lines += ["<tbody>", *rows, "</tbody>"]
    lines.append("</table></div>")
    if grid.notes:
        lines += ["<ul>", *(f"<li>{html_text(note)}</li>" for note in grid.notes), "</ul>"]
    if grid.footnotes:
        footnotes = (
            f'<li id="{places[mark]}">{html_text(mark)}: {html_text(text)}</li>'
            for mark, text in grid.footnotes.items()
        )
        lines += ["<ul>", *footnotes, "</ul>"]
    return "\n".join([*lines, "</section>"])


def _cell(cell: GridCell, column: int, grid: Grid, places: dict[str, str]) -> str:
    text = html_text(cell.text)
    text = f"<strong>{text}</strong>" if cell.bold else text
    if cell.marks:
        links = ", ".join(f'<a href="#{places[m]}">{html_text(m)}</a>' for m in cell.marks)
        text += f"<sup>{links}</sup>"
    if column == 0:
        return f'<th scope="row">{text}</th>'
    kind = ' class="number"' if column >= grid.numbers_from else ""
    kind += f' data-state="{cell.state}"' if cell.state else ""
    title = ' title="unavailable" aria-label="unavailable"' if cell.state == "unavailable" else ""
    return f"<td{kind}{title}>{text}</td>"
