"""A loop as diffusers' users write it: a (tiny, random) pipeline draws candidates, the RPO reward compares them, weights move."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("diffusers", reason="needs diffusers; `make test-trainers` runs this")

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image

from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from harness_plugins.rewards.diffusion import flow_grpo_reward, rpo_reward

pytestmark = pytest.mark.heavy

SPEC = JudgeSpec(name="judge", backend="openai", model="m", base_url="http://unused.invalid/v1", retries=0)
PROMPTS = ["a red square", "a red circle"]


def redness(case: Case, position: int) -> float:
    with Image.open(case.shown()[position].media[0].files[0].path) as image:
        red, green, blue = image.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))  # type: ignore[misc]
    return float(red - (green + blue) / 2)


def redder(case: Case) -> str:
    return "1" if redness(case, 0) >= redness(case, 1) else "2"


def pipeline() -> StableDiffusionPipeline:
    torch.manual_seed(0)
    blocks = {"block_out_channels": (32, 32), "norm_num_groups": 8, "layers_per_block": 1}
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=8,
        **blocks,
    )
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        **blocks,
    )
    made = StableDiffusionPipeline(
        vae=vae,
        text_encoder=None,
        tokenizer=None,
        unet=unet,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        image_encoder=None,
        requires_safety_checker=False,
    )
    made.set_progress_bar_config(disable=True)
    return made


def drawn(pipe: Any, embeds: Any, seed: int, kind: str) -> Any:
    """Two candidates a prompt, one after the other."""
    return pipe(
        prompt_embeds=embeds,
        num_images_per_prompt=2,
        num_inference_steps=2,
        guidance_scale=1.0,
        height=16,
        width=16,
        generator=torch.Generator().manual_seed(seed),
        output_type=kind,
    ).images


@pytest.mark.parametrize("kind", ["pil", "np", "pt"])
def test_whatever_a_pipeline_returns_is_scored_alike(kind: str) -> None:
    pipe, embeds = pipeline(), torch.randn(2, 4, 16, generator=torch.Generator().manual_seed(1))
    prompts = [p for p in PROMPTS for _ in range(2)]
    reward = rpo_reward(MockJudge(SPEC, redder))
    scores = asyncio.run(reward(drawn(pipe, embeds, 3, kind), prompts))
    reference = asyncio.run(reward(drawn(pipe, embeds, 3, "pil"), prompts))
    assert [s.value for s in scores] == [s.value for s in reference]
    assert sorted(s.value for s in scores[:2] if s.value is not None) == pytest.approx([-0.1, 1.0])


def test_a_training_loop() -> None:
    """Rewards are the advantages, as in RPO; a pair in doubt is left out of the step."""
    pipe, embeds = pipeline(), torch.randn(2, 4, 16, generator=torch.Generator().manual_seed(1))
    prompts = [p for p in PROMPTS for _ in range(2)]
    doubtful = {"a red circle"}
    judge = MockJudge(SPEC, lambda case: "1" if case.item.prompt in doubtful else redder(case))
    fn = flow_grpo_reward(judge)(torch.device("cpu"))
    before = [p.detach().clone() for p in pipe.unet.parameters()]
    optimiser = torch.optim.AdamW(pipe.unet.parameters(), lr=1e-3)
    for step in range(3):
        with torch.no_grad():
            images = drawn(pipe, embeds, step, "pt").to(torch.bfloat16)
            latents = pipe.vae.encode(2 * images.float() - 1).latent_dist.mean
        scores, details = fn(images, prompts, [{} for _ in prompts])
        mask = torch.as_tensor(details["mask"]).bool()
        assert mask.tolist() == [True, True, False, False]
        advantages = torch.as_tensor(scores)[mask]
        assert sorted(advantages.tolist()) == pytest.approx([-0.1, 1.0])
        noise, times = torch.randn_like(latents), torch.full((4,), 500)
        noisy = pipe.scheduler.add_noise(latents, noise, times)
        error = (pipe.unet(noisy, times, embeds.repeat_interleave(2, 0)).sample - noise).square().mean(dim=(1, 2, 3))
        loss = (advantages * error[mask]).mean()
        assert torch.isfinite(loss)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    assert any(not torch.equal(a, b) for a, b in zip(before, pipe.unet.parameters(), strict=True))
    fn.close()
