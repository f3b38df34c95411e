"""Tiny random pipelines of diffusers in the layout that a real model has on disk, with text encoders and tokenizers; no download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tests.local import tiny

CPU = torch.device("cpu")


def words(length: int) -> Any:
    """A tokenizer of a token a byte, of at most so many."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: n for n, token in enumerate(["<pad>", "</s>", *letters])}
    plain = Tokenizer(models.BPE(vocabulary, []))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="<pad>", eos_token="</s>", model_max_length=length)


def flux(folder: Path) -> Any:
    """A FluxPipeline, saved; its network and decoder are those of `tiny_flux`."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline
    from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

    from harness_plugins.rpo.generators.tiny import POOLED_WIDTH, TEXT_WIDTH, tiny_flux

    generator = tiny_flux(3, torch.float32, CPU)
    torch.manual_seed(0)
    clip = CLIPTextConfig(
        vocab_size=258,
        hidden_size=POOLED_WIDTH,
        intermediate_size=37,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=77,
        eos_token_id=1,
        bos_token_id=0,
        pad_token_id=0,
    )
    t5 = T5Config(vocab_size=258, d_model=TEXT_WIDTH, d_kv=8, d_ff=37, num_layers=1, num_heads=2)
    pipeline = FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=False, shift=1.0),
        vae=generator.vae,
        text_encoder=CLIPTextModel(clip),
        tokenizer=words(77),
        text_encoder_2=T5EncoderModel(t5),
        tokenizer_2=words(32),
        transformer=generator.network,
    )
    pipeline.save_pretrained(folder)
    return _quiet(pipeline)


class Reading:
    """What Qwen2.5-VL's processor does with a text and an image; its own class needs torchvision, for videos."""

    def __init__(self, tokenizer: Any, pictures: Any) -> None:
        self.tokenizer, self.pictures = tokenizer, pictures

    def __call__(self, text: list[str], images: Any, padding: bool, return_tensors: str) -> Any:
        from transformers import BatchFeature

        seen = self.pictures(images=images, return_tensors=return_tensors)
        tokens = int(seen["image_grid_thw"][0].prod()) // 4
        text = [t.replace("<|image_pad|>", "<|image_pad|>" * tokens) for t in text]
        return BatchFeature({**self.tokenizer(text, padding=padding, return_tensors=return_tensors), **seen})


def qwen_edit(folder: Path) -> Any:
    """A QwenImageEditPipeline with a Qwen2.5-VL that reads the source; network and decoder are saved."""
    from diffusers import FlowMatchEulerDiscreteScheduler, QwenImageEditPipeline, QwenImageTransformer2DModel
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessor

    from harness_plugins.rpo.generators.tiny import LATENT_CHANNELS, tiny_qwen_edit

    tokenizer, ids = tiny.qwen_tokenizer()
    rope = {"type": "mrope", "rope_type": "default", "mrope_section": [8, 12, 12]}
    vision = {
        "depth": 1,
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_heads": 2,
        "out_hidden_size": 256,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 112,
        "fullatt_block_indexes": [0],
    }
    config = Qwen2_5_VLConfig(
        text_config=tiny.text_config(ids, len(tokenizer), 256, 1, 2048, rope_scaling=rope),
        vision_config=vision,
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
        vision_token_id=ids["vision_pad"],
        tie_word_embeddings=False,
        pad_token_id=ids["endoftext"],
    )
    torch.manual_seed(0)
    reader = Qwen2_5_VLForConditionalGeneration(config)
    network = QwenImageTransformer2DModel(
        patch_size=2,
        in_channels=4 * LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=256,
        axes_dims_rope=(4, 6, 6),
    )
    vae = tiny_qwen_edit(3, torch.float32, CPU, warm_up=0).vae
    vae.register_to_config(latents_mean=[0.1, -0.2, 0.3, 0.0], latents_std=[1.5, 0.8, 1.2, 2.0])
    pipeline = QwenImageEditPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=False, shift=1.0),
        vae=vae,
        text_encoder=reader,
        tokenizer=tokenizer,
        processor=Reading(tokenizer, Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=28 * 28 * 16)),
        transformer=network,
    )
    network.save_pretrained(folder / "transformer")
    vae.save_pretrained(folder / "vae")
    return _quiet(pipeline)


def _quiet(pipeline: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    return pipeline
