"""Pictures from noise, with what training needs to go over the path again.

What decides a picture is drawn by seeds of (run, step, prompt, candidate, place on the path), on the CPU: processes, batches and a
resumed run see the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from harness_plugins.rpo import flow
from harness_plugins.rpo.flow import Sampler
from harness_plugins.rpo.generators.base import Batch, Conditions, Generator
from harness_plugins.rpo.prompts import Pair
from harness_plugins.rpo.recipe import Sampling


class Crossing(NamedTuple):
    """A step of the path that was drawn, to be gone over again."""

    place: int
    """Which step of the path, from 0."""
    before: Tensor
    """(B, N, C), float32."""
    after: Tensor
    mean: Tensor
    """Of the Gaussian that `after` was drawn from."""
    log_probs: Tensor
    """(B,)"""


@dataclass(frozen=True)
class Rollout:
    """The two pictures of each of some pairs; rows 2n and 2n + 1 of each tensor are of pair n."""

    pairs: tuple[Pair, ...]
    batch: Batch
    crossings: tuple[Crossing, ...]
    images: Tensor
    """(2 x pairs, 3, H, W), float32 in 0..1, on the CPU."""


class Chunk(NamedTuple):
    """Pairs that the network sees together."""

    pairs: tuple[Pair, ...]
    conditions: tuple[Conditions, ...]


def batches(pairs: Sequence[Pair], conditions: Callable[[Pair], Conditions], size: int) -> list[Chunk]:
    """Pairs in batches of at most `size`, in order; pictures of different sizes are in different batches."""
    loaded = [(pair, conditions(pair)) for pair in pairs]
    result = []
    for _, of_one_shape in groupby(loaded, key=lambda entry: entry[1].shape):
        group = list(of_one_shape)
        for start in range(0, len(group), size):
            chunk = group[start : start + size]
            result.append(Chunk(tuple(p for p, _ in chunk), tuple(c for _, c in chunk)))
    return result


def trained_steps(sampling: Sampling, seed: int) -> tuple[int, ...]:
    """The steps that are drawn and trained this time: all, or a window of neighbours.

    Args:
        seed: of the step.
    """
    steps = sampling.trained_steps
    if sampling.window is None:
        return steps
    start = seed % (len(steps) - sampling.window + 1)
    return steps[start : start + sampling.window]


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch has no types here
def roll(
    generator: Generator,
    pairs: Sequence[Pair],
    conditions: Sequence[Conditions],
    *,
    sampling: Sampling,
    trained: Sequence[int],
    seed: int,
) -> Rollout:
    """Make the pictures of some pairs.

    Args:
        conditions: of each pair, all of one shape.
        trained: the steps that add noise.
        seed: the run's.
    """
    batch = generator.batch([c for c in conditions for _ in range(2)])
    size = batch.size
    first = [
        generator.noise(pair.seed(seed, "noise", 0 if sampling.same_noise else candidate), size)
        for pair in pairs
        for candidate in range(2)
    ]
    x = torch.stack(first).to(generator.device)
    grid = flow.sigmas(sampling.steps, sampling.shift)
    sampler = Sampler(sampling.kind, sampling.eta)
    crossings: list[Crossing] = []
    for index in range(sampling.steps):
        velocity = generator.velocity(x, grid[index], batch, sampling.cfg)
        if index not in trained:
            x = flow.euler(x, velocity, grid, index)
            continue
        gaussian = flow.step(x, velocity, grid, index, sampler)
        drawn = [generator.noise(pair.seed(seed, "step", index, c), size) for pair in pairs for c in range(2)]
        after = gaussian.mean + gaussian.std * torch.stack(drawn).to(generator.device)
        crossings.append(Crossing(index, x, after, gaussian.mean, flow.log_prob(after, gaussian)))
        x = after
    return Rollout(tuple(pairs), batch, tuple(crossings), generator.decode(x, batch).cpu())


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch has no types here
def pictures(
    generator: Generator,
    conditions: Sequence[Conditions],
    seeds: Sequence[int],
    *,
    steps: int,
    shift: float,
    cfg: float,
) -> Tensor:
    """Pictures as a user of the generator makes them: no noise in the steps. (B, 3, H, W), float32 in 0..1, on the CPU.

    Args:
        conditions: of one shape.
        seeds: of the noise that each begins from.
    """
    batch = generator.batch(conditions)
    x = torch.stack([generator.noise(seed, batch.size) for seed in seeds]).to(generator.device)
    grid = flow.sigmas(steps, shift)
    for index in range(steps):
        x = flow.euler(x, generator.velocity(x, grid[index], batch, cfg), grid, index)
    return generator.decode(x, batch).cpu()
