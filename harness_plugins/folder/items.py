"""What a run folder knows of its items, and their images before a run: digests on record, broken files, new lines."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from evaluators.engine.journal import Journal
from evaluators.errors import UserError
from evaluators.images.media import with_digests
from evaluators.images.pictures import HEAD, READABLE, mime_of
from evaluators.inputs.files import plain_file
from evaluators.records import Item, encode
from harness_plugins.benchmarks.loader import SHOWN_PROBLEMS

LISTED_AT_ONCE = 256
"""Items a write: few enough that the text of a whole benchmark is never in memory twice."""


def with_known_digests(items: Sequence[Item], listed_items: Mapping[str, Item]) -> list[Item]:
    """Items whose files are as the folder knows them (path, size, time) get the digests on record: no file is opened."""
    result = []
    for item in items:
        listed = listed_items.get(item.uid)
        if listed is not None:
            files = {f.path: f for m in listed.all_media() for f in m.files}
            digests = {}
            for f in (f for m in item.all_media() for f in m.files):
                old = files.get(f.path)
                if old is not None and old.sha256 and (old.size, old.mtime_ns) == (f.size, f.mtime_ns):
                    digests[f.path] = old.sha256
            if digests:
                item = with_digests(item, digests)
        result.append(item)
    return result


def check_images(items: Sequence[Item]) -> None:
    """Look at the first bytes of every file not read before: a broken file should not turn up an hour into a run."""
    problems = []
    for path in dict.fromkeys(f.path for i in items for m in i.all_media() for f in m.files if not f.sha256):
        try:
            head = _head(path)
        except OSError as e:
            problems.append(f"{path}: cannot be read ({e.strerror})")
            continue
        if mime_of(head) is None:
            problems.append(f"{path}: not an image that judges can read ({READABLE}); convert or replace it")
    if problems:
        omitted_note = (
            [f"... and {len(problems) - SHOWN_PROBLEMS} more files"] if len(problems) > SHOWN_PROBLEMS else []
        )
        raise UserError(*problems[:SHOWN_PROBLEMS], *omitted_note)


def _head(path: str) -> bytes:
    fd = plain_file(path, os.O_RDONLY)  # a buffered file would read a page or two, of thousands of files
    try:
        return os.read(fd, HEAD)
    finally:
        os.close(fd)


def list_new(all_items: Sequence[Item], listed_items: Mapping[str, Item], items: Journal) -> set[str]:
    """Write what the folder does not list yet, so that readers know what is to come; returns the items that are final.

    Items with media not read yet are written again by the runner, digests filled in.
    """
    new = [i for i in all_items if listed_items.get(i.uid) != i]
    for start in range(0, len(new), LISTED_AT_ONCE):
        items.append(b"".join(map(encode, new[start : start + LISTED_AT_ONCE])))
    return {i.uid for i in all_items if i.digested()}
