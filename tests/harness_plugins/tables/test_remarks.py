"""What stands above and below a benchmark's tables."""

from __future__ import annotations

from harness_plugins.scoring.arrays import FormCounts
from harness_plugins.scoring.caveats import Caveat, Share
from harness_plugins.scoring.cells import Unequal
from harness_plugins.tables.remarks import answers, contrasts, flags, no_finding, warnings
from harness_plugins.tables.view import View
from tests.harness_plugins.tables.reports import cell, difference, metric, report


def test_what_spoils_numbers_stands_at_its_benchmark_and_what_is_lost_at_the_first() -> None:
    unread = Caveat("limit", "others", None, (Share("", None, 4, 1000),))
    spoiled = report(cell(), cell(benchmark="others"), losses=["2 items are gone"], caveats=[unread])
    assert warnings(spoiled, "pairs") == ["2 items are gone."]
    assert warnings(spoiled, "others") == ["4 of 1,000 rows were judged: these are not the benchmark's numbers."]


def test_a_rubric_that_some_items_have_has_the_accuracy_on_those() -> None:
    partly = cell("transferred", metric("accuracy_with_rubric", 2, 3), writer="gpt")
    assert warnings(report(partly), "pairs") == ["qwen, gpt, transferred: 66.7 (2/3) on the items with a rubric alone."]


def test_replies_of_several_forms_are_told_from_one_in_a_hundred_on() -> None:
    few, many = cell(forms=FormCounts(1, 100)), cell("generic", forms=FormCounts(2, 100))
    (note,) = answers(View(report(few, many), "pairs"))
    assert note == "qwen, -, generic: 2 of 100 replies hold several different forms of a verdict."


def test_low_mass_is_explained_where_an_answer_has_it() -> None:
    assert not answers(View(report(cell("none", metric("low_mass", 0, 8))), "pairs"))
    (note,) = answers(View(report(cell("none", metric("low_mass", 1, 8))), "pairs"))
    assert note.startswith("low_mass: ")


def test_tables_show_the_differences_from_none_and_shuffled() -> None:
    by_reference = {r: difference(0.01, r) for r in ("generic", "shuffled", "none")}
    assert [x.reference for x in contrasts(cell(contrasts=by_reference))] == ["none", "shuffled"]


def test_what_would_count_but_for_its_sides_is_no_finding() -> None:
    spoiled = difference(0.05, unequal=[Unequal("unparsed", 0.3, 0.01)])
    weak = difference(0.05, p=0.5, unequal=[Unequal("unparsed", 0.3, 0.01)])
    view = View(report(cell("generic", contrasts={"none": spoiled}), cell("repeat", contrasts={"none": weak})), "pairs")
    assert no_finding(view) == ["qwen, -, generic minus none is no finding: unparsed 30.0 % here, 1.0 % in none."]


def test_no_item_that_differs_is_no_answer() -> None:
    (note,) = no_finding(View(report(cell("repeat", contrasts={"none": difference(0, differs=False)})), "pairs"))
    assert note.startswith("no answer: no item came out differently")


def test_flags_name_their_cell() -> None:
    assert flags(View(report(cell("leak", flags=["told the label"])), "pairs")) == ["qwen, -, leak: told the label."]
