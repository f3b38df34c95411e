"""`check`: whole or not, as a line and as an exit code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE, ERRORS_REMAIN
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


def test_a_folder_that_is_whole(judged: Path, typed: Typed) -> None:
    done = typed("check", judged)
    assert done.code == COMPLETE
    first, *lines = done.out.splitlines()
    assert first == f"{judged}: whole" and "Items:    pairs: 12" in lines and "Cells:    10 of 10 complete" in lines
    assert not any(line.startswith("Run the same config again") for line in lines)


def test_one_that_lacks_a_verdict_names_the_cell(judged: Path, tmp_path: Path, typed: Typed) -> None:
    folder = Path(shutil.copytree(judged, tmp_path / "out"))
    verdicts = (folder / "verdicts.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "verdicts.jsonl").write_bytes(b"".join(verdicts[1:]))
    done = typed("check", folder)
    assert done.code == ERRORS_REMAIN and done.out.startswith(f"{folder}: not whole\n")
    assert "23 of 24 answered" in done.out and done.out.endswith(
        "Run the same config again to ask for what is missing.\n"
    )


def test_what_is_no_run_folder(tmp_path: Path, typed: Typed) -> None:
    done = typed("check", tmp_path)
    assert done.code == BAD_INPUT and "no run folder" in done.err
