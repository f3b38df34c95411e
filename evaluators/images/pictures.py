"""Picture files: recognised by their content, read, decoded, and brought within a pixel budget. All code opens them here.

Whatever a decoder raises costs that picture alone: `decoding` and `read_picture` make it a `BackendError` of kind `image` that
names the file. Endpoints come to Pillow only with a pixel budget; without one their bytes go out as they are.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_to_bytes

import pybase64

from evaluators.errors import BackendError, UserError
from evaluators.inputs.files import plain_file

HEAD = 32
"""Bytes that `mime_of` looks at."""

READABLE = "PNG, JPEG, WebP, GIF, ..."

_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
"""Lengths that the second header of a BMP has: two letters alone would make a BMP of any text that begins with BM."""
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00\x08\x00\x00\x00", b"MM\x00+\x00\x08\x00\x00")
_BRANDS = {b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic"}
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")


def mime_of(head: bytes) -> str | None:
    """The MIME type that the first `HEAD` bytes show, or None. File names are not asked: datasets get them wrong."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    if head.startswith(_TIFF):
        return "image/tiff"
    if head[4:8] == b"ftyp":  # the major brand, or the first compatible one that says which codec it is
        brands = (head[n : n + 4] for n in (8, *range(16, min(len(head), int.from_bytes(head[:4], "big")), 4)))
        return next((_BRANDS[b] for b in brands if b in _BRANDS), None)
    return None


def read_picture(path: str) -> bytes:
    """The bytes of an image file.

    Raises:
        BackendError: of kind `image`: it cannot be read, or is not an image.
    """
    try:
        with open(path, "rb", opener=plain_file) as f:
            data = f.read()
    except OSError as e:
        raise unreadable(path, e) from None
    check_picture(path, data)
    return data


def unreadable(path: str, error: OSError) -> BackendError:
    return BackendError("image", f"{path}: cannot be read ({error.strerror}); restore the file")


def check_picture(path: str, data: bytes | memoryview) -> str:
    """The MIME type of a file's bytes.

    Raises:
        BackendError: of kind `image`: it is not an image that judges can read.
    """
    mime = mime_of(bytes(data[:HEAD]))
    if mime is None:
        what = f"not an image that judges can read ({READABLE})" if data else "an empty file"
        raise BackendError("image", f"{path}: {what}; convert or replace it")
    return mime


@contextlib.contextmanager
def decoding(path: str) -> Iterator[None]:
    """Decoders may raise anything: OSError, SyntaxError, struct.error, bombs, MemoryError. All of it is about one picture.

    Raises:
        BackendError: of kind `image`.
    """
    try:
        yield
    except (BackendError, UserError):
        raise
    except Exception as e:
        why = " ".join(f"{type(e).__name__}: {e}".split())[:200]
        if type(e).__name__ == "UnidentifiedImageError":  # its own words name an address in memory
            why = "no decoder here can read it"
        raise BackendError("image", f"{path}: cannot be decoded ({why}); convert or replace it") from None


def data_url_bytes(url: str) -> bytes:
    """The bytes that a `data:` URL holds, in base64 or percent-encoded. Its media type is not looked at.

        >>> data_url_bytes("data:text/plain;base64,aGk=")
        b'hi'

    Raises:
        ValueError: what is wrong with it.
    """
    head, comma, body = url.partition(",")
    if not comma:
        raise ValueError("it has no comma before its data")
    if not head.lower().rstrip().endswith(";base64"):
        data = unquote_to_bytes(body)
    else:
        letters = "".join((unquote(body) if "%" in body else body).split())
        try:
            data = pybase64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
        except ValueError:
            raise ValueError("its data are not base64") from None
    if not data:
        raise ValueError("it holds no data")
    return data


def open_image(path: str, max_pixels: int | None = None) -> Any:
    """The image, decoded, of mode RGB, RGBA or L, within a pixel budget.

    Raises:
        BackendError: of kind `image`: it cannot be read or decoded.
    """
    data = read_picture(path)
    with decoding(path):
        image = plain_mode(_decoded(data))
        return image if max_pixels is None else shrunk(image, max_pixels)


class Picture(NamedTuple):
    """The bytes of an image file, and their MIME type."""

    data: bytes
    mime: str


def within(data: bytes, mime: str, max_pixels: int) -> Picture:
    """Image bytes within a pixel budget, with their MIME type: the same bytes where they fit, else a JPEG (quality 95) of a
    JPEG and a PNG of anything else. Grey pictures of more than 8 bits are scaled to 8 also where they fit: what reads them
    next would cut them off at white.

    Raises:
        Exception: whatever the decoder makes of it; `decoding` names it.
    """
    with opened(data) as header:
        # By the header alone: a picture that fits is never decoded.
        if header.width * header.height <= max_pixels and not _deep(header):
            return Picture(data, mime)
    image = shrunk(plain_mode(_decoded(data)), max_pixels)
    jpeg = mime == "image/jpeg"
    if jpeg:
        image = image.convert("RGB")
    elif "transparency" in image.info:
        image = image.convert("RGBA")
    buffer = io.BytesIO()
    image.save(buffer, **({"format": "JPEG", "quality": 95} if jpeg else {"format": "PNG"}))
    return Picture(buffer.getvalue(), "image/jpeg" if jpeg else "image/png")


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


