"""Tables as text: on a terminal with colours, elsewhere the same text without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TextIO

from harness_plugins.tables.escaping import plain
from harness_plugins.tables.model import Cell, Table, each_once

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

WIDE = 110
"""Columns of a terminal from which charts are shown, where this many are free."""
LEAST_CHART, MOST_CHART = 24, 48
LEAST_NAME = 8
WORDS = 40
"""Columns after which the words of a cell go on in the next line."""
GAP = 2
_PLAIN = str.maketrans("◆◇▼–░│─┼←→·−…", "*ov-:|-+<>.-.")


def console(file: TextIO | None = None) -> Console:
    """Where text goes: as wide as the terminal, 80 columns elsewhere. NO_COLOR and COLUMNS are heeded."""
    from rich.console import Console

    return Console(file=file, highlight=False, markup=False, emoji=False, soft_wrap=False)


def print_tables(tables: Sequence[Table], file: TextIO | None = None) -> None:
    """The tables one below the other, what they share once. No cell is cut: a table that is too wide goes on below itself.

    Args:
        file: standard output by default.
    """
    screen = console(file)
    for n, table in enumerate(each_once(tables)):
        if n:
            screen.print("\n")
        _print(table, screen)


def print_line(screen: Console, text: str, style: str = "") -> None:
    """A text of ours or of others, wrapped at words."""
    screen.print(printed(screen, text, style))


def _print(table: Table, screen: Console) -> None:
    for answer in table.answers:
        print_line(screen, answer, "bold")
    for warning in table.warnings:
        print_line(screen, f"! {warning}", "yellow")
    if table.answers or table.warnings:
        screen.print()
    print_line(screen, table.title, "bold")
    chart_width = _chart_width(table, screen)
    for part in _parts(table, screen.width):
        screen.print(_grid(part, chart_width, screen))
    chart_notes = [table.chart.note] if table.chart and table.chart.note and chart_width else []
    for note in (*chart_notes, *table.notes, *(f"[{mark}] {text}" for mark, text in table.footnotes.items())):
        print_line(screen, note, "dim")


def _chart_width(table: Table, screen: Console) -> int:
    """Characters that the chart may take; 0 where the terminal is too narrow for one."""
    if table.chart is None or screen.width < WIDE:
        return 0
    room = screen.width - sum(_width(table, n, screen.width) + GAP for n in range(len(table.columns)))
    return min(room, MOST_CHART) if room >= LEAST_CHART else 0


def _parts(table: Table, width: int) -> Iterator[Table]:
    """The table, or where it is too wide its parts, each with the columns that name the rows."""
    widths = [_width(table, n, width) for n in range(len(table.columns))]
    names = [n for n, column in enumerate(table.columns) if column.holds == "names"]
    room = width - sum(widths[n] + GAP for n in names)
    part: list[int] = []
    for n in (n for n in range(len(table.columns)) if n not in names):
        if part and sum(widths[m] + GAP for m in (*part, n)) - GAP > room:
            yield _only(table, [*names, *part])
            part = []
        part.append(n)
    yield _only(table, [*names, *part])


def _only(table: Table, columns: Sequence[int]) -> Table:
    groups = [[[row[n] for n in columns] for row in group] for group in table.groups]
    return replace(table, columns=[table.columns[n] for n in columns], groups=groups)


def _width(table: Table, column: int, screen: int) -> int:
    """Names go on in the next line where they would take more than a third of the screen, words where they are long; numbers never."""
    from rich.cells import cell_len

    texts = [_cell_text(row[column]) for row in table.rows]
    header = max((cell_len(word) for word in table.columns[column].header.split()), default=0)
    widest = max([header, *(cell_len(text) for text in texts)])
    most = {"words": WORDS, "names": max(LEAST_NAME, screen // 3), "numbers": widest}
    return min(widest, most[table.columns[column].holds])


def _grid(table: Table, chart_width: int, screen: Console) -> Grid:
    import rich.table

    grid = rich.table.Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim")
    drawn = table.chart.draw(chart_width) if table.chart and chart_width else []
    chart_at = sum(column.holds != "numbers" for column in table.columns) if drawn else -1
    for n, column in enumerate(table.columns):
        if n == chart_at:
            grid.add_column(printed(screen, drawn[0], keep=True), no_wrap=True)
        justify: Literal["left", "right"] = "right" if column.holds == "numbers" else "left"
        grid.add_column(
            printed(screen, column.header), justify=justify, width=_width(table, n, screen.width), vertical="top"
        )
    above: list[Cell] = []
    for number, row in enumerate(table.rows, 1):
        cells = [printed(screen, _cell_text(cell), _style(cell)) for cell in _without_repeated(row, above, table)]
        if drawn:
            cells.insert(chart_at, printed(screen, drawn[number], keep=True))
        grid.add_row(*cells)
        above = row
    return grid


def _without_repeated(row: Sequence[Cell], above: Sequence[Cell], table: Table) -> list[Cell]:
    """A name in the first columns is said once for all rows below it that share it."""
    cells, same = list(row), bool(above)
    for n, column in enumerate(table.columns[:-1]):
        same = same and column.holds == "names" and row[n].text == above[n].text
        if same and n + 1 < len(row) and table.columns[n + 1].holds == "names":
            cells[n] = Cell()
    return cells


def _style(cell: Cell) -> str:
    if cell.state == "incomplete":
        return "yellow"
    return "dim" if cell.minor else "bold" if cell.bold else ""


def _cell_text(cell: Cell) -> str:
    return "".join([plain(cell.text), *(f" [{mark}]" for mark in cell.marks)])


def printed(screen: Console, text: str, style: str = "", *, keep: bool = False) -> Text:
    """A text as the screen can show it.

    Args:
        keep: with its spaces.
    """
    from rich.text import Text

    shown = text if keep else plain(text)
    if not screen.encoding.lower().startswith("utf"):
        shown = shown.translate(_PLAIN).encode(screen.encoding, "backslashreplace").decode(screen.encoding)
    return Text(shown, style, overflow="fold")


def as_text(tables: Sequence[Table]) -> str:
    """What `print_tables` prints where there is no terminal."""
    import io

    out = io.StringIO()
    print_tables(tables, out)
    return out.getvalue()
