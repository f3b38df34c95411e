"""What the layouts share: columns that must be there, image placeholders in a prompt, ShareGPT turns."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from evaluators.inputs.files import loads
from harness_plugins.benchmarks.sources import Row, RowProblem

_PLACEHOLDER = re.compile(r"\s*<image>\s*", re.I)


def column(row: Row, name: str, columns: str) -> Any:
    """A column's value.

    Raises:
        RowProblem: it is not there; `columns` says which ones the layout has.
    """
    if row.get(name) is None:
        raise RowProblem(f"column {name!r} is missing; rows have {columns}")
    return row[name]


def text_of(row: Row, name: str, columns: str) -> str:
    """A column that holds a text."""
    value = column(row, name, columns)
    if not isinstance(value, str):
        raise RowProblem(f"{name!r} must be a text, not {type(value).__name__}")
    return value


def mapping_of(value: Any, name: str) -> dict[str, Any]:
    """A mapping, also one that is stored as JSON text."""
    if isinstance(value, str):
        try:
            value = loads(value)
        except ValueError as e:
            raise RowProblem(f"{name!r} is not valid JSON ({e})") from None
    if not isinstance(value, dict):
        raise RowProblem(f"{name!r} must be a mapping, not {type(value).__name__}")
    return value


def without_placeholders(prompt: str, images: int) -> str:
    """A prompt without the literal `<image>` that says where its image was.

    Of several images those that are inside the text become "(image k)", as they are numbered where they are shown.

    Raises:
        RowProblem: there are more placeholders than images.
    """
    placeholders = list(_PLACEHOLDER.finditer(prompt))
    if len(placeholders) > images:
        raise RowProblem(
            f"the prompt has {len(placeholders)} times <image>, and the row {images or 'no'} images: restore them or remove the row"
        )
    if len(placeholders) <= 1:
        return _PLACEHOLDER.sub("\n", prompt).strip()
    number = iter(range(1, len(placeholders) + 1))
    return re.sub(r"<image>", lambda _: f"(image {next(number)})", prompt, flags=re.I).strip()


class Turn(NamedTuple):
    who: str
    text: str


def turns(value: Any, name: str = "conversations") -> list[Turn]:
    """ShareGPT turns.

    Raises:
        RowProblem: it is not a list of {"from", "value"} (or {"role", "content"}).
    """
    dialogue = []
    for entry in value if isinstance(value, list | tuple) else [value]:
        who, text = (
            (entry.get("from") or entry.get("role"), entry.get("value") or entry.get("content"))
            if isinstance(entry, dict)
            else ("", "")
        )
        if not isinstance(who, str) or not isinstance(text, str) or not text:
            raise RowProblem(f'{name!r} must hold turns such as {{"from": "human", "value": "..."}}')
        dialogue.append(Turn(who, text))
    return dialogue


def chosen_and_rejected(row: Row, columns: str, category: str = "") -> Row:
    """A row of `conversations`, `chosen`, `rejected` and `images` (LLaMA-Factory's ranking form) as a row of `pairs`."""
    dialogue = turns(column(row, "conversations", columns))
    if len(dialogue) != 1:
        raise RowProblem(
            f"'conversations' has {len(dialogue)} turns; a pair answers one question: split or remove the row"
        )
    answers = []
    for name in ("chosen", "rejected"):
        value = column(row, name, columns)
        reply_turns = [Turn("", value)] if isinstance(value, str) else turns(value, name)
        if not reply_turns or not reply_turns[-1].text:
            raise RowProblem(f"{name!r} is empty: fix or remove the row")
        answers.append(reply_turns[-1].text)
    images = row.get("images") if row.get("images") is not None else row.get("image")
    media = list(images) if isinstance(images, list | tuple) else [images] if images else []
    pair_row: Row = {
        "prompt": without_placeholders(dialogue[0].text, len(media)),
        "media": media,
        "candidates": answers,
        "label": 0,
        "category": category,
    }
    return pair_row | ({"id": str(row["id"])} if row.get("id") not in (None, "") else {})


_RLAIF_V = "image, question, chosen, rejected, origin_dataset, origin_split, idx"


def question_and_two(row: Row) -> Row:
    """A row of image, question, chosen and rejected, as RLAIF-V has them and, inside its `text`, RLHF-V's original."""
    image = row.get("image") or row.get("image_path")
    if not image:
        raise RowProblem(f"column 'image' is missing; rows have {_RLAIF_V}")
    split = row.get("origin_split")
    kind = (
        mapping_of(split, "origin_split").get("type") if isinstance(split, dict) or str(split).startswith("{") else None
    )
    return {
        "id": str(column(row, "idx", _RLAIF_V)),
        "prompt": without_placeholders(text_of(row, "question", _RLAIF_V), 1),
        "media": [image],
        "candidates": [text_of(row, "chosen", _RLAIF_V), text_of(row, "rejected", _RLAIF_V)],
        "label": 0,
        "category": str(kind or row.get("origin_dataset") or ""),
    }
