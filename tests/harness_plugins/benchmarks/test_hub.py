"""The Hub's road, driven: real client libraries, a Hub of our own on loopback, and every dataset that we read from one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from harness_plugins.benchmarks.spec import load_spec, names
from harness_plugins.plugins import SOURCES
from tests.conftest import png, read_jsonl
from tests.harness_plugins.benchmarks.hub import Client, Done, Hub, Repository, client, parquet
from tests.harness_plugins.benchmarks.test_image_benchmarks import (
    THREE,
    editreward,
    editscore,
    genai,
    genai_edit,
    image,
    mmrb2,
    multi_crit,
)
from tests.harness_plugins.training_data.test_build import ROWS

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.xdist_group("hub"),
    pytest.mark.skipif(find_spec("datasets") is None, reason="needs the extra [datasets]; make test-all installs it"),
]

Row = dict[str, Any]
SAMPLE = ("multi_crit_reasoning", "mm_rlhf_rewardbench", "genai_bench_edition", "editscore_bench", "editreward_bench")
"""One image, files beside the rows, a config with a second split, lists of images, folders of one split that are gated."""
READ = [n for n in names() if load_spec(n).dataset.id and load_spec(n).dataset.fetch]
CARD = b"---\nlicense: mit\n---\nrows made for tests\n"


def vl_rewardbench(n: int) -> Row:
    return {"id": f"mathverse_{n}", "query": f"<image>\nquestion {n}", "response": ["a", f"b{n}"], "image": image(n),
            "human_ranking": [0, 1], "models": ["m", "m"], "judge": "human", "rationale": "", "query_source": "x",
            "ground_truth": ""}  # fmt: skip


def multimodal_rewardbench(n: int) -> Row:
    return {"ID": f"nocaps_{n}", "Text": f"question {n}", "Image": image(n), "Output1": "a", "Output2": f"b{n}",
            "Better": "Output2", "Category": "vqa"}  # fmt: skip


def mm_rlhf(n: int) -> Row:
    video = {"video": "video/abc"} if n % 7 == 6 else {"image": f"long/{n % 5}.png"}
    return video | {"id": f"g{n % 46}", "prompt": f"question {n}", "chosen": "a", "rejected": f"b{n}",
                    "chosen_reason": "", "rejected_reason": ""}  # fmt: skip


MAKERS: dict[str, Callable[[int], Row]] = {
    "vl_rewardbench": vl_rewardbench,
    "multimodal_rewardbench": multimodal_rewardbench,
    "mm_rlhf_rewardbench": mm_rlhf,
    **dict.fromkeys(
        ("mmrb2_t2i", "mmrb2_edit"),
        lambda n: mmrb2(n, n + 1, pair_id=f"p{n}", response_a_images=[image(n)] * (1 + n % 2)),
    ),
    **dict.fromkeys(
        ("mmrb2_interleaved", "mmrb2_reasoning"), lambda n: mmrb2(n, n + 1, texts=("a", f"b{n}"), pair_id=f"p{n}")
    ),
    **dict.fromkeys(("multi_crit_open_ended", "multi_crit_reasoning"), lambda n: multi_crit(n, n + 1, key=f"k{n}")),
    "genai_bench_generation": lambda n: genai(n, n + 1) | {"prompt": f"a fox and {n}"},
    "genai_bench_edition": lambda n: genai_edit(n, n + 1) | {"instruct_prompt": f"make it {n}"},
    "editscore_bench": lambda n: editscore(n, n + 1) | {"instruction": f"make it {n}"},
}


def rows_of(name: str, count: int) -> list[Row]:
    """So many rows, over few images: what is embedded is unpacked by content."""
    rows = [MAKERS[name](n) for n in range(count)]
    few = cycle(range(40))

    def fewer(value: Any) -> Any:
        if isinstance(value, list):
            return [fewer(v) for v in value]
        return image(next(few)) if isinstance(value, dict) and "bytes" in value else value

    return [{k: fewer(v) for k, v in row.items()} for row in rows]


def publish(hub: Hub, name: str, count: int | None = None) -> Repository:
    """The benchmark's dataset with as many rows as it is declared to have, beside what it shares a repository with."""
    dataset = load_spec(name).dataset
    count = count or dataset.rows or 12
    repository = hub.repositories.setdefault(dataset.id, Repository({}))
    files: dict[str, bytes] = {}
    if name == "mm_rlhf_rewardbench":
        files = {f"images/long/{n}.png": png(n) for n in range(5)}
        files |= {f"images/video/abc/frame_{n}.png": png(50 + n) for n in range(3)}
        files["mm_reward_bench.jsonl"] = "".join(json.dumps(mm_rlhf(n)) + "\n" for n in range(count)).encode()
    elif name == "editreward_bench":
        for folder, rows in {"2pair": [editreward(4, 5, "A=B", key="0002")], "3pair": THREE}.items():
            files[f"{folder}/train-00000-of-00001.parquet"] = parquet(rows)
        repository.gated = True
    else:
        folder = dataset.config or "data"
        files = {f"{folder}/{dataset.split}-00000-of-00001.parquet": parquet(rows_of(name, count))}
        if dataset.id == "TIGER-Lab/GenAI-Bench":  # another split, which is none of ours
            files[f"{folder}/test-00000-of-00001.parquet"] = parquet(rows_of(name, 3))
    repository.files |= files
    repository.files["README.md"] = _card(repository.files) if dataset.config else CARD
    return repository


