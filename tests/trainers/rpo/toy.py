"""A tiny training, put together: random FLUX or Qwen-Image-Edit, prompts, a judge, a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from harness_plugins.rewards import RPOReward
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rpo.conditions import ConditionStore
from harness_plugins.rpo.generators.adapter import adapt
from harness_plugins.rpo.generators.base import Generator
from harness_plugins.rpo.generators.loading import load_generator, open_encoder
from harness_plugins.rpo.processes import Processes
from harness_plugins.rpo.prompts import Pair, PromptSets, pairs_of, read_prompts
from harness_plugins.rpo.recipe import EDITORS, Recipe
from harness_plugins.rpo.rollouts import Rollout, batches, pictures, roll, trained_steps
from harness_plugins.rpo.run_folder import RunFolder, identity_of
from harness_plugins.rpo.trainer import Trainer

CPU = torch.device("cpu")
SPEC = JudgeSpec(name="judge", backend="openai", model="m", base_url="http://unused.invalid/v1", retries=0)


def recipe(folder: Path, kind: str = "tiny_flux", prompts: int = 40, held_out: int = 8, **changes: Any) -> Recipe:
    """Prompts are written where there are none."""
    editor = kind in EDITORS
    file = folder / ("prompts.jsonl" if editor else "prompts.txt")
    if not file.exists():
        rows = []
        for n in range(prompts):
            if editor:
                Image.new("RGB", (16, 16), (40 + 5 * n % 200, 90, 200 - 7 * n % 200)).save(folder / f"{n}.png")
            rows.append(f'{{"prompt": "thing {n}", "source": "{n}.png"}}' if editor else f"a picture of thing {n}")
        file.write_text("\n".join(rows))
    base: dict[str, Any] = {
        "generator": {"kind": kind, "dtype": "float32", "side": 16, "source_side": 16, "checkpointing": False},
        "lora": {"rank": 4, "alpha": 8, "targets": ["to_q", "to_k", "to_v", "to_out.0"]},
        "prompts": {"file": file, "development": held_out, "test": 0},
        "sampling": {"steps": 6, "kind": "flow_sde", "eta": 0.7},
        "updates": {"steps": 2, "pairs": 4, "batch": 4, "learning_rate": 5e-3},
        "reward": {"judge": {"name": "brightest", "backend": "pixels"}},
        "patience_s": 0,
        "out": folder / "run",
    }
    for name, value in changes.items():
        base[name] = {**base[name], **value} if isinstance(value, dict) and name in base else value
    return Recipe.model_validate(base)


@dataclass
class Toy:
    """What a training needs, without its trainer."""

    recipe: Recipe
    sets: PromptSets
    store: ConditionStore
    generator: Generator

    def pairs(self, step: int = 0) -> list[Pair]:
        return pairs_of(step, self.sets.train, self.recipe.seed, self.recipe.updates.pairs)

    def rollouts(self, step: int = 0, size: int | None = None) -> list[Rollout]:
        chosen = self.pairs(step)
        steps = trained_steps(self.recipe.sampling, chosen[0].seed_of_step(self.recipe.seed))
        chunks = batches(chosen, lambda p: self.store.load(p.prompt), size or self.recipe.updates.batch)
        return [
            roll(self.generator, pairs, c, sampling=self.recipe.sampling, trained=steps, seed=self.recipe.seed)
            for pairs, c in chunks
        ]

    def held_out(self) -> Tensor:
        """Pictures of the held-out prompts as a user makes them, each from its own noise."""
        sampling, prompts = self.recipe.sampling, self.sets.development
        conditions = [self.store.load(p) for p in prompts]
        return pictures(self.generator, conditions, range(len(prompts)), steps=sampling.steps, shift=3.0, cfg=1.0)


def toy(spec: Recipe) -> Toy:
    sets = read_prompts(spec.prompts, spec.generator.kind in EDITORS)
    folder = spec.out.parent / "embeddings"
    folder.mkdir(exist_ok=True)
    store = ConditionStore(folder, spec.generator, "tiny")
    store.encode([*sets.train, *sets.development], lambda: open_encoder(spec.generator, CPU))
    generator = load_generator(spec.generator, CPU)
    lora = spec.lora
    adapt(generator.network, rank=lora.rank, alpha=lora.alpha, targets=lora.targets, seed=spec.seed)
    return Toy(spec, sets, store, generator)


def moved(generator: Generator, size: float = 0.05) -> None:
    """An adapter that changes something, as after training."""
    from harness_plugins.rpo.generators.adapter import trained

    noise = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in trained(generator.network).values():
            p += size * torch.randn(p.shape, generator=noise)


def judged_by(says: Callable[[Case], Any]) -> BackgroundLoop[Any]:
    return BackgroundLoop(RPOReward(MockJudge(SPEC, says)))


@contextlib.contextmanager
def training(parts: Toy, reward: BackgroundLoop[Any] | None = None) -> Iterator[Trainer]:
    """A trainer in its folder, with the recipe's judge where none is named."""
    run = RunFolder(parts.recipe.out)
    run.open(parts.recipe, identity_of(parts.recipe, parts.sets, "tiny"))
    run.begin_at(0)
    reward = reward or BackgroundLoop(parts.recipe.reward.open())
    try:
        yield Trainer(
            parts.recipe,
            parts.sets,
            run,
            generator=parts.generator,
            conditions=parts.store,
            reward=reward,
            processes=Processes.join(),
        )
    finally:
        run.close()
        reward.close()
