"""The adapter: float32 on any base, no change at first, and files that diffusers' pipelines load at the right strength."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers", reason="needs diffusers; `make test-trainers` runs this")
pytest.importorskip("peft", reason="needs peft; `make test-trainers` runs this")

import torch
from torch import Tensor

from harness_plugins.rpo.generators.adapter import FILE, adapt, load_adapter, reference, save_adapter, trained
from harness_plugins.rpo.generators.base import Generator
from harness_plugins.rpo.generators.tiny import TinyEncoder, tiny_flux, tiny_qwen_edit
from harness_plugins.rpo.prompts import Prompt
from tests.trainers.rpo.toy import CPU, moved

pytestmark = pytest.mark.heavy

TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
KINDS = ["flux", "qwen"]


def made(kind: str, dtype: torch.dtype = torch.float32, adapted: bool = True) -> Generator:
    generator: Generator = tiny_flux(0, dtype, CPU) if kind == "flux" else tiny_qwen_edit(0, dtype, CPU, warm_up=0)
    if adapted:
        adapt(generator.network, rank=4, alpha=12, targets=TARGETS, seed=1)
    return generator


def velocity(generator: Generator, tmp_path: Path) -> Tensor:
    from PIL import Image

    Image.new("RGB", (16, 16), "red").save(tmp_path / "red.png")
    editor = "Qwen" in type(generator).__name__
    encoder = TinyEncoder(16, generator.vae if editor else None)
    batch = generator.batch([encoder.encode(Prompt("p", "a cat", tmp_path / "red.png" if editor else None))])
    with torch.no_grad():
        return generator.velocity(generator.noise(7, batch.size)[None], 0.8, batch)


@pytest.mark.parametrize("kind", KINDS)
def test_the_adapter_is_float32_on_a_bfloat16_base(kind: str) -> None:
    """A bfloat16 weight of .02 does not move by 5e-5."""
    generator = made(kind, torch.bfloat16)
    weights = trained(generator.network)
    assert {p.dtype for p in weights.values()} == {torch.float32} and all("lora" in name for name in weights)
    others = {p.dtype for p in generator.network.parameters() if not p.requires_grad}
    assert others == {torch.bfloat16}
    before = {name: p.detach().clone() for name, p in weights.items() if "lora_A" in name}
    optimizer = torch.optim.AdamW(weights.values(), lr=5e-5)
    for p in weights.values():
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert all((weights[name] != p).float().mean() > 0.99 for name, p in before.items())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_at_first_it_changes_no_bit(kind: str, dtype: torch.dtype, tmp_path: Path) -> None:
    generator = made(kind, dtype)
    base = velocity(made(kind, dtype, adapted=False), tmp_path)
    assert torch.equal(velocity(generator, tmp_path), base)
    moved(generator)
    assert not torch.equal(velocity(generator, tmp_path), base)
    with reference(generator.network):
        assert torch.equal(velocity(generator, tmp_path), base)
    assert not torch.equal(velocity(generator, tmp_path), base), "on again after the block"


@pytest.mark.parametrize("kind", KINDS)
def test_diffusers_loads_it_at_the_right_strength(kind: str, tmp_path: Path) -> None:
    """Alpha is three times the rank; a file without it would act at a third."""
    from diffusers import FluxPipeline, QwenImageEditPipeline

    generator = made(kind)
    moved(generator)
    save_adapter(generator, tmp_path / "adapter")
    expected = velocity(generator, tmp_path)
    plain = made(kind, adapted=False)
    base = velocity(plain, tmp_path)
    nothing = dict.fromkeys(("scheduler", "vae", "text_encoder", "tokenizer"))
    pipeline: Any
    if kind == "flux":
        pipeline = FluxPipeline(**nothing, text_encoder_2=None, tokenizer_2=None, transformer=plain.network)
    else:
        pipeline = QwenImageEditPipeline(**nothing, processor=None, transformer=plain.network)
    pipeline.load_lora_weights(tmp_path / "adapter")
    assert (velocity(plain, tmp_path) - expected).abs().max() < 1e-6
    assert (base - expected).abs().max() > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_loaded_to_the_bit(kind: str, tmp_path: Path) -> None:
    first, second = made(kind), made(kind)
    moved(first)
    save_adapter(first, tmp_path / "adapter")
    load_adapter(second.network, tmp_path / "adapter")
    for name, p in trained(first.network).items():
        assert torch.equal(p, trained(second.network)[name])
        assert trained(second.network)[name].requires_grad
    other = made("qwen" if kind == "flux" else "flux")
    with pytest.raises((AssertionError, RuntimeError)):
        load_adapter(other.network, tmp_path / "adapter")


SAVES = """
import sys, torch
from pathlib import Path
from tests.trainers.rpo.test_adapter import made, moved, save_adapter
generator = made("flux")
moved(generator)
save_adapter(generator, Path(sys.argv[1]))
"""


def test_equal_adapters_are_equal_files(tmp_path: Path) -> None:
    """safetensors itself writes metadata in an order that differs from call to call."""
    generator = made("flux")
    moved(generator)
    files = set()
    for n in range(12):
        save_adapter(generator, tmp_path / str(n))
        files.add((tmp_path / str(n) / FILE).read_bytes())
    assert len(files) == 1


@pytest.mark.long
def test_equal_adapters_are_equal_files_in_any_process(tmp_path: Path) -> None:
    digests = set()
    for hashing in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hashing}
        subprocess.run([sys.executable, "-c", SAVES, str(tmp_path / hashing)], check=True, env=environment)
        digests.add(hashlib.sha256((tmp_path / hashing / FILE).read_bytes()).hexdigest())
    assert len(digests) == 1
