"""RLHF-V: answers about an image whose hallucinations people corrected (arXiv 2312.00849).

LLaMA-Factory's copy, which Proxy-GRM names, has conversations, chosen, rejected, images and no ids. The original
(openbmb/RLHF-V-Dataset) has image, text (JSON: question, chosen, rejected), origin_dataset, origin_split, idx, image_path; its
rows are read as well.
"""

from __future__ import annotations

from harness_plugins.benchmarks.sources import Row
from harness_plugins.benchmarks.spec import DatasetSpec
from harness_plugins.training_data.sources._columns import chosen_and_rejected, mapping_of, question_and_two

LICENCE = "CC-BY-NC-4.0"
DATASET = DatasetSpec(id="llamafactory/RLHF-V", split="train")


def pair(row: Row) -> Row:
    if row.get("text") is not None:
        return question_and_two({**row, **mapping_of(row["text"], "text")})
    return chosen_and_rejected(row, "conversations, chosen, rejected, images")
