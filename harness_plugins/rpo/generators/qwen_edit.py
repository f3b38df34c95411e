"""Qwen-Image-Edit: an instruction and a source image to an image. The network reads the source's latents beside the noisy ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from evaluators.errors import UserError
from harness_plugins.rpo.generators.base import (
    Batch,
    Conditions,
    Encoder,
    Generator,
    Size,
    pack,
    padded,
    source_image,
    unpack,
)
from harness_plugins.rpo.prompts import Prompt

CONDITION_SIDE = 384
"""Of the source as the text encoder of the 2509 kind (QwenImageEditPlusPipeline) sees it, about, in pixels."""


class QwenEditEncoder(Encoder):
    """Qwen2.5-VL, which reads instruction and source, and the VAE for the source.

    Args:
        pipeline: a QwenImageEditPipeline or QwenImageEditPlusPipeline; it needs no transformer.
        side, source_side: of the picture and of the source, as squares of the same area; both have the source's proportions.
    """

    def __init__(self, pipeline: Any, side: int, source_side: int) -> None:
        self._pipeline, self._side, self._source_side = pipeline, side, source_side
        self._plus = "Plus" in type(pipeline).__name__

    @torch.no_grad()  # type: ignore[untyped-decorator]  # torch has no types here
    def encode(self, prompt: Prompt) -> Conditions:
        from PIL import Image

        image = source_image(prompt)
        ratio = image.width / image.height
        size, source = of_area(self._side, ratio), of_area(self._source_side, ratio)
        seen = of_area(CONDITION_SIDE, ratio) if self._plus else source
        shown = image.resize((seen.width, seen.height), Image.Resampling.LANCZOS)
        tensors = {"text": self._text(prompt.text, shown)}
        if prompt.negative is not None:
            tensors["negative"] = self._text(prompt.negative, shown)
        pixels = image.resize((source.width, source.height), Image.Resampling.LANCZOS)
        tensors["source"] = encode_source(self._pipeline.vae, pixels)
        return Conditions(tensors, size, source)

    def _text(self, text: str, image: Any) -> Tensor:
        device = self._pipeline.text_encoder.device
        embeds, _ = self._pipeline.encode_prompt([text], image=[image] if self._plus else image, device=device)
        tensor: Tensor = embeds[0].cpu()
        return tensor


class QwenEdit(Generator):
    @property
    def pipeline(self) -> Any:
        from diffusers import QwenImageEditPipeline

        return QwenImageEditPipeline

    @property
    def latent_factor(self) -> int:
        return int(2 ** len(self.vae.temperal_downsample))

    def batch(self, conditions: Sequence[Conditions]) -> Batch:
        assert len({c.shape for c in conditions}) == 1, "one batch, one shape"
        tensors = {"source": torch.stack([c.tensors["source"] for c in conditions])}
        for name in ("text", "negative"):
            if name in conditions[0].tensors:
                tensors[name], mask = padded([c.tensors[name] for c in conditions])
                if mask is not None:
                    tensors[f"{name}_mask"] = mask
        placed = {n: t.to(self.device, t.dtype if t.dtype == torch.bool else self.dtype) for n, t in tensors.items()}
        return Batch(placed, conditions[0].size, conditions[0].source)

    def velocity(self, x: Tensor, sigma: float, batch: Batch, cfg: float = 1.0) -> Tensor:
        conditional = self._pass(x, sigma, batch, "text")
        if cfg <= 1:
            return conditional
        if "negative" not in batch.tensors:
            raise UserError('cfg above 1 needs a negative prompt: set `negative_prompt`, a space (" ") for none')
        other = self._pass(x, sigma, batch, "negative")
        guided = other + cfg * (conditional - other)
        # As the pipeline does: guidance changes the direction, and each token keeps its length.
        return guided * (conditional.norm(dim=-1, keepdim=True) / guided.norm(dim=-1, keepdim=True))

    def _pass(self, x: Tensor, sigma: float, batch: Batch, text: str) -> Tensor:
        assert batch.source is not None
        tokens = [
            (1, size.height // self.pixels_per_token, size.width // self.pixels_per_token)
            for size in (batch.size, batch.source)
        ]
        output = self.network(
            hidden_states=torch.cat([x.to(self.dtype), batch.tensors["source"]], 1),
            timestep=x.new_full((len(x),), sigma),
            encoder_hidden_states=batch.tensors[text],
            encoder_hidden_states_mask=batch.tensors.get(f"{text}_mask"),
            img_shapes=[tokens] * len(x),
            return_dict=False,
        )
        velocity: Tensor = output[0][:, : x.shape[1]].float()
        return velocity

    def decode(self, x: Tensor, batch: Batch) -> Tensor:
        latents = unpack(x, batch.size.height // self.latent_factor, batch.size.width // self.latent_factor)[:, :, None]
        mean, std = _statistics(self.vae)
        pixels: Tensor = self.vae.decode(
            (latents * std.to(latents) + mean.to(latents)).to(self.vae.dtype), return_dict=False
        )[0]
        return (pixels[:, :, 0].float() / 2 + 0.5).clamp(0, 1)


def of_area(side: int, ratio: float) -> Size:
    """The size with the area of a square of that side, in steps of 32 pixels as Qwen-Image-Edit makes them.

    Args:
        ratio: width / height.

    >>> of_area(512, 16 / 9)
    Size(height=384, width=672)
    """
    width = math.sqrt(side * side * ratio)
    unit = min(32, side)
    return Size(max(unit, round(width / ratio / unit) * unit), max(unit, round(width / unit) * unit))


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch has no types here
def encode_source(vae: Any, image: Any) -> Tensor:
    """(N, C): an RGB image of PIL as packed latents, on the CPU."""
    import numpy as np

    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
    latents = vae.encode((2 * pixels - 1)[None, :, None].to(vae.device, vae.dtype)).latent_dist.mode()
    mean, std = _statistics(vae)
    packed = pack(((latents - mean.to(latents)) / std.to(latents))[:, :, 0])
    return packed[0].float().cpu()


class _Statistics(NamedTuple):
    """Of the latents' channels, (1, C, 1, 1, 1)."""

    mean: Tensor
    std: Tensor


def _statistics(vae: Any) -> _Statistics:
    mean, std = (torch.tensor(v).view(1, -1, 1, 1, 1) for v in (vae.config.latents_mean, vae.config.latents_std))
    return _Statistics(mean, std)
