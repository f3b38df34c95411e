"""A tiny random Qwen2.5-VL behind vLLM's own server, for benchmarks: built on the spot, started, stopped.

It says nothing of quality; prompts, caches and schedules are real. The server's interpreter is `--vllm-python`.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PORT = 18770
URL = f"http://127.0.0.1:{PORT}"


def build(python: str, folder: Path, width: int, layers: int) -> Path:
    """The model's files, written by the interpreter that has torch and torchvision."""
    code = f"from pathlib import Path; from tests.local import tiny; tiny.qwen(Path({str(folder)!r}), 16384, {width}, {layers})"
    subprocess.run([python, "-c", code], cwd=ROOT, check=True, capture_output=True)
    return folder


@contextlib.contextmanager
def serving(python: str, model: Path, *options: str) -> Iterator[str]:
    """A server from start to end; gives its base_url."""
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--host", "127.0.0.1"]
    command += ["--port", str(PORT), "--served-model-name", "tiny", "--dtype", "float32", "--enforce-eager", *options]
    environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_LOGGING_LEVEL": "ERROR"}
    log = model / "server.log"
    with open(log, "wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
    try:
        for _ in range(300):
            if server.poll() is not None:
                sys.exit(f"vLLM did not start:\n{log.read_text()[-9000:]}")
            try:
                urllib.request.urlopen(f"{URL}/health", timeout=1)
                break
            except (OSError, urllib.error.URLError):
                time.sleep(1)
        yield f"{URL}/v1"
    finally:
        server.terminate()
        server.wait(60)


def counters() -> dict[str, float]:
    """The server's own counters that matter here, summed over labels."""
    text = urllib.request.urlopen(f"{URL}/metrics", timeout=10).read().decode()
    found: dict[str, float] = {}
    for name, value in re.findall(r"^vllm:([a-z_]+)(?:\{[^}]*\})? ([0-9.e+]+)$", text, re.M):
        if name in (
            "prefix_cache_hits_total",
            "prefix_cache_queries_total",
            "prompt_tokens_total",
            "generation_tokens_total",
        ):
            found[name] = found.get(name, 0.0) + float(value)
    return found
