"""What images are: the digest of their bytes, and a perceptual hash that survives re-encoding and resizing. Read once, kept in a file.

The perceptual hash is pHash as imagehash has it (`imagehash.phash`): a 32 x 32 grey image, its cosine transform, and for each of
the 8 x 8 lowest frequencies whether it is above their median. Written out here over scipy, which is there anyway: imagehash
would add PyWavelets for hashes that are not used here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from evaluators.engine.journal import Journal, read_records
from evaluators.errors import UserError
from evaluators.images.pictures import HEAD, READABLE, mime_of, opened, plain_mode
from evaluators.inputs.files import plain_file
from evaluators.records import Item, MediaFile, encode
from harness_plugins.experiment.progress import Steps

FLAT = 2.0
"""Standard deviation of grey values (0 to 255) below which an image has nothing to be recognised by."""
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

    def __getitem__(self, path: str) -> ImageFacts:
        facts = self._known[path]
        if self._perceptual or not facts.looked or not facts.mime:
            return facts
        return replace(facts, phash="", looked=False, fault="")  # an earlier run looked; this one is not to

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
    try:
        with open(file.path, "rb", opener=plain_file) as f:
            data = f.read()
    except OSError as e:
        raise UserError(f"{file.path}: cannot be read ({e.strerror}); restore the file") from None
    mime = mime_of(data[:HEAD])
    sha = hashlib.sha256(data).hexdigest()
    if mime is None:
        fault = f"not an image that models can read ({READABLE})"
        return ImageFacts(file.path, file.size, file.mtime_ns, sha, "", looked=perceptual, fault=fault)
    look = phash(data) if perceptual else PerceptualHash("")
    return ImageFacts(file.path, file.size, file.mtime_ns, sha, mime, look.hex, perceptual, look.fault)


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
    import numpy as np
    from scipy.fft import dctn

    try:
        from PIL import Image
    except ImportError:
        raise UserError(
            "comparing images by how they look needs pillow: pip install 'rubric-harness[datasets]', or set "
            "`contamination: {perceptual: false}`"
        ) from None
    try:
        with opened(data) as image:
            grey = np.asarray(plain_mode(image).convert("L").resize((32, 32), Image.Resampling.LANCZOS), dtype=float)
    except Exception as e:  # broken files raise whatever their decoder does
        return PerceptualHash("", f"it cannot be decoded ({type(e).__name__}: {e})"[:200])
    if grey.std() < FLAT:
        return PerceptualHash("")
    low = dctn(grey, type=2)[:8, :8]
    return PerceptualHash(np.packbits((low > np.median(low)).flatten()).tobytes().hex())


class OwnedHash(NamedTuple):
    hex: str
    """Empty ones are near to none."""
    owner: str


class Nearest(NamedTuple):
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

    def all_of(self, text: str) -> set[str]:
        """Whose hashes are within the distance."""
        value = int(text, 16)
        return {
            owner
            for (shift, mask), by in zip(self._bands, self._by, strict=True)
            for other, owner in by.get(value >> shift & mask, ())
            if (value ^ other).bit_count() <= self._distance
        }

    def of(self, text: str) -> Nearest | None:
        """The nearest hash within the distance; None where there is none."""
        if not text:
            return None
        value = int(text, 16)
        best: Nearest | None = None
        for (shift, mask), by in zip(self._bands, self._by, strict=True):
            for other, owner in by.get(value >> shift & mask, ()):
                distance = (value ^ other).bit_count()
                if distance <= self._distance and (best is None or (distance, owner) < best):
                    best = Nearest(distance, owner)
        return best


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
