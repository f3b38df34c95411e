"""Media bytes: recognised by their content, digested once, base64-encoded once while they stay in a bounded window."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from evaluators.errors import UserError
from evaluators.records import Candidate, Item, Media, MediaFile

WINDOW_BYTES = 48 * 1024 * 1024
"""How much encoded media the window keeps: a few hundred images, whatever the size of the benchmark."""

_SIGNATURES: tuple[tuple[bytes, int, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"BM", 0, "image/bmp"),
    (b"II*\x00", 0, "image/tiff"),
    (b"MM\x00*", 0, "image/tiff"),
    (b"ftypavif", 4, "image/avif"),
    (b"ftypheic", 4, "image/heic"),
)


def mime_of(head: bytes) -> str | None:
    """The MIME type that the first 16 bytes show, or None. File names are not asked: datasets get them wrong."""
    for signature, offset, mime in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return mime
    return None


def stat_file(path: Path) -> MediaFile:
    """The file's size and time, without opening it.

    Raises:
        OSError: it cannot be read.
    """
    s = os.stat(path)
    return MediaFile(str(path), s.st_size, s.st_mtime_ns)


class MediaWindow:
    """Reads each file once, digests it, and keeps its data URL while it is among the most recently used.

    Reading and encoding run in threads, off the event loop; several callers of one file wait for the same read.
    """

    def __init__(self, max_bytes: int = WINDOW_BYTES, threads: int = 2) -> None:
        self._max = max_bytes
        self._size = 0
        self._urls: OrderedDict[str, bytes] = OrderedDict()
        self._sha: dict[str, str] = {}
        self._reading: dict[str, asyncio.Task[bytes]] = {}
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="media")

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def data_url(self, file: MediaFile) -> bytes:
        """The file's bytes, untouched, as a quoted JSON string `"data:<mime>;base64,..."`, ready to be embedded.

        Raises:
            UserError: the file is gone or is no image.
        """
        kept = self._urls.get(file.path)
        if kept is not None:
            self._urls.move_to_end(file.path)
            return kept
        reading = self._reading.get(file.path)
        if reading is None:
            reading = self._reading[file.path] = asyncio.create_task(self._read(file.path))
        return await asyncio.shield(reading)

    async def _read(self, path: str) -> bytes:
        try:
            url, self._sha[path] = await asyncio.get_running_loop().run_in_executor(self._pool, _encode, path)
        finally:
            del self._reading[path]
        self._urls[path] = url
        self._size += len(url)
        while self._size > self._max and len(self._urls) > 1:
            _, old = self._urls.popitem(last=False)
            self._size -= len(old)
        return url

    async def digested(self, item: Item) -> Item:
        """The item with the sha256 of all its media filled in; what is still unknown is read now."""
        files = [f for m in item.all_media() for f in m.files]
        if all(f.sha256 for f in files):
            return item
        await asyncio.gather(*(self.data_url(f) for f in files if not f.sha256 and f.path not in self._sha))
        return with_digests(item, {f.path: f.sha256 or self._sha[f.path] for f in files})


def with_digests(item: Item, sha256: dict[str, str]) -> Item:
    """The item with each media file's digest taken from the map (by path)."""

    def fill(media: tuple[Media, ...]) -> tuple[Media, ...]:
        return tuple(
            replace(m, files=tuple(replace(f, sha256=sha256.get(f.path, f.sha256)) for f in m.files)) for m in media
        )

    return replace(
        item,
        media=fill(item.media),
        candidates=tuple(Candidate(c.text, fill(c.media)) for c in item.candidates),
    )


def _encode(path: str) -> tuple[bytes, str]:
    try:
        with open(path, "rb") as f:
            data = f.read()
    except OSError as e:
        raise UserError(
            f"{path}: cannot be read ({e.strerror}); restore the file and run the same command again"
        ) from None
    mime = mime_of(data[:16])
    if mime is None:
        raise UserError(f"{path}: not an image that judges can read (PNG, JPEG, WebP, GIF, ...); convert or remove it")
    return b'"data:' + mime.encode() + b";base64," + base64.b64encode(data) + b'"', hashlib.sha256(data).hexdigest()
