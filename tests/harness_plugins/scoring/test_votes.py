"""Votes over several samples: the formula against brute force, and the numbers of a run."""

from __future__ import annotations

from itertools import combinations, count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge
from harness_plugins import run, score
from harness_plugins.scoring.votes import Tally, vote_right
from harness_plugins.tables.run import tables
from tests.conftest import MakePairs

samples = st.lists(st.sampled_from([1, -1, 0]), min_size=1, max_size=5)


@given(samples, st.data())
@settings(max_examples=60)
def test_the_formula_is_the_mean_over_all_draws(one: list[int], data: st.DataObject) -> None:
    """1 is right, -1 wrong, 0 no choice."""
    other = data.draw(st.lists(st.sampled_from([1, -1, 0]), min_size=len(one), max_size=len(one)))
    drawn = data.draw(st.integers(1, len(one)))
    outcomes = [sum(a) + sum(b) for a in combinations(one, drawn) for b in combinations(other, drawn)]
    expected = sum(1.0 if m > 0 else 0.5 if m == 0 else 0.0 for m in outcomes) / len(outcomes)
    forward, reverse = (Tally(samples.count(1), samples.count(-1)) for samples in (one, other))
    assert vote_right(forward, reverse, len(one), drawn) == pytest.approx(expected)


def test_all_samples_vote_in_the_end(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(4, images=False)
    config = tmp_path / "votes.yaml"
    judge = "name: m, backend: openai, model: m, base_url: 'http://unused.invalid/v1', samples: 3, temperature: 1"
    config.write_text(
        f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\narms: [none]\nout: out\njudges: [{{{judge}}}]\n"
    )
    spec = JudgeSpec(
        name="m", backend="openai", model="m", base_url="http://unused.invalid/v1", samples=3, temperature=1
    )
    report = score(run(config, judges={"m": MockJudge(spec, lambda case: "1")}).out)
    found = next(c for c in report.cells if c.judge == "m").metrics
    assert [n for n in found if n.startswith("vote@")] == ["vote@2", "vote@4", "vote@6"]


def test_a_run_with_samples(make_pairs: MakePairs, tmp_path: Path) -> None:
    """A judge that is right in three of four samples is nearly always right by vote."""
    make_pairs(8, images=False)
    turn = count()

    def mostly_good(case: Case) -> str:
        good = case.shown()[0].text.startswith("good")
        return "1" if good == (next(turn) % 4 != 0) else "2"

    config = tmp_path / "votes.yaml"
    config.write_text(
        "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none]\nout: out\njudges:\n"
        "  - {name: m, backend: openai, model: m, base_url: 'http://unused.invalid/v1', samples: 4, temperature: 0.7}\n"
    )
    spec = JudgeSpec(
        name="m", backend="openai", model="m", base_url="http://unused.invalid/v1", samples=4, temperature=0.7
    )
    report = score(run(config, judges={"m": MockJudge(spec, mostly_good)}).out)
    found = next(c for c in report.cells if c.judge == "m").metrics
    assert found["accuracy"].value == found["vote@2"].value == pytest.approx(0.75)
    assert found["vote@8"].value == 1.0 > found["vote@4"].value > 0.75
    assert found["vote_share"].value == pytest.approx(0.75)
    table = next(t for t in tables([report]) if "by calls and tokens" in t.title)
    rows = [dict(zip(table.headers, row, strict=True)) for row in table.texts]
    bought = [(row["decided by"], row["calls"], row["accuracy"]) for row in rows]
    assert bought[0] == ("one sample, 2 orders", "2", "75.0 (6/8)") and bought[-1] == ("vote@8", "8", "100.0 (8/8)")
