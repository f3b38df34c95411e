"""Tables as HTML: one page of its own, or a part of another page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness_plugins.tables.escaping import html_text
from harness_plugins.tables.model import Cell, Column, Table

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


def html_table(table: Table, id_prefix: str) -> str:
    """The table as a part of a page.

    Args:
        id_prefix: begins the ids of its footnotes; no other table of the page may have the same.
    """
    ids = {mark: f"{id_prefix}-{n}" for n, mark in enumerate(table.footnotes, 1)}
    head = "".join(f'<th scope="col">{html_text(h)}</th>' for h in table.headers)
    lines = [
        *(f"<p><strong>{html_text(answer)}</strong></p>" for answer in table.answers),
        *(f'<p class="warning">Warning: {html_text(warning)}</p>' for warning in table.warnings),
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
