"""A paper's table as a grid: headers, texts, and footnotes in order of appearance."""

from __future__ import annotations

from harness_plugins.tables.model import Grid, GridCell
from harness_plugins.tables.paper.rows import Cell, PaperTable, Row


def grid(table: PaperTable) -> Grid:
    """The table as it is printed in Markdown, LaTeX and HTML. Columns that would name no row are left out."""
    marks = _Marks()
    named = [f for f in table.spec.stub if f == "model" or any(_stub(row, f) for row in table.rows)]
    optional_columns = {"relation": any(r.relation for r in table.rows), "run": any(r.run for r in table.rows)}
    header = [table.spec.stub[f] for f in named] + [name for name, shown in optional_columns.items() if shown]
    rows: dict[str, list[list[GridCell]]] = {"published": [], "measured": []}
    for row in table.rows:
        stub = [GridCell(_stub(row, f)) for f in named]
        stub += [
            GridCell(text) for name, text in (("relation", _relation(row)), ("run", row.run)) if optional_columns[name]
        ]
        rows[row.origin].append([*stub, *_numbers(table, row, marks)])
    title = f"{table.spec.title} ({table.spec.paper})"
    sections = [section for section in rows.values() if section]
    header += ["from", *(c.header for c in table.spec.columns)]
    footnotes = dict(sorted(marks.said.items(), key=lambda kv: kv[0].startswith("†")))  # sources first, then flags
    numbers_from = len(header) - len(table.spec.columns)
    return Grid(title, header, sections, numbers_from, _notes(table), footnotes, list(table.warnings))


class _Marks:
    """Footnotes: sources are 1, 2, ..., flags †1, †2, ...; equal texts share one."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self._known: dict[tuple[str, str], str] = {}

    def __call__(self, texts: tuple[str, ...], prefix: str = "") -> tuple[str, ...]:
        return tuple(self._mark(text, prefix) for text in texts)

    def _mark(self, text: str, prefix: str) -> str:
        if (prefix, text) not in self._known:
            number = 1 + sum(p == prefix for p, _ in self._known)
            self._known[prefix, text] = f"{prefix}{number}"
            self.said[f"{prefix}{number}"] = text
        return self._known[prefix, text]


def _stub(row: Row, name: str) -> str:
    value = getattr(row, name)
    return "" if value is None else str(value)


def _relation(row: Row) -> str:
    return f"{row.relation.replace('_', ' ')} (apart)" if row.apart else row.relation.replace("_", " ")


def _numbers(table: PaperTable, row: Row, marks: _Marks) -> list[GridCell]:
    """`from`, and a cell a column. Where all numbers of a row have the same sources, `from` names them, else each cell."""
    cells = [row.cell(c.key) for c in table.spec.columns]
    sources = list(dict.fromkeys(c.sources for c in cells if c.state != "unavailable"))
    shared = len(sources) == 1
    origin = [GridCell(row.origin, marks=marks(sources[0]) if shared else ())]
    return origin + [_number(c, marks(() if shared else c.sources) + marks(c.flags, "†")) for c in cells]


def _number(cell: Cell, marks: tuple[str, ...]) -> GridCell:
    return GridCell(cell.text, cell.bold, marks, cell.state)


def _notes(table: PaperTable) -> list[str]:
    """What stands under the table: the spec's words, how to read it, what our numbers are, what rows say of themselves."""
    spec = table.spec
    notes = list(spec.notes)
    notes += [
        f"{b.found.title} ({b.found.paper}, {b.found.place}): {b.found.note.strip()}"
        for b in spec.published
        if b.found.note
    ]
    notes += [f"{c.header}: unavailable: {c.unavailable}" for c in spec.columns if c.unavailable]
    notes.append(
        "published: as printed, its source by number; measured: from runs of this harness with k/N, or reported by whom the number "
        "says; an empty cell: unavailable. †: the lint of published numbers finds it wrong; it is never bold."
    )
    if any(c.flags for r in table.rows if r.origin == "measured" for c in r.cells.values()):
        notes.append("† at one of ours: its judge did not see what the published ones saw; it is never bold.")
    if any(r.apart for r in table.rows):
        notes.append(
            "(apart): the judge is kin of the rubric's writer, so that the row is no evidence of transfer to an unseen judge."
        )
    notes += table.notes
    notes += [f"{row.label}: {note}" for row in table.rows for note in row.notes]
    return list(dict.fromkeys(notes))
