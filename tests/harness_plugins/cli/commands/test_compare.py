"""`compare`: its mistakes, told by name. `tests/harness_plugins/scoring/test_compare.py` has what it finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness_plugins.cli import main
from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE
from tests.conftest import ROOT
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two writers. Not to be changed."""
    out = tmp_path_factory.mktemp("compare") / "demo"
    command = ["run", str(ROOT / "examples" / "demo.yaml"), "--out", str(out), "--quiet", "--limit", "8"]
    assert main([*command, "--only", "judge=lexical,arm=none,arm=transferred"]) == COMPLETE
    return out


def test_the_first_line_is_the_answer(demo: Path, typed: Typed) -> None:
    writers = ("--writer-a", "vague", "--writer-b", "careful")
    done = typed("compare", demo, demo, *writers)
    assert done.code == COMPLETE and ": demo, careful (B) against vague (A): " in done.out.splitlines()[0]
    assert json.loads(typed("compare", demo, demo, *writers, "--format", "json").out)["answer"][0] in " ".join(
        done.out.split()
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--writer-a", "careful", "--writer-b", "careful"], "say whose rubrics to compare"),
        (["--writer-b", "carefull"], "unknown writer 'carefull'; did you mean 'careful'?"),
        (["--arm", "nnoe"], "unknown arm 'nnoe'; did you mean 'none'?"),
        (["--protocol", "strct"], "unknown protocol 'strct'; did you mean 'strict'?"),
    ],
)
def test_a_mistake_is_told_by_name(options: list[str], complaint: str, demo: Path, typed: Typed) -> None:
    done = typed("compare", demo, demo, *options)
    assert done.code == BAD_INPUT and complaint in done.err


def test_what_is_no_run_folder(demo: Path, typed: Typed) -> None:
    done = typed("compare", demo, demo.parent)
    assert done.code == BAD_INPUT and f"{demo.parent}: no run folder" in done.err
