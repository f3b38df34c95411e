"""TRL: jsonl with `messages` (SFT) or `prompt` (GRPO) as typed parts, `images` as paths, and the columns of a reward.

Paths are relative to the set. `load` gives a `datasets.Dataset` that SFTTrainer and GRPOTrainer take as it is. Content is a list of
parts, `{"type": "image"}` where an image is, which TRL (`data_utils.prepare_multimodal_messages`) fills from `images` in order. A set
without any image has no column `images`: TRL would want a vision model.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import orjson

from evaluators.errors import UserError
from evaluators.messages import Image, Message
from harness_plugins.rewards.samples import resolved
from harness_plugins.training_data.examples import Example
from harness_plugins.training_data.exports._plain import facts, images_compared, path_in, root_of, write_lines

SUFFIX = ".jsonl"


def write(path: Path, examples: Sequence[Example]) -> None:
    pictured = any(e.files for e in examples)
    recorded = any(map(images_compared, examples))
    root = root_of(path)
    write_lines(path, (_row(e, root, pictured, recorded) for e in examples))


def _row(example: Example, root: Path, pictured: bool, recorded: bool) -> dict[str, Any]:
    messages = [_message(m) for m in example.messages]
    if example.target is not None:
        messages.append({"role": "assistant", "content": [{"type": "text", "text": example.target}]})
    images = {"images": [path_in(root, f.path) for f in example.files]} if pictured else {}
    return {"prompt" if example.target is None else "messages": messages, **images, **facts(example, root, recorded)}


def _message(message: Message) -> dict[str, Any]:
    parts = [{"type": "image"} if isinstance(p, Image) else {"type": "text", "text": p.text} for p in message.parts]
    return {"role": message.role, "content": parts}


def load(path: Path | str, form: Literal["messages", "prompt_completion"] = "messages") -> Any:
    """A part as a `datasets.Dataset`, its images decoded when they are asked for.

    Args:
        path: the file in its set: images are looked for beside it, wherever the set was moved or copied to.
        form: SFT sets with `messages`, or with `prompt` and `completion`, of which TRL trains on the completion alone.

    Raises:
        ImportError: `datasets` is not installed (`pip install 'rubric-harness[datasets]'`).
        UserError: an image is not there.
    """
    import datasets

    with open(path, "rb") as f:
        columns = orjson.loads(f.readline() or b"{}")
    features = {c: _FORMS.get(c, "string") for c in columns}  # said: a guess from the first rows breaks on later ones
    dataset = datasets.Dataset.from_json(str(path), features=datasets.Features(_typed(features, datasets.Value)))
    if {"images", "item"} & set(dataset.column_names):
        dataset = dataset.map(_resolved, fn_kwargs={"root": str(root_of(Path(path)))})
    if "images" in dataset.column_names:
        _check_images(dataset["images"])
        listed = getattr(datasets, "List", None) or datasets.Sequence  # its name before datasets 4
        dataset = dataset.cast_column("images", listed(datasets.Image()))
    if form == "prompt_completion" and "messages" in dataset.column_names:
        dataset = dataset.map(_split, input_columns=["messages"], remove_columns=["messages"])
    return dataset


def _resolved(row: dict[str, Any], root: str) -> dict[str, Any]:
    return resolved(row, Path(root))


def _check_images(rows: Iterable[Sequence[str] | None]) -> None:
    """Not where the paths are made: `datasets` keeps what that gave, and does it once."""
    missing = next((i for images in rows for i in images or () if not os.path.exists(i)), None)
    if missing is not None:
        raise UserError(
            f"{missing}: no such image; a set is moved as a whole, with `images/` beside the folders of its formats"
        )


_TURNS = [{"role": "string", "content": [{"type": "string", "text": "string"}]}]
_FORMS: dict[str, Any] = {"messages": _TURNS, "prompt": _TURNS, "images": ["string"], "answer": "int64"}


def _typed(form: Any, value: Any) -> Any:
    """A form with a feature in place of each type's name."""
    if isinstance(form, dict):
        return {k: _typed(v, value) for k, v in form.items()}
    return [_typed(form[0], value)] if isinstance(form, list) else value(form)


def _split(messages: list[Any]) -> dict[str, list[Any]]:
    return {"prompt": messages[:-1], "completion": messages[-1:]}
