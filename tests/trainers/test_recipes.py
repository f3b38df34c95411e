"""Each recipe's --tiny to its end, through TRL's own trainers on CPU; that a model learns is shown by the pipeline's test."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("recipe", "arguments"),
    [
        ("train_sft", ["--tiny", "proxy_sft"]),
        ("train_sft", ["--tiny", "grm_sft"]),
        ("train_grpo", ["proxy_rl", "--tiny"]),
        ("train_grpo", ["grm_rl", "--tiny"]),
    ],
)
def test_tiny_runs_to_its_end(
    recipe: str,
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for needed in ("trl", "datasets"):
        pytest.importorskip(needed, reason="needs TRL; `make test-trainers` runs this")
    monkeypatch.syspath_prepend(ROOT / "examples")
    script = importlib.import_module(recipe)
    for module in {script, importlib.import_module("train_sft")}:
        monkeypatch.setitem(module.TINY, "max_steps", 2)
        monkeypatch.setitem(module.TINY, "logging_steps", 1)
    monkeypatch.setattr(sys, "argv", [recipe, *arguments, "--out", str(tmp_path)])
    script.main()
    said = capsys.readouterr().out
    assert ("'reward'" if recipe == "train_grpo" else "'loss'") in said
    assert (tmp_path / "trained" / "model.safetensors").exists()
    assert (tmp_path / "trained" / "processor_config.json").exists()


@pytest.mark.parametrize("script", ["train_sft.py", "train_grpo.py", "grm_rl_verl.sh"])
def test_help_needs_no_trainer(script: str) -> None:
    """It says what the paper and its scripts set, before anything is installed."""
    path = str(ROOT / "examples" / script)
    command = [sys.executable, path] if script.endswith(".py") else ["bash", path]
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    assert "2603.16600" in done.stdout and "paper" in done.stdout and "--tiny" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grm_rl"], "--tiny alone"),
        (["grm_rl", "x.jsonl", "--model", "m"], "needs its proxy"),
        (["proxy_rl", "x.jsonl", "--model", "m", "--reward", "r.yaml"], "proxy_rl takes neither"),
    ],
)
def test_what_does_not_fit_is_said(arguments: list[str], said: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "train_grpo.py"), *arguments, "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and said in done.stderr
