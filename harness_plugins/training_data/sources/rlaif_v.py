"""RLAIF-V: an open model's feedback on two of its answers about an image (arXiv 2405.17220).

Columns: ds_name, image, question, chosen, rejected, origin_dataset, origin_split (JSON: model, feedback, type), idx, image_path.
"""

from __future__ import annotations

from harness_plugins.benchmarks.sources import Row, RowProblem
from harness_plugins.benchmarks.spec import DatasetSpec
from harness_plugins.training_data.sources._columns import column, mapping_of, text_of, without_placeholders

LICENCE = "CC-BY-NC-4.0"
DATASET = DatasetSpec(id="openbmb/RLAIF-V-Dataset", split="train")
_COLUMNS = "image, question, chosen, rejected, origin_dataset, origin_split, idx"


def pair(row: Row) -> Row:
    image = row.get("image") or row.get("image_path")
    if not image:
        raise RowProblem(f"column 'image' is missing; rows have {_COLUMNS}")
    split = row.get("origin_split")
    kind = (
        mapping_of(split, "origin_split").get("type") if isinstance(split, dict) or str(split).startswith("{") else None
    )
    return {
        "id": str(column(row, "idx", _COLUMNS)),
        "prompt": without_placeholders(text_of(row, "question", _COLUMNS), 1),
        "media": [image],
        "candidates": [text_of(row, "chosen", _COLUMNS), text_of(row, "rejected", _COLUMNS)],
        "label": 0,
        "category": str(kind or row.get("origin_dataset") or ""),
    }
