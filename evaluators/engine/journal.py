"""Append-only JSON Lines files that survive `kill -9`: one unbuffered append a line, fsync each second, one writer.

A line is complete or absent to every reader: a torn last line is cut off by the next writer and skipped by readers.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import orjson

from evaluators.errors import UserError
from evaluators.records import Item, RecordError, Rubric, decode

FSYNC_SECONDS = 1.0

R = TypeVar("R")


class Journal:
    """The one writer of a file.

    Raises:
        UserError: another process holds the file, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as e:
            raise UserError(f"{path}: cannot be written ({e.strerror})") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise UserError(
                f"{path}: another process is writing this run; wait for it, stop it, or give another folder (--out)"
            ) from None
        self.repaired = repair(self._fd)
        self._dirty = False
        self._stop = threading.Event()
        self._syncer = threading.Thread(target=self._sync_each_second, name="fsync", daemon=True)
        self._syncer.start()

    def append(self, line: bytes) -> None:
        """Append a line (newline included), or several, in one write.

        Raises:
            UserError: the disk is full or failing. Nothing of the line remains.
        """
        try:
            written = os.write(self._fd, line)
        except OSError as e:
            raise UserError(
                f"{self.path}: cannot be written ({e.strerror}); make room and run the same command again"
            ) from None
        if written != len(line):
            os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
            raise UserError(f"{self.path}: the disk is full; make room and run the same command again")
        self._dirty = True

    def close(self) -> None:
        self._stop.set()
        self._syncer.join()
        os.fsync(self._fd)
        os.close(self._fd)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _sync_each_second(self) -> None:
        while not self._stop.wait(FSYNC_SECONDS):
            if self._dirty:
                self._dirty = False
                os.fsync(self._fd)


def repair(fd: int) -> int:
    """Cut off a last line without its newline; returns the bytes cut. Nobody was told of it: its answer was in flight."""
    size = os.fstat(fd).st_size
    end = size
    while end > 0:
        start = max(0, end - 65536)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(fd, end)
    return size - end


def lines(path: Path, torn: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """The complete lines of a file; none where it is absent. `torn` is told the number of a line without newline."""
    if not path.exists():
        return
    with open(path, "rb", buffering=1 << 20) as f:
        for number, line in enumerate(f, 1):
            if line.endswith(b"\n"):
                yield line
            elif torn is not None:
                torn(number)


def read_records(path: Path, kind: type[R]) -> Iterator[R]:
    """The records of a file.

    Raises:
        UserError: a line that does not fit, by file and line.
    """
    for number, line in enumerate(lines(path), 1):
        try:
            yield decode(kind, line)
        except RecordError as e:
            raise UserError(f"{path}: line {number}: {e}; mend or remove the line") from None


def record_files(run: Path, kind: str) -> list[Path]:
    """`<kind>.jsonl` and `<kind>-<rank>.jsonl` of a run folder: readers take the union."""
    return sorted(run.glob(f"{kind}.jsonl")) + sorted(run.glob(f"{kind}-*.jsonl"))


def verdict_files(run: Path) -> list[Path]:
    return record_files(run, "verdicts")


def items_of(run: Path) -> dict[str, Item]:
    """A folder's items by uid. The last line of a file counts; between files, one that has the media's digests.

    Raises:
        UserError: a line that is no item.
    """
    found: dict[str, Item] = {}
    for path in record_files(run, "items"):
        for uid, item in {i.uid: i for i in read_records(path, Item)}.items():
            if uid not in found or item.digested():
                found[uid] = item
    return found


def rubrics_of(run: Path) -> Iterator[Rubric]:
    """All rubric records of a folder, earlier ones of a place before later ones.

    Raises:
        UserError: a line that is no rubric.
    """
    for path in record_files(run, "rubrics"):
        yield from read_records(path, Rubric)


_HEAD = b'{"key":"'
_STATUS = b'","status":"'
_CALL = b'","call":"'


def heads(path: Path) -> Iterator[tuple[str, str, str]]:
    """(key, status, call) of every verdict line, read off its first bytes where it was written by us.

    Raises:
        UserError: a line is no verdict.
    """
    for number, line in enumerate(lines(path), 1):
        if line.startswith(_HEAD) and line[72:84] == _STATUS:
            status_end = line.find(b'"', 84, 100)
            if line[status_end : status_end + 10] == _CALL:
                yield (
                    line[8:72].decode(),
                    line[84:status_end].decode(),
                    line[status_end + 10 : status_end + 74].decode(),
                )
                continue
        try:
            value = orjson.loads(line)
            key, status, call = value["key"], value["status"], value["call"]
            if len(bytes.fromhex(key)) != 32 or len(bytes.fromhex(call)) != 32:
                raise ValueError("no digest")
            yield key, status, call
        except (KeyError, TypeError, ValueError):
            raise UserError(
                f"{path}: line {number} is no verdict record; remove the line and run the same command again"
            ) from None
