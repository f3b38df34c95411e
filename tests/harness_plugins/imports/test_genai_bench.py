"""GenAI-Bench's files: rows in, verdicts out. Its published figures again: test_imports.py."""

from __future__ import annotations

from pathlib import Path

from harness_plugins.imports import genai_bench, import_results
from tests.conftest import read_jsonl, write_jsonl


def test_a_judge_is_its_file_or_its_folder_and_a_task_its_folder(tmp_path: Path) -> None:
    for name in ("image_generation/j.jsonl", "video_generation/k/pairwise.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        votes = [("leftvote", "[[A>B]]"), ("rightvote", "[[A>B]]"), ("tievote", "[[A=B=Good]]"), ("leftvote", None)]
        write_jsonl(
            path, [{"idx": n, "human_vote": v, "response": r, "prompt": f"p{n}"} for n, (v, r) in enumerate(votes)]
        )
    summary = import_results(
        "genai_bench", [tmp_path / "image_generation", tmp_path / "video_generation"], tmp_path / "run"
    )
    assert summary.protocol == "official"
    verdicts = read_jsonl(tmp_path / "run" / "verdicts.jsonl")
    assert {(v["benchmark"], v["judge"]) for v in verdicts} == {
        ("genai_bench_generation", "j"),
        ("genai_bench_video", "k"),
    }
    assert sorted(v["status"] for v in verdicts if v["judge"] == "j") == ["ok", "ok", "tie", "unparsed"]
    items = {i["uid"]: i for i in read_jsonl(tmp_path / "run" / "items.jsonl")}
    right = [v["pick"] == items[v["item"]]["label"]["preferred"] for v in verdicts if v["status"] == "ok"]
    assert sorted(right) == [False, False, True, True]
    assert all(i["media_missing"] and i["prompt"].startswith("p") for i in items.values())


def test_help_says_what_it_reads() -> None:
    assert all(task in genai_bench.HELP for task in genai_bench.TASKS)
