"""What the order of requests is worth to a server's prefix cache: as the engine sends them against shuffled.

    python performance/prefix_cache.py --vllm-python .venv-vllm/bin/python

300 pairs with an image each x 2 orders x 3 arms (none, generic, transferred), `verdict: direct`, on a real vLLM server with
a tiny random Qwen2.5-VL and a cache of --cache-tokens. Both sides send the same requests with as many in flight; only their
order differs. The engine's (docs/design/prefix-order.md) keeps the arms of one (item, order) together, the rubric last. Hit tokens
are the server's own counter.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from local_server import build, counters, serving
from PIL import Image

from evaluators.images.media import MediaWindow
from evaluators.judges import ChatJudge, create
from evaluators.messages import ChatRequest
from harness_plugins.config.run import load_config
from harness_plugins.experiment.run import prepare

WORDS = re.findall(
    r"\w+", "the red cup on a table near two windows shows light from left and right while people walk by"
)


def make_data(folder: Path, pairs: int) -> Path:
    """Pairs with a picture each, responses of 60 to 120 words, and a rubric of 80 words for each."""
    chance = random.Random(0)
    (folder / "images").mkdir()
    rows, rubrics = [], []
    for n in range(pairs):
        pixels = np.random.default_rng(n).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((224, 224)).save(folder / f"images/{n}.png")
        texts = [" ".join(chance.choices(WORDS, k=chance.randrange(60, 120))) for _ in range(2)]
        question = f"{n}: " + " ".join(chance.choices(WORDS, k=20))
        rows.append({"id": n, "prompt": question, "media": [f"images/{n}.png"], "candidates": texts, "label": n % 2})
        text = f"Rubric {n}: " + " ".join(chance.choices(WORDS, k=80))
        rubrics.append({"benchmark": "pairs", "id": n, "writer": "w", "text": text})
    for name, lines in (("rows", rows), ("rubrics", rubrics)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    config = folder / "config.yaml"
    config.write_text(
        "benchmarks: [{name: pairs, path: rows.jsonl}]\nrubrics: {w: rubrics.jsonl}\narms: [none, generic, transferred]\n"
        "judges: [{name: tiny, backend: openai, model: tiny, base_url: 'http://127.0.0.1:18770/v1', verdict: direct}]\n"
    )
    return config


def requests_of(config: Path) -> list[ChatRequest]:
    """All requests in the engine's order."""
    prepared = prepare(load_config(config))
    (spec,), (grid,) = prepared.config.judges, prepared.grids()
    judge = create(spec)
    assert isinstance(judge, ChatJudge)
    rows = grid.rows(spec)
    return [
        judge.request(trial.arm_input.case(item, trial.order))
        for item in grid.items
        for trial in grid.trials(item, spec, rows)
    ]


async def send(config: Path, requests: Sequence[ChatRequest], slots: int) -> float:
    """Seconds for all of them, `slots` in flight."""
    judge = create(load_config(config).judges[0])
    assert isinstance(judge, ChatJudge)
    media, gate = MediaWindow(), asyncio.Semaphore(slots)

    async def one(request: ChatRequest) -> None:
        try:
            await judge.backend.chat(request)
        finally:
            gate.release()

    try:
        await judge.open(media)
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for request in requests:
                await gate.acquire()
                group.create_task(one(request))
        return time.perf_counter() - started
    finally:
        await judge.close()
        media.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--vllm-python", default=".venv-vllm/bin/python", help="an interpreter with vLLM and torchvision"
    )
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--cache-tokens", type=int, default=24_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--layers", type=int, default=4)
    args = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory(prefix="rubric-harness-") as name:
        folder = Path(name)
        model = build(args.vllm_python, folder / "model", args.width, args.layers)
        config = make_data(folder, args.pairs)
        requests = requests_of(config)
        shuffled = random.Random(1).sample(requests, len(requests))
        blocks = str(args.cache_tokens // 32)
        cache = ["--max-model-len", "4096", "--block-size", "32", "--num-gpu-blocks-override", blocks]
        for side, order in (("engine", requests), ("shuffled", shuffled)):
            with serving(args.vllm_python, model, *cache):
                seconds = asyncio.run(send(config, order, args.slots))
                found[side] = {"seconds": seconds, **counters()}
    for side, f in found.items():
        hits, asked = f["prefix_cache_hits_total"], f["prefix_cache_queries_total"]
        print(
            f"{side:9} {f['seconds']:6.1f} s   {hits:,.0f} of {asked:,.0f} prompt tokens from the cache ({hits / asked:.1%})"
        )
    engine, other = found["engine"], found["shuffled"]
    print(
        f"{len(requests)} requests, {args.slots} in flight, cache of {args.cache_tokens:,} tokens: hit tokens x "
        f"{engine['prefix_cache_hits_total'] / max(1.0, other['prefix_cache_hits_total']):.2f}, "
        f"wall time / {other['seconds'] / engine['seconds']:.2f}"
    )


if __name__ == "__main__":
    main()
