"""Tiny random vision-language models, built on the spot: real architectures and processors, no download."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def _characters(special: list[str]) -> Any:
    """A tokenizer of one token a printable character."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = ["\n", *map(chr, range(32, 127))]
    vocabulary = {token: n for n, token in enumerate([*special, *letters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=["<image>"],
        model_input_names=["input_ids", "attention_mask"],
    )


TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }}: {% for c in m['content'] %}{% if c['type'] == 'image' %}<image>"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% if m['role'] == 'assistant' %}</s>{% endif %}"
    "{% if not loop.last or add_generation_prompt %}{{ '\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)


def llava(folder: Path, context: int = 8192, side: int = 28, texts: Sequence[str] = ()) -> Path:
    """LLaVA 1.5: a CLIP tower and a Llama, 140 thousand parameters.

    Args:
        side: every image is shown whole, as a square of this many pixels: (side / 14)² tokens.
        texts: what its tokenizer learns its pieces from; without any, each character is a token.
    """
    import torch
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    special = ["<pad>", "<s>", "</s>", "<unk>", "<image>"]
    tokenizer = _pieces(special, texts) if texts else _characters(special)
    tokenizer.chat_template = TEMPLATE
    pictures = CLIPImageProcessor(size={"height": side, "width": side}, do_center_crop=False)
    processor = LlavaProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        chat_template=TEMPLATE,
        image_token="<image>",
        num_additional_image_tokens=1,
    )
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=side, patch_size=14
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=context,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    image = tokenizer.convert_tokens_to_ids("<image>")
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=image, vision_feature_layer=-1)
    torch.manual_seed(0)
    model = LlavaForConditionalGeneration(config)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    _as_on_the_hub(folder)
    return folder


def _as_on_the_hub(folder: Path) -> None:
    """LLaVA's vision weights under the names of its published checkpoints: transformers 5 saves them under shorter ones."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    short, long = "vision_tower.", "vision_tower.vision_model."
    named = {
        k if k.startswith(long) or not k.startswith(short) else long + k[len(short) :]: v for k, v in weights.items()
    }
    save_file(named, folder / "model.safetensors", metadata={"format": "pt"})


CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}{{ '\n' }}{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for c in m['content'] %}{% if c['type'] in ('image', 'image_url') %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif c['type'] == 'text' %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant{{ '\n' }}{% endif %}"
)


MARKS = ["endoftext", "im_start", "im_end", "vision_start", "vision_end", "vision_pad", "image_pad", "video_pad"]


FORM = "Reason about both responses by the rubric. <answer>1</answer> <answer>2</answer>"


def _pieces(special: list[str], texts: Sequence[str] = (FORM,) * 20, **named: str) -> Any:
    """A byte-level BPE tokenizer of at most 2000 pieces, as Qwen's and InternVL's are."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=2000, special_tokens=special, initial_alphabet=alphabet)
    plain.train_from_iterator(texts, trainer)
    # Names for them are a mapping in transformers 4 and 5; a list has another argument in 4.
    extra: dict[str, Any] = {"extra_special_tokens": named} if named else {"additional_special_tokens": special}
    extra["model_input_names"] = ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=plain, eos_token=special[2], pad_token=special[0], **extra)


def _saved(folder: Path, model: Any, tokenizer: Any, processor: Any) -> Path:
    import torch

    model = model.to(torch.float32)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def qwen_tokenizer() -> tuple[Any, dict[str, int]]:
    special = [f"<|{m}|>" for m in MARKS]
    tokenizer = _pieces(special)
    tokenizer.chat_template = CHATML
    tokenizer.image_token, tokenizer.video_token = special[6], special[7]
    return tokenizer, dict(zip(MARKS, tokenizer.convert_tokens_to_ids(special), strict=True))


def text_config(ids: dict[str, int], size: int, width: int, layers: int, context: int, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": size,
        "hidden_size": width,
        "intermediate_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // 64,
        "num_key_value_heads": width // 128,
        "max_position_embeddings": context,
        "tie_word_embeddings": False,
        "bos_token_id": ids["im_start"],
        "eos_token_id": ids["im_end"],
        "pad_token_id": ids["endoftext"],
        **more,
    }


