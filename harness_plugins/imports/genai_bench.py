"""GenAI-Bench's own results (TIGER-AI-Lab/GenAI-Bench, results/): four-way verdicts beside the human votes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluators.errors import UserError
from evaluators.prompts.grading import Grading
from harness_plugins.benchmarks.labels import read_label
from harness_plugins.benchmarks.sources import RowProblem
from harness_plugins.benchmarks.spec import load_spec
from harness_plugins.imports._labelled import LabelledFile, LabelledRow, OrderReply, results
from harness_plugins.imports._results import InputFile, Summary, check_benchmark, rows_of, write

HELP = """\
  One file a judge, as GenAI-Bench publishes them: <task>/<judge>.jsonl or <task>/<judge>/pairwise.jsonl, with <task>
  image_generation, image_edition or video_generation; rows with idx, response, human_vote.
    rubric-harness import genai_bench results/*/*.jsonl --out results/runs/genai
    rubric-harness score results/runs/genai --protocol official"""
FILES = ("*.jsonl",)

TASKS = {
    "image_generation": "genai_bench_generation",
    "image_edition": "genai_bench_edition",
    "video_generation": "genai_bench_video",
}


def run(inputs: Sequence[InputFile], out: Path, benchmark: str | None) -> Summary:
    """Raises:
    UserError: a file or row that does not fit, naming it."""
    check_benchmark("genai_bench", benchmark, tuple(TASKS.values()))
    files = [f for f in (_file(g, benchmark) for g in inputs) if f.rows]
    return write(out, "genai_bench", inputs, results(files, "four_way", Grading(ties="good_bad")), "official")


def _file(file: InputFile, benchmark: str | None) -> LabelledFile:
    path = file.path
    folders = path.absolute().parts[:-1]
    name = benchmark or next((TASKS[p] for p in reversed(folders) if p in TASKS), None)
    if name is None:
        raise UserError(
            f"{path}: no folder above it is called {', '.join(TASKS)}: put it into one, or give --benchmark"
        )
    label = load_spec(name).label
    rows = []
    for where, row in rows_of(path):
        vote = row.get("human_vote", row.get("vote_type"))
        if not isinstance(row.get("idx"), int | str) or vote is None:
            raise UserError(f"{where}: needs `idx`, `response` and `human_vote`; it has {', '.join(row)}")
        try:
            preferred = read_label(label, {label.column: vote}.__getitem__, 2)
        except RowProblem as e:
            raise UserError(f"{where}: human_vote: {e}") from None
        prompt = str(row.get("instruct_prompt") or row.get("prompt") or "")
        response = row.get("response")
        reply = OrderReply(0, None if response is None else str(response))
        rows.append(LabelledRow(str(row["idx"]), preferred, prompt, (reply,), where))
    return LabelledFile(name, file.name or (path.stem if path.stem != "pairwise" else folders[-1]), rows)
