"""`rubric_judge` beside lmms-eval's own endpoint models, on our tasks, in one run.

    make demo-lmms && .venv-lmms/bin/python performance/lmms_speed.py

32 pairs in both orders are 64 requests; each shows three 1024 x 1024 JPEG photographs (smoothed noise, of a photograph's
size as PNG). The server takes one second and runs in a process of its own. Every model has its own defaults. Printed: the
wall time of `generate_until`, which is what differs (start-up and scoring are lmms-eval's and the same), and the most
requests in flight at once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from evaluators.testing.mock_server import MockServer

MODELS = ("rubric_judge", "openai", "async_openai")


def make_data(folder: Path, pairs: int) -> None:
    (folder / "images").mkdir()
    chance = np.random.default_rng(0)
    with open(folder / "rows.jsonl", "w", encoding="utf-8") as rows:
        for n in range(pairs):
            names = []
            for m in range(3):
                noise = chance.integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
                image = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(2))
                names.append(f"images/{n}-{m}.jpg")
                image.save(folder / names[-1], quality=90)
            row = {
                "id": n,
                "prompt": f"question {n}",
                "media": names,
                "candidates": [f"one {n}", f"two {n}"],
                "label": 0,
            }
            rows.write(json.dumps(row) + "\n")
    (folder / "data.yaml").write_text("benchmarks: [{name: pairs, path: rows.jsonl}]\n")


def child(model: str, url: str) -> None:
    """In a process of its own: the task as lmms-eval builds it, the model as its command line makes it."""
    from lmms_eval.models import get_model
    from lmms_eval.tasks import TaskManager

    os.environ["RUBRIC_HARNESS_JUDGE"] = model
    task = TaskManager(include_defaults=False).load_task_or_group(["rt_pairs_judge"], "chat")["rt_pairs_judge"]
    task.build_all_requests()
    arguments = {"rubric_judge": f"model=m,base_url={url}", "openai": f"model=m,base_url={url}"}
    arguments["async_openai"] = f"model=m,base_url={url}"
    judge = get_model(model).create_from_arg_string(arguments[model], {"batch_size": 1})
    judge.task_dict["rt_pairs_judge"] = task.dataset
    started = time.perf_counter()
    answers = judge.generate_until(task.instances)
    seconds = time.perf_counter() - started
    assert len(answers) == len(task.instances)
    print(json.dumps({"seconds": seconds, "requests": len(answers)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--child", nargs=2, metavar=("MODEL", "URL"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(*args.child)
        return
    with tempfile.TemporaryDirectory(prefix="rubric-harness-") as name:
        folder = Path(name)
        make_data(folder, args.pairs)
        found = {}
        for model in MODELS:
            with MockServer(latency_s=args.latency, fast=True).running() as server:
                env = {**os.environ, "RUBRIC_HARNESS_CONFIG": str(folder / "data.yaml"), "OPENAI_API_KEY": "unused"}
                env |= {"RUBRIC_HARNESS_OUT": str(folder / model), "OPENAI_API_BASE": server.url}
                command = [sys.executable, __file__, "--child", model, server.url]
                done = subprocess.run(command, env=env, check=True, text=True, stdout=subprocess.PIPE)
                found[model] = json.loads(done.stdout.splitlines()[-1])["seconds"]
                print(f"{model:14} {found[model]:7.1f} s   most in flight {server.most_in_flight}", flush=True)
        for model in MODELS[1:]:
            print(f"rubric_judge is {found[model] / found['rubric_judge']:.1f} times as fast as {model}")


if __name__ == "__main__":
    main()
