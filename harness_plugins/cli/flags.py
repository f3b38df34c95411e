"""What a config says, typed as options: `--benchmark demo`, `--judge openai:MODEL@URL`, `--rubrics mine=rubrics.jsonl`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROW_FILES = (".jsonl", ".json", ".parquet")


def benchmark_of(text: str) -> dict[str, Any]:
    """The entry of `benchmarks` that a text means: a benchmark's name, or a file of rows for the benchmark `pairs`.

    >>> benchmark_of("demo"), benchmark_of("my/rows.jsonl")
    ({'name': 'demo'}, {'name': 'pairs', 'path': 'my/rows.jsonl'})

    Raises:
        UserError: it is neither.
    """
    from evaluators.errors import UserError
    from harness_plugins.benchmarks.spec import names, unknown_benchmark

    if text in names():
        return {"name": text}
    path = Path(text)
    if path.suffix in ROW_FILES or path.exists():
        if not path.exists():
            raise UserError(f"{text} is not there: give a file of rows, or a benchmark's name")
        return {"name": "pairs", "path": text}
    raise UserError(unknown_benchmark(text))
