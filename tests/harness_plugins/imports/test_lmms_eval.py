"""lmms-eval's samples, in the layout of 0.7.3; tests/hosts/test_lmms_samples.py has lmms-eval write them itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.keys import item_uid
from evaluators.records import Candidate
from harness_plugins import score
from harness_plugins.cli import main
from harness_plugins.imports.lmms_eval import _split
from tests.conftest import read_jsonl, write_jsonl
from tests.harness_plugins.scoring.official_rules import lmms_judgment, mean

REPLIES = (
    "**Overall Judgment:**\nAnswer 1 is better.",
    "overall judgment: Answer 2 is the slightly better, though Answer 1 is better at length",
    "Therefore Answer 3 is better",
    "I cannot say.",
    "Therefore, Answer 2 is better",
)


def vl_sample(n: int, reply: str, query: str = "question", first: str = "good", second: str = "bad") -> dict[str, Any]:
    """As lmms-eval writes it, its order and its rule written out once more; what it cannot read is a coin that fell on 1."""
    response = [f"{first} {n}", f"{second} {n}" + "!" * (n % 3)]
    ranking = [0, 1] if n % 2 else [1, 0]
    turned = sum(map(len, response)) % 2
    shown = response[::-1] if turned else response
    said = lmms_judgment(reply)
    gold = ranking.index(0 if turned == 0 else 1) + 1
    category = ("general", "hallucination", "reasoning")[n % 3]
    name = {"general": "wildvision-", "hallucination": "RLHF-V-", "reasoning": "mmmu_"}[category]
    share = {"question_id": f"{name}{n}", "category": category, "score": float((said or 1) == gold)}
    prompt = f" Judge.\n\nQuestion: {query} {n}\n\nAnswer 1: {shown[0]}\n\nAnswer 2: {shown[1]}"
    prompt += "\n\nPlease evaluate both answers based on these."
    more = {"token_counts": None, "doc_hash": "x", "input": prompt}
    return {"doc_id": n, "target": str(ranking), "filtered_resps": reply, "vlreward_score": share, **more}


def mm_sample(n: int, reply: str) -> dict[str, Any]:
    better = f"Output{1 + n % 2}"
    said = "Output1" if "[[A]]" in reply or "[[B]]" not in reply else "Output2"
    share = {"question_id": f"vqa_{n}", "category": "vqa", "score": int(said == better)}
    prompt = (
        f"Judge.\n\n[User Question]\nquestion {n}\n\n[The Start of Assistant A's Answer]\none {n}\n[The End of Assistant A's Answer]"
        f"\n\n[The Start of Assistant B's Answer]\ntwo {n}\n[The End of Assistant B's Answer]"
    )
    more = {"doc_hash": "x", "input": prompt}
    return {"doc_id": n, "target": better, "filtered_resps": reply, "multimodal_rewardbench_accuracy": share, **more}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """An output folder of lmms-eval."""
    folder = tmp_path / "logs" / "Qwen__qwen-7b"
    folder.mkdir(parents=True)
    vl = [vl_sample(n, REPLIES[n % 5]) for n in range(30)]
    vl[4] |= {"resps": "<think>Answer 1 is better?</think>" + vl[4]["filtered_resps"]}
    write_jsonl(folder / "20260101_000000_samples_vl_rewardbench.jsonl", list(reversed(vl)))
    mm = [mm_sample(n, ("[[A]]", "[[B]]", "[[B]] and [[A]]", "neither")[n % 4]) for n in range(12)]
    write_jsonl(folder / "20260101_000000_samples_multimodal_rewardbench.jsonl", mm)
    (folder / "20260101_000000_results.json").write_text("{}")
    return tmp_path / "logs"


def test_its_figures(logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert main(["import", "lmms_eval", str(logs), "--out", str(run)]) == 0
    out = capsys.readouterr().out
    assert "vl_rewardbench: qwen-7b: 30 verdicts" in out and "qwen-7b: 6 that its expression cannot read" in out
    cells = {c.benchmark: c for c in score(run, "official-lmms_eval").cells if c.judge == "qwen-7b"}
    (mm,) = logs.rglob("*_multimodal_rewardbench.jsonl")
    scores = [r["multimodal_rewardbench_accuracy"]["score"] for r in read_jsonl(mm)]
    assert cells["multimodal_rewardbench"].metrics["accuracy"].value == mean(scores)
    (vl,) = logs.rglob("*_vl_rewardbench.jsonl")
    by: dict[str, list[float]] = {}
    for row in read_jsonl(vl):
        share = row["vlreward_score"]
        unread = lmms_judgment(row["filtered_resps"]) is None
        by.setdefault(share["category"], []).append(0.5 if unread else share["score"])
    assert cells["vl_rewardbench"].metrics["macro"].value == pytest.approx(mean([mean(v) for v in by.values()]))
    strict = next(c for c in score(run).cells if c.benchmark == "vl_rewardbench" and c.judge == "qwen-7b")
    assert strict.complete and strict.metrics["unparsed"].value == pytest.approx(18 / 30), (
        "an answer 3, none, and two in one line"
    )


def test_items_are_those_of_a_native_run(logs: Path, tmp_path: Path) -> None:
    assert main(["import", "lmms_eval", f"mine={logs}", "--out", str(tmp_path / "run")]) == 0
    items = {i["source_id"]: i for i in read_jsonl(tmp_path / "run" / "items.jsonl")}
    assert items["mmmu_8"]["uid"] == item_uid(
        "vl_rewardbench", "mmmu_8", "question 8", [Candidate("good 8"), Candidate("bad 8!!")], None
    )
    item, row = items["mmmu_8"], vl_sample(8, "")
    assert item["candidates"][item["label"]["preferred"]]["text"] == "bad 8!!", "ranking [1, 0]"
    verdicts = {v["item"]: v for v in read_jsonl(tmp_path / "run" / "verdicts.jsonl")}
    shown = item["candidates"]["AB".index(verdicts[item["uid"]]["order"][0])]["text"]
    assert f"Answer 1: {shown}\n" in row["input"]
    kept = verdicts[items["RLHF-V-4"]["uid"]]["answer"]
    assert kept["reasoning"] == "<think>Answer 1 is better?</think>" and "think" not in kept["text"]


def test_requests_that_failed_are_errors(logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = logs.rglob("*_vl_rewardbench.jsonl")
    rows = read_jsonl(path)
    rows[0]["filtered_resps"], rows[1]["filtered_resps"] = "[LMMS_EVAL_REQUEST_FAILED after 5 retries] no", ""
    write_jsonl(path, rows)
    assert main(["import", "lmms_eval", str(path), "--out", str(tmp_path / "run")]) == 0
    assert "2 never answered" in capsys.readouterr().out
    cell = next(c for c in score(tmp_path / "run", "official-lmms_eval").cells if c.judge == "qwen-7b")
    assert not cell.complete and cell.trials == (28, 30)


def test_texts_that_hold_the_marks_themselves(tmp_path: Path) -> None:
    """The row's score says which way of taking the prompt apart is the right one."""
    row = vl_sample(1, "Therefore Answer 1 is better", query="Which?\n\nAnswer 1: no\n\nAnswer 2: yes, or so")
    path = write_jsonl(tmp_path / "x_samples_vl_rewardbench.jsonl", [row])
    assert main(["import", "lmms_eval", str(path), "--out", str(tmp_path / "run")]) == 0
    cell = next(c for c in score(tmp_path / "run", "official-lmms_eval").cells if not c.baseline and not c.computed)
    assert cell.metrics["accuracy"].value == row["vlreward_score"]["score"]


