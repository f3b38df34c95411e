"""Win rates, by hand; which checkpoint is picked, and what is reported of it."""

from __future__ import annotations

import numpy as np
import pytest

from harness_plugins.rpo.win_rates import ALIKE, partings, picked, result, win_rates
from tests.harness_plugins.rpo.rpo_runs import compared


def test_a_rate_is_the_mean_over_prompts_that_were_answered() -> None:
    (rate,) = win_rates(compared([1.0, 0.5, 0.0, 1.0, None], 50))
    assert rate.value == pytest.approx(0.625)
    assert (rate.prompts, rate.answered, rate.unanswered, rate.equal) == (5, 4, 1, 0)
    assert "62.5 %" in rate.sentence and "4 development prompts, 1 more without an answer" in rate.sentence


def test_its_interval_is_that_of_a_bootstrap_over_prompts() -> None:
    shares = [1.0, 0.5, 0.0, 1.0, 1.0, 0.5, 1.0, 1.0] * 8
    (rate,) = win_rates(compared(shares, 50))
    rng = np.random.default_rng(7)
    means = [rng.choice(shares, len(shares)).mean() for _ in range(4000)]
    assert rate.interval == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.02)
    assert win_rates(compared(shares, 50)) == [rate], "the same each time"


def test_an_interval_has_a_width_where_all_prompts_ended_alike() -> None:
    (rate,) = win_rates(compared([1.0] * 20, 50))
    assert rate.interval is not None and rate.interval.low < 0.9 and rate.interval.high == pytest.approx(1)


def test_nothing_answered_is_no_rate() -> None:
    (rate,) = win_rates(compared([None, None], 50))
    assert rate.value is None and rate.interval is None and "no answer on any of 2" in rate.sentence


def test_rates_are_apart_by_set_step_and_judge() -> None:
    rows = [
        *compared([1.0], 50, judge="audits"),
        *compared([0.0], 50),
        *compared([0.5], 25),
        *compared([1.0], 50, "test"),
    ]
    assert [(r.held_out, r.step, r.judge, r.value) for r in win_rates(rows)] == [
        ("development", 25, "trains", 0.5),
        ("development", 50, "trains", 0.0),
        ("development", 50, "audits", 1.0),
        ("test", 50, "trains", 1.0),
    ]


def test_the_highest_is_picked_and_of_equals_the_earliest() -> None:
    rows = [
        *compared([0.5, 1.0], 25),
        *compared([1.0, 1.0], 50),
        *compared([1.0, 1.0], 75),
        *compared([0.0, 0.0], 25, judge="audits"),
        *compared([1.0, 1.0], 100, "test"),
    ]
    assert picked(rows) == 50, "by the training's judge on the development prompts alone"
    assert picked(compared([None], 25)) is None and picked([]) is None


def test_the_picked_checkpoint_is_reported_on_the_test_prompts() -> None:
    rows = [
        *compared([1.0, 1.0], 25),
        *compared([0.5, 0.0], 50),
        *compared([1.0, 0.5, 0.5, 1.0], 25, "test"),
        *compared([0.0, 0.5, 0.5, 1.0], 25, "test", "audits"),
    ]
    reported = result(rows)
    assert reported is not None and (reported.step, reported.on) == (25, "test")
    first, second, third = reported.sentences
    assert "judge trains prefers the picture of step 25" in first and "75.0 %" in first and "4 test prompts" in first
    assert "audit's judge audits" in second and "50.0 %" in second
    assert "picked on 2 development prompts (100.0 %), and is reported on others" in third


def test_until_then_the_newest_is_reported_on_the_development_prompts() -> None:
    rows = [*compared([1.0, 1.0], 25), *compared([0.5, 0.0], 50)]
    reported = result([*rows, *compared([1.0], 50, "test")])
    assert reported is not None and (reported.step, reported.on) == (50, "development")
    assert "No checkpoint was compared on the test prompts yet" in reported.sentences[-1]
    assert result([]) is None and result(compared([1.0], 25, judge="audits")) is None


def test_judges_part_where_one_rises_and_the_other_falls() -> None:
    rows = [
        *compared([0.5, 0.5, 1.0, 0.0] * 4, 25),
        *compared([1.0, 1.0, 1.0, 0.5] * 4, 50),
        *compared([1.0, 1.0, 0.5, 0.5] * 4, 25, judge="audits"),
        *compared([0.0, 0.5, 0.5, 0.5] * 4, 50, judge="audits"),
    ]
    (parting,) = partings(rows)
    assert (parting.judge, parting.audit) == ("trains", "audits")
    assert (parting.fall.before, parting.fall.after) == (25, 50)
    assert parting.rise.value == pytest.approx(0.375) and parting.fall.value == pytest.approx(-0.375)
    assert parting.fall.beyond_chance
    assert not partings([r for r in rows if not r.audit])
    assert not partings([*compared([0.5, 1.0], 25), *compared([1.0, 1.0], 25, judge="audits")]), "both rise"


def test_the_start_is_half_and_a_fall_from_it_counts() -> None:
    rows = [*compared([1.0] * ALIKE, 25), *compared([0.0] * ALIKE, 25, judge="audits")]
    (parting,) = partings(rows)
    assert (parting.fall.before, parting.fall.value, parting.fall.interval) == (0, -0.5, None)
    assert parting.fall.beyond_chance
    (few,) = partings([r for r in rows if r.uid in ("d0", "d1")])
    assert not few.fall.beyond_chance, "two prompts that changed alike say little"
