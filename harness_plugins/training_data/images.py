"""What images are: the digest of their bytes, and a perceptual hash that survives re-encoding and resizing. Read once, kept in a file.

The perceptual hash is pHash as imagehash has it (`imagehash.phash`): a 32 x 32 grey image, its cosine transform, and for each of
the 8 x 8 lowest frequencies whether it is above their median. Written out here over scipy, which is there anyway: imagehash
would add PyWavelets for hashes that are not used here.

The hash alone takes one screenshot, page of text or chart for another: at 32 x 32 they are the same. So whatever it finds is compared
again at up to 128 x 128, by the details that are left when each point's surroundings are taken off. Measured on 60 drawn pages,
screenshots and smooth pictures each: unrelated ones correlate by at most 0.87, the same one as a JPEG of quality 30, or at a
quarter of the size, by at least 0.97.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.engine.journal import Journal, read_records
from evaluators.errors import UserError
from evaluators.images.pictures import HEAD, READABLE, mime_of, opened, plain_mode
from evaluators.inputs.files import plain_file
from evaluators.records import Item, MediaFile, encode
from harness_plugins.experiment.progress import Steps
from harness_plugins.training_data.crops import HASHED, crops, fit

ALIKE = 0.95
"""Correlation of details from which on two images are one."""
SIZES, SURROUNDINGS = (128, 64, 32), 5
"""Sides at which images are compared: the largest that both of them have, since what was enlarged has no details of its own."""
KEPT_DETAILS = 2048
"""Images whose details stay in memory, 64 KB each."""
KEPT_GREY = 512
FLAT = 2.0
"""Standard deviation of grey values (0 to 255) below which an image has nothing to be recognised by."""
Variant = Literal["mirror", "rotation", "crop"]
Change = Literal["", "mirrored", "turned by 90 degrees", "turned by 180 degrees", "turned by 270 degrees"]
"""What is done to an image; empty for nothing."""
CHANGES: dict[Variant, tuple[Change, ...]] = {
    "mirror": ("mirrored",),
    "rotation": ("turned by 90 degrees", "turned by 180 degrees", "turned by 270 degrees"),
}
"""Crops are found in another way: `crops`."""
BITS = 64
AT_ONCE = 64
THREADS = 4


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """One file's hashes, as long as path, size and time are the same."""

    path: str
    size: int
    mtime_ns: int
    sha256: str
    mime: str
    phash: str = ""
    """16 hex; empty where it was not asked for, or the image is flat."""
    looked: bool = False
    """Whether the perceptual hash was asked for."""
    fault: str = ""
    """Why it is not an image that a model can be shown."""


class Images:
    """Facts of images by path, read in threads and kept in a journal.

    Args:
        journal: where facts go and where earlier ones are; None keeps nothing (a dry run).
        path: the journal's file, read first.
        perceptual: whether to hash how images look.
    """

    def __init__(self, path: Path, journal: Journal | None, perceptual: bool) -> None:
        self._journal = journal
        self._perceptual = perceptual
        self._known = {f.path: f for f in read_records(path, ImageFacts)} if path.exists() else {}
        self._details = lru_cache(KEPT_DETAILS)(details_of)
        self._sides = cache(shorter_side)
        self._changed = cache(changed_looks)
        self._grey = lru_cache(KEPT_GREY)(grey_of)

    def __getitem__(self, path: str) -> ImageFacts:
        facts = self._known[path]
        if self._perceptual or not facts.looked or not facts.mime:
            return facts
        return replace(facts, phash="", looked=False, fault="")  # an earlier run looked; this one is not to

    def likeness(self, path: str, other: str, change: Change = "") -> float:
        """How alike two images are in their details: 1 for the same one, about 0 for unrelated ones.

        Args:
            change: what is done to the other one first.

        Raises:
            UserError: a file cannot be read any more.
        """
        if not change and self._known[path].sha256 == self._known[other].sha256:
            return 1.0
        side = min(self._sides(path), self._sides(other))
        size = next((s for s in SIZES if s <= side), SIZES[-1])
        return float(self._details(path, size) @ self._details(other, size, change))

    def changed(self, path: str, variants: tuple[Variant, ...]) -> list[ChangedLook]:
        """The perceptual hashes of an image that was mirrored or turned.

        Raises:
            UserError: the file cannot be read any more.
        """
        return self._changed(path, variants) if variants and self[path].phash else []

    def crop_hashes(self, path: str) -> list[str]:
        """The perceptual hashes of crops of an image.

        Raises:
            UserError: the file cannot be read any more.
        """
        return [_phash_of(crop) for crop in crops(self._grey(path))]

    def fit(self, path: str, other: str) -> float:
        """How well an image fits into another one as a part of it (`crops.fit`).

        Raises:
            UserError: a file cannot be read any more.
        """
        return fit(self._grey(path), self._grey(other))

    def read(self, items: Iterable[Item], steps: Steps, doing: str) -> None:
        """Make the facts of all media of the items known.

        Raises:
            UserError: a file is gone.
        """
        files = {f.path: f for i in items for m in i.all_media() for f in m.files}
        new = [f for f in files.values() if not self._holds(f)]
        with ThreadPoolExecutor(THREADS, thread_name_prefix="hash") as pool, steps.counted(doing, len(new)) as count:
            for batch in _batches(new):
                facts = list(pool.map(lambda f: facts_of(f, self._perceptual), batch))
                self._known.update({f.path: f for f in facts})
                if self._journal is not None:
                    self._journal.append(b"".join(map(encode, facts)))
                count(len(batch))

    def _holds(self, file: MediaFile) -> bool:
        facts = self._known.get(file.path)
        return (
            facts is not None
            and (facts.size, facts.mtime_ns) == (file.size, file.mtime_ns)
            and (facts.looked or not self._perceptual)
        )


