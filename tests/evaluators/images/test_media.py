"""The media window: files that several ask for at once, and files that cannot be shown."""

from __future__ import annotations

import asyncio
import io
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.errors import UserError
from evaluators.images.media import MediaWindow, Ready, _encode
from evaluators.records import Candidate, Item, Label, Media, MediaFile
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from evaluators.testing.mock_server import MockServer
from harness_plugins import run, score
from harness_plugins.benchmarks.loader import load_benchmark
from harness_plugins.cli import main
from harness_plugins.config.run import Config
from tests.conftest import MakePairs, pair, png, read_jsonl, write_jsonl

Pillow = pytest.importorskip("PIL.Image")


def test_a_reading_that_is_done_and_not_yet_admitted_is_waited_for(tmp_path: Path) -> None:
    """Two writers share a window; the one that comes between the end of a reading and its callback had no digest to take."""
    path = tmp_path / "0.png"
    path.write_bytes(png(0))
    media = (Media("0.png", files=(MediaFile(str(path)),)),)
    item = Item("x:0", "x", "0", 0, "q", (Candidate("a"), Candidate("b")), (0, 1), Label(preferred=0), media=media)

    async def prepared() -> list[Ready]:
        window = MediaWindow()
        other = asyncio.get_running_loop().create_future()
        other.set_result([_encode((str(path), None))])
        window._reading[str(path), None] = other
        try:
            return await window.prepare([item], encode=True)
        finally:
            window.close()

    ((found, error),) = asyncio.run(prepared())
    assert error is None and found.media[0].files[0].sha256 == _encode((str(path), None)).sha256


def picture(n: int) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", (60, 40), (n, 90, 90)).save(buffer, format="PNG")
    return buffer.getvalue()


def config(url: str, arms: str = "[none]", more: str = "") -> str:
    judge = f"{{name: m, backend: openai, model: m, base_url: '{url}', max_pixels: 600}}"
    judges = f"[{judge}, {{name: first, backend: baseline}}]"
    return f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\narms: {arms}\njudges: {judges}\n{more}"


