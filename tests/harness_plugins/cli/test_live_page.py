"""The live page: a server of its own process, asked as a browser asks, and by one that should not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from harness_plugins.cli.live_page import REFRESH_S
from harness_plugins.folder.run_folder import RunFolder
from tests.conftest import ROOT

pytestmark = pytest.mark.xdist_group("cli")


@contextmanager
def viewing(run: Path) -> Iterator[int]:
    """The port; at the end Ctrl-C ends it with nothing said."""
    line = [sys.executable, "-m", "harness_plugins", "view", str(run), "--port", "0"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=run.parent)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("serving http://127.0.0.1:"), process.communicate()
        yield int(said.split(":")[2].partition("/")[0])
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == ("", "") and process.returncode == 0
    finally:
        process.kill()
        process.communicate()


class Shown:
    """A reply and its text."""

    def __init__(self, port: int, path: str = "/", host: str = "127.0.0.1") -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers={"Host": host})
        reply: HTTPResponse = connection.getresponse()
        self.status, self.refresh, self.headers = reply.status, reply.getheader("Refresh"), reply.headers
        self.text = reply.read().decode()
        connection.close()


def page_of(port: int) -> Shown:
    """The page, once it is made: each request waits for a while."""
    for _ in range(60):
        shown = Shown(port)
        if "The page is being made" not in shown.text:
            return shown
        assert shown.refresh
    raise AssertionError("no page")


def test_the_page_is_live_while_the_run_goes_on(judged: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(judged, run)
    before = sorted(p.name for p in run.iterdir())
    with viewing(run) as port:
        with RunFolder(run).locked():
            shown = page_of(port)
            assert shown.status == 200 and "lexical" in shown.text and shown.refresh == str(REFRESH_S)
        ended = Shown(port)
        assert ended.refresh is None and ended.text == shown.text
        assert "script-src 'sha256-" in ended.text and ended.headers["Cache-Control"] == "no-store"
        assert ended.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
        with (run / "verdicts.jsonl").open("ab") as verdicts:
            verdicts.write(b"\n")
        assert Shown(port).refresh == str(REFRESH_S), "there is something new to be shown"
    assert sorted(p.name for p in run.iterdir()) == before


def test_before_there_are_answers_it_says_so(tmp_path: Path) -> None:
    run = tmp_path / "<b>run"
    run.mkdir()
    with viewing(run) as port:
        shown = Shown(port)
        assert (
            shown.status == 200
            and "No answers yet." in shown.text
            and "No run is writing this folder now." in shown.text
        )
        assert "&lt;b&gt;run" in shown.text and "<b>run" not in shown.text and "default-src 'none'" in shown.text
        with RunFolder(run).locked():
            shown = Shown(port)
            assert shown.refresh == str(REFRESH_S) and "No run is writing" not in shown.text


def test_who_asks_by_another_name_or_for_another_page_gets_none(judged: Path) -> None:
    with viewing(judged) as port:
        for host in ("evil.example", f"evil.example:{port}", ""):
            assert Shown(port, host=host).status == 400
        assert Shown(port, "/manifest.json").status == 404


def test_a_folder_that_cannot_be_read_says_why(judged: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(judged, run)
    (run / "manifest.json").write_text('{"schema": 999}')
    with viewing(run) as port:
        shown = page_of(port)
        assert "The page could not be made." in shown.text and "manifest.json" in shown.text
