"""Files that are replaced as a whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from evaluators.errors import unwritten


def write_atomic(path: Path, data: bytes) -> None:
    """Replace a file as a whole: temp file, fsync, rename. Where that fails nothing is left behind.

    Raises:
        UserError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(part, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        part.replace(path)
    except BaseException as e:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(e, OSError):
            raise unwritten(path, e) from None
        raise
