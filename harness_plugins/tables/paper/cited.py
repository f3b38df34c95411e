"""The published rows of a paper's table, joined by what names them, each cell with its source, conventions and flags."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache

from harness_plugins.tables.paper.lint import lint
from harness_plugins.tables.paper.published import Cell as Printed
from harness_plugins.tables.paper.published import Conventions, PublishedTable, published
from harness_plugins.tables.paper.published import Row as PrintedRow
from harness_plugins.tables.paper.rows import Number, Row
from harness_plugins.tables.paper.spec import Beside, TableSpec

Flags = Mapping[tuple[str, str, str], tuple[str, ...]]
RETRIEVED = {"read": "", "second_hand": ", second-hand", "figure": ", read off a figure", "computed": ", computed"}


def cited(spec: TableSpec) -> list[Row]:
    """All published rows of the spec's tables. A cell that two tables print is the first one's; where the other differs, a
    note says so."""
    rows: dict[tuple[object, ...], Row] = {}
    flags = _flags()
    for beside in spec.published:
        fills = spec.fills(beside)
        for printed_row in beside.published_table.rows:
            if not printed_row.usable:
                continue
            model = beside.same_as.get(printed_row.model, printed_row.model)
            key = (model, printed_row.method, printed_row.writer, printed_row.rubrics)
            row = rows.setdefault(
                key, Row("published", model, printed_row.method or "", printed_row.writer or "", printed_row.rubrics)
            )
            _fill(row, beside, printed_row, fills, flags)
    return [row for row in rows.values() if row.cells]


@cache
def _flags() -> Flags:
    flags: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for flag in lint(published()):
        key = (flag.table, flag.row, flag.column)
        flags[key] = (*flags.get(key, ()), f"{flag.kind.replace('_', ' ')}: {flag.why}")
    return flags


def _fill(row: Row, beside: Beside, printed_row: PrintedRow, fills: Mapping[str, str], flags: Flags) -> None:
    notes = []
    for column_key, printed_key in fills.items():
        printed = printed_row.values[printed_key]
        if printed is None:
            continue
        notes += [n for n in (printed_row.notes, printed.notes) if n]
        cell = _cell(beside.published_table, printed_row, printed_key, printed, flags)
        first = row.cells.setdefault(column_key, cell)
        # As numbers: 72.4 and 72.40 are the same one.
        if first is not cell and Decimal(first.text.split()[0]) != Decimal(printed.value):
            notes.append(f"{column_key}: {printed.value} in {'; '.join(cell.sources)}.")
    row.notes = tuple(dict.fromkeys((*row.notes, *notes)))


def _cell(table: PublishedTable, row: PrintedRow, key: str, printed: Printed, flags: Flags) -> Number:
    conventions = table.conventions(row, key)
    spread = f" ± {printed.spread}" if printed.spread else ""
    gain = f" (+{printed.gain})" if printed.gain and not printed.gain.startswith("-") else ""
    gain = f" ({printed.gain})" if printed.gain and not gain else gain
    part = table.column(key).part
    return Number(
        "published",
        f"{printed.value}{spread}{gain}",
        float(printed.value),
        sources=tuple(_source(conventions)),
        flags=flags.get((table.table, row.label, key), ()),
        conventions={
            **conventions.model_dump(exclude={"sources"}, exclude_none=True),
            **({"part": part} if part else {}),
        },
    )


def _source(conventions: Conventions) -> list[str]:
    return [
        f"{s.paper}, {s.place}{RETRIEVED[s.retrieved]}" if s.paper != "none" else s.place for s in conventions.sources
    ]
