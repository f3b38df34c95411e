"""Benchmarks whose candidates are images, or texts judged by one criterion: rows of the documented shape, read whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluators.errors import UserError
from evaluators.records import Item, Label, Media
from harness_plugins.benchmarks.bundled import data_dir
from harness_plugins.benchmarks.loader import RowReader, load_benchmark
from harness_plugins.benchmarks.media import MediaFinder
from harness_plugins.benchmarks.spec import load_spec
from harness_plugins.hosts.yamls import files
from tests.conftest import png, real, write_jsonl, write_parquet

Row = dict[str, Any]
SHADES = {png(n): n for n in range(100)}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def image(shade: int) -> dict[str, Any]:
    """As datasets embed it. They often give every image one and the same name."""
    return {"bytes": png(shade), "path": "image.png"}


def shades(media: Iterable[Media]) -> list[int]:
    return [SHADES[Path(file.path).read_bytes()] for one in media for file in one.files]


def stored(item: Item) -> list[Any]:
    """What the candidates show, in the order of the row: an image's shade, or the text."""
    shown = [shades(c.media) or c.text for c in item.candidates]
    return [shown[item.stored.index(n)] for n in range(len(shown))]


def answer(item: Item) -> int | str:
    """The label in the order of the row: the stored index of the preferred candidate, or the kind of a label without."""
    return item.label.kind if item.label.preferred is None else item.stored[item.label.preferred]


def hpdv3(a: int, b: int) -> Row:
    return {"prompt": "a fox", "choice_dist": [8, 2], "confidence": 0.9, "path1": f"images/{a}.png",
            "path2": f"images/{b}.png", "model1": "m1", "model2": "m2"}  # fmt: skip


def mmrb2(a: int, b: int, chosen: str = "A", texts: tuple[str | None, str | None] = ("", ""), **more: Any) -> Row:
    return {
        "pair_id": "t_1", "prompt_text": "a cat like <image_1>, coloured as <image_2>", "prompt_images": [image(90), image(80)],
        "response_a_text": texts[0], "response_a_images": [image(a)], "response_b_text": texts[1],
        "response_b_images": [image(b)], "chosen": chosen, "prompt_source": "wise", "response_a_model": "m",
        "response_b_model": "m", "human_annotations": "[2, 2, 1]", "prompt_metadata": '{"category": "x"}',
    } | more  # fmt: skip


def editreward(a: int, b: int, ranking: str, letters: str = "AvsB", kind: str = "2pair", key: str = "0001") -> Row:
    return {"id": f"{key}_{letters}", "dataset": kind, "instruction": "make it blue", "source_image": image(99),
            "candidate_1": image(a), "candidate_2": image(b), "ranking": ranking, "comparison_type": letters,
            "score_1": 3.0, "score_2": 6.0, "model_1": "m1", "model_2": "m2"}  # fmt: skip


def editscore(a: int, b: int, dimension: str = "overall") -> Row:
    return {"key": [f"k{a}", f"k{b}"], "instruction": "make it blue", "input_image": image(99),
            "output_images": [image(a), image(b)], "task_type": "color_alter", "dimension": dimension}  # fmt: skip


def genai(a: int, b: int, vote: str = "leftvote") -> Row:
    return {"prompt": "a fox", "left_model": f"m{a}", "left_image": image(a), "right_model": f"m{b}",
            "right_image": image(b), "vote_type": vote}  # fmt: skip


def genai_edit(a: int, b: int, vote: str = "leftvote") -> Row:
    return {"source_prompt": "a fox", "target_prompt": "a red fox", "instruct_prompt": "make it red", "source_image": image(99),
            "left_model": f"m{a}", "left_output_image": image(a), "right_model": f"m{b}", "right_output_image": image(b),
            "vote_type": vote}  # fmt: skip


def mj_bench(a: int, b: int, label: int = 1) -> Row:
    return {
        "caption": "a room",
        "label_0": label,
        "image_1": f"images/{b}.png",
        "image_0": f"images/{a}.png",
        "subset": "human",
    }


def multi_crit(a: int, b: int, preference: str = "model_a", criterion: str = "logic", key: str = "p1") -> Row:
    return {"image": image(99), "question_id": f"{key}__{criterion}", "image_path": "x.png", "question": "How many?",
            "pred_a": f"answer {a}", "pred_b": f"answer {b}", "model_a": "m1", "model_b": "m2", "split": "reasoning",
            "criterion": criterion, "preference": preference, "prompt_id": key}  # fmt: skip


