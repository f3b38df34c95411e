"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from harness_plugins.tables.escaping import plain
from harness_plugins.tables.model import Cell, Table


def print_rich(tables: Sequence[Table]) -> None:
    """The tables as a terminal shows them best: cells wrap, k/n stands under its percentage."""
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
