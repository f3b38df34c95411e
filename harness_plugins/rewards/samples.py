"""A row of a training set as what the reward is about: our record, or plain columns.

A row has either `item` (an Item of ours, as a record or as JSON) and perhaps `saw` (the order in which the policy was shown its
responses), or the columns `question`, `response_1`, `response_2`, `answer` (1 or 2, as shown) and `image` or `images`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from evaluators.errors import UserError
from evaluators.keys import item_uid
from evaluators.records import ORDERS, Candidate, Failure, Item, Label, Media, RecordError, decode, encode
from harness_plugins.rewards.images import BadImage, ImageFiles
from harness_plugins.rewards.proxy import Reward, Sample, leaks_in, read
from harness_plugins.rewards.resources import Openable

COLUMNS = ("question", "response_1", "response_2", "answer")
IMAGES = ("image", "images")
FIELDS = frozenset({*COLUMNS, *IMAGES, "item", "saw"})
"""All that is read of a row."""
BENCHMARK = "training"
"""What items made of columns are filed under."""


class CompletionReward(Openable, Protocol):
    """Whatever rewards completions: `ProxyReward` here, `RewardClient` over a server."""

    async def score(self, samples: Sequence[Sample], /) -> list[Reward]: ...

    def forget(self, paths: Collection[str]) -> None: ...


async def score_rows(
    reward: CompletionReward, rows: Sequence[Mapping[str, Any]], completions: Sequence[str]
) -> list[Reward]:
    """The rewards of completions on rows, in order. A row with a broken picture is masked, with the failure `image`.

    Raises:
        UserError: a row has not the columns that it needs.
    """
    with ImageFiles() as files:

        def samples_of_rows() -> list[Sample | Reward]:
            files.prepare(p for row in rows if row.get("item") is None for p in pictures_of(row))
            return [_sample_or_reward(r, c, files) for r, c in zip(rows, completions, strict=True)]

        samples = await asyncio.to_thread(samples_of_rows)
        try:
            scored = iter(await reward.score([m for m in samples if isinstance(m, Sample)]))
        finally:
            reward.forget(files.paths)
        return [next(scored) if isinstance(m, Sample) else m for m in samples]


def _sample_or_reward(row: Mapping[str, Any], completion: str, files: ImageFiles) -> Sample | Reward:
    try:
        return sample_of(row, completion, files)
    except BadImage as e:
        without = sample_of({k: v for k, v in row.items() if k not in IMAGES}, completion, files)
        return masked(without, Failure("image", str(e)))


def masked(sample: Sample, error: Failure) -> Reward:
    """The reward of a sample for which the proxy never answered."""
    draft, answer = read(sample)
    return Reward(
        None,
        answer,
        "error",
        not draft.violations,
        draft.violations,
        error,
        leaks=leaks_in(sample, draft),
        has_rubric=bool(draft.rubric),
    )


def sample_of(row: Mapping[str, Any], completion: str, files: ImageFiles, finish_reason: str | None = None) -> Sample:
    """Raises:
    BadImage: one of its pictures is broken.
    UserError: it has not the columns that it needs, or they do not hold what they must.
    """
    if row.get("item") is not None:
        item, saw = _record(row["item"]), str(row.get("saw") or "AB")
        if saw not in ORDERS:
            raise UserError(f"{item.uid}: `saw` is {saw!r}; it is AB (canonical order) or BA")
        return Sample(item, saw, completion, finish_reason)
    missing = [c for c in COLUMNS if row.get(c) is None]
    if missing:
        present = ", ".join(sorted(k for k, v in row.items() if v is not None)) or "none"
        raise UserError(
            f"the reward needs the columns {', '.join(COLUMNS)} and image or images, or one `item` with our record: "
            f"{', '.join(missing)} is missing; there are: {present}"
        )
    question, texts = str(row["question"]), (str(row["response_1"]), str(row["response_2"]))
    images = tuple(files.media(i) for i in pictures_of(row))
    return Sample(pair(question, texts, position(row["answer"]), images), "AB", completion, finish_reason)


def pair(
    question: str,
    responses: Sequence[str | Candidate],
    answer: Literal[1, 2],
    images: tuple[Media, ...] = (),
    criterion: str | None = None,
) -> Item:
    """An item whose canonical order is the order shown."""
    first, second = (Candidate(r) if isinstance(r, str) else r for r in responses)
    names = [m.name for m in images]
    uid = item_uid(BENCHMARK, "/".join(names), question, (first, second), criterion)
    label = Label(preferred=answer - 1)
    return Item(uid, BENCHMARK, "", 0, question, (first, second), (0, 1), label, images, criterion=criterion)


def resolved(row: Mapping[str, Any], root: Path, present_first: bool = False) -> dict[str, Any]:
    """The same row with its paths made absolute: sets name images relative to their own folder.

    Args:
        root: the set's folder.
        present_first: a path that leads to a file from here stays as it is.
    """

    def at(path: str) -> str:
        stays = path.startswith("data:") or (present_first and os.path.exists(path))
        return path if stays else os.path.join(root, path)

    def picture(value: Any) -> Any:
        if isinstance(value, str):
            return at(value)
        if isinstance(value, Mapping) and not value.get("bytes") and value.get("path"):
            return {**value, "path": at(value["path"])}
        return [picture(v) for v in value] if isinstance(value, list | tuple) else value

    moved = {k: picture(v) if k in IMAGES else v for k, v in row.items()}
    if row.get("item") is not None:
        moved["item"] = encode(_record(row["item"]).with_paths(at)).decode().rstrip()
    return moved


def pictures_of(row: Mapping[str, Any]) -> list[Any]:
    """The pictures of `image` and `images`, whichever the row has."""
    pictures: list[Any] = []
    for column in IMAGES:
        value = row.get(column)
        if value is not None:
            pictures += value if isinstance(value, list | tuple) else [value]
    return [v for v in pictures if v is not None]


def position(answer: Any) -> Literal[1, 2]:
    """1 or 2, from a number or its text.

    Raises:
        UserError: it is neither.
    """
    text = str(answer).strip() if not isinstance(answer, bool) else ""
    if text in ("1", "1.0"):  # a column with gaps is one of floats
        return 1
    if text in ("2", "2.0"):
        return 2
    raise UserError(f"`answer` is {answer!r}; it is 1 or 2, the response that is preferred as it was shown")


def _record(value: Any) -> Item:
    if isinstance(value, Item):
        return value
    try:
        return decode(Item, value.encode() if isinstance(value, str) else value)
    except RecordError as e:
        raise UserError(f"`item` is not the record of an item: {e}") from None
