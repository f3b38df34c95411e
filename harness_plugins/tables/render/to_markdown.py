"""Tables as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from harness_plugins.tables.escaping import markdown_text
from harness_plugins.tables.model import Cell, Table


def markdown(tables: Sequence[Table]) -> str:
    return "\n\n".join(_markdown(table) for table in tables) + "\n"


def _markdown(table: Table) -> str:
    rows = [[markdown_text(h) for h in table.headers], *([_markdown_cell(c) for c in row] for row in table.rows)]
    widths = [max(3, *(len(row[n]) for row in rows)) for n in range(len(table.columns))]
    lines = ["| " + " | ".join(x.ljust(width) for x, width in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    above = [f"**{markdown_text(answer)}**  " for answer in table.answers]
    above += [""] if table.answers and table.warnings else []
    above += [f"> **Warning:** {markdown_text(warning)}  " for warning in table.warnings]
    notes = [f"- {markdown_text(note)}" for note in table.notes]
    notes += [f"- [{mark}] {markdown_text(text)}" for mark, text in table.footnotes.items()]
    return "\n".join([f"### {markdown_text(table.title)}", "", *above, *([""] if above else []), *lines, "", *notes])


def _markdown_cell(cell: Cell) -> str:
    text = markdown_text(cell.text)
    return " ".join([f"**{text}**" if cell.bold else text, *(f"[{mark}]" for mark in cell.marks)]).strip()
