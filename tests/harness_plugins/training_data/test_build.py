"""Training data: every layout's rows, the whole way from pairs to sets with a scripted teacher, resume, what is left out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from evaluators.errors import BackendError, UserError
from evaluators.messages import ChatRequest, text_of
from evaluators.records import Candidate, Item, Label
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockBackend
from evaluators.testing.mock_server import MockServer
from harness_plugins.benchmarks.sources import RowProblem
from harness_plugins.plugins import SOURCES
from harness_plugins.rewards import ProxyReward, Sample
from harness_plugins.rewards.conversations import text_of as text_of_completion
from harness_plugins.training_data import Built, build
from harness_plugins.training_data.config import SourceEntry, load_data_config
from harness_plugins.training_data.reading import read_sources, spec_of
from harness_plugins.training_data.sources import NoPreference
from tests.conftest import MakePairs, pair, png, read_jsonl, write_jsonl, write_parquet

CRITIC = (
    "<image>\nServe as a fair judge. Your task is provided as follows:\nQuestion: [How many birds?]\nThe first "
    "response: [Two [or so].]\nThe second response: [Three.]\nASSISTANT:\n"
)
ROWS: dict[str, list[dict[str, Any]]] = {
    "llava_critic": [
        {
            "id": f"vlfeedback_{n}",
            "source": "vlfeedback",
            "conversations": [
                {"from": "human", "value": CRITIC.replace("birds", f"birds in picture {n}")},
                {
                    "from": "gpt",
                    "value": f"The better response: [{'second' if n % 2 else 'first'}]. It counts rightly.",
                },
            ],
        }
        for n in range(4)
    ],
    "rlaif_v": [
        {
            "ds_name": "RLAIF-V",
            "question": f"What is on table {n}?",
            "chosen": f"A cup and {n} spoons.",
            "rejected": f"A dog and {n} spoons.",
            "origin_dataset": "COCO",
            "origin_split": '{"model": "m", "feedback": "f", "type": "question_answering"}',
            "idx": f"{n}",
            "image_path": f"{n}.jpg",
        }
        for n in range(4)
    ],
    "rlhf_v": [
        {
            "conversations": [{"from": "human", "value": f"<image>Describe scene {n}."}],
            "chosen": {"from": "gpt", "value": f"A street with {n} cars."},
            "rejected": {"from": "gpt", "value": f"A beach with {n} cars."},
        }
        for n in range(4)
    ],
}
ROWS["mmif"] = [{**row, "id": n} for n, row in enumerate(ROWS["rlhf_v"])]


def source_rows(folder: Path, name: str) -> tuple[Path, str]:
    """A file of a layout's rows as its dataset has them, and how it is named in a config."""
    folder.mkdir(exist_ok=True)
    if name == "mmif":  # a JSON list, its images beside it
        for n in range(4):
            (folder / f"{n}.png").write_bytes(png(900 + n))
        path = folder / "mmif_23k_4o_qwen2_5.json"
        path.write_text(json.dumps([{**r, "images": [f"{n}.png"]} for n, r in enumerate(ROWS[name])]))
        return path, f"{{layout: mmif, path: {path}, media_root: {folder}}}"
    rows = []
    for n, row in enumerate(ROWS[name]):
        image = {"bytes": png(100 * len(name) + n), "path": f"{n}.png"}
        rows.append({**row, **({"images": [image]} if name == "rlhf_v" else {"image": image})})
    path = write_parquet(folder / "train-00000-of-00001.parquet", rows)
    return path, f"{{layout: {name}, path: {path}}}"


def teacher_says(request: ChatRequest) -> str:
    """Right unless the request's number is divisible by 3; its rubric is about the good answer."""
    text = text_of(request.messages)
    number = int(re.findall(r"question (\d+)", text)[-1])
    right = 1 if text.index(f"good answer number {number}") < text.index(f"bad answer number {number},") else 2
    return written(right if number % 3 else 3 - right)


