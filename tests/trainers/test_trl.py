"""TRL's own GRPOTrainer trains a tiny vision-language model by our reward, with images, on CPU."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs TRL; `make test-trainers` runs this")
pytest.importorskip("torchvision", reason="Qwen-VL's processor needs it")

from datasets import Dataset
from PIL import Image
from transformers import AutoProcessor
from trl import GRPOConfig, GRPOTrainer

from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from evaluators.testing.mock_server import MockServer
from harness_plugins.rewards.conversations import text_of
from harness_plugins.rewards.trl import proxy_grm_reward, rubric_reward
from tests.local import tiny

pytestmark = pytest.mark.heavy

GROUP = 4


def answer(body: dict[str, Any]) -> str:
    """A proxy that breaks on every fourth rubric, and is for the first response otherwise."""
    if "rubric number 3" in json.dumps(body):
        raise ValueError("broken")
    return "<answer>1</answer>"


def rows(count: int) -> Dataset:
    return Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": f"Which is better? question {n}"}],
                "question": f"question {n}",
                "response_1": "good",
                "response_2": "bad",
                "answer": 1 + n % 2,
                "image": Image.new("RGB", (56, 56), (40 * n, 0, 0)),
            }
            for n in range(count)
        ]
    )


def test_grpo_with_images_masks_and_metrics(tmp_path: Path) -> None:
    model = tiny.qwen(tmp_path / "model", width=128)
    with MockServer(answer=answer, keep=True).running() as server:
        proxy = JudgeSpec(name="proxy", backend="openai", model="m", base_url=server.url, retries=0)
        reward = proxy_grm_reward(proxy)
        seen: list[dict[str, Any]] = []

        async def tagged(*, completions: list[Any], **given: Any) -> list[float | None]:
            """A random model writes no tags: what it writes stands in a rubric here, so that the proxy is asked."""
            form = "<rubric>1. Word (100%): rubric number {n} {text}</rubric><eval>Read.</eval><answer>1</answer>"
            texts = [text_of(c).replace("<", "").replace(">", "") for c in completions]
            wrapped = [
                [{"role": "assistant", "content": form.format(n=n % GROUP, text=t)}] for n, t in enumerate(texts)
            ]
            found = await reward(completions=wrapped, **given)
            seen.append({"rewards": found, "columns": sorted(given)})
            return found

        trainer = GRPOTrainer(
            model=str(model),
            processing_class=AutoProcessor.from_pretrained(model),
            reward_funcs=[tagged],
            train_dataset=rows(4),
            args=GRPOConfig(
                output_dir=str(tmp_path / "out"),
                per_device_train_batch_size=GROUP,
                num_generations=GROUP,
                max_completion_length=8,
                max_steps=3,
                learning_rate=1e-3,
                logging_steps=1,
                save_strategy="no",
                report_to=[],
                use_cpu=True,
                bf16=False,
            ),
        )
        trainer.train()
    logs = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert len(logs) == len(seen) == 3
    for entry, call in zip(logs, seen, strict=True):
        assert [r is None for r in call["rewards"]] == [False, False, False, True]
        answered = [r for r in call["rewards"] if r is not None]
        assert entry["reward"] == pytest.approx(sum(answered) / 3), "the mean leaves out what is masked"
        assert entry["judge_fail_rate"] == 0.25 and entry["well_formed"] == 1.0 and entry["proxy_right"] in (0.0, 1.0)
        assert math.isfinite(entry["loss"]) and {"image", "log_metric", "trainer_state"} <= set(call["columns"])
    assert len(server.bodies) == 12 and all("data:image/png;base64," in json.dumps(b) for b in server.bodies)


def test_grpo_ranks_a_group_under_a_rubric(tmp_path: Path) -> None:
    """A judge that sees the prompt's picture and likes capital letters, and ties where there are equally many."""
    pictures: list[int] = []

    def capitals_first(case: Case) -> str:
        pictures.append(len(case.item.media))
        counts = [sum(letter.isupper() for letter in c.text) for c in case.shown()]
        return "<answer>tie</answer>" if counts[0] == counts[1] else str(1 + (counts[1] > counts[0]))

    model = tiny.qwen(tmp_path / "model", width=128)
    spec = JudgeSpec(name="judge", backend="openai", model="m", base_url="http://unused.invalid/v1", ties="allowed")
    reward = rubric_reward(MockJudge(spec, capitals_first), rubric="1. Loud", num_generations=GROUP)
    trainer = GRPOTrainer(
        model=str(model),
        processing_class=AutoProcessor.from_pretrained(model),
        reward_funcs=[reward],
        train_dataset=rows(4).select_columns(["prompt", "image"]),
        args=GRPOConfig(
            output_dir=str(tmp_path / "out"),
            per_device_train_batch_size=GROUP,
            num_generations=GROUP,
            max_completion_length=8,
            max_steps=2,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            bf16=False,
        ),
    )
    trainer.train()
    logs = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert len(logs) == 2 and len(pictures) == 2 * GROUP * (GROUP - 1) and set(pictures) == {1}
    for entry in logs:
        assert entry["reward"] == pytest.approx(0.45), "wins and losses of a group balance"
        assert entry["judge_fail_rate"] == 0 and entry["pairs_decided"] + entry["pairs_tie"] == 1
