"""Tables as Markdown, LaTeX, HTML and on a terminal, lines as CSV and JSON. It knows tables, and nothing of what they are about."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from evaluators.text import printable_json
from harness_plugins.tables.escaping import (
    html_text,
    latex_tabular,
    latex_text,
    markdown_text,
    plain,
    spreadsheet_text,
    widest,
)
from harness_plugins.tables.model import Cell, Column, Table


def markdown(tables: Sequence[Table]) -> str:
    return "\n\n".join(_markdown(table) for table in tables) + "\n"


def _markdown(table: Table) -> str:
    rows = [[markdown_text(h) for h in table.headers], *([_markdown_cell(c) for c in row] for row in table.rows)]
    widths = [max(3, *(len(row[n]) for row in rows)) for n in range(len(table.columns))]
    lines = ["| " + " | ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    above = [f"> **Warning:** {markdown_text(w)}  " for w in table.warnings]
    notes = [f"- {markdown_text(note)}" for note in table.notes]
    notes += [f"- [{mark}] {markdown_text(text)}" for mark, text in table.footnotes.items()]
    return "\n".join([f"### {markdown_text(table.title)}", "", *above, *([""] if above else []), *lines, "", *notes])


def _markdown_cell(cell: Cell) -> str:
    text = markdown_text(cell.text)
    return " ".join([f"**{text}**" if cell.bold else text, *(f"[{mark}]" for mark in cell.marks)]).strip()


def latex(tables: Sequence[Table]) -> str:
    """A booktabs `table` each, with its notes in a minipage below."""
    needs = (
        "% needs \\usepackage{booktabs,graphicx}, and lualatex or xelatex where names are in other scripts than Latin\n"
    )
    return needs + "\n\n".join(_latex(table) for table in tables) + "\n"


def _latex(table: Table) -> str:
    body: list[str] = []
    for group in table.groups:
        body += [r"\midrule", *(" & ".join(_latex_cell(cell) for cell in row) + r" \\" for row in group)]
    columns = "".join("r" if column.holds == "numbers" else "l" for column in table.columns)
    notes = [rf"\textbf{{Warning:}} {latex_text(w)}" for w in table.warnings]
    notes += [latex_text(note) for note in table.notes]
    notes += [f"{_latex_mark(mark)}~{latex_text(text)}" for mark, text in table.footnotes.items()]
    below = [
        r"\par\smallskip",
        r"\begin{minipage}{\linewidth}\footnotesize\raggedright",
        *(rf"{note}\par" for note in notes),
        r"\end{minipage}",
    ]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex_text(table.title)}}}",
            *latex_tabular(
                columns, [latex_text(h) for h in table.headers], body, widest([table.headers, *table.texts])
            ),
            *(below if notes else []),
            r"\end{table}",
        ]
    )


def _latex_cell(cell: Cell) -> str:
    text = latex_text(cell.text)
    return (rf"\textbf{{{text}}}" if cell.bold else text) + "".join(map(_latex_mark, cell.marks))


def _latex_mark(mark: str) -> str:
    return "$^{" + mark.replace("†", r"\dagger ") + "}$"


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


def html(tables: Sequence[Table]) -> str:
    """One page that needs no other file and runs no script; every text is escaped."""
    title = html_text(tables[0].title) if tables else "tables"
    head = f'<meta charset="utf-8">\n<title>{title}</title>\n<style>{_STYLE}</style>'
    body = "\n".join(f"<section>\n{html_table(table, f't{n}')}\n</section>" for n, table in enumerate(tables, 1))
    return f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n'


def html_table(table: Table, place: str) -> str:
    """The table as a part of a page.

    Args:
        place: begins the ids of its footnotes; no other table of the page may have the same.
    """
    ids = {mark: f"{place}-{n}" for n, mark in enumerate(table.footnotes, 1)}
    head = "".join(f'<th scope="col">{html_text(h)}</th>' for h in table.headers)
    lines = [
        *(f'<p class="warning">Warning: {html_text(w)}</p>' for w in table.warnings),
        f'<div class="scroll" role="region" tabindex="0" aria-label="{html_text(table.title)}">',
        f"<table><caption>{html_text(table.title)}</caption>",
        f"<thead><tr>{head}</tr></thead>",
    ]
    for group in table.groups:
        lines += ["<tbody>", *(f"<tr>{_html_cells(row, table.columns, ids)}</tr>" for row in group), "</tbody>"]
    lines.append("</table></div>")
    if table.notes:
        lines += ["<ul>", *(f"<li>{html_text(note)}</li>" for note in table.notes), "</ul>"]
    if table.footnotes:
        footnotes = (
            f'<li id="{ids[mark]}">{html_text(mark)}: {html_text(text)}</li>' for mark, text in table.footnotes.items()
        )
        lines += ["<ul>", *footnotes, "</ul>"]
    return "\n".join(lines)


def _html_cells(row: Sequence[Cell], columns: Sequence[Column], ids: Mapping[str, str]) -> str:
    header, *others = row
    cells = (_html_cell(cell, column, ids) for cell, column in zip(others, columns[1:], strict=True))
    return f'<th scope="row">{_html_inner(header, ids)}</th>' + "".join(cells)


def _html_cell(cell: Cell, column: Column, ids: Mapping[str, str]) -> str:
    attributes = ' class="number"' if column.holds == "numbers" else ""
    attributes += f' data-state="{cell.state}"' if cell.state else ""
    attributes += ' title="unavailable" aria-label="unavailable"' if cell.state == "unavailable" else ""
    return f"<td{attributes}>{_html_inner(cell, ids)}</td>"


def _html_inner(cell: Cell, ids: Mapping[str, str]) -> str:
    text = f"<strong>{html_text(cell.text)}</strong>" if cell.bold else html_text(cell.text)
    links = ", ".join(f'<a href="#{ids[mark]}">{html_text(mark)}</a>' for mark in cell.marks)
    return f"{text}<sup>{links}</sup>" if links else text


def print_rich(tables: Sequence[Table]) -> None:
    """The tables as a terminal shows them best: cells wrap, k/n is under its percentage."""
    import rich.box
    import rich.table
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for table in tables:
        grid = rich.table.Table(
            title=Text(plain(table.title)),
            title_justify="left",
            title_style="bold",
            box=rich.box.SIMPLE_HEAD,
            pad_edge=False,
        )
        for column in table.columns:
            grid.add_column(Text(plain(column.header)), no_wrap=column.holds == "names")
        for group in table.groups:
            for row in group:
                grid.add_row(*(Text(_rich_text(cell), "bold" if cell.bold else "") for cell in row))
            grid.add_section()
        if table.warnings:
            console.print(Text(plain(table.title), "bold"))
            for warning in table.warnings:
                console.print(Text(f"! {plain(warning)}", "yellow"))
            grid.title = None
        console.print(grid)
        for note in (*table.notes, *(f"[{mark}] {text}" for mark, text in table.footnotes.items())):
            console.print(Text(f"- {plain(note)}", "dim"))
        console.print()


def _rich_text(cell: Cell) -> str:
    return "".join([plain(cell.text).replace(" (", "\n("), *(f" [{mark}]" for mark in cell.marks)])


def csv_lines(header: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> str:
    """A line each, in the header's order. Texts that a spreadsheet would run as formulas are quoted with '."""
    out = io.StringIO()
    writer = csv.DictWriter(out, header, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: spreadsheet_text(value) for name, value in line.items()})
    return out.getvalue()


def json_list(objects: Iterable[Mapping[str, Any]]) -> str:
    """JSON with an object a line, so that texts of two runs can be compared line by line."""
    return "[\n" + ",\n".join(printable_json(orjson.dumps(o).decode()) for o in objects) + "\n]\n"


def json_document(value: Mapping[str, Any]) -> str:
    """One JSON object over many lines."""
    return printable_json(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