def written(verdict: int) -> str:
    return (
        "<rubric>\n1. Word (100%): says the word good\n<justify>It was asked.</justify>\n</rubric>\n<eval>Both were read.</eval>\n"
        f"<answer>{verdict}</answer>"
    )


def config_of(
    folder: Path, more: str = "", parts: str = "proxy_sft: 4, proxy_rl: 4, grm_sft: 6, grm_rl: 8", **keys: str
) -> Path:
    found = {"sources": "[{layout: pairs, path: rows.jsonl}]", "url": "http://unused.invalid/v1", "teacher": "", **keys}
    path = folder / "data.yaml"
    path.write_text(
        f"sources: {found['sources']}\nteacher: {{name: t, backend: openai, model: m, base_url: '{found['url']}', "
        f"retries: 0{found['teacher']}}}\nparts: {{{parts}}}\nout: out\n{more}"
    )
    return path


def built(path: Path, says: Any = teacher_says, **how: Any) -> Built:
    return build(path, teacher=MockBackend(says), **how)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_rows_of_every_layout_become_pairs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path, entry = source_rows(tmp_path / name, name)

    read = read_sources(load_data_config(config_of(tmp_path, sources=f"[{entry}]")))

    items = [p.item for p in read.pairs]
    assert len(items) == 4 and not read.dropped and len({i.uid for i in items}) == 4
    assert all(i.benchmark == name and len(i.media) == 1 and "<image>" not in i.prompt for i in items)
    preferred = [i.candidates[i.label.preferred or 0].text for i in items]
    assert (
        preferred
        == {
            "llava_critic": ["Two [or so].", "Three."] * 2,
            "rlaif_v": [f"A cup and {n} spoons." for n in range(4)],
            "rlhf_v": [f"A street with {n} cars." for n in range(4)],
            "mmif": [f"A street with {n} cars." for n in range(4)],
        }[name]
    )
    assert read.facts[name]["rows"] == 4 and path.name in read.facts[name]["source"]


