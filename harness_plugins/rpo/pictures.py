"""Pictures on disk, as WebP: exact where numbers depend on them, else as good as they look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def save_picture(path: Path, image: Tensor, *, exact: bool) -> None:
    """Args:
    image: (3, H, W), float32 in 0..1; it is written with 8 bits a number.
    """
    from PIL import Image

    part = path.with_name(f".{path.name}")
    Image.fromarray(eight_bits(image).permute(1, 2, 0).numpy()).save(part, "WEBP", lossless=exact, quality=90)
    part.replace(path)


def read_picture(path: Path) -> Tensor | None:
    """(3, H, W), float32 in 0..1; None where it is not there or damaged, and is to be made again."""
    import numpy as np
    from PIL import Image

    try:
        with Image.open(path) as file:
            pixels = np.array(file.convert("RGB"))
    except (OSError, ValueError, SyntaxError):  # what decoders raise
        return None
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255


SMALLEST = 96
"""Pixels of a side on a sheet: smaller pictures are shown larger, each pixel a square."""


def save_sheet(path: Path, rows: Sequence[Sequence[Path]]) -> None:
    """Pictures in rows, as one PNG."""
    from PIL import Image

    def opened(file: Path) -> Image.Image:
        with Image.open(file) as picture:
            scale = max(1, -(-SMALLEST // min(picture.size)))
            size = (picture.width * scale, picture.height * scale)
            return picture.convert("RGB").resize(size, Image.Resampling.NEAREST)

    pictures = [[opened(file) for file in row] for row in rows]
    gap = 6
    heights = [max(picture.height for picture in row) for row in pictures]
    width = max(sum(picture.width + gap for picture in row) for row in pictures) + gap
    sheet = Image.new("RGB", (width, sum(heights) + gap * (len(rows) + 1)), "white")
    top = gap
    for line, height in zip(pictures, heights, strict=True):
        left = gap
        for picture in line:
            sheet.paste(picture, (left, top))
            left += picture.width + gap
        top += height + gap
    save_png(path, sheet)


def save_png(path: Path, image: Any) -> None:
    """Args:
    image: of PIL.
    """
    part = path.with_name(f".{path.name}")
    image.save(part, "PNG")
    part.replace(path)


def eight_bits(image: Tensor) -> Tensor:
    """As a judge sees it."""
    return (image.clamp(0, 1) * 255).round().byte()
