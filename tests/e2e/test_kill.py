"""kill -9 at random moments, then resume: the same verdicts as an undisturbed run, none twice, none corrupt."""

from __future__ import annotations

import functools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from evaluators.testing.mock_server import MockServer
from harness_plugins import run
from tests.conftest import MakePairs

SLOTS = 16
CONFIG = """
benchmarks: [{{name: pairs, path: {rows}}}]
arms: [none, generic]
judges: [{{name: mock, backend: openai, model: m, base_url: "{url}", concurrency: {slots}}}]
out: {out}
"""


def start(config: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "harness_plugins", "run", str(config), "--quiet"]
    heard = functools.partial(
        signal.signal, signal.SIGINT, signal.default_int_handler
    )  # also where the tests run in the background
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=heard)


def answered(path: Path) -> list[tuple[str, str, str]]:
    """(key, status, pick) of every line; a corrupt line fails here."""
    found = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    return [(v["key"], v["status"], str(v["pick"])) for v in found]


@pytest.mark.parametrize("times", [3, pytest.param(20, marks=pytest.mark.long)])
def test_killed_many_times(
    times: int, make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path
) -> None:
    pairs = 40 * times
    rows = make_pairs(pairs)
    chance = random.Random(5)
    with MockServer(latency_s=0.05).running() as server:
        undisturbed = write_config(CONFIG.format(rows=rows, url=server.url, slots=256, out="whole"))
        assert run(undisturbed).complete
        config = tmp_path / "killed.yaml"
        config.write_text(CONFIG.format(rows=rows, url=server.url, slots=SLOTS, out="killed"))
        before, kills = server.asked, 0
        verdicts = tmp_path / "killed" / "verdicts.jsonl"
        while kills < times:
            process = start(config)
            size = verdicts.stat().st_size if verdicts.exists() else 0
            while process.poll() is None and (not verdicts.exists() or verdicts.stat().st_size <= size):
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.25))
            assert process.poll() is None, "the run must not end before the last kill"
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            if kills % 3 == 0:  # what a crash of the machine may leave
                with open(verdicts, "ab") as f:
                    f.write(b'{"key":"torn')
        assert run(config).complete
        extra = server.asked - before - 4 * pairs
    found = answered(verdicts)
    assert len(found) == len({key for key, _, _ in found}) == 4 * pairs, "none twice, none lost"
    assert Counter(found) == Counter(answered(tmp_path / "whole" / "verdicts.jsonl"))
    assert extra <= times * SLOTS, "at most one slot's worth is asked again after each kill"


def test_ctrl_c_says_how_to_go_on(make_pairs: MakePairs, write_config: Callable[[str], Path], tmp_path: Path) -> None:
    with MockServer(latency_s=1.0).running() as server:
        config = write_config(CONFIG.format(rows=make_pairs(100), url=server.url, slots=SLOTS, out="out"))
        process = start(config)
        while server.asked < 30:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
        assert process.returncode == 130
        assert b"Run the same command again to go on" in stderr
        assert b"Traceback" not in stderr
        kept = len(answered(tmp_path / "out" / "verdicts.jsonl"))
        before, server.latency_s = server.asked, 0.01
        assert run(config).complete
        assert server.asked - before == 400 - kept


def test_a_second_process_on_one_folder_is_turned_away(
    make_pairs: MakePairs, write_config: Callable[[str], Path]
) -> None:
    with MockServer(latency_s=0.2).running() as server:
        config = write_config(CONFIG.format(rows=make_pairs(100), url=server.url, slots=4, out="out"))
        first = start(config)
        while server.asked < 4:
            time.sleep(0.01)
        second = start(config)
        _, stderr = second.communicate(timeout=20)
        first.kill()
        first.communicate()
    assert second.returncode == 2
    assert b"another process is writing this run" in stderr
