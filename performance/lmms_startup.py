"""What our plugin adds to lmms-eval's start-up: the stock command with it and with it switched off, in turn.

    make demo-lmms && .venv-lmms/bin/python performance/lmms_startup.py

Timed is a fresh process that imports lmms-eval's command and builds the task index, which every evaluation does first.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

CODE = """
import time; started = time.perf_counter()
import lmms_eval.__main__ as host
index = host.TaskManager()
print(time.perf_counter() - started, len([t for t in index.all_tasks if t.startswith("rt_")]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7)
    args = parser.parse_args()
    found: dict[str, list[float]] = {"0": [], "1": []}
    for _ in range(args.repeat):
        for switch, seconds in found.items():
            env = {**os.environ, "RUBRIC_HARNESS_LMMS_TASKS": switch, "HF_HUB_OFFLINE": "1"}
            done = subprocess.run([sys.executable, "-c", CODE], env=env, check=True, text=True, capture_output=True)
            took, tasks = done.stdout.split()[-2:]
            assert (int(tasks) > 0) == (switch == "1"), done.stdout
            seconds.append(float(took))
    for name, pick in (("median", statistics.median), ("least", min)):
        without, with_ours = pick(found["0"]), pick(found["1"])
        print(
            f"{name:7} of {args.repeat}: without {without:.2f} s, with {with_ours:.2f} s: {with_ours - without:+.2f} s"
        )


if __name__ == "__main__":
    main()
