"""Each recipe's --tiny to its end, through TRL's own trainers on CPU; that a model learns is shown by the pipeline's test."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import UserError
from harness_plugins import compare
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
        (["proxy_rl", "x.jsonl", "--model", "m"], "x.jsonl: no such file; `rubric-harness data` writes it"),
    ],
)
def test_what_does_not_fit_is_said(arguments: list[str], said: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "train_grpo.py"), *arguments, "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and said in done.stderr


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ("accelerate", "the package accelerate is not installed; run: pip install"),
        ("evaluators", "the package evaluators is not"),
    ],
)
def test_a_package_that_is_missing_is_one_line(package: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("{}\n")
    recipe = str(ROOT / "examples" / "train_grpo.py")
    script = f"import sys, runpy; sys.modules[{package!r}] = None; runpy.run_path({recipe!r}, run_name='__main__')"
    arguments = ["proxy_rl", str(tmp_path / "x.jsonl"), "--model", "m", "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "examples")}
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, env=environment)
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr, done.stderr


@pytest.mark.heavy
@pytest.mark.parametrize("config", ["proxy_grm: {proxy: {name: p}}", "rpo: 5"])
def test_a_reward_or_a_model_that_does_not_fit_is_one_line(config: str, tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="needs TRL; `make test-trainers` runs this")
    (tmp_path / "x.jsonl").write_text("{}\n")
    (tmp_path / "reward.yaml").write_text(config)
    command = [sys.executable, str(ROOT / "examples" / "train_grpo.py"), "grm_rl", str(tmp_path / "x.jsonl"), "--model"]
    command += [str(tmp_path / "none"), "--reward", str(tmp_path / "reward.yaml"), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "reward.yaml: line 1" in done.stderr and "Traceback" not in done.stderr, done.stderr


@pytest.fixture
def sft(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script, as a module."""
    for needed in ("trl", "datasets"):
        pytest.importorskip(needed, reason="needs TRL; `make test-trainers` runs this")
    monkeypatch.syspath_prepend(ROOT / "examples")
    return importlib.import_module("train_sft")


@pytest.mark.heavy
def test_rows_that_do_not_fit_are_left_out_and_counted(
    sft: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers import AutoProcessor

    from harness_plugins.training_data.exports import trl

    rows = importlib.import_module("rows")
    data = sft.tiny_data(tmp_path / "data")
    processor = AutoProcessor.from_pretrained(sft.tiny_model(data, tmp_path / "random"))
    part = trl.load(data / "grm_sft.jsonl", "prompt_completion")
    lengths = sorted(rows.tokens(row, processor) for row in part)
    assert lengths[0] < lengths[-1], "of different lengths"
    assert len(rows.short_enough(part, processor, lengths[-1], "--max-length")) == len(part)
    assert "left out" not in capsys.readouterr().out
    fitting = rows.short_enough(part, processor, lengths[-1] - 1, "--max-length")
    assert 0 < len(fitting) < len(part)
    assert f"(--max-length; the longest {lengths[-1]:,}) and are left out" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="nothing is left to train on; raise --max-length"):
        rows.short_enough(part, processor, 1, "--max-length")
    prompts = trl.load(data / "grm_rl.jsonl")
    assert all(rows.tokens(row, processor) > 10 for row in prompts)


KILLED = """
import sys
from pathlib import Path
import train_sft
train_sft.train(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), train_sft.TINY_PIXELS, **train_sft.TINY | {settings!r})
"""


@pytest.mark.heavy
def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    sft: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import load_file

    data = sft.tiny_data(tmp_path / "data") / "proxy_sft.jsonl"
    model = sft.tiny_model(data.parent, tmp_path / "random")
    settings = {"max_steps": 12, "save_strategy": "steps", "save_steps": 4, "logging_steps": 4}
    sft.train(data, model, tmp_path / "whole", sft.TINY_PIXELS, **sft.TINY | settings)

    script = KILLED.format(settings=settings)
    # As many threads as this process has since `tiny_model`: sums are made in another order by more.
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'examples'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", script, str(data), model, str(tmp_path / "killed")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (tmp_path / "killed" / "checkpoint-4" / "trainer_state.json").exists():
            assert process.poll() is None, "it ended before its first checkpoint"
            time.sleep(0.02)
        process.kill()
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    capsys.readouterr()
    sft.train(data, model, tmp_path / "killed", sft.TINY_PIXELS, resume=True, **sft.TINY | settings)
    assert "going on from" in capsys.readouterr().out
    whole, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert whole.keys() == resumed.keys() and all(bool((whole[k] == resumed[k]).all()) for k in whole)


