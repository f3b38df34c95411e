"""Foreign results as records, and the official scores that their authors print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness_plugins import score
from harness_plugins.cli import main
from tests.conftest import read_jsonl, real, write_jsonl

GENAI = {
    ("random", "image_generation"): (440, 1735),
    ("random", "image_edition"): (238, 919),
    ("random", "video_generation"): (269, 1069),
    ("gemini-1.5-pro", "image_generation"): (775, 1735),
    ("gemini-1.5-pro", "image_edition"): (514, 919),
    ("gemini-1.5-pro", "video_generation"): (494, 1069),
    ("minicpm-V-2.5", "image_generation"): (656, 1735),
    ("minicpm-V-2.5", "image_edition"): (232, 919),
    ("minicpm-V-2.5", "video_generation"): (70, 1069),
}
"""Right and all rows, as GenAI-Bench prints them (45.59 and the like are these shares)."""


def test_the_nine_official_scores_of_genai_bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(map(str, real("genai_bench").glob("*/*.jsonl")))
    assert main(["import", "genai_bench", *files, "--out", str(tmp_path / "run")]) == 0
    assert "genai_bench_video: random: 1069 verdicts" in capsys.readouterr().out
    cells = {(c.judge, c.benchmark): c for c in score(tmp_path / "run", "official").cells}
    names = {"image_generation": "genai_bench_generation", "image_edition": "genai_bench_edition"}
    for (judge, task), (right, rows) in GENAI.items():
        found = cells[judge, names.get(task, "genai_bench_video")].metrics["accuracy"]
        assert (found.k, found.n) == (right, rows), (judge, task)


def test_recited_lists_of_real_replies_are_no_verdict(tmp_path: Path) -> None:
    """As CHANGELOG has it: MiniCPM's replies, read by our parser. Those with several forms are counted for the warning."""
    files = [str(f) for f in sorted(real("genai_bench").glob("*/minicpm-V-2.5.jsonl"))]
    assert main(["import", "genai_bench", *files, "--out", str(tmp_path / "run")]) == 0
    cells = {c.benchmark: c for c in score(tmp_path / "run", "metric").cells if c.judge == "minicpm-V-2.5"}
    right = {name.removeprefix("genai_bench_"): c.metrics["accuracy"].k for name, c in cells.items()}
    assert right == {"generation": 595, "edition": 194, "video": 43}
    assert all(c.forms.several > 50 for c in cells.values())


def test_mmrb2_with_verdicts_missing(tmp_path: Path) -> None:
    """The official sample scores 53.20; a trial without a verdict leaves the denominator, and the other one of its pair stays."""
    rows = read_jsonl(real("mmrb2_t2i") / "sample_verdicts.jsonl")
    folder = tmp_path / "mmrb2_t2i"
    folder.mkdir()
    write_jsonl(folder / "sample.jsonl", rows)
    more = [{"id": "x1", "chosen": "A", "forward": "A", "reverse": None}, {"id": "x2", "chosen": "b", "forward": None}]
    write_jsonl(folder / "gaps.jsonl", [*rows, *more])
    assert main(["import", "mmrb2", str(folder / "sample.jsonl"), "--out", str(tmp_path / "whole")]) == 0
    assert main(["import", "mmrb2", str(folder / "gaps.jsonl"), "--out", str(tmp_path / "gaps")]) == 0
    whole = next(c for c in score(tmp_path / "whole", "official").cells if c.judge == "sample").metrics["accuracy"]
    assert round(100 * whole.value, 2) == 53.20
    cell = next(c for c in score(tmp_path / "gaps", "official").cells if c.judge == "gaps")
    assert cell.metrics["accuracy"].value == pytest.approx(1065 / 2001) and cell.complete
    strict = next(c for c in score(tmp_path / "gaps").cells if c.judge == "gaps")
    assert strict.metrics["accuracy"].value == pytest.approx((532 + 0.5) / 1002), (
        "under strict they count, and are not right"
    )


def test_official_predictions_with_the_labels_beside_them(tmp_path: Path) -> None:
    predictions = {
        "p1": {"forward": [{"judgement": "A"}], "reverse": [{"judgement": "B"}]},
        "p2": {"forward": [{"judgement": None}], "reverse": []},
    }
    (tmp_path / "task2_edit_mine.json").write_text(json.dumps(predictions))
    (tmp_path / "labels.json").write_text(
        json.dumps({"pairs": [{"id": "p1", "chosen": "A"}, {"id": "p2", "chosen": "B"}]})
    )
    files = [str(tmp_path / n) for n in ("task2_edit_mine.json", "labels.json")]
    assert main(["import", "mmrb2", *files, "--out", str(tmp_path / "run")]) == 0
    cell = next(c for c in score(tmp_path / "run", "official").cells if c.judge == "task2_edit_mine")
    assert (cell.benchmark, cell.metrics["accuracy"].value) == ("mmrb2_edit", 1.0)


@pytest.mark.parametrize(
    ("name", "rows", "mend"),
    [
        ("image_edition/j.jsonl", [{"idx": 1, "response": "x"}], "line 1: needs `idx`, `response` and `human_vote`"),
        ("image_edition/j.jsonl", [{"idx": 1, "human_vote": "left"}], "line 1: human_vote:"),
        ("elsewhere/j.jsonl", [{"idx": 1, "human_vote": "leftvote"}], "put it into one, or give --benchmark"),
        ("image_edition/j.jsonl", [], "no verdicts in these files"),
    ],
)
def test_what_does_not_fit_is_said(
    name: str, rows: list[dict[str, object]], mend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).parent.mkdir()
    path = write_jsonl(tmp_path / name, rows)
    assert main(["import", "genai_bench", str(path), "--out", str(tmp_path / "run")]) == 2
    assert mend in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_files_of_different_rows_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "image_edition"
    folder.mkdir()
    one = write_jsonl(folder / "a.jsonl", [{"idx": 1, "human_vote": "leftvote", "response": "[[A>B]]"}])
    other = write_jsonl(folder / "b.jsonl", [{"idx": 1, "human_vote": "tievote", "response": "[[A>B]]"}])
    assert main(["import", "genai_bench", str(one), str(other), "--out", str(tmp_path / "run")]) == 2
    assert "another label than in" in capsys.readouterr().err
    assert main(["import", "genai_bench", str(one), "--out", str(tmp_path / "run")]) == 0
    assert main(["import", "genai_bench", str(one), "--out", str(tmp_path / "run")]) == 2
    assert "holds verdicts already" in capsys.readouterr().err


def test_an_id_twice_in_one_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "image_edition"
    folder.mkdir()
    rows = [{"idx": i, "human_vote": "leftvote", "response": "[[A>B]]"} for i in (1, "1")]
    path = write_jsonl(folder / "a.jsonl", rows)
    assert main(["import", "genai_bench", str(path), "--out", str(tmp_path / "run")]) == 2
    assert "line 2: the id '1' is also in" in capsys.readouterr().err
    assert main(["import", "genai_bench", str(path), "--benchmark", "hpdv3", "--out", str(tmp_path / "run")]) == 2
    assert "--benchmark, genai_bench results: unknown benchmark" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "Therefore" * 11_000,
        "Therefore" + " " * 50_000,
        "]]" * 50_000,
        "<answer>" * 50_000,
        "Therefore Answer 1" * 20_000,
        "<answer>" + "1" * 400_000 + "</answer>",
    ],
)
def test_official_parsers_take_no_hostage(text: str) -> None:
    import time

    from harness_plugins.scoring.protocols import PARSERS

    start = time.process_time()
    for parser in PARSERS.values():
        parser(text)
    assert time.process_time() - start < 2
