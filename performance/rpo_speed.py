"""RPO at FLUX.1-dev's size with random weights, built on the device: memory, seconds by phase, and whether the ratio is 1.

    python -m performance.rpo_speed                        # a GPU of 80 GB; nothing is downloaded
    python -m performance.rpo_speed --small                # the same code with a tiny network, on a CPU

Speed and memory do not depend on what the weights are; the pictures are noise, and a judge of pixels stands in for a real one.
"""

from __future__ import annotations

import argparse
import time
from typing import NamedTuple

import torch

from evaluators.specs import JudgeSpec
from harness_plugins.rewards.background_loop import BackgroundLoop
from harness_plugins.rewards.rpo import RPOReward
from harness_plugins.rpo.generators.adapter import adapt, trained
from harness_plugins.rpo.generators.base import Conditions, Generator, Size
from harness_plugins.rpo.generators.flux import Flux
from harness_plugins.rpo.generators.tiny import tiny_flux
from harness_plugins.rpo.judging import PairJudge
from harness_plugins.rpo.objective import accumulate
from harness_plugins.rpo.prompts import Pair, Prompt, Two
from harness_plugins.rpo.recipe import Sampling, Updates
from harness_plugins.rpo.rollouts import Rollout, roll

TARGETS = ("to_q", "to_k", "to_v", "to_out.0")


def real_flux(device: torch.device) -> Flux:
    """FLUX.1-dev's shapes, 11.9 billion random weights in bfloat16."""
    from diffusers import AutoencoderKL, FluxTransformer2DModel

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            network = FluxTransformer2DModel(guidance_embeds=True)  # the defaults are FLUX.1's
    finally:
        torch.set_default_dtype(before)
    with torch.device(device):
        vae = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            latent_channels=16,
            scaling_factor=0.3611,
            shift_factor=0.1159,
            use_quant_conv=False,
            use_post_quant_conv=False,
        )
    return Flux(network, vae.requires_grad_(False), device, torch.bfloat16, guidance=3.5)


class Times(NamedTuple):
    """Seconds."""

    rollout: float
    judge: float
    train: float


def measure(generator: Generator, conditions: Conditions, *, pairs: int, sampling: Sampling, updates: Updates) -> None:
    """Two steps of the training, of which the second is told."""
    adapt(generator.network, rank=16, alpha=32, targets=TARGETS, seed=0)
    print(
        f"weights {sum(p.numel() for p in generator.network.parameters()) / 1e9:.3f} billion, trained "
        f"{sum(p.numel() for p in trained(generator.network).values()) / 1e6:.2f} million"
    )
    optimizer = torch.optim.AdamW(trained(generator.network).values(), lr=updates.learning_rate)
    loop = BackgroundLoop(RPOReward(JudgeSpec(name="brightest", backend="pixels")))
    judge = PairJudge(loop, lambda row: None, {}, 0)
    prompts = [Prompt(f"p{n}", f"a picture {n}") for n in range(pairs)]
    times, off = Times(0, 0, 0), 0.0
    for step in range(2):
        start = now()
        rollouts: list[Rollout] = []
        for n, prompt in enumerate(prompts):
            pair = Pair(step, n, prompt, 0)
            rollouts.append(
                roll(generator, [pair], [conditions], sampling=sampling, trained=sampling.trained_steps, seed=0)
            )
            judge.send(pair, rollouts[-1].images)
        rolled = now()
        rows = judge.rows()
        judged = now()
        # The pictures of random weights may be equal; every pair is trained all the same.
        rewards = {n: row.rewards or Two(1.0, -0.1) for n, row in rows.items()}
        off = accumulate(generator, rollouts, rewards, sampling=sampling, updates=updates, valid=2 * pairs).ratio_off
        torch.nn.utils.clip_grad_norm_(trained(generator.network).values(), updates.gradient_norm)
        optimizer.step()
        optimizer.zero_grad()
        times = Times(rolled - start, judged - rolled, now() - judged)
    print(
        f"{pairs} pairs: pictures {times.rollout:.2f} s, waiting for the judge {times.judge:.2f} s, training {times.train:.2f} s:"
    )
    print(f"  {pairs / sum(times):.3f} pairs a second, {pairs / (times.rollout + times.train):.3f} without a judge")
    print(f"largest |ratio - 1| before the update: {off:.2e}")
    if torch.cuda.is_available():
        print(f"at most {torch.cuda.max_memory_allocated() / 1e9:.1f} GB on {torch.cuda.get_device_name()}")
    loop.close()


def now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a tiny network, on a CPU")
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--no-checkpointing", action="store_true")
    args = parser.parse_args(argv)
    device = torch.device("cuda" if torch.cuda.is_available() and not args.small else "cpu")
    if args.small:
        generator, width, tokens, pooled, side = tiny_flux(0, torch.bfloat16, device), 32, 8, 32, 16
    else:
        generator, width, tokens, pooled, side = real_flux(device), 4096, 512, 768, args.side
    if not args.no_checkpointing:
        generator.network.enable_gradient_checkpointing()
    drawn = torch.Generator().manual_seed(0)
    conditions = Conditions(
        {"text": torch.randn(tokens, width, generator=drawn), "pooled": torch.randn(pooled, generator=drawn)},
        Size(side, side),
    )
    measure(generator, conditions, pairs=args.pairs, sampling=Sampling(), updates=Updates())


if __name__ == "__main__":
    main()
