"""How long a resume takes: a finished run of 10,000 verdicts, and one of 1,000,000 to which an arm is added.

    python performance/resume.py            # both; the second writes about 1 GB below the temporary folder
    python performance/resume.py --small    # the first alone

The folders are made by real runs of baseline judges; times are of whole commands, start-up (and, for the finished
run, the table) included. The second run is killed at its first request.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from evaluators.testing.mock_server import MockServer
from harness_plugins import run

MODELS = ("first", "longest", "shortest", "random")


def make(folder: Path, items: int, judges: int, extra: str = "") -> Path:
    """A config over `items` text pairs with `judges` baselines."""
    with open(folder / "pairs.jsonl", "w", encoding="utf-8") as rows:
        for n in range(items):
            texts = [f"Response {n}: " + word * (20 + n % 7) for word in ("alpha ", "beta ")]
            rows.write(json.dumps({"id": n, "prompt": f"Question {n}?", "candidates": texts, "label": n % 2}) + "\n")
    lines = [f"  - {{name: {MODELS[n % 4]}-{n}, backend: baseline, model: {MODELS[n % 4]}}}" for n in range(judges)]
    config = folder / "config.yaml"
    arms = "arms: [none, generic]\njudges:\n"
    config.write_text(
        "benchmarks: [{name: pairs, path: pairs.jsonl}]\n" + arms + "\n".join(lines) + f"\n{extra}out: out\n"
    )
    return config


def finished(folder: Path) -> None:
    config = make(folder, 2500, 1)
    assert run(config).tally.written == 10_000
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "harness_plugins", "run", str(config)], capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - started
    assert "Nothing to ask: all 10000 verdicts are there." in done.stdout
    print(f"finished run of 10,000 verdicts, run again: {seconds:.2f} s, nothing asked")


def million(folder: Path) -> None:
    judges = 10
    config = make(folder, 25_000, judges)
    started = time.perf_counter()
    written = run(config).tally.written
    assert written == 1_000_000
    print(f"(made {written:,} verdicts in {time.perf_counter() - started:.0f} s)")
    with MockServer(hang_s=60, fail=1.0, faults=["hang"], fast=True).running() as server:
        judge = f"  - {{name: new, backend: openai, model: m, base_url: '{server.url}'}}\n"
        make(folder, 25_000, judges, judge)
        started = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "harness_plugins", "run", str(config), "--quiet"])
        while not server.asked:
            time.sleep(0.01)
            assert process.poll() is None
        print(f"over 1,000,000 finished verdicts, first request after: {time.perf_counter() - started:.1f} s")
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="only the finished run")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rubric-harness-") as name:
        finished(Path(name))
    if not args.small:
        with tempfile.TemporaryDirectory(prefix="rubric-harness-") as name:
            million(Path(name))


if __name__ == "__main__":
    main()
