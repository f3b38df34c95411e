"""Bad input: one line a mistake, naming file, line and mend, before anything is asked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import UserError
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from harness_plugins import run
from harness_plugins.config.run import load_config
from harness_plugins.experiment.run import prepare
from harness_plugins.folder.rubrics import read_rubrics
from tests.conftest import MakePairs, pair, png, write_jsonl

GOOD = """\
benchmarks:
  - {name: pairs, path: rows.jsonl}
judges:
  - {name: longest, backend: baseline}
  - name: qwen
    backend: openai
    model: Qwen/Qwen2.5-VL-7B-Instruct
    base_url: "http://127.0.0.1:8000/v1"
arms: [none, generic]
"""


def mistakes(path: Path) -> list[str]:
    with pytest.raises(UserError) as e:
        prepare(load_config(path))
    return [line.replace(str(path.parent) + "/", "") for line in e.value.lines]


def test_a_good_config_loads(make_pairs: MakePairs, write_config: Callable[[str], Path]) -> None:
    make_pairs(3)
    config = load_config(write_config(GOOD))
    assert [j.model for j in config.judges] == ["longest", "Qwen/Qwen2.5-VL-7B-Instruct"]
    assert len(prepare(config).grids()[0].items) == 3


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("path: rows", "pth: rows", "config.yaml: line 2: unknown key 'pth'; did you mean 'path'?"),
        ("arms:", "amrs:", "config.yaml: line 9: unknown key 'amrs'; did you mean 'arms'?"),
        ("backend: openai", "backend: opnai", "config.yaml: line 5: judges.1: unknown backend 'opnai'; did you mean 'openai'? "
            "There are: baseline, hf, lm, lmms, openai, pixels, vllm"),
        ("name: longest", "name: longst", "config.yaml: line 4: judges.0: unknown baseline 'longst'; did you mean 'longest'?"),
        ("name: qwen", "name: longest", "config.yaml: line 1: two judges are named 'longest'"),
        ("[none, generic]", "[none, genric]", "config.yaml: line 9: arms: unknown arm 'genric'; did you mean 'generic'?"),
        ("[none, generic]", "[none, transferred]", "config.yaml: line 9: the arms transferred need rubrics"),
        ("    model: Q", "    concurrency: 0\n    model: Q", "line 7: judges.1.concurrency: input should be greater than 0"),
        ("    model: Q", "    samples: 8\n    model: Q", "samples above 1 at temperature 0 ask the same thing again"),
        (
            "    model: Q",
            "    samples: 2\n    temperature: 1\n    extra_body: {seed: 3}\n    model: Q",
            "one seed for all samples gives the same answer each time: use `seed:`",
        ),
        ("backend: openai", "seed: 3\n    backend: hf", "cannot repeat a request by its seed: use openai or vllm"),
        ("    model: Q", "    prompt: none.jinja\n    model: Q", "line 7: prompt: "),
        ("    model: Q", "    model: P\n    model: Q", "config.yaml: line 8: the key 'model' is here twice"),
        ("http://127", "htp://127", "`base_url`: 'htp://127"),
        ("http://127", "http://user:pw@127", "a key belongs in an environment variable"),
        ("name: pairs", "name: piars", "config.yaml: line 2: benchmarks.0.name: unknown benchmark 'piars'; did you mean 'pairs'?"),
        ("rows.jsonl", "gone.jsonl", "config.yaml: line 2: path: gone.jsonl is missing"),
        ("judges:", "judges: [", "not valid YAML"),
    ],
)  # fmt: skip
def test_each_mistake_gets_one_line(
    make_pairs: MakePairs, write_config: Callable[[str], Path], old: str, new: str, complaint: str
) -> None:
    make_pairs(2)
    lines = mistakes(write_config(GOOD.replace(old, new, 1)))
    assert len(lines) == 1
    assert complaint in lines[0]


def test_all_mistakes_are_told_at_once(make_pairs: MakePairs, write_config: Callable[[str], Path]) -> None:
    make_pairs(1)
    lines = mistakes(write_config(GOOD.replace("path:", "pth:").replace("backend: openai", "backend: opnai")))
    assert len(lines) == 2


def bad_rows(tmp_path: Path, *rows: dict[str, object]) -> list[str]:
    write_jsonl(tmp_path / "rows.jsonl", [pair(0), *rows])
    (tmp_path / "config.yaml").write_text(GOOD)
    return mistakes(tmp_path / "config.yaml")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"label": 2}, 'it must be the index of the preferred candidate (0 or 1) or "tie"'),
        ({"label": True}, "it must be the index"),
        ({"label": None}, "column 'label' is missing; pairs rows have id, prompt, candidates, label"),
        ({"candidates": ["one"]}, "must be a list of two candidates"),
        ({"candidates": list("abcdefghij")}, "10 candidates; pairs takes 9 at most: split the row"),
        (
            {"candidates": ["a", "b", "c"], "label": 3},
            '(0 to 2) or "tie", or a list of 3 ranks, 0 = best, with one best',
        ),
        ({"candidates": ["a", "b", "c"], "label": [0, 1, 0]}, "a list of 3 ranks, 0 = best, with one best"),
        ({"criterion": 5}, "'criterion' is 5; it must be a text"),
        ({"candidates": ["a", 7]}, "a candidate must be a text or"),
        ({"prompt": 5}, "'prompt' must be a text"),
        ({"media": ["gone.png"]}, "gone.png is missing"),
        ({"media": ["../secret.png"]}, "leads outside the media root"),
        ({"media": ["/etc/passwd"]}, "leads outside the media root"),
        ({"media": ["http://example.invalid/a.png"]}, "remote media are not fetched"),
    ],
)
def test_a_bad_row_names_file_and_line(tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    lines = bad_rows(tmp_path, pair(1, **change))
    assert lines[0].startswith("rows.jsonl: line 2: ")
    assert complaint in lines[0]


def test_a_line_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": 1\n')
    (tmp_path / "config.yaml").write_text(GOOD)
    assert "rows.jsonl: line 1: not valid JSON" in mistakes(tmp_path / "config.yaml")[0]


def test_a_link_may_not_leave_the_root(tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-secret.png"
    outside.write_bytes(png(1))
    (tmp_path / "a.png").symlink_to(outside)
    assert "leads outside the media root" in bad_rows(tmp_path, pair(1, media=["a.png"]))[0]


def test_links_of_a_hub_cache_lead_into_its_blobs(tmp_path: Path) -> None:
    from harness_plugins.benchmarks.loader import load_benchmark

    repo = tmp_path / "datasets--x"
    snapshot = repo / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (repo / "blobs").mkdir()
    (repo / "blobs" / "feed").write_bytes(png(1))
    (snapshot / "a.png").symlink_to("../../blobs/feed")
    rows = write_jsonl(snapshot / "rows.jsonl", [pair(1, media=["a.png"])])
    assert load_benchmark("pairs", path=rows).items[0].media[0].files


def test_a_file_that_is_no_image_is_found_before_the_run(
    make_pairs: MakePairs, write_config: Callable[[str], Path]
) -> None:
    from harness_plugins import run

    rows = make_pairs(2)
    (rows.parent / "images" / "1.png").write_text("no image")
    with pytest.raises(UserError, match=r"1\.png: not an image"):
        run(write_config(GOOD), out=rows.parent / "out")
    assert not (rows.parent / "out").exists()


def test_a_file_of_which_no_name_is_given_has_that_of_its_writer(
    tmp_path: Path, make_pairs: MakePairs, write_config: Callable[[str], Path]
) -> None:
    """Also where its first line leaves it out, as people do."""
    make_pairs(3)
    path = tmp_path / "rubrics.jsonl"
    items = prepare(load_config(write_config(GOOD))).items
    rows = [{"row": 0, "text": "a"}, {"row": 1, "text": "b", "writer": "me"}]
    elsewhere = {"benchmark": "elsewhere", "row": 0, "text": "c", "writer": "another"}
    for lines, name in ((rows, "me"), (rows[:1], "rubrics"), ([elsewhere, rows[0]], "rubrics")):
        write_jsonl(path, lines)
        assert read_rubrics(None, path, items).name == name


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ({"id": "pair-9"}, "no item of pairs has the id 'pair-9'; `rubric-harness items CONFIG` lists them"),
        ({"id": "twin"}, "the id 'twin' fits 2 items"),
        ({"row": 99}, "pairs has no row 99"),
        ({"item": "pairs:0000"}, "no item of pairs has the uid"),
        ({}, "give exactly one of"),
        ({"id": "pair-1", "text": " "}, "`text` is empty"),
        ({"id": "pair-1", "wieght": 1}, "unknown key 'wieght'; there are: "),
        ({"id": "pair-0"}, "a second rubric for the same item (the first is line 1)"),
    ],
)
def test_a_bad_rubric_names_file_and_line(tmp_path: Path, line: dict[str, object], complaint: str) -> None:
    from harness_plugins.benchmarks.loader import load_benchmark

    twins = [pair(5, id="twin"), pair(6, id="twin")]
    items = load_benchmark("pairs", path=write_jsonl(tmp_path / "rows.jsonl", [pair(0), pair(1), *twins])).items
    base = {"benchmark": "pairs", "writer": "w", "text": "Be right."}
    path = write_jsonl(tmp_path / "r.jsonl", [base | {"id": "pair-0"}, base | line])
    with pytest.raises(UserError) as e:
        read_rubrics("w", path, {"pairs": items})
    assert e.value.lines[0].startswith(f"{path}: line 2: ")
    assert complaint in e.value.lines[0]


def test_rubrics_by_hand_take_id_row_or_uid(tmp_path: Path) -> None:
    from harness_plugins.benchmarks.loader import load_benchmark

    items = load_benchmark("pairs", path=write_jsonl(tmp_path / "rows.jsonl", [pair(n) for n in range(3)])).items
    rows = [{"id": "pair-0"}, {"row": 1}, {"item": items[2].uid}]
    path = write_jsonl(tmp_path / "r.jsonl", [{"writer": "w", "text": "Be right."} | r for r in rows])
    found = read_rubrics("mine", path, {"pairs": items})
    assert [r.item for r in found.rubrics] == [i.uid for i in items]
    assert {r.writer.name for r in found.rubrics} == {"mine"}, "the config's name is the row of the table"


def test_rubrics_match_the_whole_benchmark_before_any_limit(
    make_pairs: MakePairs, rubrics: Callable[..., Path], write_config: Callable[[str], Path]
) -> None:
    make_pairs(6)
    rubrics(6)
    text = GOOD.replace("[none, generic]", "[none, transferred, shuffled]") + "rubrics: {writer: writer.jsonl}\n"
    config = load_config(write_config(text))
    whole, cut = prepare(config), prepare(config, limit=2)
    assert len(cut.grids()[0].items) == 2
    assert cut.grids()[0].writers[0].donors == whole.grids()[0].writers[0].donors, "a limit moves nobody's donor"


def test_a_rubric_that_changed_is_refused(
    make_pairs: MakePairs, rubrics: Callable[..., Path], write_config: Callable[[str], Path]
) -> None:
    from harness_plugins import run

    make_pairs(4)
    rubrics(4)
    judges = "judges: [{name: lexical, backend: baseline}]\nrubrics: {writer: writer.jsonl}\n"
    path = write_config("benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none, transferred]\n" + judges)
    run(path, out=path.parent / "out")
    rubrics(4, text="Something else.")
    with pytest.raises(UserError, match="4 rubrics of 'writer' differ"):
        run(path, out=path.parent / "out")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("judges:", "[a, b]: 1\njudges:", "a key must be a plain word"),
        ("arms: [none, generic]", "arms: &a [*a]", "not valid YAML"),
        (":8000/v1", ":99999/v1", "Port out of range"),
        (":8000/v1", ":abc/v1", "base_url"),
        (
            "    model: Q",
            "    extra_body: {seed: 99999999999999999999999}\n    model: Q",
            "has more than 64 bits",
        ),
        ("    model: Q", "    extra_body: {1: 2}\n    model: Q", "extra_body"),
        ("    model: Q", "    timeout_s: .inf\n    model: Q", "timeout_s"),
        ("rows.jsonl", "x" * 300 + ".jsonl", "is missing"),
        ("arms:", 'out: "a\\0b"\narms:', "out: holds the character U+0000"),
        ("path: rows.jsonl", 'path: "a\\0b"', "path: holds the character U+0000"),
        ("path: rows.jsonl", "path: rows.jsonl, limit: yes", "limit: must be a number"),
    ],
)
def test_odd_values_are_mistakes_not_tracebacks(
    make_pairs: MakePairs,
    write_config: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    complaint: str,
) -> None:
    from harness_plugins.cli import main

    make_pairs(2)
    path = write_config(GOOD.replace(old, new, 1))
    assert main(["run", str(path), "--out", str(path.parent / "out"), "--dry-run"]) == 2
    stderr = capsys.readouterr().err
    assert stderr.startswith("error: ")
    assert complaint in stderr


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"media": ["x" * 300]}, "too long"),
        ({"media": ["//[x"]}, "leads outside"),
        ({"media": [["a.png"]]}, "is missing"),
        ({"id": ["x"]}, "'id' must be a text or a number"),
        ({"id": True}, "'id' must be a text or a number"),
        ({"label": [0]}, "it must be the index"),
        ({"candidates": {"a": 1, "b": 2}}, "must be a list of two candidates"),
    ],
)
def test_odd_rows_are_mistakes_not_tracebacks(tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    assert complaint in bad_rows(tmp_path, pair(1, **change))[0]


def test_the_line_named_is_the_line_of_the_file(tmp_path: Path) -> None:
    import json

    (tmp_path / "rows.jsonl").write_text("\n\n" + json.dumps(pair(0)) + "\n\n" + json.dumps(pair(1, label=9)) + "\n")
    (tmp_path / "config.yaml").write_text(GOOD)
    assert mistakes(tmp_path / "config.yaml")[0].startswith("rows.jsonl: line 5: ")


@pytest.mark.parametrize("ranks", [[0, "1"], [None, 0], [0, 0], "01"])
def test_odd_ranks(tmp_path: Path, ranks: object) -> None:
    from harness_plugins.benchmarks.loader import load_benchmark

    row = {"id": "a", "query": "q", "response": ["a", "b"], "human_ranking": ranks, "image": None}
    with pytest.raises(UserError, match="it must rank the 2 candidates"):
        load_benchmark("vl_rewardbench", path=write_jsonl(tmp_path / "r.jsonl", [row]))


@pytest.mark.parametrize("place", [{"row": [1]}, {"row": True}, {"item": ["x"]}, {"id": {"a": 1}}])
def test_odd_rubric_places(tmp_path: Path, place: dict[str, object]) -> None:
    from harness_plugins.benchmarks.loader import load_benchmark

    items = load_benchmark("pairs", path=write_jsonl(tmp_path / "rows.jsonl", [pair(0), pair(1)])).items
    path = write_jsonl(tmp_path / "r.jsonl", [{"writer": "w", "text": "t", **place}])
    with pytest.raises(UserError, match=r"line 1: .*give a row number, an id, or a uid"):
        read_rubrics("w", path, {"pairs": items})


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config, what it names, and the folder of its run. To be copied."""
    from harness_plugins import run

    folder = tmp_path_factory.mktemp("judged")
    write_jsonl(folder / "rows.jsonl", [pair(n) for n in range(3)])
    rubric = {"benchmark": "pairs", "writer": "writer", "text": "Prefer the good answer."}
    write_jsonl(folder / "writer.jsonl", [{**rubric, "id": f"pair-{n}"} for n in range(3)])
    judges = "judges: [{name: lexical, backend: baseline}]\nrubrics: {writer: writer.jsonl}\nout: out\n"
    path = folder / "config.yaml"
    path.write_text("benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none, transferred]\n" + judges)
    assert run(path).complete
    return folder


