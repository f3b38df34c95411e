"""verl's own reward-manager code calls our reward: loaded by its configuration, with its data, on CPU.

Nothing of our `tests` is imported here: verl installs a package of that name.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verl", reason="needs verl 0.9.1; `make test-trainers` runs this")

import hydra
import numpy as np
import torch
from omegaconf import OmegaConf
from PIL import Image
from verl import DataProto
from verl.experimental.reward_loop import RewardLoopWorker
from verl.trainer.ppo.metric_utils import process_validation_metrics
from verl.trainer.ppo.reward import load_reward_manager
from verl.utils.config import validate_config
from verl.workers.reward_manager import get_reward_manager_cls

from evaluators.errors import BackendError
from evaluators.testing.mock_server import MockServer
from harness_plugins.rewards.verl import compute_rubric_score_batch, compute_score_batch

pytestmark = pytest.mark.heavy

RIGHT = "<rubric>1. Word (100%): says good</rubric><eval>Both read.</eval><answer>1</answer>"
WRONG = RIGHT.replace("<answer>1", "<answer>2")
FAILING = RIGHT.replace("says good", "FAIL")
LENGTH = 160


class Letters:
    """A tokenizer of a token a character: what managers ask of one."""

    def decode(self, ids: Any, skip_special_tokens: bool = True) -> str:
        return "".join(chr(i) for i in ids)


def answer(body: dict[str, Any]) -> str:
    if "FAIL" in json.dumps(body):
        raise ValueError("the proxy breaks on this rubric")
    return "<answer>1</answer>"


@pytest.fixture
def proxy() -> Iterator[MockServer]:
    with MockServer(answer=answer, keep=True).running() as server:
        yield server


def batch(completions: list[str], image: Path) -> DataProto:
    """As verl's rollout leaves them: prompts padded on the left, responses on the right."""
    responses = torch.zeros(len(completions), LENGTH, dtype=torch.long)
    attention = torch.zeros(len(completions), 4 + LENGTH, dtype=torch.long)
    attention[:, :4] = 1
    for n, text in enumerate(completions):
        responses[n, : len(text)] = torch.tensor([ord(c) for c in text])
        attention[n, 4 : 4 + len(text)] = 1
    extra = {"question": "q", "response_1": "good", "response_2": "bad", "images": [str(image)], "index": 0}
    return DataProto.from_dict(
        tensors={
            "prompts": torch.full((len(completions), 4), 65),
            "responses": responses,
            "attention_mask": attention,
        },
        non_tensors={
            "data_source": np.array(["preference"] * len(completions), object),
            "reward_model": np.array([{"style": "rule", "ground_truth": 1}] * len(completions), object),
            "extra_info": np.array([dict(extra) for _ in completions], object),
        },
    )


def config_of(proxy: MockServer, manager: str, **how: Any) -> Any:
    judge = {"name": "p", "backend": "openai", "model": "m", "base_url": proxy.url, "retries": 0}
    function = {
        "path": "pkg://harness_plugins.rewards.verl",
        "name": "compute_score",
        "reward_kwargs": {"config": {"proxy": judge}, **how},
    }
    reward = {
        "custom_reward_function": function,
        "reward_manager": {"source": "register", "name": manager, "module": {"path": None, "name": None}},
        "reward_kwargs": {"overlong_buffer_cfg": {"enable": False}},
    }
    return OmegaConf.create({"reward": reward, "trainer": {"experiment_name": "test"}})


@pytest.mark.parametrize("manager", ["naive", "gdpo", "dapo"])
def test_the_reward_loop_calls_it(manager: str, proxy: MockServer, tmp_path: Path) -> None:
    Image.new("RGB", (2, 2), (4, 4, 4)).save(tmp_path / "a.png")
    data = batch([RIGHT, WRONG, "nonsense", FAILING], tmp_path / "a.png")

    async def scored() -> list[dict[str, Any]]:
        made = load_reward_manager(config_of(proxy, manager, on_failure=-0.5), Letters())
        return await asyncio.gather(*(made.run_single(data[n : n + 1]) for n in range(4)))

    found = asyncio.run(scored())
    assert [f["reward_score"] for f in found] == [2.5, 0.5, -2.0, -0.5]
    infos = [f["reward_extra_info"] for f in found]
    assert [i["judge_failed"] for i in infos] == [0, 0, 0, 1] and [i["proxy"] for i in infos][-1] == "error"
    assert all(np.array([i[k] for i in infos]).dtype != object for k in infos[0]), "verl makes an array of each"
    assert "data:image/png;base64," in json.dumps(proxy.bodies[0])


def test_a_workers_batch_and_verls_own_metrics(proxy: MockServer, tmp_path: Path) -> None:
    """RewardLoopWorker's own gathering, over a manager that its own loading made."""
    Image.new("RGB", (2, 2), (4, 4, 4)).save(tmp_path / "a.png")
    data = batch([RIGHT, FAILING], tmp_path / "a.png")

    async def scored() -> list[dict[str, Any]]:
        worker = RewardLoopWorker.__new__(RewardLoopWorker)  # its own start loads a tokenizer from the Hub
        worker.config = config_of(proxy, "naive", on_failure=0.0)
        worker.reward_manager = load_reward_manager(worker.config, Letters())
        return await worker.compute_score_batch(data)

    found = asyncio.run(scored())
    manager = type(load_reward_manager_in_a_loop(proxy))
    tensor = manager.assemble_rm_scores(data, [f["reward_score"] for f in found])
    assert tensor.sum(dim=1).tolist() == [2.5, 0.0] and tensor[0, len(RIGHT) - 1] == 2.5
    named = {k: [f["reward_extra_info"][k] for f in found] for k in found[0]["reward_extra_info"]}
    metrics = process_validation_metrics(["preference"] * 2, ["a", "b"], named)["preference"]
    assert metrics["judge_failed"]["mean@1"] == 0.5 and metrics["acc"]["mean@1"] == 1.0 and "proxy" not in metrics


