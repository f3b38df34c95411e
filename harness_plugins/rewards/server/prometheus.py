"""What the reward server counts, for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import prometheus_client as prometheus
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from evaluators.engine.caller import Tally

PREFIX = "rubric_harness_reward_"
BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds."""
CONTENT_TYPE = prometheus.CONTENT_TYPE_LATEST


class Counting(Protocol):
    """A reward that counts."""

    tally: Tally
    outcomes: Counter[str]


class Metrics:
    """Args:
    rewards: those that are served, by name, with what they count themselves.
    """

    def __init__(self, rewards: Mapping[str, Counting]) -> None:
        self._registry = prometheus.CollectorRegistry()
        self._requests = prometheus.Counter(
            PREFIX + "requests", "requests by route and status", ["route", "status"], registry=self._registry
        )
        self._masked = prometheus.Counter(
            PREFIX + "masked", "values of null by reason", ["reward", "reason"], registry=self._registry
        )
        self._leaks = prometheus.Counter(
            PREFIX + "leaks", "rubrics that give their verdict away, by how", ["kind"], registry=self._registry
        )
        self._seconds = prometheus.Histogram(
            PREFIX + "request_seconds",
            "seconds from request to answer",
            ["route"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Tallies(rewards))

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """What is looked up when somebody asks."""
        prometheus.Gauge(PREFIX + name, about, registry=self._registry).set_function(value)

    def answered(self, route: str, status: int, seconds: float) -> None:
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def masked(self, reward: str, reason: str) -> None:
        self._masked.labels(reward, reason).inc()

    def leak(self, kind: str) -> None:
        self._leaks.labels(kind).inc()

    def text(self) -> bytes:
        return prometheus.generate_latest(self._registry)


class _Tallies:
    """What the rewards count themselves, read when somebody asks."""

    def __init__(self, rewards: Mapping[str, Counting]) -> None:
        self._rewards = rewards

    def collect(self) -> Iterator[Metric]:
        ended = CounterMetricFamily(
            PREFIX + "outcomes", "what the proxy decided, and how pairs ended", labels=["reward", "outcome"]
        )
        calls = CounterMetricFamily(PREFIX + "judge_calls", "calls of the judge, retries included", labels=["reward"])
        failures = CounterMetricFamily(
            PREFIX + "judge_failures", "failed calls of the judge by kind", labels=["reward", "kind"]
        )
        flying = GaugeMetricFamily(PREFIX + "judge_calls_in_flight", "calls of the judge under way", labels=["reward"])
        for name, reward in self._rewards.items():
            for outcome, count in reward.outcomes.items():
                ended.add_metric([name, outcome], count)
            calls.add_metric([name], reward.tally.asked)
            for kind, count in reward.tally.failures.items():
                failures.add_metric([name, kind], count)
            flying.add_metric([name], reward.tally.in_flight)
        yield from (ended, calls, failures, flying)
