"""MMRB2's predictions (facebookresearch/MMRB2, evaluate/): one verdict in each order, with the labels beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluators.errors import UserError
from evaluators.inputs.files import read_json
from evaluators.prompts.grading import Grading
from evaluators.records import Label
from harness_plugins.imports._labelled import File, Told, results
from harness_plugins.imports._results import Given, Summary, check_benchmark, rows_of, write

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


def run(given: Sequence[Given], out: Path, benchmark: str | None) -> Summary:
    """Raises:
    UserError: a file or row that does not fit, naming it."""
    check_benchmark("mmrb2", benchmark, tuple(f"mmrb2_{t}" for t in _TASKS))
    files = [f for f in _files(given, benchmark) if f.told]
    return write(out, "mmrb2", given, results(files, "better_response", Grading()), "official")


def _files(given: Sequence[Given], benchmark: str | None) -> list[File]:
    labels: dict[str, str] = {}
    predictions: list[tuple[Given, list[tuple[str, dict[str, Any]]]]] = []
    for one in given:
        path = one.path
        whole = None if path.suffix == ".jsonl" else read_json(path)
        if isinstance(whole, dict) and isinstance(whole.get("pairs"), list):
            pairs = [p for p in whole["pairs"] if isinstance(p, dict) and "id" in p and "chosen" in p]
            if len(pairs) < len(whole["pairs"]):
                raise UserError(f"{path}: each of its `pairs` must be an object with `id` and `chosen`")
            labels |= {str(p["id"]): str(p["chosen"]) for p in pairs}
        elif isinstance(whole, dict):
            predictions.append((one, [(f"{path}: {i}", {"id": i, **_official(p)}) for i, p in whole.items()]))
        else:
            predictions.append((one, list(rows_of(path))))
    found = []
    for one, rows in predictions:
        told = [_pair(where, row, labels) for where, row in rows]
        found.append(File(benchmark or _benchmark(one.path), one.name or one.path.stem, told))
    return found


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
    found = {}
    for way in ("forward", "reverse"):
        said = prediction.get(way) if isinstance(prediction, dict) else None
        one = (said[0] if said else None) if isinstance(said, list) else said
        found[way] = one.get("judgement") if isinstance(one, dict) else one
    return found


def _pair(where: str, row: dict[str, Any], labels: dict[str, str]) -> Told:
    chosen = str(row.get("chosen") or labels.get(str(row.get("id"))) or "").upper()
    if not isinstance(row.get("id"), int | str) or chosen not in ("A", "B"):
        raise UserError(
            f"{where}: needs `id` and `chosen` (A or B); give the benchmark's JSON with the labels beside it"
        )
    replies = []
    for way, first in (("forward", 0), ("reverse", 1)):
        said = row.get(way)
        if said is not None and str(said).upper() not in ("A", "B"):
            raise UserError(f"{where}: {way} is {said!r}; it must be A, B or null")
        replies.append((first, None if said is None else str(said).upper()))
    return Told(str(row["id"]), Label(preferred="AB".index(chosen)), "", tuple(replies), where)