def test_a_picture_that_cannot_be_shown_costs_its_own_verdicts(
    write_config: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(6):
        (tmp_path / f"{n}.png").write_bytes(picture(n))
    (tmp_path / "1.png").write_bytes(picture(1)[:60])  # broken off
    (tmp_path / "4.png").write_bytes(picture(4)[:16] + (30_000).to_bytes(4, "big") * 2 + picture(4)[24:])  # a bomb
    write_jsonl(tmp_path / "rows.jsonl", [pair(n, media=[f"{n}.png"]) for n in range(6)])
    with MockServer().running() as server:
        path = write_config(config(server.url))
        assert main(["run", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 3
        said = capsys.readouterr().err
        assert server.asked == 8
    assert "1.png: cannot be decoded" in said and "4.png: cannot be decoded" in said and "fix the pictures" in said
    rows = read_jsonl(tmp_path / "out" / "verdicts.jsonl")
    errors = [r for r in rows if r["status"] == "error"]
    assert (
        len(rows) == 24 and {(r["judge"], r["error"]["kind"]) for r in errors} == {("m", "image")} and len(errors) == 4
    )

    for n in (1, 4):
        (tmp_path / f"{n}.png").write_bytes(picture(n))
    with MockServer().running() as server:
        path.write_text(config(server.url))
        assert run(path, out=tmp_path / "out").complete and server.asked == 4


@pytest.mark.parametrize("how", ["gone", "a pipe", "no image"])
def test_a_file_lost_between_the_check_and_its_reading_is_asked_about_when_it_is_back(
    write_config: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Without bytes it has no digest: no key that it gets then is one that it has when it can be read."""
    from harness_plugins.experiment import run as experiment_run

    for n in range(3):
        (tmp_path / f"{n}.png").write_bytes(picture(n))
    write_jsonl(tmp_path / "rows.jsonl", [pair(n, media=[f"{n}.png"]) for n in range(3)])

    def lose(items: object) -> None:
        (tmp_path / "1.png").unlink()
        if how == "a pipe":
            os.mkfifo(tmp_path / "1.png")
        if how == "no image":
            (tmp_path / "1.png").write_bytes(b"BM no picture, but words")

    with MockServer().running() as server:
        path = write_config(config(server.url))
        with monkeypatch.context() as patch:
            patch.setattr(experiment_run, "check_images", lose)
            result = run(path, out=tmp_path / "out")
        assert not result.complete and server.asked == 4
        assert result.statuses["error"] == (2 if how == "no image" else 4)  # a baseline needs the digest alone
        (tmp_path / "1.png").unlink(missing_ok=True)
        (tmp_path / "1.png").write_bytes(picture(1))
        assert run(path, out=tmp_path / "out").complete and server.asked == 6
    rows = read_jsonl(tmp_path / "out" / "verdicts.jsonl")
    lost = {r["key"] for r in rows if r["status"] == "error"}
    assert lost and not lost & {r["key"] for r in rows if r["status"] == "ok"}


def test_a_writer_leaves_out_the_items_that_it_cannot_be_shown(
    write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    for n in range(3):
        (tmp_path / f"{n}.png").write_bytes(picture(n)[: 60 if n == 1 else None])
    write_jsonl(tmp_path / "rows.jsonl", [pair(n, media=[f"{n}.png"]) for n in range(3)])
    with MockServer().running() as server:
        writer = f"writers: [{{name: w, backend: openai, model: m, base_url: '{server.url}', max_pixels: 600}}]\n"
        result = run(write_config(config(server.url, "[transferred]", writer)), out=tmp_path / "out")
    assert result.wrote.statuses["error"] == 2 and result.wrote.written == 6
    failed = [r for r in read_jsonl(tmp_path / "out" / "rubrics.jsonl") if r["status"] == "error"]
    assert len(failed) == 2 and all("1.png: cannot be decoded" in r["error"]["message"] for r in failed)


def test_rows_may_hold_data_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import base64
    from urllib.parse import quote

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    urls = [f"data:image/png;base64,{base64.b64encode(png(1)).decode()}", f"data:image/png,{quote(png(2))}"]
    candidates = [{"media": urls[0]}, {"text": "b", "media": [urls[1]]}]
    rows = [pair(0, media=urls), pair(1, media=urls[0]), pair(2, candidates=candidates)]
    items = load_benchmark("pairs", path=write_jsonl(tmp_path / "rows.jsonl", rows)).items
    files = [f for i in items for m in i.all_media() for f in m.files]
    assert [Path(f.path).read_bytes() for f in files[:3]] == [png(1), png(2), png(1)] and len(files) == 5
    assert all(f.sha256 for f in files)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (
            "data:image/png;base64,%%%",
            "line 1: data:image/png;base64,%%%...: a data: URL that cannot be read: its data are not base64",
        ),
        ("data:image/png;base64,aGVsbG8=", "line 1: an embedded image is in no format"),
        ("data:image/png", "it has no comma"),
    ],
)
def test_a_data_url_that_is_none_names_its_row(tmp_path: Path, value: str, complaint: str) -> None:
    with pytest.raises(UserError, match=re.escape(complaint)):
        load_benchmark("pairs", path=write_jsonl(tmp_path / "rows.jsonl", [pair(0, media=[value])]))


def test_a_pipe_in_a_row_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UserError, match=r"line 1: .*pipe\.png is a named pipe \(FIFO\), not an image"):
        load_benchmark("pairs", path=write_jsonl(tmp_path / "rows.jsonl", [pair(0, media=["pipe.png"])]))


class Sees(MockJudge):
    """A judge that is shown the images."""

    sees_media = True


def test_a_finished_run_needs_its_images_no_more_and_an_unfinished_one_does(
    make_pairs: MakePairs, tmp_path: Path
) -> None:
    spec = JudgeSpec(name="j", backend="openai", model="m", base_url="http://unused.invalid/v1")
    config = Config(benchmarks=({"name": "pairs", "path": make_pairs(6)},), judges=(spec,), arms=("none",))  # type: ignore[arg-type]
    judges = {"j": Sees(spec, lambda case: "1")}
    run(config, out=tmp_path / "r", judges=judges)
    before = [c.metrics["accuracy"] for c in score(tmp_path / "r").cells]
    (tmp_path / "images" / "3.png").unlink()

    again = run(config, out=tmp_path / "r", judges=judges)
    assert again.complete and again.tally.asked == 0
    assert [c.metrics["accuracy"] for c in score(tmp_path / "r").cells] == before
    with pytest.raises(UserError, match=r"1 items that are still to be judged have lost media, such as .*3\.png"):
        run(config.model_copy(update={"arms": ("none", "generic")}), out=tmp_path / "r", judges=judges)
    with pytest.raises(UserError, match="1 rows lack media"):
        run(config, out=tmp_path / "another", judges=judges)
