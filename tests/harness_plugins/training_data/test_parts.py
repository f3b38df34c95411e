"""Training data held apart: parts disjoint by cluster and balanced, duplicates, benchmarks; files that trainers can load."""

from __future__ import annotations

import io
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.errors import UserError
from evaluators.records import Candidate, Item, Label
from evaluators.testing.mock import MockBackend
from harness_plugins.benchmarks.loader import load_benchmark
from harness_plugins.training_data import build
from harness_plugins.training_data.config import PART_FACTS, PARTS, Distil, Part, load_data_config
from harness_plugins.training_data.images import Near, OwnedHash, phash
from harness_plugins.training_data.overlap import clusters
from harness_plugins.training_data.parts import Entry, draw
from harness_plugins.training_data.teaching import orders_for, preferred_first
from tests.conftest import ROOT, MakePairs, pair, png, read_jsonl, write_jsonl
from tests.harness_plugins.training_data.test_build import config_of, teacher_says, written

pytestmark = pytest.mark.xdist_group("training data")

ENTRIES = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["correct", "hard"]), st.sampled_from([True, False, None])),
    max_size=40,
).map(lambda rows: [Entry(f"u{n}", c, p, f) for n, (c, p, f) in enumerate(rows)])  # type: ignore[arg-type]
SIZES = st.dictionaries(st.sampled_from(PARTS), st.integers(1, 12), min_size=1).map(
    lambda d: {p: d[p] for p in PARTS if p in d}
)


@given(ENTRIES, SIZES, st.integers(0, 3))
def test_parts_are_disjoint_by_cluster_and_repeatable(entries: list[Entry], sizes: dict[Part, int], seed: int) -> None:
    by_uid = {e.uid: e for e in entries}
    drawn = draw(entries, sizes, seed, as_many=True)
    assert drawn == draw(entries[::-1], sizes, seed, as_many=True)

    uids = [u for some in drawn.parts.values() for u, _ in some]
    assert len(uids) == len(set(uids))
    owners: dict[int, set[str]] = {}
    for part, some in drawn.parts.items():
        assert len(some) <= sizes[part]
        for uid, first in some:
            entry = by_uid[uid]
            owners.setdefault(entry.cluster, set()).add(part)
            assert entry.pool == PART_FACTS[part].pool
            assert part == "grm_rl" or entry.first in (None, first)
    assert all(len(parts) == 1 for parts in owners.values())


@given(ENTRIES, SIZES)
def test_labels_are_balanced_as_far_as_the_pool_allows(entries: list[Entry], sizes: dict[Part, int]) -> None:
    by_uid = {e.uid: e for e in entries}
    for part, some in draw(entries, sizes, 0, as_many=True).parts.items():
        fixed = Counter(by_uid[u].first for u, _ in some if by_uid[u].first is not None and part != "grm_rl")
        free = len(some) - sum(fixed.values())
        lean = sum(1 if first else -1 for _, first in some)
        assert abs(lean) <= max(1, abs(fixed[True] - fixed[False]) - free)


@given(st.lists(st.integers(1, 4), min_size=4, max_size=12))
def test_a_size_that_is_met_is_met_exactly(members: list[int]) -> None:
    """With clusters of one pool each, everything can be drawn, and one more is an error that says how many there are."""
    entries = [Entry(f"{c}-{n}", c, "hard", None) for c, size in enumerate(members) for n in range(size)]
    total = sum(members)
    assert len(draw(entries, {"grm_rl": total}, 1).parts["grm_rl"]) == total
    with pytest.raises(
        UserError,
        match=f"grm_rl: {total + 1} asked for and {total} available: there are {total} pairs .* in {len(members)} clusters",
    ):
        draw(entries, {"grm_rl": total + 1}, 1)


def test_clusters_that_hold_both_pools_are_packed_where_sizes_are_tight() -> None:
    """Ten clusters with a right pair and a hard one, two with hard pairs alone: grm_sft must leave those two alone."""
    mixed = [Entry(f"{p}{c}", c, p, None) for c in range(10) for p in ("correct", "hard")]  # type: ignore[arg-type]
    pure = [Entry(f"pure{c}", c, "correct", None) for c in range(10, 15)]
    drawn = draw([*mixed, *pure], {"grm_sft": 5, "grm_rl": 10}, seed=0)
    assert drawn.packed and {u[:4] for u, _ in drawn.parts["grm_sft"]} == {"pure"} and len(drawn.parts["grm_rl"]) == 10


