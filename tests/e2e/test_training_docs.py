"""docs/training.md holds the tables that the recipes' own values give."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples")


def module(name: str) -> Any:
    return importlib.import_module(name)


@pytest.mark.parametrize("stage", ["sft", "grpo"])
def test_each_value_stands_beside_the_scripts_and_the_papers(stage: str) -> None:
    differences = module("differences")
    rows = getattr(differences, stage)()
    assert differences.table(rows) in PAGE, "python examples/differences.py gives the tables of today"
    assert any(row.paper for row in rows) and all(
        row.why for row in rows if not row.same and "masked" not in str(row.recipe)
    )


def test_memory_is_computed() -> None:
    memory = module("memory")
    assert memory.table() in PAGE, "python examples/memory.py gives the table of today"


def test_weights_and_states_of_zero_are_those_of_its_paper() -> None:
    """ZeRO (arXiv 1910.02054): 16 bytes a parameter, of which stage 2 divides 14 and stage 3 all; here for SFT."""
    memory = module("memory")
    for sharding, bytes_a_parameter in (("zero2", 2 + 14 / 4), ("zero3", 16 / 4), ("lora", 2)):
        setting = memory.Setting("SFT", memory.QWEN_7B, 4, sharding, 1, 1, 1)
        assert setting.states() == pytest.approx(bytes_a_parameter * memory.QWEN_7B.parameters)


def test_a_step_is_the_same_whatever_fits_at_a_time() -> None:
    grpo = module("train_grpo")
    for processes, micro in ((8, 2), (4, 2), (4, 1), (8, 8)):
        sizes = grpo.batches(8, processes, micro)
        together = sizes["per_device_train_batch_size"] * processes
        assert together * sizes["steps_per_generation"] == 256 * 8
        assert together * sizes["gradient_accumulation_steps"] == 128 * 8
    with pytest.raises(SystemExit, match="choose another --micro"):
        grpo.batches(7, 8, 3)