def load(folder: Path, name: str, *rows: Row, **options: Any) -> tuple[Item, ...]:
    """The rows from a file of the dataset's own kind: parquet where images are embedded."""
    for n in range(10):
        (folder / "images").mkdir(exist_ok=True)
        (folder / "images" / f"{n}.png").write_bytes(png(n))
    if name in ("hpdv3", "mj_bench_quality", "pairs"):
        path = write_jsonl(folder / "rows.jsonl", list(rows))
    else:
        path = write_parquet(folder / "rows.parquet", list(rows))
    return load_benchmark(name, path=path, **options).items


def test_hpdv3_prefers_the_first_path(tmp_path: Path) -> None:
    items = load(tmp_path, "hpdv3", *(hpdv3(n, n + 1) for n in range(9)))
    assert [stored(i) for i in items] == [[[n], [n + 1]] for n in range(9)]
    assert {answer(i) for i in items} == {0}
    assert {i.label.preferred for i in items} == {0, 1}, "the canonical order does not show it"
    assert items[0].modality() == "image"
    assert items[0].source_id == "images/0.png|images/1.png"


def test_mmrb2_takes_several_images_in_their_order_and_either_case(tmp_path: Path) -> None:
    items = load(
        tmp_path,
        "mmrb2_edit",
        mmrb2(1, 2, "A"),
        mmrb2(3, 4, "b", pair_id="t_2", response_b_images=[image(4), image(5)], prompt_source="emu-edit"),
        mmrb2(6, 7, "B", pair_id="t_3", prompt_images=[image(60)]),
    )
    assert [stored(i) for i in items] == [[[1], [2]], [[3], [4, 5]], [[6], [7]]]
    assert [answer(i) for i in items] == [0, 1, 1]
    assert [shades(i.media) for i in items] == [[90, 80], [90, 80], [60]]
    assert [i.category for i in items] == ["wise", "emu-edit", "wise"]
    assert [i.modality() for i in items] == ["edit", "edit", "edit"]


@pytest.mark.parametrize("name", ["mmrb2_interleaved", "mmrb2_reasoning"])
def test_mmrb2_candidates_have_text_images_or_both(tmp_path: Path, name: str) -> None:
    row = mmrb2(1, 2, "b", texts=("see <image_1>", None), human_annotations='{"response_a_ratings": []}')
    (first, second) = load(tmp_path, name, row, row | {"pair_id": "t_2", "response_a_images": []})
    assert stored(first) == [[1], [2]]
    assert {c.text for c in first.candidates} == {"see <image_1>", ""}
    assert stored(second) == ["see <image_1>", [2]]


THREE = [editreward(1, 2, "B>A", "AvsB", "3pair"), editreward(1, 3, "A>C", "AvsC", "3pair"),
         editreward(2, 3, "C=B", "BvsC", "3pair")]  # fmt: skip


def test_editreward_bench_compares_the_letters_of_each_pair(tmp_path: Path) -> None:
    two = editreward(4, 5, "A=B", key="0002")
    *three, tie = load(tmp_path, "editreward_bench", *THREE, two)
    assert [stored(i) for i in three] == [[[1], [2]], [[1], [3]], [[2], [3]]]
    assert [answer(i) for i in three] == [1, 0, "tie"]
    assert tie.label == Label("tie")
    assert [i.group for i in (*three, tie)] == ["0001", "0001", "0001", "0002"]
    assert [i.category for i in (*three, tie)] == ["3pair", "3pair", "3pair", "2pair"]
    assert {tuple(shades(i.media)) for i in three} == {(99,)}
    assert {i.prompt for i in three} == {"make it blue"}


def test_older_copies_of_editreward_bench_give_the_number_of_candidates(tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "dataset"} | {"num_candidates": 3} for row in THREE]
    assert {i.category for i in load(tmp_path, "editreward_bench", *rows)} == {"3pair"}


