"""Pairs and held-out comparisons as the page's script reads them: an index to filter by, and a JSON block a step with what was said.

A block is read when a pair of it is shown, so that thousands of pairs open as fast as a few.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evaluators.records import Failure
from harness_plugins.report.page import data_block
from harness_plugins.report.texts import cut, one_line, plain
from harness_plugins.rewards.rpo import Reply
from harness_plugins.rpo.run_folder import HeldOut, HeldOutRow, PairRow

LENGTHS = (8000, 4000, 2000, 1000, 700, 500, 300, 200, 100)
"""Characters that are shown of a judge's words; the first with which the blocks fit."""
TEXT_BYTES = 20_000_000
PROMPT = 2000
PAIR_OUTCOMES = (
    ("decided", "Decided", "Both orders named the same picture: it earns the win, the other the loss."),
    ("tie", "Tie", "The judge said in both orders that neither is better: each earns the middle."),
    (
        "disagree",
        "Orders disagree",
        "Each order named another picture: the judge followed the place. The pair trains nothing, or is half a win each.",
    ),
    ("undecided", "Undecided", "The judge answered and named no picture. The pair trains nothing."),
    ("error", "Error", "The judge never answered in some order, or a picture is broken. The pair trains nothing."),
)
"""(name, label, what it means): boxes of the browser of pairs."""
HELD_OUT_OUTCOMES = (
    ("won", "Checkpoint preferred", "The training's judge preferred the checkpoint's picture in both orders."),
    ("lost", "Start preferred", "It preferred the picture of the generator without the adapter in both orders."),
    ("split", "Neither", "Orders that disagree, or a tie."),
    ("equal", "Equal pictures", "The pictures are equal, pixel by pixel; nobody was asked."),
    ("unanswered", "Never answered", "It gave no answer; the prompt is in no number."),
    ("apart", "Judges differ", "The audit's judge preferred another picture than the training's judge."),
)


@dataclass(frozen=True)
class Blocks:
    """JSON blocks as HTML, with what a page says beside them."""

    html: str
    pairs: int
    comparisons: int
    characters: int
    """That are shown of a judge's words."""


def blocks(pairs: Sequence[PairRow], held_out: Sequence[HeldOutRow], sources: Mapping[str, str]) -> Blocks:
    """Args:
    pairs: by step and number.
    sources: addresses of the images that were to be edited, by the uid of their prompt.
    """
    of_rows = [row.replies for row in pairs] + [row.replies for row in held_out]
    words = [len(reply.text.encode()) for replies in of_rows for reply in replies]
    *longer, shortest = LENGTHS
    for characters in (*(n for n in longer if sum(min(n, length) for length in words) <= TEXT_BYTES), shortest):
        html = _pairs(pairs, sources, characters) + _comparisons(held_out, sources, characters)
        if len(html.encode()) <= TEXT_BYTES:
            break
    return Blocks(html, len(pairs), len({(r.held_out, r.step, r.uid) for r in held_out}), characters)


class ShownPrompt(NamedTuple):
    text: str
    source: str
    """The address of the image that was to be edited; empty where there is none."""