def text(folder: Path, texts: Sequence[str], context: int = 256) -> tuple[Any, Any]:
    """A text model of Qwen2's architecture, 100 thousand parameters, and a tokenizer that has learned its pieces from `texts`."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    special = [f"<|{m}|>" for m in MARKS[:3]]
    tokenizer = _pieces(special, texts)
    tokenizer.chat_template = CHATML
    ids = dict(zip(MARKS, tokenizer.convert_tokens_to_ids(special), strict=False))
    torch.manual_seed(0)
    shape = text_config(ids, len(tokenizer), 128, 2, context) | {"hidden_size": 64, "tie_word_embeddings": True}
    model = Qwen2ForCausalLM(Qwen2Config(**shape))
    return _saved(folder, model, tokenizer, tokenizer), tokenizer


def qwen(folder: Path, context: int = 8192, width: int = 256, layers: int = 2) -> Path:
    """Qwen2.5-VL, 1.7 million parameters at its defaults. Its processor needs torchvision."""
    import torch
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    tokenizer, ids = qwen_tokenizer()
    rope = {"type": "mrope", "rope_type": "default", "mrope_section": [8, 12, 12]}
    text = text_config(ids, len(tokenizer), width, layers, context, rope_scaling=rope)
    vision = {
        "depth": 2,
        "hidden_size": 128,
        "intermediate_size": 128,
        "num_heads": 2,
        "out_hidden_size": width,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "window_size": 112,
        "fullatt_block_indexes": [1],
    }
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
        vision_token_id=ids["vision_pad"],
        tie_word_embeddings=False,
        **{k: text[k] for k in ("bos_token_id", "eos_token_id", "pad_token_id")},
    )
    torch.manual_seed(0)
    pictures = Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=28 * 28 * 64)
    processor = Qwen2_5_VLProcessor(
        image_processor=pictures, tokenizer=tokenizer, video_processor=Qwen2VLVideoProcessor(), chat_template=CHATML
    )
    return _saved(folder, Qwen2_5_VLForConditionalGeneration(config), tokenizer, processor)


def qwen3(folder: Path, context: int = 8192) -> Path:
    """Qwen3-VL: deepstack vision features, interleaved rotary sections. Its processor needs torchvision."""
    import torch
    from transformers import (
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    tokenizer, ids = qwen_tokenizer()
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [12, 10, 10], "mrope_interleaved": True}
    text = text_config(ids, len(tokenizer), 256, 3, context, head_dim=64, rope_parameters=rope)
    vision = {
        "depth": 3,
        "hidden_size": 128,
        "intermediate_size": 128,
        "num_heads": 2,
        "out_hidden_size": 256,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0, 1],
    }
    config = Qwen3VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    pictures = Qwen2VLImageProcessor(patch_size=16, min_pixels=64 * 64, max_pixels=32 * 32 * 64)
    processor = Qwen3VLProcessor(
        image_processor=pictures, tokenizer=tokenizer, video_processor=Qwen3VLVideoProcessor(), chat_template=CHATML
    )
    return _saved(folder, Qwen3VLForConditionalGeneration(config), tokenizer, processor)


INTERN = CHATML.replace("<|vision_start|><|image_pad|><|vision_end|>", "<IMG_CONTEXT>{{ '\n' }}")


def internvl(folder: Path, context: int = 8192) -> Path:
    """InternVL3 as transformers has it: an InternViT tower over tiles, pixel shuffle, a Qwen2 text model."""
    import torch
    from transformers import (
        GotOcr2ImageProcessor,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLProcessor,
        InternVLVideoProcessor,
    )

    special = [*(f"<|{m}|>" for m in MARKS[:3]), "<img>", "</img>", "<IMG_CONTEXT>", "<video>"]
    tokenizer = _pieces(
        special,
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    tokenizer.chat_template = INTERN
    ids = dict(zip(MARKS, tokenizer.convert_tokens_to_ids(special), strict=False))
    text = text_config(ids, len(tokenizer), 256, 2, context, model_type="qwen2")
    vision = {
        "hidden_size": 128,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": [56, 56],
        "patch_size": [14, 14],
        "use_qk_norm": False,
    }
    config = InternVLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        downsample_ratio=0.5,
    )
    torch.manual_seed(0)
    size = {"height": 56, "width": 56}
    processor = InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=size, crop_to_patches=True, max_patches=4),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(size=size),
        image_seq_length=4,
        chat_template=INTERN,
    )
    return _saved(folder, InternVLForConditionalGeneration(config), tokenizer, processor)


def adapter(base: Path, folder: Path) -> str:
    """A random LoRA adapter on the text model of a tiny model, as PEFT saves it."""
    import peft
    import torch
    from transformers import AutoModelForImageTextToText

    torch.manual_seed(1)
    config = peft.LoraConfig(
        target_modules=r".*language_model.*\.(q_proj|v_proj)", init_lora_weights=False, lora_alpha=32, r=8
    )
    peft.get_peft_model(AutoModelForImageTextToText.from_pretrained(base), config).save_pretrained(folder)
    return str(folder)
