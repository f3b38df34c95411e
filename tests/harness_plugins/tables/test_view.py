"""One benchmark of a report: its cells, and how judges and writers are called in its tables."""

from __future__ import annotations

from harness_plugins.tables.view import View, views
from tests.harness_plugins.tables.reports import cell, report


def test_a_benchmark_has_its_own_cells() -> None:
    of_both = report(cell(), cell("generic"), cell(benchmark="others"))
    assert [(v.benchmark, [c.arm for c in v.cells]) for v in views(of_both)] == [
        ("pairs", ["none", "generic"]),
        ("others", ["none"]),
    ]


def test_a_judge_that_reads_no_rubric_stands_once() -> None:
    (view,) = views(
        report(cell(judge="first", blind=True), cell("generic", judge="first", blind=True), cell("generic"))
    )
    assert [view.about(c.judge, c.writer, c.arm) for c in view.cells] == ["first, -, none", "qwen, -, generic"]


def test_names_say_how_a_judge_was_asked_and_what_a_rubric_is_for() -> None:
    scored = cell("transferred", judge="scorer", writer="gpt", grading="pointwise", rubrics="shared")
    view = View(report(scored, cell("transferred", writer="ann", rubrics="by item")), "pairs")
    assert view.row(scored) == ("scorer (pointwise)", "gpt (shared)", "transferred")
    assert (view.judge("qwen"), view.writer("ann"), view.writer(None)) == ("qwen", "ann", "")
    assert view.about("scorer", "gpt") == "scorer (pointwise), gpt (shared)"
