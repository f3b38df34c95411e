"""TRL: jsonl with `messages` (SFT) or `prompt` (GRPO) as typed parts, `images` as paths, and the columns of a reward.

`load` gives a `datasets.Dataset` that SFTTrainer and GRPOTrainer take as it is. Content is a list of parts, `{"type": "image"}` where
an image is, which TRL (`data_utils.prepare_multimodal_messages`) fills from `images` in order. A set without any image has no
column `images`: TRL would want a vision model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import orjson

from evaluators.messages import Image, Message
from harness_plugins.training_data.examples import Example
from harness_plugins.training_data.exports._plain import facts, images_compared, write_lines

SUFFIX = ".jsonl"


def write(path: Path, examples: Sequence[Example]) -> None:
    pictured = any(e.files for e in examples)
    recorded = any(map(images_compared, examples))
    write_lines(path, (_row(e, pictured, recorded) for e in examples))


def _row(example: Example, pictured: bool, recorded: bool) -> dict[str, Any]:
    messages = [_message(m) for m in example.messages]
    if example.target is not None:
        messages.append({"role": "assistant", "content": [{"type": "text", "text": example.target}]})
    images = {"images": [f.path for f in example.files]} if pictured else {}
    return {"prompt" if example.target is None else "messages": messages, **images, **facts(example, recorded)}


def _message(message: Message) -> dict[str, Any]:
    parts = [{"type": "image"} if isinstance(p, Image) else {"type": "text", "text": p.text} for p in message.parts]
    return {"role": message.role, "content": parts}


def load(path: Path | str, form: Literal["messages", "prompt_completion"] = "messages") -> Any:
    """A part as a `datasets.Dataset`, its images decoded when they are asked for.

    Args:
        form: SFT sets with `messages`, or with `prompt` and `completion`, of which TRL trains on the completion alone.

    Raises:
        ImportError: `datasets` is not installed (`pip install 'rubric-harness[datasets]'`).
    """
    import datasets

    with open(path, "rb") as f:
        columns = orjson.loads(f.readline() or b"{}")
    features = {c: _FORMS.get(c, "string") for c in columns}  # said: a guess from the first rows breaks on later ones
    dataset = datasets.Dataset.from_json(str(path), features=datasets.Features(_typed(features, datasets.Value)))
    if "images" in dataset.column_names:
        listed = getattr(datasets, "List", None) or datasets.Sequence  # its name before datasets 4
        dataset = dataset.cast_column("images", listed(datasets.Image()))
    if form == "prompt_completion" and "messages" in dataset.column_names:
        dataset = dataset.map(_split, input_columns=["messages"], remove_columns=["messages"])
    return dataset


_TURNS = [{"role": "string", "content": [{"type": "string", "text": "string"}]}]
_FORMS: dict[str, Any] = {"messages": _TURNS, "prompt": _TURNS, "images": ["string"], "answer": "int64"}


def _typed(form: Any, value: Any) -> Any:
    """A form with a feature in place of each type's name."""
    if isinstance(form, dict):
        return {k: _typed(v, value) for k, v in form.items()}
    return [_typed(form[0], value)] if isinstance(form, list) else value(form)


def _split(messages: list[Any]) -> dict[str, list[Any]]:
    return {"prompt": messages[:-1], "completion": messages[-1:]}
