"""A public export: nothing of the dataset is in it, and it scores as the run does."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.engine.journal import read_records
from evaluators.errors import BackendError, UserError
from evaluators.prompts.template import Case
from evaluators.records import Answer, Verdict
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, Reply
from harness_plugins import run, score
from harness_plugins.cli import main
from harness_plugins.folder.redaction import hashed, ident, name, settings
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.scoring.export import export
from harness_plugins.scoring.statistics import clusters
from tests.conftest import png, write_jsonl
from tests.evaluators.prompts.test_gradings import judged, ranked, three
from tests.harness_plugins.imports.test_answers import RLHF, VL, answered, imported, rows_of

ATTACK = '</script><img src=x onerror="alert(1)"> \u202e \\frac{1}{0} {"prompt": "hidden inside"}'
HOST, SECRET = "gpu-node-17.cluster.example", "sk-live-0123456789abcdef"
ITEMS = 12
FRAGMENT = 20


def _texts(n: int) -> tuple[str, str, str]:
    """Prompt and candidates. Items 1 and 2 are one but for case and blanks, and so one cluster; their lengths differ."""
    n, blank = (1, "   ") if n == 2 else (n, " ")
    prompt = f"What is it that number {n} shows in the upper corner?{ATTACK}"
    good = f"good answer{blank}number {n}: a heron stands in shallow water."
    return (
        prompt,
        good,
        f"bad answer number {n}: there is nothing to be seen but{blank}reeds" + " and more reeds" * (n % 3),
    )


def _rubric(n: int, writer: str) -> dict[str, Any]:
    text = f"1. Sees the bird (60%): {writer} wants the wading bird of picture {n} named.\n2. Brief (40%): no padding at all."
    if n in (3, 4):
        text += f" Response 1 is better: {_texts(n)[1]}"
    criteria = [
        {"name": f"Sees the bird of picture {n}", "description": f"{writer} wants it named", "weight": 60},
        {"name": "Brief and without padding", "description": "no padding at all", "weight": 40},
    ]
    orders = {"saw": "AB", "verdict": 1 + n % 2} if writer == "bob" else {}
    why = {"justify": "Birds decide such questions, it seems.", "evaluation": "Both responses were weighed here."}
    return {"benchmark": "pairs", "id": f"row {n} of folder/scans/pic-{n}.png", "writer": writer, "text": text} | {
        "criteria": criteria, **why, **orders
    }  # fmt: skip


def _decide(root: Path, judge: str) -> Any:
    def decide(case: Case) -> Reply:
        n = int(case.item.source_id.split()[1])
        if judge == "fails" and n == 5:
            raise BackendError(
                "server", f"HTTP 500 from {HOST}: cannot open {root}/images/secret-scan-{n}.png", http=500
            )
        right = 1 + case.order.index("AB"[case.item.label.preferred or 0])
        choice = right if n % 3 or (case.rubric and "picture" in case.rubric.text and n % 2) else 1
        return Answer(
            f"I compare the herons with care, item {n}.\n<answer>{choice}</answer>",
            "tag",
            reasoning=f"Silently I think of herons and reeds, item {n}.",
            finish_reason="stop",
            usage={"prompt_tokens": 100 + n, "completion_tokens": 9},
            latency_s=0.25 + n / 100,
            model=f"{root}/checkpoints/{judge}",
            backend="mock",
            sampling={"temperature": 0.0, "adapter": f"{root}/lora"},
        )

    return decide


def _make(root: Path) -> Path:
    (root / "images").mkdir(parents=True)
    rows = []
    for n in range(ITEMS):
        (root / "images" / f"secret-scan-{n}.png").write_bytes(png(n))
        prompt, good, bad = _texts(n)
        rows.append(
            {
                "id": f"row {n} of folder/scans/pic-{n}.png",
                "prompt": prompt,
                "media": [f"images/secret-scan-{n}.png"],
                "candidates": [good, bad] if n % 2 else [bad, good],
                "label": 0 if n % 2 else 1,
                "category": "even" if n % 2 == 0 else "odd",
                "group": f"the group of pictures {n // 2}",
            }
        )
    write_jsonl(root / "rows.jsonl", rows)
    for writer in ("ann", "bob"):
        write_jsonl(root / f"{writer}.jsonl", [_rubric(n, writer) for n in range(ITEMS)])
    url = f"http://{HOST}:8000/v1"
    extra = {"extra_body": {"top_k": 5, "api_key": SECRET, "nested": {"system": "You are a careful judge of herons."}}}
    judges = {
        n: {"name": n, "backend": "openai", "model": f"{root}/ckpt/{n}", "base_url": url, "retries": 1}
        for n in ("sure", "fails")
    }
    judges["sure"] |= extra
    config = {
        "benchmarks": [{"name": "pairs", "path": str(root / "rows.jsonl"), "media_root": str(root)}],
        "rubrics": {w: str(root / f"{w}.jsonl") for w in ("ann", "bob")},
        "arms": ["none", "transferred", "shuffled", "crossed", "repeat"],
        "judges": list(judges.values()),
    }
    (root / "config.yaml").write_text(json.dumps(config))
    mocks = {n: MockJudge(JudgeSpec(**j), _decide(root, n)) for n, j in judges.items()}
    run(root / "config.yaml", judges=mocks, out=root / "run")
    return root / "run"


pytestmark = pytest.mark.xdist_group("export")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("private-place")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", SECRET)
        folder = _make(root)
    export(folder, root / "public")
    return folder, root / "public"


def _objects(folder: Path) -> list[dict[str, Any]]:
    return score(folder).objects()


def _without_models(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Models that are paths are hashed, in costs too."""
    return [{k: name(v) if k == "model" and isinstance(v, str) else v for k, v in o.items()} for o in objects]


