"""The progress line: whose time left it gives, and at which rate."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.engine.caller import Part, Tally
from evaluators.testing.mock_server import MockServer
from harness_plugins.experiment.progress import Clock, Pace, describe
from harness_plugins.experiment.run import run


def tally(**parts: Part) -> Tally:
    made = Tally()
    made.parts.update(parts)
    return made


def running(total: int, written: int, start: float = 0.0, before: int = 0, in_process: bool = False) -> Part:
    return Part(total, written, in_process=in_process, start=(start, before))


BASELINE = Part(5000, 4000, baseline=True, start=(0.0, 0))
WAITING = Part(40, 0, in_process=True)


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({"a": running(100, 20)}, "2.0/s | 0:40 left"),
        ({"a": running(100, 20), "first": BASELINE}, "2.0/s | 0:40 left"),
        ({"a": running(100, 20), "b": running(100, 50)}, "7.0/s | 0:40 left for a"),
        ({"a": running(100, 20), "b": running(100, 100)}, "2.0/s | 0:40 left"),
        ({"a": running(100, 20, start=5.0)}, "4.0/s | 0:20 left"),
        ({"a": running(100, 60, before=40)}, "2.0/s | 0:20 left"),
        ({"a": running(100, 20), "b": running(100, 0)}, "2.0/s | over 0:40 left for a"),
        ({"a": running(40, 20, in_process=True), "b": WAITING}, "2.0/s | over 0:10 left for a"),
        ({"a": running(100, 50), "b": running(100, 50, in_process=True)}, "10.0/s | 0:10 left for b"),
        ({"a": running(100, 100), "first": BASELINE}, "10.0/s"),
        ({"first": BASELINE}, ""),
        ({"a": running(100, 0)}, ""),
        ({}, ""),
    ],
    ids=[
        "one",
        "a baseline does not count",
        "the slowest of two",
        "one of two is through",
        "from its first request",
        "what was copied took no time",
        "one without an answer yet",
        "one in this process that waits",
        "side by side",
        "all are through but a baseline",
        "baselines alone",
        "nothing yet",
        "nothing at all",
    ],
)
def test_the_time_left_is_that_of_the_slowest_model(parts: dict[str, Part], line: str) -> None:
    assert describe(tally(**parts), Clock().pace(tally(**parts), now=10.0)) == line


def test_models_in_this_process_take_turns() -> None:
    parts = {"a": running(40, 20, in_process=True), "b": running(40, 20, in_process=True), "c": running(40, 20)}
    assert Clock().pace(tally(**parts), now=10.0) == Pace(6.0, 20.0, ("a", "b"), False)


def test_a_rate_is_that_of_the_last_seconds_or_of_the_last_verdict() -> None:
    clock, part = Clock(window_s=10.0), running(100, 0)
    for now, written in ((5.0, 50), (10.0, 60), (15.0, 62), (20.0, 64)):
        part.written = written
        pace = clock.pace(tally(a=part), now)
    assert pace.rate == pytest.approx(0.4), "the first seconds are forgotten"
    for now in range(21, 61):
        pace = clock.pace(tally(a=part), float(now))
    assert pace.rate == pytest.approx(2 / 45) and pace.left_s == pytest.approx(36 * 45 / 2), (
        "a server that says nothing more"
    )


def test_a_run_counts_by_judge(tmp_path: Path) -> None:
    """What was asked, what shares another's call, and what asks no model."""
    with MockServer().running() as server:
        config = tmp_path / "config.yaml"
        config.write_text(
            "benchmarks: [{name: demo, limit: 3}]\narms: [none, generic]\njudges:\n"
            f"  - {{name: a, backend: openai, model: m, base_url: '{server.url}'}}\n"
            "  - {name: longest, backend: baseline, model: longest}\n"
        )
        counts = run(config, out=tmp_path / "run").tally
    assert {name: (p.total, p.written, p.baseline) for name, p in counts.parts.items()} == {
        "a": (counts.total // 2, counts.total // 2, False),
        "longest": (counts.total // 2, counts.total // 2, True),
    }
    assert counts.total == counts.written > 0
