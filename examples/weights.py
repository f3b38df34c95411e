"""Whether training moves the weights, for the recipes beside this file: a check before the first step, and the share that moved.

Weights in bf16 have 8 bits of precision: near 0.02 the next number is 0.00012 away, and a step of 5e-6 is rounded away. So the
weights, or the optimizer's copy of them, are fp32, and only the computing is bf16. `tests/trainers/test_weights.py` trains both ways.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import torch
from transformers import TrainerCallback

SAMPLE = 4096
"""Weights of each tensor that are compared."""
STEPS = 10
FEW = 0.5
"""A smaller share that moved is warned of."""
HALF = (torch.bfloat16, torch.float16)


def check_master_weights(model: Any, deepspeed: bool = False) -> None:
    """Refuse to train weights of 16 bits that nobody keeps a copy of 32 bits of.

    Args:
        deepspeed: DeepSpeed keeps one in its optimizer.

    Raises:
        SystemExit: they would hardly move.
    """
    halves = [name for name, p in model.named_parameters() if p.requires_grad and p.dtype in HALF]
    if halves and not deepspeed:
        sys.exit(
            f"{len(halves)} trainable tensors ({halves[0]}, ...) have 16 bits and no copy of 32 bits: at these learning rates "
            "nearly all steps would be rounded away. Load the model with dtype float32 and set bf16 for the computing, or use "
            "DeepSpeed (examples/accelerate/zero2.yaml)"
        )


class WeightsMoved(TrainerCallback):
    """After ten steps, says which share of the weights has moved, and warns where it is small."""

    def __init__(self) -> None:
        self.share: float | None = None
        self._before: dict[str, torch.Tensor] = {}
        self._last = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        self._before = dict(_sampled(model))
        self._last = min(state.global_step + STEPS, state.max_steps)  # it may go on from a checkpoint

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if state.global_step == self._last:
            self._report(model, state)

    def _report(self, model: Any, state: Any) -> None:
        moved = total = 0
        for name, weights in _sampled(model):
            before = self._before.get(name)
            if before is not None and before.shape == weights.shape:
                moved += int((weights != before).sum())
                total += weights.numel()
        self._before = {}
        if not total or not state.is_world_process_zero:
            return
        self.share = moved / total
        print(f"at step {state.global_step} {self.share:.2%} of the weights have moved")
        if self.share < FEW:
            print(
                "warning: that is few: the learning rate is small for the weights' precision, or most of them are frozen"
            )


def _sampled(model: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Some weights of each trainable tensor, at even distances; under DeepSpeed those of its fp32 copy."""
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        flat = _full(parameter).detach().flatten()
        if flat.numel():  # under ZeRO-3 without DeepSpeed's help a part may be elsewhere
            yield name, flat[:: max(1, flat.numel() // SAMPLE)][:SAMPLE].clone().cpu()


def _full(parameter: Any) -> torch.Tensor:
    if hasattr(parameter, "_hp_mapping") or hasattr(parameter, "ds_id"):
        from deepspeed.utils import safe_get_full_fp32_param

        copy = safe_get_full_fp32_param(parameter)
        if copy is not None:
            return copy
    return parameter
