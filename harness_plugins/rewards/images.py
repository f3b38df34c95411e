"""Images in memory as files that judges can read, for the time of a call.

A trainer holds pictures: PIL images, tensors, arrays, bytes, files that it writes again each step. Judges read files. `ImageFiles`
writes each picture once, named by its content, into a folder, and removes it afterwards, so that a run of any length leaves nothing
behind. What a killed process left is removed by the next that opens a judge for rewards.
PIL, numpy and torch are imported only where one of theirs is passed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

import pybase64

from evaluators.errors import BackendError, UserError
from evaluators.images.media import WINDOW_BYTES, Encoded, Known
from evaluators.images.picture_folders import PictureFolder
from evaluators.images.pictures import HEAD, check_picture, data_url_bytes, mime_of, png_bytes, read_picture
from evaluators.records import Media, MediaFile

ENCODERS = 4
"""Pictures that are encoded at a time: PNG takes a processor for 0.1 s a megapixel, and Pillow frees the others meanwhile."""
MOST_SLACK = 1e-2
"""How far outside 0 to 1 a float may be: decoders overshoot a little, and it is cut off."""


class BadImage(Exception):
    """One picture cannot be shown: its file cannot be read, its bytes are no image, or its numbers are not finite. That candidate
    is a failure."""


class ImageFiles:
    """Use it within `with`; the files are there until its end.

    Args:
        folder: where to write them; by default one of its own. A server gives one for all: removing a folder can take
            milliseconds, in which nothing else is served.
    """

    _numbers = count()

    def __init__(self, folder: PictureFolder | None = None) -> None:
        self._own: PictureFolder | None = None
        self._folder = folder
        # A shared folder may get one picture from two calls at a time, and each call removes its own files.
        self._prefix = f"{next(self._numbers)}-"
        self._lock = threading.Lock()
        self._ended = False
        self._media: dict[Hashable, Media] = {}
        """By content: trainers repeat one picture for each completion of a group, as a new object each time (TRL)."""
        self.paths: set[str] = set()
        """Of the files made here."""
        self.known: dict[str, Known] = {}
        """The same, encoded, up to what a window holds: a judge's need not read them."""
        self._encoded = 0

    def __enter__(self) -> ImageFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:  # a thread may still be writing for a call that was given up
            self._ended = True
            if self._own is not None:
                self._own.close()
            else:
                for path in self.paths:
                    Path(path).unlink(missing_ok=True)

    def media(self, image: Any) -> Media:
        """The picture as a record's media. Blocks: encoding takes tens of milliseconds a megapixel.

        Args:
            image: a PIL image; a torch tensor, CHW, uint8 or floats in 0..1; a numpy array, HWC, uint8 or floats in 0..1;
                the bytes of an image file; a path; a mapping with `bytes` or `path`, as the datasets library has; or the
                BadImage that it turned out to be.

        Raises:
            BadImage: this one picture is broken.
            UserError: it is something else: the caller's mistake.
        """
        image = _unwrapped(image)
        try:
            key = content_of(image)
        except UserError:
            raise
        except Exception as e:  # a lazily opened file decodes here, and decoders raise what they like
            raise BadImage(f"cannot be decoded ({type(e).__name__}: {e})"[:300]) from None
        media = self._media.get(key)
        if media is None:
            media = self._media[key] = self._encode(image)
        return media

    def prepare(self, images: Iterable[Any]) -> None:
        """Encode many pictures, each content once, a few at a time. Blocks. What is wrong with one is raised where `media` is asked
        for it."""

        def key_of(image: Any) -> Hashable:
            with contextlib.suppress(Exception):
                return content_of(image)
            return None

        def encode(image: Any) -> None:
            with contextlib.suppress(Exception):
                self.media(image)

        pictures = list(images)
        with ThreadPoolExecutor(ENCODERS, thread_name_prefix="reward-images") as pool:
            distinct = {k: i for k, i in zip(pool.map(key_of, pictures), pictures, strict=True) if k is not None}
            deque(pool.map(encode, distinct.values()), maxlen=0)

    def _encode(self, image: Any) -> Media:
        data = bytes_of(image)
        sha = hashlib.sha256(data).hexdigest()
        mime = mime_of(data[:HEAD]) or ""
        path = self._written(f"{self._prefix}{sha[:32]}{_ENDINGS.get(mime, '')}", data)
        if path not in self.known and mime and self._encoded < WINDOW_BYTES:
            encoded = Encoded(mime, pybase64.b64encode(data))
            self.known[path] = Known(encoded, sha)
            self._encoded += len(encoded.base64)
        return Media(f"sha256:{sha}", "image", (MediaFile(path, len(data), 0, sha),))

    def _written(self, name: str, data: bytes) -> str:
        with self._lock:
            if self._ended:
                raise BadImage("the call that it belongs to was cancelled")
            if self._folder is None:
                self._folder = self._own = PictureFolder()
            path = self._folder.path / name
            if str(path) not in self.paths:
                try:
                    path.write_bytes(data)
                # Half a picture goes, so that the next try writes it again: a file of this name is taken to be whole.
                except OSError:
                    path.unlink(missing_ok=True)
                    raise
                self.paths.add(str(path))
        return str(path)


_ENDINGS = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}