def picture(seed: int, size: int = 96, form: str = "PNG", **how: Any) -> bytes:
    """Some shapes, other ones for each seed."""
    import random

    from PIL import Image, ImageDraw

    drawn = Image.new("RGB", (256, 192), "white")
    pen = ImageDraw.Draw(drawn)
    rng = random.Random(seed)
    for _ in range(12):
        x, y, w, h = rng.randrange(200), rng.randrange(150), rng.randrange(20, 90), rng.randrange(20, 70)
        pen.ellipse((x, y, x + w, y + h), fill=tuple(rng.randrange(256) for _ in range(3)))
    out = io.BytesIO()
    drawn.resize((size, size * 3 // 4)).save(out, form, compress_level=1, **how)
    return out.getvalue()


def test_perceptual_hashes_survive_recoding_and_tell_pictures_apart() -> None:
    seen = [phash(picture(n))[0] for n in range(40)]
    near = Near((OwnedHash(h, str(n)) for n, h in enumerate(seen)), 4)
    for n in range(40):
        for how in ({"form": "JPEG", "quality": 60}, {"size": 160}, {"size": 64, "form": "WEBP"}):
            nearest, *_ = near.of(phash(picture(n, **how))[0])  # type: ignore[arg-type]
            assert nearest.owner == str(n)
    assert not any(near.of(phash(picture(n))[0]) for n in range(100, 140))
    assert phash(png(7))[0] == ""  # one colour: nothing to be recognised by
    assert "cannot be decoded" in phash(b"\x89PNG\r\n\x1a\n....")[1]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20), st.integers(0, 2**64 - 1), st.integers(0, 8))
def test_near_hashes_are_found_by_bands_as_by_comparing_all(hashes: list[int], wanted: int, distance: int) -> None:
    hashes = [*hashes, wanted ^ 0b1011]
    neighbours = Near((OwnedHash(f"{h:016x}", str(h)) for h in hashes), distance).of(f"{wanted:016x}")
    compared = {((h ^ wanted).bit_count(), str(h)) for h in hashes}
    assert neighbours == sorted(n for n in compared if n[0] <= distance)


def test_imagehash_gives_the_same_hash() -> None:
    imagehash = pytest.importorskip("imagehash")
    from PIL import Image

    for n in range(10):
        assert phash(picture(n))[0] == str(imagehash.phash(Image.open(io.BytesIO(picture(n)))))


WORDS = "the third of the five boats in the harbour carries a red sail and two flags at its stern while the others are moored"


