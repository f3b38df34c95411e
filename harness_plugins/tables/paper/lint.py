"""Lint of published numbers: what cannot be k/N, no mean of its parts, printed twice unlike, or of unknown origin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, NamedTuple

from harness_plugins.tables.paper.published import UNKNOWN, Cell, Column, PublishedTable, Row

Kind = Literal["infeasible", "macro_mismatch", "split_mismatch", "duplicate", "missing_provenance"]
FULL = ("wrong", "coin", "none")
"""Ways with unparsed answers that keep the denominator."""


class Interval(NamedTuple):
    """Between what an exact value must be, in units of the whole."""

    low: Fraction
    high: Fraction

    def overlaps(self, other: Interval) -> bool:
        return self.low <= other.high and other.low <= self.high


class Steps(NamedTuple):
    """A printed number in units of its last place, and how many of them make the whole."""

    value: int
    units: int


@dataclass(frozen=True)
class Flag:
    """One cell and what is wrong with it."""

    table: str
    row: str
    column: str
    kind: Kind
    why: str


def _steps(printed: str, scale: int) -> Steps:
    negative, digits = printed.startswith("-"), printed.lstrip("-")
    integer, _, decimals = digits.partition(".")
    value = int((integer or "0") + decimals)
    return Steps(-value if negative else value, scale * 10 ** len(decimals))


def counts(printed: str, n: int, scale: int = 100, printing: str | None = None) -> range:
    """Every k for which k of n rounds or truncates (or only does what `printing` says) to the printed number.

    A tie may be rounded either way: papers round by C, Python, Excel or by hand.
    """
    value, units = _steps(printed, scale)
    lowest = -(-value * n // units) if printing == "truncated" else -((1 - 2 * value) * n // (2 * units))
    highest = (2 * value + 1) * n // (2 * units) if printing == "rounded" else -(-(value + 1) * n // units) - 1
    return range(max(0, lowest), min(n, highest) + 1)


def interval(printed: str, scale: int = 100, n: int | None = None) -> Interval:
    """Between what the exact value must be, in units of the whole; narrower where the number of answers is known."""
    value, units = _steps(printed, scale)
    if n is not None and (fitting := counts(printed, n, scale)):
        return Interval(Fraction(fitting[0], n), Fraction(fitting[-1], n))
    # A negative number may have been truncated towards zero, so the exact one may be up to a step below.
    if value < 0:
        return Interval(Fraction(value - 1, units), Fraction(2 * value + 1, 2 * units))
    return Interval(Fraction(2 * value - 1, 2 * units), Fraction(value + 1, units))


def _weighted(parts: Mapping[str, Interval], weights: Mapping[str, int]) -> Interval:
    total = sum(weights[k] for k in parts)
    low = sum((parts[k].low * weights[k] for k in parts), Fraction(0))
    high = sum((parts[k].high * weights[k] for k in parts), Fraction(0))
    return Interval(low / total, high / total)


def _percent(value: Interval, scale: int) -> str:
    return f"{float(value.low * scale):.4g} to {float(value.high * scale):.4g}"


class _RowLint:
    """The lint of one row: its cells under the row's own split and under the others."""

    def __init__(self, table: PublishedTable, row: Row) -> None:
        self.table, self.row = table, row
        self.cells: dict[str, Cell] = {k: v for k, v in row.values.items() if v is not None}
        self.columns = {c.key: c for c in table.columns}
        self.conventions = {key: table.conventions(row, key) for key in self.columns}

    def flag(self, key: str, kind: Kind, why: str) -> Flag:
        return Flag(self.table.table, self.row.label, key, kind, why)

    def scale(self, column: Column) -> int:
        return 100 if column.unit == "percent" else 1

    def counts(self, key: str, printed: str, n: int) -> range:
        printing = self.conventions[key].printed
        return counts(printed, n, self.scale(self.columns[key]), printing)

    def trials(self, key: str) -> int | None:
        trials = self.conventions[key].trials
        return trials if isinstance(trials, int) else None

    def dropped(self, key: str) -> bool:
        return self.conventions[key].unparsed == "drop"

    def caveat(self, key: str) -> str:
        unknown = self.conventions[key].unparsed in (UNKNOWN, None)
        return ", unless answers were dropped" if unknown else ""

    def rows_of(self, column: Column, split: str | None) -> int | None:
        """How many items are behind a cell; None where the paper does not say."""
        if column.n is not None:
            return column.n
        if column.part is not None:
            return self.table.splits.get(split or "", {}).get(column.part)
        rows = self.conventions[column.key].dataset_rows
        return rows if isinstance(rows, int) else None

    def answers(self, column: Column, split: str | None) -> int | None:
        """N times trials, where both are known and no answer left the denominator."""
        rows, trials = self.rows_of(column, split), self.trials(column.key)
        pooled = self.conventions[column.key].aggregate in ("micro", UNKNOWN, None)
        plain = column.share and (pooled or column.part is not None) and not self.dropped(column.key)
        return rows * trials if plain and rows is not None and trials is not None else None

    def certain(self, column: Column, split: str | None) -> int | None:
        """As `answers`, nothing where some may have left the denominator unsaid."""
        return self.answers(column, split) if self.conventions[column.key].unparsed in FULL else None

    def split(self, key: str) -> str | None:
        return self.conventions[key].split

    def infeasible(self, fitting: Mapping[str, Sequence[str]]) -> Iterator[Flag]:
        for key, cell in self.cells.items():
            column = self.columns[key]
            # Under a wrong split a cell is only checked against the splits that fit its row: else correct numbers are flagged.
            answers = [self.answers(column, s) for s in fitting.get(key, [self.split(key)])]
            sizes = [n for n in answers if n is not None]
            if len(sizes) < len(answers) or any(self.counts(key, cell.value, n) for n in sizes):
                continue
            conventions = self.conventions[key]
            why = f"no k of {' or '.join(map(str, dict.fromkeys(sizes)))} is printed {cell.value}"
            why += (
                f" when {conventions.printed}, as its source does" if conventions.printed not in (None, UNKNOWN) else ""
            )
            why += self.caveat(key)
            if conventions.aggregate == UNKNOWN and not column.part:
                why += "; not pooled accuracy, so perhaps a mean over groups"
            shorter = cell.value[:-1].rstrip(".")
            if "." in shorter and cell.value.endswith("0") and any(self.counts(key, shorter, n) for n in sizes):
                why += f"; {shorter} would be possible: perhaps a zero was appended"
            yield self.flag(key, "infeasible", why)

    def parts(self, column: Column, split: str | None) -> dict[str, Interval] | None:
        """The parts of a summary, nothing if one of them is not printed."""
        if not column.of or any(k not in self.cells for k in column.of):
            return None
        intervals = {}
        for key in column.of:
            part = self.columns[key]
            intervals[key] = interval(self.cells[key].value, self.scale(part), self.certain(part, split))
        return intervals

    def from_parts(self, column: Column, aggregate: str, split: str | None) -> Interval | None:
        """What a summary must be by its parts, nothing where that is not known."""
        parts = self.parts(column, split)
        if parts is None:
            return None
        if aggregate == "difference":
            first, second = (parts[k] for k in column.of)
            return Interval(first.low - second.high, first.high - second.low)
        if aggregate in ("macro", "mean_of_groups"):
            return _weighted(parts, dict.fromkeys(parts, 1))
        if self.dropped(column.key):  # the denominators are not the split's: only the range of the parts is certain
            return Interval(min(p.low for p in parts.values()), max(p.high for p in parts.values()))
        weights = {k: n for k in parts if (n := self.rows_of(self.columns[k], split)) is not None}
        return _weighted(parts, weights) if set(weights) == set(parts) else None

    def printed(self, column: Column, aggregate: str, split: str | None) -> Interval:
        n = self.certain(column, split) if aggregate == "micro" else None
        return interval(self.cells[column.key].value, self.scale(column), n)

    def agrees(self, column: Column, aggregate: str, split: str | None) -> bool | None:
        expected = self.from_parts(column, aggregate, split)
        return None if expected is None else expected.overlaps(self.printed(column, aggregate, split))

    def mismatches(self) -> Iterator[Flag]:
        for key in self.cells:
            column = self.columns[key]
            aggregate = self.conventions[key].aggregate or UNKNOWN
            split, scale = self.split(key), self.scale(column)
            tried = ("micro", "macro") if aggregate == UNKNOWN else (aggregate,)
            verdicts = [self.agrees(column, a, split) for a in tried]
            if not column.of or any(v is not False for v in verdicts):
                continue
            ranges = [(a, self.from_parts(column, a, split)) for a in tried]
            expected = " and ".join(f"{_percent(m, scale)} ({a})" for a, m in ranges if m is not None)
            yield self.flag(
                key,
                "macro_mismatch",
                f"the printed parts make {expected}, not {self.cells[key].value}"
                + (self.caveat(key) if "micro" in tried else ""),
            )

    def pooled(self) -> list[Column]:
        """Summaries that a split's counts decide."""
        columns = [self.columns[k] for k in self.cells]
        aggregates = {c.key: self.conventions[c.key].aggregate for c in columns}
        return [c for c in columns if c.of and aggregates[c.key] == "micro" and not self.dropped(c.key)]

    def fitting(self) -> dict[str, list[str]]:
        """Summaries that the declared split cannot make while others can: column -> those splits."""
        splits_by_column = {}
        for column in self.pooled():
            declared = self.split(column.key)
            if declared in self.table.splits and self.agrees(column, "micro", declared) is False:
                others = [s for s in self.table.splits if self.agrees(column, "micro", s)]
                splits_by_column.update({column.key: others} if others else {})
        return splits_by_column

    def splits(self, fitting: Mapping[str, Sequence[str]]) -> Iterator[Flag]:
        for key, others in fitting.items():
            split_names = " or ".join(f"{s} ({'/'.join(map(str, self.table.splits[s].values()))})" for s in others)
            why = f"the parts cannot make {self.cells[key].value} under {self.split(key)}, but can under {split_names}"
            yield self.flag(key, "split_mismatch", why + self.caveat(key))

    def provenance(self) -> Iterator[Flag]:
        for key in self.cells:
            conventions = self.conventions[key]
            column = self.columns[key]
            needed = ["sources", "revision", "dataset_rows", "split", "order", "unparsed"]
            needed += ["trials"] if column.share else []
            needed += ["aggregate"] if column.part is None else []
            if missing := [name for name in needed if getattr(conventions, name) in (None, ())]:
                yield self.flag(key, "missing_provenance", f"nothing is said of: {', '.join(missing)}")

    def flags(self) -> Iterator[Flag]:
        wrong = self.fitting()
        yield from self.splits(wrong)
        parts = {part: splits for key, splits in wrong.items() for part in self.columns[key].of}
        yield from self.infeasible(parts)
        yield from (f for f in self.mismatches() if f.column not in wrong)
        yield from self.provenance()


