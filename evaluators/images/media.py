"""Media bytes: digested once, base64-encoded once while they stay in a bounded window."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple

import pybase64

from evaluators.errors import BackendError, UserError
from evaluators.images.pictures import check_picture, decoding, unreadable, within
from evaluators.inputs.files import plain_file
from evaluators.records import Candidate, Item, Media, MediaFile

WINDOW_BYTES = 48 * 1024 * 1024
"""How much encoded media the window keeps: a few hundred images, whatever the size of the benchmark."""


def sha256_of(path: str) -> str:
    """Hex digest of a file's bytes.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return hashlib.sha256(_read_into_buffer(path)).hexdigest()
    except OSError as e:
        raise UserError(f"{path}: cannot be read ({e.strerror}); restore the file") from None


@dataclass(frozen=True, slots=True)
class Encoded:
    mime: str
    base64: bytes

    @property
    def prefix(self) -> bytes:
        """What is before the base64 in a data URL."""
        return b"data:" + self.mime.encode() + b";base64,"


class Known(NamedTuple):
    """A file's bytes in base64, untouched, and their sha256."""

    encoded: Encoded
    sha256: str


class MediaWindow:
    """Reads each file once, digests it, and keeps its base64 while it is among the most recently used.

    Reading and encoding run in threads, off the event loop, many files a hop: a hop costs as much as a small file. One thread
    reads the files that are sent untouched: two that take turns cost 0.1 ms of CPU more a file (`performance/efficiency.py`).
    """

    def __init__(self, max_bytes: int = WINDOW_BYTES) -> None:
        self._max = max_bytes
        self._size = 0
        self._kept: OrderedDict[_Want, Encoded] = OrderedDict()
        self._sha: dict[str, str] = {}
        self._reading: dict[_Want, asyncio.Future[list[_Read]]] = {}
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="media-reader")
        self._decoders = ThreadPoolExecutor(2, thread_name_prefix="media-decoder")

    def close(self) -> None:
        for pool in (self._reader, self._decoders):
            pool.shutdown(wait=False, cancel_futures=True)

    async def encoded(self, file: MediaFile, max_pixels: int | None = None) -> Encoded:
        """The file's bytes in base64: untouched, or within a pixel budget.

        Raises:
            BackendError: of kind `image`: the file is gone, is not an image, or cannot be decoded for the budget.
        """
        want = (file.path, max_pixels)
        cached = self._kept.get(want)
        if cached is not None:
            self._kept.move_to_end(want)
            return cached
        # From the reading itself: a window smaller than the request would have dropped it again.
        read = next(r for r in await self._read([want]) if r.want == want)
        if read.encoded is None:
            raise read.error or BackendError("image", f"{file.path}: was not encoded")
        return read.encoded

    async def prepare(self, items: Sequence[Item], encode: bool, max_pixels: int | None = None) -> list[Ready]:
        """The items with the sha256 of all their media filled in; with `encode` also ready in the window.

        A file that cannot be read, or with `encode` not be shown, is an error of the items that it belongs to and of no other.
        One that could not be read has no digest, so that its item is asked about again when the file is restored.
        """
        files = {f.path: f for i in items for m in i.all_media() for f in m.files}
        # Without encoding only the digest is wanted, which is of the file as it is.
        max_pixels = max_pixels if encode else None
        read = await self._read(
            [
                (p, max_pixels)
                for p, f in files.items()
                if (encode and (p, max_pixels) not in self._kept) or not (f.sha256 or p in self._sha)
            ]
        )
        # From the reading itself: one that another had begun may be done and not yet admitted.
        sha = self._sha | {r.want[0]: r.sha256 for r in read if r.sha256}
        sha = {p: f.sha256 or sha.get(p, "") for p, f in files.items()}
        # A judge that is not sent the picture needs its digest alone.
        errors = {r.want[0]: r.error for r in read if r.error and (encode or not sha[r.want[0]])}
        return [_ready(i, sha, errors) for i in items]

    def keep(self, files: Mapping[str, Known]) -> None:
        """Take in files, by path, whose bytes were in memory when they were written: they need not be read again."""
        for path, (encoded, sha) in files.items():
            self._keep((path, None), encoded, sha)

    def forget(self, paths: Collection[str]) -> None:
        """Keep nothing of files that are about to go: images that were made for one request, say."""
        gone = set(paths)
        for want in [w for w in self._kept if w[0] in gone]:
            self._size -= len(self._kept.pop(want).base64)
        for path in gone:
            self._sha.pop(path, None)

    async def _read(self, wants: Sequence[_Want]) -> list[_Read]:
        """Read in one hop what is not being read yet, and wait for the rest with those who read it."""
        fresh = [w for w in wants if w not in self._reading]
        waiting = {id(r): r for w in wants if (r := self._reading.get(w)) is not None}
        if fresh:
            pool = self._reader if all(max_pixels is None for _, max_pixels in fresh) else self._decoders
            hop = asyncio.get_running_loop().run_in_executor(pool, _encode_all, fresh)
            self._reading |= dict.fromkeys(fresh, hop)
            hop.add_done_callback(lambda done: self._admit(fresh, done))
            waiting[id(hop)] = hop
        # Several may wait for one reading: where one of them is cancelled, the others still get it.
        return [read for hop in waiting.values() for read in await asyncio.shield(hop)]

    def _admit(self, wants: Sequence[_Want], done: asyncio.Future[list[_Read]]) -> None:
        for want in wants:
            self._reading.pop(want, None)
        if done.cancelled() or done.exception() is not None:
            return
        for read in done.result():
            if read.encoded is not None:
                self._keep(read.want, read.encoded, read.sha256)

    def _keep(self, want: _Want, encoded: Encoded, sha: str) -> None:
        self._sha[want[0]] = sha
        replaced = self._kept.pop(want, None)
        self._kept[want] = encoded
        self._size += len(encoded.base64) - (len(replaced.base64) if replaced else 0)
        # The newest stays, also where it alone is larger than the window: it is about to be sent.
        while self._size > self._max and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self._size -= len(old.base64)


