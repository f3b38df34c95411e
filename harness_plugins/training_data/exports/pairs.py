"""pairs: jsonl rows of the benchmark `pairs`, responses in the order shown, so that `rubric-harness run` can judge a part."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluators.records import Candidate, Media
from harness_plugins.training_data.examples import Example
from harness_plugins.training_data.exports._plain import root_of, write_lines

SUFFIX = ".jsonl"


def write(path: Path, examples: Sequence[Example]) -> None:
    write_lines(path, (_row(e, root_of(path)) for e in examples))


def _row(example: Example, root: Path) -> dict[str, Any]:
    item = example.item
    return {
        "id": item.uid,
        "prompt": item.prompt,
        "media": _paths(item.media, root),
        "candidates": [_candidate(c, root) for c in example.shown],
        "label": example.answer - 1,
        "category": item.benchmark,
        **({"group": f"{item.benchmark}:{item.group}"} if item.group is not None else {}),
    }


def _candidate(candidate: Candidate, root: Path) -> Any:
    if not candidate.media:
        return candidate.text
    return {"text": candidate.text, "media": _paths(candidate.media, root)}


def _paths(media: Sequence[Media], root: Path) -> list[str]:
    """Relative to the set, which is the `media_root` to give."""
    return [os.path.relpath(f.path, root) for m in media for f in m.files]
