"""Proxy rewards under faults: 2,000 at 64 in flight with a proxy that fails one request in five.

    python performance/rewards.py
    python performance/rewards.py --completions 64 --megapixels 1.2     # pictures as TRL hands them over

The proxy is our mock server with a fixed latency, in a process of its own. Printed: how the rewards ended (none silently
zero, none lost) and the overhead of a reward that was answered at its first attempt over the proxy's own latency. With
`--completions`: the CPU of one call of the reward in which each group of 8 completions is about one picture, handed over as a new PIL
image for each completion, and beside it the same call with the picture's path.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from evaluators.records import Candidate, Item, Label
from evaluators.specs import JudgeSpec
from harness_plugins.rewards import ProxyReward, Reward, Sample
from harness_plugins.rewards.samples import score_rows

GROUP = 8
TEXT = "<rubric>1. Word (100%): says good</rubric><eval>Read.</eval><answer>1</answer>"


def sample(n: int) -> Sample:
    candidates = (Candidate(f"good {n}"), Candidate(f"bad {n}"))
    return Sample(Item(f"x:{n}", "x", str(n), n, f"question {n}", candidates, (0, 1), Label(preferred=0)), "AB", TEXT)


async def timed(url: str, count: int, slots: int) -> tuple[list[Reward], list[float], Counter[str]]:
    spec = JudgeSpec(
        name="proxy", backend="openai", model="mock", base_url=url, concurrency=slots, retries=8, timeout_s=3
    )
    seconds: list[float] = []
    gate = asyncio.Semaphore(slots)
    async with ProxyReward(spec) as reward:

        async def one(n: int) -> Reward:
            async with gate:
                started = time.perf_counter()
                found = await reward.reward(sample(n))
                seconds.append(time.perf_counter() - started)
                return found

        rewards = await asyncio.gather(*(one(n) for n in range(count)))
        return list(rewards), seconds, reward.tally.failures


def rows(folder: Path, completions: int, megapixels: float, by_path: bool) -> list[dict[str, Any]]:
    """Of noise, which packs badly, as photographs do."""
    side = round((megapixels * 1e6) ** 0.5)
    answers = {"question": "What?", "response_1": "good", "response_2": "bad", "answer": 1}
    made = []
    for n in range(completions):
        path = folder / f"{n // GROUP}.png"
        if not path.exists():
            noise = np.random.default_rng(n).integers(0, 256, (side, side, 3), np.uint8)
            Image.fromarray(noise).save(path, compress_level=1)
        picture: Any = str(path)
        if not by_path:
            picture = Image.open(path)
            picture.load()  # as the policy has seen it
        made.append({**answers, "image": picture})
    return made


async def cpu_s(url: str, called: list[dict[str, Any]]) -> float:
    spec = JudgeSpec(name="proxy", backend="openai", model="mock", base_url=url, concurrency=64, timeout_s=60)
    async with ProxyReward(spec) as reward:
        started = time.process_time()
        rewards = await score_rows(reward, called, [TEXT] * len(called))
        assert all(r.value is not None for r in rewards)
        return time.process_time() - started


def pictures(url: str, completions: int, megapixels: float) -> None:
    for by_path in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            seconds = asyncio.run(cpu_s(url, rows(Path(folder), completions, megapixels, by_path)))
        how = "by path" if by_path else "a new object each"
        print(f"{completions} completions, a picture of {megapixels:g} MP for {GROUP}, {how}: {seconds:.2f} s of CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rewards", type=int, default=2000)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--fail", type=float, default=0.2)
    parser.add_argument("--completions", type=int, default=0)
    parser.add_argument("--megapixels", type=float, default=1.2)
    args = parser.parse_args()
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "evaluators.testing.mock_server",
            "--latency",
            str(args.latency),
            "--fail",
            str(0.0 if args.completions else args.fail),
            "--port",
            "18766",
        ],
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    server.stdout.readline()
    try:
        if args.completions:
            pictures("http://127.0.0.1:18766/v1", args.completions, args.megapixels)
            return
        rewards, seconds, failures = asyncio.run(timed("http://127.0.0.1:18766/v1", args.rewards, args.slots))
    finally:
        server.terminate()
    ended = Counter(str(r.proxy) for r in rewards)
    masked = sum(r.value is None for r in rewards)
    overhead = sorted(1000 * (s - args.latency) for s in seconds)
    print(f"{len(rewards)} rewards: {dict(ended)}, {masked} masked, {sum(r.value == 0.0 for r in rewards)} of value 0")
    print(f"failed attempts: {dict(failures)}")
    print(
        f"overhead, retried ones included: p50 {statistics.median(overhead):.1f} ms, p25 {overhead[len(overhead) // 4]:.1f} ms"
    )


if __name__ == "__main__":
    main()
