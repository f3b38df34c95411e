"""Which numbers are bold: the best among comparable ones, and never by a difference that cannot be told from chance.

Published numbers compare with published ones, whose conventions must be known and equal; ours with ours, over the same
items under the same protocol and orders. Never one with the other: nobody can test such a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness_plugins.tables.paper.published import NONE, UNKNOWN
from harness_plugins.tables.paper.rows import Number, PaperTable, Row
from harness_plugins.tables.paper.spec import Column, TableSpec

ANY = ("order", "unparsed")
"""Policies that a scorer without orders or verdicts (`none`) meets whichever way they are."""


def embolden(table: PaperTable) -> None:
    """Mark the bold cells of a table, and note of how many comparable rows each is the best."""
    for column in table.spec.columns:
        if column.better != "neither":
            cells = [(row, row.cell(column.key)) for row in table.rows]
            numbers = [(row, cell) for row, cell in cells if cell.value is not None]
            for row, cell in numbers:
                rivals = [o for r, o in numbers if o is not cell and _rival(table.spec, column, (row, cell), (r, o))]
                cell.bold = _is_best(column, cell, rivals)
                cell.among = 1 + len(rivals) if cell.bold else 0
            table.notes += _told(table.spec, column, [cell for _, cell in numbers])


MERIT: dict[str, Callable[[float], float]] = {
    "higher": lambda value: value,
    "lower": lambda value: -value,
    "nearer_zero": lambda value: -abs(value),
}


def _is_best(column: Column, cell: Number, rivals: Sequence[Number]) -> bool:
    """Flagged numbers compete, and are never bold. Of ours, one must also be told from the same judge without a rubric."""
    if not rivals or cell.flags or cell.value is None:
        return False
    merit = MERIT[column.better]
    if any(o.value is not None and merit(o.value) > merit(cell.value) for o in rivals):
        return False
    return cell.state == "published" or (cell.gain is not None and cell.gain.clear and cell.gain.value > 0)


def _rival(spec: TableSpec, column: Column, contender: tuple[Row, Number], other: tuple[Row, Number]) -> bool:
    (row, cell), (beside, rival) = contender, other
    if cell.state != rival.state:
        return False
    if cell.state == "published":
        return _agree(spec, column, cell, rival)
    # An unseen row is not beaten by a judge that reads its own kin: that one stands apart.
    return cell.comparable is not None and cell.comparable == rival.comparable and (row.apart or not beside.apart)


def _agree(spec: TableSpec, column: Column, cell: Number, rival: Number) -> bool:
    for name in _asked(spec, column, cell):
        values = [c.conventions.get(name, UNKNOWN) for c in (cell, rival)]
        if UNKNOWN in values or (values[0] != values[1] and not (name in ANY and NONE in values)):
            return False
    return True


def _asked(spec: TableSpec, column: Column, cell: Number) -> list[str]:
    """What a rival must have in common: not the split where all rows are pooled, however they are split."""
    pooled = not column.part and cell.conventions.get("aggregate") == "micro"
    return [name for name in spec.comparable if not (name == "split" and pooled)]


def _told(spec: TableSpec, column: Column, cells: Sequence[Number]) -> list[str]:
    notes = []
    for cell in cells:
        if cell.bold and cell.state == "published":
            asked = _asked(spec, column, cell)
            conventions = [
                f"{k.replace('_', ' ')} {v}" for k, v in cell.conventions.items() if k in asked and v != NONE
            ]
            notes.append(
                f"Bold, {column.header}: {cell.text} is the best of {cell.among} published rows that agree in {', '.join(conventions)}."
            )
        elif cell.bold:
            notes.append(
                f"Bold, {column.header}: {cell.text} is the best of {cell.among} rows over the same items, and its difference to the "
                "same judge without a rubric is not by chance (p < .05)."
            )
    return list(dict.fromkeys(notes))
