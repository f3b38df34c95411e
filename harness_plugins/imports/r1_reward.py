"""Answers of R1-Reward's inference scripts (yfzhang114/r1_reward, inference/): the preferred response always shown first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluators.errors import UserError
from harness_plugins.benchmarks.sources import Row
from harness_plugins.imports._answers import BENCHMARKS, MM, Layout, ScriptRewards, read
from harness_plugins.imports._results import InputFile, Summary, check_benchmark, write

HELP = """\
  The answers file of inference/{VL-Reward-Bench,Multimodal-Reward,MM-RLHF-Reward}, one a model and benchmark, or its
  chunks (..._chunk0_of_5.jsonl), which are put together: rows of the benchmark with critic and rewards.
    rubric-harness import r1_reward inference/VL-Reward-Bench/r1_reward_chunk*.jsonl --out results/runs/r1
    rubric-harness score results/runs/r1 --protocol official-r1_reward"""
FILES = ("*_chunk*_of_*.jsonl",)


def run(inputs: Sequence[InputFile], out: Path, benchmark: str | None) -> Summary:
    """Raises:
    UserError: a file or row that does not fit, naming it."""
    check_benchmark("r1_reward", benchmark, BENCHMARKS)
    layout = Layout("r1_reward", "none", _columns, _reverse, _rewards)
    return write(out, "r1_reward", inputs, read(inputs, benchmark, layout), "official-r1_reward")


def _columns(benchmark: str) -> tuple[str, ...]:
    if benchmark == MM:
        return ("ID", "Text", "Output1", "Output2", "Better", "Category", "critic")
    return ("id", "prompt", "chosen", "rejected", "critic")


def _reverse(row: Row, where: str) -> bool:
    if "reverse" in row:
        raise UserError(
            f"{where}: has `reverse`, which R1-Reward's scripts do not write: import it as proxy_grm, if it is of Proxy-GRM's"
        )
    return False


def _rewards(position: int | None) -> ScriptRewards:
    return ScriptRewards(1, 0) if position == 1 else ScriptRewards(0, 1)