def _secrets() -> Iterator[str]:
    for n in range(ITEMS):
        yield from _texts(n)
        for writer in ("ann", "bob"):
            rubric = _rubric(n, writer)
            yield from (rubric["text"], rubric["justify"], rubric["evaluation"], rubric["id"])
            yield from (c[f] for c in rubric["criteria"] for f in ("name", "description"))
        yield f"I compare the herons with care, item {n}."
        yield f"Silently I think of herons and reeds, item {n}."
        yield f"the group of pictures {n}"
    yield "You are a careful judge of herons."


def test_no_byte_of_it_is_of_the_dataset(made: tuple[Path, Path]) -> None:
    folder, public = made
    files = {f.name: f.read_bytes() for f in public.rglob("*") if f.is_file()}
    assert set(files) == {
        "verdicts.jsonl",
        "items.jsonl",
        "rubrics.jsonl",
        "manifest.json",
        "metrics.json",
        "about.json",
    }
    everything = b"\n".join(files.values()).decode()
    original = b"\n".join(f.read_bytes() for f in folder.glob("*.json*")).decode()
    fragments = set()
    for text in _secrets():
        for form in {text, json.dumps(text)[1:-1], orjson.dumps(text).decode()[1:-1]}:
            fragments |= {form[i : i + FRAGMENT] for i in range(max(1, len(form) - FRAGMENT + 1))}
    assert sum(f in original for f in fragments) > 1000, "the scan finds such fragments where they are"
    assert [f for f in fragments if f in everything] == []
    root = folder.parent
    places = [str(root), str(root.parent), str(Path.home()) + "/", os.getcwd(), HOST, SECRET, "secret-scan", "pic-"]
    assert str(root) in original and "secret-scan" in original
    assert [p for p in places if p in everything] == []
    host = socket.gethostname()
    assert host not in everything or len(host) < 6


