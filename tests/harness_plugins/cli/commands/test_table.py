"""`table`: every format, several runs, and a paper's table. `tests/harness_plugins/tables` has what stands in them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from harness_plugins.cli import main
from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE
from tests.conftest import ROOT
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")

JUDGED = "a run folder"


def test_every_format(judged: Path, typed: Typed) -> None:
    def table(*arguments: str | Path) -> str:
        done = typed("table", *arguments)
        assert done.code == COMPLETE
        return done.out

    assert table(judged, "--format", "md").startswith("### pairs: points of accuracy gained over no rubric, 12 items")
    rows = list(csv.DictReader(io.StringIO(table(judged, "--format", "csv"))))
    assert {r["metric"] for r in rows} >= {"accuracy", "strict_both", "gain_over_none", "gain_over_shuffled"}
    assert {r["relation"] for r in rows} == {"", "baseline"}
    latex = table(judged, "--format", "latex")
    assert latex.count(r"\toprule") == latex.count(r"\bottomrule") >= 2
    assert table(judged, "--format", "html").count("<table") >= 2
    assert table(judged).startswith("Cannot say of writer's rubrics: no model judged"), (
        "text by default, the answer first"
    )


def test_three_tables_unless_others_are_asked_for(judged: Path, typed: Typed) -> None:
    usual, every = (typed("table", judged, *options).out for options in ([], ["--all"]))
    assert "accuracy of each judge and arm" in usual and "accuracy by position" not in usual
    assert "more: accuracy, " in " ".join(usual.split()) and "more:" not in every
    assert "accuracy by position" in every and "Rubric cards" in every
    only = typed("table", judged, "--only", "position,gain").out
    assert "accuracy by position" in only and "what each arm changed" in only and "Rubric cards" not in only


def test_the_names_of_the_help_are_those_of_the_tables() -> None:
    from harness_plugins.cli.commands.table import NAMES
    from harness_plugins.tables.run import RUN_TABLES

    assert tuple(RUN_TABLES) == NAMES


def test_runs_stand_side_by_side(judged: Path, typed: Typed) -> None:
    one, two = (json.loads(typed("table", *[judged] * n, "--format", "json").out) for n in (1, 2))
    assert len(two) == 2 * len(one)


def test_the_specs_are_listed_and_shown(typed: Typed) -> None:
    lines = typed("table", "--specs").out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(p.stem for p in (ROOT / "results" / "tables").glob("*.yaml"))
    done = typed("table", "--spec", "arr_position_bias", "--format", "csv")
    assert done.code == COMPLETE and len(done.out.splitlines()) > 3


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        ([], "name a RUN_DIR, or a paper's table with --spec NAME"),
        (["--spec", "arr_preference", "--protocol", "strict"], "each column names its own protocol"),
        (["--spec", "arr_positon_bias"], "unknown table spec 'arr_positon_bias'; did you mean 'arr_position_bias'?"),
        (["config.yaml"], "config.yaml: no run folder"),
        ([JUDGED, "--only", "positon"], "--only: unknown table 'positon'; did you mean 'position'?"),
        ([JUDGED, "--only", "gain", "--format", "csv"], "leave --only and --all out"),
    ],
)
def test_a_mistake_is_told_by_name(
    argv: list[str], complaint: str, judged: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(judged.parent)
    done = typed("table", *(judged if a is JUDGED else a for a in argv))
    assert done.code == BAD_INPUT and complaint in done.err


def test_an_unknown_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["table", "x", "--format", "latx"])
    assert ended.value.code == BAD_INPUT and "unknown format 'latx'; did you mean 'latex'?" in capsys.readouterr().err
