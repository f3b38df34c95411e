"""What pairs share: clusters among themselves, and what of them is part of a benchmark. With pictures: test_parts.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from evaluators.records import Candidate, Item, Label, Media, MediaFile
from harness_plugins.experiment.progress import Steps
from harness_plugins.training_data.config import Contamination
from harness_plugins.training_data.images import Images, Variant
from harness_plugins.training_data.overlap import BenchmarkIndex, clusters, contaminated, digested
from harness_plugins.training_data.reading import Pair
from tests.conftest import read_jsonl, real
from tests.harness_plugins.training_data.conftest import Made
from tests.harness_plugins.training_data.test_parts import picture

pytestmark = pytest.mark.xdist_group("training data")


def test_pairs_about_one_picture_are_one_cluster(made: Made) -> None:
    gathered = made.built.gathered
    numbers = clusters(gathered.pairs, gathered.images, 0)
    by_id = {p.item.source_id: numbers[p.uid] for p in gathered.pairs}
    assert by_id["pair-4"] == by_id["pair-5"]
    assert len(set(by_id.values())) == len(by_id) - 1
    assert {p["uid"]: p["cluster"] for p in made.lines("pool.jsonl")} == numbers


def test_what_a_benchmark_holds_is_found_by_its_picture_and_its_words(made: Made) -> None:
    report = orjson.loads((made.out / "contamination.json").read_bytes())
    assert report["benchmarks"]["pairs"]["pairs_removed"] == 1
    signals = {hit["signal"] for hit in report["hits"]}
    assert "image" in signals and {hit["source_id"] for hit in report["hits"]} == {"pair-0"}


def test_without_a_benchmark_nothing_is_hit(made: Made) -> None:
    from harness_plugins.training_data.config import load_data_config

    how = load_data_config(made.config).contamination
    overlap = contaminated(made.built.gathered.pairs, [], made.built.gathered.images, how)
    assert not overlap.hits and not overlap.removed


WORDS = [f"{a}{b}" for a in ("stone", "river", "lamp", "cloud", "paper") for b in range(40)]


def numbered(text: str, number: int) -> Item:
    candidates = (Candidate(text), Candidate(f"something else, number {number}"))
    return Item(f"x:{number}", "x", str(number), number, f"question {number}", candidates, (0, 1), Label(preferred=0))


def signals(response: str, known: str) -> set[str]:
    """What a pair with this response shares with a benchmark that holds the other text."""
    images = Images(Path("none"), None, perceptual=False)
    index = BenchmarkIndex("b", [numbered(known, 1)], images, Contamination())
    hits = index.hits(Pair(numbered(response, 2), "rows.jsonl:2"), images)
    return {hit.signal for hit in hits}


@pytest.mark.parametrize("words", [14, 20, 38, 100])
def test_a_text_with_a_word_changed_or_inside_a_longer_one_is_found(words: int) -> None:
    known = WORDS[:words]
    for place in (0, words // 2, words - 1):
        assert signals(" ".join([*known[:place], "changed", *known[place + 1 :]]), " ".join(known)) == {"ngram"}
    longer = [*WORDS[100:150], *known[:100], *WORDS[150:]] if words <= 100 else []
    assert signals(" ".join(longer), " ".join(known)) == {"ngram"}
    assert signals(" ".join(known), " ".join(known)) == {"response"}


@pytest.mark.parametrize(
    ("response", "known"),
    [
        (WORDS[100:], WORDS[:100]),
        (["the", "answer", "is", "blue"] * 2, ["the", "answer", "is", "red"] * 2),
        # Fewer than half of its runs, or few of a short one in a long text.
        ([*WORDS[:40], *WORDS[100:]], WORDS[:100]),
        ([*WORDS[:12], *WORDS[100:180]], WORDS[:20]),
    ],
    ids=["nothing shared", "a phrase", "less than half", "part of a short one"],
)
def test_texts_that_share_little_are_not_one(response: list[str], known: list[str]) -> None:
    assert not signals(" ".join(response), " ".join(known))


def test_real_texts_are_found_edited_and_are_not_taken_for_others() -> None:
    """VL-RewardBench's responses; MM-RLHF-RewardBench's have nothing to do with them."""
    known = [text for row in read_jsonl(real("vl_rewardbench") / "rows.jsonl")[:150] for text in row["response"]]
    others = [
        row[side]
        for row in read_jsonl(real("mm_rlhf_rewardbench") / "mm_reward_bench.jsonl")
        for side in ("chosen", "rejected")
    ]
    images = Images(Path("none"), None, perceptual=False)
    index = BenchmarkIndex("vl", [numbered(t, n) for n, t in enumerate(known)], images, Contamination())

    def found(text: str) -> bool:
        return any(hit.signal in ("ngram", "response") for hit in index.hits(Pair(numbered(text, 9999), "x"), images))

    assert not any(map(found, others))
    edited = [
        [*(w := text.split())[: len(w) // 2], "zebra", *w[len(w) // 2 + 1 :]]
        for text in known
        if len(text.split()) > 16
    ]
    assert len(edited) > 200 and all(found(" ".join(words)) for words in edited)


@pytest.mark.parametrize(
    ("change", "variant"),
    [
        ("FLIP_LEFT_RIGHT", "mirror"),
        ("ROTATE_90", "rotation"),
        ("ROTATE_180", "rotation"),
        ("ROTATE_270", "rotation"),
        ("crop", "crop"),
    ],
)
def test_images_that_were_mirrored_turned_or_cropped_are_found_where_that_is_asked_for(
    change: str, variant: Variant, tmp_path: Path
) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs pillow")
    (tmp_path / "known.png").write_bytes(picture(1))
    with image.open(tmp_path / "known.png") as known:
        changed = known.crop((8, 4, 90, 66)) if change == "crop" else known.transpose(image.Transpose[change])
        changed.convert("RGB").save(tmp_path / "changed.jpg", quality=80)
    (tmp_path / "other.png").write_bytes(picture(2))
    items = [replace(numbered(f"text {n}", n), media=pictured(tmp_path / name)) for n, name in enumerate(PICTURES)]

    def near(variants: tuple[Variant, ...]) -> list[str]:
        images = Images(Path("none"), None, perceptual=True)
        images.read(items, Steps(False), "")
        known, *others = (digested(item, images) for item in items)
        index = BenchmarkIndex("b", [known], images, Contamination(variants=variants))
        return [h.detail for item in others for h in index.hits(Pair(item, "x"), images) if h.signal == "near_image"]

    assert near(()) == []
    (detail,) = near((variant,))
    assert detail.startswith(("mirrored:", "turned by", "cropped:")), "the other picture is not taken for it"


PICTURES = ("known.png", "changed.jpg", "other.png")


def pictured(path: Path) -> tuple[Media, ...]:
    stat = path.stat()
    return (Media(path.name, "image", (MediaFile(str(path), stat.st_size, stat.st_mtime_ns),)),)
