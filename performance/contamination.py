"""How often what a benchmark holds is found after it was changed, and what has nothing to do with it is not (docs/data.md).

    python performance/contamination.py --data ../shared/data                # about three minutes

It needs VL-RewardBench, MM-RLHF-RewardBench, JudgeBench and MJ-Bench in the folders of `--data`, and pillow.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from evaluators.records import Candidate, Item, Label, Media, MediaFile
from harness_plugins.experiment.progress import Steps
from harness_plugins.training_data.config import Contamination
from harness_plugins.training_data.images import Images
from harness_plugins.training_data.overlap import BenchmarkIndex, digested
from harness_plugins.training_data.reading import Pair

SIZES = (0.97, 0.95, 0.9, 0.85, 0.8, 0.7)
CHANCE = random.Random(0)


def item(number: int, text: str = "", image: Path | None = None) -> Item:
    candidates = (Candidate(text or f"answer {number}"), Candidate(f"another answer, number {number}"))
    media: tuple[Media, ...] = ()
    if image is not None:
        stat = image.stat()
        media = (Media(image.name, "image", (MediaFile(str(image), stat.st_size, stat.st_mtime_ns),)),)
    return Item(
        f"x:{number}", "x", str(number), number, f"question {number}", candidates, (0, 1), Label(preferred=0), media
    )


def rows(path: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def texts(data: Path) -> None:
    known = [t for row in rows(data / "vl_rewardbench" / "rows.jsonl") for t in row["response"] if len(t.split()) >= 14]
    others = [
        row[side]
        for row in rows(data / "mm_rlhf_rewardbench" / "mm_reward_bench.jsonl")
        for side in ("chosen", "rejected")
    ]
    others += [row["prompt"] for row in rows(data / "judgebench_openrs" / "claude.jsonl")]
    images = Images(Path("none"), None, perceptual=False)
    index = BenchmarkIndex("known", [item(n, text) for n, text in enumerate(known)], images, Contamination())

    def count(changed: Sequence[str]) -> str:
        pairs = (Pair(item(10**6 + n, text), "") for n, text in enumerate(changed))
        hits = sum(any(h.signal in ("ngram", "response") for h in index.hits(pair, images)) for pair in pairs)
        return f"{hits} of {len(changed)}"

    def edited(text: str) -> str:
        words = text.split()
        words[CHANCE.randrange(len(words))] = "zebra"
        return " ".join(words)

    def surrounded(text: str) -> str:
        size = len(text.split())
        around = (CHANCE.choice(others).split() * size)[:size]
        return " ".join([*around, text, *around])

    print(f"texts of 14 words or more, one word changed: {count([edited(t) for t in known])}")
    print(f"inside texts three times as long: {count([surrounded(t) for t in known])}")
    print(f"texts that have nothing to do with them: {count(others)}")


def cropped(share: float) -> Callable[[Image.Image], Image.Image]:
    def crop(image: Image.Image) -> Image.Image:
        width, height = share * image.width, share * image.height
        left, top = CHANCE.random() * (image.width - width), CHANCE.random() * (image.height - height)
        return image.crop((round(left), round(top), round(left + width), round(top + height)))

    return crop


def pictures(data: Path, folder: Path) -> None:
    files = sorted((data / "mj_bench_quality" / "images").iterdir())
    known, others = files[:80], files[80:]
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    changes: dict[str, Callable[[Image.Image], Image.Image]] = {
        "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "turned": lambda image: image.transpose(CHANCE.choice(turns)),
        **{f"cropped to {size}": cropped(size) for size in SIZES},
    }
    for variants in ((), ("mirror", "rotation", "crop")):
        images = Images(Path("none"), None, perceptual=True)
        images.read((item(n, image=p) for n, p in enumerate(known)), Steps(False), "")
        items = [digested(item(n, image=p), images) for n, p in enumerate(known)]
        index = BenchmarkIndex("known", items, images, Contamination.model_validate({"variants": variants}))

        def count(paths: Sequence[Path], images: Images = images, index: BenchmarkIndex = index) -> str:
            shown = [item(10**6 + n, image=path) for n, path in enumerate(paths)]
            images.read(shown, Steps(False), "")
            hits = sum(
                any(h.signal == "near_image" for h in index.hits(Pair(digested(i, images), ""), images)) for i in shown
            )
            return f"{hits} of {len(paths)}"

        print(f"variants {list(variants)}: images that have nothing to do with them: {count(others)}")
        for name, change in changes.items():
            made = folder / f"{name} {len(variants)}"
            made.mkdir()
            for path in known:
                with Image.open(path) as image:
                    change(image.convert("RGB")).save(made / f"{path.stem}.jpg", quality=80)
            print(f"  {name}: {count(sorted(made.iterdir()))}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with the benchmarks' rows")
    arguments = parser.parse_args()
    texts(arguments.data)
    with tempfile.TemporaryDirectory() as folder:
        pictures(arguments.data, Path(folder))
