"""Texts of others (names of judges and writers, sources) as they may be in Markdown, LaTeX, HTML and a spreadsheet."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_LATEX = str.maketrans(
    {
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "`": r"\textasciigrave{}",
        "±": r"$\pm$",
        # A row that begins with [ or * would be taken for the option of the \\ before it.
        "[": "{[}",
        "]": "{]}",
        "*": "{*}",
    }
)
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""How a formula begins, in full width too."""
_MARKDOWN = re.compile(r"[\\*<|~$]|&(?=#?\w+;)|(?<![^\W_])_+|_+(?![^\W_])|\[(?=[ xX]\])|\](?=[(\[:])")
"""What means something. An underscore inside a word does not, nor does a bracket but in a link, an image, a definition or a box to
tick; `code` is our own notes', and hides nothing of a name."""


def plain(text: str) -> str:
    """One line without control characters and without those that turn the direction of what follows."""
    characters = ("" if c in _BIDI else " " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)
    return " ".join("".join(characters).split())


def latex_text(text: str) -> str:
    return plain(text).translate(_LATEX)


def markdown_text(text: str) -> str:
    return _MARKDOWN.sub(lambda match: "".join(f"\\{c}" for c in match[0]), plain(text))


def html_text(text: str) -> str:
    return html.escape(plain(text))


def spreadsheet_text(value: Any) -> Any:
    """Texts on one line, and those that a spreadsheet would run as formulas quoted with '."""
    if not isinstance(value, str):
        return value
    value = plain(value)
    return f"'{value}" if value.startswith(_FORMULA) else value


_LINE_PT = 345.0
"""The width of article's text, narrower than most papers'."""
_SIZES = (("small", 4.6, 6), ("footnotesize", 4.4, 4))
"""Size, mean width of a character in it, and the blank on each side of a column, in points."""


def latex_tabular(columns: str, header: Sequence[str], body: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The lines of a booktabs tabular in the largest size that fits a line, or scaled down to it.

    Args:
        header: of each column, escaped.
        body: lines, with their rules between sections.
        widths: characters of each column's widest cell.
    """
    tried = [(size, blank, sum(widths) * em + 2 * blank * len(widths) > _LINE_PT) for size, em, blank in _SIZES]
    size, blank, scaled = next((t for t in tried if not t[2]), tried[-1])
    return [
        rf"\{size}",
        rf"\setlength{{\tabcolsep}}{{{blank}pt}}",
        *([r"\resizebox{\linewidth}{!}{%"] if scaled else []),
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(header) + r" \\",
        *body,
        r"\bottomrule",
        r"\end{tabular}" + ("}" if scaled else ""),
    ]


def widest(rows: Iterable[Sequence[str]]) -> list[int]:
    """Characters of the widest cell of each column."""
    return [max(map(len, column)) for column in zip(*rows, strict=True)]