def test_editscore_bench_tells_the_judge_the_dimension(tmp_path: Path) -> None:
    items = load(tmp_path, "editscore_bench", *(editscore(1, 2, d) for d in ("overall", "consistency", "new")))
    assert [stored(i) for i in items] == [[[1], [2]]] * 3
    assert [answer(i) for i in items] == [0, 0, 0]
    assert {i.source_id for i in items} == {"k1|k2"}
    assert len({i.uid for i in items}) == 3, "the criterion is part of the uid"
    criteria = [i.criterion or "" for i in items]
    assert criteria[0].startswith("overall: Which edit")
    assert criteria[1].startswith("consistency: Whether")
    assert criteria[2] == "new", "a dimension that the declaration does not know stands alone"
    assert [i.categories for i in items[:1]] == [{"official": "color_alter", "dimension": "overall"}]


VOTES = ["leftvote", "rightvote", "tievote", "bothbad_vote"]


def test_genai_bench_generation_has_four_kinds_of_votes(tmp_path: Path) -> None:
    items = load(tmp_path, "genai_bench_generation", *(genai(n, n + 1, vote) for n, vote in enumerate(VOTES)))
    assert [answer(i) for i in items] == [0, 1, "tie", "both_bad"]
    assert [stored(i) for i in items] == [[[n], [n + 1]] for n in range(4)]
    assert items[0].source_id == "a fox|m0|m1"
    assert items[0].modality() == "image"


def test_genai_bench_edition_shows_the_source(tmp_path: Path) -> None:
    items = load(tmp_path, "genai_bench_edition", *(genai_edit(n, n + 1, vote) for n, vote in enumerate(VOTES)))
    assert [answer(i) for i in items] == [0, 1, "tie", "both_bad"]
    assert {i.prompt for i in items} == {"make it red"}
    assert {tuple(shades(i.media)) for i in items} == {(99,)}
    assert items[0].modality() == "edit"


def test_mj_bench_quality_has_numbers_for_labels(tmp_path: Path) -> None:
    items = load(tmp_path, "mj_bench_quality", mj_bench(1, 2), mj_bench(3, 4, label=0))
    assert [answer(i) for i in items] == [0, 1]
    assert [stored(i) for i in items] == [[[1], [2]], [[3], [4]]]
    assert items[0].category == "human"


def test_mj_bench_quality_as_it_lies_in_its_repository(tmp_path: Path) -> None:
    row = {"caption": "a room", "label_0": 1, "image_1": "f_0_edited.jpg", "image_0": "f_0.jpg"}
    for n, name in enumerate(("f_0.jpg", "f_0_edited.jpg")):
        (tmp_path / "examples_objects_indoor").mkdir(exist_ok=True)
        (tmp_path / "examples_objects_indoor" / name).write_bytes(png(n))
    (item,) = load_benchmark("mj_bench_quality", path=write_jsonl(tmp_path / "captions.jsonl", [row])).items
    assert (stored(item), answer(item)) == ([[0], [1]], 0)


def test_the_real_pairs_of_mj_bench_quality() -> None:
    items = load_benchmark("mj_bench_quality", path=real("mj_bench_quality") / "pairs.jsonl").items
    assert len(items) == len({i.uid for i in items}) == 80
    assert {answer(i) for i in items} == {0}
    assert 0.3 < sum(i.label.preferred == 0 for i in items) / 80 < 0.7
    for item in items:
        names = [Path(file.path).name for c in item.candidates for one in c.media for file in one.files]
        assert len(names) == 2
        preferred = item.candidates[item.label.preferred or 0].media[0].name
        assert "edited" not in preferred
        assert sum("edited" in name for name in names) == 1


def test_multi_crit_judges_one_prompt_by_several_criteria(tmp_path: Path) -> None:
    rows = [multi_crit(1, 2, "model_a", "logic"), multi_crit(1, 2, "model_b", "efficiency"), multi_crit(3, 4, key="p2")]
    items = load(tmp_path, "multi_crit_reasoning", *rows)
    assert [stored(i) for i in items] == [["answer 1", "answer 2"]] * 2 + [["answer 3", "answer 4"]]
    assert [answer(i) for i in items] == [0, 1, 0]
    assert [i.group for i in items] == ["p1", "p1", "p2"]
    assert [i.category for i in items] == ["logic", "efficiency", "logic"]
    assert (items[0].criterion or "").startswith("logic: Whether each step follows")
    assert shades(items[0].media) == [99]
    assert items[0].modality() == "text"