def test_what_is_part_of_a_benchmark_is_left_out_and_reported(tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    folder.mkdir()
    for n in range(4):
        (folder / f"{n}.png").write_bytes(picture(n))
    texts = [["A text that only the benchmark has.", "x"], ["y", "z"], ["u", "v"], [f"Look: {WORDS}.", "w"]]
    items = [
        {"id": f"b{n}", "prompt": "Describe the image.", "candidates": t, "label": 0, "media": [f"{n}.png"]}
        for n, t in enumerate(texts)
    ]
    write_jsonl(folder / "bench.jsonl", items)
    rows = [pair(n, media=[f"{n}.png"]) for n in range(8)]
    for n in range(8):
        (tmp_path / f"{n}.png").write_bytes(picture(50 + n))
    (tmp_path / "0.png").write_bytes(picture(1))  # the benchmark's bytes
    (tmp_path / "1.png").write_bytes(picture(2, size=150, form="JPEG", quality=70))  # the same picture, encoded anew
    rows[2]["candidates"][0] = "  A TEXT that only the benchmark has!"
    rows[3]["candidates"][1] = f"In short, {WORDS}, or so it seems."
    rows[4]["prompt"] = "Describe the image."  # asked of a thousand images
    write_jsonl(tmp_path / "rows.jsonl", rows)
    against = f"against: [{{name: pairs, path: {folder / 'bench.jsonl'}}}]\n"
    config = config_of(tmp_path, against, "grm_rl: 2")

    def left(more: str = "") -> tuple[set[str], dict[str, Any]]:
        built = build(config_of(tmp_path, against + more, "grm_rl: 1"), teacher=MockBackend(lambda request: "nothing"))
        kept = {p.item.source_id for p in built.gathered.pairs}
        return {f"pair-{n}" for n in range(8)} - kept, orjson.loads(
            (tmp_path / "out" / "contamination.json").read_bytes()
        )

    gone, report = left()
    assert gone == {"pair-0", "pair-1", "pair-2", "pair-3"} and load_data_config(config).against
    found = report["benchmarks"]["pairs"]
    assert found["pairs_hit"] == found["pairs_removed"] == 4
    assert found["by_signal"] == {"image": 1, "near_image": 1, "response": 1, "ngram": 1}
    text = (tmp_path / "out" / "contamination.md").read_text()
    assert "| pairs " in text and "b3" in text and "of 64 bits differ" in text
    assert {d["why"] for d in read_jsonl(tmp_path / "out" / "dropped.jsonl")} == {"contaminated"}

    gone, report = left("contamination: {remove: [image], perceptual: false}\n")
    assert gone == {"pair-0"} and report["benchmarks"]["pairs"]["pairs_hit"] == 3  # reported, not removed

    (tmp_path / "3.png").write_bytes(picture(3))  # what is only reported hides nothing that is to go
    gone, _ = left("contamination: {remove: [ngram], perceptual: false}\n")
    assert gone == {"pair-3"}


def test_the_bundled_pairs_are_all_found_in_themselves(tmp_path: Path) -> None:
    sources = f"[{{layout: pairs, path: {ROOT / 'tasks/demo/pairs.jsonl'}}}]"
    config = config_of(tmp_path, "against: [{name: demo}]\n", "grm_rl: 1", sources=sources)
    with pytest.raises(UserError, match=r"no pair is left \(40 contaminated\)"):
        build(config, teacher=MockBackend(written))  # type: ignore[arg-type]


def test_duplicates_contradictions_and_clusters(tmp_path: Path) -> None:
    for n in range(6):
        (tmp_path / f"{n}.png").write_bytes(picture(n))
    rows = [pair(n, media=[f"{n}.png"]) for n in range(6)]
    same = {**rows[0], "id": "again", "candidates": rows[0]["candidates"][::-1], "label": 1 - rows[0]["label"]}
    other = {**rows[1], "id": "against", "label": 1 - rows[1]["label"]}
    sister = {**pair(9, media=["2.png"]), "id": "sister"}  # another question about picture 2
    look = {"form": "JPEG", "size": 64, "quality": 20}
    assert phash(picture(4))[0] != phash(picture(4, **look))[0]  # type: ignore[arg-type]
    (tmp_path / "4.jpg").write_bytes(picture(4, **look))  # type: ignore[arg-type]
    cousin = {**pair(10, media=["4.jpg"]), "id": "cousin"}  # picture 4 encoded anew: a few bits of its look differ
    write_jsonl(tmp_path / "rows.jsonl", [*rows, same, other, sister, cousin])

    built = build(config_of(tmp_path, "as_many: true\n", "proxy_sft: 4, grm_rl: 4"), teacher=MockBackend(teacher_says))

    why = Counter(d["why"] for d in read_jsonl(tmp_path / "out" / "dropped.jsonl"))
    assert why == {"duplicate": 1, "conflicting_labels": 2} and len(built.gathered.pairs) == 7
    pool = {p["uid"]: p for p in read_jsonl(tmp_path / "out" / "pool.jsonl")}
    by_id = {p.item.source_id: pool[p.uid]["cluster"] for p in built.gathered.pairs}
    assert by_id["sister"] == by_id["pair-2"] and by_id["cousin"] == by_id["pair-4"]
    assert len(set(by_id.values())) == 5


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ("response: [1, 21]", 0),
        ("prompt: [11, 99]", 2),
        ("length_ratio: 1.5", 0),
        ("min_margin: 2", 8),
    ],
)
def test_filters(filters: str, left: int, tmp_path: Path) -> None:
    write_jsonl(
        tmp_path / "rows.jsonl",
        [pair(n, margin=float(n)) if n < 6 else pair(n) for n in range(10)] + [pair(10), pair(11)],
    )
    config = config_of(tmp_path, f"filters: {{{filters}}}\n", "grm_rl: 1")
    if not left:
        with pytest.raises(UserError, match="no pair is left"):
            build(config, teacher=MockBackend(teacher_says))
        return
    found = build(config, teacher=MockBackend(lambda request: "nothing")).gathered
    assert len(found.pairs) == left + (2 if "margin" in filters else 0)


