"""A scored run in a notebook."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from harness_plugins import Report, ScoredRun, score
from harness_plugins.tables.run import RUN_TABLES
from tests.conftest import ROOT
from tests.harness_plugins.scripted_judges import BY_CONTENT, judge, judged

pytestmark = pytest.mark.xdist_group("notebooks")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ScoredRun:
    return score(judged(tmp_path_factory.mktemp("notebook"), {"a": judge(BY_CONTENT)}).folder)


def test_it_is_the_report_with_more(report: ScoredRun) -> None:
    assert repr(report) == f"{report.folder}: w's rubrics help by their content."
    assert isinstance(report, Report) and report.conclusions[0].verdict == "helps by its content"


def test_numbers_as_a_table_of_pandas(report: ScoredRun) -> None:
    pytest.importorskip("pandas")
    frame = report.to_pandas()
    accuracy = frame[(frame.metric == "accuracy") & (frame.judge == "a")].set_index("arm").value
    assert accuracy["none"] == 0.5 and accuracy["transferred"] == 0.8
    assert len(frame) == len(report.objects())


def test_a_cell_shows_the_answer_as_html(report: ScoredRun) -> None:
    html = report._repr_html_()
    assert html.startswith("<p><strong>w&#x27;s rubrics help a by their content") and html.count("<table>") == 1
    assert "<caption>pairs: accuracy by position" in report.tables(["position"])
    assert set(RUN_TABLES) > {"position"}


def test_figures_and_items(report: ScoredRun) -> None:
    pytest.importorskip("matplotlib")
    figures = report.figures()
    assert {"answer-pairs", "position-pairs", "transitions-pairs"} <= set(figures)
    assert figures["answer-pairs"]._repr_png_().startswith(b"\x89PNG")
    (item,) = report.show(where="transferred=fixed", limit=1)
    assert "Rubric of w for" in item


def test_without_rubrics_a_cell_shows_the_judges(tmp_path: Path) -> None:
    report = score(judged(tmp_path, {"a": judge(BY_CONTENT)}, arms="none", rubrics={}).folder)
    assert "a is right on 50.0 % of 40 items" in report._repr_html_()


def test_the_notebook_among_the_examples_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its cells one after the other, as Jupyter runs them; what is stored in it is what comes out."""
    for package in ("pandas", "matplotlib"):
        pytest.importorskip(package)
    monkeypatch.chdir(ROOT / "examples")
    names: dict[str, Any] = {}
    for cell in json.loads((ROOT / "examples" / "first_look.ipynb").read_text())["cells"]:
        if cell["cell_type"] == "code":
            tree = ast.parse("".join(cell["source"]))
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "first_look.ipynb", "exec"), names)
            value = (
                eval(compile(ast.Expression(last.value), "first_look.ipynb", "eval"), names)
                if isinstance(last, ast.Expr)
                else None
            )
            stored = [
                text for o in cell["outputs"] for text in (o.get("text") or o.get("data", {}).get("text/html") or ())
            ]
            if stored:
                shown = value._repr_html_() if hasattr(value, "_repr_html_") else capsys.readouterr().out
                assert "".join(stored) == shown