def test_it_scores_as_the_run_does(made: tuple[Path, Path]) -> None:
    folder, public = made
    before, after = _without_models(_objects(folder)), _objects(public)
    assert before == after
    assert orjson.loads((public / "metrics.json").read_bytes()) == orjson.loads(orjson.dumps(after))
    assert {"accuracy", "gain_leak_free", "sycophancy"} <= {o["metric"] for o in after}
    assert any(o["judge"] == "longest" for o in after) and any(not o.get("complete", True) for o in after)
    assert score(public).items == score(folder).items


def test_what_hangs_together_still_does(made: tuple[Path, Path]) -> None:
    before, after = (list(RunFolder(f).items().values()) for f in made)
    assert clusters(before).tolist() == clusters(after).tolist()
    assert [i.lengths() for i in before] == [i.lengths() for i in after]
    assert len({i.public.content for i in after if i.public}) == ITEMS - 1


def test_its_lines_are_records(made: tuple[Path, Path]) -> None:
    folder, public = made
    verdicts = list(read_records(public / "verdicts.jsonl", Verdict))
    assert len(verdicts) == len((folder / "verdicts.jsonl").read_bytes().splitlines())
    failed = [v for v in verdicts if v.error]
    assert failed and {(v.error.kind, v.error.message, v.error.http) for v in failed if v.error} == {
        ("server", "", 500)
    }
    assert {v.answer.usage["prompt_tokens"] for v in verdicts if v.answer and v.answer.usage} >= {101, 102}
    facts = {r.item: r.public for r in RunFolder(public).rubrics() if r.writer.name == "ann"}
    assert {f.criteria for f in facts.values() if f} == {2}
    assert (
        sum("verdict" in f.leaks for f in facts.values() if f) == 2 == sum(bool(f.quotes) for f in facts.values() if f)
    )
    manifest = orjson.loads((public / "manifest.json").read_bytes())
    assert manifest["judges"]["sure"]["key"]["extra_body"] == {"top_k": 5, "api_key": "removed"}


def test_a_second_export_has_the_same_bytes_and_so_has_an_export_of_it(made: tuple[Path, Path], tmp_path: Path) -> None:
    folder, public = made
    export(folder, tmp_path / "again")
    export(public, tmp_path / "of it")
    for file in public.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()
        if file.name != "about.json":  # the originals are others
            assert (tmp_path / "of it" / file.name).read_bytes() == file.read_bytes()


