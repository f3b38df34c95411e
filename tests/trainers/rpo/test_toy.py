"""Tiny generators learn what a judge prefers, and nothing from one that draws lots."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("diffusers", reason="needs diffusers; `make test-trainers` runs this")
pytest.importorskip("peft", reason="needs peft; `make test-trainers` runs this")

from torch import Tensor

from tests.trainers.rpo.toy import recipe, toy, training

pytestmark = pytest.mark.heavy


class Learned(NamedTuple):
    """Held-out pictures."""

    before: Tensor
    after: Tensor


def judge(look: str) -> dict[str, str]:
    if look == "random":
        return {"name": "random", "backend": "baseline", "model": "random"}
    return {"name": look, "backend": "pixels"}


def learned(folder: Path, look: str, steps: int, kind: str = "tiny_flux") -> Learned:
    """The recipe is that of the prototype: 8 pairs, Flow-SDE, and a decoder that has seen colours."""
    folder.mkdir()
    parts = toy(
        recipe(
            folder,
            kind,
            prompts=96,
            held_out=32,
            generator={"vae_warm_up": 100},
            lora={"targets": ["to_q", "to_k", "to_v", "to_out.0", "proj_mlp", "proj_out"]},
            updates={"pairs": 8, "batch": 8, "advantage": "paper"},
            reward={"judge": judge(look)},
        )
    )
    before = parts.held_out()
    with training(parts) as trainer:
        for n in range(steps):
            row = trainer.step(n)
            assert not row.ratio_off, "0, or no update: one that draws lots disagrees with itself in half of the pairs"
    return Learned(before, parts.held_out())


def brightness(pictures: Tensor) -> Tensor:
    return pictures.mean((1, 2, 3))


def redness(pictures: Tensor) -> Tensor:
    red, green, blue = pictures.mean((2, 3)).unbind(1)
    return red - (green + blue) / 2


def moves(result: Learned, look: Callable[[Tensor], Tensor]) -> float:
    """In standard deviations over the held-out prompts."""
    before, after = look(result.before), look(result.after)
    return float((after - before).mean() / before.std())


def test_flux_moves_to_where_the_judge_prefers(tmp_path: Path) -> None:
    """Twenty steps, on equal seeds."""
    bright, dark = (learned(tmp_path / look, look, 20) for look in ("brightest", "darkest"))
    assert moves(bright, brightness) > 0.3 and moves(dark, brightness) < -0.3


@pytest.mark.long
def test_opposite_judges_end_far_apart_and_lots_do_not_move(tmp_path: Path) -> None:
    bright, dark, lots = (
        moves(learned(tmp_path / look, look, 40), brightness) for look in ("brightest", "darkest", "random")
    )
    assert bright - dark > 3 and bright > 1 > abs(lots) and dark < -1


@pytest.mark.long
def test_an_editor_moves_to_where_the_judge_prefers(tmp_path: Path) -> None:
    """It reads a source. Its decoder's colours lie between green and purple: the opposite of red is green there, not blue."""
    red, green, lots = (
        moves(learned(tmp_path / look, look, 40, "tiny_qwen_image_edit"), redness)
        for look in ("reddest", "greenest", "random")
    )
    assert red > 1 > abs(lots) and green < -0.5
