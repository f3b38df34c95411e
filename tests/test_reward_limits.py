"""The reward server and clients that are slow, silent, greedy, gone, or led here by a web page."""

from __future__ import annotations

import asyncio
import base64
import signal
from pathlib import Path
from typing import Any

import pytest

from evaluators.mock_server import MockServer
from harness_plugins.rewards.images import PREFIX, BadImage, ImageFiles, PictureFolder, remove_left_pictures
from tests.conftest import png
from tests.serving import RIGHT, config, posted, serving

pytest.importorskip("fastapi", reason="needs the extra `server`")

SAMPLE = {"question": "q", "responses": [{"text": "a"}, {"text": "b"}], "answer": 1, "completion": RIGHT}


def test_pictures_of_a_killed_server_go_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    other = PictureFolder()
    with MockServer(latency_s=30).running() as slow:
        path = config(tmp_path, slow, how="timeout_s: 60")
        with serving(path) as (url, process):

            async def killed() -> None:
                picture = base64.b64encode(png(1)).decode()
                body: Any = {"samples": [{**SAMPLE, "images": [picture]}]}
                asked = asyncio.create_task(posted(f"{url}/v1/proxy_grm", body))
                while not slow.in_flight:
                    await asyncio.sleep(0.01)
                process.send_signal(signal.SIGKILL)
                await asyncio.gather(asked, return_exceptions=True)

            asyncio.run(killed())
        left = set(tmp_path.glob(PREFIX + "*")) - {other.path}
        assert any(f.suffix == ".png" for folder in left for f in folder.iterdir())
        with serving(path):
            assert not [folder for folder in left if folder.exists()]
    assert other.path.exists(), "of a process that lives"
    other.close()


def test_only_folders_of_the_dead_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.png").write_bytes(png(1))
    (tmp_path / f"{PREFIX}dead").mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / f"{PREFIX}file").write_bytes(b"")
    with ImageFiles() as files:
        (alive,) = files.media(png(2)).files
        remove_left_pictures()
        assert Path(alive.path).exists() and (tmp_path / "elsewhere" / "mine.png").exists()
        assert not (tmp_path / f"{PREFIX}dead").exists()
    assert not Path(alive.path).parent.exists()


def test_a_call_that_was_given_up_writes_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that decodes for a client that has gone goes on for a while."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = PictureFolder()
    with ImageFiles(folder) as files:
        files.media(png(1))
    with pytest.raises(BadImage, match="given up"):
        files.media(png(2))
    assert not list(folder.path.iterdir())
    folder.close()
    assert not list(tmp_path.iterdir())
