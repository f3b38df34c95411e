"""The gradient of RPO's objective over judged rollouts, and the update.

Loss: over the valid candidates of all processes and the trained steps, the mean of PPO's surrogate plus the weighted KL to the
generator without its adapter. A pair without a verdict is in neither sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness_plugins.rpo import flow
from harness_plugins.rpo.flow import Clip, Sampler
from harness_plugins.rpo.generators.adapter import reference
from harness_plugins.rpo.generators.base import Generator
from harness_plugins.rpo.prompts import Two
from harness_plugins.rpo.recipe import Sampling, Updates
from harness_plugins.rpo.rollouts import Crossing, Rollout


@dataclass
class Sums:
    """What is logged of an update, as sums over the valid rows (candidates times trained steps) of this process."""

    rows: int = 0
    loss: float = 0.0
    kl: float = 0.0
    ratio_off: float = 0.0
    """The largest |ratio - 1|."""
    stopped: int = 0
    """Rows that clip or trust left without a gradient."""


def valid_candidates(rewards: Sequence[Two | None]) -> int:
    return 2 * sum(r is not None for r in rewards)


def accumulate(
    generator: Generator,
    rollouts: Sequence[Rollout],
    rewards: Mapping[int, Two | None],
    *,
    sampling: Sampling,
    updates: Updates,
    valid: int,
) -> Sums:
    """Add the gradient of the loss to the adapter's weights.

    Args:
        rewards: by the number of each pair.
        valid: candidates with a verdict, over all processes: the loss is divided by it.
    """
    sums = Sums()
    for rollout in rollouts:
        pays = [rewards[pair.number] for pair in rollout.pairs]
        if all(p is None for p in pays):
            continue
        pair_advantages = [Two(0.0, 0.0) if p is None else flow.advantages(p, updates.advantage) for p in pays]
        rows = Rows(
            torch.tensor([a for pair in pair_advantages for a in pair], device=generator.device),
            torch.tensor([float(p is not None) for p in pays for _ in range(2)], device=generator.device),
        )
        for crossing in rollout.crossings:
            scale = 1 / (valid * len(rollout.crossings))
            _step(generator, rollout, crossing, rows=rows, sampling=sampling, updates=updates, scale=scale, sums=sums)
    return sums


@dataclass(frozen=True)
class Rows:
    """(B,) each."""

    advantages: Tensor
    valid: Tensor
    """1 or 0."""


def _step(
    generator: Generator,
    rollout: Rollout,
    crossing: Crossing,
    *,
    rows: Rows,
    sampling: Sampling,
    updates: Updates,
    scale: float,
    sums: Sums,
) -> None:
    gaussian = _gaussian(generator, rollout, crossing, sampling)
    moved = flow.kl(gaussian.mean, crossing.mean, gaussian.std) if updates.trust is not None else None
    log_probs = flow.log_prob(crossing.after, gaussian)
    clip = Clip(updates.clip, updates.trust)
    surrogate = flow.surrogate(log_probs, crossing.log_probs, rows.advantages, clip, moved)
    loss = surrogate.loss
    if updates.kl:
        with torch.no_grad(), reference(generator.network):
            base = _gaussian(generator, rollout, crossing, sampling).mean
        kl = flow.kl(gaussian.mean, base, gaussian.std)
        loss = loss + updates.kl * kl
        sums.kl += float((kl.detach() * rows.valid).sum())
    # What is masked has no gradient. It is finite: a rollout that is not stops the run, and 0 times NaN would be NaN in the network.
    total = torch.where(rows.valid > 0, loss, 0.0).sum() * scale
    total.backward()
    sums.rows += int(rows.valid.sum())
    sums.loss += float(total.detach())
    off = ((surrogate.ratio.detach() - 1).abs() * rows.valid).max()
    sums.ratio_off = max(sums.ratio_off, float(off))
    sums.stopped += int((surrogate.stopped & (rows.valid > 0)).sum())


def _gaussian(generator: Generator, rollout: Rollout, crossing: Crossing, sampling: Sampling) -> flow.Gaussian:
    """Of the same step, batch and function as in the rollout."""
    grid = flow.sigmas(sampling.steps, sampling.shift)
    velocity = generator.velocity(crossing.before, grid[crossing.place], rollout.batch, sampling.cfg)
    return flow.step(crossing.before, velocity, grid, crossing.place, Sampler(sampling.kind, sampling.eta))
