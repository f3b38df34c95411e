"""Tables as one page: every text is escaped, and every footnote is where its mark points."""

from __future__ import annotations

from harness_plugins.tables.model import Grid, GridCell, html


def test_texts_of_others_are_no_markup() -> None:
    attack = "<script>alert(1)</script>"
    grid = Grid(
        attack, [attack, "n"], [[[GridCell(attack), GridCell("1", bold=True)]]], notes=[attack], warnings=[attack]
    )
    page = html([grid])
    assert attack not in page and page.count("&lt;script&gt;") >= 5
    assert "<strong>1</strong>" in page


def test_marks_point_to_their_footnotes() -> None:
    cell = GridCell("1.0", marks=("1", "†1"), state="published")
    page = html([Grid("t", ["m", "x"], [[[GridCell("a"), cell]]], footnotes={"1": "a paper", "†1": "a flag"})])
    for mark, text in (("1", "a paper"), ("†1", "a flag")):
        target = page.split(f'">{mark}</a>')[0].rpartition('href="#')[2]
        assert f'<li id="{target}">{mark}: {text}</li>' in page
    assert 'data-state="published"' in page
