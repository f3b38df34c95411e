"""What lmms-eval's own reward tasks log, imported: it writes the files itself, over a dataset that lies where it looks first."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from evaluators.testing.mock_server import MockServer
from harness_plugins import score
from harness_plugins.cli import main
from tests.conftest import read_jsonl, write_jsonl
from tests.hosts.conftest import Cli

REPLIES = {
    "vl_rewardbench": ("Overall Judgment: Answer 1 is better.", "<think>?</think>therefore **Answer 2** is better"),
    "multimodal_rewardbench": ("[[A]]", "[[B]] or [[A]]", "[[B]]", "neither"),
}


def datasets_below(folder: Path) -> None:
    """Both datasets under their Hub names: `load_dataset` takes a folder of that name before it asks the Hub."""
    from datasets import Dataset, Features, Image, Sequence, Value
    from PIL import Image as Picture

    bytes_of = io.BytesIO()
    Picture.new("RGB", (28, 28), (9, 90, 9)).save(bytes_of, "PNG")
    image, text = {"bytes": bytes_of.getvalue(), "path": "i.png"}, Value("string")
    names = ("wildvision-battle-{}", "RLAIF-V-{}", "mathverse_{}", "hallucination_pair-{}", "mmmu_pro_test_{}")
    vl = [
        {"id": names[n % 5].format(n), "query": f"<image>\nquestion {n}?", "response": [f"yes {n}", "no" * n], "image": image,
         "human_ranking": [n % 3 % 2, 1 - n % 3 % 2]} for n in range(10)
    ]  # fmt: skip
    kinds = ("open_generation/correctness_task", "knowledge", "reasoning", "safety", "vqa")
    mm = [
        {"ID": f"{('a', 'b', 'math', 'pairs', 'e')[n % 5]}_{n}", "Text": f"question {n}?", "Output1": f"yes {n}", "Output2": "no",
         "Better": f"Output{1 + n % 2}", "Category": kinds[n % 5], "Image": image} for n in range(10)
    ]  # fmt: skip
    columns = dict.fromkeys(("ID", "Text", "Output1", "Output2", "Better", "Category"), text)
    two = {"response": Sequence(text), "human_ranking": Sequence(Value("int64"))}
    for name, rows, features in (
        ("MMInstruction/VL-RewardBench", vl, {"id": text, "query": text, "image": Image(), **two}),
        ("syhuggingface/multimodal_rewardbench", mm, {**columns, "Image": Image()}),
    ):
        (folder / name / "data").mkdir(parents=True)
        data = Dataset.from_list(rows, features=Features(features))
        data.to_parquet(str(folder / name / "data" / "test-00000-of-00001.parquet"))


def test_the_stock_tasks_samples_give_the_stock_figures(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    datasets_below(cli.tmp)

    def says(body: dict[str, Any]) -> str:
        shown = str(body["messages"])
        replies = REPLIES["multimodal_rewardbench" if "[[A]]" in shown else "vl_rewardbench"]
        return replies[crc32(shown.encode()) // 7 % len(replies)]

    tasks = ",".join(REPLIES)
    with MockServer(answer=says).running() as server:
        arguments = f"model=org/judge-7b,base_url={server.url}"
        done = cli.lmms(tasks, "openai", arguments, HF_HOME=str(cli.tmp / "hf"), HF_TOKEN="none")
    assert done.code == 0, done.out
    printed = done.results()["results"]
    run = cli.tmp / "imported"
    assert main(["import", "lmms_eval", str(done.folder / "harness"), "--out", str(run)]) == 0
    assert "vl_rewardbench: judge-7b: 10 verdicts" in capsys.readouterr().out
    cells = {c.benchmark: c for c in score(run, "official-lmms_eval").cells if c.judge == "judge-7b"}
    macro = cells["vl_rewardbench"].metrics["macro"].value
    micro = cells["multimodal_rewardbench"].metrics["accuracy"].value
    assert macro == pytest.approx(printed["vl_rewardbench"]["vlreward_score,none"])
    assert micro == printed["multimodal_rewardbench"]["multimodal_rewardbench_accuracy,none"]
    assert 0 < macro < 1 and 0 < micro < 1, "else it would show little"
    native = cli.tmp / "native.yaml"
    native.write_text(
        f"benchmarks: [{{name: vl_rewardbench, path: {cli.tmp}/MMInstruction/VL-RewardBench}}]\n"
        "judges: [{name: first, backend: baseline}]\n"
    )
    uids = {line.split("\t")[0] for line in cli("rubric-harness", "items", str(native)).out.splitlines()}
    assert uids == {i["uid"] for i in read_jsonl(run / "items.jsonl") if i["benchmark"] == "vl_rewardbench"}


def test_samples_of_our_own_tasks_point_to_their_run_folder(
    cli: Cli, server: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    done = cli.lmms("rt_demo_judge", "openai", f"model=m,base_url={server.url}", "--limit", "2")
    (path,) = (done.folder / "harness").rglob("*_samples_rt_demo_judge.jsonl")
    assert main(["import", "lmms_eval", str(path), "--out", str(cli.tmp / "imported")]) == 2
    assert "score the run folder that the same command wrote" in capsys.readouterr().err


@pytest.mark.parametrize(("split", "count"), [("open-ended", 1000), ("reasoning", 425)])
def test_multi_crit_samples_give_the_stock_figures(
    split: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prompts, shares and figures by lmms-eval's own code."""
    from lmms_eval.tasks.multi_crit import utils

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)  # its LLM cannot be asked, and what it would decide is an error
    criteria = utils.OPEN_ENDED_CRITERIA if split == "open-ended" else utils.REASONING_CRITERIA
    replies = (
        "Response 2 is longer.\n\n**Response 1** is better.",
        "Response 1 is better at first sight.\nNo.\nIt is not.\nResponse 2 is better.",
        "Neither is better.",
    )
    rows = []
    for n in range(count):
        doc = {
            "question_id": f"q{n}", "prompt_id": f"p{n // 5}", "criterion": criteria[n % 5], "split": split.replace("-", "_"),
            "question": f"What is [Response 1]: in {n // 5}?", "pred_a": f"one {n // 5}", "pred_b": f"two\n\n{n // 5}",
            "preference": ("model_a", "model_b")[n * n % 7 % 2],
        }  # fmt: skip
        drawn = crc32(str(n).encode())
        reply = replies[drawn % 3 if drawn % 5 == 0 else doc["preference"] == "model_b"]
        shares = utils.multi_crit_process_results(doc, [reply])
        sample = {
            "doc_id": n,
            "target": doc["preference"],
            "filtered_resps": reply,
            "input": utils.multi_crit_doc_to_text(doc),
        }
        rows.append(sample | shares)
    name = f"multi_crit_{split.replace('-', '_')}"
    folder = tmp_path / "logs" / "org__judge-7b"
    folder.mkdir(parents=True)
    write_jsonl(folder / f"20260101_000000_samples_{name}.jsonl", rows)
    assert main(["import", "lmms_eval", str(tmp_path / "logs"), "--out", str(tmp_path / "run")]) == 0
    assert "lmms-eval asked an LLM, official-lmms_eval counts them wrong" in capsys.readouterr().out
    theirs = utils._compute_metrics([r["overall"] for r in rows])
    cell = next(c for c in score(tmp_path / "run", "official-lmms_eval").cells if c.judge == "judge-7b")
    ours = {n: 100 * cell.metrics[n].value for n in ("accuracy", "macro", "pacc", "tos", "cmr")}
    names = ("overall", "macro_avg", "pluralistic_acc", "tradeoff_sensitivity", "conflict_matching")
    assert list(ours.values()) == pytest.approx([theirs[n] for n in names], abs=0.01)
    assert all(0 < v < 100 for v in ours.values()), "else it would show little"
    for criterion, value in theirs["criterion"].items():
        assert 100 * cell.metrics[f"accuracy[{criterion}]"].value == pytest.approx(value, abs=0.01)
    items = read_jsonl(tmp_path / "run" / "items.jsonl")
    assert (items[0]["prompt"], items[0]["group"]) == ("What is [Response 1]: in 0?", "p0")