def test_what_needs_texts_or_would_add_to_it_is_refused(
    made: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder, public = made
    config = str(folder.parent / "config.yaml")
    for command in (["show", str(public)], ["report", str(public)], ["run", config, "--out", str(public)]):
        assert main(command) == 2
        assert "a public export, which holds no texts" in capsys.readouterr().err
    assert main(["table", str(public), "--only", "cards"]) == 0
    assert "Not in a public export, which holds no texts: largest weight" in " ".join(capsys.readouterr().out.split())
    assert main(["cost", str(public)]) == 0


def test_a_failed_export_leaves_nothing(made: tuple[Path, Path], tmp_path: Path) -> None:
    folder, _ = made
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "items.jsonl").write_bytes((folder / "items.jsonl").read_bytes())
    (tmp_path / "run" / "manifest.json").write_text('{"no": "manifest"}\n')
    with pytest.raises(UserError, match=r"manifest\.json"):
        export(tmp_path / "run", tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_folders_without_rubrics_manifest_or_whole_lines(made: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "items.jsonl").write_bytes((made[0] / "items.jsonl").read_bytes())
    lines = [v for v in (made[0] / "verdicts.jsonl").read_bytes().splitlines() if b'"writer":null' in v]
    torn = b'not a record of any kind, "' + _texts(1)[0].encode()
    unended = lines.pop()
    extra = orjson.dumps(orjson.loads(lines[0]) | {"note": "a field of my own, with a text"})
    (folder / "verdicts.jsonl").write_bytes(b"\n".join([*lines, torn, extra, unended]))
    done = export(folder, tmp_path / "public")
    assert (done.verdicts, done.rubrics, done.left_out) == (len(lines) + 2, 0, 1)
    lost, *before = _without_models(_objects(folder))
    assert lost["caveat"] == "folder" and before == _objects(tmp_path / "public")
    everything = b"".join(f.read_bytes() for f in (tmp_path / "public").iterdir())
    assert b"a field of my own" not in everything and b"record of any kind" not in everything


def test_imported_folders(tmp_path: Path) -> None:
    """Answers of Proxy-GRM's script, with rubrics and own verdicts; their official protocol reads the answers again."""
    for benchmark in (VL, RLHF):
        write_jsonl(tmp_path / f"{benchmark}.jsonl", answered(benchmark, rows_of(benchmark)))
    folder = imported(tmp_path, "proxy_grm", *(f"critic={tmp_path}/{b}.jsonl" for b in (VL, RLHF)))
    export(folder, tmp_path / "public")
    assert _objects(folder) == _objects(tmp_path / "public") != []
    official = {"official-proxy_grm": "with a parser of its own; use metric:"}
    for protocol, why in official.items():
        score(folder, protocol)
        with pytest.raises(UserError, match=why):
            score(tmp_path / "public", protocol)
    everything = b"".join(f.read_bytes() for f in (tmp_path / "public").iterdir())
    assert b"question 1" not in everything and b"/d/" not in everything and str(tmp_path).encode() not in everything


def test_three_candidates_ranked_and_scored_and_criteria_by_name(tmp_path: Path) -> None:
    criteria = [
        {"name": "a criterion with a name of its own", "weight": 2},
        {"name": "another with its own", "weight": 1},
    ]
    write_jsonl(tmp_path / "rows.jsonl", three())
    write_jsonl(
        tmp_path / "w.jsonl",
        [
            {"benchmark": "pairs", "writer": "w", "text": "1. true\n2. long", "criteria": criteria, "row": n}
            for n in range(6)
        ],
    )
    replies = {
        "ranks": ({"grading": "listwise"}, ranked),
        "scores": ({"grading": "pointwise"}, lambda case: f"<score>{len(case.shown()[0].text) % 9 + 1}</score>"),
        "parts": ({"grading": "pointwise", "decision": "criteria"}, lambda case: "<scores>\n1: 4\n2: 2\n</scores>"),
    }
    judged(tmp_path, tmp_path / "rows.jsonl", replies, "arms: [none, transferred]\nrubrics: {w: w.jsonl}")
    export(tmp_path / "out", tmp_path / "public")
    assert _objects(tmp_path / "out") == _objects(tmp_path / "public")
    verdicts = list(read_records(tmp_path / "public" / "verdicts.jsonl", Verdict))
    assert any(v.ranks for v in verdicts) and any(v.score is not None for v in verdicts)
    assert {(c.name, c.weight) for v in verdicts for c in v.criteria} == {("", 2.0), ("", 1.0)}


@given(st.text())
def test_names_that_stay_are_no_paths_and_tokens_stand_for_themselves(text: str) -> None:
    for shown in (name(text), ident(text), settings(text)):
        assert shown == text or shown == hashed(text)
        assert hashed(hashed(text)) == hashed(text)
    assert not name(f"/{text}").startswith("/")
    assert "/" not in ident(f"a/{text}")


@pytest.mark.parametrize(
    "path",
    [
        "/data/x",
        "~/x",
        "C:\\x",
        "C:/x",
        "file:///x",
        "http://h/x",
        "../x",
        "./x",
        "in /home/me",
        "a=/home/me",
        "\\\\host\\x",
        "x:/y",
    ],
)
def test_paths_and_addresses_are_hashed(path: str) -> None:
    assert name(path) == hashed(path) == settings(path) == ident(path)


@pytest.mark.parametrize(
    "model", ["Qwen/Qwen2.5-VL-7B-Instruct", "openrouter/anthropic/claude", "gpt-4o-2024-08-06", "my judge (v2)"]
)
def test_names_of_models_stay(model: str) -> None:
    assert name(model) == model
