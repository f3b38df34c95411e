"""Proxy rewards under faults: 2,000 at 64 in flight with a proxy that fails one request in five.

    python performance/rewards.py

The proxy is our mock server with a fixed latency, in a process of its own. Printed: how the rewards ended (none silently
zero, none lost) and the overhead of a reward that was answered at its first attempt over the proxy's own latency.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections import Counter

from evaluators.records import Candidate, Item, Label
from evaluators.specs import JudgeSpec
from harness_plugins.rewards import ProxyReward, Reward, Sample

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rewards", type=int, default=2000)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--fail", type=float, default=0.2)
    args = parser.parse_args()
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "evaluators.testing.mock_server",
            "--latency",
            str(args.latency),
            "--fail",
            str(args.fail),
            "--port",
            "18766",
        ],
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    server.stdout.readline()
    try:
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
