"""Answers that an earlier version's parsers read are read anew, and low mass: a folder of the first version shows both."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import orjson
import pytest

from evaluators.messages import ChatRequest, text_of
from evaluators.records import Answer, Verdict, decode
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import mock_chat_judge
from harness_plugins import run, score
from harness_plugins.cli import main
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.scoring.cells import CellReport

FOLDER = Path(__file__).parent / "folders" / "parser_1"


def cell(folder: Path, judge: str, arm: str, **more: float) -> CellReport:
    return next(c for c in score(folder, **more).cells if (c.judge, c.arm) == (judge, arm))  # type: ignore[arg-type]


def verdicts(folder: Path) -> list[Verdict]:
    return [decode(Verdict, line) for line in (folder / "verdicts.jsonl").read_bytes().splitlines()]


def test_an_old_folder_is_scored_by_todays_parsers() -> None:
    """Of its eight pairs a plain verdict, `**1**`, `Response 1` and a later verdict are right; a recited list, a stale verdict,
    reasoning between other marks and no verdict are none."""
    accuracy = cell(FOLDER, "texts", "none").metrics["accuracy"]
    assert (accuracy.k, accuracy.n) == (4, 8)
    assert cell(FOLDER, "texts", "none").metrics["unparsed"].k == 8, "four pairs in two orders"


def test_what_changed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(FOLDER)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "96 answers of an earlier version were parsed again (parser 2)" in out
    assert "from unparsed to choice 1" in out and "Nothing was asked again" in out


def test_the_files_stay_as_they_are(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "run")
    score(tmp_path / "run")
    assert main(["show", str(tmp_path / "run"), "--limit", "1"]) == 0
    for file in FOLDER.iterdir():
        assert (tmp_path / "run" / file.name).read_bytes() == file.read_bytes()


def test_a_folder_written_by_todays_parsers_scores_alike(tmp_path: Path) -> None:
    """Reading anew while scoring, and having read so from the start, are the same."""
    shutil.copytree(FOLDER, tmp_path / "run")
    reread = RunFolder(FOLDER).rereader(RunFolder(FOLDER).manifest())
    lines = [orjson.dumps(reread.verdict(v)) for v in verdicts(FOLDER)]
    (tmp_path / "run" / "verdicts.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    assert reread.count == 96
    old, new = score(FOLDER), score(tmp_path / "run")
    told, *objects = old.objects()
    assert told["metric"] == "note" and "parsed again" in told["text"]
    assert json.dumps(objects, default=str) == json.dumps(new.objects(), default=str)
    assert not any("parsed again" in note for note in new.notes)


def test_show_says_what_today_says(capsys: pytest.CaptureFixture[str]) -> None:
    main(["show", str(FOLDER), "--judge", "texts", "--where", "none=unparsed", "--limit", "9"])
    out = capsys.readouterr().out
    assert out.count("=====") == 8 and "parsed again" in out


def test_the_report_reads_anew(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "run")
    pytest.importorskip("matplotlib")
    assert main(["report", str(tmp_path / "run")]) == 0


def test_a_public_export_scores_as_today_reads(tmp_path: Path) -> None:
    """It holds no texts, so what they say is read before they are left behind."""
    assert main(["export", "--public", str(FOLDER), "--out", str(tmp_path / "public")]) == 0
    accuracy = cell(tmp_path / "public", "texts", "none").metrics["accuracy"]
    assert (accuracy.k, accuracy.n) == (4, 8)
    assert cell(tmp_path / "public", "digits", "none").metrics["low_mass"].k == 6


def test_low_mass_is_in_the_denominator_and_not_right() -> None:
    digits = cell(FOLDER, "digits", "none")
    assert (digits.metrics["accuracy"].k, digits.metrics["accuracy"].n) == (5, 8)
    assert digits.metrics["low_mass"].k == 6, "three pairs in two orders"
    assert digits.complete


def test_the_floor_is_a_matter_of_scoring() -> None:
    """The ratio of the digits stays on record: without a floor they count as they say."""
    digits = cell(FOLDER, "digits", "none", mass_floor=0.0)
    assert digits.metrics["accuracy"].k == 8 and digits.metrics["low_mass"].k == 0
    assert cell(FOLDER, "digits", "none", mass_floor=0.95).metrics["accuracy"].k == 2, "of mass 0.9 and 0.97 the latter"


def test_mass_stands_in_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    main(["table", str(FOLDER), "--only", "accuracy", "--format", "md"])
    out = capsys.readouterr().out
    assert "mass (median)" in out and "mass below .5" in out and "answers of low mass" in out
    mass = cell(FOLDER, "digits", "none").mass
    assert mass is not None and mass.count == 16 and mass.below_half == pytest.approx(6 / 16)


def differ_in_mass(tmp_path: Path) -> Path:
    """The same digits under `transferred`, but there the model would have written them: mass alone differs."""
    folder = tmp_path / "run"
    shutil.copytree(FOLDER, folder)
    lines = []
    for line in (folder / "verdicts.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["judge"] == "digits" and row["arm"] == "transferred":
            tops = [t for t in row["answer"]["top_logprobs"] if t[0] in "12"]
            row["answer"]["top_logprobs"] = [[t, p + 6.5] for t, p in tops] if tops[0][1] < -6.5 else tops
        lines.append(json.dumps(row))
    (folder / "verdicts.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_a_gain_of_mass_alone_is_no_gain(tmp_path: Path) -> None:
    """As wrong it is three pairs of eight; by ratio it is nothing. Both are given, and no word is said."""
    gain = cell(differ_in_mass(tmp_path), "digits", "transferred").contrasts["none"]
    assert gain.value == pytest.approx(3 / 8)
    assert gain.by_ratio is not None and gain.by_ratio.value == 0
    assert not gain.clear
    row = next(
        o
        for o in score(tmp_path / "run").objects()
        if (o["judge"], o["arm"], o["metric"]) == ("digits", "transferred", "gain_over_none")
    )
    assert row["value"] == pytest.approx(3 / 8) and row["value_by_ratio"] == 0


def test_contrasts_that_it_does_not_touch_stand_once() -> None:
    assert cell(FOLDER, "texts", "transferred").contrasts["none"].by_ratio is None


def test_ranks_of_low_mass_are_no_ranks(tmp_path: Path) -> None:
    """They stand on record, and decide no pair of candidates: as scores of low mass do."""
    texts = ["good middle", "bad one", "worst of all"]
    rows = [{"id": str(n), "prompt": f"q{n}", "candidates": texts, "label": [0, 1, 2]} for n in range(3)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    about = {"name": "j", "backend": "openai", "model": "m", "base_url": "http://x.invalid/v1"}
    about |= {"verdict": "direct", "grading": "listwise"}
    config = tmp_path / "config.yaml"
    benchmark = {"name": "pairs", "path": "rows.jsonl"}
    config.write_text(json.dumps({"benchmarks": [benchmark], "judges": [about], "arms": ["none"], "out": "out"}))

    def unlikely(request: ChatRequest) -> Answer:
        """Right in every order, and hardly what the model would have written."""
        shown = text_of(request.messages)
        order = sorted(range(3), key=lambda n: shown.rindex(texts[n]))
        tops = [(str(place + 1), -9.0 - n) for place, n in enumerate(order)]
        return Answer("1", "token", top_logprobs=(("<think>", -0.0001), *tops))

    run(config, judges={"j": mock_chat_judge(JudgeSpec.model_validate(about), unlikely)})
    metrics = cell(tmp_path / "out", "j", "none").metrics
    assert metrics["accuracy"].value == 0 and metrics["low_mass"].value == 1 and metrics["pair_accuracy"].value == 0
    assert cell(tmp_path / "out", "j", "none", mass_floor=0.0).metrics["pair_accuracy"].value == 1
