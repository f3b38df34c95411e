"""Pictures: told by their content, opened whatever they hold, and within a pixel budget every backend is shown the same."""

from __future__ import annotations

import base64
import io
import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.specs import JudgeSpec
from evaluators.testing.mock_server import MockServer
from harness_plugins import run
from tests.conftest import pair, write_jsonl

Pillow = pytest.importorskip("PIL.Image")

from evaluators.errors import BackendError  # noqa: E402
from evaluators.images.pictures import data_url_bytes, decoding, mime_of, open_image, shrunk, within  # noqa: E402


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


def png_with(kind: bytes, data: bytes, late: bool = False) -> bytes:
    """A picture of 60 by 40 with a chunk of its own, before its pixels or after them."""
    buffer = io.BytesIO()
    Pillow.new("RGB", (60, 40), (200, 10, 10)).save(buffer, format="PNG")
    whole = buffer.getvalue()
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    at = len(whole) - 12 if late else 33
    return whole[:at] + chunk + whole[at:]


LONG = zlib.compress(b"a" * 5_000_000)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (b"zTXt", b"workflow\0\0" + LONG),
        (b"zTXt", b"workflow\0\x07" + LONG),
        (b"iTXt", b"prompt\0\1\0\0\0" + LONG),
        (b"iCCP", b"profile\0\0" + LONG),
        (b"iCCP", b"profile\0\x05x"),
    ],
)
def test_a_picture_with_a_text_that_pillow_refuses_is_shown(
    tmp_path: Path, kind: bytes, data: bytes, late: bool
) -> None:
    path = tmp_path / "text.png"
    path.write_bytes(png_with(kind, data, late))
    for most in (None, 600):
        assert open_image(str(path), most).getpixel((0, 0)) == (200, 10, 10)
    assert within(path.read_bytes(), "image/png", 2400) == (path.read_bytes(), "image/png")
    smaller, _ = within(path.read_bytes(), "image/png", 600)
    assert Pillow.open(io.BytesIO(smaller)).size == (30, 20)


def ramp(low: float, high: float, kind: Any) -> Any:
    return np.tile(np.linspace(low, high, 64), (48, 1)).astype(kind)


GREY = {
    "16.png": Pillow.fromarray(ramp(0, 65535, np.uint16)),
    "16.tif": Pillow.fromarray(ramp(0, 65535, np.uint16)),
    "16-big-endian.tif": Pillow.fromarray(ramp(0, 65535, ">u2")),
    "16.pgm as 32.tif": Pillow.fromarray(ramp(0, 65535, np.int32)),
    "32.tif": Pillow.fromarray(ramp(-1e9, 1e9, np.int32)),
    "8 bits in 32.tif": Pillow.fromarray(ramp(0, 255, np.int32)),
    "0 to 1.tif": Pillow.fromarray(ramp(0, 1, np.float32)),
    "-5 to 1000.tif": Pillow.fromarray(ramp(-5, 1000, np.float32)),
    "as far as floats go.tif": Pillow.fromarray(ramp(-3e38, 3e38, np.float64).astype(np.float32)),
}


@pytest.mark.parametrize("name", GREY)
def test_grey_of_more_than_8_bits_is_scaled_not_cut_off(tmp_path: Path, name: str) -> None:
    """Also within the budget: whoever decodes it next would show it white."""
    path = tmp_path / name
    GREY[name].save(path)
    mime = mime_of(path.read_bytes()[:32])
    assert mime is not None
    shown = [open_image(str(path)), open_image(str(path), 300)]
    shown += [Pillow.open(io.BytesIO(within(path.read_bytes(), mime, most)[0])) for most in (300, 10_000)]
    for image in shown:
        assert image.mode == "L" and np.asarray(image).mean() == pytest.approx(127.5, abs=1.5)
        assert np.asarray(image)[:, 0].max() < 16 and np.asarray(image)[:, -1].min() > 239


def test_a_dark_picture_of_16_bits_stays_dark_and_nan_is_black(tmp_path: Path) -> None:
    Pillow.fromarray(np.full((4, 4), 200, np.uint16)).save(tmp_path / "dark.png")
    assert open_image(str(tmp_path / "dark.png")).getpixel((0, 0)) == 1
    values = np.array([[np.nan, 0.0, 1.0], [np.inf, -np.inf, 0.5]], np.float32)
    Pillow.fromarray(values).save(tmp_path / "holes.tif")
    assert np.asarray(open_image(str(tmp_path / "holes.tif"))).tolist() == [[0, 0, 255], [255, 0, 128]]
    Pillow.fromarray(np.full((2, 2), np.nan, np.float32)).save(tmp_path / "none.tif")
    assert open_image(str(tmp_path / "none.tif")).getextrema() == (0, 0)


