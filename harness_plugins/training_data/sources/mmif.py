"""MMIF-23k: answers that keep more or fewer of an instruction's constraints (MM-IFEngine, arXiv 2504.07957), its DPO file.

A list of {"images": [path], "conversations": [{"from", "value"}], "chosen": {"from", "value"}, "rejected": {...}}. The images come in
archives beside it, so that `path` (the JSON file) and `media_root` (where they were unpacked) must be given.
"""

from __future__ import annotations

from harness_plugins.benchmarks.sources import Row
from harness_plugins.benchmarks.spec import DatasetSpec
from harness_plugins.training_data.sources._columns import chosen_and_rejected

LICENCE = "Apache-2.0"
DATASET = DatasetSpec(
    id="ChrisDing1105/MMIF-23k", split="train", files=("v2/dpo/mmif_23k_4o_qwen2_5.json",), fetch=False
)


def pair(row: Row) -> Row:
    return chosen_and_rejected(row, "images, conversations, chosen, rejected")
