"""Items that are known by their id and label alone, where a file names no candidates: one item for each id, for all judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from evaluators.errors import UserError
from evaluators.keys import canonical_order, item_uid
from evaluators.prompts.grading import Grading
from evaluators.records import Candidate, Item, Label, Media
from harness_plugins.imports._results import ItemReplies, JudgeResults, Reply


class OrderReply(NamedTuple):
    shown_first: int
    """The stored index of the candidate that was shown first."""
    text: str | None
    """As it came; None where there is none."""


@dataclass(frozen=True)
class LabelledRow:
    """What one file says of one item."""

    source_id: str
    label: Label
    """By stored index."""
    prompt: str
    replies: tuple[OrderReply, ...]
    where: str


@dataclass(frozen=True)
class LabelledFile:
    benchmark: str
    judge: str
    rows: list[LabelledRow]


def results(files: Sequence[LabelledFile], answer_format: str, grading: Grading) -> list[JudgeResults]:
    """The files as results; labels must agree, and a prompt may be in one file alone.

    Raises:
        UserError: an id twice in a file, or another label or prompt than elsewhere.
    """
    items = {key: _item(key[0], n, row) for n, (key, row) in enumerate(_first(files).items())}
    both = any(len(row.replies) > 1 for f in files for row in f.rows)
    return [
        JudgeResults(
            f.benchmark,
            f.judge,
            [_item_replies(items[f.benchmark, row.source_id], row) for row in f.rows],
            answer_format,
            grading,
            orders="both" if both else "stored",
        )
        for f in files
    ]


def _first(files: Sequence[LabelledFile]) -> dict[tuple[str, str], LabelledRow]:
    rows: dict[tuple[str, str], LabelledRow] = {}
    for file in files:
        lines: dict[str, str] = {}
        for row in file.rows:
            if row.source_id in lines:
                raise UserError(
                    f"{row.where}: the id {row.source_id!r} is also in {lines[row.source_id]}: "
                    "keep one row for each item"
                )
            lines[row.source_id] = row.where
            key = file.benchmark, row.source_id
            first = rows.setdefault(key, row)
            if first.label != row.label:
                raise UserError(f"{row.where}: another label than in {first.where}: the files are not of the same rows")
            if row.prompt and not first.prompt:
                rows[key] = replace(first, prompt=row.prompt)
            elif row.prompt not in ("", first.prompt or row.prompt):
                raise UserError(
                    f"{row.where}: another prompt than in {first.where}: the files are not of the same rows"
                )
    return rows


def _item(benchmark: str, number: int, row: LabelledRow) -> Item:
    stored = [Candidate(media=(Media(f"{row.source_id}/{side}"),)) for side in ("first", "second")]
    uid = item_uid(benchmark, row.source_id, row.prompt, stored, None)
    order = canonical_order(uid, stored)
    label = row.label if row.label.preferred is None else Label(preferred=order.index(row.label.preferred))
    candidates = tuple(stored[i] for i in order)
    return Item(uid, benchmark, row.source_id, number, row.prompt, candidates, order, label, media_missing=True)


def _item_replies(item: Item, row: LabelledRow) -> ItemReplies:
    replies = [Reply("AB" if item.stored[0] == r.shown_first else "BA", r.text) for r in row.replies]
    return ItemReplies(item, tuple(replies), row.where)
