"""Steps as Gaussians, and the objective: against torch.distributions, exact recursions, and finite differences."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pytest

pytest.importorskip("torch", reason="needs torch; `make test-trainers` runs this")

import torch
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from harness_plugins.rpo.flow import (
    Clip,
    Gaussian,
    Sampler,
    advantages,
    euler,
    kl,
    log_prob,
    sigmas,
    step,
    surrogate,
)
from harness_plugins.rpo.prompts import Two

SAMPLERS = [Sampler("dance_sde", 0.3), Sampler("flow_sde", 0.7), Sampler("cps", 0.8)]


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_log_prob_and_kl_are_those_of_torch_as_means_over_numbers() -> None:
    x, mean, other = drawn(3, 5, 4, seed=1), drawn(3, 5, 4, seed=2), drawn(3, 5, 4, seed=3)
    ours = log_prob(x, Gaussian(mean, 0.37))
    p, q = (Independent(Normal(m, 0.37), 2) for m in (mean, other))
    assert (ours - p.log_prob(x) / 20).abs().max() < 1e-12
    assert (kl(mean, other, 0.37) - kl_divergence(p, q) / 20).abs().max() < 1e-12


@pytest.mark.parametrize("shift", [0.1, 0.5, 1.0, 1.1, 1.15, 1.88, 2.7, 3.0, 3.16, 7.0])
@pytest.mark.parametrize("steps", [2, 6, 8, 30])
def test_noise_levels_go_from_one_to_zero(shift: float, steps: int) -> None:
    grid = sigmas(steps, shift)
    assert grid[0] == 1 and grid[-1] == 0 and list(grid) == sorted(grid, reverse=True) and len(grid) == steps + 1
    for sampler in SAMPLERS:
        assert math.isfinite(step(drawn(1, 4), drawn(1, 4), grid, 0, sampler).std)


@pytest.mark.parametrize("index", range(5))
def test_dance_and_flow_differ_in_strength_alone(index: int) -> None:
    x, v, grid = drawn(2, 6), drawn(2, 6, seed=1), sigmas(6, 3.0)
    level = grid[max(index, 1)]
    flow = step(x, v, grid, index, Sampler("flow_sde", 0.7))
    dance = step(x, v, grid, index, Sampler("dance_sde", 0.7 * math.sqrt(level / (1 - level))))
    assert torch.equal(flow.mean, dance.mean) and flow.std == dance.std


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_without_noise_a_step_is_eulers(sampler: Sampler) -> None:
    x, v, grid = drawn(2, 6), drawn(2, 6, seed=1), sigmas(6, 3.0)
    calm = step(x, v, grid, 2, sampler._replace(eta=0.0))
    assert calm.std == 0 and torch.allclose(calm.mean, euler(x, v, grid, 2), rtol=0, atol=1e-14)


@pytest.mark.parametrize("index", [-1, 5, 6])
def test_the_last_step_is_never_drawn(index: int) -> None:
    """Its noise would stay in the picture."""
    with pytest.raises(IndexError, match="the last one has no noise"):
        step(drawn(1, 4), drawn(1, 4), sigmas(6, 3.0), index, SAMPLERS[0])


class Moments(NamedTuple):
    mean: float
    std: float


def path(steps: int, sampler: Sampler | None, std: float) -> Moments:
    """Where the path ends for data N(0.3, std^2) and the exact velocity, which is linear in x: by its slope and offset, nothing is
    drawn."""
    grid = sigmas(steps, 3.0)
    at = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    mean, variance = 0.0, 1.0
    for i in range(steps):
        s = grid[i]
        total = (1 - s) ** 2 * std**2 + s**2
        # E[noise - image | x]
        away = at - (1 - s) * 0.3
        velocity = s / total * away - 0.3 - (1 - s) * std**2 / total * away
        if sampler is None or i == steps - 1:
            after, added = euler(at, velocity, grid, i), 0.0
        else:
            after, added = step(at, velocity, grid, i, sampler)
        offset, slope = float(after[0]), float(after[1] - after[0])
        mean, variance = offset + slope * mean, slope**2 * variance + added**2
    return Moments(mean, math.sqrt(variance))


@pytest.mark.parametrize(
    ("sampler", "steps", "std"),
    [
        (None, 8, 0.340),
        (Sampler("dance_sde", 0.3), 8, 0.348),
        (Sampler("dance_sde", 1.0), 8, 0.426),
        (Sampler("flow_sde", 0.7), 8, 0.398),
        (Sampler("cps", 0.8), 8, 0.298),
        (Sampler("dance_sde", 0.3), 200, 0.4935),
        (Sampler("flow_sde", 0.7), 200, 0.4966),
        (Sampler("cps", 0.8), 200, 0.394),
        (Sampler("dance_sde", 0.3), 1000, 0.4987),
        (Sampler("flow_sde", 0.7), 1000, 0.4997),
        (Sampler("cps", 0.8), 1000, 0.4009),
    ],
)
def test_samplers_keep_the_mean_and_all_but_cps_the_spread(sampler: Sampler | None, steps: int, std: float) -> None:
    """Few steps shrink the spread with or without noise; with many, Dance and Flow reach the data's .5 and CPS does not."""
    end = path(steps, sampler, 0.5)
    assert end.mean == pytest.approx(0.3, abs=1e-6)
    assert end.std == pytest.approx(std, abs=6e-4)


