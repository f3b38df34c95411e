"""`export`: what it says of the copy, and the places that it refuses. `tests/harness_plugins/scoring` has what is in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_plugins.cli import main
from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


def test_it_says_what_the_copy_holds(judged: Path, tmp_path: Path, typed: Typed) -> None:
    out = tmp_path / "public"
    done = typed("export", judged, "--public", "--out", out)
    assert done.code == COMPLETE and done.out.startswith(f"Export:  {out} (")
    assert "Holds:   12 items, 240 verdicts, 12 rubrics; no texts, media or paths" in done.out
    assert done.out.splitlines()[-1] == f"Score:   rubric-harness score {out}"
    assert (out / "about.json").exists() and typed("score", out).code == COMPLETE


def test_an_empty_folder_is_a_place(judged: Path, tmp_path: Path, typed: Typed) -> None:
    assert typed("export", judged, "--public", "--out", tmp_path).code == COMPLETE
    assert (tmp_path / "about.json").exists()


def test_bad_places_are_refused(judged: Path, tmp_path: Path, typed: Typed) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (tmp_path / "file").touch()
    for out, why in (
        (tmp_path / "full", "not empty"),
        (tmp_path / "file", "no folder"),
        (judged / "public", "is inside the run folder"),
        (judged, "is inside the run folder"),
    ):
        done = typed("export", judged, "--public", "--out", out)
        assert done.code == BAD_INPUT and why in done.err


def test_one_must_say_that_one_means_it(judged: Path, tmp_path: Path, typed: Typed) -> None:
    done = typed("export", judged, "--out", tmp_path / "new")
    assert done.code == BAD_INPUT and "add --public" in done.err and not (tmp_path / "new").exists()


def test_what_is_no_run_folder(tmp_path: Path, typed: Typed) -> None:
    done = typed("export", tmp_path, "--public", "--out", tmp_path / "new")
    assert done.code == BAD_INPUT and "no run folder" in done.err


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    text = capsys.readouterr().out
    assert all(word in text for word in ("--public", "kept:", "removed:", "hashed:", "about.json", "metrics.json"))
