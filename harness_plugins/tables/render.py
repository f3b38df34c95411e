"""Tables as text: Markdown, LaTeX, and a wrapped form for terminals. It knows tables and nothing of what they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from evaluators.text import printable_json
from harness_plugins.tables.cells import Table
from harness_plugins.tables.escaping import latex_tabular, latex_text, plain, widest


def markdown(tables: Sequence[Table]) -> str:
    def safe(text: str) -> str:
        return plain(text).replace("|", "\\|").replace("<", "\\<")  # `code` and **bold** are our own

    parts = []
    for t in tables:
        rows = [[safe(x) for x in row] for row in [t.header, *t.rows]]
        widths = [max(3, *(len(r[i]) for r in rows)) for i in range(len(t.header))]
        lines = [f"### {safe(t.title)}", "", *(f"> **Warning:** {safe(w)}  " for w in t.warnings)]
        lines += [""] if t.warnings else []
        for n, row in enumerate(rows):
            lines.append("| " + " | ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)) + " |")
            if n == 0:
                lines.append("|" + "|".join("-" * (w + 2) for w in widths) + "|")
        lines += ["", *(f"- {safe(note)}" for note in t.notes)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def latex(tables: Sequence[Table]) -> str:
    """booktabs tables; the notes stand in the caption."""

    def safe(text: str) -> str:
        bold = text.startswith("**")
        inner = latex_text(text.strip("*"))
        return rf"\textbf{{{inner}}}" if bold else inner

    parts = []
    for t in tables:
        caption = latex_text(" ".join([t.title + ".", *(f"Warning: {w}" for w in t.warnings), *t.notes]))
        body = [" & ".join(safe(x) for x in row) + r" \\" for row in t.rows]
        drawn = latex_tabular(
            "l" * len(t.header), [safe(x) for x in t.header], [r"\midrule", *body], widest([t.header, *t.rows])
        )
        parts.append(
            "\n".join(
                [
                    r"\begin{table}",
                    r"\centering",
                    *drawn,
                    rf"\caption{{{caption}}}",
                    r"\end{table}",
                ]
            )
        )
    return "% needs \\usepackage{booktabs,graphicx}\n" + "\n\n".join(parts) + "\n"


def json_list(objects: Iterable[Mapping[str, Any]]) -> str:
    """JSON with an object a line, so that texts of two runs can be compared line by line."""
    return "[\n" + ",\n".join(printable_json(orjson.dumps(o).decode()) for o in objects) + "\n]\n"


def print_rich(tables: Sequence[Table]) -> None:
    """The tables as a terminal shows them best: cells wrap, k/n stands under its percentage."""
    import rich.box
    import rich.table
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for t in tables:
        grid = rich.table.Table(
            title=Text(plain(t.title)),
            title_justify="left",
            title_style="bold",
            box=rich.box.SIMPLE_HEAD,
            pad_edge=False,
        )
        for name in t.header:
            grid.add_column(Text(plain(name)), no_wrap=name in ("judge", "writer", "arm", "relation"))
        for row in t.rows:
            cells = [(plain(x.strip("*")).replace(" (", "\n("), "bold" if x.startswith("**") else "") for x in row]
            grid.add_row(*(Text(text, style) for text, style in cells))
        if t.warnings:
            console.print(Text(plain(t.title), "bold"))
            for warning in t.warnings:
                console.print(Text(f"! {plain(warning)}", "yellow"))
            grid.title = None
        console.print(grid)
        for note in t.notes:
            console.print(Text(f"- {plain(note)}", "dim"))
        console.print()
