"""Our way to the network beside diffusers' own pipelines: packing, pictures, and what a model on disk must be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers", reason="needs diffusers; `make test-trainers` runs this")

import torch
from PIL import Image

from evaluators.errors import UserError
from harness_plugins.rpo import flow
from harness_plugins.rpo.conditions import ConditionStore
from harness_plugins.rpo.generators.base import Size, pack, padded, unpack
from harness_plugins.rpo.generators.flux import Flux
from harness_plugins.rpo.generators.loading import load_generator, open_encoder
from harness_plugins.rpo.generators.qwen_edit import CONDITION_SIDE, QwenEditEncoder, of_area
from harness_plugins.rpo.pictures import eight_bits, read_picture, save_picture
from harness_plugins.rpo.prompts import Prompt
from harness_plugins.rpo.recipe import GeneratorSpec
from harness_plugins.rpo.rollouts import pictures
from tests.trainers.rpo import pipelines
from tests.trainers.rpo.pipelines import CPU

pytestmark = pytest.mark.heavy

PROMPT, STEPS, SHIFT = "a red square on a table", 3, 3.0
SIGMAS = list(flow.sigmas(STEPS, SHIFT)[:-1])


def test_packing_is_that_of_diffusers() -> None:
    from diffusers import FluxPipeline, QwenImageEditPipeline

    latents = torch.randn(2, 4, 6, 10)
    tokens = pack(latents)
    assert torch.equal(tokens, FluxPipeline._pack_latents(latents, 2, 4, 6, 10))
    assert torch.equal(tokens, QwenImageEditPipeline._pack_latents(latents, 2, 4, 6, 10))
    assert torch.equal(unpack(tokens, 6, 10), latents)
    assert torch.equal(latents, FluxPipeline._unpack_latents(tokens, 48, 80, 8))
    assert torch.equal(latents, QwenImageEditPipeline._unpack_latents(tokens, 48, 80, 8)[:, :, 0])


def test_rows_of_one_length_need_no_mask() -> None:
    short, long = torch.ones(2, 3), torch.ones(4, 3)
    assert padded([long, long]).mask is None
    rows, mask = padded([short, long])
    assert rows.shape == (2, 4, 3) and mask is not None
    assert mask.tolist() == [[True, True, False, False], [True] * 4] and rows[0].sum() == 6


@pytest.fixture(scope="module")
def flux(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("flux")
    return pipelines.flux(folder), folder


def test_flux_makes_the_picture_that_its_pipeline_makes(flux: tuple[Any, Path]) -> None:
    """From text to pixels, loaded from disk; higher than wide, so that axes are not mixed up."""
    pipeline, folder = flux
    spec = GeneratorSpec(kind="flux", model=str(folder), dtype="float32", side=32, max_tokens=32, guidance=3.5)
    conditions = open_encoder(spec, CPU).encode(Prompt("p", PROMPT))
    generator = load_generator(spec, CPU)
    assert conditions.size == Size(32, 32)
    conditions = type(conditions)(conditions.tensors, Size(32, 16))
    ours = pictures(generator, [conditions], [7], steps=STEPS, shift=SHIFT, cfg=1)
    theirs = pipeline(
        PROMPT,
        height=32,
        width=16,
        sigmas=SIGMAS,
        num_inference_steps=STEPS,
        guidance_scale=3.5,
        latents=generator.noise(7, Size(32, 16))[None],
        max_sequence_length=32,
        output_type="pt",
    ).images
    assert ours.shape == theirs.shape == (1, 3, 32, 16)
    assert (ours - theirs).abs().max() < 1e-5 and ours.std() > 0.01
    other = open_encoder(spec, CPU).encode(Prompt("q", "something else"))
    assert (other.tensors["text"] - conditions.tensors["text"]).abs().max() > 0.01, "the text is read"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_a_recipe_says_is_what_is_loaded(flux: tuple[Any, Path], dtype: Any) -> None:
    spec = GeneratorSpec(kind="flux", model=str(flux[1]), dtype=dtype, side=32)
    generator = load_generator(spec, CPU)
    assert {p.dtype for p in generator.network.parameters()} == {getattr(torch, dtype)}
    assert {p.dtype for p in generator.vae.parameters()} == {torch.float32}, "it makes what the judge sees"
    assert not any(p.requires_grad for m in (generator.network, generator.vae) for p in m.parameters())
    assert isinstance(generator, Flux) and generator.network.is_gradient_checkpointing


def test_a_model_that_is_not_there_is_an_error_that_names_it(tmp_path: Path, flux: tuple[Any, Path]) -> None:
    spec = GeneratorSpec(kind="flux", model=str(tmp_path / "nowhere"))
    for load in (open_encoder, load_generator):
        with pytest.raises(UserError, match=r"generator\.model: .*nowhere cannot be loaded"):
            load(spec, CPU)
    with pytest.raises(UserError, match=r"generator\.side: 30 is no multiple of 4"):
        load_generator(GeneratorSpec(kind="flux", model=str(flux[1]), dtype="float32", side=30), CPU)


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path, Path]:
    folder = tmp_path_factory.mktemp("qwen")
    pipeline = pipelines.qwen_edit(folder)
    source = tmp_path_factory.mktemp("sources") / "source.png"
    torch.manual_seed(0)
    Image.fromarray(torch.randint(0, 256, (60, 100, 3), dtype=torch.uint8).numpy()).save(source)
    return pipeline, folder, source


SIDE = 64
TEXTS = ["Make it red", "Make the table in the background much brighter"]


@pytest.mark.parametrize("cfg", [1.0, 4.0])
def test_qwen_image_edit_makes_the_picture_that_its_pipeline_makes(
    qwen: tuple[Any, Path, Path], cfg: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a source that is wider than high, under guidance, and in a batch whose texts differ in length."""
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit as module

    pipeline, folder, source = qwen
    own = module.calculate_dimensions
    monkeypatch.setattr(module, "calculate_dimensions", lambda area, ratio: own(SIDE * SIDE, ratio))  # 1 megapixel
    spec = GeneratorSpec(
        kind="qwen_image_edit", model=str(folder), dtype="float32", side=SIDE, source_side=SIDE, checkpointing=False
    )
    encoder = QwenEditEncoder(pipeline, SIDE, SIDE)
    conditions = [encoder.encode(Prompt(t, t, source, " " if cfg > 1 else None)) for t in TEXTS]
    generator = load_generator(spec, CPU)
    assert len({len(c.tensors["text"]) for c in conditions}) == 2 and conditions[0].size == Size(64, 96)
    ours = pictures(generator, conditions, [7, 8], steps=STEPS, shift=SHIFT, cfg=cfg)
    for n, text in enumerate(TEXTS):
        theirs = pipeline(
            Image.open(source).convert("RGB"),
            text,
            negative_prompt=" " if cfg > 1 else None,
            true_cfg_scale=cfg,
            sigmas=SIGMAS,
            num_inference_steps=STEPS,
            latents=generator.noise(7 + n, Size(64, 96))[None],
            output_type="pt",
        ).images
        assert theirs.shape == (1, 3, 64, 96)
        assert (ours[n] - theirs[0]).abs().max() < 1e-5 and ours[n].std() > 0.01


