"""Efficiency of rubric writing against a fixed-latency server: ideal wall time over achieved, as `efficiency.py` for judging.

    python performance/writing_speed.py --slots 64 --items 2560 --repeat 3
    python performance/writing_speed.py --method proxy_grm --items 1280

Each item carries one distinct image of 256 KB; `arr_zero_shot` writes one rubric an item, `proxy_grm` one an order. The server
is a process of its own on the same machine. Printed:
  engine   ceil(N / slots) x latency / (first request sent -> last line written)
  command  the same over the wall time of the whole `rubric-harness rubrics`, start-up and card included
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

from efficiency import make_data

SERVER = """
import asyncio, sys
from evaluators.testing.mock_server import MockServer
async def serve():
    server = MockServer(latency_s=float(sys.argv[1]), fast=True, answer=lambda body: sys.argv[2])
    await server.start()
    print(server.url, flush=True)
    await asyncio.Event().wait()
asyncio.run(serve())
"""

DRIVER = """
import json, resource, sys, time
import harness_plugins.experiment.run, evaluators.backends.endpoint.chat
from harness_plugins.experiment.run import write_rubrics
cpu = time.process_time()
_, tally, _ = write_rubrics(sys.argv[1], out=sys.argv[2])
print(json.dumps({"seconds": tally.last_written - tally.first_sent, "cpu": time.process_time() - cpu,
                  "statuses": dict(tally.statuses), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""

CRITERIA = "\n".join(f"{n}. Point {n}: Does it say what is on the picture at place {n}?" for n in range(1, 6))
ANSWERS = {
    "arr_zero_shot": f"<rubric>\n{CRITERIA}\n</rubric>",
    "proxy_grm": "<rubric>\n1. Count (60%): right\n2. Colour (40%): right\n</rubric>\n<eval>Both read.</eval>\n<answer>1</answer>",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--items", type=int, default=2560)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--size", type=int, default=256 * 1024, help="bytes of each image")
    parser.add_argument("--method", choices=sorted(ANSWERS), default="arr_zero_shot")
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    requests = args.items * (1 if args.method.startswith("arr") else 2)
    ideal = math.ceil(requests / args.slots) * args.latency
    with tempfile.TemporaryDirectory(prefix="rubric-harness-") as name:
        folder = Path(name)
        serve = [sys.executable, "-c", SERVER, str(args.latency), ANSWERS[args.method]]
        server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        try:
            judging = make_data(folder, args.items, args.size, "both", args.slots, url)
            writer = f"{{name: w, method: {args.method}, backend: openai, model: mock, base_url: '{url}', concurrency: {args.slots}}}"
            config = folder / "writing.yaml"
            config.write_text(judging.read_text().replace("arms: [none]", f"arms: [transferred]\nwriters: [{writer}]"))
            os.sync()  # else the journal's fsync pays for writing back the images made above
            found: dict[str, list[float]] = {"engine": [], "command": [], "cpu ms/request": [], "peak MB": []}
            for n in range(args.repeat):
                driver = [sys.executable, "-c", DRIVER, str(config), str(folder / f"engine-{n}")]
                result = json.loads(subprocess.run(driver, check=True, capture_output=True, text=True).stdout)
                assert result["statuses"] == {"valid": requests}, result
                found["engine"].append(ideal / result["seconds"])
                found["cpu ms/request"].append(1000 * result["cpu"] / requests)
                found["peak MB"].append(result["peak_mb"])
                started = time.perf_counter()
                command = [sys.executable, "-m", "harness_plugins", "rubrics", str(config), "--quiet"]
                subprocess.run([*command, "--out", str(folder / f"command-{n}")], check=True, capture_output=True)
                found["command"].append(ideal / (time.perf_counter() - started))
        finally:
            server.terminate()
    print(f"{requests} requests, {args.slots} slots, {args.latency} s latency, ideal {ideal:.1f} s, {args.method}")
    for name, values in found.items():
        print(f"  {name:15} median {statistics.median(values):.3f}   all {', '.join(f'{v:.3f}' for v in values)}")


if __name__ == "__main__":
    main()
