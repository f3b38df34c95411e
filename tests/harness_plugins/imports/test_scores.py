"""Numbers that others measured: what is taken, what is refused, and what a folder that holds nothing else says."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_plugins.cli import main
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.folder.scores import Score
from harness_plugins.imports.scores import _number

ROWS: list[dict[str, Any]] = [
    {"model": "SD3.5-M", "benchmark": "geneval", "metric": "score", "value": "0.63", "source": "a log, 12 May", "n": "553"},
    {"model": "SD3.5-M", "benchmark": "geneval", "metric": "score", "value": "0.78", "source": "the same", "method": "RPO"},
    {"model": "SD3.5-M", "benchmark": "dpg_bench", "metric": "score", "value": " 84.1 %", "source": "Table 2", "notes": "one seed"},
]  # fmt: skip


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    if path.suffix == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, list(dict.fromkeys(c for row in rows for c in row)))
        writer.writeheader()
        writer.writerows(rows)
        path.write_text("\ufeff" + text.getvalue())  # as a spreadsheet saves it
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return str(path)


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl"])
def test_three_ways_to_write_the_same(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / f"s.{suffix}", ROWS)
    assert main(["import", "scores", file, "--out", str(tmp_path / "run")]) == 0
    assert "geneval: 2 scores of 1 models" in capsys.readouterr().out
    assert RunFolder(tmp_path / "run").scores() == [
        Score(model="SD3.5-M", benchmark="geneval", metric="score", value=0.63, source="a log, 12 May", n=553),
        Score(model="SD3.5-M", benchmark="geneval", metric="score", value=0.78, source="the same", method="RPO"),
        Score(model="SD3.5-M", benchmark="dpg_bench", metric="score", value=84.1, source="Table 2", notes="one seed"),
    ]
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["kind"] == "scores" and manifest["imported"]["files"][0]["name"] == f"s.{suffix}"


def test_again_is_nothing_and_other_scores_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = write(tmp_path / "s.csv", ROWS), ["--out", str(tmp_path / "run")]
    assert main(["import", "scores", file, write(tmp_path / "copy.json", ROWS), *out]) == 0
    assert "3 repeated rows left out" in capsys.readouterr().out
    before = (tmp_path / "run" / "scores.jsonl").read_bytes()
    assert main(["import", "scores", file, *out]) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert main(["import", "scores", write(tmp_path / "t.csv", ROWS[:2]), *out]) == 2
    assert "holds 3 other scores already" in capsys.readouterr().err
    assert main(["import", "proxy_grm", write(tmp_path / "u.jsonl", ROWS), *out]) == 2
    assert "holds imported scores" in capsys.readouterr().err
    assert (tmp_path / "run" / "scores.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "mend"),
    [
        ('"value":true', "line 2: value: Value error, must be a number"),
        ('"value":"NaN"', "line 2: value: Input should be a valid number"),
        ('"valeu":1.0', "line 2: value: Field required"),
        ('"value":', "line 2: not valid JSON"),
    ],
)
def test_a_line_written_by_hand_is_checked(
    change: str, mend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = '\n{"model":"m","benchmark":"geneval","metric":"score","value":0.5,"source":"s"}\n'
    (tmp_path / "scores.jsonl").write_text(line)
    assert [s.value for s in RunFolder(tmp_path).scores()] == [0.5], "an empty line is none"
    (tmp_path / "scores.jsonl").write_text(line.replace('"value":0.5', change))
    assert main(["table", "--spec", "arr_generation_t2i", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / 'scores.jsonl'}: {mend}" in error and "http" not in error


@pytest.mark.parametrize("command", ["score", "table", "show"])
def test_a_folder_of_scores_says_what_reads_it(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run")
    assert main(["import", "scores", write(tmp_path / "s.csv", ROWS), "--out", run]) == 0
    assert main([command, run]) == 2
    error = capsys.readouterr().err
    assert "holds 3 imported scores and no verdicts" in error and f"table --spec NAME {run}" in error


@pytest.mark.parametrize(
    ("change", "mend"),
    [
        ({"value": "nan"}, "value is 'nan'; it must be a number"),
        ({"value": "1e999"}, "leave the row out where none was measured"),
        ({"value": "1,234"}, "value is '1,234'; it must be a number, such as 72.4 or 72.4%"),
        ({"value": "**72.4**"}, "it must be a number"),
        ({"value": ""}, "value is missing; leave out a row that has none"),
        ({"source": " "}, "source is missing; a number needs a source: who measured it, or where it is printed"),
        ({"model": ""}, "model is missing"),
        ({"n": "0"}, "n is '0'; it must be a number of items, from 1 up"),
        ({"judge": "m"}, "unknown column 'judge'; there are: model, benchmark,"),
        ({"value": "0.64"}, "SD3.5-M, geneval, score is 0.64, "),
        ({"source": "elsewhere"}, "is 0.63 as in "),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_rows_that_do_not_fit_are_named(
    change: dict[str, str], mend: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / f"s.{suffix}", [ROWS[0], {**ROWS[0], **change}])
    if "judge" in change and suffix == "csv":
        file = write(tmp_path / "s.csv", [{**ROWS[0], **change}])
    assert main(["import", "scores", file, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert mend in error and f"{file}: line " in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "text", "mend"),
    [
        ("s.csv", "model,benchmark,metric,value\n", "line 1: the column source is missing"),
        ("s.csv", "", "line 1: the column model, benchmark, metric, value, source is missing"),
        ("s.csv", "model,benchmark,metric,value,source\na,b,c,1,x,y\n", "line 2: 6 cells under 5 columns"),
        ("s.csv", 'model,benchmark,metric,value,source\na,b,c,1,"x\n', "line 2: unexpected end of data"),
        ("s.csv", "model,benchmark,metric,value,source\n", "no scores in these files"),
        ("s.json", '{"model": "m"}', "must be a list of objects"),
        ("s.json", '[{"value": NaN}]', "NaN is not a finite number; leave it out"),
        ("s.jsonl", "[1]\n", "line 1: a row must be a JSON object"),
        ("s.xlsx", "PK", "scores come as csv, json or jsonl"),
    ],
)
def test_files_that_cannot_be_read(
    name: str, text: str, mend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text)
    assert main(["import", "scores", str(tmp_path / name), "--out", str(tmp_path / "run")]) == 2
    assert mend in capsys.readouterr().err and not (tmp_path / "run").exists()


@given(st.one_of(st.floats(), st.text(max_size=12), st.integers(), st.booleans(), st.none()))
def test_a_value_is_a_finite_number_or_refused(value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and not math.isfinite(value):
        with pytest.raises(ValueError, match="value is"):
            _number(value)
        return
    try:
        found = _number(value)
    except ValueError:
        assert not number
        return
    assert math.isfinite(found) and found == float(str(value).removesuffix("%"))
