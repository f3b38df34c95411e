"""Training data as trainers read it: TRL, ms-swift and verl; and sources as the Hub gives them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import orjson
import pytest

from evaluators.errors import UserError
from evaluators.records import Candidate, Item, Label
from evaluators.testing.mock import MockBackend
from harness_plugins.rewards.images import ImageFiles
from harness_plugins.rewards.samples import sample_of
from harness_plugins.training_data import build
from harness_plugins.training_data.config import load_data_config
from tests.conftest import ROOT, MakePairs, pair, read_jsonl, real, write_jsonl
from tests.harness_plugins.training_data.test_build import config_of, teacher_says
from tests.harness_plugins.training_data.test_parts import picture


def hostile(folder: Path) -> None:
    rows = [pair(n, prompt=f"question {n} <image> and <video>") for n in range(8)]
    for n, row in enumerate(rows):
        (folder / f"{n}.png").write_bytes(picture(n))
        row["media"] = [f"{n}.png"] if n % 2 else []
        row["candidates"][0] += " <image> </rubric> \u0000 | `x`"
    write_jsonl(folder / "rows.jsonl", rows)


def test_places_of_images_are_not_taken_from_texts(tmp_path: Path) -> None:
    hostile(tmp_path)
    build(
        config_of(tmp_path, "formats: [ms_swift, trl]\nas_many: true\n", "proxy_sft: 9, grm_rl: 9"),
        teacher=MockBackend(teacher_says),
    )
    rows = [r for part in ("proxy_sft", "grm_rl") for r in read_jsonl(tmp_path / "out" / "ms_swift" / f"{part}.jsonl")]
    assert len(rows) == 8 and {len(r["images"]) for r in rows} == {0, 1}
    assert all(
        r["messages"][0]["content"].count("<image>") == len(r["images"]) and "<video>" not in json.dumps(r["messages"])
        for r in rows
    )


def test_trl_sets_load_as_datasets(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="needs the extra `datasets`")
    from harness_plugins.training_data.exports import trl

    hostile(tmp_path)
    build(config_of(tmp_path, "as_many: true\n", "grm_sft: 9, grm_rl: 9"), teacher=MockBackend(teacher_says))
    sft, rl = (trl.load(tmp_path / "out" / "trl" / f"{part}.jsonl") for part in ("grm_sft", "grm_rl"))
    for row in (*sft, *rl):
        parts = (row.get("messages") or row["prompt"])[0]["content"]
        assert sum(p["type"] == "image" and "image" not in p for p in parts) == len(row["images"])  # what TRL checks
        assert all(i.size == (96, 72) for i in row["images"]) and row["answer"] in (1, 2)
    split = trl.load(tmp_path / "out" / "trl" / "grm_sft.jsonl", "prompt_completion")
    assert [m["role"] for m in split[0]["prompt"] + split[0]["completion"]] == [
        "user",
        "assistant",
    ] and "messages" not in split.column_names
    (config, *_) = datasets.get_dataset_config_names(str(tmp_path / "out"))
    assert len(datasets.load_dataset(str(tmp_path / "out"), config, split="train")) == len(sft)


def test_trl_sets_load_whatever_comes_late_in_them(tmp_path: Path) -> None:
    """A schema guessed from the first megabytes would break on the first image after them."""
    pytest.importorskip("datasets", reason="needs the extra `datasets`")
    from harness_plugins.training_data.exports import trl

    (tmp_path / "1.png").write_bytes(picture(1))
    item = Item("x:1", "x", "1", 1, "q", (Candidate("a"), Candidate("b")), (0, 1), Label(preferred=0))
    said = [{"role": "user", "content": [{"type": "text", "text": "q" * 4000}]}]
    plain = {"prompt": said, "images": [], "uid": "u", "answer": 1, "item": None, "saw": None}
    last = {**plain, "images": [str(tmp_path / "1.png")], "item": orjson.dumps(item).decode(), "saw": "BA"}
    write_jsonl(tmp_path / "rl.jsonl", [*[plain] * 6000, last])
    found = trl.load(tmp_path / "rl.jsonl")
    assert len(found) == 6001 and found[6000]["images"][0].size == (96, 72) and found[6000]["saw"] == "BA"


@pytest.mark.parametrize("compared", [False, True], ids=["texts", "images"])
def test_a_set_can_be_moved(compared: bool, tmp_path: Path) -> None:
    """As an upload to the Hub and a download elsewhere move it."""
    pytest.importorskip("datasets", reason="needs the extra `datasets`")
    from harness_plugins.training_data.exports import trl

    if compared:
        compared_images(tmp_path)
    else:
        hostile(tmp_path)
    (tmp_path / "data.yaml").write_text(
        "sources: [{layout: pairs, path: rows.jsonl}]\nparts: {grm_rl: 4}\nformats: [trl, ms_swift]\nout: out\n"
    )
    build(tmp_path / "data.yaml")
    shutil.copytree(tmp_path / "out", tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "out")
    for path in tmp_path.glob("*.png"):
        path.unlink()

    rows = trl.load(tmp_path / "elsewhere" / "trl" / "grm_rl.jsonl")
    assert len(rows) == 4 and all(i.size == (96, 72) for row in rows for i in row["images"])
    if compared:
        files = [f.path for row in rows for m in sample_of(row, "", ImageFiles()).item.all_media() for f in m.files]
        assert len(files) == 8 and all(Path(f).is_file() for f in files), "the reward's records move with it"
    (swift, *_) = read_jsonl(tmp_path / "elsewhere" / "ms_swift" / "grm_rl.jsonl")
    assert all((tmp_path / "elsewhere" / path).is_file() for path in swift["images"])

    (tmp_path / "elsewhere" / "images").rename(tmp_path / "lost")
    with pytest.raises(UserError, match="no such image; a set is moved as a whole"):
        trl.load(tmp_path / "elsewhere" / "trl" / "grm_rl.jsonl")


def test_verl_sets_load_as_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra `datasets`")
    import duckdb

    hostile(tmp_path)
    build(
        config_of(tmp_path, "formats: [verl]\nas_many: true\n", "grm_sft: 9, grm_rl: 9"),
        teacher=MockBackend(teacher_says),
    )
    found = duckdb.execute("SELECT * FROM read_parquet(?)", [str(tmp_path / "out" / "verl" / "grm_rl.parquet")])
    names = [d[0] for d in found.description or ()]
    rows = [dict(zip(names, r, strict=True)) for r in found.fetchall()]
    assert names == ["data_source", "prompt", "images", "ability", "reward_model", "extra_info"] and rows
    for n, row in enumerate(rows):
        (turn,) = row["prompt"]
        assert turn["role"] == "user" and turn["content"].count("<image>") == len(row["images"])
        extra = row["extra_info"]
        assert row["reward_model"] == {"style": "rule", "ground_truth": str(extra["answer"])} and extra["index"] == n
        assert [i["bytes"] for i in row["images"]] == [(tmp_path / "out" / p).read_bytes() for p in extra["images"]]
    sft = duckdb.execute(
        "SELECT messages FROM read_parquet(?)", [str(tmp_path / "out" / "verl" / "grm_sft.parquet")]
    ).fetchall()
    assert all([m["role"] for m in r[0]] == ["user", "assistant"] for r in sft)


def compared_images(folder: Path) -> None:
    rows = []
    for n in range(4):
        for side in "ab":
            (folder / f"{n}{side}.png").write_bytes(picture(10 * n + ord(side)))
        images = [{"media": [f"{n}{side}.png"]} for side in "ab"]
        rows.append({"id": str(n), "prompt": f"A boat, take {n}", "candidates": images, "label": n % 2})
    write_jsonl(folder / "rows.jsonl", rows)


def test_images_that_are_compared_travel_as_records(tmp_path: Path) -> None:
    compared_images(tmp_path)
    (tmp_path / "data.yaml").write_text("sources: [{layout: pairs, path: rows.jsonl}]\nparts: {grm_rl: 4}\nout: out\n")
    build(tmp_path / "data.yaml")
    for row in read_jsonl(tmp_path / "out" / "trl" / "grm_rl.jsonl"):
        item = json.loads(row["item"])
        kinds = [p["type"] for p in row["prompt"][0]["content"]]
        assert kinds.count("image") == len(row["images"]) == 2 and row["saw"] in ("AB", "BA")
        shown = [c["media"][0]["files"][0]["path"] for c in item["candidates"]]
        assert row["images"] == (shown if row["saw"] == "AB" else shown[::-1])
        assert row["answer"] == 1 + ((item["label"]["preferred"] == 0) != (row["saw"] == "AB"))


@pytest.mark.parametrize("name", ["data.yaml", "data_tiny.yaml"])
def test_the_examples_are_configs(name: str) -> None:
    config = load_data_config(ROOT / "examples" / name)
    assert config.teacher is not None and set(config.parts) == {"proxy_sft", "proxy_rl", "grm_sft", "grm_rl"}


def test_real_rows_of_a_benchmark_are_found_in_what_it_was_drawn_from(tmp_path: Path) -> None:
    """VL-RewardBench's own rows as if they came from RLAIF-V, whose images are not at hand, beside others that it does not hold."""
    path = real("vl_rewardbench") / "rows.jsonl"
    rows = [
        {
            "idx": str(n),
            "image_path": f"{n}.png",
            "question": r["query"],
            "chosen": r["response"][0],
            "rejected": r["response"][1],
        }
        for n, r in enumerate(read_jsonl(path)[:60])
    ]
    rows += [
        {
            "idx": f"other-{n}",
            "image_path": f"{n}.png",
            "question": r["prompt"],
            "chosen": r["candidates"][0],
            "rejected": r["candidates"][1],
        }
        for n, r in enumerate(read_jsonl(ROOT / "tasks" / "demo" / "pairs.jsonl"))
    ]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    sources = "[{layout: rlaif_v, path: rows.jsonl, media: optional}]"
    against = f"against: [{{name: vl_rewardbench, path: {path}, media: optional}}]\n"

    found = build(
        config_of(tmp_path, against, "grm_rl: 1", sources=sources), teacher=MockBackend(lambda request: "nothing")
    ).gathered

    left = {p.item.source_id for p in found.pairs}
    assert {i for i in left if i.startswith("other-")} == {f"other-{n}" for n in range(40)}
    assert left == {f"other-{n}" for n in range(40)}, (
        "each of the benchmark's own rows shares a response or runs of words with it"
    )


