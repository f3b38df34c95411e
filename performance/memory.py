"""How much a run grows the process: 20,000 pairs with images on disk, 64 slots.

    python performance/memory.py [--pairs 20000] [--size 262144]

The growth is the peak resident size of the run's process less its size after imports. The images are one file of the
given size under 20,000 names (hard links), so that the disk need not hold 5 GB; the client reads each as its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

DRIVER = """
import resource, sys
import harness_plugins.experiment.run, evaluators.backends.endpoint.chat
from harness_plugins import run
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
result = run(sys.argv[1])
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert result.complete, result.statuses
print(f"{result.tally.written} verdicts; {before / 1024:.0f} MB after imports, grown by {(after - before) / 1024:.0f} MB")
"""


def make(folder: Path, pairs: int, size: int, url: str) -> Path:
    (folder / "images").mkdir()
    with open(folder / "pairs.jsonl", "w", encoding="utf-8") as rows:
        for n in range(pairs):
            path = folder / "images" / f"{n}.jpg"
            if n % 20_000 == 0:
                source = path
                path.write_bytes(b"\xff\xd8\xff\xe0" + os.urandom(size - 4))
            else:
                os.link(source, path)
            texts = [f"Response {n}: " + word * 100 for word in ("alpha ", "beta ")]
            row = {
                "id": n,
                "prompt": f"Question {n}?",
                "media": [f"images/{n}.jpg"],
                "candidates": texts,
                "label": n % 2,
            }
            rows.write(json.dumps(row) + "\n")
    config = folder / "config.yaml"
    judge = f"{{name: mock, backend: openai, model: m, base_url: '{url}', concurrency: 64}}"
    config.write_text(f"benchmarks: [{{name: pairs, path: pairs.jsonl}}]\narms: [none]\njudges: [{judge}]\nout: out\n")
    return config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=256 * 1024, help="bytes of each image")
    args = parser.parse_args()
    command = [sys.executable, "-m", "evaluators.testing.mock_server", "--fast", "--latency", "0.05", "--port", "18767"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert server.stdout is not None
    server.stdout.readline()
    try:
        with tempfile.TemporaryDirectory(prefix="rubric-harness-") as name:
            config = make(Path(name), args.pairs, args.size, "http://127.0.0.1:18767/v1")
            subprocess.run([sys.executable, "-c", DRIVER, str(config)], check=True)
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