@pytest.mark.parametrize("name", sorted(ROWS))
def test_the_whole_way_for_every_layout(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    _, entry = source_rows(tmp_path / name, name)
    config = config_of(tmp_path, "as_many: true\n", "proxy_sft: 1, grm_rl: 2", sources=f"[{entry}]")

    result = built(config, lambda request: written(1))

    assert result.parts["proxy_sft"] == 1 and 1 <= result.parts["grm_rl"] <= 2
    (row,) = read_jsonl(tmp_path / "out" / "trl" / "proxy_sft.jsonl")
    assert (tmp_path / "out" / row["images"][0]).read_bytes().startswith(b"\x89PNG") and row["answer"] == 1


def test_other_forms_of_the_layouts() -> None:
    critic = SOURCES.module("llava_critic").pair
    arena = (
        "<|User Prompt|>\nQ\n<|The Start of Assistant A's Answer|>\nx\n<|The End of Assistant A's Answer|>\n\n"
        "<|The Start of Assistant B's Answer|>\ny\n<|The End of Assistant B's Answer|>"
    )
    bench = "[Question]\nQ\n[Assistant 1]\nx\n[End of Assistant 1]\n[Assistant 2]\ny\n[End of Assistant 2]"

    def row(human: str, gpt: str) -> dict[str, Any]:
        return {"id": "1", "conversations": [{"from": "human", "value": human}, {"from": "gpt", "value": gpt}]}

    for human, gpt, label, margin in [(arena, "My view: [[B>>A]]", 1, 2.0), (bench, "8 6\nBecause", 0, 2.0)]:
        found = critic(row(human, gpt))
        assert (found["prompt"], found["candidates"], found["label"], found["margin"]) == (
            "Q",
            ["x", "y"],
            label,
            margin,
        )
    for human, gpt in [
        (arena, "[[A=B]]"),
        (bench, "7 7\n"),
        (CRITIC, "Two responses are equally good."),
        ("Score it.", "Final Score: 80"),
    ]:
        with pytest.raises(NoPreference):
            critic(row(human, gpt))
    with pytest.raises(RowProblem, match="names no better response"):
        critic(row(CRITIC, "I cannot see the image."))

    pictured = {"image": "a.jpg"}
    for said, label in [
        ("The better response: [Response 2]. A tie it is not.", 1),
        ("The better response: **second**", 1),
        ("The better response is [first]", 0),
        ("The better response: B", 1),
        ("The better response: [first]. It counts, which makes it the better response overall.", 0),
    ]:
        assert critic(row(CRITIC, said) | pictured)["label"] == label
    for said in (
        "The better response: a tie.",
        "The better response: A tie",
        "The better response: [1 and 2 are equally good]",
    ):
        with pytest.raises(NoPreference):
            critic(row(CRITIC, said) | pictured)
    with pytest.raises(RowProblem, match="the row has none"):
        critic(row(CRITIC, "The better response: [first]"))

    original = {
        "text": '{"question": "Q?", "chosen": "yes", "rejected": "no"}',
        "image_path": "a.jpg",
        "idx": 7,
        "origin_split": "{}",
    }
    found = SOURCES.module("rlhf_v").pair(original)
    assert (found["id"], found["prompt"], found["candidates"], found["media"]) == ("7", "Q?", ["yes", "no"], ["a.jpg"])

    two = {
        "conversations": [{"from": "human", "value": "Is <image> like <image>?"}],
        "chosen": "a",
        "rejected": "b",
        "images": ["1", "2"],
    }
    assert SOURCES.module("mmif").pair(two)["prompt"] == "Is (image 1) like (image 2)?"
    with pytest.raises(RowProblem, match="2 times <image>, and the row no images"):
        SOURCES.module("mmif").pair({**two, "images": []})
    with pytest.raises(RowProblem, match="'chosen' is empty"):
        SOURCES.module("mmif").pair({**two, "chosen": []})
    with pytest.raises(RowProblem, match="2 times <image>"):
        SOURCES.module("mmif").pair({**two, "images": ["1"]})
    assert all(SOURCES.about(name).strip() for name in SOURCES.names())


def test_sets_hold_what_they_are_to_teach(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(40)
    result = built(config_of(tmp_path, "formats: [trl, ms_swift, pairs]\n"))
    out = tmp_path / "out"

    assert result.complete and result.parts == {"proxy_sft": 4, "proxy_rl": 4, "grm_sft": 6, "grm_rl": 8}
    assert result.outcomes == {"correct": 26, "hard": 14}
    rows = {part: read_jsonl(out / "trl" / f"{part}.jsonl") for part in result.parts}
    for part, some in rows.items():
        assert sum(r["answer"] == 1 for r in some) == len(some) / 2, part
        for r in some:
            number = int(r["uid"] and re.findall(r"\d+", r["question"])[0])
            assert (number % 3 == 0) == (part == "grm_rl")
            assert (r["response_1"].startswith("good")) == (r["answer"] == 1)
            shown = r["messages" if "sft" in part else "prompt"]
            said = "".join(p.get("text", "[image]") for p in shown[0]["content"])
            assert said.count("[image]") == len(r["images"]) == 1 and said.index(r["response_1"]) < said.index(
                r["response_2"]
            )
            assert ("says the word good" in said) == ("rubric" in r) == part.startswith("proxy")
            assert [m["role"] for m in shown] == ["user", "assistant"][: len(shown)] and (len(shown) == 2) == (
                "sft" in part
            )
            assert "It was asked" not in said  # why the writer chose its criteria is not for the proxy
            if part == "proxy_sft":
                assert shown[1]["content"][0]["text"] == f"Both were read.\n<answer>{r['answer']}</answer>"
            if part == "grm_sft":
                assert shown[1]["content"][0]["text"] == written(r["answer"])
    for part, some in rows.items():
        swift = read_jsonl(out / "ms_swift" / f"{part}.jsonl")
        assert [r["uid"] for r in swift] == [r["uid"] for r in some]
        assert all(r["messages"][0]["content"].count("<image>") == len(r["images"]) == 1 for r in swift)
        assert all(r.get("solution") == (None if "sft" in part else str(r["answer"])) for r in swift)
    pool = read_jsonl(out / "pool.jsonl")
    assert {p["uid"] for p in pool if p["part"]} == {r["uid"] for some in rows.values() for r in some}
    manifest = orjson.loads((out / "manifest.json").read_bytes())
    assert len(manifest["files"]) == 12 and "unused.invalid" not in json.dumps(manifest)
    readme = (out / "README.md").read_text()
    assert all(f["sha256"] in readme for f in manifest["files"].values()) and "| grm_rl " in readme


def test_the_proxy_is_trained_on_what_the_reward_asks(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Prompt of Proxy-SFT = prompt that `ProxyReward` sends for the same rubric."""
    import asyncio

    from evaluators.testing.mock import mock_chat_judge
    from harness_plugins.rewards import ProxyReward, Sample

    make_pairs(8)
    result = built(config_of(tmp_path, "images: in_place\n", "proxy_sft: 1"))
    (row,) = read_jsonl(tmp_path / "out" / "trl" / "proxy_sft.jsonl")
    item = next(p.item for p in result.gathered.pairs if p.uid == row["uid"])
    judge = mock_chat_judge(
        JudgeSpec(name="p", backend="openai", model="m", base_url="http://unused.invalid/v1"), lambda request: "1"
    )

    async def reward() -> None:
        async with ProxyReward(judge) as proxy:
            await proxy.score([Sample(item, row["order"], written(row["answer"]))])

    asyncio.run(reward())
    (request,) = judge.backend.requests  # type: ignore[attr-defined]
    asked = text_of(row_messages(row))
    assert asked == text_of(request.messages)


def row_messages(row: dict[str, Any]) -> Any:
    from evaluators.messages import Image, Message, Text
    from evaluators.records import MediaFile

    images = iter(row["images"])
    parts = [
        Image(MediaFile(next(images))) if p["type"] == "image" else Text(p["text"])
        for p in row["messages"][0]["content"]
    ]
    return (Message("user", tuple(parts)),)


def test_a_second_run_asks_nothing_and_writes_the_same(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(24)
    config = config_of(tmp_path, "formats: [trl, pairs]\n", "grm_sft: 4, grm_rl: 4")
    built(config)
    first = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}

    teacher = MockBackend(teacher_says)
    build(config, teacher=teacher)
    assert not teacher.requests
    assert {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()} == first

    built(config_of(tmp_path, "", "grm_rl: 4"))  # a format and a part less: their files go
    assert {p.name for p in (tmp_path / "out").rglob("*.jsonl")} == {
        *("grm_rl.jsonl", "images.jsonl", "pool.jsonl", "dropped.jsonl", "items.jsonl", "rubrics.jsonl")
    }


def test_answers_that_failed_are_asked_again_and_nothing_else(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(24)
    config = config_of(tmp_path, parts="grm_sft: 4, grm_rl: 4")

    def fails(request: ChatRequest) -> Any:
        number = int(re.findall(r"question (\d+)", text_of(request.messages))[-1])
        return BackendError("server", "busy") if number < 5 else teacher_says(request)

    result = built(config, fails)
    assert not result.complete and not result.parts and result.outcomes["unanswered"] == 5
    assert not (tmp_path / "out" / "trl").exists()
    teacher = MockBackend(teacher_says)
    assert build(config, teacher=teacher).complete and len(teacher.requests) == 5

    dropping = config_of(tmp_path, "distil: {unanswered: drop}\n", "grm_sft: 4, grm_rl: 4")
    result = built(dropping, fails, out=tmp_path / "other")
    assert (
        result.complete and sum(d["why"] == "unanswered" for d in read_jsonl(tmp_path / "other" / "dropped.jsonl")) == 5
    )


def well_formed(completion: str, **rule: Any) -> bool:
    item = Item("x:0", "x", "0", 0, "q", (Candidate("good"), Candidate("bad")), (0, 1), Label(preferred=0))

    async def rewarded() -> bool:
        async with ProxyReward(None, **rule) as reward:
            return (await reward.reward(Sample(item, "AB", completion))).well_formed

    return asyncio.run(rewarded())


def test_form_leaks_and_both_orders(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(24)

    def says(request: ChatRequest) -> str:
        number = int(re.findall(r"question (\d+)", text_of(request.messages))[-1])
        reply = teacher_says(request)
        if number % 4 == 1:
            return reply.replace("(100%)", "(90%)")
        if number % 4 == 2:
            return reply.replace("says the word good", "Response 1 is the better one")
        return reply.replace("</eval>", "") if number % 4 == 3 else written(1)  # by place alone

    def outcomes(distil: str, folder: str) -> dict[str, int]:
        config = config_of(tmp_path, f"distil: {{{distil}}}\nas_many: true\n", "grm_sft: 24, grm_rl: 24")
        return dict(built(config, says, out=tmp_path / folder).outcomes)

    one = outcomes("malformed: drop", "one")
    assert one["malformed"] == 12
    gone = read_jsonl(tmp_path / "one" / "dropped.jsonl")
    assert {d["detail"] for d in gone if d["why"] == "malformed"} == {
        "weights_do_not_sum",
        "unclosed_eval, text_outside",
    }
    for same_rule in ("allow: [weights_do_not_sum]", "form: tags"):
        folder = same_rule.partition(":")[0]
        assert outcomes(same_rule, folder)["malformed"] == 6
        taught = [
            text_of_completion(r["messages"][-1:]) for r in read_jsonl(tmp_path / folder / "trl" / "grm_sft.jsonl")
        ]
        by_reward = [well_formed(text, **yaml.safe_load(same_rule)) for text in taught]
        assert all(by_reward) and not all(map(well_formed, taught)), (
            "what is taught is what the reward takes for well-formed"
        )
    assert outcomes("leaks: drop", "leaks")["leaking"] > 0
    both = outcomes("orders: both", "both")
    assert both["correct"] < one["correct"]  # right in one order by luck is not right in both
    rows = read_jsonl(tmp_path / "both" / "trl" / "grm_sft.jsonl")
    assert abs(2 * sum(r["answer"] == 1 for r in rows) - len(rows)) <= 1
    assert all(f"<answer>{r['answer']}</answer>" in r["messages"][1]["content"][0]["text"] for r in rows)


def test_kills_lose_nothing_and_ask_nothing_twice(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(120)
    with MockServer(grm=True, latency_s=0.05).running() as server:
        config = config_of(tmp_path, "as_many: true\n", url=server.url, teacher=", concurrency: 8")
        answers = tmp_path / "out" / "teacher" / "rubrics.jsonl"
        for kill in range(3):
            process = subprocess.Popen([sys.executable, "-m", "harness_plugins", "data", str(config), "--quiet"])
            while process.poll() is None and (
                not answers.exists() or answers.read_bytes().count(b"\n") < 20 * (kill + 1)
            ):
                time.sleep(0.01)
            assert process.poll() is None, "it must not end before it is killed"
            process.kill()
            process.wait()
        assert build(config).complete and server.asked <= 120 + 3 * 8
        assert build(config, out=tmp_path / "whole").complete
    places = [(r["item"], r["saw"]) for r in read_jsonl(answers)]
    assert len(places) == len(set(places)) == 120
    killed, whole = (read_jsonl(tmp_path / name / "pool.jsonl") for name in ("out", "whole"))
    assert killed == whole


def test_a_source_may_name_another_config_of_its_dataset() -> None:
    named = spec_of(SourceEntry(layout="llava_critic", config="pointwise", revision="main")).dataset
    assert (named.config, named.revision) == ("pointwise", "main")
    assert spec_of(SourceEntry(layout="llava_critic")).dataset.config == "pairwise"


def test_the_teacher_stops_when_the_parts_are_full(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [pair(n) for n in range(200)])
    asked: list[str] = []

    def says(request: ChatRequest) -> str:
        asked.append(text_of(request.messages))
        return teacher_says(request)

    config = config_of(tmp_path, "distil: {ask: until_full}\n", "proxy_sft: 4, grm_sft: 6, grm_rl: 10")
    result = built(config, says)
    assert result.parts == {"proxy_sft": 4, "grm_sft": 6, "grm_rl": 10} and 20 <= len(asked) < 100
    assert result.outcomes["spare"] == 200 - len(asked)
    (tmp_path / "out" / "README.md").read_text().index("spare: the parts were full before its turn came")
    files = {p: p.read_bytes() for p in (tmp_path / "out" / "trl").iterdir()}
    again = len(asked)
    assert built(config, says).parts == result.parts and len(asked) == again, "nothing is asked twice"
    assert {p: p.read_bytes() for p in files} == files

    with pytest.raises(UserError, match=r"grm_rl: 100 asked for and \d+ available"):
        built(config_of(tmp_path, "distil: {ask: until_full}\n", "grm_sft: 6, grm_rl: 100"), says)
    assert len(asked) == 200, "all of them, where they are too few"


def test_a_teacher_that_was_stopped_goes_on_to_the_same_sets(tmp_path: Path) -> None:
    """Some of a round is answered, and the rounds are the same the next time. Kills of a process are another test's."""
    write_jsonl(tmp_path / "rows.jsonl", [pair(n) for n in range(60)])
    config = config_of(tmp_path, "distil: {ask: until_full}\n", "grm_sft: 6, grm_rl: 8")
    sets = []
    for out, limit in (("whole", 1000), ("stopped", 9)):
        left = iter(range(limit))

        def says(request: ChatRequest, left: Iterator[int] = left) -> str:
            if next(left, None) is None:
                raise UserError("stopped")
            return teacher_says(request)

        with contextlib.suppress(UserError):
            built(config, says, out=tmp_path / out)
        built(config, out=tmp_path / out)
        sets.append({p.name: p.read_bytes() for p in (tmp_path / out / "trl").iterdir()})
    assert sets[0] == sets[1]


def test_what_failed_is_asked_again_and_the_sets_are_the_same(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [pair(n) for n in range(60)])
    config = config_of(tmp_path, "distil: {ask: until_full}\n", "grm_sft: 6, grm_rl: 8")
    whole = built(config, out=tmp_path / "whole")
    fails = iter([True])

    def says(request: ChatRequest) -> str:
        if next(fails, False):
            raise BackendError("server", "down")
        return teacher_says(request)

    first = built(config, says, out=tmp_path / "out")
    assert whole.complete and not first.complete and first.outcomes["unanswered"] == 1
    assert built(config, out=tmp_path / "out").complete
    for path in (tmp_path / "whole" / "trl").iterdir():
        assert path.read_bytes() == (tmp_path / "out" / "trl" / path.name).read_bytes()


def test_a_redo_asks_each_pair_once(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [pair(n) for n in range(40)])
    config = config_of(tmp_path, "distil: {ask: until_full, malformed: drop}\n", "grm_sft: 6, grm_rl: 6")
    built(config)
    asked: list[str] = []

    def says(request: ChatRequest) -> str:
        asked.append(text_of(request.messages))
        return "no form at all"

    with pytest.raises(UserError, match="asked for and"):
        built(config, says, out=tmp_path / "bad")
    assert len(asked) == 40
    with pytest.raises(UserError, match="asked for and"):
        built(config, says, out=tmp_path / "bad", redo=["invalid"])
    assert len(asked) == 80


def test_without_a_teacher_there_is_nobody_to_stop(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [pair(n) for n in range(20)])
    config = "sources: [{layout: pairs, path: rows.jsonl}]\nparts: {grm_rl: 4}\ndistil: {ask: until_full}\nout: out\n"
    (tmp_path / "data.yaml").write_text(config)
    assert build(tmp_path / "data.yaml").outcomes == {"unasked": 20}
