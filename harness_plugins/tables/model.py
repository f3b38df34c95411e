"""A table: its columns, its rows of cells, and what is above and below them. `render` writes it in each format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

State = Literal["", "measured", "published", "unavailable", "incomplete"]


@dataclass(frozen=True)
class Cell:
    """A text in a table, with what is known of it.

    Example:
        >>> Cell("72.4 (123/170)", value=72.4, bold=True).text
        '72.4 (123/170)'
    """

    text: str = ""
    value: float | None = None
    """The number behind the text, where there is one, in the unit that the text is in."""
    bold: bool = False
    marks: tuple[str, ...] = ()
    """Of the table's footnotes: "1" for a source, "†1" for a flag."""
    state: State = ""
    """What kind of number it is, where kinds are mixed."""
    minor: bool = False
    """A control's, a baseline's: a terminal shows it dimmed."""


@dataclass(frozen=True)
class Column:
    """A header, and what its cells do: name the row, hold numbers, or say something in words."""

    header: str
    holds: Literal["names", "numbers", "words"] = "numbers"


def names(*headers: str) -> list[Column]:
    return [Column(header, "names") for header in headers]


def numbers(*headers: str) -> list[Column]:
    return [Column(header) for header in headers]


def words(*headers: str) -> list[Column]:
    return [Column(header, "words") for header in headers]


@dataclass(frozen=True)
class Chart:
    """A column of drawings in characters, which only a wide terminal shows."""

    draw: Callable[[int], list[str]]
    """Width in characters -> the header and a line for each row, each of that width."""
    note: str = ""


@dataclass
class Table:
    """What one table shows.

    Example:
        >>> table = Table("lengths", "demo: how long answers are", [*names("judge"), *numbers("characters")], benchmark="demo")
        >>> table.add("qwen", Cell("1,204", value=1204))
        >>> table.texts
        [['qwen', '1,204']]
    """

    id: str
    """What it shows, in one word: the same for every run and benchmark."""
    title: str
    columns: list[Column]
    groups: list[list[list[Cell]]] = field(default_factory=lambda: [[]])
    """Rows of cells in groups, between which formats draw a line."""
    run: str = ""
    """The folder of the run that it is of."""
    benchmark: str = ""
    """Empty: of the run as a whole."""
    section: str = ""
    """Of the report page (`report.sections`). Empty: none of ours."""
    notes: list[str] = field(default_factory=list)
    footnotes: dict[str, str] = field(default_factory=dict)
    """Mark -> what it says."""
    answers: list[str] = field(default_factory=list)
    """What may be said, in sentences: printed above everything else."""
    warnings: list[str] = field(default_factory=list)
    """What spoils its numbers, printed above them."""
    chart: Chart | None = None
    keeps_empty: bool = False
    """Its columns stay where no row says anything: that nothing was found is what they say."""

    @property
    def rows(self) -> list[list[Cell]]:
        return [row for group in self.groups for row in group]

    @property
    def headers(self) -> list[str]:
        return [column.header for column in self.columns]

    @property
    def texts(self) -> list[list[str]]:
        return [[cell.text for cell in row] for row in self.rows]

    def add(self, *cells: Cell | str, minor: bool = False) -> None:
        """Add a row to the last group.

        Args:
            minor: every cell of it is a control's or a baseline's.

        Raises:
            ValueError: there are more or fewer cells than columns.
        """
        if len(cells) != len(self.columns):
            raise ValueError(f"table {self.id}: a row of {len(cells)} cells under {len(self.columns)} columns")
        row = [Cell(cell) if isinstance(cell, str) else cell for cell in cells]
        self.groups[-1].append([replace(cell, minor=True) for cell in row] if minor else row)

    def check(self) -> None:
        """For tables of others, before anything is printed.

        Raises:
            TypeError: a text is none.
            ValueError: a row does not fit the columns, or a mark has no footnote.
        """
        above = (self.title, *self.headers, *self.answers, *self.warnings, *self.notes)
        for text in (*above, *(t for row in self.texts for t in row)):
            if not isinstance(text, str):
                raise TypeError(f"table {self.id}: {text!r} is not a text")
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.id}: a row of {len(row)} cells under {len(self.columns)} columns")
            if missing := {mark for cell in row for mark in cell.marks} - set(self.footnotes):
                raise ValueError(f"table {self.id}: no footnote {min(missing)!r}")

    def changed(self, change: Callable[[str], str]) -> Table:
        """The table with every text of it changed."""
        return replace(
            self,
            title=change(self.title),
            columns=[replace(column, header=change(column.header)) for column in self.columns],
            groups=[
                [[replace(cell, text=change(cell.text)) for cell in row] for row in group] for group in self.groups
            ],
            notes=[change(note) for note in self.notes],
            footnotes={mark: change(text) for mark, text in self.footnotes.items()},
            answers=[change(answer) for answer in self.answers],
            warnings=[change(warning) for warning in self.warnings],
        )

    def without_empty(self) -> Table:
        """The table without columns in which no row says anything, each note once."""
        rows = self.rows
        all_stay = self.keeps_empty or not rows
        filled = [n for n in range(len(self.columns)) if all_stay or any(row[n].text for row in rows)]
        groups = [[[row[n] for n in filled] for row in group] for group in self.groups]
        notes = list(dict.fromkeys(self.notes))
        return replace(self, columns=[self.columns[n] for n in filled], groups=groups, notes=notes)


def each_once(tables: Sequence[Table]) -> list[Table]:
    """The tables as they are printed one below the other: a warning or note that several share is in the first alone."""
    seen: set[str] = set()

    def new(texts: Sequence[str]) -> list[str]:
        fresh = [text for text in dict.fromkeys(texts) if text not in seen]
        seen.update(fresh)
        return fresh

    return [replace(t, warnings=new(t.warnings), notes=new(t.notes)) for t in tables]
