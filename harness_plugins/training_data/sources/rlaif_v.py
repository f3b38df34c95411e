"""RLAIF-V: an open model's feedback on two of its answers about an image (arXiv 2405.17220).

Columns: ds_name, image, question, chosen, rejected, origin_dataset, origin_split (JSON: model, feedback, type), idx, image_path.
"""

from __future__ import annotations

from harness_plugins.benchmarks.spec import DatasetSpec
from harness_plugins.training_data.sources._columns import question_and_two as pair

__all__ = ["DATASET", "LICENCE", "pair"]

LICENCE = "CC-BY-NC-4.0"
DATASET = DatasetSpec(id="openbmb/RLAIF-V-Dataset", split="train")
