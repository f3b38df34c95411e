"""`show`: an item with all that the judge read and said."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_plugins import score
from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


def test_it_prints_prompt_media_rubric_and_both_replies(judged: Path, typed: Typed) -> None:
    done = typed("show", judged, "--where", "none=mixed transferred=right", "--limit", "1")
    assert done.code == COMPLETE
    for part in (
        "prompt: question",
        "images/",
        "Prefer the good answer",
        "AB (first: candidate 0)",
        "BA (first: candidate 1)",
    ):
        assert part in done.out


@pytest.mark.parametrize("state", ["fixed", "broken"])
def test_as_many_are_fixed_as_the_tables_say(state: str, judged: Path, typed: Typed) -> None:
    (cell,) = (c for c in score(judged).cells if (c.judge, c.arm) == ("lexical", "transferred"))
    count = cell.gained if state == "fixed" else cell.lost
    shown = typed("show", judged, "--judge", "lexical", "--where", f"transferred={state}").out
    assert f", {count:.0f} found;" in shown if count else "No item fits." in shown


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["nowhere"], "nowhere: no run folder"),
        (["out", "--where", "none=rihgt"], "give ARM=STATE: unknown state 'rihgt'; did you mean 'right'?"),
        (["out", "--where", "nnoe=right"], "in this run: unknown arm 'nnoe'; did you mean 'none'?"),
        (["out", "--judge", "x"], "in this run: unknown judge 'x'; there are: lexical, longest"),
        (["out", "--judge", "longst"], "unknown judge 'longst'; did you mean 'longest'?"),
    ],
)
def test_a_mistake_is_told_by_name(
    argv: list[str], complaint: str, judged: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(judged.parent)
    done = typed("show", *argv)
    assert done.code == BAD_INPUT and complaint in done.err
