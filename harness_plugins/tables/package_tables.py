"""Tables that other packages bring (`harness_plugins.plugins.TABLES`). One that fails takes nothing else with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from evaluators.errors import UserError
from harness_plugins.plugins import TABLES
from harness_plugins.scoring.report import Report
from harness_plugins.tables.model import Table
from harness_plugins.tables.run import titled


class PackageTables(NamedTuple):
    """The tables of other packages, and why some are not there."""

    tables: Sequence[Table] = ()
    problems: Sequence[str] = ()
    """Each names the package and its table, and what to do."""

    def check(self) -> None:
        """To be called when all else is printed or written.

        Raises:
            UserError: a package's table has failed.
        """
        if self.problems:
            raise UserError(*self.problems)


NONE = PackageTables()


def package_tables(reports: Sequence[Report]) -> PackageTables:
    """The tables of other packages of each run, in the order of their names."""
    tables: list[Table] = []
    problems: dict[str, None] = {}
    for report in reports:
        for name in TABLES.others():
            try:
                run_tables = TABLES.module(name).tables(report)
                for table in run_tables:
                    table.check()
                tables += titled([table.without_empty() for table in run_tables], report, reports)
            except UserError as e:
                problems |= dict.fromkeys(e.lines)
            except Exception as e:  # a stranger's table may raise anything
                whose = f"the table {name!r} of the package {TABLES.distribution(name)}"
                problems[
                    f"{whose} failed: {type(e).__name__}: {e}; all else is there; update that package or uninstall it"
                ] = None
    return PackageTables(tables, tuple(problems))
