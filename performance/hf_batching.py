"""Batches of the hf backend against batch size 1, the way the published evaluation scripts run.

    .venv-lmms/bin/python performance/hf_batching.py                       # a tiny random LLaVA
    python performance/hf_batching.py --model Qwen/Qwen2.5-VL-7B-Instruct  # on a GPU, with --arguments '{"dtype": "bfloat16"}'

The same requests (one image each, texts of uneven length) with each batch size, model loading apart, a warm-up first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image as Pillow

sys.path.insert(0, str(Path(__file__).parent.parent))

from evaluators.images.media import MediaWindow
from evaluators.judges import ChatJudge, create
from evaluators.messages import ChatRequest, Image, Message, Text
from evaluators.records import MediaFile
from evaluators.specs import JudgeSpec
from tests.local import tiny


def requests_of(folder: Path, count: int, most: int) -> list[ChatRequest]:
    chance = random.Random(0)
    found = []
    for n in range(count):
        path = folder / f"{n}.png"
        Pillow.new("RGB", (336, 336), (n % 256, 80, 120)).save(path)
        parts = (
            Image(MediaFile(str(path), path.stat().st_size)),
            Text("word " * chance.randrange(20, 200) + "Which is better?"),
        )
        found.append(ChatRequest((Message("user", parts),), {"temperature": 0.0, "max_tokens": most}))
    return found


async def timed(spec: JudgeSpec, requests: list[ChatRequest]) -> float:
    judge = create(spec)
    assert isinstance(judge, ChatJudge)
    await judge.open(MediaWindow())
    try:
        await asyncio.gather(*(judge.backend.chat(r) for r in requests[:4]))
        started = time.perf_counter()
        await asyncio.gather(*(judge.backend.chat(r) for r in requests))
        return time.perf_counter() - started
    finally:
        await judge.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder or a name on the Hub; without it a tiny random LLaVA is made")
    parser.add_argument("--arguments", default="{}", help="model_args as JSON")
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--max-tokens", type=int, default=32)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rubric-harness-") as name:
        folder = Path(name)
        model = args.model or str(tiny.llava(folder / "model"))
        requests = requests_of(folder, args.requests, args.max_tokens)
        seconds = {}
        for batch in args.batches:
            given = {**json.loads(args.arguments), "batch_size": batch}
            spec = JudgeSpec(name="hf", backend="hf", model=model, max_tokens=args.max_tokens, model_args=given)
            seconds[batch] = asyncio.run(timed(spec, requests))
        for batch, s in seconds.items():
            ratio = seconds[args.batches[0]] / s
            print(f"batch {batch:3}  {s:7.2f} s  {args.requests / s:6.1f} requests/s  x {ratio:.2f}")


if __name__ == "__main__":
    main()
