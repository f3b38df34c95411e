"""Images as PIL images, for models that take them decoded. Endpoints come here only with a pixel budget."""

from __future__ import annotations

import io
import math
from typing import Any


def open_image(path: str, max_pixels: int | None = None) -> Any:
    """The image, decoded, in a mode that every processor and encoder takes, within a pixel budget."""
    from PIL import Image

    with Image.open(path) as opened:
        image: Any = upright(opened)
        image.load()
    if image.mode not in ("RGB", "RGBA", "L"):
        image = image.convert("RGBA" if "transparency" in image.info or image.mode in ("PA", "LA") else "RGB")
    return image if max_pixels is None else shrunk(image, max_pixels)


def upright(image: Any) -> Any:
    """The image as its EXIF orientation says it is to be seen; a new file has no such tag to say it."""
    from PIL import ImageOps

    return ImageOps.exif_transpose(image)


def shrunk(image: Any, max_pixels: int) -> Any:
    """The image with at most `max_pixels` pixels, its proportions kept; a smaller one as it is."""
    from PIL import Image

    width, height = image.size
    if width * height <= max_pixels:
        return image
    scale = math.sqrt(max_pixels / (width * height))
    size = max(1, math.floor(width * scale)), max(1, math.floor(height * scale))
    return image.resize(size, Image.Resampling.LANCZOS)


def within(data: bytes, mime: str, max_pixels: int) -> tuple[bytes, str]:
    """Image bytes within a pixel budget, with their MIME type: the same bytes where they fit, else a JPEG (quality 95) of a
    JPEG and a PNG of anything else."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        if image.width * image.height <= max_pixels:
            return data, mime
        jpeg = mime == "image/jpeg"
        mode = "RGB" if jpeg else "RGBA" if "transparency" in image.info or "A" in image.mode else "RGB"
        buffer = io.BytesIO()
        smaller = shrunk(upright(image).convert(mode), max_pixels)
        smaller.save(buffer, **({"format": "JPEG", "quality": 95} if jpeg else {"format": "PNG"}))
        return buffer.getvalue(), "image/jpeg" if jpeg else "image/png"
