"""Images as PIL images, for models that take them decoded. Endpoints never come here: they get the bytes as they lie."""

from __future__ import annotations

from typing import Any


def open_image(path: str) -> Any:
    """The image, decoded when it is looked at, in a mode that every processor and encoder takes."""
    from PIL import Image

    image = Image.open(path)
    if image.mode in ("RGB", "RGBA", "L"):
        return image
    return image.convert("RGBA" if "transparency" in image.info or image.mode in ("PA", "LA") else "RGB")