def test_prompts_of_your_own_and_the_papers_form_of_the_target(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(12)
    (tmp_path / "grm.jinja").write_text(
        "Mine: {{ media }}{{ question }} A: {{ responses[0].text }} B: {{ responses[1].text }}"
    )
    (tmp_path / "proxy.jinja").write_text(
        "Judge. {{ media }}{{ question }} 1: {{ responses[0].text }} 2: {{ responses[1].text }} "
        "{% if rubric %}By: {{ rubric }}{% endif %}"
    )
    more = "grm: {prompt: grm.jinja}\nproxy: {prompt: proxy.jinja, think: true}\n"
    build(config_of(tmp_path, more, "proxy_sft: 2, grm_rl: 2"), teacher=MockBackend(teacher_says))
    for row in read_jsonl(tmp_path / "out" / "trl" / "proxy_sft.jsonl"):
        shown, said = row["messages"]
        assert shown["content"][0]["text"] == "Judge. " and "By: 1. Word (100%)" in shown["content"][2]["text"]
        assert said["content"][0]["text"] == f"<think>\nBoth were read.\n</think>\n<answer>{row['answer']}</answer>"
    assert all(
        r["prompt"][0]["content"][0]["text"] == "Mine: " for r in read_jsonl(tmp_path / "out" / "trl" / "grm_rl.jsonl")
    )
