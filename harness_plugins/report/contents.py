"""What the page's browser holds: an index to filter by, and for each item a block that is read when it is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evaluators.records import Candidate, Item, Media, Verdict
from evaluators.rubrics.arms import ARMS
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.report.outcomes import LEAK, Outcomes
from harness_plugins.report.rubrics import EXCERPT, Shelf
from harness_plugins.report.texts import cut, one_line, plain
from harness_plugins.report.thumbnails import identity, shown_files
from harness_plugins.report.verdicts import Trials
from harness_plugins.scoring.arrays import CellKey, RunData
from harness_plugins.tables.show import criterion_text

TRIALS = 16
"""Of a cell and item; further samples and draws are counted."""
FIRST = ("none", "transferred", "self", "shuffled", "advice", "crossed")
"""The arms whose columns come first; the others follow in the order of the arms."""

ARM_READS = {
    "none": "No rubric was read: the question and the responses alone.",
    "repeat": "No rubric was read: the same question, asked a second time.",
    "advice": "No rubric was read, but one line that says which response its writer preferred.",
    "transferred": "The writer's rubric for this item, written in the order that is judged.",
    "shuffled": "The same writer's rubric for another item of the category.",
    "generic": "A fixed rubric that knows nothing of the item.",
}
"""What a judge read under an arm, in a sentence; of other arms what `Arm.about` says."""


class Lengths(NamedTuple):
    """Characters that are shown of a reason, and of a prompt, candidate or rubric."""

    reason: int
    text: int


LENGTHS = (Lengths(1500, 20_000), Lengths(800, 8000), Lengths(400, 4000), Lengths(200, 2000), Lengths(100, 1000))


class Shared(NamedTuple):
    """What the items of a page have in common."""

    shelf: Shelf
    lengths: Lengths
    pictures: dict[str, int]
    """Identity of an image -> its index among the page's."""


@dataclass
class Contents:
    """Everything in plain JSON types."""

    index: dict[str, Any]
    items: list[dict[str, Any]]
    rubrics: list[dict[str, Any]]
    lengths: Lengths
    pictures: list[str]
    """Identities of the images that items name by their index here."""


def contents(
    run: RunData, all_outcomes: Sequence[Outcomes], uids: Sequence[str], trials: Trials, lengths: Lengths
) -> Contents:
    """The blocks of the chosen items."""
    chosen_uids = set(uids)
    items = {i.uid: i for o in all_outcomes for i in o.benchmark.items}
    needed = {v.rubric for uid in uids for group in trials.get(uid, {}).values() for v in group if v.rubric}
    shelf = Shelf(
        {rubric.uid: rubric for rubric in RunFolder(run.folder).rubrics() if rubric.uid in needed}, items, lengths.text
    )
    shared = Shared(shelf, lengths, {})
    page_contents = Contents(_facts(run, all_outcomes), [], shelf.entries, lengths, [])
    for number, o in enumerate(all_outcomes):
        cells = [[plain(c.judge), c.arm, None if c.writer is None else plain(c.writer)] for c in o.cells]
        page_contents.index["benchmarks"].append({"name": plain(o.benchmark.name), "cells": cells})
        for n, item in enumerate(o.benchmark.items):
            if item.uid in chosen_uids:
                item_trials = trials.get(item.uid, {})
                block = _item(item, item_trials, o.cells, shared)
                boards = {str(c): o.board(n, c) for c in range(len(o.cells))}
                block["board"] = {c: board for c, board in boards.items() if any(board)}
                flags = [
                    int(f) | _leak(run, c, block["cells"].get(str(cell_number), ()), shelf)
                    for cell_number, (f, c) in enumerate(zip(o.flags[n], o.cells, strict=True))
                ]
                codes = "".join(f"{state}{f:x}" for state, f in zip(o.states[n], flags, strict=True))
                label = [
                    plain(item.uid),
                    number,
                    plain(item.source_id),
                    plain(item.category),
                    one_line(item.prompt, EXCERPT),
                ]
                page_contents.index["items"].append([*label, codes])
                page_contents.items.append(block)
    page_contents.pictures = list(shared.pictures)
    return page_contents


def _facts(run: RunData, all_outcomes: Sequence[Outcomes]) -> dict[str, Any]:
    """What the page knows of judges and arms; benchmarks and items follow."""
    keys = [key for o in all_outcomes for key in o.cells]
    arms = sorted({key.arm for key in keys}, key=lambda arm: (_place(arm), arm))
    of_writers = [arm for arm in arms if any(key.arm == arm and key.writer is not None for key in keys)]
    return {
        "judges": [[plain(judge), run.baseline(judge)] for judge in dict.fromkeys(key.judge for key in keys)],
        "writers": [plain(w) for w in dict.fromkeys(key.writer for key in keys if key.writer is not None)],
        # [arm, its column's word, what a judge reads, whether it is another item's rubric]
        "arms": [
            [
                arm,
                ARMS.facts(arm).called,
                ARM_READS.get(arm) or _sentence(ARMS.facts(arm).about or arm),
                run.from_donors(arm),
            ]
            for arm in arms
        ],
        # The arm that an address without one means.
        "arm": next(iter(of_writers), "generic" if "generic" in arms else "none"),
        "benchmarks": [],
        "items": [],
    }


