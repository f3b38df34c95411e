"""Which rows fit into a model, for the recipes beside this file.

A trainer cuts off what is longer, and with it the answer: such a row has a loss of 0.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

MANY = 1000
"""Rows from which on several processes count."""


def short_enough(rows: Any, processor: Any, most: int, option: str) -> Any:
    """The rows of at most so many tokens, those of their images included; how many are left out is printed.

    Args:
        rows: a dataset with `prompt`, perhaps `completion` and `images`.
        option: what sets the limit, for messages.

    Raises:
        SystemExit: no row is left.
    """
    processes = min(8, os.cpu_count() or 1) if len(rows) >= MANY else None
    counted = rows.map(
        lambda row: {"tokens": tokens(row, processor)}, remove_columns=rows.column_names, num_proc=processes
    )
    lengths = counted["tokens"]
    fitting = [n for n, length in enumerate(lengths) if length <= most]
    if len(fitting) < len(rows):
        count = f"{len(rows) - len(fitting):,} of {len(rows):,} rows"
        left_out = f"{count} have more than {most:,} tokens ({option}; the longest {max(lengths):,})"
        if not fitting:
            sys.exit(f"{left_out}: nothing is left to train on; raise {option} or lower --max-pixels")
        print(f"{left_out} and are left out")
    return rows.select(fitting)


def tokens(row: Mapping[str, Any], processor: Any) -> int:
    """What the model reads of a row, completion included."""
    messages = [_message(m) for m in (*row["prompt"], *(row.get("completion") or ()))]
    text = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt="completion" not in row)
    images = {"images": row["images"]} if row.get("images") else {}
    return len(processor(text=[text], **images)["input_ids"][0])


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    """Without the empty texts that a table gives to parts that are images."""
    return {**message, "content": [{k: v for k, v in part.items() if v is not None} for part in message["content"]]}
