"""What is said above the numbers of a run: only where the data show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from harness_plugins.rpo.alarms import alarms, spoils
from harness_plugins.rpo.run_folder import HeldOutRow
from harness_plugins.rpo.win_rates import result
from tests.harness_plugins.rpo.rpo_runs import compared, step_row

TWO_JUDGES = {
    "reward": {"judge": {"name": "a", "backend": "openai", "model": "m"}},
    "audit": {"judge": {"name": "b", "backend": "openai", "model": "n"}},
}
ALL = {"decided": 8}


def said(rows: list[HeldOutRow], recipe: Mapping[str, Any] = TWO_JUDGES) -> str:
    return " ".join(f.text for f in spoils(result(rows), recipe))


def test_what_was_never_answered_is_a_share() -> None:
    assert "never answered on 2 of 8 development prompts (25 %)" in said(compared([1.0] * 6 + [None] * 2, 25))


def test_the_training_s_judge_alone_is_named_for_what_it_is() -> None:
    assert "is the one that trained" in said(compared([1.0, 0.5], 25))
    both = [*compared([1.0, 0.5], 25), *compared([1.0, 0.5], 25, judge="audits")]
    assert "is the one that trained" not in said(both)


@pytest.mark.parametrize("same", [True, False])
def test_an_audit_by_the_same_model_confirms_nothing(same: bool) -> None:
    rows = [*compared([1.0, 0.5], 25), *compared([1.0, 0.5], 25, judge="audits")]
    recipe = TWO_JUDGES | ({"audit": {"judge": {"name": "b", "backend": "openai", "model": "m"}}} if same else {})
    assert ("confirms nothing" in said(rows, recipe)) == same


def test_an_audit_that_sees_no_gain_says_so() -> None:
    gain = compared([1.0, 1.0, 1.0, 0.5] * 8, 25)
    assert "does not see the gain" in said([*gain, *compared([1.0, 0.0, 0.5, 0.5] * 8, 25, judge="audits")])
    assert "says the opposite" in said([*gain, *compared([0.0, 0.0, 0.5, 0.0] * 8, 25, judge="audits")])
    assert "audit" not in said([*gain, *compared([1.0, 1.0, 1.0, 0.5] * 8, 25, judge="audits")])


def test_an_interval_around_half_shows_nothing() -> None:
    assert "holds 50 %: 4 development prompts show no gain" in said(compared([1.0, 0.0, 0.5, 0.5], 25))
    assert "holds 50 %" not in said(compared([1.0, 1.0, 1.0, 0.5] * 8, 25))


def test_an_adapter_that_changes_nothing_is_named() -> None:
    assert "changes nothing yet" in said(compared([0.5] * 4, 25, equal=True))
    assert spoils(None, TWO_JUDGES) == []


def test_a_quiet_run_has_no_alarm() -> None:
    assert alarms([step_row(s, ALL) for s in range(30)], compared([1.0, 0.5], 25)) == []
    assert alarms([], []) == []


def test_few_decided_pairs_are_an_alarm_with_its_reasons() -> None:
    (alarm,) = alarms([step_row(s, {"decided": 3, "disagree": 4, "tie": 1}) for s in range(12)], [])
    assert alarm.kind == "warning"
    assert "80 pairs of the last 10 steps, 38 % were decided (disagree 40, tie 10)" in alarm.text
    assert not alarms([step_row(s, {"decided": 4, "tie": 4}) for s in range(12)], [])


def test_a_jump_of_kl_is_one_and_growth_is_none() -> None:
    grown = [step_row(s, ALL, kl=1e-6 * s**2) for s in range(40)]
    assert not alarms(grown, [])
    (alarm,) = alarms([*grown, step_row(40, ALL, kl=0.05)], [])
    assert "At step 41" in alarm.text and "jumped to 0.05" in alarm.text


def test_inexact_replay_and_steps_without_an_update_are_named() -> None:
    rows = [step_row(0, ALL), step_row(1, ALL, ratio_off=0.004), step_row(2, ALL, updated=False)]
    inexact, idle = alarms(rows, [])
    assert "up to 0.004 from 1 (step 2; above 0.001 at 1 of 3 steps)" in inexact.text
    assert "1 of 3 steps made no update" in idle.text and idle.text.endswith(": 3.")


def test_judges_that_part_are_a_warning_beyond_chance_and_a_finding_within() -> None:
    def between(after: list[float | None]) -> list[HeldOutRow]:
        return [
            *compared([0.5] * len(after), 25),
            *compared([1.0] * len(after), 50),
            *compared([0.5, 1.0] * (len(after) // 2), 25, judge="audits"),
            *compared(after, 50, judge="audits"),
        ]

    (sure,) = alarms([], between([0.0, 0.0] * 8))
    assert sure.kind == "warning" and "loses what the other one sees" in sure.text and "-75.0 points" in sure.text
    (unsure,) = alarms([], between([1.0, 0.0] * 4))
    assert unsure.kind == "finding" and "within chance" in unsure.text
