"""Images that are a part of another one."""

from __future__ import annotations

import io
import random
from typing import Any

from PIL import Image

from harness_plugins.training_data.crops import DISTANCE, FITS, CropIndex, Owned, crops, fit
from harness_plugins.training_data.images import PerceptualHash, phash
from tests.conftest import real
from tests.harness_plugins.training_data.test_parts import picture


def grey(data: bytes) -> Any:
    return Image.open(io.BytesIO(data)).convert("L")


def hashed(picture: Any) -> PerceptualHash:
    data = io.BytesIO()
    picture.save(data, "PNG", compress_level=1)  # read once, at once
    return phash(data.getvalue())


def cropped(whole: Any, share: float, chance: random.Random) -> Any:
    """At random, and saved with losses."""
    width, height = share * whole.width, share * whole.height
    left, top = chance.random() * (whole.width - width), chance.random() * (whole.height - height)
    data = io.BytesIO()
    whole.crop((round(left), round(top), round(left + width), round(top + height))).save(data, "JPEG", quality=80)
    return grey(data.getvalue())


def test_hashes_suggest_the_nearest_first() -> None:
    index = CropIndex([Owned("00000000000000ff", 7), Owned("000000000000000f", 8), Owned("", 9), Owned("f" * 16, 6)])
    assert index.of("0000000000000000") == [8, 7] and index.of("") == []
    assert index.of("0000000000000fff") == [7, 8] and DISTANCE == 12
    assert CropIndex([]).of("0000000000000000") == []


def test_a_crop_fits_into_its_own_image_alone() -> None:
    chance = random.Random(0)
    wholes = [grey(picture(seed, 256)) for seed in range(3)]
    for n, whole in enumerate(wholes):
        fits = [fit(cropped(whole, 0.8, chance), other) for other in wholes]
        assert fits[n] > FITS > max(fits[:n] + fits[n + 1 :])
    assert fit(Image.new("L", (64, 64), 9), wholes[0]) == 0.0, "nothing to be recognised by"


def test_crops_of_photographs_are_suggested_and_others_are_not() -> None:
    """MJ-Bench's images; of 80 all are found at each of six sizes."""
    files = sorted((real("mj_bench_quality") / "images").iterdir())
    known = [Image.open(path).convert("L") for path in files[:8]]
    index = CropIndex([Owned(hashed(crop).hex, n) for n, whole in enumerate(known) for crop in crops(whole)])
    chance = random.Random(1)
    suggested = [
        n in index.of(hashed(cropped(known[n], share, chance)).hex) for n in range(8) for share in (0.95, 0.85, 0.75)
    ]
    assert all(suggested)
    assert not any(index.of(hashed(Image.open(path).convert("L")).hex) for path in files[100:108])
