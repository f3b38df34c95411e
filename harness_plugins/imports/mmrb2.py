"""MMRB2's predictions (facebookresearch/MMRB2, evaluate/): one verdict in each order, with the labels beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluators.errors import UserError
from evaluators.inputs.files import read_json
from evaluators.prompts.grading import Grading
from evaluators.records import Label
from harness_plugins.imports._labelled import LabelledFile, LabelledRow, OrderReply, results
from harness_plugins.imports._results import FileRow, InputFile, Summary, check_benchmark, rows_of, write

HELP = """\
  One file a judge in a folder that names the benchmark (mmrb2_t2i, ...): rows with id, chosen, forward, reverse (A, B or
  null), or the official predictions in JSON together with the benchmark's JSON that holds the labels.
    rubric-harness import mmrb2 mmrb2_t2i/predictions.jsonl --out results/runs/mmrb2
    rubric-harness score results/runs/mmrb2 --protocol official"""
FILES = ("*.jsonl", "*.json")

_TASKS = ("t2i", "edit", "interleaved", "reasoning")
_NAMES = {
    "task1_image": "t2i",
    "task2_edit": "edit",
    "task3_interleaved": "interleaved",
    "task4_reasoning": "reasoning",
}


def run(inputs: Sequence[InputFile], out: Path, benchmark: str | None) -> Summary:
    """Raises:
    UserError: a file or row that does not fit, naming it."""
    check_benchmark("mmrb2", benchmark, tuple(f"mmrb2_{t}" for t in _TASKS))
    files = [f for f in _files(inputs, benchmark) if f.rows]
    return write(out, "mmrb2", inputs, results(files, "better_response", Grading()), "official")


def _files(inputs: Sequence[InputFile], benchmark: str | None) -> list[LabelledFile]:
    labels: dict[str, str] = {}
    predictions: dict[InputFile, list[FileRow]] = {}
    for file in inputs:
        path = file.path
        document = None if path.suffix == ".jsonl" else read_json(path)
        if isinstance(document, dict) and isinstance(document.get("pairs"), list):
            labelled = [p for p in document["pairs"] if isinstance(p, dict) and "id" in p and "chosen" in p]
            if len(labelled) < len(document["pairs"]):
                raise UserError(f"{path}: each of its `pairs` must be an object with `id` and `chosen`")
            labels |= {str(p["id"]): str(p["chosen"]) for p in labelled}
        elif isinstance(document, dict):
            predictions[file] = [FileRow(f"{path}: {i}", {"id": i, **_official(p)}) for i, p in document.items()]
        else:
            predictions[file] = list(rows_of(path))
    files = []
    for file, rows in predictions.items():
        pairs = [_pair(where, row, labels) for where, row in rows]
        files.append(LabelledFile(benchmark or _benchmark(file.path), file.name or file.path.stem, pairs))
    return files


def _benchmark(path: Path) -> str:
    text = str(path.absolute())
    task = next((t for t in _TASKS if f"mmrb2_{t}" in text), None) or next(
        (t for f, t in _NAMES.items() if f in text), None
    )
    if task is None:
        raise UserError(f"{path}: neither file nor folder names mmrb2_{'|'.join(_TASKS)}: give --benchmark")
    return f"mmrb2_{task}"


def _official(prediction: Any) -> dict[str, Any]:
    """{"forward": [{"judgement": "A"}], ...} as {"forward": "A", ...}."""
    letters = {}
    for way in ("forward", "reverse"):
        judgements = prediction.get(way) if isinstance(prediction, dict) else None
        judgement = (judgements[0] if judgements else None) if isinstance(judgements, list) else judgements
        letters[way] = judgement.get("judgement") if isinstance(judgement, dict) else judgement
    return letters


def _pair(where: str, row: dict[str, Any], labels: dict[str, str]) -> LabelledRow:
    chosen = str(row.get("chosen") or labels.get(str(row.get("id"))) or "").upper()
    if not isinstance(row.get("id"), int | str) or chosen not in ("A", "B"):
        raise UserError(
            f"{where}: needs `id` and `chosen` (A or B); give the benchmark's JSON with the labels beside it"
        )
    replies = []
    for way, first in (("forward", 0), ("reverse", 1)):
        letter = row.get(way)
        if letter is not None and str(letter).upper() not in ("A", "B"):
            raise UserError(f"{where}: {way} is {letter!r}; it must be A, B or null")
        replies.append(OrderReply(first, None if letter is None else str(letter).upper()))
    return LabelledRow(str(row["id"]), Label(preferred="AB".index(chosen)), "", tuple(replies), where)