def prefers_good(body: dict[str, Any]) -> str:
    text = json.dumps(body)
    return f"<answer>{1 if text.rindex('good') < text.rindex('bad') else 2}</answer>"


def test_a_worker_ranks_completions_under_a_rubric(tmp_path: Path) -> None:
    """verl asks for one completion at a time; the two prompts of this batch are two groups."""
    Image.new("RGB", (2, 2), (4, 4, 4)).save(tmp_path / "a.png")
    data = batch(["a good word", "a bad word", "bad", "good"], tmp_path / "a.png")
    for n, info in enumerate(data.non_tensor_batch["extra_info"]):
        info["question"] = f"prompt {n // 2}"

    async def scored(config: Any) -> list[dict[str, Any]]:
        worker = RewardLoopWorker.__new__(RewardLoopWorker)  # its own start loads a tokenizer from the Hub
        worker.config = config
        worker.reward_manager = load_reward_manager(config, Letters())
        return await worker.compute_score_batch(data)

    with MockServer(answer=prefers_good, keep=True).running() as server:
        judge = {"name": "p", "backend": "openai", "model": "m", "base_url": server.url, "retries": 0}
        config = config_of(server, "naive")
        function = config.reward.custom_reward_function
        function.name, function.reward_kwargs = "compute_rubric_score", {"config": {"judge": judge}, "group_size": 2}
        results = asyncio.run(scored(config))
        older = get_reward_manager_cls("batch")(Letters(), 0, compute_rubric_score_batch, config={"judge": judge})
        rewards = older(data, return_dict=True)
    assert [r["reward_score"] for r in results] == [1.0, -0.1, -0.1, 1.0]
    infos = [r["reward_extra_info"] for r in results]
    assert all(np.array([i[k] for i in infos]).dtype != object for k in infos[0]), "verl makes an array of each"
    assert rewards["reward_tensor"].sum(dim=1).tolist() == pytest.approx([1.0, -0.1, -0.1, 1.0])
    assert "data:image/png;base64," in json.dumps(server.bodies[0])


def load_reward_manager_in_a_loop(proxy: MockServer) -> Any:
    async def made() -> Any:
        return load_reward_manager(config_of(proxy, "naive"), Letters())

    return asyncio.run(made())


def test_a_failure_ends_the_step_by_default(proxy: MockServer, tmp_path: Path) -> None:
    Image.new("RGB", (2, 2), (4, 4, 4)).save(tmp_path / "a.png")

    async def scored() -> Any:
        made = load_reward_manager(config_of(proxy, "naive"), Letters())
        return await made.run_single(batch([FAILING], tmp_path / "a.png"))

    with pytest.raises(BackendError, match="never answered"):
        asyncio.run(scored())


def test_the_older_batch_manager_knows_groups(proxy: MockServer, tmp_path: Path) -> None:
    Image.new("RGB", (2, 2), (4, 4, 4)).save(tmp_path / "a.png")
    judge = {"name": "p", "backend": "openai", "model": "m", "base_url": proxy.url, "retries": 0}
    manager = get_reward_manager_cls("batch")(
        Letters(), 0, compute_score_batch, config={"proxy": judge}, on_failure="group_mean"
    )
    found = manager(batch([RIGHT, FAILING, "nonsense"], tmp_path / "a.png"), return_dict=True)
    assert found["reward_tensor"].sum(dim=1).tolist() == [2.5, 0.25, -2.0]
    assert found["reward_extra_info"]["judge_failed"] == [0.0, 1.0, 0.0]


def test_the_launch_script_is_a_configuration_of_verls(proxy: MockServer, tmp_path: Path) -> None:
    """examples/grm_rl_verl.sh, with `python` in its place that writes down what it is given."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    reward = tmp_path / "reward.yaml"
    reward.write_text(
        f"proxy_grm: {{proxy: {{name: p, backend: openai, model: m, base_url: '{proxy.url}', retries: 0}}}}\n"
    )
    settings = {"PYTHON": str(python), "MODEL": str(tmp_path), "DATA": "grm_rl.parquet", "REWARD": str(reward)}
    script = Path(__file__).parents[2] / "examples" / "grm_rl_verl.sh"
    ran = subprocess.run(
        [script, "trainer.total_training_steps=1"], env={**os.environ, **settings}, capture_output=True, text=True
    )
    module, *options = ran.stdout.splitlines()[1:]
    assert module == "verl.trainer.main_ppo" and "trainer.total_training_steps=1" in options

    with hydra.initialize_config_module("verl.trainer.config", version_base=None):
        composed = hydra.compose("ppo_trainer", overrides=options)  # refuses what verl does not know
    validate_config(composed, use_reference_policy=True, use_critic=False)
    Image.new("RGB", (2, 2), (4, 4, 4)).save(tmp_path / "a.png")

    async def scored() -> Any:
        return await load_reward_manager(composed, Letters()).run_single(batch([RIGHT], tmp_path / "a.png"))

    assert asyncio.run(scored())["reward_score"] == 2.5