def test_the_source_is_seen_and_padding_is_not(qwen: tuple[Any, Path, Path], tmp_path: Path) -> None:
    pipeline, folder, source = qwen
    spec = GeneratorSpec(
        kind="qwen_image_edit", model=str(folder), dtype="float32", side=SIDE, source_side=SIDE, checkpointing=False
    )
    encoder, generator = QwenEditEncoder(pipeline, SIDE, SIDE), load_generator(spec, CPU)
    Image.new("RGB", (100, 60)).save(tmp_path / "black.png")
    short, long = (encoder.encode(Prompt(t, t, source)) for t in TEXTS)
    black = encoder.encode(Prompt("b", TEXTS[0], tmp_path / "black.png"))
    x = generator.noise(7, short.size)[None]

    def velocity(*conditions: Any) -> torch.Tensor:
        batch = generator.batch(conditions)
        return generator.velocity(x.repeat(len(conditions), 1, 1), 0.9, batch)

    with torch.no_grad():
        alone = velocity(short)
        assert (velocity(short, long)[:1] - alone).abs().max() < 1e-5
        assert (velocity(black) - alone).abs().max() > 1e-3


def test_an_editor_without_source_or_negative_says_so(qwen: tuple[Any, Path, Path]) -> None:
    spec = GeneratorSpec(kind="qwen_image_edit", model=str(qwen[1]), dtype="float32", side=SIDE, source_side=SIDE)
    encoder, generator = QwenEditEncoder(qwen[0], SIDE, SIDE), load_generator(spec, CPU)
    with pytest.raises(UserError, match="has no `source`"):
        encoder.encode(Prompt("p", "make it red"))
    batch = generator.batch([encoder.encode(Prompt("p", "make it red", qwen[2]))])
    with pytest.raises(UserError, match="negative"):
        generator.velocity(torch.zeros(1, len(generator.noise(0, batch.size)), generator.channels), 1.0, batch, cfg=4.0)


def test_sizes_are_the_pipelines() -> None:
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit as edit
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as plus

    for ratio in (0.37, 0.5, 2 / 3, 1.0, 100 / 60, 16 / 9, 2.9):
        width, height, _ = edit.calculate_dimensions(1024 * 1024, ratio)
        assert of_area(1024, ratio) == Size(height, width)
        width, height = plus.calculate_dimensions(plus.CONDITION_IMAGE_SIZE, ratio)
        assert of_area(CONDITION_SIDE, ratio) == Size(height, width)


def test_prompts_are_encoded_once(flux: tuple[Any, Path], tmp_path: Path) -> None:
    """They are kept by all that decides them, and the encoder is not opened again."""
    spec = GeneratorSpec(kind="flux", model=str(flux[1]), dtype="float32", side=32, max_tokens=32)
    prompts = [Prompt("a", "a cat"), Prompt("b", "a dog")]
    store = ConditionStore(tmp_path, spec, "base")
    assert store.encode(prompts, lambda: open_encoder(spec, CPU)) == 2
    assert ConditionStore(tmp_path, spec, "base").encode(prompts, lambda: pytest.fail("nothing is missing")) == 0
    anew, stored = open_encoder(spec, CPU).encode(prompts[1]), store.load(prompts[1])
    assert stored.shape == anew.shape
    assert all(torch.equal(stored.tensors[n], t) for n, t in anew.tensors.items())
    for changed in (spec.model_copy(update={"max_tokens": 16}), spec.model_copy(update={"dtype": "bfloat16"})):
        assert ConditionStore(tmp_path, changed, "base").encode(prompts[:1], lambda: open_encoder(spec, CPU)) == 1
    assert ConditionStore(tmp_path, spec, "another base").encode(prompts[:1], lambda: open_encoder(spec, CPU)) == 1


def test_a_small_picture_is_kept_to_the_bit(tmp_path: Path) -> None:
    image = torch.rand(3, 16, 12)
    save_picture(tmp_path / "a.webp", image, exact=True)
    assert torch.equal(eight_bits(read_picture(tmp_path / "a.webp")), eight_bits(image))
    assert [p.name for p in tmp_path.iterdir()] == ["a.webp"], "no part is left"
