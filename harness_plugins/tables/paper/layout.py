"""A paper's table laid out: which columns name its rows, texts, and footnotes in order of appearance."""

from __future__ import annotations

from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.paper.rows import Number, PaperTable, Row


def laid_out(paper: PaperTable) -> Table:
    """The table as it is printed. Columns that would name no row are left out."""
    sources, flags = _Marks(), _Marks("†")
    stub = [f for f in paper.spec.stub if f == "model" or any(_stub(row, f) for row in paper.rows)]
    optional_columns = {"relation": any(row.relation for row in paper.rows), "run": any(row.run for row in paper.rows)}
    headers = [paper.spec.stub[f] for f in stub] + [name for name, shown in optional_columns.items() if shown]
    groups: dict[str, list[list[Cell]]] = {"published": [], "measured": []}
    for row in paper.rows:
        texts = [_stub(row, f) for f in stub]
        texts += [text for name, text in (("relation", _relation(row)), ("run", row.run)) if optional_columns[name]]
        groups[row.origin].append([*map(Cell, texts), *_numbers(paper, row, sources, flags)])
    return Table(
        paper.spec.spec,
        f"{paper.spec.title} ({paper.spec.paper})",
        [*names(*headers, "from"), *numbers(*(c.header for c in paper.spec.columns))],
        [group for group in groups.values() if group],
        notes=notes_of(paper),
        footnotes=sources.footnotes() | flags.footnotes(),
        warnings=list(paper.warnings),
    )


class _Marks:
    """Footnotes of one kind, numbered in order of appearance; equal texts share one."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._marks: dict[str, str] = {}

    def __call__(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self._marks.setdefault(text, f"{self._prefix}{len(self._marks) + 1}") for text in texts)

    def footnotes(self) -> dict[str, str]:
        return {mark: text for text, mark in self._marks.items()}


def _stub(row: Row, name: str) -> str:
    value = getattr(row, name)
    return "" if value is None else str(value)


def _relation(row: Row) -> str:
    return f"{row.relation.replace('_', ' ')} (apart)" if row.apart else row.relation.replace("_", " ")


def _numbers(paper: PaperTable, row: Row, sources: _Marks, flags: _Marks) -> list[Cell]:
    """`from`, and a cell a column. Where all numbers of a row have the same sources, `from` names them, else each cell."""
    row_numbers = [row.cell(c.key) for c in paper.spec.columns]
    different = list(dict.fromkeys(n.sources for n in row_numbers if n.state != "unavailable"))
    shared = different[0] if len(different) == 1 else ()
    origin = [Cell(row.origin, marks=sources(shared))]
    return origin + [_cell(n, sources(() if shared else n.sources) + flags(n.flags)) for n in row_numbers]


def _cell(number: Number, marks: tuple[str, ...]) -> Cell:
    return Cell(number.text, number.value, number.bold, marks, number.state)


def notes_of(table: PaperTable) -> list[str]:
    """What is under the table: the spec's words, how to read it, what our numbers are, what rows say of themselves."""
    spec = table.spec
    notes = list(spec.notes)
    notes += [
        f"{b.published_table.title} ({b.published_table.paper}, {b.published_table.place}): {b.published_table.note.strip()}"
        for b in spec.published
        if b.published_table.note
    ]
    notes += [f"{c.header}: unavailable: {c.unavailable}" for c in spec.columns if c.unavailable]
    notes.append(
        "published: as printed, its source by number; measured: from runs of this harness with k/N, or reported by whom the number "
        "says; an empty cell: unavailable. †: the lint of published numbers finds it wrong; it is never bold."
    )
    if any(c.flags for row in table.rows if row.origin == "measured" for c in row.cells.values()):
        notes.append("† at one of ours: its judge did not see what the published ones saw; it is never bold.")
    if any(row.apart for row in table.rows):
        notes.append(
            "(apart): the judge is kin of the rubric's writer, so that the row is no evidence of transfer to an unseen judge."
        )
    notes += table.notes
    notes += [f"{row.label}: {note}" for row in table.rows for note in row.notes]
    return list(dict.fromkeys(notes))
