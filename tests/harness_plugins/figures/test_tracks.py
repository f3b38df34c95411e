"""The lines of figures: the same for the page and for files."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.errors import BackendError
from evaluators.prompts.template import Case
from evaluators.testing.mock import Reply
from harness_plugins import score
from harness_plugins.figures.forest import forest_of
from harness_plugins.figures.grid import grids_of
from harness_plugins.figures.positions import positions_of
from harness_plugins.figures.tracks import accuracy_tracks, by_writer, part_tracks, position_tracks
from harness_plugins.scoring.report import Report
from tests.crossed import WRITERS, crossed
from tests.harness_plugins.scripted_judges import BY_CONTENT, FEW, MORE, Right, judge, judged


def first_panel(report: Report):  # type: ignore[no-untyped-def]
    forest = forest_of(report)
    assert forest is not None
    return by_writer(forest)["w"][0].tracks


def test_a_writer_has_its_mean_its_judges_and_its_controls(tmp_path: Path) -> None:
    right = BY_CONTENT | {"repeat": MORE}
    tracks = first_panel(judged(tmp_path, {"a": judge(right), "b": judge(right | {"transferred": FEW | {5}})}))
    assert [line.label for line in tracks.lines] == ["its rubrics", "each judge", "other item's", "generic"]
    own, judges, shuffled, _ = tracks.lines
    assert own.text.startswith("+20.0 [") and (own.symbol, own.tone, own.minor) == ("diamond", "yes", False)
    assert {dot.name: round(dot.value, 9) for dot in judges.dots} == {
        "a": 0.3,
        "b": 0.1,
    } and judges.text == "+10.0 to +30.0"
    assert shuffled.minor and shuffled.text == "nothing changed"


@pytest.mark.parametrize(
    ("right", "symbol", "tone"),
    [
        (BY_CONTENT | {"generic": MORE | {8, 9}}, "diamond", "control"),
        (BY_CONTENT | {"transferred": {0}}, "triangle", "worse"),
        (BY_CONTENT | {"transferred": {0, 1, 2, 3, 5}}, "open diamond", "open"),
    ],
)
def test_shape_and_colour_say_the_verdict(tmp_path: Path, right: Right, symbol: str, tone: str) -> None:
    own = first_panel(judged(tmp_path, {"a": judge(right)})).lines[0]
    assert (own.symbol, own.tone) == (symbol, tone)


def test_missing_answers_are_where_the_gain_must_lie(tmp_path: Path) -> None:
    def fails(case: Case) -> Reply:
        last = case.item.prompt.endswith(" 39") and case.rubric is not None
        return BackendError("rejected", "no") if last else judge(BY_CONTENT)(case)

    own = first_panel(judged(tmp_path, {"a": fails})).lines[0]
    assert (
        own.interval is None
        and own.bounds is not None
        and own.text == (f"{100 * own.bounds.low:+.1f} to {100 * own.bounds.high:+.1f}")
    )


def test_a_category_goes_from_without_to_with(tmp_path: Path) -> None:
    report = score(crossed(tmp_path, 12, categories=("colour", "shape")))
    (grid,) = grids_of(report)
    tracks = part_tracks(grid.lines, "colour")
    assert (tracks.title, tracks.about, tracks.unit) == ("colour", "6 items", "per cent")
    assert [line.label for line in tracks.lines] == list(WRITERS)
    for line, drawn in zip(grid.lines, tracks.lines, strict=True):
        part = next(p for p in line.conclusion.parts if p.category == "colour")
        assert drawn.value - drawn.start == pytest.approx(part.gain.value) and part.gain.n == 6


def test_a_position_goes_from_last_to_first(tmp_path: Path) -> None:
    (part,) = positions_of(judged(tmp_path, {"a": judge(BY_CONTENT)}))
    none, own = position_tracks(part.judges[0]).lines
    assert (none.label, none.start, none.value, none.text) == ("no rubric", 0.5, 0.5, "+0.0")
    assert own.tone == "yes" and none.minor


def test_judges_without_rubrics_best_first(tmp_path: Path) -> None:
    right = {"a": FEW, "b": MORE}
    report = judged(tmp_path, {n: judge({"none": x}) for n, x in right.items()}, arms="none", rubrics={})
    tracks = accuracy_tracks(report, "pairs")
    assert [line.label for line in tracks.lines][:2] == ["b", "a"] and tracks.reference == 0.5
    assert tracks.lines[0].text.startswith("80.0 % [") and all(line.minor for line in tracks.lines[2:])