@pytest.mark.parametrize(
    ("name", "criteria"),
    [
        ("multi_crit_open_ended", {"completeness", "visual-grounding", "hallucination", "expressiveness", "clarity"}),
        ("multi_crit_reasoning", {"grounding", "logic", "hallucination", "exploration", "efficiency"}),
        ("editscore_bench", {"prompt_following", "consistency", "overall"}),
    ],
)
def test_every_criterion_has_a_description(name: str, criteria: set[str]) -> None:
    declared = load_spec(name).criterion
    assert declared is not None
    assert set(declared.texts) == criteria
    assert all(text.endswith(".") and "\n" not in text for text in declared.texts.values())


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (3, Label(preferred=3)),
        ("tie", Label("tie")),
        ([2, 0, 1, 3], Label("ranks", preferred=1, ranks=(2, 0, 1, 3))),
        ([1, 1, 0, 1], Label("ranks", preferred=2, ranks=(1, 1, 0, 1))),
    ],
)
def test_pairs_of_your_own_may_be_more_than_two(tmp_path: Path, label: Any, expected: Label) -> None:
    row = {"id": 1, "prompt": "p", "candidates": list("abcd"), "label": label, "criterion": "brevity"}
    (item,) = load(tmp_path, "pairs", row)
    back = {n: place for place, n in enumerate(item.stored)}
    assert stored(item) == list("abcd")
    assert item.criterion == "brevity"
    assert item.label.kind == expected.kind
    assert item.label.preferred == (None if expected.preferred is None else back[expected.preferred])
    if expected.ranks:
        assert item.label.ranks == tuple(expected.ranks[n] for n in item.stored)


def test_ranks_of_two_are_a_preference(tmp_path: Path) -> None:
    (item,) = load(tmp_path, "pairs", {"id": 1, "prompt": "p", "candidates": ["a", "b"], "label": [1, 0]})
    assert (item.label.kind, answer(item)) == ("preferred", 1)


@pytest.mark.parametrize(
    ("name", "row", "complaint"),
    [
        ("mmrb2_t2i", mmrb2(1, 2, "C"), "row 1: 'chosen' is 'C'; it must be one of A, B"),
        ("mmrb2_t2i", mmrb2(1, 2, response_a_images=[], response_b_images=[]), "row 1: a candidate has no image; fix"),
        ("mmrb2_t2i", {k: v for k, v in mmrb2(1, 2).items() if k != "response_b_images"}, "no row has the column 'response_b_i"),
        ("editreward_bench", editreward(1, 2, "A>C"), "row 1: 'ranking' is 'A>C'; between the two of 'AvsB' it must be one of \"A>B\""),
        ("editreward_bench", editreward(1, 2, "A<B"), "row 1: 'ranking' is 'A<B'; between"),
        ("editreward_bench", editreward(1, 2, "A>B", "A"), "row 1: 'comparison_type' is 'A'; it must name the two candidates"),
        ("editreward_bench", editreward(1, 2, "A>B", key=""), "row 1: 'id' is '_AvsB'; the group cannot be read from it"),
        ("editreward_bench", editreward(1, 2, "A>B") | {"candidate_2": None}, "row 1: column 'candidate_2' is missing"),
        ("editscore_bench", editscore(1, 2) | {"output_images": [image(1)]}, "row 1: 'output_images' must be a list of two candidates"),
        ("editscore_bench", editscore(1, 2) | {"output_images": [image(n) for n in range(3)]}, "row 1: 3 candidates; pairwise judging"),
        ("editscore_bench", editscore(1, 2) | {"dimension": None}, "row 1: column 'dimension' is missing"),
        ("editscore_bench", editscore(1, 2) | {"output_images": [{"bytes": b"no image", "path": None}] * 2}, "in no format"),
        ("genai_bench_generation", genai(1, 2, "vote"), "row 1: 'vote_type' is 'vote'; it must be one of leftvote, rightvote, tievote"),
        ("mj_bench_quality", mj_bench(1, 2, label=2), "line 1: 'label_0' is 2; it must be one of 1, 0"),
        ("mj_bench_quality", mj_bench(1, 2) | {"label_0": True}, "line 1: 'label_0' is True; it must be one of 1, 0"),
        ("hpdv3", hpdv3(1, 2) | {"path1": "../secret.png"}, "line 1: ../secret.png leads outside the media root"),
        ("hpdv3", hpdv3(1, 2) | {"path2": "http://example.invalid/a.png"}, "line 1: http://example.invalid/a.png: remote media"),
        ("hpdv3", hpdv3(1, 2) | {"path2": "images/gone.png"}, "gone.png is missing"),
        ("multi_crit_reasoning", multi_crit(1, 2, "model_c"), "row 1: 'preference' is 'model_c'; it must be one of model_a, model_b"),
        ("multi_crit_reasoning", multi_crit(1, 2) | {"pred_b": None}, "row 1: column 'pred_b' is missing"),
    ],
)  # fmt: skip
def test_a_bad_row_is_one_line_that_names_it(tmp_path: Path, name: str, row: Row, complaint: str) -> None:
    with pytest.raises(UserError) as e:
        load(tmp_path, name, row)
    assert complaint in e.value.lines[0].replace(str(tmp_path), "")
    assert len(e.value.lines) == 1 or "media: optional" in e.value.lines[1]


