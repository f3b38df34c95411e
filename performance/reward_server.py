"""The reward server under faults: 2,000 requests, 64 at a time, with a proxy that fails one request in five.

    python performance/reward_server.py
    python performance/reward_server.py --kills 3      # and the server killed (kill -9) and started again meanwhile
    python performance/reward_server.py --beside DIR   # in turns with the server of another checkout
    python performance/reward_server.py --half-sent 25 # the server's memory under so many bodies of 64 MB, sent but for the last MB

Proxy (our mock server, at a fixed latency), reward server and client are a process each. Printed: how the rewards ended (none
silently zero, none lost), and by how much a reward took longer than the proxy's own latency.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from evaluators.records import Candidate, Item, Label, Media, MediaFile
from harness_plugins.rewards import Reward, Sample
from harness_plugins.rewards.server.client import RewardClient

TEXT = "<rubric>1. Word (100%): says good</rubric><eval>Read.</eval><answer>1</answer>"
PROXY, SERVER = 18767, 18768


HERE = Path(__file__).resolve().parent.parent


def started(*command: str, checkout: Path = HERE) -> subprocess.Popen[bytes]:
    """A process that says on its first line that it serves."""
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, cwd=checkout)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"serving"), command
    return process


def serve(config: Path, checkout: Path) -> subprocess.Popen[bytes]:
    return started("harness_plugins", "reward-server", str(config), "--port", str(SERVER), checkout=checkout)


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used, where /proc says so."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sample(n: int, media: tuple[Media, ...]) -> Sample:
    candidates = (Candidate(f"good {n}"), Candidate(f"bad {n}"))
    item = Item(f"x:{n}", "x", str(n), n, f"question {n}", candidates, (0, 1), Label(preferred=0), media)
    return Sample(item, "AB", TEXT)


async def timed(
    count: int, slots: int, kills: int, config: Path, media: tuple[Media, ...], checkout: Path
) -> tuple[list[Reward], list[float], Counter[str]]:
    seconds: list[float] = []
    gate = asyncio.Semaphore(slots)
    server = serve(config, checkout)
    async with RewardClient(f"http://127.0.0.1:{SERVER}", concurrency=slots, deadline_s=120) as client:

        async def one(n: int) -> Reward:
            async with gate:
                begun = time.perf_counter()
                (found,) = await client.score([sample(n, media)])
                seconds.append(time.perf_counter() - begun)
                return found

        async def killer() -> None:
            nonlocal server
            for k in range(kills):
                while len(seconds) < count * (k + 1) / (kills + 1):
                    await asyncio.sleep(0.05)
                os.kill(server.pid, signal.SIGKILL)
                server.wait()
                server = await asyncio.to_thread(serve, config, checkout)

        killing = asyncio.create_task(killer())
        rewards = await asyncio.gather(*(one(n) for n in range(count)))
        await killing
    if not kills:
        print(
            f"  the server's own work: {1000 * cpu_s(server.pid) / count:.1f} ms of CPU a request, its start included"
        )
    server.terminate()
    assert server.wait() == 0
    return list(rewards), seconds, client.failures


def most_memory_mb(count: int, config: Path, checkout: Path) -> int:
    """The server's peak while so many bodies of 64 MB are sent but for their last MB."""
    server = serve(config, checkout)
    size = 64 << 20
    head = f"POST /v1/proxy_grm HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    with contextlib.ExitStack() as clients:
        for _ in range(count):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", SERVER), timeout=30))
            with contextlib.suppress(ConnectionError):  # refused: nothing more of it is read
                client.sendall(head.encode())
                for _ in range(63):
                    client.sendall(b" " * (1 << 20))
        time.sleep(1)
        peak = Path(f"/proc/{server.pid}/status").read_text().partition("VmHWM:")[2].split()[0]
    server.terminate()
    server.wait()
    return int(peak) // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--fail", type=float, default=0.2)
    parser.add_argument("--kills", type=int, default=0, help="kill -9 the server so often, and start it again")
    parser.add_argument("--beside", type=Path, metavar="DIR", help="also measure the server of this checkout, in turns")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--half-sent", type=int, default=0, metavar="N", help="N half-sent bodies, in place of requests"
    )
    parser.add_argument("--image-kb", type=int, default=0, help="with an image of this size in each request")
    args = parser.parse_args()
    proxy = started(
        "evaluators.testing.mock_server", "--port", str(PROXY), "--latency", str(args.latency), "--fail", str(args.fail)
    )
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "reward.yaml"
        config.write_text(
            f"proxy_grm: {{proxy: {{name: proxy, backend: openai, model: m, base_url: 'http://127.0.0.1:{PROXY}/v1',\n"
            f"  concurrency: {args.slots}, retries: 8, timeout_s: 3}}}}\nqueue: 512\n"
        )
        media: tuple[Media, ...] = ()
        if args.image_kb:
            picture = Path(folder) / "picture.png"
            picture.write_bytes(noise(args.image_kb))
            media = (Media("picture", "image", (MediaFile(str(picture)),)),)
        checkouts = [HERE, *([args.beside.resolve()] if args.beside else [])]
        try:
            for checkout in checkouts * args.rounds:
                print(f"{checkout}:")
                if args.half_sent:
                    peak = most_memory_mb(args.half_sent, config, checkout)
                    print(f"  {args.half_sent} half-sent bodies of 64 MB: {peak} MB at the peak")
                else:
                    measured = timed(args.requests, args.slots, args.kills, config, media, checkout)
                    tell(*asyncio.run(measured), latency_s=args.latency)
        finally:
            proxy.terminate()


def tell(rewards: list[Reward], seconds: list[float], failures: Counter[str], latency_s: float) -> None:
    ended = Counter(str(r.proxy) for r in rewards)
    masked = sum(r.value is None for r in rewards)
    overhead = sorted(1000 * (s - latency_s) for s in seconds)
    zeros = sum(r.value == 0.0 and r.proxy == "error" for r in rewards)
    print(f"  {len(rewards)} rewards: {dict(ended)}, {masked} masked, {zeros} failures of value 0")
    print(f"  client: failed attempts {dict(failures)}")
    print(
        f"  overhead, retried ones included: p50 {statistics.median(overhead):.1f} ms, p25 {overhead[len(overhead) // 4]:.1f} ms"
    )


def noise(kilobytes: int) -> bytes:
    """A PNG of about this size."""
    import io

    import numpy as np
    from PIL import Image

    side = int((kilobytes * 1024 / 3) ** 0.5)
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


if __name__ == "__main__":
    main()
