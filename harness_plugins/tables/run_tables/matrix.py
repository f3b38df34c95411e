"""The matrix of writers and judges, its margins, and what may be said of who is first (`scoring.matrix`)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness_plugins.scoring.caveats import differ
from harness_plugins.scoring.cells import Contrast
from harness_plugins.scoring.matrix import INCOMPLETE, UNSEEN, Lead, Margin, Margins, Matrix, Pairing
from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import gain
from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.view import View, views

MARGIN_ROW, MARGIN_COLUMN = "over unseen writers", "over unseen judges"
COMMON_ROW, COMMON_COLUMN = "over the same writers", "over the same judges"


def tables(report: Report) -> list[Table]:
    return [_table(v, m) for v in views(report) for m in report.matrices if m.benchmark == v.benchmark]


def _table(view: View, matrix: Matrix) -> Table:
    """Writers as rows and judges as columns, the margins at the ends; under them each writer minus the reference writer."""
    with_ranking = _differ(matrix.by_writer)
    ends = [MARGIN_COLUMN, *([COMMON_COLUMN] if with_ranking else [])]
    columns = [*names("writer"), *numbers(*map(view.judge, matrix.judges), *ends)]
    title = f"{view.benchmark}: the matrix of writers and judges"
    table = Table("matrix", title, columns, benchmark=view.benchmark, section="matrix")
    for writer in matrix.writers:
        row = [_entry(matrix, Pairing(writer, judge)) for judge in matrix.judges]
        row.append(_margin(matrix.by_writer.margins, writer, "no unseen, complete cell"))
        row += [_margin(matrix.by_writer.ranking, writer, "")] if with_ranking else []
        table.add(view.writer(writer), *row)
    row = [_margin(matrix.by_judge.margins, judge, "no unseen, complete cell") for judge in matrix.judges]
    table.add(MARGIN_ROW, *row, *[""] * len(ends))
    if _differ(matrix.by_judge):
        row = [_margin(matrix.by_judge.ranking, judge, "") for judge in matrix.judges]
        table.add(COMMON_ROW, *row, *[""] * len(ends))
    for writer in (
        name for name in matrix.writers if matrix.reference_writer is not None and name != matrix.reference_writer
    ):
        row = [_against(matrix, Pairing(writer, judge)) for judge in matrix.judges]
        pooled = _margin(matrix.against, writer, "no judge unseen to both, and complete")
        table.add(f"{writer} minus {matrix.reference_writer}", *row, pooled, *[""] * with_ranking)
    table.notes += _notes(matrix)
    return table


def _differ(side: Margins) -> bool:
    """Whether the ranking is over fewer cells than some margin."""
    over = {m.name: m.over for m in side.margins}
    return any(m.over != over[m.name] for m in side.ranking)


def _marked(cell: Cell, relation: str) -> Cell:
    """A cell with its relation."""
    return cell if relation in (UNSEEN, "") else replace(cell, text=f"{cell.text} ({relation})")


def _entry(matrix: Matrix, pairing: Pairing) -> Cell:
    """The gain of a writer's rubrics in a judge's hands, or why there is none."""
    entry = matrix.entries.get(pairing)
    if entry is None:
        why = matrix.missing[pairing]
        return Cell(why, state="incomplete" if why == INCOMPLETE else "")
    return _marked(gain(entry.gain, short=True), entry.relation)


def _against(matrix: Matrix, pairing: Pairing) -> Cell:
    """The writer minus the reference writer in the judge's hands; empty where either is incomplete."""
    contrast = matrix.against_by_judge.get(pairing)
    return Cell() if contrast is None else _marked(gain(contrast, short=True), matrix.kinship(*pairing))


def _margin(margins: Sequence[Margin], name: str, otherwise: str) -> Cell:
    return next((gain(m.gain) for m in margins if m.name == name), Cell(otherwise))


