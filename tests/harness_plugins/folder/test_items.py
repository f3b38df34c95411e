"""Items and their images before a run: what is on record is not read again, what is broken is said at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.engine.journal import Journal
from evaluators.errors import UserError
from evaluators.records import Candidate, Item, Label, Media, MediaFile
from harness_plugins.folder.items import check_images, list_new, with_known_digests
from harness_plugins.folder.run_folder import RunFolder
from tests.conftest import png, read_jsonl


def item(n: int, *files: MediaFile) -> Item:
    media = (Media("photo", files=files),) if files else ()
    return Item(f"x:{n}", "x", str(n), n, "?", (Candidate("a"), Candidate("b")), (0, 1), Label(preferred=0), media)


@pytest.mark.parametrize(
    ("now", "known"),
    [
        (MediaFile("a.png", 10, 5), True),
        (MediaFile("a.png", 11, 5), False),
        (MediaFile("a.png", 10, 6), False),
        (MediaFile("b.png", 10, 5), False),
    ],
)
def test_a_digest_on_record_stands_while_path_size_and_time_do(now: MediaFile, known: bool) -> None:
    before = item(1, MediaFile("a.png", 10, 5, "digest"))
    (result,) = with_known_digests([item(1, now)], {"x:1": before})
    assert [f.sha256 for m in result.media for f in m.files] == ["digest" if known else ""]


def test_broken_images_are_listed_and_those_read_before_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(png(1))
    (tmp_path / "text.png").write_text("no picture")
    paths = {name: str(tmp_path / name) for name in ("good.png", "text.png", "missing.png", "gone.png")}
    good, text, missing = (MediaFile(paths[n]) for n in ("good.png", "text.png", "missing.png"))
    check_images([item(1, good), item(2, MediaFile(paths["gone.png"], sha256="read before"))])
    with pytest.raises(UserError) as raised:
        check_images([item(1, good), item(2, text, missing), item(3, text)])
    complaint = str(raised.value)
    assert complaint.count("text.png: not an image that judges can read") == 1
    assert "missing.png: cannot be read (No such file or directory)" in complaint and "good.png" not in complaint


def test_only_what_is_new_or_changed_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    first, second, unread = item(1), item(2), item(3, MediaFile("a.png", 10, 5))
    with Journal(path) as journal:
        assert list_new([first, second, unread], {}, journal) == {"x:1", "x:2"}, "its image is still to be read"
    changed = replace(second, prompt="another?")
    with Journal(path) as journal:
        list_new([first, changed], RunFolder(tmp_path).items(), journal)
    assert [line["uid"] for line in read_jsonl(path)] == ["x:1", "x:2", "x:3", "x:2"]
    assert RunFolder(tmp_path).items()["x:2"] == changed
