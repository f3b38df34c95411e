"""What is said at the end of a command that asked models."""

from __future__ import annotations

import pytest

from evaluators.engine.caller import Tally
from harness_plugins.cli.outcome import SHOWN_PICTURES, print_failures, print_spent


def failed(**kinds: int) -> Tally:
    tally = Tally()
    tally.statuses["error"] = sum(kinds.values())
    tally.unanswered.update(kinds)
    tally.examples.update(dict.fromkeys(kinds, "what the server said"))
    return tally


def told(tally: Tally, capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_failures(tally, "verdicts")
    printed = capsys.readouterr()
    assert not printed.out
    return printed.err.splitlines()


def test_nothing_is_said_where_nothing_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    print_spent(Tally())
    assert told(Tally(), capsys) == [] and capsys.readouterr().out == ""


def test_failures_stand_by_kind_the_most_frequent_first(capsys: pytest.CaptureFixture[str]) -> None:
    first, *kinds, last = told(failed(timeout=1, server=3), capsys)
    assert first == "4 verdicts are still missing (errors are never scored):"
    assert [line.split(":")[0] for line in kinds] == ["  3 server", "  1 timeout"]
    assert all(line.endswith("such as: what the server said") for line in kinds)
    assert last == "Run the same command again to ask for them."


def test_what_was_never_reached_is_missing_too(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    tally.parts["judge"].total, tally.parts["judge"].written = 10, 7
    assert told(tally, capsys)[0].startswith("3 verdicts are still missing")


@pytest.mark.parametrize(
    ("kinds", "mend"),
    [
        ({"image": 2}, "fix the pictures"),
        ({"rejected": 2, "image": 1}, "change the model's options or its server"),
    ],
)
def test_what_asking_again_cannot_help(kinds: dict[str, int], mend: str, capsys: pytest.CaptureFixture[str]) -> None:
    last = told(failed(**kinds), capsys)[-1]
    assert last.startswith("Asking again cannot help: ") and mend in last


def test_pictures_are_named_up_to_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    tally = failed(image=SHOWN_PICTURES + 2)
    tally.pictures.update({f"{n}.png: broken": None for n in range(SHOWN_PICTURES + 2)})
    lines = told(tally, capsys)
    assert "what the server said" not in "".join(lines) and "    0.png: broken" in lines
    assert lines[-2].startswith("    ... and 2 more") and lines.count("    21.png: broken") == 0
