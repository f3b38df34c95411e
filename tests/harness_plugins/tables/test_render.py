"""Tables in each format: every text is escaped, and every footnote is where its mark points."""

from __future__ import annotations

from harness_plugins.tables.model import Cell, Table, names, numbers
from harness_plugins.tables.render import csv_lines, html, latex, markdown


def table() -> Table:
    shown = Table(
        "t", "T", [*names("judge"), *numbers("accuracy")], footnotes={"1": "a source"}, warnings=["half of it"]
    )
    shown.add("qwen", Cell("50.0 (1/2)", 50.0, bold=True, marks=("1",)))
    shown.groups.append([])
    shown.add("first", Cell("incomplete", state="incomplete"))
    return shown


def test_one_table_in_each_format() -> None:
    assert markdown([table()]).splitlines()[:6] == [
        "### T", "", "> **Warning:** half of it  ", "", "| judge | accuracy           |", "|-------|--------------------|",
    ]  # fmt: skip
    assert "**50.0 (1/2)** [1]" in markdown([table()]) and "- [1] a source" in markdown([table()])
    tex = latex([table()])
    assert r"\begin{tabular}{lr}" in tex and r"\textbf{50.0 (1/2)}$^{1}$" in tex and tex.count(r"\midrule") == 2
    page = html([table()])
    assert '<td class="number"><strong>50.0 (1/2)</strong><sup><a href="#t1-1">1</a></sup></td>' in page
    assert '<td class="number" data-state="incomplete">incomplete</td>' in page and page.count("<tbody>") == 2


def test_texts_of_others_are_no_markup() -> None:
    attack = "<script>alert(1)</script>"
    shown = Table("t", attack, [*names(attack), *numbers("n")], notes=[attack], warnings=[attack])
    shown.add(attack, Cell("1", bold=True))
    page = html([shown])
    assert attack not in page and page.count("&lt;script&gt;") >= 5
    assert "<strong>1</strong>" in page


def test_marks_point_to_their_footnotes() -> None:
    shown = Table("t", "T", [*names("m"), *numbers("x")], footnotes={"1": "a paper", "†1": "a flag"})
    shown.add("a", Cell("1.0", marks=("1", "†1"), state="published"))
    page = html([shown])
    for mark, text in (("1", "a paper"), ("†1", "a flag")):
        target = page.split(f'">{mark}</a>')[0].rpartition('href="#')[2]
        assert f'<li id="{target}">{mark}: {text}</li>' in page
    assert 'data-state="published"' in page


def test_a_line_of_csv_is_no_formula() -> None:
    assert csv_lines(("a", "b"), [{"a": "=1+1", "b": 2, "c": 3}]) == "a,b\n'=1+1,2\n"