class _Prompts:
    """Each prompt once, by its place."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._places: dict[ShownPrompt, int] = {}

    def place(self, row: PairRow | HeldOutRow) -> int:
        source = self._sources.get(row.uid.partition("-")[0], "")
        return self._places.setdefault(ShownPrompt(one_line(row.prompt, PROMPT), source), len(self._places))

    @property
    def listed(self) -> list[list[str]]:
        return [[text, source] if source else [text] for text, source in self._places]


def _pairs(rows: Sequence[PairRow], sources: Mapping[str, str], characters: int) -> str:
    prompts = _Prompts(sources)
    by_step: dict[int, list[PairRow]] = {}
    for row in rows:
        by_step.setdefault(row.step, []).append(row)
    index = [
        [step, [_outcome(r) for r in members], [prompts.place(r) for r in members]] for step, members in by_step.items()
    ]
    parts = [data_block("pairs-index", {"prompts": prompts.listed, "steps": index})]
    parts += [
        data_block(f"pairs-{step}", [_pair(row, characters) for row in members]) for step, members in by_step.items()
    ]
    return "".join(parts)


def _outcome(row: PairRow) -> int:
    name = "decided" if row.outcome in ("won", "lost") else row.outcome
    return [o for o, _, _ in PAIR_OUTCOMES].index(name)


def _pair(row: PairRow, characters: int) -> dict[str, Any]:
    pair: dict[str, Any] = {
        "uid": row.uid,
        "number": row.number + 1,
        "seconds": row.seconds,
        "replies": _replies(row.replies, characters),
    }
    if row.outcome in ("won", "lost"):
        pair["preferred"] = 0 if row.outcome == "won" else 1
    if row.rewards is not None:
        pair["rewards"] = [*row.rewards]
    if row.error is not None:
        pair["error"] = _failure(row.error)
    if row.pictures[0] == row.pictures[1]:
        pair["equal"] = True
    return pair


def _replies(replies: Iterable[Reply], characters: int) -> list[list[Any]]:
    """[order, status, preferred, words, characters in all where some are left out]"""
    listed: list[list[Any]] = []
    for reply in replies:
        words = cut(reply.text, characters)
        listed.append([[*reply.order], reply.status, reply.preferred, words.text])
        if words.length > characters:
            listed[-1].append(words.length)
    return listed


def _failure(error: Failure) -> str:
    return one_line(f"{error.kind}: {error.message}", 400)


Comparison = tuple[HeldOut, int]
"""A set of prompts, and the step of a checkpoint."""


def _comparisons(rows: Sequence[HeldOutRow], sources: Mapping[str, str], characters: int) -> str:
    prompts = _Prompts(sources)
    groups: dict[Comparison, dict[str, list[HeldOutRow]]] = {}
    # The test first, then the newest checkpoint.
    for row in sorted(rows, key=lambda r: (r.held_out != "test", -r.step, r.uid, r.audit, r.judge)):
        groups.setdefault((row.held_out, row.step), {}).setdefault(row.uid, []).append(row)
    index = [
        [
            held_out,
            step,
            [_flags(of_prompt) for of_prompt in by_uid.values()],
            [prompts.place(of_prompt[0]) for of_prompt in by_uid.values()],
        ]
        for (held_out, step), by_uid in groups.items()
    ]
    parts = [data_block("held-index", {"prompts": prompts.listed, "groups": index})]
    for (held_out, step), by_uid in groups.items():
        entries = [
            {"uid": uid, "judges": [_verdict(row, characters) for row in of_prompt]}
            for uid, of_prompt in by_uid.items()
        ]
        parts.append(data_block(f"held-{held_out}-{step}", entries))
    return "".join(parts)


def _flags(of_prompt: Sequence[HeldOutRow]) -> int:
    """Bits, in the order of HELD_OUT_OUTCOMES."""
    training = [r for r in of_prompt if not r.audit]
    shares = [r.share for r in of_prompt if r.share is not None]
    row = training[0] if training else of_prompt[0]
    holds: Mapping[str, bool] = {
        "won": row.share == 1,
        "lost": row.share == 0,
        "split": row.share is not None and 0 < row.share < 1 and not row.equal,
        "equal": row.equal,
        "unanswered": row.share is None,
        "apart": bool(shares) and min(shares) < 0.5 < max(shares),
    }
    return sum(1 << n for n, (name, _, _) in enumerate(HELD_OUT_OUTCOMES) if holds[name])


def _verdict(row: HeldOutRow, characters: int) -> dict[str, Any]:
    verdict: dict[str, Any] = {
        "judge": plain(row.judge),
        "audit": row.audit,
        "share": row.share,
        "replies": _replies(row.replies, characters),
    }
    if row.equal:
        verdict["equal"] = True
    if row.error is not None:
        verdict["error"] = _failure(row.error)
    return verdict
