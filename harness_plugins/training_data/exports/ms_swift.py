"""ms-swift: jsonl with `messages`, `images` as paths, `<image>` in the text, and columns that GRPO gives to its rewards.

The paths are relative to the set: ms-swift looks for them where the environment variable ROOT_IMAGE_DIR says.

Fields are those of ms-swift's "Custom dataset" page. `solution` is the label ("1" or "2"); GRPO passes every further column on to the
reward function. An `<image>` that is part of somebody's text becomes `< image>`, since it would be taken for a place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness_plugins.training_data.examples import Example
from harness_plugins.training_data.exports._plain import facts, flat, path_in, root_of, with_target, write_lines

SUFFIX = ".jsonl"


def write(path: Path, examples: Sequence[Example]) -> None:
    root = root_of(path)
    write_lines(
        path,
        (
            {
                "messages": with_target([*flat(e.messages)], e),
                "images": [path_in(root, f.path) for f in e.files],
                **({"solution": str(e.answer)} if e.target is None else {}),
                **facts(e, root),
            }
            for e in examples
        ),
    )