def _batches(files: Sequence[MediaFile]) -> Iterator[Sequence[MediaFile]]:
    for start in range(0, len(files), AT_ONCE):
        yield files[start : start + AT_ONCE]


def facts_of(file: MediaFile, perceptual: bool) -> ImageFacts:
    """Read one file.

    Raises:
        UserError: it cannot be read, or pillow is missing.
    """
    data = _bytes(file.path)
    mime = mime_of(data[:HEAD])
    sha = hashlib.sha256(data).hexdigest()
    if mime is None:
        fault = f"not an image that models can read ({READABLE})"
        return ImageFacts(file.path, file.size, file.mtime_ns, sha, "", looked=perceptual, fault=fault)
    look = phash(data) if perceptual else PerceptualHash("")
    return ImageFacts(file.path, file.size, file.mtime_ns, sha, mime, look.hex, perceptual, look.fault)


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb", opener=plain_file) as f:
            return f.read()
    except OSError as e:
        raise UserError(f"{path}: cannot be read ({e.strerror}); restore the file") from None


def shorter_side(path: str) -> int:
    """In pixels.

    Raises:
        UserError: the file cannot be read, or decoded, any more.
    """
    with _decoding(path) as image:
        return int(min(image.size))


def details_of(path: str, size: int, change: Change = "") -> NDArray[np.float32]:
    """An image's details, as a vector of length 1: grey values at size x size, less the mean of their surroundings.

    Args:
        change: what is done to the image first.

    Raises:
        UserError: the file cannot be read, or decoded, any more.
    """
    from PIL import Image
    from scipy.ndimage import uniform_filter

    with _decoding(path) as image:
        small = _after(change, plain_mode(image).convert("L")).resize((size, size), Image.Resampling.LANCZOS)
    grey = np.asarray(small, np.float32)
    details: NDArray[np.float32] = (grey - uniform_filter(grey, SURROUNDINGS)).flatten()
    length = np.linalg.norm(details)
    return details / np.float32(length) if length else details


def grey_of(path: str) -> Any:
    """A small grey image.

    Raises:
        UserError: the file cannot be read, or decoded, any more.
    """
    from PIL import Image

    with _decoding(path) as image:
        return plain_mode(image).convert("L").resize((HASHED, HASHED), Image.Resampling.LANCZOS)


@contextmanager
def _decoding(path: str) -> Iterator[Any]:
    data = _bytes(path)
    try:
        with opened(data) as image:
            yield image
    except Exception as e:  # broken files raise whatever their decoder does
        raise UserError(f"{path}: cannot be decoded any more ({type(e).__name__}: {e})"[:300]) from None


class ChangedLook(NamedTuple):
    change: Change
    hex: str
    """The perceptual hash; empty where what is left is flat."""


