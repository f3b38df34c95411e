"""What the reward server counts, as Prometheus reads it (text format 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from evaluators.engine.caller import Tally

PREFIX = "rubric_harness_reward_"
BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds."""

Labels = tuple[tuple[str, str], ...]


class Counting(Protocol):
    """A reward that counts."""

    tally: Tally
    outcomes: Counter[str]


@dataclass
class Metrics:
    """Args:
    rewards: those that are served, by name, with what they count themselves.
    """

    rewards: Mapping[str, Counting]
    requests: Counter[Labels] = field(default_factory=Counter)
    """By route and status."""
    masked: Counter[Labels] = field(default_factory=Counter)
    """Values of null, by reward and reason."""
    seconds: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * (len(BUCKETS) + 1)))
    """Answered requests by route, in the buckets and beyond the last."""
    total_s: Counter[str] = field(default_factory=Counter)

    def answered(self, route: str, status: int, seconds: float) -> None:
        self.requests[("route", route), ("status", str(status))] += 1
        self.seconds[route][bisect_left(BUCKETS, seconds)] += 1
        self.total_s[route] += seconds  # type: ignore[assignment]  # a Counter adds floats as well

    def text(self, pending: int, queue: int) -> str:
        return "\n".join([*self._lines(pending, queue), ""])

    def _lines(self, pending: int, queue: int) -> Iterator[str]:
        yield from _family("requests_total", "counter", "requests by route and status", self.requests)
        ended = {_named(n, "outcome", o): c for n, r in self.rewards.items() for o, c in r.outcomes.items()}
        yield from _family("outcomes_total", "counter", "what the proxy decided, and how pairs ended", ended)
        yield from _family("masked_total", "counter", "values of null by reason", self.masked)
        asked = {_named(n): r.tally.asked for n, r in self.rewards.items()}
        yield from _family("judge_calls_total", "counter", "calls of the judge, retries included", asked)
        failed = {_named(n, "kind", k): c for n, r in self.rewards.items() for k, c in r.tally.failures.items()}
        yield from _family("judge_failures_total", "counter", "failed calls of the judge by kind", failed)
        flying = {_named(n): r.tally.in_flight for n, r in self.rewards.items()}
        yield from _family("judge_calls_in_flight", "gauge", "calls of the judge under way", flying)
        yield from _family("pending", "gauge", "calls accepted and not yet answered", {(): pending})
        yield from _family("queue", "gauge", "calls that may be pending", {(): queue})
        yield from self._histogram()

    def _histogram(self) -> Iterator[str]:
        name = PREFIX + "request_seconds"
        yield f"# HELP {name} seconds from request to answer"
        yield f"# TYPE {name} histogram"
        for route, counts in sorted(self.seconds.items()):
            below = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
                below += count
                yield f"{name}_bucket{_labels((('route', route), ('le', bound)))} {below}"
            yield f"{name}_sum{_labels((('route', route),))} {self.total_s[route]:.6f}"
            yield f"{name}_count{_labels((('route', route),))} {below}"


def _named(reward: str, *more: str) -> Labels:
    return (("reward", reward), more) if len(more) == 2 else (("reward", reward),)


def _family(name: str, kind: str, about: str, values: Mapping[Labels, int]) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {about}"
    yield f"# TYPE {PREFIX}{name} {kind}"
    for labels, value in sorted(values.items()):
        yield f"{PREFIX}{name}{_labels(labels)} {value}"


def _labels(labels: Labels) -> str:
    escaped = (f'{k}="{v.translate(_ESCAPES)}"' for k, v in labels)
    return "{" + ",".join(escaped) + "}" if labels else ""


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
