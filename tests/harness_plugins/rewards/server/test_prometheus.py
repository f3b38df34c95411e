"""What the reward server counts, as Prometheus reads it."""

from __future__ import annotations

from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from evaluators.engine.caller import Tally
from harness_plugins.rewards.server.prometheus import PREFIX, Metrics


class Reward:
    def __init__(self) -> None:
        self.tally = Tally(asked=5, in_flight=2)
        self.tally.failures["timeout"] = 3
        self.outcomes = Counter(correct=4)


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """By name, and the values of the labels in the order of the labels' names."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (s.name.removeprefix(PREFIX), *(s.labels[n] for n in sorted(s.labels))): s.value
        for f in families
        for s in f.samples
    }


def test_requests_by_route_and_status() -> None:
    metrics = Metrics({})
    metrics.answered("/v1/rpo", 200, 0.2)
    metrics.answered("/v1/rpo", 200, 40.0)
    metrics.answered("/v1/rpo", 503, 0.001)
    metrics.masked("rpo", "timeout")
    counted = samples(metrics)
    assert counted["requests_total", "/v1/rpo", "200"] == 2 and counted["requests_total", "/v1/rpo", "503"] == 1
    assert counted["masked_total", "timeout", "rpo"] == 1
    assert counted["request_seconds_bucket", "0.25", "/v1/rpo"] == 2
    assert counted["request_seconds_count", "/v1/rpo"] == 3


def test_what_rewards_count_themselves_is_read_when_asked() -> None:
    reward, waiting = Reward(), [7.0]
    metrics = Metrics({"rpo": reward})
    metrics.gauge("waiting", "requests that wait", lambda: waiting[0])
    before = samples(metrics)
    assert before["outcomes_total", "correct", "rpo"] == 4 and before["judge_calls_total", "rpo"] == 5
    assert before["judge_failures_total", "timeout", "rpo"] == 3 and before["judge_calls_in_flight", "rpo"] == 2
    reward.outcomes["wrong"] += 1
    waiting[0] = 8.0
    after = samples(metrics)
    assert after["outcomes_total", "wrong", "rpo"] == 1 and after["waiting",] == 8