@given(st.tuples(st.text("x\nA1"), st.text("x\nA1"), st.text("x\nA1")))
def test_what_was_put_together_is_taken_apart(texts: tuple[str, str, str]) -> None:
    query, one, two = texts
    body = f"{query}\n\nAnswer 1: {one}\n\nAnswer 2: {two}"
    assert texts in list(_split(body, "\n\nAnswer 1: ", "\n\nAnswer 2: "))
    assert len(list(_split("\n\nAnswer 1: \n\nAnswer 2: " * 2000, "\n\nAnswer 1: ", "\n\nAnswer 2: "))) == 12


OURS = {"doc_id": 0, "target": "1", "filtered_resps": "x", "answered": [0, "1", {"item": "demo:1"}], "input": "x"}
Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.mark.parametrize(
    ("change", "mend"),
    [
        (lambda r: OURS, "score the run folder that the same command wrote (RUBRIC_HARNESS_OUT or --out"),
        (lambda r: {"doc_id": 0, "mmmu_acc": 1}, "no vlreward_score and no multimodal_rewardbench_accuracy"),
        (lambda r: {k: v for k, v in r.items() if k != "input"}, "a sample of vl_rewardbench has doc_id, target,"),
        (lambda r: {**r, "input": "Question: x"}, "its prompt is not that of lmms-eval's vl_rewardbench (0.7.3)"),
        (lambda r: {**r, "target": "[0, 0]"}, "its prompt is not that of"),
        (lambda r: {**r, "vlreward_score": {"score": 2}}, "must hold question_id, category and a score of 0 or 1"),
        (lambda r: {**r, "vlreward_score": {**r["vlreward_score"], "score": 0}}, "where lmms-eval's rule gives 1"),
        (lambda r: {**r, "doc_id": 7}, "doc_id 7 is in"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(
    change: Change, mend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [change(vl_sample(1, REPLIES[0])), vl_sample(7, REPLIES[0])]
    path = write_jsonl(tmp_path / "1_samples_vl_rewardbench.jsonl", rows)
    assert main(["import", "lmms_eval", str(path), "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert mend in error and f"{path}: line " in error and not (tmp_path / "run").exists()
    assert main(["import", "lmms_eval", str(tmp_path), "--benchmark", "pairs", "--out", str(tmp_path / "run")]) == 2
    assert "leave it out" in capsys.readouterr().err


def test_two_runs_of_one_model_are_named_apart(logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = logs.rglob("*_vl_rewardbench.jsonl")
    again = path.with_name("20260102_000000_samples_vl_rewardbench.jsonl")
    again.write_bytes(path.read_bytes())
    assert main(["import", "lmms_eval", str(logs), "--out", str(tmp_path / "run")]) == 2
    assert "2 files are of a judge 'qwen-7b': name them apart (NAME=FILE)" in capsys.readouterr().err
    given = [f"one={path}", f"two={again}"]
    assert main(["import", "lmms_eval", *given, "--out", str(tmp_path / "run")]) == 0
    judges = json.loads((tmp_path / "run" / "manifest.json").read_text())["judges"]
    assert list(judges) == ["one", "two"]


def crit_sample(n: int, reply: str, **more: Any) -> dict[str, Any]:
    """As lmms-eval writes one of multi_crit_reasoning, in the stored order."""
    criterion, preference = ("logic", "efficiency")[n % 2], "model_b" if n % 4 == 1 else "model_a"
    said = "model_a" if "Response 1 is better" in reply else "model_b"
    share = {
        "question_id": f"q{n}",
        "prompt_id": f"p{n // 2}",
        "criterion": criterion,
        "answer_match": said == preference,
    } | more
    prompt = (
        f"Judge.\n\nHere are the inputs for your evaluation:\n[Question]: What? {n // 2}\n[Response 1]: one\n[Response 2]: two\n\n"
        "First, provide a detailed justification for your evaluation. Be strict."
    )
    shares = dict.fromkeys(("overall", "logic", "efficiency"), share)
    return {"doc_id": n, "target": preference, "filtered_resps": reply, "doc_hash": "x", "input": prompt, **shares}


def test_multi_crit(tmp_path: Path) -> None:
    rows = [crit_sample(n, f"I looked.\nResponse {1 + n % 2} is better.") for n in range(8)]
    path = write_jsonl(tmp_path / "1_samples_multi_crit_reasoning.jsonl", rows)
    assert main(["import", "lmms_eval", f"mine={path}", "--out", str(tmp_path / "run")]) == 0
    (cell,) = (c for c in score(tmp_path / "run", "official-lmms_eval").cells if c.judge == "mine")
    assert cell.metrics["accuracy"].value == mean([r["logic"]["answer_match"] for r in rows]) == 0.75
    assert score(tmp_path / "run").cells[0].complete
    item = read_jsonl(tmp_path / "run" / "items.jsonl")[1]
    assert (item["prompt"], item["group"], item["criterion"].split(":")[0]) == ("What? 0", "p0", "efficiency")


def test_a_multi_crit_sample_that_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [crit_sample(0, "Response 1 is better.", answer_match="yes")]
    path = write_jsonl(tmp_path / "1_samples_multi_crit_reasoning.jsonl", rows)
    assert main(["import", "lmms_eval", str(path), "--out", str(tmp_path / "run")]) == 2
    assert (
        "logic must hold question_id, prompt_id, criterion and an answer_match of true or false"
        in capsys.readouterr().err
    )
