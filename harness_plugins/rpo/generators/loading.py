"""From a recipe to encoder and generator: diffusers' classes, from a folder or the Hub; tiny ones are made."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from evaluators.errors import UserError
from harness_plugins.rpo.generators.base import Encoder, Generator, Size
from harness_plugins.rpo.generators.flux import Flux, FluxEncoder
from harness_plugins.rpo.generators.qwen_edit import QwenEdit, QwenEditEncoder
from harness_plugins.rpo.recipe import GeneratorSpec

TINY_SEED = 0


def open_encoder(spec: GeneratorSpec, device: torch.device) -> Encoder:
    """The text encoders of a generator.

    Raises:
        UserError: the model cannot be loaded.
    """
    if spec.kind == "tiny_flux":
        from harness_plugins.rpo.generators.tiny import TinyEncoder

        return TinyEncoder(spec.side)
    if spec.kind == "tiny_qwen_image_edit":
        from harness_plugins.rpo.generators.tiny import TinyEncoder, tiny_qwen_edit

        return TinyEncoder(spec.side, tiny_qwen_edit(TINY_SEED, torch.float32, device, warm_up=spec.vae_warm_up).vae)
    from diffusers import DiffusionPipeline

    without = {"transformer": None} if spec.kind == "qwen_image_edit" else {"transformer": None, "vae": None}
    pipeline = _loaded(spec, lambda: DiffusionPipeline.from_pretrained(spec.model, **without, **_where(spec))).to(
        device
    )
    if spec.kind == "flux":
        return FluxEncoder(pipeline, Size(spec.side, spec.side), spec.max_tokens)
    return QwenEditEncoder(pipeline, spec.side, spec.source_side)


def load_generator(spec: GeneratorSpec, device: torch.device) -> Generator:
    """Network and decoder, frozen. The decoder computes in float32: it is small, and it makes what the judge sees.

    Raises:
        UserError: the model cannot be loaded, or the size of the pictures does not fit it.
    """
    dtype = getattr(torch, spec.dtype)
    generator: Generator
    if spec.kind == "tiny_flux":
        from harness_plugins.rpo.generators.tiny import tiny_flux

        generator = tiny_flux(TINY_SEED, dtype, device, warm_up=spec.vae_warm_up)
    elif spec.kind == "tiny_qwen_image_edit":
        from harness_plugins.rpo.generators.tiny import tiny_qwen_edit

        generator = tiny_qwen_edit(TINY_SEED, dtype, device, warm_up=spec.vae_warm_up)
    elif spec.kind == "flux":
        from diffusers import AutoencoderKL, FluxTransformer2DModel

        network, vae = _network_and_vae(spec, FluxTransformer2DModel, AutoencoderKL, device)
        generator = Flux(network, vae, device, dtype, guidance=spec.guidance)
    else:
        from diffusers import AutoencoderKLQwenImage, QwenImageTransformer2DModel

        network, vae = _network_and_vae(spec, QwenImageTransformer2DModel, AutoencoderKLQwenImage, device)
        generator = QwenEdit(network, vae, device, dtype)
    if spec.side % generator.pixels_per_token:
        raise UserError(
            f"generator.side: {spec.side} is no multiple of {generator.pixels_per_token}, the side of a token"
        )
    generator.network.requires_grad_(False)
    generator.vae.requires_grad_(False)
    if spec.checkpointing:
        generator.network.enable_gradient_checkpointing()
    return generator


class _Parts(NamedTuple):
    network: Any
    vae: Any


def _network_and_vae(spec: GeneratorSpec, network_class: Any, vae_class: Any, device: torch.device) -> _Parts:
    network = _loaded(
        spec,
        lambda: network_class.from_pretrained(
            spec.model, subfolder="transformer", torch_dtype=getattr(torch, spec.dtype), **_revision(spec)
        ),
    )
    vae = _loaded(
        spec,
        lambda: vae_class.from_pretrained(spec.model, subfolder="vae", torch_dtype=torch.float32, **_revision(spec)),
    )
    return _Parts(network.to(device), vae.to(device))


def _where(spec: GeneratorSpec) -> dict[str, Any]:
    return {"torch_dtype": getattr(torch, spec.dtype), **_revision(spec)}


def _revision(spec: GeneratorSpec) -> dict[str, Any]:
    return {"revision": spec.revision} if spec.revision else {}


def _loaded(spec: GeneratorSpec, load: Any) -> Any:
    try:
        return load()
    except (OSError, ValueError, ImportError) as e:  # diffusers and the Hub: a wrong name, no access, a missing package
        raise UserError(
            f"generator.model: {spec.model} cannot be loaded: {type(e).__name__}: {str(e).strip()[:300]}"
        ) from None
