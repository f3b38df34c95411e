"""FLUX and Qwen-Image-Edit with random weights and a few thousand parameters, for laptops and tests: diffusers' own classes, and all of
the training's code. A prompt's embedding is drawn from its text."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor

from harness_plugins.rpo.generators.base import Conditions, Encoder, Size, source_image
from harness_plugins.rpo.generators.flux import Flux
from harness_plugins.rpo.generators.qwen_edit import QwenEdit, encode_source
from harness_plugins.rpo.prompts import Prompt

TEXT_WIDTH, TEXT_TOKENS, POOLED_WIDTH = 32, 8, 32
LATENT_CHANNELS = 4
SIDE = 16
"""Of pictures and sources, in pixels."""


class TinyEncoder(Encoder):
    """Args:
    vae: encodes sources; None where there are none.
    """

    def __init__(self, side: int, vae: Any = None) -> None:
        self._size, self._vae = Size(side, side), vae

    def encode(self, prompt: Prompt) -> Conditions:
        tensors = {"text": _drawn(prompt.text, TEXT_TOKENS, TEXT_WIDTH)}
        if self._vae is None:
            return Conditions({**tensors, "pooled": _drawn(prompt.text, 1, POOLED_WIDTH)[0]}, self._size)
        if prompt.negative is not None:
            tensors["negative"] = _drawn(prompt.negative, TEXT_TOKENS, TEXT_WIDTH)
        image = source_image(prompt).resize((self._size.width, self._size.height))
        return Conditions({**tensors, "source": encode_source(self._vae, image)}, self._size, self._size)


def _drawn(text: str, tokens: int, width: int) -> Tensor:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
    return torch.randn((tokens, width), generator=torch.Generator().manual_seed(seed))


def tiny_flux(seed: int, dtype: torch.dtype, device: torch.device, *, warm_up: int = 0) -> Flux:
    """78,544 weights and a decoder of 14,523, random but for the decoder's warm-up."""
    from diffusers import AutoencoderKL, FluxTransformer2DModel

    torch.set_num_threads(1)  # for so few numbers, threads cost more than they bring
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = FluxTransformer2DModel(
            patch_size=1,
            in_channels=4 * LATENT_CHANNELS,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=TEXT_WIDTH,
            pooled_projection_dim=POOLED_WIDTH,
            guidance_embeds=True,
            axes_dims_rope=(4, 6, 6),
        )
        vae = AutoencoderKL(
            in_channels=3,
            out_channels=3,
            down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
            up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
            block_out_channels=(8, 8),
            layers_per_block=1,
            latent_channels=LATENT_CHANNELS,
            norm_num_groups=4,
            scaling_factor=0.3611,
            shift_factor=0.1159,
            use_quant_conv=False,
            use_post_quant_conv=False,
            mid_block_add_attention=False,
        )
    vae.load_state_dict(_warmed(f"flux-{seed}", warm_up, vae, video=False))
    return Flux(_as(network, dtype).to(device), vae.to(device).requires_grad_(False), device, dtype, guidance=3.5)


_WARMED: dict[tuple[str, int], dict[str, Tensor]] = {}
"""Encoder and generator of a run each make the same VAE."""


def _warmed(name: str, steps: int, vae: Any, *, video: bool) -> dict[str, Tensor]:
    """The weights of a VAE after so many steps in which it learned to show flat colours, and edges between two of them."""
    if (name, steps) not in _WARMED:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(0)
            optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)
            for _ in range(steps):
                colours = torch.rand(16, 3, 1, 1).repeat(1, 1, SIDE, SIDE)
                colours[8:, :, :, SIDE // 2 :] = torch.rand(8, 3, 1, 1)
                pixels = 2 * colours - 1
                latents = vae.encode(pixels[:, :, None] if video else pixels).latent_dist
                shown = vae.decode(latents.mode()).sample
                # Latents of about the size of noise, which the path begins from.
                loss = (shown.view_as(pixels) - pixels).abs().mean() + 0.01 * (latents.mean.std() - 1) ** 2
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        _WARMED[name, steps] = {k: v.detach().clone() for k, v in vae.state_dict().items()}
    return _WARMED[name, steps]


def _as(network: Any, dtype: torch.dtype) -> Any:
    return network if dtype == torch.float32 else network.to(dtype)  # diffusers warns of every cast


def tiny_qwen_edit(seed: int, dtype: torch.dtype, device: torch.device, *, warm_up: int) -> QwenEdit:
    """Two blocks, and a decoder that learned to show flat colours in `warm_up` steps: a random one shows hardly anything of its
    latents."""
    from diffusers import QwenImageTransformer2DModel

    torch.set_num_threads(1)  # for so few numbers, threads cost more than they bring
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = QwenImageTransformer2DModel(
            patch_size=2,
            in_channels=4 * LATENT_CHANNELS,
            out_channels=LATENT_CHANNELS,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=TEXT_WIDTH,
            axes_dims_rope=(4, 6, 6),
        )
    vae = _qwen_vae(seed, warm_up)
    return QwenEdit(_as(network, dtype).to(device), vae.to(device).requires_grad_(False), device, dtype)


def _qwen_vae(seed: int, warm_up: int) -> Any:
    from diffusers import AutoencoderKLQwenImage

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vae = AutoencoderKLQwenImage(
            base_dim=8,
            z_dim=LATENT_CHANNELS,
            dim_mult=[1, 2],
            num_res_blocks=1,
            temperal_downsample=[False],
            latents_mean=[0.0] * LATENT_CHANNELS,
            latents_std=[1.0] * LATENT_CHANNELS,
        )
    vae.load_state_dict(_warmed(f"qwen-{seed}", warm_up, vae, video=True))
    return vae
