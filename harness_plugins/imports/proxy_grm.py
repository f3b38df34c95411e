"""Answers of Proxy-GRM's evaluation scripts (Qwen-Applications/Proxy-GRM, eval/): verdicts, and the rubrics they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluators.errors import UserError
from harness_plugins.benchmarks.sources import Row
from harness_plugins.imports._answers import BENCHMARKS, MM, Layout, ScriptRewards, read
from harness_plugins.imports._results import GRM, InputFile, Summary, check_benchmark, write

HELP = """\
  The answers file of eval/{vl,multimodal,mmrlhf}_reward_bench.py, one a model and benchmark: rows of the benchmark (id,
  prompt, chosen, rejected, image or video; Category) with critic, rewards and reverse. What the model wrote as rubric
  becomes rubrics.jsonl, which other judges can read (rubrics: {proxy-grm: results/runs/grm/rubrics.jsonl} in a config).
    rubric-harness import proxy_grm proxy-grm=answers/ --out results/runs/grm
    rubric-harness score results/runs/grm --protocol official-proxy_grm"""
FILES = ("*.jsonl",)


def run(inputs: Sequence[InputFile], out: Path, benchmark: str | None) -> Summary:
    """Raises:
    UserError: a file or row that does not fit, naming it."""
    check_benchmark("proxy_grm", benchmark, BENCHMARKS)
    layout = Layout("proxy_grm", GRM, _columns, _reverse, _rewards)
    return write(out, "proxy_grm", inputs, read(inputs, benchmark, layout), "official-proxy_grm")


def _columns(benchmark: str) -> tuple[str, ...]:
    more = ("Category",) if benchmark == MM else ("id",)
    return (*more, "prompt", "chosen", "rejected", "critic", "reverse")


def _reverse(row: Row, where: str) -> bool:
    if not isinstance(row["reverse"], bool):
        raise UserError(f"{where}: `reverse` is {row['reverse']!r}; it must be true or false")
    return row["reverse"]


def _rewards(position: int | None) -> ScriptRewards:
    return ScriptRewards(int(position == 1), int(position == 2))