def _card(files: dict[str, bytes]) -> bytes:
    splits: dict[str, list[str]] = {}
    for path in files:
        folder, _, file = path.rpartition("/")
        if file.endswith(".parquet"):
            splits.setdefault(folder, []).append(file.split("-")[0])
    configs = "".join(
        f"- config_name: {folder}\n  data_files:\n" + "".join(f"  - split: {s}\n    path: {folder}/{s}-*\n" for s in of)
        for folder, of in splits.items()
    )
    return f"---\nconfigs:\n{configs}---\n".encode()


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.close()
    assert made.unknown == [], "routes that clients ask and this Hub lacks: what they do then is no evidence"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def online(hub: Hub, home: Path) -> Iterator[Client]:
    with client(hub.endpoint, home) as made:
        yield made


@pytest.fixture(scope="module")
def offline(home: Path) -> Iterator[Client]:
    with client("http://127.0.0.1:9", home, HF_HUB_OFFLINE="1") as made:
        yield made


def run(program: Client, folder: Path, *entries: str, **environment: str) -> Done:
    """Judge the first rows of each benchmark by a baseline."""
    folder.mkdir(exist_ok=True)
    listed = ", ".join(e if e.startswith("{") else f"{{name: {e}}}" for e in entries)
    judges = "judges: [{name: longest, backend: baseline}]\narms: [none]\nout: run\n"
    (folder / "config.yaml").write_text(f"benchmarks: [{listed}]\n{judges}")
    return program.run("run", folder / "config.yaml", "--limit", "6", folder=folder, **environment)


def forget(home: Path, name: str) -> None:
    """What the client libraries have cached of a dataset."""
    for folder in (home / "hf" / "hub", home / "hf" / "datasets"):
        for found in folder.glob(f"*{load_spec(name).dataset.id.split('/')[0]}*"):
            if found.is_dir():
                shutil.rmtree(found)


def facts(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "run" / "manifest.json").read_text())["benchmarks"]
    assert isinstance(found, dict)
    return found


def error(done: Done) -> str:
    """The one line that a failed run ends with."""
    assert done.code == 2, done
    assert "Traceback" not in done.err, done.err
    (line,) = [at for at in done.err.splitlines() if at.startswith("error: ")]
    assert done.err.rstrip().endswith(line), "nothing comes after it"
    return line.removeprefix("error: ")


@pytest.mark.parametrize("read", [SAMPLE, pytest.param(READ, marks=pytest.mark.long)], ids=["sample", "all"])
def test_benchmarks_are_read_from_the_hub_and_then_from_its_cache(
    read: list[str], hub: Hub, online: Client, offline: Client, tmp_path: Path
) -> None:
    for name in read:
        publish(hub, name)
    done = run(online, tmp_path / "first", *read, HF_TOKEN=Hub.LET_IN)
    assert done.code == 0, done.err
    first = facts(tmp_path / "first")
    pictures = {png(n) for n in range(100)}
    items = read_jsonl(tmp_path / "first" / "run" / "items.jsonl")
    for name in read:
        dataset = load_spec(name).dataset
        assert first[name]["revision"] == hub.repositories[dataset.id].commit, name
        assert first[name]["rows"] == (dataset.rows or {"editreward_bench": 4}.get(name, 12)), name
        own = [i for i in items if i["benchmark"] == name]
        media = [m for i in own for m in (*i["media"], *(m for c in i["candidates"] for m in c["media"]))]
        shown = {Path(f["path"]).read_bytes() for m in media for f in m["files"]}
        assert shown and shown <= pictures, f"{name}: images are the bytes that were served"
        assert not any(i["media_missing"] for i in own) and all(i["revision"] == first[name]["revision"] for i in own)

    asked = len(hub.asked)
    done = run(offline, tmp_path / "second", *read)
    assert done.code == 0, done.err
    assert facts(tmp_path / "second") == first
    assert (tmp_path / "second" / "run" / "items.jsonl").read_bytes() == (
        tmp_path / "first" / "run" / "items.jsonl"
    ).read_bytes()
    assert len(hub.asked) == asked, "and no request"


