"""GPU memory that training with the recipes beside this file takes: computed, not measured.

    python examples/memory.py                 # the table of docs/training.md

Counted are weights, gradients, AdamW's states, the reference model of GRPO's KL, vLLM's share, checkpointed activations and logits.
Not counted: CUDA's own (about 1 GB), images' activations, fragmentation (leave 10 %). GB are 10^9 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

GB = 1e9
CARD = 80.0
"""GB of the GPUs that the table is about."""
BF16, FP32 = 2, 4
ADAM = 2 * FP32
VLLM_SHARE = 0.3
"""TRL's `vllm_gpu_memory_utilization`."""


@dataclass(frozen=True)
class Model:
    name: str
    parameters: float
    layers: int
    width: int
    vocabulary: int


QWEN_3B = Model("Qwen2.5-VL-3B", 3.75e9, 36, 2048, 151_936)
QWEN_7B = Model("Qwen2.5-VL-7B", 8.29e9, 28, 3584, 152_064)
"""Of their configs on the Hub."""


@dataclass(frozen=True)
class Setting:
    stage: str
    model: Model
    gpus: int
    sharding: str
    """zero2, zero3, fsdp, or lora: a bf16 base on each GPU."""
    micro: int
    """Sequences at a time."""
    tokens: int
    """Of a sequence."""
    scored: int
    """Of these, the tokens that the loss is on: their logits are held."""
    vllm: bool = False
    """It generates on the same GPUs, and sleeps while the model trains (`vllm_enable_sleep_mode`)."""

    def states(self) -> float:
        """Bytes on each GPU: weights, gradients, optimizer, reference model."""
        p, n = self.model.parameters, self.gpus
        grpo = self.stage == "GRPO"
        if self.sharding == "lora":
            return BF16 * p  # the adapter itself is a hundredth; the reference is the base without it
        if self.sharding == "zero2":
            return BF16 * p + (BF16 + FP32 + ADAM) * p / n + (BF16 * p if grpo else 0)
        return (2 * FP32 + ADAM) * p / n + (BF16 * p / n if grpo else 0)

    def activations(self) -> float:
        """Bytes: the input of each layer, one layer in full, and logits in bf16 with their fp32 copy."""
        m = self.model
        layer = 34 * self.micro * self.tokens * m.width
        kept = BF16 * self.micro * self.tokens * m.width * m.layers
        logits = (BF16 + FP32) * self.micro * self.scored * m.vocabulary
        return layer + kept + logits

    def total(self) -> float:
        """Bytes at the peak: vLLM's share and the activations are not there at the same time."""
        return self.states() + max(self.activations(), VLLM_SHARE * CARD * GB if self.vllm else 0)


SETTINGS = (
    Setting("SFT", QWEN_7B, 4, "zero2", 2, 8192, 8192),
    Setting("SFT", QWEN_7B, 4, "zero3", 2, 8192, 8192),
    Setting("SFT", QWEN_7B, 1, "lora", 2, 8192, 8192),
    Setting("SFT", QWEN_3B, 2, "zero2", 2, 8192, 8192),
    Setting("GRPO", QWEN_7B, 8, "zero2", 8, 12_288, 8192, vllm=True),
    Setting("GRPO", QWEN_7B, 8, "zero2", 2, 12_288, 8192, vllm=True),
    Setting("GRPO", QWEN_7B, 4, "zero3", 2, 12_288, 8192, vllm=True),
    Setting("GRPO", QWEN_7B, 2, "lora", 2, 12_288, 8192, vllm=True),
    Setting("GRPO", QWEN_3B, 4, "zero2", 2, 12_288, 8192, vllm=True),
)


def table() -> str:
    """Markdown; what does not fit is bold."""
    lines = [
        f"| stage, model | GPUs of {CARD:g} GB | at a time, tokens each | weights and states | activations, logits | vLLM | together |",
        "|---|---|---|---|---|---|---|",
    ]
    for s in SETTINGS:
        total = f"{s.total() / GB:.0f} GB"
        cells = [
            f"{s.stage}, {s.model.name}",
            f"{s.gpus}, {s.sharding}",
            f"{s.micro}, {s.tokens:,}",
            f"{s.states() / GB:.0f}",
            f"{s.activations() / GB:.0f}",
            f"{VLLM_SHARE * CARD:.0f}" if s.vllm else "",
            total if s.total() / GB < 0.9 * CARD else f"**{total}**",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
