"""The media window, where several ask for the same files at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from evaluators.media import MediaWindow, _encode
from evaluators.records import Candidate, Item, Label, Media, MediaFile
from tests.conftest import png


def test_a_reading_that_is_done_and_not_yet_admitted_is_waited_for(tmp_path: Path) -> None:
    """Two writers share a window; the one that comes between the end of a reading and its callback had no digest to take."""
    path = tmp_path / "0.png"
    path.write_bytes(png(0))
    media = (Media("0.png", files=(MediaFile(str(path)),)),)
    item = Item("x:0", "x", "0", 0, "q", (Candidate("a"), Candidate("b")), (0, 1), Label(preferred=0), media=media)

    async def prepared() -> list[Item]:
        window = MediaWindow()
        other = asyncio.get_running_loop().create_future()
        other.set_result([_encode((str(path), None))])
        window._reading[str(path), None] = other
        try:
            return await window.prepare([item], encode=True)
        finally:
            window.close()

    (found,) = asyncio.run(prepared())
    assert found.media[0].files[0].sha256 == _encode((str(path), None)).sha256