@pytest.mark.parametrize("name", ["verdicts.jsonl", "items.jsonl", "rubrics.jsonl", "manifest.json"])
@pytest.mark.parametrize("garbage", ["{}\n", "5\n", '{"key":"zz"}\n', '{"schema":"x"}\n', '{"schema":1,"judges":[]}\n'])
@pytest.mark.parametrize("command", ["run", "show", "table"])
def test_a_damaged_run_folder_is_named_not_dumped(
    judged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, garbage: str, command: str
) -> None:
    from harness_plugins.cli import main

    copy = shutil.copytree(judged, tmp_path / "copy")
    file = copy / "out" / name
    file.write_text(garbage if name == "manifest.json" else file.read_text() + garbage)
    code = main([command, str(copy / ("config.yaml" if command == "run" else "out"))])
    stderr = capsys.readouterr().err
    assert code in (0, 2)
    assert name in stderr if code else not stderr


def test_the_out_folder_may_not_be_a_file(make_pairs: MakePairs, write_config: Callable[[str], Path]) -> None:
    from harness_plugins import run

    rows = make_pairs(2)
    with pytest.raises(UserError, match="cannot be written"):
        run(write_config(GOOD), out=rows)
    with pytest.raises(UserError, match="no run folder"):
        run(write_config(GOOD), out="")


