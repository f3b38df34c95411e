"""What the forest shows of a run."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from evaluators.errors import BackendError
from evaluators.prompts.template import Case
from evaluators.testing.mock import Reply
from harness_plugins import run, score
from harness_plugins.figures.forest import Axis, extent, forest_of, stand_in
from tests.conftest import ROOT
from tests.harness_plugins.scripted_judges import BY_CONTENT, FEW, MORE, judge, judged


def test_a_row_a_writer_with_its_judges_and_controls(tmp_path: Path) -> None:
    right = BY_CONTENT | {"generic": FEW | {5}}
    forest = forest_of(judged(tmp_path, {"a": judge(right), "b": judge(right | {"transferred": FEW | {5}})}))
    assert forest is not None
    (panel,) = forest.panels
    (row,) = panel.rows
    assert (panel.benchmark, panel.items, panel.judges, row.writer) == ("pairs", 40, ("a", "b"), "w")
    assert row.gain is not None and row.gain.value == pytest.approx(0.2)
    assert {j.judge: pytest.approx(j.gain.value) for j in row.judges} == {"a": 0.3, "b": 0.1}
    gains = {c.title: c.gain and c.gain.value for c in row.controls}
    assert gains == {"other item's": 0.0, "generic": pytest.approx(0.1)}, "the same items and judges as the gain"


def test_a_gain_and_its_lead_make_the_control(tmp_path: Path) -> None:
    (conclusion,) = judged(tmp_path, {"a": judge(BY_CONTENT | {"generic": MORE - {0}})}).conclusions
    gain, lead, control = conclusion.gain, conclusion.tested["generic"], conclusion.control_gains["generic"]
    assert gain is not None and control.value == pytest.approx(gain.value - lead.value)


def test_the_axis_holds_every_interval_and_zero(tmp_path: Path) -> None:
    forest = forest_of(judged(tmp_path, {"a": judge(BY_CONTENT), "b": judge(BY_CONTENT | {"transferred": {0}})}))
    assert forest is not None
    axis, row = forest.axis, forest.panels[0].rows[0]
    ends = [end for x in (row.gain, *(j.gain for j in row.judges)) if x is not None for end in extent(x)]
    assert axis.low <= min(ends) and max(ends) <= axis.high and axis.low <= 0 <= axis.high
    assert len(axis.ticks) <= 7 and (axis.share(axis.low), axis.share(axis.high), axis.share(9)) == (0, 1, 1)
    steps = {round(b - a, 9) for a, b in zip(axis.ticks, axis.ticks[1:], strict=False)}
    assert len(steps) == 1 and min(abs(tick) for tick in axis.ticks) < 1e-9


def test_a_place_on_the_axis() -> None:
    assert Axis(-0.1, 0.3, ()).share(0.1) == pytest.approx(0.5)


def test_missing_answers_leave_bounds(tmp_path: Path) -> None:
    def fails(case: Case) -> Reply:
        last = case.item.prompt.endswith(" 39") and case.rubric is not None
        return BackendError("rejected", "no") if last else judge(BY_CONTENT)(case)

    forest = forest_of(judged(tmp_path, {"a": fails}))
    assert forest is not None
    (row,) = forest.panels[0].rows
    assert row.gain is not None and not row.gain.complete and row.gain.bounds is not None
    assert extent(row.gain) == row.gain.bounds and row.verdict == "cannot say"


def test_a_baseline_stands_in_where_no_model_judged(tmp_path: Path) -> None:
    forest = forest_of(score(run(ROOT / "examples" / "demo.yaml", out=tmp_path, limit=12).out))
    assert forest is not None
    rows = forest.panels[0].rows
    assert [(row.writer, row.baseline, row.judges) for row in rows] == [
        ("careful", "lexical", ()),
        ("vague", "lexical", ()),
    ]
    assert all(row.gain is not None and not math.isnan(row.gain.value) for row in rows)
    assert [c.arm for c in rows[0].controls] == ["shuffled", "generic", "repeat"]


def test_without_rubrics_there_is_none(tmp_path: Path) -> None:
    assert forest_of(judged(tmp_path, {"a": judge(BY_CONTENT)}, arms="none", rubrics={})) is None


def test_a_model_that_has_not_answered_yet_is_waited_for(tmp_path: Path) -> None:
    """The baselines are done first: they say nothing in its place."""
    report = judged(tmp_path, {"a": judge(BY_CONTENT)}, "", "none, generic, transferred, shuffled")
    verdicts = tmp_path / "out" / "verdicts.jsonl"
    verdicts.write_bytes(
        b"".join(x for x in verdicts.read_bytes().splitlines(keepends=True) if b'"judge":"a"' not in x)
    )
    forest = forest_of(score(report.folder))
    assert forest is not None
    (row,) = forest.panels[0].rows
    assert row.baseline is None and row.mark.words == "cannot say"


def test_a_baseline_with_answers_missing_gives_no_number(tmp_path: Path) -> None:
    folder = run(ROOT / "examples" / "demo.yaml", out=tmp_path, limit=12).out
    lines = (folder / "verdicts.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "verdicts.jsonl").write_bytes(
        b"".join(
            x
            for n, x in enumerate(lines)
            if n % 3 or not (b'"lexical"' in x and b'"transferred"' in x and b'"careful"' in x)
        )
    )
    forest = forest_of(score(folder))
    assert forest is not None
    text = stand_in(forest.panels[0].rows)
    assert "vague's" in text and "careful's" not in text
