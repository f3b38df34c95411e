"""Engine efficiency against a fixed-latency server: ideal wall time over achieved wall time.

    python performance/efficiency.py --slots 64 --requests 2560 --repeat 3
    python performance/efficiency.py --slots 256 --requests 5120 --repeat 3

Each request carries one distinct image of 256 KB, which lies in the page cache: disks are not what is measured here. The
server is a process of its own on the same machine. Printed:
  engine   ceil(N / slots) x latency / (first request sent -> last line written)
  command  the same over the wall time of the whole `rubric-harness run`, start-up and table included
  cpu      client CPU a request, imports apart
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DRIVER = """
import json, sys, time
import harness_plugins.experiment.run, evaluators.backends.endpoint.chat
from harness_plugins import run
cpu = time.process_time()
result = run(sys.argv[1], out=sys.argv[2])
print(json.dumps({"seconds": result.seconds, "cpu": time.process_time() - cpu, "statuses": dict(result.statuses)}))
"""


def make_data(folder: Path, count: int, size: int, orders: str, slots: int, url: str, more: str = "") -> Path:
    """`count` pairs, each with an image of its own: a JPEG signature and random bytes, which is all a client sees."""
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    with open(folder / "pairs.jsonl", "w", encoding="utf-8") as rows:
        for n in range(count):
            path = images / f"{n}.jpg"
            if not path.exists():
                path.write_bytes(b"\xff\xd8\xff\xe0" + os.urandom(size - 4))
            answers = [f"Response number {n}. " + word * 60 for word in ("alpha ", "beta ")]
            row = {"id": n, "prompt": f"What is on picture {n}?", "media": [f"images/{n}.jpg"], "candidates": answers}
            rows.write(json.dumps({**row, "label": n % 2}) + "\n")
    judge = f"{{name: mock, backend: openai, model: mock, base_url: '{url}', concurrency: {slots}{more}}}"
    config = folder / f"config-{slots}.yaml"
    config.write_text(
        f"benchmarks: [{{name: pairs, path: pairs.jsonl}}]\narms: [none]\norders: {orders}\njudges:\n  - {judge}\n"
    )
    return config


def warm(folder: Path) -> None:
    """Read all images, so that they lie in the page cache even where the machine has taken memory back meanwhile."""
    for path in (folder / "images").iterdir():
        path.read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--requests", type=int, default=2560)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--size", type=int, default=256 * 1024, help="bytes of each image")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--client", default="http", help="http, or sdk (the openai package)")
    args = parser.parse_args()
    ideal = math.ceil(args.requests / args.slots) * args.latency
    with tempfile.TemporaryDirectory(prefix="rubric-harness-") as name:
        folder = Path(name)
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "evaluators.testing.mock_server",
                "--fast",
                "--latency",
                str(args.latency),
                "--port",
                "18765",
            ],
            stdout=subprocess.PIPE,
        )
        assert server.stdout is not None
        server.stdout.readline()
        try:
            more = "" if args.client == "http" else f", client: {args.client}"
            config = make_data(folder, args.requests, args.size, "AB", args.slots, "http://127.0.0.1:18765/v1", more)
            os.sync()  # else the journal's fsync pays for writing back the images made above
            found: dict[str, list[float]] = {"engine": [], "command": [], "cpu ms/request": []}
            for n in range(args.repeat):
                warm(folder)
                driver = [sys.executable, "-c", DRIVER, str(config), str(folder / f"engine-{n}")]
                result = json.loads(subprocess.run(driver, check=True, capture_output=True, text=True).stdout)
                assert result["statuses"] == {"ok": args.requests}, result
                found["engine"].append(ideal / result["seconds"])
                found["cpu ms/request"].append(1000 * result["cpu"] / args.requests)
                warm(folder)
                started = time.perf_counter()
                command = [
                    sys.executable,
                    "-m",
                    "harness_plugins",
                    "run",
                    str(config),
                    "--out",
                    str(folder / f"command-{n}"),
                ]
                subprocess.run([*command, "--quiet"], check=True, capture_output=True)
                found["command"].append(ideal / (time.perf_counter() - started))
        finally:
            server.terminate()
    print(f"{args.requests} requests, {args.slots} slots, {args.latency} s latency, ideal {ideal:.1f} s")
    for name, values in found.items():
        print(f"  {name:15} median {statistics.median(values):.3f}   all {', '.join(f'{v:.3f}' for v in values)}")


if __name__ == "__main__":
    main()
