"""pairs: jsonl rows of the benchmark `pairs`, responses in the order shown, so that `rubric-harness run` can judge a part."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluators.records import Candidate, Media
from harness_plugins.training_data.examples import Example
from harness_plugins.training_data.exports._plain import write_lines

SUFFIX = ".jsonl"


def write(path: Path, examples: Sequence[Example]) -> None:
    write_lines(path, (_row(e, path.parent) for e in examples))


def _row(example: Example, folder: Path) -> dict[str, Any]:
    item = example.item
    return {
        "id": item.uid,
        "prompt": item.prompt,
        "media": _paths(item.media, folder),
        "candidates": [_candidate(c, folder) for c in example.shown],
        "label": example.answer - 1,
        "category": item.benchmark,
        **({"group": f"{item.benchmark}:{item.group}"} if item.group is not None else {}),
    }


def _candidate(candidate: Candidate, folder: Path) -> Any:
    if not candidate.media:
        return candidate.text
    return {"text": candidate.text, "media": _paths(candidate.media, folder)}


def _paths(media: Sequence[Media], folder: Path) -> list[str]:
    """Relative to the output folder, which is the `media_root` to give."""
    return [os.path.relpath(f.path, folder.parent) for m in media for f in m.files]
