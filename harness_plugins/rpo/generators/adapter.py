"""The LoRA adapter that is trained: put on, switched off for the reference, saved so that diffusers' pipelines load it, and loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import torch

from evaluators.errors import UserError
from harness_plugins.rpo.generators.base import Generator

FILE = "pytorch_lora_weights.safetensors"
"""As diffusers names it: `pipeline.load_lora_weights(folder)` finds it."""
_PREFIX = "transformer."


def adapt(network: Any, *, rank: int, alpha: int, targets: Sequence[str], seed: int) -> None:
    """Put an adapter on a network, in float32 whatever the network is in.

    diffusers makes it in the network's type, and a bfloat16 weight does not move at the paper's learning rates: a step of 5e-5 is below
    what bfloat16 tells apart. It begins as no change at all (B = 0).

    Args:
        targets: the ends of the names of the linear layers that get one.

    Raises:
        UserError: the network has no such layers.
    """
    from diffusers.training_utils import cast_training_params
    from peft import LoraConfig

    network.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = LoraConfig(r=rank, lora_alpha=alpha, init_lora_weights="gaussian", target_modules=sorted(targets))
        try:
            network.add_adapter(config)
        except ValueError as e:
            raise UserError(
                f"lora.targets: {', '.join(targets)}: the network has no such layers ({str(e)[:160]})"
            ) from None
    cast_training_params(network, torch.float32)
    assert all(p.dtype == torch.float32 for p in trained(network).values())


def trained(network: Any) -> dict[str, torch.nn.Parameter]:
    """The adapter's weights, by name, in a fixed order."""
    return {name: p for name, p in sorted(network.named_parameters()) if p.requires_grad}


@contextmanager
def reference(network: Any) -> Iterator[None]:
    """The network without its adapter, for the time of the block."""
    network.disable_adapters()
    try:
        yield
    finally:
        network.enable_adapters()


def save_adapter(generator: Generator, folder: Path) -> None:
    """Write the adapter as diffusers' pipelines read it: `pipeline.load_lora_weights(folder)`.

    With its rank and alpha: a file without them loads too, at another strength.
    """
    from peft import get_peft_model_state_dict

    settings = generator.network.peft_config["default"].to_dict()
    # Sets have no order, and equal adapters are to be equal files.
    settings = {k: sorted(v) if isinstance(v, set | frozenset) else v for k, v in settings.items()}
    weights = {name: t.detach().cpu().contiguous() for name, t in get_peft_model_state_dict(generator.network).items()}
    generator.pipeline.save_lora_weights(
        folder, transformer_lora_layers=weights, transformer_lora_adapter_metadata=settings, weight_name=FILE
    )
    _order_metadata(folder / FILE)


def _order_metadata(file: Path) -> None:
    """safetensors writes the entries of its metadata in an order that differs from call to call."""
    with file.open("r+b") as f:
        length = int.from_bytes(f.read(8), "little")
        header = orjson.loads(f.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = orjson.dumps(header).ljust(length)
        assert len(text) == length, "the same header in another order"
        f.seek(8)
        f.write(text)


def load_adapter(network: Any, folder: Path) -> None:
    """Set the adapter of an adapted network to one that `save_adapter` wrote."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    weights = {name.removeprefix(_PREFIX): t for name, t in load_file(folder / FILE).items()}
    result = set_peft_model_state_dict(network, weights, "default")
    assert not result.unexpected_keys, f"not this network's: {result.unexpected_keys[:3]}"
