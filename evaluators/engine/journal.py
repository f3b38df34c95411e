"""Append-only JSON Lines files that survive `kill -9`: one unbuffered append a line, fsync each second, one writer.

For every reader a line is complete or absent: a torn last line is cut off by the next writer and skipped by readers. A file that
other programs rewrote is read in the same way: white space, line ends and the order of keys are ignored.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import orjson

from evaluators.errors import UserError, unwritten
from evaluators.inputs.files import open_plain, wrong
from evaluators.records import RecordError, decode

FSYNC_SECONDS = 1.0

R = TypeVar("R")


def lock(path: Path, shared: bool = False) -> int:
    """Open a file for appending, with its folder where there is none, and lock it until it is closed; returns its descriptor.

    Args:
        shared: others may share the lock; then no process may hold it alone.

    Raises:
        UserError: another process holds it, or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o644)
    except OSError as e:
        raise unwritten(path, e) from None
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as e:
        os.close(fd)
        # Only these mean another process. A file system without locks fails too, with words of its own (ENOLCK).
        if e.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
            raise UserError(
                f"{path}: another process is writing this run; wait for it, stop it, or give another folder (--out)"
            ) from None
        raise unwritten(path, e) from None
    return fd


class Journal:
    """The one writer of a file.

    Raises:
        UserError: another process holds the file, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = lock(path)
        try:
            self.repaired = repair(self._fd)
        except OSError as e:
            os.close(self._fd)
            raise unwritten(path, e) from None
        self._dirty = False
        self._failure: OSError | None = None
        self._stop = threading.Event()
        self._syncer = threading.Thread(target=self._sync_each_second, name="fsync", daemon=True)
        self._syncer.start()

    def append(self, line: bytes) -> None:
        """Append a line (newline included), or several, in one write.

        Raises:
            UserError: the disk is full or failing. Nothing of the line remains.
        """
        written = 0
        try:
            if self._failure is not None:
                raise self._failure
            while written < len(line):  # a second write says why the first one fell short
                written += os.write(self._fd, line[written:])
        except OSError as e:
            if written:
                # Requests in flight may still append: to half a line, and both lines would be lost.
                os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
            raise unwritten(self.path, e) from None
        self._dirty = True

    def close(self) -> None:
        """Close the file once its lines are on the disk.

        Raises:
            UserError: they could not be written there.
        """
        self._stop.set()
        # Before the descriptor is closed: its number may then be that of another file.
        self._syncer.join()
        try:
            os.fsync(self._fd)
        except OSError as e:
            raise unwritten(self.path, e) from None
        finally:
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
                self._dirty = False  # before the fsync: a line that comes meanwhile is for the next one
                try:
                    os.fsync(self._fd)
                except OSError as e:  # raised by the next append: this thread cannot report it
                    self._failure = e
                    return


def repair(fd: int) -> int:
    """Cut off a torn last line; returns the bytes cut. No reader saw it: its answer was in flight. One that holds more than
    the beginning of an object, as other programs leave the last one, gets its newline.
    """
    size = os.fstat(fd).st_size
    end = size
    while end > 0:
        start = max(0, end - 65536)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end == size:
        return 0
    # Another program may have written the whole file as one line. To cut that off would lose every answer.
    if is_torn(os.pread(fd, size - end, end)):
        os.ftruncate(fd, end)
        return size - end
    os.write(fd, b"\n")
    return 0


def is_torn(line: bytes) -> bool:
    """Whether a line without its newline is what is left of one of ours: no beginning of an object holds a JSON value.

    >>> is_torn(b'{"key":"ab'), is_torn(b'{"key":"ab"}'), is_torn(b'[{"key":"ab"}]')
    (True, False, False)
    """
    try:
        json.JSONDecoder().raw_decode(line.removeprefix(BOM_UTF8).decode(errors="replace").lstrip())
    except (json.JSONDecodeError, RecursionError):
        return True
    return False


Damage = dict[tuple[Path, int], str]
"""Lines that cannot be read: (file, line number from 1) -> why. Their content is asked for again."""


def objects(
    path: Path, damage: Damage | None = None, fault: Callable[[dict[str, Any]], str] | None = None
) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file; none where the file is absent.

    White space, line ends and the order of keys are ignored. A last line without its newline counts where it is whole, as
    other programs leave it; one that is torn is as if absent.

    Args:
        damage: gets every line that is not an object, holds bytes that are not UTF-8, or has a fault.
        fault: why an object is not what the file should hold; empty for those that are yielded.

    >>> damage: Damage = {}
    >>> [row["key"] for row in objects(run / "induction-arr.jsonl", damage)]        # doctest: +SKIP
    """
    if not path.exists():
        return
    with open_plain(path) as f:
        # DuckDB reads past a byte order mark. Were it damage here, tables would count a line that a run asks for again.
        if f.peek(len(BOM_UTF8)).startswith(BOM_UTF8):
            f.seek(len(BOM_UTF8))
        for number, line in enumerate(f, 1):
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError as e:
                reason = "not UTF-8" if "UTF-8" in e.msg else f"not valid JSON ({wrong(e)})"
            else:
                reason = "no JSON object" if type(value) is not dict else fault(value) if fault else ""
                if not reason:
                    yield value
                    continue
            if damage is not None and not line.isspace() and (line.endswith(b"\n") or not is_torn(line)):
                damage[path, number] = reason


def read_records(
    path: Path, kind: type[R], damage: Damage | None = None, fault: Callable[[R], str] | None = None
) -> Iterator[R]:
    """The records of a file; those that cannot be read are left out. Fields that a newer version may have added are ignored.

    Args:
        damage: gets every line that is left out.
        fault: why a record is left out though each of its fields can be read; empty for the others.
    """
    record: R

    def fault_in(value: dict[str, Any]) -> str:
        nonlocal record
        try:
            record = decode(kind, value, "ignore")
        except RecordError as e:
            return str(e)
        return fault(record) if fault else ""

    for _ in objects(path, damage, fault_in):
        yield record


SHOWN_LINES = 5


def damage_notes(damage: Damage) -> list[str]:
    """The message about lines that cannot be read: one sentence a file, with the first numbers and reasons.

    >>> damage_notes({(Path("runs/a/verdicts.jsonl"), 3): "no JSON object"})
    ['verdicts.jsonl: 1 line cannot be read and is left out: line 3 (no JSON object)']
    """
    notes = []
    for path in dict.fromkeys(path for path, _ in damage):
        numbers = sorted(number for p, number in damage if p == path)
        shown = numbers[:SHOWN_LINES]
        count = (
            "1 line cannot be read and is" if len(numbers) == 1 else f"{len(numbers):,} lines cannot be read and are"
        )
        first = f"line {shown[0]} ({damage[path, shown[0]]})"
        others = "".join(f", {n}" for n in shown[1:])
        more = f" and {len(numbers) - len(shown):,} more" if len(numbers) > len(shown) else ""
        notes.append(f"{path.name}: {count} left out: {first}{others}{more}")
    return notes
