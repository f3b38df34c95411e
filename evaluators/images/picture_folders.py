"""Folders for pictures that are files for the time of a call alone. What a killed process left is removed by the next one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

PREFIX = "rubric-harness-pictures-"


class PictureFolder:
    """A folder for pictures. Its lock ends with this process, however that ends, and tells whose folder may be removed."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="rubric-harness-"))
        self._lock = os.open(folder, os.O_RDONLY)
        with contextlib.suppress(OSError):  # a file system without locks: no other process can lock it either
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path = folder.rename(
            folder.with_name(folder.name.replace("rubric-harness-", PREFIX))
        )  # locked before it is seen

    def __enter__(self) -> PictureFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def remove_left_pictures() -> None:
    """Remove the folders of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        with contextlib.suppress(OSError):  # another user's
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
