"""FLUX.1: text to image. Guidance is distilled into the network (a number that it reads), so that a picture takes one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from harness_plugins.rpo.generators.base import Batch, Conditions, Encoder, Generator, Size, unpack
from harness_plugins.rpo.prompts import Prompt


class FluxEncoder(Encoder):
    """CLIP and T5.

    Args:
        pipeline: a FluxPipeline with text encoders; it needs neither transformer nor VAE.
        max_tokens: T5's; prompts are padded to it, and FLUX reads the padding as it was trained to.
    """

    def __init__(self, pipeline: Any, size: Size, max_tokens: int) -> None:
        self._pipeline, self._size, self._max_tokens = pipeline, size, max_tokens

    @torch.no_grad()  # type: ignore[untyped-decorator]  # torch has no types here
    def encode(self, prompt: Prompt) -> Conditions:
        embeds, pooled, _ = self._pipeline.encode_prompt(
            prompt.text, prompt_2=None, device=self._pipeline.device, max_sequence_length=self._max_tokens
        )
        return Conditions({"text": embeds[0].cpu(), "pooled": pooled[0].cpu()}, self._size)


class Flux(Generator):
    """Args:
    guidance: the distilled guidance scale; FLUX.1-dev's is 3.5.
    """

    def __init__(self, network: Any, vae: Any, device: torch.device, dtype: torch.dtype, *, guidance: float) -> None:
        super().__init__(network, vae, device, dtype)
        self._guidance = guidance

    @property
    def pipeline(self) -> Any:
        from diffusers import FluxPipeline

        return FluxPipeline

    @property
    def latent_factor(self) -> int:
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    def batch(self, conditions: Sequence[Conditions]) -> Batch:
        tensors = {
            name: torch.stack([c.tensors[name] for c in conditions]).to(self.device, self.dtype)
            for name in ("text", "pooled")
        }
        return Batch(tensors, conditions[0].size)

    def velocity(self, x: Tensor, sigma: float, batch: Batch, cfg: float = 1.0) -> Tensor:
        rows, columns = batch.size.height // self.pixels_per_token, batch.size.width // self.pixels_per_token
        guided = self.network.config.guidance_embeds
        output = self.network(
            hidden_states=x.to(self.dtype),
            timestep=x.new_full((len(x),), sigma),
            guidance=x.new_full((len(x),), self._guidance) if guided else None,
            encoder_hidden_states=batch.tensors["text"],
            pooled_projections=batch.tensors["pooled"],
            txt_ids=x.new_zeros(batch.tensors["text"].shape[1], 3, dtype=self.dtype),
            img_ids=_positions(rows, columns).to(self.device, self.dtype),
            return_dict=False,
        )
        velocity: Tensor = output[0].float()
        return velocity

    def decode(self, x: Tensor, batch: Batch) -> Tensor:
        latents = unpack(x, batch.size.height // self.latent_factor, batch.size.width // self.latent_factor)
        config = self.vae.config
        latents = latents.to(self.vae.dtype) / config.scaling_factor + (config.shift_factor or 0)
        pixels: Tensor = self.vae.decode(latents, return_dict=False)[0]
        return (pixels.float() / 2 + 0.5).clamp(0, 1)


def _positions(rows: int, columns: int) -> Tensor:
    """(N, 3): 0, row and column of each token."""
    grid = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    return torch.cat([torch.zeros(len(grid), 1, dtype=grid.dtype), grid], 1)
