"""Published numbers: one YAML file a paper's table under `results/published/`, each cell with where it comes from."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from evaluators.errors import UserError
from evaluators.inputs.configs import ConfigFile
from evaluators.inputs.entries import Entry
from evaluators.inputs.names import unknown
from harness_plugins.benchmarks.bundled import data_dir

UNKNOWN = "unknown"
NONE = "none"

Aggregate = Literal["micro", "macro", "mean_of_groups", "difference", "unknown"]
"""How a number over parts is made: pooled, mean of the benchmark's categories, mean of other groups, first less second."""

_NUMBER = re.compile(r"-?(\d+(\.\d+)?|\.\d+)")


def _number(value: str) -> str:
    if not _NUMBER.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a number as a paper prints it; quote it, such as '72.40', and null where none"
        )
    return value


Printed = Annotated[str, AfterValidator(_number)]


class Source(Entry):
    """Where numbers were printed, and how they came here."""

    paper: str = Field(min_length=1)
    place: str = Field(min_length=1)
    retrieved: Literal["read", "second_hand", "figure", "computed"]


class Conventions(Entry):
    """How a number was made. Empty means: as the level above says; `unknown` means that it is not stated."""

    sources: tuple[Source, ...] = ()
    revision: str | None = None
    dataset_rows: int | Literal["unknown", "none"] | None = None
    split: str | None = None
    """A name in the table's `splits`; `none` where the benchmark has no categories."""
    aggregate: Aggregate | None = None
    order: Literal["stored", "both", "random", "chosen_first", "unknown", "none"] | None = None
    unparsed: Literal["wrong", "drop", "coin", "unknown", "none"] | None = None
    trials: int | Literal["unknown"] | None = None
    """Runs or orders that a number is the mean of."""
    printed: Literal["rounded", "truncated", "unknown"] | None = None
    """Said only where the source's own numbers give it away; else either is taken for possible."""


class Cell(Conventions):
    """One number, exactly as printed."""

    value: Printed
    spread: Printed | None = None
    """The number after ±."""
    gain: Printed | None = None
    """The printed difference to the row without the method."""
    notes: str = ""


class Column(Conventions):
    """What one column of a table holds."""

    key: str
    benchmark: str
    metric: str
    unit: Literal["percent", "share", "score"] = "percent"
    share: bool = False
    """Whether it is a plain share of answers, so that k/N must exist."""
    n: int | None = None
    """Answers behind each cell, where it is neither the split's nor the dataset's count."""
    part: str | None = None
    """The category that it covers; nothing: the whole benchmark."""
    of: tuple[str, ...] = ()
    """The columns that it summarises."""


class Row(Conventions):
    """What one judge got, and with which method and whose rubrics."""

    model: str
    method: str | None = None
    writer: str | None = None
    rubrics: int | None = None
    usable: bool = True
    """False: kept as a record of what circulates, never to be shown beside other rows."""
    values: dict[str, Cell | None]
    notes: str = ""

    @field_validator("values", mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: {"value": v} if isinstance(v, str) else v for k, v in value.items()}

    @property
    def label(self) -> str:
        rubrics = f"K={self.rubrics}" if self.rubrics else None
        writer = f"rubrics of {self.writer}" if self.writer else None
        return " | ".join(part for part in (self.model, self.method, writer, rubrics) if part)


class Mark(Entry):
    """A cell that the lint finds fault with, as the table itself says."""

    row: str
    column: str
    kind: str


class PublishedTable(Entry):
    """One table of one paper, or one benchmark's rows from several."""

    table: str
    title: str
    paper: str
    place: str
    note: str = ""
    splits: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Category splits in circulation: name -> part -> number of rows."""
    defaults: Conventions
    columns: tuple[Column, ...] = Field(min_length=1)
    rows: tuple[Row, ...] = Field(min_length=1)
    flagged: tuple[Mark, ...] = ()
    """What the lint finds in this table; a test holds the two together."""

    @model_validator(mode="after")
    def _fits(self) -> PublishedTable:
        keys = [c.key for c in self.columns]
        labels = [row.label for row in self.rows]
        for what, names in (("column", keys), ("row", labels)):
            if twice := sorted({n for n in names if names.count(n) > 1}):
                raise ValueError(f"two {what}s are named {twice[0]!r}")
        for column in self.columns:
            if stray := sorted(set(column.of) - set(keys)):
                raise ValueError(f"column {column.key!r} summarises {stray[0]!r}, which is not a column")
        for row in self.rows:
            if set(row.values) != set(keys):
                raise ValueError(f"row {row.label!r} must name every column, null where nothing is printed: {keys}")
        for conventions in (
            self.defaults,
            *self.columns,
            *self.rows,
            *(c for row in self.rows for c in row.values.values() if c),
        ):
            if conventions.split not in (None, UNKNOWN, NONE, *self.splits):
                raise ValueError(unknown("split", conventions.split, self.splits))
        for mark in self.flagged:
            if mark.row not in labels or mark.column not in keys:
                raise ValueError(f"flagged: there is no cell {mark.row!r}, {mark.column!r}")
        return self

    def column(self, key: str) -> Column:
        return next(c for c in self.columns if c.key == key)

    def conventions(self, row: Row, key: str) -> Conventions:
        """What holds for one cell: its own word, else the row's, the column's, the table's."""
        levels = (row.values[key] or Conventions(), row, self.column(key), self.defaults)
        chosen = {
            name: next((v for level in levels if (v := getattr(level, name)) not in (None, ())), None)
            for name in Conventions.model_fields
        }
        return Conventions.model_construct(**{name: value for name, value in chosen.items() if value is not None})


@cache
def published() -> tuple[PublishedTable, ...]:
    """Every table of published numbers, by name.

    Raises:
        UserError: a file does not fit.
    """
    return tuple(_read(path) for path in sorted(data_dir("results/published").glob("*.yaml")))


def _read(path: Path) -> PublishedTable:
    table = ConfigFile.read(path, "`table`, `columns` and `rows`").checked(PublishedTable)
    if table.table != path.stem:
        raise UserError(f"{path}: table is {table.table!r}; name it as its file")
    return table
