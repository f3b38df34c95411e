"""verl: parquet with data_source, prompt, images, ability, reward_model, extra_info; SFT sets with messages and images.

`images` hold the bytes (`{"bytes", "path"}`), which `verl.utils.dataset.vision_utils.process_image` opens; `<image>` in the prompt says
where they are. What a reward needs travels in `extra_info`, images there as paths relative to the set: `rewards.verl` takes its
folder as `data_root`. An `<image>` that is part of somebody's text
becomes `< image>`, since verl splits prompts there.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluators.errors import UserError
from harness_plugins.training_data.examples import Example
from harness_plugins.training_data.exports._plain import TEXT_COLUMNS, facts, flat, path_in, root_of, with_target

SUFFIX = ".parquet"
ROWS = 256
"""Rows a group: as many images as are in memory at a time."""


def check() -> None:
    """Raises:
    UserError: pyarrow is missing.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise UserError(
            "the format verl is parquet and needs pyarrow: pip install 'rubric-harness[datasets]', or leave it out of `formats`"
        )


def write(path: Path, examples: Sequence[Example]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(pa, reinforced=examples[0].target is None)
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(examples), ROWS):
            rows = [_row(e, n, root_of(path)) for n, e in enumerate(examples[start : start + ROWS], start)]
            writer.write_table(pa.Table.from_pylist(rows, schema))


def _row(example: Example, index: int, root: Path) -> dict[str, Any]:
    images = [{"bytes": Path(f.path).read_bytes(), "path": None} for f in example.files]
    shared = {"data_source": f"rubric-harness/{example.part}", "images": images}
    paths = [path_in(root, f.path) for f in example.files]
    extra = {"index": index, "split": "train", **facts(example, root), "images": paths}
    messages = flat(example.messages)
    if example.target is not None:
        return {**shared, "messages": with_target([*messages], example), "extra_info": extra}
    return {
        **shared,
        "prompt": messages,
        "ability": "preference",
        "reward_model": {"style": "rule", "ground_truth": str(example.answer)},
        "extra_info": extra,
    }


def _schema(pa: Any, reinforced: bool) -> Any:
    turns = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    extra = pa.struct(
        [
            ("index", pa.int64()),
            ("answer", pa.int64()),
            ("images", pa.list_(pa.string())),
            *((name, pa.string()) for name in ("split", *TEXT_COLUMNS)),
        ]
    )
    fields = [
        ("data_source", pa.string()),
        ("prompt" if reinforced else "messages", turns),
        ("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))),
    ]
    if reinforced:
        fields.append(("ability", pa.string()))
        fields.append(("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])))
    return pa.schema([*fields, ("extra_info", extra)])
