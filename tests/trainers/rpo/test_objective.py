"""The gradient of judged rollouts: exact replay, any batch, masks, windows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers", reason="needs diffusers; `make test-trainers` runs this")
pytest.importorskip("peft", reason="needs peft; `make test-trainers` runs this")

import torch
from torch import Tensor

from harness_plugins.rpo.generators.adapter import trained
from harness_plugins.rpo.objective import Sums, accumulate, valid_candidates
from harness_plugins.rpo.prompts import Two
from harness_plugins.rpo.recipe import Sampling
from harness_plugins.rpo.rollouts import Rollout, trained_steps
from tests.trainers.rpo.toy import Toy, moved, recipe, toy

pytestmark = pytest.mark.heavy

WON, LOST = Two(1.0, -0.1), Two(-0.1, 1.0)


def drawn(parts: Toy) -> dict[int, Two | None]:
    """A verdict of each pair, and none of every fourth."""
    return {n: None if n % 4 == 3 else (WON if n % 3 else LOST) for n in range(parts.recipe.updates.pairs)}


class Gradient:
    def __init__(self, parts: Toy, rollouts: list[Rollout], rewards: Mapping[int, Two | None]) -> None:
        weights = trained(parts.generator.network)
        for p in weights.values():
            p.grad = None
        self.sums: Sums = accumulate(
            parts.generator,
            rollouts,
            rewards,
            sampling=parts.recipe.sampling,
            updates=parts.recipe.updates,
            valid=valid_candidates(list(rewards.values())),
        )
        self.flat: Tensor = torch.cat(
            [torch.zeros(p.numel()) if p.grad is None else p.grad.flatten() for p in weights.values()]
        )

    def off(self, other: Gradient) -> float:
        """The largest difference, as a share of the largest value."""
        return float((self.flat - other.flat).abs().max() / self.flat.abs().max())


@pytest.mark.parametrize("kind", ["tiny_flux", "tiny_qwen_image_edit"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_ratio_is_exactly_one_before_an_update(kind: str, dtype: str, checkpointing: bool, tmp_path: Path) -> None:
    """Rollout and replay are one function of equal batches; an adapter that changes something shows it."""
    generator: Any = {"dtype": dtype, "checkpointing": checkpointing}
    parts = toy(recipe(tmp_path, kind, generator=generator, updates={"pairs": 3, "batch": 2}))
    if checkpointing:
        parts.generator.network.train()
    moved(parts.generator)
    gradient = Gradient(parts, parts.rollouts(), {0: WON, 1: LOST, 2: WON})
    assert gradient.sums.ratio_off == 0 and gradient.sums.stopped == 0
    assert gradient.sums.rows == 3 * 2 * 5 and gradient.sums.kl > 0 and gradient.flat.abs().max() > 0


def test_at_step_zero_the_kl_is_zero_and_the_loss_the_mean_advantage(tmp_path: Path) -> None:
    parts = toy(recipe(tmp_path, updates={"advantage": "paper"}))
    sums = Gradient(parts, parts.rollouts(), dict.fromkeys(range(4), WON)).sums
    assert sums.kl == 0.0 and sums.loss == pytest.approx(-0.45)


def test_pairs_in_any_batch_give_the_same_gradient(tmp_path: Path) -> None:
    """32 pairs one by one and in eights: the same pictures, the same update."""
    parts = toy(recipe(tmp_path, updates={"pairs": 32}, sampling={"steps": 4}))
    moved(parts.generator)
    alone, eights = parts.rollouts(size=1), parts.rollouts(size=8)
    assert (len(alone), len(eights)) == (32, 4)
    images = [torch.cat([r.images for r in rollouts]) for rollouts in (alone, eights)]
    assert (images[0] - images[1]).abs().max() < 1e-5
    rewards = drawn(parts)
    first, second = Gradient(parts, alone, rewards), Gradient(parts, eights, rewards)
    assert first.off(second) < 1e-6 and first.sums.rows == second.sums.rows == 24 * 2 * 3
    assert first.sums.kl == pytest.approx(second.sums.kl, rel=1e-4)


def test_a_pair_without_a_verdict_contributes_nothing(tmp_path: Path) -> None:
    """Not to the KL either: as if it had never been drawn."""
    parts = toy(recipe(tmp_path, updates={"pairs": 4, "kl": 1.0}))
    moved(parts.generator)
    rollouts = parts.rollouts(size=1)
    masked = Gradient(parts, rollouts, {0: WON, 1: None, 2: LOST, 3: None})
    without = Gradient(parts, [rollouts[0], rollouts[2]], {0: WON, 2: LOST})
    assert torch.equal(masked.flat, without.flat) and masked.sums == without.sums
    together = Gradient(parts, parts.rollouts(size=4), {0: WON, 1: None, 2: LOST, 3: None})
    assert together.off(masked) < 1e-5 and together.sums.rows == masked.sums.rows
    assert together.sums.kl == pytest.approx(masked.sums.kl, rel=1e-4)


def test_nothing_valid_gives_no_gradient(tmp_path: Path) -> None:
    parts = toy(recipe(tmp_path))
    nothing = Gradient(parts, parts.rollouts(), dict.fromkeys(range(4)))
    assert nothing.sums == Sums() and not nothing.flat.any()


def test_clip_and_trust_act_on_the_second_update(tmp_path: Path) -> None:
    for limits in ({"clip": 1e-6}, {"trust": 1e-12}):
        parts = toy(recipe(tmp_path, updates=limits))
        rollouts, rewards = parts.rollouts(), dict.fromkeys(range(4), WON)
        assert Gradient(parts, rollouts, rewards).sums.stopped == 0
        weights = trained(parts.generator.network).values()
        torch.optim.SGD(weights, lr=1.0).step()
        later = Gradient(parts, rollouts, rewards).sums
        assert later.ratio_off > 1e-6 and 0 < later.stopped <= later.rows


def test_a_step_depends_on_its_seed_alone(tmp_path: Path) -> None:
    """Another seed or step gives other pictures, the same ones the same."""
    parts = toy(recipe(tmp_path))
    first, again, later = parts.rollouts(), parts.rollouts(), parts.rollouts(step=1)
    assert torch.equal(first[0].images, again[0].images) and not torch.equal(first[0].images, later[0].images)
    parts.recipe = parts.recipe.model_copy(update={"seed": 43})
    assert not torch.equal(parts.rollouts()[0].images, first[0].images)


@pytest.mark.parametrize("same", [True, False])
def test_the_two_of_a_pair_begin_from_the_same_noise_where_asked(same: bool, tmp_path: Path) -> None:
    parts = toy(recipe(tmp_path, sampling={"same_noise": same}))
    crossing = parts.rollouts()[0].crossings[0]
    assert torch.equal(crossing.before[0], crossing.before[1]) is same
    assert not torch.equal(crossing.after[0], crossing.after[1]), "what the steps add differs in any case"
    assert not torch.equal(crossing.before[0], crossing.before[2])


def test_a_window_of_neighbours_is_drawn_and_trained(tmp_path: Path) -> None:
    sampling = Sampling(steps=8, window=3, trained=(0, 1, 2, 4, 6))
    windows = {trained_steps(sampling, seed) for seed in range(50)}
    assert windows == {(0, 1, 2), (1, 2, 4), (2, 4, 6)}
    assert trained_steps(Sampling(steps=4), 9) == (0, 1, 2)
    parts = toy(recipe(tmp_path, sampling={"window": 2}))
    rollout = parts.rollouts()[0]
    places = [c.place for c in rollout.crossings]
    assert len(places) == 2 and places[1] == places[0] + 1
    gradient = Gradient(parts, [rollout], dict.fromkeys(range(4), WON))
    assert gradient.sums.rows == 8 * 2 and gradient.sums.ratio_off == 0
