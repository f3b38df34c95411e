"""Which numbers are bold: the best among comparable ones, and never by a difference that may be chance.

Published numbers compare with published ones, whose conventions must be known and equal; ours with ours, over the same
items under the same protocol and orders. Never one with the other: such a difference cannot be tested.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from harness_plugins.tables.paper.published import NONE, UNKNOWN
from harness_plugins.tables.paper.rows import Number, PaperTable, Row
from harness_plugins.tables.paper.spec import Column, TableSpec

ANY = ("order", "unparsed")
"""Policies that a scorer without orders or verdicts (`none`) meets whichever way they are."""


class Contender(NamedTuple):
    """A number that may be bold, and the row that it is in."""

    row: Row
    number: Number


def embolden(table: PaperTable) -> None:
    """Mark the bold cells of a table, and note of how many comparable rows each is the best."""
    for column in table.spec.columns:
        if column.better != "neither":
            numbers = [Contender(row, row.cell(column.key)) for row in table.rows]
            contenders = [contender for contender in numbers if contender.number.value is not None]
            for contender in contenders:
                others = (other for other in contenders if other is not contender)
                rivals = [other.number for other in others if _is_rival(table.spec, column, contender, other)]
                number = contender.number
                number.bold = _is_best(column, number, rivals)
                number.best_of = 1 + len(rivals) if number.bold else 0
            table.notes += _notes(table.spec, column, [contender.number for contender in contenders])


MERIT: dict[str, Callable[[float], float]] = {
    "higher": lambda value: value,
    "lower": lambda value: -value,
    "nearer_zero": lambda value: -abs(value),
}


def _is_best(column: Column, number: Number, rivals: Sequence[Number]) -> bool:
    """Flagged numbers compete, and are never bold. Of ours, one must also differ from the same judge without a rubric."""
    if not rivals or number.flags or number.value is None:
        return False
    merit = MERIT[column.better]
    if any(o.value is not None and merit(o.value) > merit(number.value) for o in rivals):
        return False
    return number.state == "published" or (number.gain is not None and number.gain.clear and number.gain.value > 0)


def _is_rival(spec: TableSpec, column: Column, contender: Contender, other: Contender) -> bool:
    """Whether the other is comparable, and so keeps the contender from being bold where it is better."""
    number, rival = contender.number, other.number
    if number.state != rival.state:
        return False
    if number.state == "published":
        return _agree(spec, column, number, rival)
    comparable = number.comparable is not None and number.comparable == rival.comparable
    # An unseen row is not beaten by a judge that reads its own kin: that one is apart.
    return comparable and (contender.row.apart or not other.row.apart)


def _agree(spec: TableSpec, column: Column, number: Number, rival: Number) -> bool:
    for name in _required(spec, column, number):
        values = [c.conventions.get(name, UNKNOWN) for c in (number, rival)]
        if UNKNOWN in values or (values[0] != values[1] and not (name in ANY and NONE in values)):
            return False
    return True


def _required(spec: TableSpec, column: Column, number: Number) -> list[str]:
    """What a rival must have in common: not the split where all rows are pooled, however they are split."""
    pooled = not column.part and number.conventions.get("aggregate") == "micro"
    return [name for name in spec.comparable if not (name == "split" and pooled)]


def _notes(spec: TableSpec, column: Column, numbers: Sequence[Number]) -> list[str]:
    notes = []
    for number in (n for n in numbers if n.bold):
        best = f"Bold, {column.header}: {number.text} is the best of {number.best_of}"
        if number.state == "published":
            required = _required(spec, column, number)
            conventions = [
                f"{k.replace('_', ' ')} {v}" for k, v in number.conventions.items() if k in required and v != NONE
            ]
            notes.append(f"{best} published rows that agree in {', '.join(conventions)}.")
        else:
            notes.append(
                f"{best} rows over the same items, and its difference to the same judge without a rubric is not by chance (p < .05)."
            )
    return list(dict.fromkeys(notes))