class Printing(NamedTuple):
    """A number as one table prints it."""

    flag: Flag
    """What is said of it where another table of the paper prints another value."""
    value: str
    scale: int

    def agrees(self, other: Printing) -> bool:
        """Whether they can be one number: equal where equally long, else one a shortened form of the other."""
        steps, other_steps = _steps(self.value, self.scale), _steps(other.value, other.scale)
        if steps.units == other_steps.units:
            return steps == other_steps
        return interval(self.value, self.scale).overlaps(interval(other.value, other.scale))


def _duplicates(tables: Iterable[PublishedTable]) -> Iterator[Flag]:
    """The same quantity, printed twice by one paper with different values."""
    by_quantity: dict[tuple[object, ...], list[Printing]] = defaultdict(list)
    for table in tables:
        for row in table.rows:
            for key, cell in row.values.items():
                if cell is None:
                    continue
                column = table.column(key)
                what = (row.model, row.method, row.writer, row.rubrics, column.benchmark, column.metric, column.part)
                for paper in {s.paper for s in table.conventions(row, key).sources}:
                    flag = Flag(table.table, row.label, key, "duplicate", f"({paper})")
                    scale = 100 if column.unit == "percent" else 1
                    by_quantity[(*what, paper)].append(Printing(flag, cell.value, scale))
    for printings in by_quantity.values():
        for printing in printings:
            others = [f"{p.value} in {p.flag.table}" for p in printings if not p.agrees(printing)]
            if others:
                yield replace(printing.flag, why=f"{printing.value} here, {', '.join(others)} {printing.flag.why}")


def lint(tables: Iterable[PublishedTable]) -> list[Flag]:
    """Every cell with a fault that can be computed.

    A number is never flagged for what is not stated (how many items, how many runs, the parts).
    """
    tables = tuple(tables)
    flags = [flag for t in tables for row in t.rows for flag in _RowLint(t, row).flags()]
    order = {t.table: i for i, t in enumerate(tables)}
    unique = dict.fromkeys((*flags, *_duplicates(tables)))
    return sorted(unique, key=lambda f: order[f.table])
