"""A paper's table laid out: columns, cells, and footnotes in order of appearance."""

from __future__ import annotations

import re

import pytest

from harness_plugins.tables.paper import paper_table
from harness_plugins.tables.paper.layout import laid_out
from harness_plugins.tables.paper.spec import load_table_spec, spec_names


@pytest.mark.parametrize("name", [n for n in spec_names() if load_table_spec(n).published])
def test_rows_are_as_wide_as_the_header_and_marks_have_footnotes(name: str) -> None:
    paper = paper_table(name, [])
    table = laid_out(paper)
    table.check()
    assert len(table.rows) == len(paper.rows)
    assert [c.header for c in table.columns if c.holds == "names"][-1] == "from"
    marks = [m for row in table.rows for cell in row for m in cell.marks]
    assert set(marks) == set(table.footnotes)
    sources = [int(m) for m in dict.fromkeys(marks) if m.isdecimal()]
    assert sources == list(range(1, len(sources) + 1)), "numbered as they appear"
    assert all(re.fullmatch(r"\d+|†\d+", m) for m in marks)
    assert any(note.startswith("published: as printed") for note in table.notes)