@pytest.mark.heavy
def test_an_adapter_is_trained_alone(sft: Any, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    data = sft.tiny_data(tmp_path / "data") / "proxy_sft.jsonl"
    model = sft.tiny_model(data.parent, tmp_path / "random")
    sft.train(data, model, tmp_path / "out", sft.TINY_PIXELS, rank=4, **sft.TINY | {"max_steps": 2})
    assert (tmp_path / "out" / "adapter_model.safetensors").exists()
    assert not (tmp_path / "out" / "model.safetensors").exists()


EVALUATION = """
benchmarks: [{name: demo, limit: 3}]
writers: [{name: grm, method: proxy_grm, backend: hf, model: checkpoint, max_tokens: 16, model_args: {dtype: float32}}]
judges: [longest, lexical]
"""


@pytest.mark.heavy
def test_a_checkpoint_is_compared_with_the_start(
    sft: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "eval.yaml").write_text(EVALUATION)
    for name, value in {"max_steps": 2, "logging_steps": 1}.items():
        monkeypatch.setitem(sft.TINY, name, value)
    arguments = ["--tiny", "grm_sft", "--eval", str(tmp_path / "eval.yaml"), "--eval-every", "1"]
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    arguments += ["--report-to", "tensorboard"]
    monkeypatch.setattr(sys, "argv", ["train_sft", *arguments, "--out", str(tmp_path / "out")])
    stale = tmp_path / "out" / "evals" / "step-9"
    stale.mkdir(parents=True)
    sft.main()
    printed = capsys.readouterr().out
    folders = sorted(p.name for p in (tmp_path / "out" / "evals").iterdir())
    assert folders == ["step-0", "step-1", "step-2"], "and no copy of the model"
    assert "step 1 against the start: " in printed and "step 2 against the start: " in printed
    events = accumulator.EventAccumulator(str(tmp_path / "out" / "tensorboard" / "rubric-harness" / "out"))
    events.Reload()
    tags = events.Tags()
    assert {"loss", "transfer/minus_start/demo/grm"} <= set(tags["scalars"]) and "transfer/text_summary" in tags[
        "tensors"
    ]
    comparison = compare(tmp_path / "out" / "evals" / "step-0", tmp_path / "out" / "evals" / "step-2")
    assert [m.benchmark for m in comparison.matched] == ["demo"] or comparison.not_comparable


@pytest.mark.heavy
def test_a_judge_that_is_away_does_not_end_the_training(
    sft: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away = "{name: away, backend: openai, model: m, base_url: 'http://127.0.0.1:9/v1', retries: 0}"
    (tmp_path / "eval.yaml").write_text(EVALUATION.replace("[longest, lexical]", f"[{away}]"))
    monkeypatch.setitem(sft.TINY, "max_steps", 1)
    arguments = ["--tiny", "grm_sft", "--eval", str(tmp_path / "eval.yaml"), "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["train_sft", *arguments])
    sft.main()
    assert "step 1: not evaluated: judge 'away'" in capsys.readouterr().out
    assert (tmp_path / "out" / "trained" / "model.safetensors").exists()
    assert not (tmp_path / "out" / "evals" / "model").exists()


@pytest.mark.heavy
def test_an_evaluation_is_about_the_training(sft: Any, tmp_path: Path) -> None:
    (tmp_path / "eval.yaml").write_text("benchmarks: [demo]\njudges: [longest]\n")
    evaluation = importlib.import_module("evaluation")
    with pytest.raises(UserError, match="no writer and no judge has `model: checkpoint`"):
        evaluation.TransferEval(tmp_path / "eval.yaml", 1, "m", tmp_path)
