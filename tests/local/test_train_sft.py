"""The SFT recipe to its end, through TRL's own trainer: bundled pairs, a scripted teacher, a random model, on CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize("part", ["proxy_sft", "grm_sft"])
def test_the_recipe_runs_to_its_end(part: str, tmp_path: Path) -> None:
    for needed in ("trl", "datasets", "torch"):
        pytest.importorskip(needed, reason="needs TRL: pip install '.[datasets,hf]' 'trl>=1.10,<2'")
    command = [sys.executable, str(ROOT / "examples" / "train_sft.py"), "--tiny", part, "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr[-3000:]

    losses = [line for line in done.stdout.splitlines() if "'loss'" in line]
    assert losses and "eval_loss" in done.stdout
    assert (tmp_path / "trained" / "model.safetensors").exists() and (
        tmp_path / "trained" / "processor_config.json"
    ).exists()