@pytest.mark.parametrize("sampler", [None, *SAMPLERS])
def test_fine_detail_is_left_fine_since_the_last_step_has_no_noise(sampler: Sampler | None) -> None:
    assert path(8, sampler, 0.05).std < 0.01


def test_a_clipped_row_has_no_gradient_at_all() -> None:
    old = torch.zeros(5)
    pays = torch.tensor([1.0, -0.1, 1.0, -0.1, 1.0])
    now = torch.tensor([1.35, 0.74, 0.74, 1.35, 1.1]).log().requires_grad_()
    result = surrogate(now, old, pays, Clip(0.2))
    result.loss.sum().backward()
    assert now.grad is not None
    assert result.stopped.tolist() == [True, True, False, False, False], "one that goes back is not stopped"
    assert now.grad[:2].tolist() == [0.0, 0.0] and (now.grad[2:] != 0).all()


def test_trust_stops_what_is_far_and_goes_further() -> None:
    """In place of the ratio's clip: by the exact KL to the rollout's policy."""
    now = torch.tensor([0.01, 0.01, -0.01, -0.01, 3.0]).requires_grad_()
    pays = torch.tensor([1.0, 1.0, 1.0, -0.1, 1.0])
    moved = torch.tensor([2e-5, 0.5e-5, 2e-5, 2e-5, 0.0])
    result = surrogate(now, torch.zeros(5), pays, Clip(trust=1e-5), moved)
    result.loss.sum().backward()
    assert now.grad is not None
    assert result.stopped.tolist() == [True, False, False, True, False], "the ratio itself stops nothing"
    assert [g == 0 for g in now.grad.tolist()] == result.stopped.tolist()


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("clip", [Clip(0.2), Clip(0.001), Clip(trust=1e-3)])
def test_the_gradient_is_that_of_finite_differences(sampler: Sampler, clip: Clip) -> None:
    """With a small network as the velocity, in float64."""
    torch.manual_seed(0)
    network: Any = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.Tanh(), torch.nn.Linear(16, 6)).double()
    grid, x, base = sigmas(6, 3.0), drawn(4, 6), drawn(4, 6, seed=9)
    with torch.no_grad():
        start = step(x, network(x), grid, 1, sampler)
        after = start.mean + start.std * drawn(4, 6, seed=2)
        old = log_prob(after, start)
        for p in network.parameters():
            p += 0.02 * torch.randn_like(p)
    pays = torch.tensor([0.55, -0.55, 1.0, -0.1], dtype=torch.float64)

    def loss() -> Tensor:
        now = step(x, network(x), grid, 1, sampler)
        moved = kl(now.mean, start.mean, now.std)
        rows = surrogate(log_prob(after, now), old, pays, clip, moved)
        return (rows.loss + 0.01 * kl(now.mean, base, now.std)).sum()

    loss().backward()
    for p in network.parameters():
        flat, grad = p.data.view(-1), p.grad.view(-1)
        for n in range(0, len(flat), 7):
            value = float(flat[n])
            ends = []
            for h in (1e-5, -1e-5):
                flat[n] = value + h
                ends.append(float(loss().detach()))
            flat[n] = value
            if clip.trust is None:  # trust leaves the value as it is, and takes the gradient alone
                assert float(grad[n]) == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-6)


def test_a_win_and_a_loss_by_mode() -> None:
    won = Two(1.0, -0.1)
    assert advantages(won, "paper") == won, "the mean, .45, pays both for being decidable"
    assert advantages(won, "centred") == Two(0.55, -0.55)
    assert advantages(Two(0.45, 0.45), "centred") == Two(0, 0)
