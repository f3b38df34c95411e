"""The pixel budget: nothing is touched without one, and with one every backend is shown the same smaller image."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.judges import JudgeSpec
from evaluators.mock_server import MockServer
from harness_plugins import run
from tests.conftest import pair, write_jsonl

Pillow = pytest.importorskip("PIL.Image")

from evaluators.pictures import open_image, shrunk, within  # noqa: E402


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 50_000))
def test_a_budget_is_kept_and_small_images_are_left_alone(width: int, height: int, most: int) -> None:
    image = Pillow.new("RGB", (width, height))
    found = shrunk(image, most)
    if width * height <= most:
        assert found is image
    else:
        assert found.width * found.height <= max(most, found.width, found.height)
        assert found.width <= width and found.height <= height


def test_bytes_within_the_budget_are_the_very_bytes(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Pillow.new("P", (40, 30)).save(buffer, format="PNG")
    assert within(buffer.getvalue(), "image/png", 1200) == (buffer.getvalue(), "image/png")
    smaller, mime = within(buffer.getvalue(), "image/png", 300)
    assert mime == "image/png" and Pillow.open(io.BytesIO(smaller)).size == (20, 15)


def config(url: str, more: str = "") -> str:
    judge = f"{{name: m, backend: openai, model: m, base_url: '{url}'{more}}}"
    return f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\narms: [none]\njudges: [{judge}]\n"


def test_a_judge_with_a_budget_is_sent_smaller_images(write_config: Callable[[str], Path], tmp_path: Path) -> None:
    Pillow.new("RGB", (64, 48), (200, 10, 10)).save(tmp_path / "one.jpg")
    write_jsonl(tmp_path / "rows.jsonl", [pair(n, media=["one.jpg"]) for n in range(3)])

    def sent(more: str, out: str) -> set[bytes]:
        with MockServer(keep=True).running() as server:
            assert run(write_config(config(server.url, more)), out=tmp_path / out).complete
            urls = [
                c["image_url"]["url"] for b in server.bodies for c in b["messages"][0]["content"] if "image_url" in c
            ]
        assert len(urls) == 6 and all(u.startswith("data:image/jpeg;base64,") for u in urls)
        return {base64.b64decode(u.partition(",")[2]) for u in urls}

    assert sent("", "whole") == {(tmp_path / "one.jpg").read_bytes()}
    (smaller,) = sent(", max_pixels: 768", "small")
    assert Pillow.open(io.BytesIO(smaller)).size == (32, 24) == open_image(str(tmp_path / "one.jpg"), 768).size
    whole = JudgeSpec(name="m", backend="openai", model="m", base_url="http://h/v1")
    assert (
        "max_pixels" not in whole.key_fields() and whole.digest != whole.model_copy(update={"max_pixels": 768}).digest
    )


def test_an_image_lies_as_its_exif_tag_says(tmp_path: Path) -> None:
    """A smaller copy carries no such tag, so it must be upright itself."""
    exif = Pillow.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Pillow.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    data = (tmp_path / "turned.jpg").read_bytes()
    smaller, _ = within(data, "image/jpeg", 200)
    assert Pillow.open(io.BytesIO(smaller)).size == (10, 20)
    assert open_image(str(tmp_path / "turned.jpg")).size == (20, 40)