def _notes(matrix: Matrix) -> Iterator[str]:
    arm, reference = matrix.contrast
    yield (
        f"{arm} minus {reference}, in points, p of a cluster sign-flip; margins with 95 % cluster bootstrap. What each "
        "can show (2.8 standard errors) is for planning."
    )
    yield (
        "Margins are means over unseen and complete cells, item by item; kin, cells whose relation is not declared, baselines and "
        "incomplete cells are listed apart. Their tests speak of these judges and writers, items being the sample. Holm: over the "
        "cells of unseen or undeclared judges; apart from these over the writers' margins, and over the judges'."
    )
    if "undeclared" in matrix.relations.values():
        yield "undeclared: declare `family` of judge and writer, and the cell counts in the margins if they are unseen."
    for m in (*matrix.by_writer.margins, *matrix.by_judge.margins):
        apart = _listed([f"{x.name} {x.why}" for x in m.apart])
        left_out = f" (apart: {apart})" if apart else ""
        yield f"{m.name} over {_listed(m.over)}{left_out}: {_split(m.gain)}; can show {_shows(m.gain)}."
    sides = ((matrix.by_writer, "writer", "judge"), (matrix.by_judge, "judge", "writer"))
    for side, whose, other in sides:
        if _differ(side):
            yield (
                f"Not all {whose}s have the same unseen {other}s, so that their margins are no ranking; over the same {other}s are "
                f"those that are unseen to all: {_listed(side.ranking[0].over)}."
            )
    for side, whose, other in sides:
        what = f"Largest mean gain of a {whose}"
        if side.lead is not None:
            yield _first(side.lead, what)
        elif len(side.margins) > 1:
            yield f"{what}: cannot be said, as {_why_no_first(matrix, side, other)}."
    if matrix.reference_writer is not None:
        yield from _reference_notes(matrix)
    elif matrix.absent_reference is not None:
        yield f"The reference writer {matrix.absent_reference} has no {arm} cell here, so nothing is set against it."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _split(x: Contrast) -> str:
    if x.content is None or x.order is None:
        return "content and order are not identifiable in every cell of it"
    items = "all items" if x.content_n == x.n else f"{x.content_n} of {x.n} items"
    return f"content {100 * x.content:+.1f}, order {100 * x.order:+.1f} (over {items})"


def _shows(x: Contrast) -> str:
    if not x.differs:
        return "nothing (no item differs)"
    return "nothing (one cluster)" if math.isnan(x.detectable) else f"{100 * x.detectable:.1f} points"


def _first(lead: Lead, what: str) -> str:
    """Who is first, and by how much: numbers alone."""
    over = f"over {_listed(lead.over)}"
    if len(lead.level) > 1:
        return f"{what} {over}: {_listed(lead.level[:-1])} and {lead.level[-1]} alike."
    by = f"{gain(lead.gain).text} (Holm over all pairs)"
    return f"{what} {over}: {lead.best}, ahead of {lead.next} by {by}; can show {_shows(lead.gain)}."


def _why_no_first(matrix: Matrix, side: Margins, other: str) -> str:
    if not side.ranking:
        return f"no {other} is unseen to {_listed([m.name for m in side.margins])} alike, and complete"
    cells = [f"{p.writer} with {p.judge} ({differ(matrix.entries[p].gain)})" for p in matrix.spoiled]
    return (
        f"the two sides of a difference are not alike: {'; '.join(cells)}"
        if cells
        else "answers of low mass decide who is first"
    )


def _reference_notes(matrix: Matrix) -> Iterator[str]:
    reference, arm = matrix.reference_writer, matrix.contrast.arm
    if len(matrix.writers) < 2:
        yield f"There is no other writer to set against the reference writer {reference}."
        return
    yield (
        f"minus {reference}: {arm} with the writer's rubrics minus {arm} with those of the reference writer; the margin is over judges "
        "unseen to both. Two-sided; Holm over these margins, and apart from them over the judges unseen to both."
    )
    for m in matrix.against:
        yield f"{m.name} minus {reference} over {_listed(m.over)}: {_split(m.gain)}; can show {_shows(m.gain)}."