MODES = {
    "1": "png", "L": "png", "P": "png", "LA": "png", "RGB": "png", "RGBA": "png", "PA": "", "CMYK": "jpg", "YCbCr": "jpg",
    "LAB": "tif", "RGBX": "tif", "I": "tif", "F": "tif", "I;16": "tif", "I;16B": "tif", "La": "", "RGBa": "", "HSV": "",
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_shown(tmp_path: Path, mode: str) -> None:
    from evaluators.images.pictures import plain_mode

    image = Pillow.new(mode, (40, 30))
    assert plain_mode(image).mode in ("RGB", "RGBA", "L")
    if not MODES[mode]:
        return  # in memory alone: no format that judges read has it
    path = tmp_path / f"x.{MODES[mode]}"
    image.save(path)
    data = path.read_bytes()
    assert open_image(str(path)).size == (40, 30) and open_image(str(path), 300).size == (20, 15)
    smaller, mime = within(data, mime_of(data[:32]) or "", 300)
    assert Pillow.open(io.BytesIO(smaller)).size == (20, 15) and mime == mime_of(smaller[:32])


def test_animated_pictures_show_their_first_frame(tmp_path: Path) -> None:
    frames = [Pillow.new("P", (8, 8), n) for n in range(3)]
    for frame in frames:
        frame.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], transparency=2)
    assert open_image(str(tmp_path / "a.gif")).convert("RGB").getpixel((0, 0)) == (200, 0, 0)
    assert open_image(str(tmp_path / "a.gif"), 16).size == (4, 4)


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"BM is how this text begins, and goes on", None),
        (b"BM" + struct.pack("<IHHII", 70, 0, 0, 54, 40) + bytes(20), "image/bmp"),
        (b"BM" + struct.pack("<IHHII", 70, 0, 0, 26, 12) + bytes(20), "image/bmp"),
        (b"GIF8", None),
        (b"GIF89a..........", "image/gif"),
        (b"0123\0\0\0\0WEBPVP8 ", None),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"II+\0\x08\0\0\0", "image/tiff"),
        (b"MM\0*\0\0\0\x08", "image/tiff"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "image/avif"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", None),
        (b"", None),
    ],
)
def test_a_file_is_what_its_bytes_say(head: bytes, mime: str | None) -> None:
    assert mime_of(head) == mime


def test_what_is_no_file_is_named_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(tmp_path / "sock.png"))
    found = {}
    for path in (tmp_path / "pipe.png", tmp_path / "sock.png", Path("/dev/zero"), tmp_path, tmp_path / "gone.png"):
        with pytest.raises(BackendError) as e:
            open_image(str(path))
        assert e.value.kind == "image" and str(path) in e.value.message
        found[path.name] = e.value.message
    assert "a named pipe (FIFO), not a file" in found["pipe.png"] and "a socket, not a file" in found["sock.png"]
    assert "a device" in found["zero"] and "a folder" in found[tmp_path.name] and "No such file" in found["gone.png"]


@pytest.mark.parametrize(
    "error", [OSError, SyntaxError, struct.error, MemoryError, OverflowError, ValueError, Pillow.DecompressionBombError]
)
def test_whatever_a_decoder_raises_is_about_one_picture(error: type[Exception]) -> None:
    with (
        pytest.raises(BackendError, match=rf"^x\.png: cannot be decoded \({error.__name__}: why not") as e,
        decoding("x.png"),
    ):
        raise error("why\n not")
    assert e.value.kind == "image" and e.value.permanent


def test_data_urls() -> None:
    assert data_url_bytes("data:image/png;base64,aGk=") == data_url_bytes("DATA:;charset=x;BASE64,aG%6b")[:1] + b"i"
    assert data_url_bytes("data:,a%20b") == b"a b" and data_url_bytes("data:;base64,aG\n k=") == b"hi"
    for url, fault in (
        ("data:image/png;base64", "no comma"),
        ("data:;base64,a!", "not base64"),
        ("data:;base64,", "no data"),
    ):
        with pytest.raises(ValueError, match=fault):
            data_url_bytes(url)