def test_there_is_a_maker_for_every_benchmark_that_is_read_from_the_hub() -> None:
    assert set(READ) == set(MAKERS) | {"editreward_bench"}


@pytest.mark.parametrize("name", ["editscore_bench", "mm_rlhf_rewardbench"])
def test_who_may_not_read_a_dataset_is_told_what_to_do(
    name: str, hub: Hub, online: Client, home: Path, tmp_path: Path
) -> None:
    """Both roads: rows by `datasets`, and files by a snapshot."""
    dataset = load_spec(name).dataset
    page = f"{hub.endpoint}/datasets/{dataset.id}"
    hub.repositories.pop(dataset.id, None)
    forget(home, name)
    message = error(run(online, tmp_path, name))
    assert message.startswith(f"benchmark '{name}': {dataset.id} is not at {page}, or is private") and "401" in message
    assert "404" in error(run(online, tmp_path, name, HF_TOKEN=Hub.LET_IN))

    repository = publish(hub, name)
    repository.change({"README.md": CARD + b"gated"})
    repository.gated = True
    message = error(run(online, tmp_path, name))
    assert f"is gated: accept its terms at {page}, then set HF_TOKEN" in message
    message = error(run(online, tmp_path, name, HF_TOKEN=Hub.STRANGER))
    assert f"the account of HF_TOKEN has no access: accept the terms at {page}" in message
    assert "does not know the token in HF_TOKEN" in error(run(online, tmp_path, name, HF_TOKEN="hf_mistyped"))
    assert not (tmp_path / "run").exists()
    assert run(online, tmp_path, name, HF_TOKEN=Hub.LET_IN).code == 0
    assert facts(tmp_path)[name]["revision"] == repository.commit
    repository.gated = False


@pytest.mark.parametrize("gated", ["card", "rows"])
def test_a_gate_may_stand_before_all_files_or_the_rows_alone(
    gated: str, hub: Hub, online: Client, home: Path, tmp_path: Path
) -> None:
    repository = publish(hub, "editscore_bench")
    forget(home, "editscore_bench")
    repository.gated, repository.free = True, {"README.md"} if gated == "rows" else set()
    message = error(run(online, tmp_path, "editscore_bench"))
    repository.gated = False
    assert "is gated: accept its terms at " in message


def test_a_damaged_cache_is_no_traceback(hub: Hub, online: Client, offline: Client, home: Path, tmp_path: Path) -> None:
    publish(hub, "editscore_bench")
    forget(home, "editscore_bench")
    assert run(online, tmp_path, "editscore_bench").code == 0
    (cached,) = (home / "hf" / "datasets").glob("EditScore*/**/*.arrow")
    whole = cached.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"x" * len(whole)):
        cached.write_bytes(damaged)
        assert "EditScore/EditReward-Bench cannot be read (" in error(
            run(offline, tmp_path / "again", "editscore_bench")
        )
    forget(home, "editscore_bench")


def test_a_revision_may_be_named_and_must_be_there(hub: Hub, online: Client, tmp_path: Path) -> None:
    repository = publish(hub, "editscore_bench")
    before = repository.commit
    repository.change({"data/train-00000-of-00001.parquet": parquet(rows_of("editscore_bench", 9))})
    assert run(online, tmp_path / "old", f"{{name: editscore_bench, revision: {before}}}").code == 0
    assert run(online, tmp_path / "new", "{name: editscore_bench, revision: main}").code == 0
    old, new = (facts(tmp_path / f)["editscore_bench"] for f in ("old", "new"))
    assert (old["revision"], old["rows"]) == (before, 12)
    assert (new["revision"], new["rows"]) == (repository.commit, 9)
    assert "these rows are local" in error(run(online, tmp_path, "{name: demo, revision: main}"))
    for absent in ("v9", "0" * 40):
        message = error(run(online, tmp_path, f"{{name: editscore_bench, revision: '{absent}'}}"))
        assert f"has no revision '{absent}'" in message


