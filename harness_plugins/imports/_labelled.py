"""Items that are known by their id and label alone, where a file names no candidates: whoever judged them, one item an id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evaluators.errors import UserError
from evaluators.keys import canonical_order, item_uid
from evaluators.prompts.grading import Grading
from evaluators.records import Candidate, Item, Label, Media
from harness_plugins.imports._results import Reply, Results, Said


@dataclass(frozen=True)
class Told:
    """What one file says of one item."""

    source_id: str
    label: Label
    """By stored index."""
    prompt: str
    replies: tuple[tuple[int, str | None], ...]
    """(stored index of the candidate shown first, the reply as it came); None where there is no reply."""
    where: str


@dataclass(frozen=True)
class File:
    benchmark: str
    judge: str
    told: list[Told]


def results(files: Sequence[File], answer_format: str, grading: Grading) -> list[Results]:
    """The files as results; labels must agree, and a prompt may stand in one file alone.

    Raises:
        UserError: an id twice in a file, or another label or prompt than elsewhere.
    """
    items = {place: _item(place[0], n, statement) for n, (place, statement) in enumerate(_first(files).items())}
    both = any(len(t.replies) > 1 for f in files for t in f.told)
    return [
        Results(
            f.benchmark,
            f.judge,
            [_said(items[f.benchmark, t.source_id], t) for t in f.told],
            answer_format,
            grading,
            orders="both" if both else "stored",
        )
        for f in files
    ]


def _first(files: Sequence[File]) -> dict[tuple[str, str], Told]:
    first: dict[tuple[str, str], Told] = {}
    for file in files:
        here: dict[str, str] = {}
        for statement in file.told:
            if statement.source_id in here:
                raise UserError(
                    f"{statement.where}: the id {statement.source_id!r} stands in {here[statement.source_id]} as well: "
                    "one row an item, remove one"
                )
            here[statement.source_id] = statement.where
            place = file.benchmark, statement.source_id
            before = first.setdefault(place, statement)
            if before.label != statement.label:
                raise UserError(
                    f"{statement.where}: another label than in {before.where}: the files are not of the same rows"
                )
            if statement.prompt and not before.prompt:
                first[place] = replace(before, prompt=statement.prompt)
            elif statement.prompt not in ("", before.prompt or statement.prompt):
                raise UserError(
                    f"{statement.where}: another prompt than in {before.where}: the files are not of the same rows"
                )
    return first


def _item(benchmark: str, row: int, statement: Told) -> Item:
    stored = [Candidate(media=(Media(f"{statement.source_id}/{side}"),)) for side in ("first", "second")]
    uid = item_uid(benchmark, statement.source_id, statement.prompt, stored, None)
    order = canonical_order(uid, stored)
    label = (
        statement.label
        if statement.label.preferred is None
        else Label(preferred=order.index(statement.label.preferred))
    )
    candidates = tuple(stored[i] for i in order)
    return Item(
        uid, benchmark, statement.source_id, row, statement.prompt, candidates, order, label, media_missing=True
    )


def _said(item: Item, statement: Told) -> Said:
    replies = [Reply("AB" if item.stored[0] == first else "BA", reply) for first, reply in statement.replies]
    return Said(item, tuple(replies), statement.where)
