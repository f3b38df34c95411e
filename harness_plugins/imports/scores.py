"""Numbers without answers behind them: a table of model, benchmark, metric, value and source becomes `scores.jsonl`."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from evaluators.errors import UserError
from evaluators.inputs.files import plain_file, read_json
from evaluators.inputs.names import unknown
from evaluators.records import SCHEMA
from harness_plugins._version import __version__
from harness_plugins.folder.atomic import write_atomic
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.folder.scores import Score
from harness_plugins.imports._results import FileRow, InputFile, Summary, imported, rows_of

HELP = """\
  Numbers that someone measured: csv, json (a list of objects) or jsonl with model, benchmark, metric, value, source and, if
  you like, method, n, notes. value is in the unit that the benchmark prints; a percent sign is dropped. The paper's tables
  take them up: table --spec NAME RUN_DIR...
    model,benchmark,metric,value,source
    SD3.5-M + RPO,geneval,score,0.78,"geneval/evaluation/summary_scores.py, log of 12 May"
    rubric-harness import scores generation.csv --out results/runs/generation"""
FILES = ("*.csv", "*.json", "*.jsonl")
VERDICTS = False

SHOWN = 5
_COLUMNS = tuple(Score.model_fields)
_NEEDED = tuple(n for n, f in Score.model_fields.items() if f.is_required())
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def run(inputs: Sequence[InputFile], out: Path, benchmark: str | None) -> Summary:
    """Raises:
    UserError: up to five rows that do not fit, a line each; or the folder holds something else already."""
    if benchmark is not None or any(g.name for g in inputs):
        raise UserError("scores say model and benchmark in each row: leave out --benchmark and NAME=")
    scores, repeats = _scores([row for g in inputs for row in _rows(g.path)])
    if not scores:
        raise UserError(f"{', '.join(str(g.path) for g in inputs)}: no scores in these files")
    folder = RunFolder(out)
    previous = folder.scores()
    if previous == scores:
        return Summary((f"Nothing to do: {out} holds these {len(scores)} scores already.",))
    if previous or folder.manifest_file.exists() or folder.file("items").exists():
        what = f"{len(previous)} other scores" if previous else "a run"
        raise UserError(f"{out}: holds {what} already; import into another folder (--out)")
    out.mkdir(parents=True, exist_ok=True)
    content = b"".join(orjson.dumps(s.model_dump(), option=orjson.OPT_APPEND_NEWLINE) for s in scores)
    write_atomic(folder.scores_file, content)
    folder.write_manifest(_manifest(scores, imported("scores", inputs)))
    counted = Counter(s.benchmark for s in scores)
    lines = [
        f"{name}: {count} scores of {len({s.model for s in scores if s.benchmark == name})} models"
        for name, count in counted.items()
    ]
    return Summary((*lines, *([f"{repeats} repeated rows left out"] if repeats else [])))


def _manifest(scores: Sequence[Score], imported: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "kind": "scores",
        "versions": {"rubric_harness": __version__},
        "imported": imported,
        "models": list(dict.fromkeys(s.model for s in scores)),
        "benchmarks": {},
        "judges": {},
        "rubrics": {},
        "donors": {},
    }


class DistinctScores(NamedTuple):
    scores: list[Score]
    repeats: int
    """Rows that repeat another."""


class ScoreRow(NamedTuple):
    score: Score
    where: str


def _scores(rows: Sequence[FileRow]) -> DistinctScores:
    """The scores of rows, equal ones once.

    Raises:
        UserError: rows that do not fit, or two that say different things of the same score.
    """
    distinct: dict[tuple[str, ...], ScoreRow] = {}
    problems: list[str] = []
    repeats = 0
    for where, row in rows:
        try:
            score = _score(row)
        except ValueError as e:
            problems.append(f"{where}: {e}")
            continue
        key = (score.model, score.method, score.benchmark, score.metric)
        first = distinct.setdefault(key, ScoreRow(score, where))
        if first.where == where:
            continue
        if first.score == score:
            repeats += 1
            continue
        subject = " ".join(filter(None, (score.model, f"({score.method})" if score.method else "")))
        what = f"{score.value:g}, {first.where} says {first.score.value:g}"
        if first.score.value == score.value:
            what = f"{score.value:g} as in {first.where}, with another source, n or notes"
        problems.append(
            f"{where}: {subject}, {score.benchmark}, {score.metric} is {what}: keep one, or distinguish them by `method`"
        )
    if problems:
        more = [f"... and {len(problems) - SHOWN} more rows"] if len(problems) > SHOWN else []
        raise UserError(*problems[:SHOWN], *more)
    return DistinctScores([row.score for row in distinct.values()], repeats)


def _score(row: dict[str, Any]) -> Score:
    """A row as a score.

    Raises:
        ValueError: what is wrong with it, and how to fix it.
    """
    if more := [str(c) for c in row if c not in _COLUMNS]:
        raise ValueError(unknown("column", more[0], _COLUMNS))
    cells = {c: v.strip() if isinstance(v, str) else v for c, v in row.items() if v is not None}
    cells = {c: v for c, v in cells.items() if v != ""}
    if missing := [c for c in _NEEDED if c not in cells]:
        why = "; a number needs a source: who measured it, or where it is printed" if "source" in missing else ""
        why = why or ("; leave out a row that has none" if missing == ["value"] else "")
        raise ValueError(f"{', '.join(missing)} is missing{why}")
    try:
        return Score.model_validate({**cells, "value": _number(cells["value"]), **_count(cells)})
    except ValidationError as e:
        problem = e.errors(include_url=False)[0]
        raise ValueError(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None


def _number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    else:
        text = str(value)
        plain = text.removesuffix("%").rstrip()
        if not _PLAIN.fullmatch(plain):
            raise ValueError(f"value is {text[:40]!r}; it must be a number, such as 72.4 or 72.4%")
        number = float(plain)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(f"value is {value!s:.40}; it must be a number: leave the row out where none was measured")
    return number


def _count(cells: dict[str, Any]) -> dict[str, int]:
    if "n" not in cells:
        return {}
    n = cells["n"]
    if isinstance(n, str) and n.isascii() and n.isdigit():
        # int() refuses over 4,300 digits, in words of its own.
        n = int(n[:20])
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"n is {str(cells['n'])[:40]!r}; it must be a number of items, from 1 up")
    return {"n": n}


def _rows(path: Path) -> Iterator[FileRow]:
    if path.suffix == ".jsonl":
        return rows_of(path)
    if path.suffix == ".json":
        return _json_rows(path)
    if path.suffix == ".csv":
        return _csv_rows(path)
    raise UserError(f"{path}: scores come as csv, json or jsonl; convert the file")


def _json_rows(path: Path) -> Iterator[FileRow]:
    value = read_json(path)
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise UserError(f"{path}: must be a list of objects with {', '.join(_NEEDED)}")
    yield from (FileRow(f"{path}: row {n}", row) for n, row in enumerate(value, 1))


def _csv_rows(path: Path) -> Iterator[FileRow]:
    with open(path, encoding="utf-8-sig", newline="", opener=plain_file) as f:
        reader = csv.reader(f, strict=True)
        try:
            header = [c.strip().lower() for c in next(reader, [])]
            _check_header(path, header)
            for cells in reader:
                where = f"{path}: line {reader.line_num}"
                if not any(c.strip() for c in cells):
                    continue
                if len(cells) != len(header):
                    raise UserError(
                        f"{where}: {len(cells)} cells under {len(header)} columns; put a text with a comma between double quotes"
                    )
                yield FileRow(where, dict(zip(header, cells, strict=True)))
        except csv.Error as e:
            raise UserError(f"{path}: line {reader.line_num}: {e}; fix the line") from None
        except UnicodeDecodeError:
            raise UserError(f"{path}: not UTF-8; save it as such") from None


def _check_header(path: Path, header: Sequence[str]) -> None:
    missing = [c for c in _NEEDED if c not in header]
    if missing or len(set(header)) < len(header):
        wrong = f"the column {', '.join(missing)} is missing" if missing else "a column is named twice"
        raise UserError(
            f"{path}: line 1: {wrong}; it must name {', '.join(_NEEDED)} and may name "
            f"{', '.join(c for c in _COLUMNS if c not in _NEEDED)}; it names {', '.join(header)[:200] or 'nothing'}"
        )