def _named(path: str) -> bytes:
    """The bytes that a path or a `data:` URL leads to."""
    if path[:5].lower() == "data:":
        try:
            return data_url_bytes(path)
        except ValueError as e:
            raise BadImage(f"{path[:40]}...: a data: URL that cannot be read: {e}") from None
    if "://" in path:
        raise UserError(f"{path[:80]}: images are not fetched; give the picture itself, its bytes or a local path")
    try:
        return read_picture(path)
    except BackendError as e:
        raise BadImage(e.message) from None


def each(images: Any) -> list[Any]:
    """A batch as a list of pictures: NCHW tensors and NHWC arrays are taken apart.

    Raises:
        UserError: it is a single picture.
    """
    if hasattr(images, "ndim") and hasattr(images, "dtype"):
        if images.ndim != 4:
            raise UserError(f"a batch of images has four axes (NCHW in torch, NHWC in numpy), not {images.ndim}")
        return list(images)
    if isinstance(images, Sequence) and not isinstance(images, str | bytes):
        return list(images)
    raise UserError(f"images must be a list, a tensor (NCHW) or an array (NHWC), not {type(images).__name__}")


def bytes_of(image: Any) -> bytes:
    """A picture as the bytes of an image file: those it has, or PNG.

    Raises:
        BadImage, UserError: as `ImageFiles.media`.
    """
    image = _unwrapped(image)
    if isinstance(image, str | os.PathLike):
        data = _named(os.fspath(image))
    elif isinstance(image, bytes | bytearray | memoryview):
        data = bytes(image)
    else:
        return _png(image)
    try:
        check_picture("a picture of the batch", data)
    except BackendError as e:
        raise BadImage(e.message) from None
    return data


def _unwrapped(image: Any) -> Any:
    """The picture itself, out of what the datasets library wraps it in."""
    if isinstance(image, BadImage):
        raise image
    if isinstance(image, Mapping) and (image.get("bytes") or image.get("path")):
        return image.get("bytes") or image["path"]
    return image


def content_of(image: Any) -> Hashable:
    """What identifies a picture: a path by its name, whatever is in memory by its content.

    Raises:
        UserError: it is not a picture.
    """
    if image is None or isinstance(image, str | os.PathLike):
        return None if image is None else os.fspath(image)
    if isinstance(image, Mapping):
        return content_of(image.get("bytes") or image.get("path"))
    if type(image).__module__.partition(".")[0] == "torch":
        image = image.detach().float().cpu().numpy()
    if getattr(image, "mode", None) == "P":
        image = image.convert("RGBA")  # equal numbers of different palettes are different pictures
    if not (isinstance(image, bytes | bytearray | memoryview) or hasattr(image, "tobytes")):
        raise _no_image(image)
    data = image if isinstance(image, bytes | bytearray | memoryview) else image.tobytes()
    size = getattr(image, "size", None) if hasattr(image, "mode") else getattr(image, "shape", None)
    return hashlib.sha256(data).hexdigest(), str(size), getattr(image, "mode", None) or str(getattr(image, "dtype", ""))


def _no_image(image: Any) -> UserError:
    return UserError(
        "an image must be a PIL image, a torch tensor (CHW), a numpy array (HWC), bytes or a path, "
        f"not {type(image).__name__}: {image!r:.60}"
    )


def _png(image: Any) -> bytes:
    if type(image).__module__.partition(".")[0] == "torch":
        image = _from_tensor(image)
    if hasattr(image, "ndim") and hasattr(image, "dtype"):
        image = _from_array(image)
    if not (hasattr(image, "save") and hasattr(image, "mode")):
        raise _no_image(image)
    try:
        return png_bytes(image)
    except Exception as e:
        raise BadImage(
            f"a PIL image of mode {image.mode} cannot be written as PNG ({type(e).__name__}: {e})"[:300]
        ) from None


def _from_tensor(tensor: Any) -> Any:
    """CHW, of any float type or uint8, on any device, as an HWC array."""
    if tensor.ndim != 3 or tensor.shape[0] not in (1, 3, 4):
        raise UserError(f"a torch image is CHW with 1, 3 or 4 channels, not {tuple(tensor.shape)}")
    tensor = tensor.detach()
    if tensor.is_floating_point():
        tensor = tensor.float()  # numpy knows no bfloat16
    return tensor.permute(1, 2, 0).cpu().numpy()


def _from_array(array: Any) -> Any:
    import numpy as np
    from PIL import Image

    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise UserError(f"a numpy image is HWC with 1, 3 or 4 channels, not {array.shape}")
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise BadImage("its values are not finite: the generator has diverged")
        if array.min() < -MOST_SLACK or array.max() > 1 + MOST_SLACK:
            raise UserError(
                f"float images are in 0..1, and these run from {array.min():.3g} to {array.max():.3g}: "
                "denormalise them first, (image / 2 + 0.5).clamp(0, 1) for -1..1"
            )
        array = (array.clip(0, 1) * 255).round().astype(np.uint8)
    elif array.dtype != np.uint8:
        raise UserError(f"images are uint8 or floats in 0..1, not {array.dtype}")
    return Image.fromarray(np.ascontiguousarray(array[:, :, 0] if array.shape[2] == 1 else array))