def plain_mode(image: Any) -> Any:
    """The image in a mode that every processor and encoder takes: RGB, RGBA or L."""
    if _deep(image):
        return _eight_bits(image)
    if image.mode in ("RGB", "RGBA", "L"):
        return image
    if image.mode in ("La", "RGBa"):  # with colours multiplied by their opacity: converted to nothing else
        image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
    return image.convert("RGBA" if "transparency" in image.info or image.mode in ("PA", "LA", "RGBA") else "RGB")


def png_bytes(image: Any) -> bytes:
    """A PIL image as PNG: lossless at any level of compression, and the first costs least.

    Raises:
        Exception: a lazily opened file decodes here, and decoders may raise anything.
    """
    buffer = io.BytesIO()
    plain_mode(image).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _formats() -> list[str]:
    """The formats that judges can read and this Pillow can decode; none that starts other programs, as EPS does."""
    from PIL import Image

    Image.init()
    return [f for f in _FORMATS if f in Image.OPEN]


def _deep(image: Any) -> bool:
    """Whether it is grey with more than 8 bits: modes I;16 and the like, I and F."""
    return bool(image.mode[0] in "IF")


def _eight_bits(image: Any) -> Any:
    """A grey picture of integers or floats, scaled to 8 bits; Pillow's own conversion would cut off whatever exceeds 255.

    16 bits are divided by 257. Integers of 32 bits are taken as they are up to 255, as 16 bits up to 65535, and else by their
    own range. Floats are taken as 0 to 1 where they are there, else by their own range; NaN is black.
    """
    import numpy as np
    from PIL import Image

    values = np.asarray(image)
    if image.mode == "F":
        real = values[np.isfinite(values)]
        low, high = (float(real.min()), float(real.max())) if real.size else (0.0, 1.0)
        if low >= 0.0 and high <= 1.0:
            low, high = 0.0, 1.0
    else:
        low, high = float(values.min()), float(values.max())
        if low >= 0 and high < 65536:
            # Pillow opens PPM of 16 bits as integers of 32, and older versions PNG too: there a picture without a value
            # above 255 is dark, not of 8 bits.
            sixteen = high > 255 or image.mode != "I" or image.format in ("PNG", "PPM")
            low, high = 0.0, 65535.0 if sixteen else 255.0
    with np.errstate(all="ignore"):
        grey: Any = values.astype(
            np.float32 if high - low < 1e38 else np.float64
        )  # floats may be as far apart as floats can
        grey -= low
        grey *= 255 / ((high - low) or 1.0)
        np.nan_to_num(grey, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    return Image.fromarray(grey.clip(0, 255).round().astype(np.uint8))


def opened(data: bytes, formats: tuple[str, ...] = ()) -> Any:
    """The image with its header read; its pixels are decoded when they are looked at.

    Args:
        formats: Pillow's names of those that are taken; by default all that judges can read.
    """
    from PIL import Image

    return _without_fault(data, lambda data: Image.open(io.BytesIO(data), formats=formats or _formats()))


def _decoded(data: bytes) -> Any:
    from PIL import Image

    def load(data: bytes) -> Any:
        with Image.open(io.BytesIO(data), formats=_formats()) as opened:
            opened.load()
            kind = opened.format
            try:
                image = upright(opened)
            except Exception:  # tags that nobody can read turn nothing
                image = opened.copy()
            # A turned copy has no format, and `_eight_bits` asks for it.
            image.format = kind
            return image

    return _without_fault(data, load)


def _without_fault(data: bytes, load: Callable[[bytes], Any]) -> Any:
    """What `load` makes of a picture; of a PNG whose texts were the fault, what it makes of the rest. Pillow refuses a text (a
    prompt, a workflow) longer than a limit that holds for the whole program, which is not ours to raise."""
    try:
        return load(data)
    except Exception:
        # Only after a failure: few pictures have such texts, and looking for them copies the file.
        textless = _without_texts(data)
        if textless is None:
            raise
        return load(textless)


_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")
"""Types of the chunks that `_without_texts` leaves out."""
_SIGNATURE_BYTES, _LENGTH_BYTES, _TYPE_BYTES, _CHECKSUM_BYTES = 8, 4, 4, 4
"""A PNG is a signature and then chunks: the length of its data, its type, the data, a checksum."""


def _without_texts(data: bytes) -> bytes | None:
    """A PNG without its texts and its colour profile, which are not part of what is seen; None where it has none, or is not a PNG."""
    if mime_of(data[:HEAD]) != "image/png":
        return None
    view = memoryview(data)
    chunks, start = [data[:_SIGNATURE_BYTES]], _SIGNATURE_BYTES
    while start < len(data):
        type_start = start + _LENGTH_BYTES
        data_start = type_start + _TYPE_BYTES
        end = data_start + int.from_bytes(view[start:type_start], "big") + _CHECKSUM_BYTES
        if view[type_start:data_start] not in _TEXTS:
            chunks.append(bytes(view[start:end]))
        start = end
    textless = b"".join(chunks)
    return textless if len(textless) < len(data) else None