class Ready(NamedTuple):
    """An item with the digests of its media, and why it cannot be asked about where one of them cannot be shown."""

    item: Item
    error: BackendError | None = None


def _ready(item: Item, sha256: dict[str, str], errors: Mapping[str, BackendError]) -> Ready:
    files = [f for m in item.all_media() for f in m.files]
    error = next((errors[f.path] for f in files if f.path in errors), None)
    return Ready(with_digests(item, sha256) if any(not f.sha256 for f in files) else item, error)


def with_digests(item: Item, sha256: dict[str, str]) -> Item:
    """The item with each media file's digest taken from the map (by path)."""

    def fill(media: tuple[Media, ...]) -> tuple[Media, ...]:
        return tuple(
            Media(
                m.name,
                m.kind,
                tuple(MediaFile(f.path, f.size, f.mtime_ns, sha256.get(f.path, f.sha256)) for f in m.files),
            )
            for m in media
        )

    return replace(
        item,
        media=fill(item.media),
        candidates=tuple(Candidate(c.text, fill(c.media)) if c.media else c for c in item.candidates),
    )


_buffers = threading.local()


def _read_into_buffer(path: str) -> memoryview:
    """The file's bytes in a buffer that this thread uses again and again: fresh memory costs more than the reading."""
    with open(path, "rb", buffering=0, opener=plain_file) as f:
        size = os.fstat(f.fileno()).st_size
        if len(getattr(_buffers, "bytes", b"")) < size:
            _buffers.bytes = bytearray(size)
        view = memoryview(_buffers.bytes)[:size]
        done = 0
        while done < size and (n := f.readinto(view[done:])):
            done += n
    return view[:done]


_Want = tuple[str, int | None]
"""A file's path and the pixel budget it is wanted within."""


class _Read(NamedTuple):
    want: _Want
    encoded: Encoded | None
    sha256: str
    """Of the file as it is, whatever the budget; empty where it cannot be read."""
    error: BackendError | None = None
    """Why it was not encoded."""


def _encode_all(wants: Sequence[_Want]) -> list[_Read]:
    return [_encode(w) for w in wants]


def _encode(want: _Want) -> _Read:
    path, max_pixels = want
    sha = ""
    try:
        data = _read_into_buffer(path)
        # Before the check: a file that is no image has a digest too, so that its failure is recorded on these bytes.
        sha = hashlib.sha256(data).hexdigest()
        mime = check_picture(path, data)
        if max_pixels is None:
            return _Read(want, Encoded(mime, pybase64.b64encode(data)), sha)
        with decoding(path):
            smaller, mime = within(bytes(data), mime, max_pixels)
        return _Read(want, Encoded(mime, pybase64.b64encode(smaller)), sha)
    except OSError as e:
        return _Read(want, None, "", unreadable(path, e))
    except BackendError as e:
        return _Read(want, None, sha, e)
    except MemoryError:
        return _Read(want, None, sha, BackendError("image", f"{path}: does not fit the memory; make it smaller"))