MOVING: dict[str, list[dict[str, Any]]] = {
    "vllm": [
        {"tensor_parallel_size": 2}, {"max_num_seqs": 4}, {"limit_mm_per_prompt": {"image": 8}}, {"hf_token": "s3cret"},
        {"download_dir": "/x"}, {"gpu_memory_utilization": 0.5}, {"enforce_eager": True},
    ],
    "hf": [{"max_memory": {0: "20GiB", "cpu": "60GiB"}}, {"batch_size": 3}, {"device_map": "auto"}, {"token": "s3cret"}],
    "lmms": [
        {"base_url": "http://h/v1"}, {"api_key": "s3cret"}, {"num_concurrent": 4}, {"retry_backoff_s": 1}, {"timeout": 9},
        {"tensor_parallel_size": 2}, {"device": "cuda:1"}, {"prefix_hash_chars": 64},
    ],
    "lm": [{"num_concurrent": 4}, {"max_batch_size": 64}],
}  # fmt: skip
DECISIVE: list[dict[str, Any]] = [
    {"max_num_frames": 8}, {"max_num_tiles": 6}, {"num_image_token": 256}, {"max_frames_num": 8}, {"max_num": 12},
    {"tokenizer": "t"}, {"image_token": "<i>"}, {"max_new_tokens": 5}, {"kv_cache_dtype": "fp8"}, {"revision": "r"},
    {"max_model_len": 10}, {"processor": {"max_pixels": 9}}, {"adapter": "a"}, {"log_odds": True}, {"a_name_of_tomorrow": 1},
    {"mm_processor_kwargs": {"device": "x"}}, {"system_prompt": "be kind"}, {"max_size_in_mb": 2},
]  # fmt: skip