def changed_looks(path: str, variants: tuple[Variant, ...]) -> list[ChangedLook]:
    """Raises:
    UserError: the file cannot be read, or decoded, any more.
    """
    with _decoding(path) as image:
        grey = plain_mode(image).convert("L")
        return [ChangedLook(c, _phash_of(_after(c, grey))) for variant in variants for c in CHANGES.get(variant, ())]


def _after(change: Change, image: Any) -> Any:
    from PIL import Image

    if not change:
        return image
    return image.transpose(
        {
            "mirrored": Image.Transpose.FLIP_LEFT_RIGHT,
            "turned by 90 degrees": Image.Transpose.ROTATE_90,
            "turned by 180 degrees": Image.Transpose.ROTATE_180,
            "turned by 270 degrees": Image.Transpose.ROTATE_270,
        }[change]
    )


class PerceptualHash(NamedTuple):
    hex: str
    """16 digits; empty where the image is flat or broken."""
    fault: str = ""
    """Why it cannot be decoded."""


def phash(data: bytes) -> PerceptualHash:
    """The perceptual hash of an image.

    Raises:
        UserError: pillow is missing.
    """
    try:
        import PIL  # noqa: F401
    except ImportError:
        raise UserError(
            "comparing images by how they look needs pillow: pip install 'rubric-harness[datasets]', or set "
            "`contamination: {perceptual: false}`"
        ) from None
    try:
        with opened(data) as image:
            return PerceptualHash(_phash_of(plain_mode(image).convert("L")))
    except Exception as e:  # broken files raise whatever their decoder does
        return PerceptualHash("", f"it cannot be decoded ({type(e).__name__}: {e})"[:200])


def _phash_of(image: Any) -> str:
    """Of a grey image; empty where it is flat."""
    from PIL import Image
    from scipy.fft import dctn

    grey = np.asarray(image.resize((32, 32), Image.Resampling.LANCZOS), dtype=float)
    if grey.std() < FLAT:
        return ""
    low = dctn(grey, type=2)[:8, :8]
    return np.packbits((low > np.median(low)).flatten()).tobytes().hex()


class OwnedHash(NamedTuple):
    hex: str
    """Empty ones are near to none."""
    owner: str


class Neighbour(NamedTuple):
    distance: int
    """In bits."""
    owner: str


class Near:
    """Finds hashes within a distance by their bands: of distance + 1 bands at least one is equal."""

    def __init__(self, hashes: Iterable[OwnedHash], distance: int) -> None:
        self._distance = distance
        edges = [round(n * BITS / (distance + 1)) for n in range(distance + 2)]
        self._bands = [(BITS - b, (1 << (b - a)) - 1) for a, b in pairwise(edges)]
        self._by: list[dict[int, list[tuple[int, str]]]] = [{} for _ in self._bands]
        for text, owner in hashes:
            if text:
                value = int(text, 16)
                for (shift, mask), by in zip(self._bands, self._by, strict=True):
                    by.setdefault(value >> shift & mask, []).append((value, owner))

    def of(self, text: str) -> list[Neighbour]:
        """Whose hashes are within the distance, the nearest first."""
        if not text:
            return []
        value = int(text, 16)
        neighbours = {
            Neighbour((value ^ other).bit_count(), owner)
            for (shift, mask), by in zip(self._bands, self._by, strict=True)
            for other, owner in by.get(value >> shift & mask, ())
        }
        return sorted(n for n in neighbours if n.distance <= self._distance)


def suffix_of(facts: ImageFacts) -> str:
    """The file name's ending that goes with its content."""
    return "." + facts.mime.partition("/")[2].replace("jpeg", "jpg")


def placed(facts: ImageFacts, store: Path) -> Path:
    """The file under its content's name in a store, linked where the file system allows it, else copied.

    Raises:
        UserError: the disk refuses.
    """
    target = store / facts.sha256[:2] / f"{facts.sha256}{suffix_of(facts)}"
    if target.exists():
        return target
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(os.path.realpath(facts.path), part)
        except OSError:
            part.write_bytes(Path(facts.path).read_bytes())
        part.replace(target)
    except OSError as e:
        raise UserError(
            f"{target}: cannot be written ({e.strerror}); make room and run the same command again"
        ) from None
    return target
