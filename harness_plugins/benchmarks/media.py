"""Media of a row: found below a root that they may not leave, or unpacked from the row into a cache by content."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from evaluators.images.pictures import HEAD, data_url_bytes, mime_of
from evaluators.inputs.files import not_a_file
from evaluators.records import Media, MediaFile
from harness_plugins.benchmarks.bundled import cache_dir
from harness_plugins.benchmarks.spec import BenchmarkSpec, MediaSpec


class MediaProblem(Exception):
    """Why a medium cannot be used; `missing` where it simply is not there."""

    def __init__(self, message: str, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


def embedded_bytes(value: Any) -> bytes | None:
    """The image that a value holds: bytes, or a mapping of `bytes` and `path` as the Hub's datasets have them."""
    if isinstance(value, dict):
        value = value.get("bytes")
    return bytes(value) if isinstance(value, bytes | bytearray) and value else None


def embedded_name(data: bytes) -> str:
    """What an embedded image is called where its name must tell it from others: its content."""
    return hashlib.sha256(data).hexdigest()[:16]


class MediaFinder:
    """Turns a media value of a row into Media.

    Args:
        root: the folder that media paths are relative to.
        frames: at most this many frames of a video, evenly spaced.
    """

    def __init__(self, spec: BenchmarkSpec, root: Path, frames: int) -> None:
        self._spec = spec
        self._root = root
        self._frames = frames
        self._folders: dict[str, bool] = {}
        self._allowed = [root.resolve()]
        # A Hub cache holds links below snapshots/ into its own blobs/: the one place a link may lead to.
        for parent in (root.absolute(), *root.absolute().parents):
            if parent.name == "snapshots" and (parent.parent / "blobs").is_dir():
                self._allowed.append((parent.parent / "blobs").resolve())

    def find(self, value: Any, media_spec: MediaSpec) -> list[Media]:
        """The media that a column's value means: a path, embedded bytes, or a list of either; none for an empty value.

        Raises:
            MediaProblem: missing, outside the root, remote, or no image.
        """
        if value is None or value == "" or value == []:
            return []
        if isinstance(value, list | tuple):
            return [m for part in value for m in self.find(part, media_spec)]
        if data := embedded_bytes(value):
            return [self._embedded(data, value.get("path") if isinstance(value, dict) else None)]
        if isinstance(value, dict):
            value = value.get("path")
        if not isinstance(value, str):
            raise MediaProblem(f"a media value must be a path or an embedded image, not {type(value).__name__}")
        if value[:5].lower() == "data:":
            try:
                return [self._embedded(data_url_bytes(value), None)]
            except ValueError as e:
                raise MediaProblem(f"{value[:40]}...: a data: URL that cannot be read: {e}") from None
        if re.match(r"(https?|ftp|s3|gs|hf):", value, re.I):
            raise MediaProblem(f"{value[:80]}: remote media are not fetched; download them and give their paths")
        try:
            return [
                self._video(value)
                if media_spec.kind == "video"
                else Media(value, "image", (self._file(self._path(value)),))
            ]
        except OSError as e:
            raise MediaProblem(f"{value[:80]}: cannot be read ({e.strerror})") from None

    def _path(self, name: str) -> str:
        """The path below the root that exists, checked after following every link."""
        # Plain os calls: pathlib costs more than the file system here, and a benchmark has many thousands of files.
        forms = [s.format(path=name, name=os.path.basename(name.rstrip("/"))) for s in self._spec.media_search]
        head, _, tail = name.partition("/")
        if tail and head == self._root.name:
            forms.append(tail)  # `media_root: images/` with rows that say images/x.png
        climbs = ".." in name.split("/") or os.path.isabs(name)
        # Two places may hold one file by two paths; only two different files make a name doubtful.
        existing = (
            [p for p in (os.path.join(self._root, form) for form in forms) if _exists(p)] if len(forms) > 1 else []
        )
        if len({(s.st_dev, s.st_ino) for s in map(os.stat, existing)}) > 1:
            raise MediaProblem(
                f"{name} is the name of several files ({', '.join(existing[:2])}): give the folder in the path, or another media_root"
            )
        for form in forms:
            path = os.path.join(self._root, form)
            if _exists(path):
                sure = climbs or os.path.islink(path)
                if not (self._inside(path) if sure else self._folder_inside(os.path.dirname(path))):
                    raise MediaProblem(
                        f"{name} leads outside the media root {self._root}; set media_root to a folder above it"
                    )
                return path
        if climbs:
            raise MediaProblem(f"{name} leads outside the media root {self._root}; set media_root to a folder above it")
        raise MediaProblem(f"{self._root / forms[0]} is missing", missing=True)

    def _inside(self, path: str) -> bool:
        real = Path(path).resolve()
        return any(real.is_relative_to(a) for a in self._allowed)

    def _folder_inside(self, folder: str) -> bool:
        # Following links is slow, and a folder holds thousands of files.
        if folder not in self._folders:
            self._folders[folder] = self._inside(folder)
        return self._folders[folder]

    def _file(self, path: str) -> MediaFile:
        if os.path.islink(path) and not self._inside(path):
            raise MediaProblem(f"{path} leads outside the media root {self._root}; copy the file into it")
        status = os.stat(path)
        if other := not_a_file(status.st_mode):
            raise MediaProblem(f"{path} is {other}, not an image")
        return MediaFile(path, status.st_size, status.st_mtime_ns)

    def _video(self, name: str) -> Media:
        folder = Path(self._path(name))
        if folder.is_file():
            raise MediaProblem(f"{folder}: a video is a folder of frames; extract its frames first")
        frames = sorted((p for p in folder.iterdir() if not p.name.startswith(".") and p.is_file()), key=_natural)
        if not frames:
            raise MediaProblem(f"{folder} holds no frames", missing=True)
        if len(frames) > self._frames:
            last = len(frames) - 1
            frames = [frames[round(i * last / max(self._frames - 1, 1))] for i in range(self._frames)]
        return Media(name, "video", tuple(self._file(str(f)) for f in frames))

    def _embedded(self, data: bytes, name: str | None) -> Media:
        if mime_of(data[:HEAD]) is None:
            raise MediaProblem("an embedded image is in no format that judges can read")
        sha = hashlib.sha256(data).hexdigest()
        path = cache_dir() / "media" / sha[:2] / sha
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Several processes may unpack one image; the rename shows none of them half of it.
            part = path.with_name(f"{sha}.{os.getpid()}.part")
            part.write_bytes(data)
            part.replace(path)
        return Media(name or sha[:16], "image", (replace(self._file(str(path)), sha256=sha),))


def _exists(path: str) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    return True


class _NamePart(NamedTuple):
    """A number in a file's name, or what is between two."""

    number: int
    text: str


def _natural(path: Path) -> list[_NamePart]:
    """frame_2 before frame_10, padded or not."""
    parts = re.split(r"(\d+)", path.name)
    return [_NamePart(int(part), "") if part.isdigit() else _NamePart(0, part) for part in parts]