def key_of(backend: str, **model_args: Any) -> str:
    return JudgeSpec(name="m", backend=backend, model="m", model_args=model_args).digest


@pytest.mark.parametrize("backend", MOVING)
def test_what_decides_an_answer_is_in_the_key_and_what_only_moves_it_is_not(backend: str) -> None:
    for decisive in DECISIVE:
        (name,) = decisive
        other = {name: "something else"}
        assert len({key_of(backend), key_of(backend, **decisive), key_of(backend, **other)}) == 3, decisive
    for moving in MOVING[backend]:
        assert key_of(backend, **moving) == key_of(backend), moving


def test_every_backend_says_which_of_its_arguments_decide_nothing() -> None:
    from evaluators.specs import BACKENDS

    for name in BACKENDS.names():
        listed = getattr(BACKENDS.module(name), "TRANSPORT_ARGS", frozenset())
        assert isinstance(listed, frozenset) and all(isinstance(n, str) for n in listed), name


@pytest.mark.parametrize(
    "arguments",
    [
        {"db_password": "s3cret"}, {"azure_openai_key": "s3cret"}, {"apiKey": "s3cret"}, {"headers": {"Authorization": "s3cret"}},
        {"keys": ["s3cret"]}, {"proxy": "http://me:s3cret@host"}, {"processor": {"token": "s3cret"}}, {"x": {"api_key": "s3cret"}},
    ],
)  # fmt: skip
def test_a_secret_under_any_name_stands_in_no_file(arguments: dict[str, Any]) -> None:
    """Under a name on no list it is in the key all the same, as its digest."""
    spec = JudgeSpec(name="m", backend="hf", model="m", model_args=arguments)
    assert "s3cret" not in str(spec.key_fields())
    endpoint = JudgeSpec(name="m", backend="openai", model="m", base_url="http://h/v1", extra_body=arguments)
    assert "s3cret" not in str(endpoint.key_fields())