def test_missing_candidates_that_are_optional_keep_their_names(tmp_path: Path) -> None:
    rows = [hpdv3(1, 2), hpdv3(3, 98)]
    (there, half) = load(tmp_path, "hpdv3", *rows, media="optional")
    assert not there.media_missing
    assert half.media_missing
    assert sorted(len(c.media[0].files) for c in half.candidates) == [0, 1]
    (tmp_path / "images" / "98.png").write_bytes(png(98))
    (_, whole) = load(tmp_path, "hpdv3", *rows)
    assert (whole.uid, whole.stored) == (half.uid, half.stored), "it is the same item with its image and without"


Turn = Callable[[Row], Row]


def exchanged(*columns: tuple[str, str], **values: dict[Any, Any]) -> Turn:
    """The same row with the candidates stored the other way round, and the label's value put in its other form."""

    def turn(row: Row) -> Row:
        other = {a: row[b] for pair in columns for a, b in (pair, pair[::-1])}
        return row | other | {column: forms[row[column]] for column, forms in values.items()}

    return turn


VOTE = {"leftvote": "rightvote", "rightvote": "leftvote", "tievote": "tievote", "bothbad_vote": "bothbad_vote"}
MODELS = ("left_model", "right_model")
STORAGE: dict[str, tuple[Callable[..., Row], list[Any], Turn]] = {
    "mmrb2_t2i": (mmrb2, ["A", "B", "a", "b"], exchanged(
        ("response_a_images", "response_b_images"), ("response_a_text", "response_b_text"),
        chosen={"A": "B", "B": "A", "a": "b", "b": "a"})),
    "editreward_bench": (editreward, ["A>B", "B>A", "A=B"], exchanged(
        ("candidate_1", "candidate_2"), comparison_type={"AvsB": "BvsA"})),
    "genai_bench_generation": (genai, VOTES, exchanged(("left_image", "right_image"), MODELS, vote_type=VOTE)),
    "genai_bench_edition": (genai_edit, VOTES, exchanged(("left_output_image", "right_output_image"), MODELS, vote_type=VOTE)),
    "mj_bench_quality": (mj_bench, [0, 1], exchanged(("image_0", "image_1"), label_0={0: 1, 1: 0})),
    "multi_crit_reasoning": (multi_crit, ["model_a", "model_b"], exchanged(
        ("pred_a", "pred_b"), preference={"model_a": "model_b", "model_b": "model_a"})),
    "hpdv3": (lambda a, b, _: hpdv3(a, b), [None], exchanged(("path1", "path2"))),
    "editscore_bench": (lambda a, b, _: editscore(a, b), [None],
                        lambda row: row | {c: row[c][::-1] for c in ("key", "output_images")}),
}  # fmt: skip


@pytest.mark.parametrize("name", STORAGE)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_tells_which_side_was_stored_first(tmp_path: Path, name: str, data: st.DataObject) -> None:
    for n in range(10):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / "images" / f"{n}.png").write_bytes(png(n))
    make, labels, turn = STORAGE[name]
    a, b = data.draw(st.lists(st.integers(0, 9), min_size=2, max_size=2, unique=True))
    row = make(a, b, data.draw(st.sampled_from(labels)))
    spec = load_spec(name)
    reader = RowReader(spec, MediaFinder(spec, tmp_path, 1), False, None)
    there, back = reader.item(row, 0), reader.item(turn(row), 0)
    assert (there.uid, there.candidates) == (back.uid, back.candidates)
    assert there.stored == back.stored[::-1]
    if spec.label.rule == "fixed":  # what is stored first is preferred by definition
        assert there.label != back.label
    else:
        assert there.label == back.label


