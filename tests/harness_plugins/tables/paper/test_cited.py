"""The published rows of a paper's table: as printed, each number with its source."""

from __future__ import annotations

import pytest

from harness_plugins.tables.paper.cited import cited
from harness_plugins.tables.paper.spec import load_table_spec, spec_names


@pytest.mark.parametrize("name", spec_names())
def test_every_number_has_a_source_and_stands_as_printed(name: str) -> None:
    spec = load_table_spec(name)
    rows = cited(spec)
    assert bool(rows) is bool(spec.published) and all(row.origin == "published" and row.cells for row in rows)
    for row in rows:
        for key, cell in row.cells.items():
            assert key in {c.key for c in spec.columns}
            assert cell.state == "published" and cell.sources and not cell.bold
            assert cell.value is not None and cell.text.startswith(cell.text.split()[0])
            assert float(cell.text.split()[0]) == cell.value


def test_rows_of_one_name_are_one_row() -> None:
    rows = cited(load_table_spec("proxy_grm_main"))
    assert len({(r.model, r.method, r.writer, r.rubrics) for r in rows}) == len(rows)
