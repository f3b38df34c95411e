"""What training asks of an image generator: noise, a velocity, a picture. `velocity` is the only way to the network, in rollout,
replay, evaluation and generation: two ways would round differently, and the ratio would no longer be 1."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from evaluators.errors import UserError
from harness_plugins.rpo.prompts import Prompt


class Size(NamedTuple):
    height: int
    width: int


class Shape(NamedTuple):
    picture: Size
    source: Size | None


@dataclass(frozen=True)
class Conditions:
    """A prompt as the network reads it: tensors without a batch axis, on the CPU."""

    tensors: Mapping[str, Tensor]
    size: Size
    """Of the picture to make, in pixels."""
    source: Size | None = None
    """Of the source as it was encoded."""

    @property
    def shape(self) -> Shape:
        """Prompts of equal shape may be in one batch."""
        return Shape(self.size, self.source)


@dataclass(frozen=True)
class Batch:
    """Conditions of several pictures, on the network's device."""

    tensors: Mapping[str, Tensor]
    size: Size
    source: Size | None = None

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))


def source_image(prompt: Prompt) -> Any:
    """The image that is to be edited, of PIL, in RGB.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    from PIL import Image

    if prompt.source is None:
        raise UserError(
            f"prompt {prompt.uid} ({prompt.text[:40]!r}) has no `source`: an editor needs the image to edit"
        )
    try:
        with Image.open(prompt.source) as file:
            return file.convert("RGB")
    except (OSError, ValueError, SyntaxError) as e:  # what decoders raise
        raise UserError(f"{prompt.source}: cannot be read as an image ({str(e)[:120]})") from None


class Encoder(ABC):
    """Makes conditions of prompts. It holds text encoders of many GB: it is used first, and freed before the network is loaded."""

    @abstractmethod
    def encode(self, prompt: Prompt) -> Conditions: ...


class Generator(ABC):
    """A network that turns noise into a picture, and what decodes it.

    Args:
        network: diffusers' transformer, to which the adapter is added.
        dtype: of its weights, and what it computes in; the latents stay float32.
    """

    def __init__(self, network: Any, vae: Any, device: torch.device, dtype: torch.dtype) -> None:
        self.network, self.vae, self.device, self.dtype = network, vae, device, dtype

    @property
    @abstractmethod
    def pipeline(self) -> Any:
        """diffusers' class that loads the adapter."""

    @property
    @abstractmethod
    def latent_factor(self) -> int:
        """How many pixels of a side the decoder makes of one latent."""

    @property
    def pixels_per_token(self) -> int:
        """Of a side: a token is a patch of 2 by 2 latents."""
        return 2 * self.latent_factor

    @property
    def channels(self) -> int:
        """Of a token."""
        return int(self.network.config.in_channels)

    def noise(self, seed: int, size: Size) -> Tensor:
        """(N, C), float32 on the CPU, so that all devices start from the same numbers."""
        tokens = (size.height // self.pixels_per_token) * (size.width // self.pixels_per_token)
        return torch.randn((tokens, self.channels), generator=torch.Generator().manual_seed(seed))

    @abstractmethod
    def batch(self, conditions: Sequence[Conditions]) -> Batch:
        """On the device. The conditions are of equal shape."""

    @abstractmethod
    def velocity(self, x: Tensor, sigma: float, batch: Batch, cfg: float = 1.0) -> Tensor:
        """(B, N, C), float32: the network's estimate of noise - image.

        Args:
            x: (B, N, C), float32.
            sigma: the noise level, from 1 to 0.
            cfg: classifier-free guidance; 1 is none. It takes a second pass.
        """

    @abstractmethod
    def decode(self, x: Tensor, batch: Batch) -> Tensor:
        """(B, 3, H, W), float32 in 0..1."""


def pack(latents: Tensor) -> Tensor:
    """(B, C, H, W) as (B, H/2 x W/2, 4 C), a token a patch, as FLUX and Qwen-Image read them."""
    b, c, h, w = latents.shape
    patches = latents.view(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return patches.reshape(b, (h // 2) * (w // 2), c * 4)


def unpack(tokens: Tensor, height: int, width: int) -> Tensor:
    """The inverse of `pack`: (B, N, 4 C) as (B, C, H, W).

    Args:
        height, width: of the latents.
    """
    b, _, c = tokens.shape
    patches = tokens.view(b, height // 2, width // 2, c // 4, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return patches.reshape(b, c // 4, height, width)


class Padded(NamedTuple):
    rows: Tensor
    """(B, L, C)"""
    mask: Tensor | None
    """(B, L), true where a position is real; None where all are."""


def padded(rows: Sequence[Tensor]) -> Padded:
    """Rows of different lengths, (L, C) each, as one tensor. The networks read every position that no mask leaves out."""
    longest = max(len(row) for row in rows)
    if all(len(row) == longest for row in rows):
        return Padded(torch.stack(list(rows)), None)
    tensor = torch.stack([torch.nn.functional.pad(row, (0, 0, 0, longest - len(row))) for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return Padded(tensor, torch.arange(longest)[None] < lengths[:, None])
