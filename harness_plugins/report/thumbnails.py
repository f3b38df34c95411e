"""Small pictures for the page: each image once, as large as the page's budget allows, and a reason where there is none."""

from __future__ import annotations

import hashlib
import os
import stat
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from evaluators.images.pictures import opened, plain_mode, upright
from evaluators.inputs.files import plain_file
from evaluators.records import Item, Media, MediaFile

LADDER = (
    (1024, 80),
    (768, 78),
    (640, 75),
    (512, 72),
    (448, 68),
    (384, 65),
    (320, 60),
    (256, 55),
    (192, 50),
    (144, 45),
    (96, 40),
)
"""(longest edge in pixels, WebP quality), largest and best first: a picture takes the first that fits its share. `_shrink` scales
one image down from rung to rung, so each must be smaller than the one before it."""
MOST_BYTES = 96 * 1024
"""No picture takes more, however few there are."""
BATCH = 32
MOST_FILE_BYTES = 256 * 1024 * 1024
PER_PIXEL = 0.03
"""Bytes that a pixel takes, before any picture was made; then the mean of those made says where on the ladder to begin."""
ORIENTATION = 0x0112
"""The EXIF tag: 1 to 8, of which 5 and more are turned by 90 degrees, so that width and height are swapped."""
TURNED = 5
FRAMES = 4
"""Of a video, evenly spaced."""
PICTURES = 12
"""Of an item's prompt, or of a candidate."""


@dataclass(frozen=True)
class Thumbnail:
    """A WebP, or why there is none."""

    data: bytes = b""
    size: tuple[int, int] = (0, 0)
    """Of the original, in pixels."""
    pixels: int = 0
    """Of the thumbnail."""
    problem: str = ""
    """Why there is none."""


class ShownFile(NamedTuple):
    """A picture of a medium."""

    medium: Media
    number: int
    """Its index among the medium's files, from 0."""
    file: MediaFile


def shown_files(media: Sequence[Media]) -> list[ShownFile]:
    """The pictures of some media that a page shows; of a video up to FRAMES frames."""
    pictures: list[ShownFile] = []
    for m in media:
        files = list(enumerate(m.files))
        if m.kind == "video" and len(files) > FRAMES:
            last = len(files) - 1
            files = [files[round(i * last / (FRAMES - 1))] for i in range(FRAMES)]
        pictures += [ShownFile(m, n, f) for n, f in files]
    return pictures[:PICTURES]


def identity(file: MediaFile) -> str:
    """What an image is known by: its bytes where they were digested, else its path and state."""
    return file.sha256 or f"{file.path}|{file.size}|{file.mtime_ns}"


def thumbnails(
    items: Iterable[Item], budget: int, done: Callable[[int, int], None] = lambda n, of: None
) -> dict[str, Thumbnail]:
    """A thumbnail for each distinct image of some items, by `identity`, of `budget` bytes in all at most.

    Args:
        done: called after each batch with the number done and the total.
    """
    from PIL import Image

    files: dict[str, MediaFile] = {}
    for item in items:
        for media in (item.media, *(c.media for c in item.candidates)):
            for shown in shown_files(media):
                files.setdefault(identity(shown.file), shown.file)
    by_identity: dict[str, Thumbnail] = {}
    waiting, pixels, used = list(files.items()), 0, 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)  # these filters hold for all threads
        while waiting:
            # By batches: a share that went by which thread was first would make other bytes of the same folder.
            share = min(
                (budget - used) // len(waiting), MOST_BYTES
            )  # what small pictures leave is for those that follow
            batch, waiting = waiting[:BATCH], waiting[BATCH:]
            make = partial(_thumbnail, max_bytes=share, per_pixel=used / pixels if pixels else PER_PIXEL)
            for (name, _), thumbnail in zip(batch, pool.map(make, [f for _, f in batch]), strict=True):
                by_identity[name] = thumbnail
                used += len(thumbnail.data)
                pixels += thumbnail.pixels
            done(len(by_identity), len(files))
    return by_identity


def _thumbnail(file: MediaFile, max_bytes: int, per_pixel: float) -> Thumbnail:
    """Only bytes that the run has seen: a file that has changed since, or never was its, is not shown.

    Args:
        max_bytes, per_pixel: as in `_shrink`.
    """
    try:
        data = _read(file)
    except OSError as e:
        problem = "the file is missing" if isinstance(e, FileNotFoundError) else f"cannot be read ({e.strerror})"
        return Thumbnail(problem=problem)
    if data is None:
        return Thumbnail(problem="no image file, or too large a one")
    if file.sha256 and hashlib.sha256(data).hexdigest() != file.sha256:
        return Thumbnail(problem="the file has changed since it was judged")
    return _shrink(data, max_bytes, per_pixel)


def _read(file: MediaFile) -> bytes | None:
    """The file's bytes; None for what is not a plain file, is too large, or was not read by a judge and has changed."""
    with open(file.path, "rb", opener=plain_file) as f:
        # Of the open file: the path may lead elsewhere a moment later.
        state = os.fstat(f.fileno())
        identified = file.sha256 or (state.st_size, state.st_mtime_ns) == (file.size, file.mtime_ns)
        if not stat.S_ISREG(state.st_mode) or state.st_size > MOST_FILE_BYTES or not identified:
            return None
        return f.read()


def _shrink(data: bytes, max_bytes: int, per_pixel: float) -> Thumbnail:
    """The largest WebP of `LADDER` that takes no more than `max_bytes`, from the first rung that is likely to fit on.

    Args:
        data: an image file.
        per_pixel: bytes that a pixel of a thumbnail is expected to take: rungs that are too large by it are not tried.
    """
    import io

    from PIL import Image

    try:
        with opened(data) as picture:
            size = picture.size[::-1] if picture.getexif().get(ORIENTATION, 1) >= TURNED else picture.size
            likely_rungs = [
                (edge, quality)
                for edge, quality in LADDER
                if per_pixel * picture.width * picture.height * min(1.0, edge / max(picture.size)) ** 2 <= max_bytes
            ]
            rungs = likely_rungs or LADDER[-1:]
            picture.draft("RGB", (rungs[0][0], rungs[0][0]))  # a JPEG is decoded at about this size
            image = _opaque(plain_mode(upright(picture)))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Thumbnail(problem="too many pixels to decode")
    except Exception as e:  # whatever a decoder makes of damaged bytes
        return Thumbnail(problem=f"damaged: it cannot be decoded ({type(e).__name__})")
    for edge, quality in rungs:
        image.thumbnail((edge, edge), Image.Resampling.LANCZOS, reducing_gap=2.0)
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=2)
        if buffer.tell() <= max_bytes:
            return Thumbnail(buffer.getvalue(), size, image.width * image.height)
    return Thumbnail(problem="left out: the page has no room for so many pictures")


def _opaque(image: Any) -> Any:
    """In RGB, on white where it is transparent."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