def test_bad_rows_are_named_or_skipped_and_counted(
    make_pairs: MakePairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_pairs(6)
    rows = read_jsonl(path)
    rows[1]["candidates"] = ["one"]
    rows[2]["label"] = "tie"
    rows[3]["media"] = ["gone.png"]
    (tmp_path / "images" / "4.png").write_bytes(b"no image at all")
    write_jsonl(path, rows)

    with pytest.raises(UserError) as error:
        build(config_of(tmp_path, parts="grm_rl: 1"), teacher=MockBackend(teacher_says))
    said = "\n".join(error.value.lines)
    assert "rows.jsonl: line 2: 'candidates' must be a list" in said and "line 4: " in said and "bad_rows: skip" in said
    assert "2 of 6 rows" in said

    built = build(config_of(tmp_path, "bad_rows: skip\n", "grm_rl: 1"), teacher=MockBackend(teacher_says))
    assert Counter(d.why for d in built.gathered.dropped) == {"bad_row": 3, "no_preference": 1}
    assert len(built.gathered.pairs) == 2 and "4.png" in next(
        d.detail for d in built.gathered.dropped if "4.png" in d.detail
    )


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            "sources: [{layout: coco}]\nparts: {grm_rl: 1}",
            "unknown layout 'coco'; there are: llava_critic, mmif, pairs",
        ),
        ("sources: [{layout: pairs, path: no.jsonl}]\nparts: {grm_rl: 1}", "line 1: path: .*no.jsonl is missing"),
        (
            "sources: [{layout: pairs}]\nparts: {grm_rl: 1}\nout: o",
            "source 'pairs' has no dataset of its own: give `path:`",
        ),
        (
            "sources: [{layout: mmif}]\nparts: {grm_rl: 1}\nout: o",
            "source 'mmif': ChrisDing1105/MMIF-23k .* give `path:` and `media_root:`",
        ),
        ("sources: [{layout: pairs}]\nparts: {grm_sft: 1}", "grm_sft are made from a teacher's answers"),
        ("sources: [{layout: pairs}]\nparts: {sft: 1}", "parts.sft"),
        ("sources: [{layout: pairs}, {layout: pairs}]\nparts: {grm_rl: 1}", "two sources are named 'pairs'"),
        (
            "sources: [{layout: pairs}]\nparts: {grm_rl: 1}\nformat: [trl]",
            "line 3: unknown key 'format'; did you mean 'formats'",
        ),
        (
            "sources: [{layout: pairs}]\nparts: {grm_rl: 1}\nformats: [csv]",
            "unknown format 'csv'; there are: ms_swift, pairs, trl, verl",
        ),
        (
            "sources: [{layout: pairs}]\nparts: {grm_rl: 1}\nfilters: {prompt: [9, 1]}",
            r"filters.prompt: must be \[least, most\]",
        ),
        ("sources: [{layout: pairs}]\nparts: {grm_rl: 1}\ndistil: {allow: [typo]}", "unknown fault 'typo'"),
    ],
)
def test_mistakes_in_a_config_are_lines_with_a_mend(config: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(config)
    with pytest.raises(UserError, match=said):
        build(tmp_path / "data.yaml")


def test_without_a_teacher_everything_is_for_reinforcement(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(6)
    (tmp_path / "data.yaml").write_text(
        "sources: [{layout: pairs, path: rows.jsonl}]\nparts: {grm_rl: 6}\nout: out\nformats: [pairs]\n"
    )
    assert build(tmp_path / "data.yaml").parts == {"grm_rl": 6}
    rows = load_benchmark("pairs", path=tmp_path / "out" / "pairs" / "grm_rl.jsonl", media_root=tmp_path / "out")
    assert len(rows.items) == 6 and all(
        i.candidates[i.label.preferred or 0].text.startswith("good") for i in rows.items
    )


@given(st.integers(1, 60), st.integers(0, 5))
def test_the_teacher_sees_the_preferred_response_first_in_half(rows: int, seed: int) -> None:
    two = (Candidate("a"), Candidate("b"))
    items = [Item(f"s:{n}", "s", str(n), n, "q", two, (0, 1), Label(preferred=n * n % 2)) for n in range(rows)]
    seen = [orders_for(i, Distil(), seed) for i in items]
    assert abs(2 * sum(preferred_first(i, o) for i, (o,) in zip(items, seen, strict=True)) - rows) <= 1
    assert seen[: rows // 2] == [orders_for(i, Distil(), seed) for i in items[: rows // 2]]  # whatever else there is
    assert all(orders_for(i, Distil(orders="both"), seed) == ("AB", "BA") for i in items)


@cache
def screenshot(seed: int, form: str = "PNG", share: float = 1.0, **how: Any) -> bytes:
    """One window with other words for each seed: at 32 x 32 they are all alike."""
    import random

    from PIL import Image, ImageDraw, ImageFont

    rng = random.Random(seed)
    drawn = Image.new("RGB", (960, 600), "#f5f5f5")
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(14)
    pen.rectangle((0, 0, 960, 50), fill="#24292e")
    pen.rectangle((0, 50, 200, 600), fill="#e8e8e8")
    for line in range(16):
        words = ("".join(rng.choices("abcdefghijklmnop", k=rng.randint(2, 9))) for _ in range(rng.randint(4, 9)))
        pen.text((240, 80 + line * 30), " ".join(words), fill="#111", font=font)
    out = io.BytesIO()
    drawn.resize((int(960 * share), int(600 * share))).save(out, form, compress_level=1, **how)
    return out.getvalue()


def test_a_hash_alone_makes_no_two_screenshots_one(tmp_path: Path) -> None:
    """Of unrelated ones many hashes are near; none is removed or clustered for it, and what was encoded again is found still."""
    shots = 30
    hashes = [phash(screenshot(n)).hex for n in range(shots)]
    near = Near((OwnedHash(h, str(n)) for n, h in enumerate(hashes)), 4)
    assert sum(len(near.of(h)) - 1 for h in hashes) > 0, "the hash does take some of them for one"
    folder = tmp_path / "bench"
    folder.mkdir()
    bench = [{**pair(100 + n, media=[f"{n}.png"]), "id": f"b{n}"} for n in range(shots)]
    write_jsonl(folder / "bench.jsonl", bench)
    for n in range(shots):
        (folder / f"{n}.png").write_bytes(screenshot(1000 + n))
        (tmp_path / f"{n}.png").write_bytes(screenshot(n))
    again = {"form": "JPEG", "quality": 40, "share": 0.5}
    (tmp_path / "copy.jpg").write_bytes(screenshot(3, **again))  # type: ignore[arg-type]
    (tmp_path / "bench.jpg").write_bytes(screenshot(1007, **again))  # type: ignore[arg-type]
    rows = [pair(n, media=[f"{n}.png"]) for n in range(shots)]
    rows += [
        {**pair(50, media=["copy.jpg"]), "id": "copy"},
        {**pair(51, media=["bench.jpg"]), "id": "of the benchmark"},
    ]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    against = f"against: [{{name: pairs, path: {folder / 'bench.jsonl'}}}]\n"
    built = build(config_of(tmp_path, against, "grm_rl: 4"), teacher=MockBackend(lambda request: "nothing"))
    assert [d.place.rpartition(" ")[2] for d in built.gathered.dropped if d.why == "contaminated"] == [str(shots + 2)]
    numbers = clusters(built.gathered.pairs, built.gathered.images, 4)
    by_id = {p.item.source_id: numbers[p.uid] for p in built.gathered.pairs}
    assert by_id["copy"] == by_id["pair-3"] and len(set(by_id.values())) == len(by_id) - 1


def test_an_image_that_was_encoded_again_makes_no_other_pair(tmp_path: Path) -> None:
    """Duplicates and contradictions are found by how images look too; each contradiction names the other row."""
    for n in range(3):
        (tmp_path / f"{n}.png").write_bytes(picture(n))
        (tmp_path / f"{n}.jpg").write_bytes(picture(n, form="JPEG", quality=60))
    rows = [pair(n, media=[f"{n}.png"]) for n in range(3)]
    rows += [{**rows[0], "id": "again", "media": ["0.jpg"]}]
    rows += [{**rows[1], "id": "against", "media": ["1.jpg"], "label": 1 - rows[1]["label"]}]
    rows += [{**rows[2], "id": "other", "media": ["0.png"]}]  # the same words about another picture
    write_jsonl(tmp_path / "rows.jsonl", rows)
    built = build(config_of(tmp_path, "", "grm_rl: 1"), teacher=MockBackend(lambda request: "nothing"))
    assert {p.item.source_id for p in built.gathered.pairs} == {"pair-0", "pair-2", "other"}
    dropped = {(d.why, d.place.rpartition(" ")[2], d.detail.rpartition(" line ")[2]) for d in built.gathered.dropped}
    opposed = "prefers the other response"
    assert dropped == {
        ("duplicate", "4", "1)"),
        ("conflicting_labels", "2", f"5 {opposed}"),
        ("conflicting_labels", "5", f"2 {opposed}"),
    }