def test_a_folder_of_an_earlier_version_is_refused_with_the_reason(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Its manifest lacks arguments that were in no key then, and its prompts were filled by another renderer."""
    import orjson

    from evaluators.keys import digest

    make_pairs(2, images=False)
    config = tmp_path / "run.yaml"
    config.write_text(
        "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none]\nout: out\n"
        "judges: [{name: m, backend: lmms, model: qwen, model_args: {max_num_frames: 64, pretrained: x}}]\n"
    )
    spec = load_config(config).judges[0]
    run(config, judges={"m": MockJudge(spec, lambda case: "1")})
    path = tmp_path / "out" / "manifest.json"
    manifest = orjson.loads(path.read_bytes())
    del manifest["judges"]["m"]["key"]["model_args"]["max_num_frames"]
    path.write_bytes(orjson.dumps(manifest))
    with pytest.raises(UserError, match="earlier versions left max_num_frames out of the key"):
        run(config, judges={"m": MockJudge(spec, lambda case: "1")})
    manifest["judges"]["m"]["key"]["template"] = digest("renderer/1", manifest["judges"]["m"]["template"])
    path.write_bytes(orjson.dumps(manifest))
    with pytest.raises(UserError, match="marked the sections of a prompt in another way"):
        run(config, judges={"m": MockJudge(spec, lambda case: "1")})


def test_a_field_that_a_judge_no_longer_has_is_a_change(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(2, images=False)
    config = tmp_path / "run.yaml"
    text = (
        "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none]\nout: out\n"
        "judges: [{name: m, backend: openai, model: m, base_url: 'http://unused.invalid/v1'MORE}]\n"
    )
    config.write_text(text.replace("MORE", ", seed: 3"))
    spec = load_config(config).judges[0]
    run(config, judges={"m": MockJudge(spec, lambda case: "1")})
    config.write_text(text.replace("MORE", ""))
    with pytest.raises(UserError, match="seed: 3 -> None"):
        run(config, judges={"m": MockJudge(spec, lambda case: "1")})


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("benchmarks: [demo]\njudges: [longest, lexical]", "benchmarks: [{name: demo}]\njudges: "
            "[{name: longest, backend: baseline}, {name: lexical, backend: baseline}]"),
        ("benchmarks: demo\njudges: longest\narms: none", "benchmarks: [{name: demo}]\narms: [none]\njudges: "
            "[{name: longest, backend: baseline}]"),
        ("benchmarks: {name: demo, limit: 3}\njudges: [longest]", "benchmarks: [{name: demo, limit: 3}]\njudges: "
            "[{name: longest, backend: baseline}]"),
    ],
)  # fmt: skip
def test_short_forms_mean_the_long_ones(write_config: Callable[[str], Path], short: str, long: str) -> None:
    assert load_config(write_config(short)) == load_config(write_config(long))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("benchmarks: [demp]\njudges: [longest]", "line 1: benchmarks.0.name: unknown benchmark 'demp'; did you mean 'demo'?"),
        ("benchmarks: [demo]\njudges: [longst]", "line 2: judges.0: unknown baseline 'longst'; did you mean 'longest'?"),
        ("benchmarks: [demo]\njudges: [longest]\narms: [advise]", "line 3: arms: unknown arm 'advise'; did you mean 'advice'?"),
        ("benchmarks: [demo]\njudges: [longest]\nprimary_contrast: [transfered, none]",
            "line 3: primary_contrast: unknown arm 'transfered'; did you mean 'transferred'?"),
        ("benchmarks: [demo]\njudges: [longest]\nprimary_contrst: 1\nshufles: 1", "line 4: unknown key 'shufles'"),
        ("benchmarks: [demo]\njudges: [longest]\norders: bth", "line 3: orders: unknown value 'bth'; did you mean 'both'?"),
        ("benchmarks: [demo]\njudges:\n  - {name: a, backend: openai, model: m, base_url: 'http://x/v1', verdict: dirct}",
            "line 3: judges.0.verdict: unknown value 'dirct'; did you mean 'direct'?"),
        ("benchmarks: [demo]\njudges:\n  - {name: a, backend: openai, model: m, base_url: 'http://x/v1', headers: {X: {enw: Y}}}",
            "unknown key 'enw'; did you mean 'env'?"),
        ("benchmarks: [demo]\njudges: [longest]\nwriters:\n  - {name: w, backend: openai, model: m, base_url: 'http://x/v1', metod: x}",
            "line 4: unknown key 'metod'; did you mean 'method'?"),
        ("benchmarks: [demo]\njudges: [longest]\nwriters:\n"
            "  - {name: w, backend: openai, model: m, base_url: 'http://x/v1', method: arr_zeroshot}",
            "line 4: writers.0: unknown method 'arr_zeroshot'; did you mean 'arr_zero_shot'?"),
        ("benchmarks: [demo]\njudges: [longest]\nwriters: [w]", "line 3: writers.0: a writer needs more than the name 'w'"),
        ("benchmarks: [5]\njudges: [longest]", "line 1: benchmarks.0: must be a mapping of keys to values (found 5)"),
        ("benchmarks:\njudges: [longest]", "line 1: benchmarks: must be a list (found None)"),
        ("benchmarks: []\njudges: [longest]", "line 1: benchmarks: may not be empty"),
        ("benchmarks: [demo]\njudges: [longest]\narms: [null]", "line 3: arms.0: must be a text (found None)"),
    ],
)  # fmt: skip
def test_what_may_have_been_meant(write_config: Callable[[str], Path], text: str, complaint: str) -> None:
    assert any(complaint in line for line in mistakes(write_config(text))), mistakes(write_config(text))


@pytest.mark.parametrize(
    "field",
    ["samples: 1000000000000", "temperature: .inf", "temperature: '.nan'", "temperature: nan", "max_tokens: 1.0e12",
     "concurrency: 1e12", "retries: 1e12", "retries: 10000000", "concurrency: 1.5", "timeout_s: -1",
     "samples: yes", "max_tokens: true", "temperature: no", "scale: [false, 9]", "timeout_s: 1.0e30", "top_logprobs: 10000000",
     "seed: 99999999999999999999", "extra_body: {a: [{b: .nan}]}", "samples: 2024-13-45", "model_args: {a: .inf}",
     "model_args: 'a=[1'", "model_args: 'a=2024-13-45'"],
)  # fmt: skip
def test_sizes_that_make_no_sense_are_one_line(write_config: Callable[[str], Path], field: str) -> None:
    text = f"benchmarks: [demo]\njudges:\n  - name: a\n    backend: openai\n    model: m\n    base_url: http://x/v1\n    {field}\n"
    (line,) = mistakes(write_config(text))
    assert line.startswith(("config.yaml: line 7: ", "config.yaml: line 3: judges.0: ")) and "base_url" not in line


@pytest.mark.parametrize(
    "more",
    [
        "shuffles: 1000000000000",
        "orders: 100",
        "orders: -1",
        "max_cost: .inf",
        "max_cost: nan",
        "shuffles: yes",
        "max_cost: true",
    ],
)
def test_sizes_of_a_run_that_make_no_sense(write_config: Callable[[str], Path], more: str) -> None:
    assert all("line 3: " in m for m in mistakes(write_config(f"benchmarks: [demo]\njudges: [longest]\n{more}\n")))


@pytest.mark.parametrize("what", ["rubrics: {w: PIPE}", "prices: PIPE", "benchmarks: [{name: pairs, path: PIPE}]",
    "judges: [{name: a, backend: openai, model: m, base_url: 'http://x/v1', prompt: PIPE}]",
    "writers: [{name: w, backend: openai, model: m, base_url: 'http://x/v1', method: arr_guided, exemplars: PIPE}]",
    "writers: [{name: w, backend: openai, model: m, base_url: 'http://x/v1', method: arr_induced, seeds: PIPE}]"])  # fmt: skip
@pytest.mark.parametrize("pipe", ["fifo.jsonl", "/dev/zero"])
def test_pipes_and_devices_are_refused_wherever_a_config_names_them(
    tmp_path: Path, write_config: Callable[[str], Path], what: str, pipe: str
) -> None:
    os.mkfifo(tmp_path / "fifo.jsonl")
    whole = {"benchmarks": "benchmarks: [demo]", "judges": "judges: [longest]", "arms": "arms: [none]"}
    whole |= {what.split(":")[0]: what.replace("PIPE", pipe)}
    (line,) = mistakes(write_config("\n".join(whole.values())))
    assert line.startswith("config.yaml: line ") and ("is a named pipe" in line or "is a device" in line)


def test_a_named_key_that_is_unset_is_refused_before_anything_is_asked(
    tmp_path: Path,
    write_config: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from harness_plugins.cli import main

    monkeypatch.delenv("MY_KEY", raising=False)
    model = "backend: openai, model: m, base_url: 'http://127.0.0.1:9/v1'"
    path = write_config(
        f"benchmarks: [demo]\narms: [none, transferred]\njudges:\n  - longest\n  - {{name: j, {model}}}\n"
        f"writers:\n  - {{name: w, {model}, api_key_env: MY_KEY, headers: {{X: {{env: MY_KEY}}}}}}\nout: out\n"
    )
    assert main(["run", str(path), "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("Warning: 'w': the environment variable MY_KEY (api_key_env) is not set")
    for command in ("run", "rubrics"):
        assert main([command, str(path)]) == 2
        assert "'w': the environment variable MY_KEY (for the header X) is not set" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main(["run", str(path), "--only", "judge=longest,arm=none", "--quiet"]) == 0


def test_a_limit_asks_for_the_media_of_its_items_alone(tmp_path: Path, write_config: Callable[[str], Path]) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    bad = ["gone.png", "http://example.invalid/a.png", "../a.png", "data:image/png;base64,AAAA"]
    (tmp_path / "text.png").write_text("no image")
    rows = [pair(0, media=["a.png"]), pair(1, media=["a.png"]), *(pair(n, media=[m]) for n, m in enumerate(bad, 2))]
    write_jsonl(tmp_path / "rows.jsonl", [*rows, pair(9, media=["text.png"])])
    for limit in ("limit: 2", "limit: 5"):
        path = write_config(
            f"benchmarks: [{{name: pairs, path: rows.jsonl, {limit}}}]\njudges: [longest]\narms: [none]\n"
        )
        assert len(prepare(load_config(path), 2).items["pairs"]) == 2
    assert run(path, out=tmp_path / "out", limit=2).complete
    assert "gone.png is missing" in mistakes(path)[0] and len(mistakes(path)) == 4
    whole = prepare(load_config(path), 2).benchmarks["pairs"].items
    (tmp_path / "gone.png").write_bytes(png(2))
    assert [i.uid for i in whole] == [i.uid for i in prepare(load_config(path), 2).benchmarks["pairs"].items]


def lines_of(tmp_path: Path, text: str, benchmarks: tuple[str, ...] = ("pairs",)) -> list[str]:
    from harness_plugins.benchmarks.loader import load_benchmark

    items = load_benchmark("pairs", path=write_jsonl(tmp_path / "rows.jsonl", [pair(0), pair(1)])).items
    (tmp_path / "r.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as e:
        read_rubrics("w", tmp_path / "r.jsonl", dict.fromkeys(benchmarks, items))
    return [line.removeprefix(f"{tmp_path}/") for line in e.value.lines]


def test_rubric_lines_as_people_write_them_first(tmp_path: Path) -> None:
    from harness_plugins.benchmarks.loader import load_benchmark

    items = load_benchmark("pairs", path=write_jsonl(tmp_path / "rows.jsonl", [pair(0), pair(1)])).items
    path = tmp_path / "r.jsonl"
    path.write_text('\ufeff{"row": 0, "rubric": "count"}\n{"row": 1, "text": "look"}\n', encoding="utf-8")
    read = read_rubrics("mine", path, {"pairs": items}).rubrics
    assert [(r.writer.name, r.text) for r in read] == [("mine", "count"), ("mine", "look")]
    assert [r.item for r in read] == [i.uid for i in items]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"row": 0, "text": "a", "row": 1}', "the key 'row' is here twice"),
        ('{"row": 0, "text": "a", "rubric": "b"}', "`text` and `rubric` are one"),
        ('{"row": 0, "text": "a", "replicate": 1e12}', "replicate: input should be less than 10000"),
        ('{"row": 0, "text": "a", "replicate": 1000000000000}', "replicate: input should be less than 10000"),
        ('{"row": 0, "text": "a", "replicate": -1}', "replicate: input should be greater than or equal to 0"),
        ('{"row": 0, "text": "a", "replicate": 0.5}', "replicate: input should be a valid integer"),
        ('{"row": 0, "text": "a", "replicate": true}', "replicate: value error, must be a number"),
        (
            '{"row": 0, "text": "a", "criteria": [{"name": "c", "weight": true}]}',
            "weight: value error, must be a number",
        ),
        ('{"row": true, "text": "a"}', "give a row number"),
        ('{"row": 1e12, "text": "a"}', "give a row number"),
        ('{"row": 1000000000000, "text": "a"}', "has no row"),
        ('{"row": 0, "text": "a", "criteria": [{"name": "c", "weight": NaN}]}', "NaN is not a finite number"),
        ('{"row": 0, "text": "a", "criteria": [{"name": "c", "weight": 1e400}]}', "1e400 is not a finite number"),
        ('{"row": 0, "text": "a", "wirter": "w"}', "unknown key 'wirter'; did you mean 'writer'?"),
    ],
)
def test_rubric_lines_that_make_no_sense(tmp_path: Path, line: str, complaint: str) -> None:
    told = lines_of(tmp_path, '{"row": 1, "text": "b"}\n' + line + "\n")
    assert told[0].startswith("r.jsonl: line 2: ") and complaint in told[0]