def test_a_folder_of_configs_gives_the_shards_of_its_own(tmp_path: Path) -> None:
    write_parquet(tmp_path / "t2i" / "test-00000-of-00002.parquet", [mmrb2(1, 2)])
    write_parquet(tmp_path / "t2i" / "test-00001-of-00002.parquet", [mmrb2(3, 4)])
    write_parquet(tmp_path / "edit" / "test-00000-of-00001.parquet", [mmrb2(5, 6)])
    assert [stored(i) for i in load_benchmark("mmrb2_t2i", path=tmp_path).items] == [[[1], [2]], [[3], [4]]]
    assert [stored(i) for i in load_benchmark("mmrb2_edit", path=tmp_path).items] == [[[5], [6]]]
    assert len(load_benchmark("mmrb2_reasoning", path=tmp_path / "edit").items) == 1, "a folder of shards alone"
    with pytest.raises(UserError, match="cannot tell which file holds the rows of 'mmrb2_interleaved'"):
        load_benchmark("mmrb2_interleaved", path=tmp_path)


def test_a_folder_of_splits_and_folders_of_one_split(tmp_path: Path) -> None:
    write_parquet(tmp_path / "crit" / "data" / "open_ended-00000-of-00001.parquet", [multi_crit(1, 2)] * 2)
    write_parquet(tmp_path / "crit" / "data" / "reasoning-00000-of-00001.parquet", [multi_crit(3, 4)])
    assert len(load_benchmark("multi_crit_open_ended", path=tmp_path / "crit").items) == 2
    assert len(load_benchmark("multi_crit_reasoning", path=tmp_path / "crit").items) == 1
    write_parquet(tmp_path / "edit" / "2pair" / "train-00000-of-00001.parquet", [editreward(4, 5, "A=B", key="0002")])
    write_parquet(tmp_path / "edit" / "3pair" / "train-00000-of-00001.parquet", THREE)
    items = load_benchmark("editreward_bench", path=tmp_path / "edit").items
    assert [i.category for i in items] == ["2pair", "3pair", "3pair", "3pair"]


def test_what_is_too_large_is_not_fetched_unasked() -> None:
    with pytest.raises(UserError, match=r"MizzenAI/HPDv3 is too large to download automatically: .*give `path:`"):
        load_benchmark("hpdv3")


def test_groups_hold_only_what_comes_by_itself() -> None:
    group = files(data_dir("tasks"))[Path("groups/rt_reward_bench.yaml")]
    assert "rt_mmrb2_t2i_judge" in group
    for name in ("editreward_bench", "hpdv3", "mj_bench_quality", "pairs", "demo"):
        assert f"rt_{name}_" not in group, name


def test_an_edit_without_its_source_and_a_pair_without_an_image_are_refused(tmp_path: Path) -> None:
    """Else an edit would be judged as a picture made from nothing, and a picture against none."""
    for name in ("s.png", "a.png", "b.png"):
        (tmp_path / name).write_bytes(png(sum(map(ord, name))))
    edit = {"key": ["1", "2"], "instruction": "do", "input_image": "s.png", "output_images": ["a.png", "b.png"]}
    edit |= {"task_type": "x", "dimension": "overall"}
    cases = (("input_image", None, "holds no image"), ("output_images", ["a.png", None], "a candidate has no image"))
    for column, value, message in cases:
        rows = write_jsonl(tmp_path / "rows.jsonl", [edit, edit | {column: value}])
        with pytest.raises(UserError, match=f"line 2: .*{message}"):
            load_benchmark("editscore_bench", path=rows)


def test_a_name_that_fits_two_files_is_refused(tmp_path: Path) -> None:
    for n, folder in enumerate(("examples_human", "examples_mpii")):
        (tmp_path / folder).mkdir()
        for m, name in enumerate(("x0.png", "x1.png")):
            (tmp_path / folder / name).write_bytes(png(10 * n + m))
    row = {"caption": "c", "image_0": "x0.png", "image_1": "x1.png", "label_0": 1, "subset": "human"}
    with pytest.raises(UserError, match="is the name of several files"):
        load_benchmark("mj_bench_quality", path=write_jsonl(tmp_path / "rows.jsonl", [row]))
