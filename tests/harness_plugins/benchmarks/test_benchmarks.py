"""Each benchmark's own columns, from every kind of file, read into the same items."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import UserError
from evaluators.records import Item
from harness_plugins.benchmarks.loader import load_benchmark
from harness_plugins.benchmarks.spec import load_spec, names
from tests.conftest import png, write_jsonl

VLRB = [
    {"id": i, "query": "<image>\nDescribe it.", "response": [f"a{n}", f"b{n}"], "image": "images/x.png", "human_ranking": rank}
    for n, (i, rank) in enumerate(
        [("hallucination_pair-1", [1, 0]), ("RLAIF-V-1", [0, 1]), ("RLHF-V_2", [0, 1]), ("mathverse_3", [0, 1]),
         ("mmmu-4", [0, 1]), ("wildvision-battle_5", [0, 1]), ("jailbreak_6", [0, 1]), ("mathverse_3", [1, 0])]
    )
]  # fmt: skip


def media_file(folder: Path, name: str, shade: int = 1) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(png(shade))


def preferred(item: Item) -> str:
    assert item.label.preferred is not None
    return item.candidates[item.label.preferred].text


def test_vl_rewardbench(tmp_path: Path) -> None:
    media_file(tmp_path, "images/x.png")
    items = load_benchmark("vl_rewardbench", path=write_jsonl(tmp_path / "rows.jsonl", VLRB)).items
    assert [preferred(i)[0] for i in items] == list("baaaaaab")
    general, hall, math = "general", "hallucination", "reasoning"
    assert [i.category for i in items] == [hall, hall, hall, math, math, general, general, math]
    assert {i.prompt for i in items} == {"Describe it."}
    assert len({i.uid for i in items}) == 8, "a repeated id is no repeated item"


def test_exact_repeats_are_numbered(tmp_path: Path) -> None:
    media_file(tmp_path, "images/x.png")
    items = load_benchmark("vl_rewardbench", path=write_jsonl(tmp_path / "rows.jsonl", [VLRB[0], VLRB[0]])).items
    assert items[1].uid == items[0].uid + "#2"


def test_multimodal_rewardbench(tmp_path: Path) -> None:
    media_file(tmp_path, "a.png")
    kinds = [("mathvista_1", "reasoning"), ("image2struct_1", "reasoning"), ("pairs_1", "safety"), ("toxic_1", "safety"),
             ("nocaps_1", "open_generation/preference_task"), ("mmmu_1", "knowledge")]  # fmt: skip
    rows = [
        {"ID": i, "Text": "Q?", "Image": "a.png", "Output1": "x", "Output2": "y", "Better": "Output2", "Category": c}
        for i, c in kinds
    ]
    items = load_benchmark("multimodal_rewardbench", path=write_jsonl(tmp_path / "rows.jsonl", rows)).items
    assert {preferred(i) for i in items} == {"y"}
    expected = ["reasoning/math", "reasoning/coding", "safety/bias", "safety/toxicity", "preference", "knowledge"]
    assert [i.category for i in items] == expected
    assert [i.categories["seven"] for i in items] == ["math", "coding", "safety", "safety", "preference", "knowledge"]


def mm_rlhf(folder: Path, frames: int) -> list[dict[str, Any]]:
    media_file(folder, "images/long/a.png")
    for n in reversed(range(frames)):
        media_file(folder, f"images/abc/frame_{n:04}.png", n)
    base = {"prompt": "p", "chosen": "good", "rejected": "bad", "chosen_reason": "", "rejected_reason": ""}
    return [base | {"id": "g1", "image": "long/a.png"}, base | {"id": "g1", "image": "long/a.png", "rejected": "worse"},
            base | {"id": "g2", "video": "video/abc"}]  # fmt: skip


def test_mm_rlhf_rewardbench_with_frames_beside_the_rows(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "mm_reward_bench.jsonl", mm_rlhf(tmp_path, 100))
    items = load_benchmark("mm_rlhf_rewardbench", path=tmp_path).items
    assert [i.category for i in items] == ["long", "long", "video"]
    assert [i.group for i in items] == ["g1", "g1", "g2"]
    assert {preferred(i) for i in items} == {"good"}
    (video,) = items[2].media
    found = [Path(f.path).name for f in video.files]
    assert len(found) == 32
    assert found == sorted(found)
    assert (found[0], found[-1]) == ("frame_0000.png", "frame_0099.png")
    assert len(load_benchmark("mm_rlhf_rewardbench", path=tmp_path, frames=4).items[2].media[0].files) == 4


def test_missing_media_are_recorded_where_they_are_optional(tmp_path: Path) -> None:
    rows = write_jsonl(tmp_path / "rows.jsonl", VLRB[:1])
    (item,) = load_benchmark("vl_rewardbench", path=rows, media="optional").items
    assert item.media_missing
    assert item.media[0].name == "images/x.png"
    assert not item.media[0].files


def test_a_row_that_does_not_fit_is_told_also_where_its_media_are_gone(tmp_path: Path) -> None:
    """The row is read a second time, for what the run folder knows of its media."""
    row = {"id": "1", "prompt": "Which?", "candidates": [{"text": "a", "media": ["gone.png"]}, "b"], "label": 7}
    (known,) = load_benchmark(
        "vl_rewardbench", path=write_jsonl(tmp_path / "v.jsonl", VLRB[:1]), media="optional"
    ).items
    with pytest.raises(UserError, match="line 1: 'label' is 7"):
        load_benchmark("pairs", path=write_jsonl(tmp_path / "rows.jsonl", [row]), recorded={"x": known})


@pytest.mark.parametrize("column", ["image", "query"])
def test_a_renamed_column_is_one_line_for_all_rows(column: str, tmp_path: Path) -> None:
    renamed = [{f"{k}_v2" if k == column else k: v for k, v in row.items()} for row in VLRB]
    path = write_jsonl(tmp_path / "rows.jsonl", renamed)
    with pytest.raises(UserError) as refused:
        load_benchmark("vl_rewardbench", path=path)
    (line,) = refused.value.lines
    assert line.startswith(f"{path}: no row has the column '{column}'; the rows have id, ")
    assert f"{column}_v2" in line and line.endswith("name the columns as VL-RewardBench does")
    if column == "image":  # who takes rows without media may have none at all
        assert len(load_benchmark("vl_rewardbench", path=path, media="optional").items) == len(VLRB)


def test_every_kind_of_file_gives_the_same_items(tmp_path: Path) -> None:
    import duckdb

    media_file(tmp_path, "images/x.png")
    jsonl = write_jsonl(tmp_path / "rows.jsonl", VLRB)
    (tmp_path / "list.json").write_text(json.dumps(VLRB))
    (tmp_path / "wrapped.json").write_text(json.dumps({"pairs": VLRB}))
    duckdb.execute(f"COPY (SELECT * FROM read_json('{jsonl}')) TO '{tmp_path / 'rows.parquet'}' (FORMAT parquet)")
    expected = load_benchmark("vl_rewardbench", path=jsonl).items
    for other in ("list.json", "wrapped.json", "rows.parquet"):
        assert load_benchmark("vl_rewardbench", path=tmp_path / other).items == expected, other


def test_images_inside_parquet_are_unpacked_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = png(7)
    duckdb.execute(
        f"COPY (SELECT 'mathverse_1' AS id, 'q' AS query, ['a', 'b'] AS response, [1, 0] AS human_ranking, "
        f"{{'bytes': ?, 'path': 'x.png'}} AS image) TO '{tmp_path / 'test-0.parquet'}' (FORMAT parquet)",
        [data],
    )
    (item,) = load_benchmark("vl_rewardbench", path=tmp_path).items
    assert preferred(item) == "b"
    assert Path(item.media[0].files[0].path).read_bytes() == data
    assert item.media[0].files[0].sha256


def test_pairs_take_ties_and_images_as_candidates(tmp_path: Path) -> None:
    for n in range(3):
        media_file(tmp_path, f"{n}.png", n)
    rows = [
        {"id": 1, "prompt": "a fox", "candidates": [{"media": ["0.png"]}, {"media": ["1.png"]}], "label": 1},
        {"id": 2, "prompt": "redder", "media": ["2.png"], "candidates": [{"media": ["0.png"]}, {"media": ["1.png"]}], "label": "tie"},
        {"id": 3, "prompt": "why?", "candidates": ["so", {"text": "thus"}], "label": 0, "unknown column": 1},
    ]  # fmt: skip
    items = load_benchmark("pairs", path=write_jsonl(tmp_path / "rows.jsonl", rows)).items
    assert [i.modality() for i in items] == ["image", "edit", "text"]
    assert [i.label.kind for i in items] == ["preferred", "tie", "preferred"]
    assert preferred(items[2]) == "so"


def test_every_declaration_loads() -> None:
    assert {"vl_rewardbench", "multimodal_rewardbench", "mm_rlhf_rewardbench", "pairs", "demo"} <= set(names())
    for name in names():
        spec = load_spec(name)
        assert spec.name == name
        assert spec.category in spec.categories
        assert all(not p.categories or p.categories in spec.categories for p in spec.protocols.values())
        assert spec.dataset.revision == "" or len(spec.dataset.revision) == 40


def test_frames_are_sorted_as_numbers(tmp_path: Path) -> None:
    rows = mm_rlhf(tmp_path, 0)
    for n in (1, 2, 10, 12):
        media_file(tmp_path, f"images/abc/{n}.png", n)
    write_jsonl(tmp_path / "mm_reward_bench.jsonl", rows)
    (video,) = load_benchmark("mm_rlhf_rewardbench", path=tmp_path).items[2].media
    assert [Path(f.path).stem for f in video.files] == ["1", "2", "10", "12"]