def _sentence(about: str) -> str:
    return f"{about[:1].upper()}{about[1:]}.".replace("`", "")


def _place(arm: str) -> int:
    order = list(dict.fromkeys((*FIRST, *ARMS)))
    return order.index(arm) if arm in order else len(order)


def _leak(run: RunData, cell: CellKey, shown: Sequence[Sequence[Any]], shelf: Shelf) -> int:
    """LEAK where the writer's rubric for this very item leaks; a donor's words are about another pair.

    Args:
        shown: the item's trials in the cell, as the block holds them (`_trial`).
    """
    if cell.writer is None or run.from_donors(cell.arm):
        return 0
    return LEAK if any(shelf.leaks(t[5]) for t in shown if t[5] is not None) else 0


def _item(
    item: Item, trials: Mapping[CellKey, Sequence[Verdict]], cells: Sequence[CellKey], shared: Shared
) -> dict[str, Any]:
    lengths, pictures = shared.lengths, shared.pictures
    texts: dict[tuple[str, str], int] = {}
    shown = {
        str(n): [_trial(item, v, shared.shelf, texts) for v in trials[cell][:TRIALS]]
        for n, cell in enumerate(cells)
        if trials.get(cell)
    }
    block: dict[str, Any] = {
        "row": item.row,
        "prompt": _cut(item.prompt, lengths.text),
        "media": _media(item.media, pictures),
        "candidates": [_candidate(c, lengths, pictures) for c in item.candidates],
        "label": item.label.kind,
        "preferred": item.label.preferred,
        "stored": item.stored,
        "cells": shown,
        "more": {str(n): len(trials[c]) - TRIALS for n, c in enumerate(cells) if len(trials.get(c, ())) > TRIALS},
        "reasons": [_reason(*key, lengths.reason) for key in texts],
    }
    extra = {"group": item.group, "criterion": item.criterion, "revision": item.revision}
    block |= {k: one_line(v, 400) for k, v in extra.items() if v}
    if item.label.ranks:
        block["ranks"] = item.label.ranks
    if item.media_missing:
        block["missing"] = True
    return block


def _cut(text: str, max_characters: int) -> str | list[Any]:
    """The text, or [its start, its length] where it is too long."""
    shown, length = cut(text, max_characters)
    return shown if length <= max_characters else [shown, length]


def _reason(text: str, reasoning: str, max_characters: int) -> list[Any]:
    """[the answer, the reasoning where there is some], each as `_cut` has it."""
    return [_cut(text, max_characters), *([_cut(reasoning, max_characters)] if reasoning else [])]


def _candidate(candidate: Candidate, lengths: Lengths, pictures: dict[str, int]) -> dict[str, Any]:
    block: dict[str, Any] = {"text": _cut(candidate.text, lengths.text)} if candidate.text else {}
    return block | ({"media": _media(candidate.media, pictures)} if candidate.media else {})


def _media(media: Sequence[Media], pictures: dict[str, int]) -> list[list[Any]]:
    """[name, index of the picture (null where there is no file), which frame of how many]."""
    entries: list[list[Any]] = []
    for shown in shown_files(media):
        m = shown.medium
        frame = f"frame {shown.number + 1} of {len(m.files)}" if m.kind == "video" else ""
        entries.append([one_line(m.name, 120), pictures.setdefault(identity(shown.file), len(pictures)), frame])
    entries += [[one_line(m.name, 120), None, ""] for m in media if not m.files]
    hidden_count = sum(len(m.files) if m.kind == "image" else 0 for m in media) - sum(
        1 for f in entries if not f[2] and f[1] is not None
    )
    return [*entries, [f"{hidden_count} more pictures are not shown", None, "more"]] if hidden_count > 0 else entries


def _trial(item: Item, v: Verdict, shelf: Shelf, texts: dict[tuple[str, str], int]) -> list[Any]:
    """[order, status, choice, pick, P(1), rubric, reason, the rest]."""
    rubric_number = None if v.rubric is None else shelf.number(item, v.arm, v.rubric)
    reason = None
    if v.answer and (v.answer.text or v.answer.reasoning or v.answer.refusal):
        key = (v.answer.text or v.answer.refusal or "", v.answer.reasoning or "")
        reason = texts.setdefault(key, len(texts))
    p = None if v.p is None or v.p.first is None else round(v.p.first, 4)
    details: dict[str, Any] = {"sample": v.sample, "draw": v.replicate, "both_bad": v.both_bad}
    details = {k: x for k, x in details.items() if x}
    if v.candidate is not None:
        details |= {"candidate": v.candidate, "score": None if v.score is None else round(v.score, 4)}
    if v.ranks:
        details["ranks"] = v.ranks
    if v.donor:
        details["donor"] = plain(v.donor)
    if v.error:
        details["error"] = f"{plain(v.error.kind)}: {one_line(v.error.message, 300)}"
    if v.criteria:
        details["criteria"] = [[one_line(c.name, 200), c.weight, criterion_text(c)] for c in v.criteria]
    if v.edited is not None:
        details["edited"] = v.edited
    return [v.order, v.status, v.choice, v.pick, p, rubric_number, reason, *([details] if details else [])]
