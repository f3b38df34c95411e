"""Tables as text: Markdown, LaTeX, CSV, JSON, an HTML page, and a wrapped form for terminals."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from evaluators.text import printable_json
from harness_plugins.scoring.report import Report
from harness_plugins.tables.cards import cards
from harness_plugins.tables.cells import Table
from harness_plugins.tables.escaping import latex_tabular, latex_text, plain, spreadsheet_text, widest
from harness_plugins.tables.model import grid_of, html
from harness_plugins.tables.run import tables


def markdown(found: Sequence[Table]) -> str:
    def safe(text: str) -> str:
        return plain(text).replace("|", "\\|").replace("<", "\\<")  # `code` and **bold** are our own

    parts = []
    for t in found:
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


def latex(found: Sequence[Table]) -> str:
    """booktabs tables; the notes stand in the caption."""

    def safe(text: str) -> str:
        bold = text.startswith("**")
        inner = latex_text(text.strip("*"))
        return rf"\textbf{{{inner}}}" if bold else inner

    parts = []
    for t in found:
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


def objects(reports: Sequence[Report]) -> list[dict[str, Any]]:
    return [{"run": str(r.folder), **o} for r in reports for o in r.objects()]


def as_csv(reports: Sequence[Report]) -> str:
    """One line a metric, all numbers in full. Texts that a spreadsheet would run as formulas are quoted with '."""
    header = [
        "run",
        "benchmark",
        "judge",
        "writer",
        "arm",
        "relation",
        "metric",
        "k",
        "n",
        "value",
        "low",
        "high",
        "p",
        "p_holm",
        "detectable",
        "protocol",
        "complete",
        "grading",
        "rubrics",
        "verdict",
        "caveat",
        "text",
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, header, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    for o in objects(reports):
        if "counts" not in o:
            judges = o.get("judge")
            named = {"judge": ", ".join(judges)} if isinstance(judges, list) else {}
            named["text"] = o.get("text") or o.get("sentence") or ""
            writer.writerow({k: spreadsheet_text(v) for k, v in (o | named).items()})
    return out.getvalue()


def as_json(reports: Sequence[Report]) -> str:
    lines = [printable_json(orjson.dumps(o).decode()) for o in objects(reports)]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def rubric_cards(reports: Sequence[Report]) -> list[Table]:
    """A table of rubric cards for each run that holds rubrics."""
    found = [(r, cards(r.data.items(), r.data.written())) for r in reports]
    for report, table in found:
        table.title = f"{report.folder}: {table.title}" if len(reports) > 1 else table.title
    return [table for _, table in found if table.rows]


FORMATS: dict[str, Callable[[Sequence[Report]], str]] = {
    "md": lambda reports: markdown([*tables(reports), *rubric_cards(reports)]),
    "csv": as_csv,
    "json": as_json,
    "latex": lambda reports: latex([*tables(reports), *rubric_cards(reports)]),
    "html": lambda reports: html([grid_of(t) for t in [*tables(reports), *rubric_cards(reports)]]),
}


def print_rich(found: Sequence[Table]) -> None:
    """The tables as a terminal shows them best: cells wrap, k/n stands under its percentage."""
    import rich.box
    import rich.table
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for t in found:
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
