"""Tables as LaTeX, for booktabs."""

from __future__ import annotations

from collections.abc import Sequence

from harness_plugins.tables.escaping import latex_tabular, latex_text, widest
from harness_plugins.tables.model import Cell, Table


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
    notes = [latex_text(answer) for answer in table.answers]
    notes += [rf"\textbf{{Warning:}} {latex_text(warning)}" for warning in table.warnings]
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
