"""Paper tables: a spec (`results/tables/NAME.yaml`), the published rows it names, and our rows beside them.

Every cell says measured, published or unavailable; no cell holds a number that was neither measured nor cited.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness_plugins.tables.paper.bold import embolden
from harness_plugins.tables.paper.cited import cited
from harness_plugins.tables.paper.measured import measured
from harness_plugins.tables.paper.rows import PaperTable
from harness_plugins.tables.paper.spec import load_table_spec, spec_names

__all__ = ["PaperTable", "listed", "paper_table"]


def paper_table(name: str, runs: Sequence[Path] = ()) -> PaperTable:
    """The table of a spec with our rows from the runs; without runs, the published rows alone.

    Raises:
        UserError: no such spec, or a folder that is not a run or has nothing for the table.
    """
    spec = load_table_spec(name)
    ours = measured(spec, runs)
    table = PaperTable(spec, [*cited(spec), *ours.rows], ours.notes, ours.warnings)
    embolden(table)
    return table


def listed() -> list[str]:
    """A line for each spec there is: its name and what it is a table of."""
    specs = [load_table_spec(name) for name in spec_names()]
    return [f"  {s.spec:24} {s.title} ({s.paper})" for s in specs]
