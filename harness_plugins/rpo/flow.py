"""Flow matching as a policy: steps with a Gaussian each, their log-probabilities, and RPO's objective. Pure torch, no diffusers.

The path goes from noise to image: x = (1 - sigma) image + sigma noise, with sigma from 1 to 0; a network's velocity v estimates
noise - image. A step from sigma to the next is a Gaussian (mean, std), the same in rollout and in replay. All of it is float32 or
wider, whatever the network computes in; `B` is a batch, and a picture's numbers are the axes after it.

>>> grid = sigmas(steps=2, shift=3.0)
>>> grid
(1.0, 0.75, 0.0)
>>> first = step(torch.zeros(1, 4), torch.ones(1, 4), grid, 0, Sampler("dance_sde", eta=0.3))
>>> round(first.std, 3)
0.15
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from harness_plugins.rpo.prompts import Two

Kind = Literal["dance_sde", "flow_sde", "cps"]
"""How noise enters a step.

`dance_sde`: as much at each level, eta (DanceGRPO, arXiv 2505.07818; ARR's RPO, 2605.08354). `flow_sde`: eta sqrt(sigma / (1 - sigma)),
most at the start (Flow-GRPO, 2505.05470). `cps`: the noise that is added replaces noise that was there (Flow-CPS, 2509.05952).
"""

Advantage = Literal["centred", "paper"]


class Sampler(NamedTuple):
    kind: Kind
    eta: float


class Gaussian(NamedTuple):
    """What a step draws the next latents from."""

    mean: Tensor
    std: float


def sigmas(steps: int, shift: float) -> tuple[float, ...]:
    """The noise levels of a path, from 1 to 0: `steps` + 1 numbers, evenly spaced and then shifted towards noise.

    Args:
        shift: 1 leaves them evenly spaced; 3 is RPO's.
    """
    even = [1 - i / steps for i in range(steps + 1)]
    return tuple(s / (s + (1 - s) / shift) for s in even)  # in this form 1 stays 1 exactly


def euler(x: Tensor, velocity: Tensor, grid: Sequence[float], index: int) -> Tensor:
    """The step without noise: all steps of a picture that is only looked at, and the last step of any.

    A last step with noise would leave that noise in the picture.
    """
    return x + (grid[index + 1] - grid[index]) * velocity


def step(x: Tensor, velocity: Tensor, grid: Sequence[float], index: int, sampler: Sampler) -> Gaussian:
    """The Gaussian of a step with noise.

    Args:
        x, velocity: (B, ...), float32 or wider.
        grid: of `sigmas`.
        index: of the step, 0 for the first. The last has no noise: `euler`.
        sampler: how noise enters, and how much.
    """
    if not 0 <= index < len(grid) - 2:
        raise IndexError(f"step {index} of {len(grid) - 1}: the last one has no noise")
    sigma, after = grid[index], grid[index + 1]
    image, noise = x - sigma * velocity, x + (1 - sigma) * velocity
    if sampler.kind == "cps":
        std = after * math.sin(sampler.eta * math.pi / 2)
        return Gaussian((1 - after) * image + math.sqrt(max(after**2 - std**2, 0.0)) * noise, std)
    strength = sampler.eta
    if sampler.kind == "flow_sde":
        level = grid[1] if sigma == 1 else sigma  # it is infinite at 1
        strength *= math.sqrt(level / (1 - level))
    change = after - sigma
    # The drift that gives the noisy path the marginals of the path without noise, to first order in the step.
    mean = x + change * (velocity + strength**2 / (2 * sigma) * noise)
    return Gaussian(mean, strength * math.sqrt(-change))


def log_prob(x: Tensor, gaussian: Gaussian) -> Tensor:
    """(B,): the log density of each picture's latents, as a mean over its numbers.

    A mean, as all trainers of this kind take it: with the sum the ratio of a step leaves every clip at once.
    """
    squares = ((x - gaussian.mean) / gaussian.std) ** 2
    return _mean(-0.5 * squares) - math.log(gaussian.std) - 0.5 * math.log(2 * math.pi)


def kl(mean: Tensor, other: Tensor, std: float) -> Tensor:
    """(B,): KL of two Gaussians of equal std, exact, as a mean over the numbers of each picture (so that its weight means the same
    at any size)."""
    return _mean((mean - other) ** 2) / (2 * std**2)


def _mean(values: Tensor) -> Tensor:
    return values.flatten(1).mean(1)


class Clip(NamedTuple):
    """How far an update may go that reuses a rollout. With one update a rollout the ratio is 1, and neither does anything."""

    ratio: float = 0.2
    """PPO's."""
    trust: float | None = None
    """In place of the ratio's: no more gradient where the exact KL to the rollout's policy is above this and would grow
    (Flow-DPPO, arXiv 2606.11025)."""


class Surrogate(NamedTuple):
    """(B,) each."""

    loss: Tensor
    ratio: Tensor
    stopped: Tensor
    """Whether clip or trust left the row without a gradient."""


def surrogate(log_probs: Tensor, old: Tensor, advantages: Tensor, clip: Clip, moved: Tensor | None = None) -> Surrogate:
    """PPO's loss of a step, a row each.

    Args:
        log_probs, old: (B,), of now and of the rollout.
        advantages: (B,).
        moved: (B,), KL to the rollout's policy, where `clip.trust` is used.
    """
    ratio = torch.exp(log_probs - old)
    away = torch.where(advantages > 0, ratio > 1, ratio < 1)
    if clip.trust is not None:
        assert moved is not None, "trust is about the KL to the rollout's policy"
        stopped = away & (moved.detach() > clip.trust)
        trusted = torch.where(stopped, ratio.detach(), ratio)
        return Surrogate(-advantages * trusted, ratio, stopped)
    clipped = ratio.clamp(1 - clip.ratio, 1 + clip.ratio)
    loss = torch.maximum(-advantages * ratio, -advantages * clipped)
    return Surrogate(loss, ratio, away & (ratio != clipped))


def advantages(rewards: Two, mode: Advantage) -> Two:
    """Of the two pictures of a pair.

    Args:
        mode: `paper`: the rewards themselves. Their mean, 0.45, pays both pictures for being decidable wherever that depends on the
            picture. `centred`: less their mean, so that only the difference pays.

    >>> advantages(Two(1.0, -0.1), "paper")
    Two(first=1.0, second=-0.1)
    >>> advantages(Two(1.0, -0.1), "centred")
    Two(first=0.55, second=-0.55)
    """
    if mode == "paper":
        return rewards
    mean = sum(rewards) / 2
    return Two(round(rewards.first - mean, 12), round(rewards.second - mean, 12))