def test_another_number_of_rows_is_another_dataset(hub: Hub, online: Client, tmp_path: Path) -> None:
    repository = publish(hub, "multi_crit_reasoning", 400)
    message = error(run(online, tmp_path, "multi_crit_reasoning"))
    assert "txiong23/Multi-Crit[reasoning]: 400 rows" in message and "not the 425 of Multi-Crit, reasoning" in message
    assert f"`revision: {repository.commit}`" in message
    assert not (tmp_path / "run").exists()
    done = run(online, tmp_path, f"{{name: multi_crit_reasoning, revision: {repository.commit}}}")
    assert done.code == 0, done.err
    table = online.run("table", tmp_path / "run").out
    assert "6 of 425 rows were judged" in table


@pytest.mark.parametrize("breaks", ["once", pytest.param("ever", marks=pytest.mark.long)])
def test_half_a_file_is_no_dataset(breaks: str, hub: Hub, online: Client, offline: Client, tmp_path: Path) -> None:
    repository = publish(hub, "editscore_bench")
    repository.change({"data/train-00000-of-00001.parquet": parquet(rows_of("editscore_bench", 50 + len(breaks)))})
    repository.breaks = breaks
    message = error(run(online, tmp_path, "editscore_bench"))
    assert "answers HTTP 503" in message or "nothing was read" in message, "older clients do not ask again"
    message = error(run(offline, tmp_path, "editscore_bench"))
    assert "HF_HUB_OFFLINE" in message or "the cache holds it at" in message
    repository.breaks = ""
    assert run(online, tmp_path, "editscore_bench").code == 0
    assert facts(tmp_path)["editscore_bench"]["rows"] == 50 + len(breaks)


@pytest.mark.parametrize("column", ["instruction", "input_image", "task_type"])
def test_a_renamed_column_is_named(column: str, hub: Hub, online: Client, tmp_path: Path) -> None:
    """Those of media and categories too: without its images a benchmark would be another one, and nothing would say so."""
    repository = publish(hub, "editscore_bench")
    rows = [{f"{k}_v2" if k == column else k: v for k, v in r.items()} for r in rows_of("editscore_bench", 12)]
    repository.change({"data/train-00000-of-00001.parquet": parquet(rows)})
    message = error(run(online, tmp_path, "editscore_bench"))
    assert f"at {repository.commit}: no row has the column '{column}'; the rows have " in message
    assert f"{column}_v2" in message and "give a `revision:` that has it" in message


def test_a_hub_that_is_away_and_a_folder_in_its_place(hub: Hub, online: Client, home: Path, tmp_path: Path) -> None:
    publish(hub, "editscore_bench")
    forget(home, "editscore_bench")
    with hub.away():
        message = error(run(online, tmp_path, "editscore_bench"))
    assert f"{hub.endpoint} cannot be reached, and the cache below {home / 'hf'} lacks it" in message
    (tmp_path / "EditScore" / "EditReward-Bench").mkdir(parents=True)
    assert "would be read in place of the Hub's" in error(run(online, tmp_path, "editscore_bench"))


@pytest.mark.parametrize("layout", ["llava_critic", "rlaif_v", "rlhf_v"])
def test_sources_of_training_data_come_from_the_hub(layout: str, hub: Hub, online: Client, tmp_path: Path) -> None:
    dataset = SOURCES.module(layout).DATASET
    column = "images" if layout == "rlhf_v" else "image"
    rows = [r | {column: [image(n)] if layout == "rlhf_v" else image(n)} for n, r in enumerate(islice(ROWS[layout], 4))]
    file = f"{dataset.config or 'data'}/train-00000-of-00001.parquet"
    repository = hub.repositories[dataset.id] = Repository({file: parquet(rows)}, pinned=dataset.revision)
    repository.files["README.md"] = _card(repository.files) if dataset.config else CARD
    config = f"sources: [{{layout: {layout}}}]\nparts: {{grm_rl: 4}}\nas_many: true\nout: made\n"
    (tmp_path / "data.yaml").write_text(config)
    done = online.run("data", tmp_path / "data.yaml", folder=tmp_path)
    assert done.code == 0, done
    read = json.loads((tmp_path / "made" / "manifest.json").read_text())["sources"][layout]
    assert (read["revision"], read["rows"]) == (repository.commit, 4)
    assert {f.read_bytes() for f in (tmp_path / "made" / "images").rglob("*.png")} == {png(n) for n in range(4)}
