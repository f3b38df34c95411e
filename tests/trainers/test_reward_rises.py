"""GRPO by our reward learns what the proxy prefers: the reward rises over the run, and does not where rewards are shuffled.

The proxy is scripted and prefers a property that can be counted: rubrics whose criteria ask for evidence. A tiny text model is first
taught the form, with and without that property, so that it writes rubrics to choose from.
"""

from __future__ import annotations

import os
import random
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("trl", reason="needs TRL; `make test-trainers` runs this")

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from harness_plugins.rewards.trl import proxy_grm_reward
from tests.local import tiny

pytestmark = pytest.mark.heavy

SPEC = JudgeSpec(name="proxy", backend="openai", model="m", base_url="http://unused.invalid/v1", retries=0)
STEPS = 32
SEED = int(os.environ.get("SEED", "0"))
WORDS = ("evidence", "style")
CPU: dict[str, Any] = {"use_cpu": True, "bf16": False, "report_to": [], "save_strategy": "no", "seed": SEED}


def grm(words: tuple[str, ...], answer: int) -> str:
    """A completion in Proxy-GRM's form, one criterion for each word."""
    lines = "\n".join(
        f"{n}. Criterion ({w}%): {word}" for n, (w, word) in enumerate(zip((40, 30, 30), words, strict=True), 1)
    )
    return f"<rubric>\n{lines}\n</rubric>\n<eval>\nRead.\n</eval>\n<answer>{answer}</answer>"


def completions(n: int) -> list[str]:
    """All rubrics there are, with the right answer to question n."""
    return [grm(words, 1 + n % 2) for words in product(WORDS, repeat=3)]


def asks_for_evidence(case: Case) -> str:
    """Right where most criteria of the rubric ask for evidence, else wrong."""
    assert case.rubric is not None
    right = 1 + (case.item.label.preferred or 0)
    return str(right if preferred(case.rubric.text) else 3 - right)


def preferred(rubric: str) -> bool:
    return rubric.count("evidence") >= 2


def question(n: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"question {n}"}]


@pytest.fixture(scope="module")
def cold_started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that writes each of the completions about as often as any other."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("cold")
    tiny.text(folder / "random", [*completions(0), *completions(1), "user question 1"] * 4)
    rows = [
        {"prompt": question(n), "completion": [{"role": "assistant", "content": c}]}
        for n in range(8)
        for c in completions(n)
    ]
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder / "random"),
        processing_class=AutoTokenizer.from_pretrained(folder / "random"),
        train_dataset=Dataset.from_list(rows),
        args=SFTConfig(
            output_dir=str(folder / "sft"),
            max_steps=200,
            per_device_train_batch_size=16,
            learning_rate=1e-2,
            gradient_checkpointing=False,
            **CPU,
        ),
    )
    trainer.train()
    trainer.save_model(str(folder / "sft"))
    return folder / "sft"


class Course(NamedTuple):
    """Of each step's completions."""

    reward: list[float]
    share: list[float]
    """Of those with the property that the proxy prefers."""


def earned(model: Path, out: Path, shuffled: bool) -> Course:
    """A run of GRPO; `shuffled`: what it learns from is dealt among all completions of a step first."""
    reward = proxy_grm_reward(MockJudge(SPEC, asks_for_evidence))
    dealer, course = random.Random(SEED), Course([], [])

    async def dealt(*, completions: list[Any], **given: Any) -> list[float | None]:
        found = await reward(completions=completions, **given)
        assert None not in found
        course.reward.append(sum(r for r in found if r is not None) / len(found))
        course.share.append(sum(preferred(c[-1]["content"]) for c in completions) / len(completions))
        return dealer.sample(found, len(found)) if shuffled else found

    rows = [
        {"prompt": question(n), "question": f"q {n}", "response_1": "a", "response_2": "b", "answer": 1 + n % 2}
        for n in range(8)
    ]
    GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model),
        processing_class=AutoTokenizer.from_pretrained(model),
        reward_funcs=dealt,
        train_dataset=Dataset.from_list(rows * 2 * STEPS),
        args=GRPOConfig(
            output_dir=str(out),
            per_device_train_batch_size=128,
            num_generations=8,
            max_completion_length=96,
            max_steps=STEPS,
            learning_rate=3e-4,
            beta=0.04,
            gradient_checkpointing=False,
            **CPU,
        ),
    ).train()
    assert len(course.reward) == STEPS
    return course


def rise(means: list[float]) -> float:
    """Mean of the last quarter less mean of the first."""
    quarter = STEPS // 4
    return sum(means[-quarter:]) / quarter - sum(means[:quarter]) / quarter


def test_the_reward_rises_and_does_not_when_shuffled(cold_started: Path, tmp_path: Path) -> None:
    """With seeds 0 to 5 the share rose by 0.20 to 0.30 (shuffled -0.06 to 0.09), the reward by 0.40 to 0.63 (-0.26 to 0.16).

    `SEED=3 pytest tests/trainers/test_reward_rises.py` repeats one.
    """
    learned = earned(cold_started, tmp_path / "learned", shuffled=False)
    control = earned(cold_started, tmp_path / "control", shuffled=True)
    assert rise(learned.share) > 0.15 and rise(learned.reward) > 0.3, learned
    assert rise(control.share) < rise(learned.share) / 2 and rise(control.reward) < rise(learned.reward) / 2, control
