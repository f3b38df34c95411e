"""What a long command says of its steps."""

from __future__ import annotations

import pytest

from harness_plugins.experiment import progress
from harness_plugins.experiment.progress import Steps


@pytest.mark.parametrize(
    ("shows", "total", "lines"), [(True, 3, ["hashing 1/3", "hashing 3/3"]), (True, 0, []), (False, 3, [])]
)
def test_a_line_each_now_and_then(
    shows: bool, total: int, lines: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PLAIN_S", 0.0)
    with Steps(shows).counted("hashing", total) as count:
        for done in (1, 2):
            count(done)
    assert capsys.readouterr().err.splitlines() == lines


def test_no_line_before_it_is_time(capsys: pytest.CaptureFixture[str]) -> None:
    with Steps(True).counted("hashing", 3) as count:
        count(1)
    assert capsys.readouterr().err == ""
