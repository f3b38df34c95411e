"""Held-out comparisons: what counts as a win, and pictures that are exact on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("diffusers")

import torch
from PIL import Image

from harness_plugins.rewards.rpo import Reply
from harness_plugins.rpo.evaluation import share_of
from harness_plugins.rpo.pictures import eight_bits, read_picture, save_picture, save_sheet


@pytest.mark.parametrize(
    ("preferred", "share"),
    [((0, 0), 1.0), ((0, 1), 0.5), ((1, 1), 0.0), ((0, None), 0.75), ((None, None), 0.5)],
)
def test_both_orders_count_and_a_tie_is_half(preferred: tuple[int | None, int | None], share: float) -> None:
    first, second = preferred
    replies = [Reply((0, 1), "ok" if first is not None else "tie", first, ""), Reply((1, 0), "ok", second, "")]
    assert share_of(replies) == share


def test_without_a_reply_there_is_no_share() -> None:
    assert share_of([]) is None


def test_a_picture_comes_back_as_a_judge_saw_it(tmp_path: Path) -> None:
    image = torch.rand(3, 24, 40, generator=torch.Generator().manual_seed(0))
    save_picture(tmp_path / "a.webp", image, exact=True)
    shown = read_picture(tmp_path / "a.webp")
    assert shown is not None and torch.equal(eight_bits(shown), eight_bits(image))
    assert [p.name for p in tmp_path.iterdir()] == ["a.webp"]


def test_a_damaged_picture_is_to_be_made_again(tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(b"RIFF")
    assert read_picture(tmp_path / "a.webp") is None and read_picture(tmp_path / "b.webp") is None


def test_a_sheet_shows_small_pictures_larger(tmp_path: Path) -> None:
    for name, level in (("dark", 0.1), ("light", 0.9)):
        save_picture(tmp_path / f"{name}.webp", torch.full((3, 16, 16), level), exact=True)
    save_sheet(tmp_path / "sheet.png", [[tmp_path / "dark.webp"] * 3, [tmp_path / "light.webp"] * 3])
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (3 * (96 + 6) + 6, 2 * (96 + 6) + 6)
        assert sheet.getpixel((50, 50)) < (50, 50, 50) < sheet.getpixel((50, 150))  # type: ignore[operator]
