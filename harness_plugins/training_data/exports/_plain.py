"""What the formats share: a prompt as one text with `<image>` where images are, and lines of JSON."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from evaluators.messages import Image, Message
from harness_plugins.training_data.examples import Example

_MARKERS = re.compile(r"<(?=(?:image|video|audio|bbox|ref-object)>)", re.I)


def without_markers(text: str) -> str:
    """A text in which nothing is taken for a place of an image: `<image>` becomes `< image>`."""
    return _MARKERS.sub("< ", text)


def flat(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    """Messages whose content is one text; each image becomes `<image>` on a line of its own."""
    return [
        {
            "role": m.role,
            "content": "\n".join("<image>" if isinstance(p, Image) else without_markers(p.text) for p in m.parts),
        }
        for m in messages
    ]


def with_target(messages: list[dict[str, Any]], example: Example) -> list[dict[str, Any]]:
    """The same with what the model is to say, if anything."""
    if example.target is None:
        return messages
    return [*messages, {"role": "assistant", "content": without_markers(example.target)}]


def images_compared(example: Example) -> bool:
    """Whether images are compared, which no column of texts can say."""
    return any(c.media for c in example.item.candidates)


TEXT_COLUMNS = ("uid", "source", "order", "question", "response_1", "response_2", "rubric", "item", "saw")
"""All that `facts` may give, but for the number `answer`."""


def root_of(path: Path) -> Path:
    """The set that a file of examples belongs to: `SET/<format>/<part>.jsonl`."""
    return Path(os.path.abspath(path)).parent.parent  # without `..`, as the files' paths are


def path_in(root: Path, file: str) -> str:
    """A file's path as rows name it: relative to the set, so that this can be moved; absolute where the file lies elsewhere."""
    absolute = Path(os.path.abspath(file))
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else str(absolute)


def facts(example: Example, root: Path, recorded: bool = False) -> dict[str, Any]:
    """The columns that a reward needs (`rewards.samples`), and where an example came from.

    Args:
        root: the set's folder, to which the paths are relative.
        recorded: with the columns of those whose images are compared, so that all rows have the same.
    """
    first, second = example.shown
    columns = {
        "uid": example.item.uid,
        "source": example.item.benchmark,
        "order": example.order,
        "question": example.item.prompt,
        "response_1": first.text,
        "response_2": second.text,
        "answer": example.answer,
    }
    if images_compared(example):
        item = example.item.with_paths(lambda file: path_in(root, file))
        columns |= {"item": orjson.dumps(item).decode(), "saw": example.order}
    elif recorded:
        columns |= {"item": None, "saw": None}
    return columns if example.rubric is None else {**columns, "rubric": example.rubric}


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """A file of JSON lines."""
    with open(path, "wb") as f:
        for row in rows:
            f.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
