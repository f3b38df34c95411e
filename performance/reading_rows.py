"""Reading of JSON Lines that people hand in: `files.read_jsonl` (jsonlines, keys that stand once) beside orjson on the same rows.

python performance/reading_rows.py --rows 100000
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from evaluators.inputs.files import read_jsonl


def best(work: Callable[[], int], times: int = 3) -> float:
    """The least seconds of some tries."""
    seconds = []
    for _ in range(times):
        before = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - before)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    args = parser.parse_args()
    words = "the red cup stands on the small table, beside it [2] {plates} and a knife; " * 8
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for n in range(args.rows):
                row = {
                    "id": str(n),
                    "prompt": words,
                    "media": [f"{n}.png"],
                    "candidates": [words, words],
                    "label": n % 2,
                }
                file.write(json.dumps(row) + "\n")
        with_orjson = best(lambda: sum(1 for line in path.open("rb") if orjson.loads(line)))
        ours = best(lambda: sum(1 for _ in read_jsonl(path)))
        print(f"{args.rows:,} rows of {path.stat().st_size / args.rows:,.0f} bytes: orjson alone {with_orjson:.2f} s, "
              f"read_jsonl {ours:.2f} s ({ours / with_orjson:.1f} times)")  # fmt: skip


if __name__ == "__main__":
    main()
