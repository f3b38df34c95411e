"""Whether a judge takes a rubric's content or the writer's verdict."""

from __future__ import annotations

from harness_plugins.scoring.metrics import Trials
from harness_plugins.tables.run_tables.following import tables
from tests.harness_plugins.tables.reports import cell, metric, report, rows

FOLLOWS = (metric("sycophancy", 1, 8), metric("pull", 3, 4), metric("recovery", 1, 2), metric("net_recovery", -1, 8))


def test_differences_have_a_sign_and_shares_have_none() -> None:
    (row,) = rows(tables(report(cell("transferred", *FOLLOWS, writer="gpt"))))
    assert (row["sycophancy"], row["net"]) == ("+12.5 (n 8)", "-12.5 (n 8)")
    assert (row["pull"], row["recovery"]) == ("75.0 (n 4)", "50.0 (n 2)")


def test_rows_are_the_complete_cells_in_which_a_trial_could_recover() -> None:
    cells = (
        cell("none"),
        cell("transferred", *FOLLOWS, writer="gpt", trials=Trials(7, 8)),
        cell("shuffled", metric("recovery", 0, 0), writer="gpt"),
    )
    (row,) = rows(tables(report(*cells)))
    assert (row["arm"], row["pull"], row["recovery"]) == ("shuffled", "", "")


def test_no_table_where_no_verdict_of_the_writers_is_known() -> None:
    assert not tables(report(cell("generic", metric("recovery", 1, 2))))
