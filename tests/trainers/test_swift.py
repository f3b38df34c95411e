"""ms-swift's own trainer and reward code call our ORM classes: the command of its documentation, on CPU, with a tiny model."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("swift", reason="needs ms-swift; `make test-swift` runs this")

from PIL import Image
from swift.rl_core.data import GRPOSample
from swift.rl_core.grpo_algorithm import compute_rewards_per_func

from evaluators.specs import JudgeSpec
from evaluators.testing.mock_server import MockServer
from harness_plugins.rewards.swift import proxy_grm_orm, rubric_orm
from tests.local import tiny

pytestmark = [pytest.mark.heavy, pytest.mark.long]

PLUGIN = """
from swift.rewards import orms
from harness_plugins.rewards.swift import rubric_orm

orms["rubric"] = rubric_orm("reward.yaml")
orms["blocking"] = rubric_orm("reward.yaml", asynchronous=False, name="BlockingReward")
"""


def test_its_command_trains_by_a_rubric(tmp_path: Path) -> None:
    tiny.text(tmp_path / "model", ["Write two words", "one word and another", "some letters more"])
    (tmp_path / "plugin.py").write_text(PLUGIN)
    (tmp_path / "reward.yaml").write_text("rpo: {judge: {name: j, backend: baseline, model: longest}}\n")
    rows = [{"messages": [{"role": "user", "content": f"Write {n} words"}]} for n in range(4)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    options = {
        "rlhf_type": "grpo",
        "model": "model",
        "model_type": "qwen2",
        "template": "qwen2_5",
        "tuner_type": "full",
        "torch_dtype": "float32",
        "external_plugins": "plugin.py",
        "dataset": "rows.jsonl",
        "split_dataset_ratio": 0,
        "num_generations": 4,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 1,
        "max_completion_length": 8,
        "max_steps": 2,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "use_vllm": "false",
        "output_dir": "out",
    }
    command = [str(Path(sys.executable).parent / "swift"), "rlhf", "--reward_funcs", "rubric", "blocking"]
    command += [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    settings = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    ran = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    (log,) = (tmp_path / "out").glob("*/logging.jsonl")
    steps = [entry for line in log.read_text().splitlines() if "reward" in (entry := json.loads(line))]
    assert len(steps) == 2
    for step in steps:
        means = [float(step[f"rewards/{name}/mean"]) for name in ("RubricReward", "BlockingReward")]
        assert means[0] == means[1], "one code, both ways"
        assert -0.1 <= means[0] <= 1.0 and float(step["grad_norm"]) > 0


@dataclass
class Arguments:
    """What ORMs look at of the trainer's."""

    num_generations: int = 2


def samples(completions: list[str], image: Path) -> list[GRPOSample]:
    question = {"role": "user", "content": "<image>What is shown?"}
    columns: dict[str, Any] = {"question": "What?", "response_1": "good", "response_2": "bad", "answer": 1}
    return [
        GRPOSample(
            messages=[question, {"role": "assistant", "content": text}],
            images=[{"bytes": None, "path": str(image)}],
            extra=dict(columns),
        )
        for text in completions
    ]


def rewards(orm: type, completions: list[str], image: Path, args: Any = None) -> list[float]:
    import torch

    function = orm(args=args or Arguments())
    values = compute_rewards_per_func(samples(completions, image), [function], [None], torch.device("cpu"))
    return [round(v, 6) for v in values[:, 0].tolist()]


def test_a_group_is_that_of_the_trainer_where_a_prompt_comes_twice(photo: Path) -> None:
    """In a group of three: one that is masked gets the mean of the other two, and not of the prompt's other group."""

    def prefers_good(body: dict[str, Any]) -> str:
        text = json.dumps(body)
        if "FAIL" in text:
            raise ValueError("broken")
        if "good" not in text or "bad" not in text:
            return "no verdict"
        return f"<answer>{1 if text.rindex('good') < text.rindex('bad') else 2}</answer>"

    with MockServer(answer=prefers_good).running() as server:
        judge = {"name": "j", "backend": "openai", "model": "m", "base_url": server.url, "retries": 0}
        orm = rubric_orm({"judge": judge})
        args = Arguments()
        args.num_generations = 3
        completions = ["a good one", "a bad one", "FAIL", "a good one", "a bad one", "another bad one"]
        assert rewards(orm, completions, photo, args)[2] == pytest.approx(0.45)


def test_a_judge_needs_no_config(photo: Path) -> None:
    orm = rubric_orm(JudgeSpec(name="j", backend="baseline", model="longest"))
    assert rewards(orm, ["a cup", "a red cup"], photo) == [-0.1, 1.0]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("RGB", (4, 4), (200, 0, 0)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def answer(body: dict[str, Any]) -> str:
    text = json.dumps(body)
    if "FAIL" in text:
        raise ValueError("broken")
    return "<answer>1</answer>"


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_masked_completion_has_no_advantage(asynchronous: bool, photo: Path) -> None:
    """ms-swift itself would count it as 0."""
    with MockServer(answer=answer, keep=True).running() as server:
        judge = {"name": "j", "backend": "openai", "model": "m", "base_url": server.url, "retries": 0}
        orm = rubric_orm({"judge": judge}, asynchronous=asynchronous)
        assert asyncio.iscoroutinefunction(orm.__call__) is asynchronous
        assert rewards(orm, ["a cup", "a red cup"], photo) == [0.0, 0.0], "the first in both orders: undecided"
        sent = json.dumps(server.bodies[0])
        assert "data:image/png;base64," in sent and "<image>" not in sent and "What?" in sent

        right = "<rubric>1. Word (100%): says good</rubric><eval>Both read.</eval><answer>1</answer>"
        orm = proxy_grm_orm({"proxy": judge}, asynchronous=asynchronous)
        assert rewards(orm, [right, right.replace("says good", "FAIL")], photo) == [2.5, 2.5]
