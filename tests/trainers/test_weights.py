"""Whether training moves the weights: fp32 weights move, bf16 weights hardly, and the recipes refuse those."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.heavy
pytest.importorskip("trl", reason="needs TRL; `make test-trainers` runs this")
torch = pytest.importorskip("torch")


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "examples")
    return importlib.import_module("weights")


def trained(weights: Any, folder: Path, dtype: Any) -> float:
    """Ten steps of a trainer's own AdamW at the scripts' learning rate; the share that moved."""
    from datasets import Dataset
    from transformers import Trainer, TrainingArguments

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layer = torch.nn.Linear(64, 64, dtype=dtype)
            torch.nn.init.normal_(self.layer.weight, std=0.02)

        def forward(self, x: Any) -> Any:
            out = self.layer(x.to(dtype)).float()
            return {"loss": (out - x).square().mean()}

    rows = Dataset.from_dict({"x": torch.randn(80, 64, generator=torch.Generator().manual_seed(0)).tolist()})
    settings = {
        "learning_rate": 5e-6,
        "max_steps": 10,
        "per_device_train_batch_size": 8,
        "lr_scheduler_type": "constant",
    }
    arguments = TrainingArguments(
        str(folder), use_cpu=True, report_to="none", save_strategy="no", remove_unused_columns=False, **settings
    )
    moved = weights.WeightsMoved()
    Trainer(Model(), arguments, train_dataset=rows.with_format("torch"), callbacks=[moved]).train()
    assert moved.share is not None
    return float(moved.share)


def test_fp32_weights_move_and_bf16_weights_hardly(
    weights: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trained(weights, tmp_path, torch.float32) > 0.95
    assert "warning" not in capsys.readouterr().out
    assert trained(weights, tmp_path, torch.bfloat16) < 0.4
    assert "at step 10" in (said := capsys.readouterr().out) and "warning: that is few" in said


def test_weights_of_16_bits_are_refused_where_nobody_keeps_a_copy(weights: Any) -> None:
    model = torch.nn.Linear(2, 2, dtype=torch.bfloat16)
    with pytest.raises(SystemExit, match=r"2 trainable tensors .* Load the model with dtype float32"):
        weights.check_master_weights(model)
    weights.check_master_weights(model, deepspeed=True)
    weights.check_master_weights(torch.nn.Linear(2, 2))
    weights.check_master_weights(model.requires_grad_(False))


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "accelerate").glob("*.yaml")), ids=lambda path: path.stem)
def test_accelerate_takes_the_configs(path: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(path))
    assert config.mixed_precision == "bf16" and config.num_processes > 1
    kinds = {"zero2": "DEEPSPEED", "zero3": "DEEPSPEED", "fsdp": "FSDP"}
    assert config.distributed_type == kinds[path.stem]
    assert f"--config_file examples/accelerate/{path.name}" in path.read_text()
