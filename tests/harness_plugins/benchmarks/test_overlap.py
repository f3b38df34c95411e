"""Seeds and judged items: what makes two of them one, and what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import UserError
from evaluators.images import media
from evaluators.records import Candidate, Item, Label, Media, MediaFile
from harness_plugins.benchmarks import overlap
from harness_plugins.benchmarks.overlap import check_disjoint, overlaps
from tests.conftest import png

LONG = "The chart shows four fruits, and apples lead."


def item(uid: str, prompt: str = "", texts: tuple[str, str] = ("", ""), **more: Any) -> Item:
    candidates = more.pop("candidates", tuple(Candidate(t) for t in texts))
    return Item(uid, "x", uid, 0, prompt or f"request of {uid}", candidates, (0, 1), Label(preferred=0), **more)


def picture(path: Path, shade: int) -> Media:
    path.write_bytes(png(shade))
    return Media(path.name, "image", (MediaFile(str(path), path.stat().st_size),))


def shared(seed: Item, other: Item) -> list[str]:
    return list(overlaps([seed], [other]))


def test_a_candidate_is_the_same_whatever_its_case_and_marks() -> None:
    seed, other = item("seed", texts=(LONG, "x")), item("test", texts=("y", f"  {LONG.upper().replace(',', ' -')}!"))
    (line,) = shared(seed, other)
    assert line.startswith("seed and the judged item test have a candidate (") and line.endswith(
        "remove it from one side"
    )


def test_short_candidates_are_nobodys_own() -> None:
    assert not shared(item("seed", texts=("Yes, it is.", "No.")), item("test", texts=("yes it is", "no")))


def test_a_long_candidate_that_only_begins_alike_is_another() -> None:
    assert not shared(item("seed", texts=(LONG, "x")), item("test", texts=(LONG + " Pears follow.", "y")))


def test_an_image_is_its_bytes(tmp_path: Path) -> None:
    seed = item("seed", media=(picture(tmp_path / "a.png", 1),))
    copied = item("test", candidates=(Candidate(media=(picture(tmp_path / "copy.png", 1),)), Candidate("x")))
    other = item("test", media=(picture(tmp_path / "other.png", 2),))
    assert "an image (" in shared(seed, copied)[0] and not shared(seed, other)


def test_a_request_is_enough_where_nothing_comes_with_it(tmp_path: Path) -> None:
    def generated(uid: str, shade: int, prompt: str, given: tuple[Media, ...] = ()) -> Item:
        pair = tuple(Candidate(media=(picture(tmp_path / f"{uid}{n}.png", shade + n),)) for n in range(2))
        return item(uid, prompt, candidates=pair, media=given)

    assert "the request (" in shared(generated("seed", 1, "A red cup."), generated("test", 3, "a red cup"))[0]
    assert not shared(generated("seed", 1, "A red cup."), generated("test", 3, "a blue cup"))
    edits = [
        generated(u, n, "Make it night", (picture(tmp_path / f"{u}.png", 50 + n),)) for u, n in (("s", 10), ("t", 20))
    ]
    assert not shared(*edits), "the same edit of another image"
    assert "the request (" in shared(item("seed", "Why is the sky blue?"), item("test", "why is the sky blue"))[0]


def test_only_images_of_a_seeds_size_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(overlap, "sha256_of", lambda p: (read.append(p), media.sha256_of(p))[1])
    seed = item("seed", media=(picture(tmp_path / "a.png", 1),))
    bigger = tmp_path / "b.png"
    bigger.write_bytes(png(2) + b"more")
    others = [
        item(f"t{n}", media=(Media("b", "image", (MediaFile(str(bigger), bigger.stat().st_size),)),)) for n in range(9)
    ]
    assert not list(overlaps([seed], others)) and read == [str(tmp_path / "a.png")]


def test_many_overlaps_are_five_lines_and_a_count() -> None:
    with pytest.raises(UserError) as caught:
        check_disjoint([item("seed", texts=(LONG, "x"))], {"x": [item(f"t{n}", texts=(LONG, "y")) for n in range(8)]})
    assert len(caught.value.lines) == 6 and caught.value.lines[-1] == "... and 3 more overlaps"
