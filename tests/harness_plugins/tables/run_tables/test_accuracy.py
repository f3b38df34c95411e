"""The table of accuracies: what stands beside them, and which rows are no judge's own."""

from __future__ import annotations

from harness_plugins.scoring.arrays import Mass
from harness_plugins.scoring.metrics import Trials
from harness_plugins.scoring.report import ItemCounts
from harness_plugins.tables.run_tables.accuracy import tables
from tests.harness_plugins.tables.reports import cell, metric, report, rows


def test_a_row_for_each_cell_with_what_was_measured_beside_its_accuracy() -> None:
    ranked = cell("none", metric("kendall_tau", 5, 12), metric("macro", 2.25, 3), metric("parsed", 8, 8))
    (row,) = rows(tables(report(ranked)))
    assert row == {
        "judge": "qwen",
        "writer": "",
        "arm": "none",
        "relation": "",
        "accuracy": "75.0 (3/4)",
        "95 % CI": "[25.0, 100.0]",
        "macro": "75.0 (mean of 3)",
        "tau": "0.42",
        "parsed": "100.0 (8/8)",
    }


def test_what_is_incomplete_shows_no_number() -> None:
    complete, incomplete = rows(
        tables(
            report(cell("none", metric("parsed", 8, 8)), cell("generic", metric("parsed", 7, 7), trials=Trials(7, 8)))
        )
    )
    assert complete["parsed"] and (incomplete["accuracy"], incomplete["parsed"]) == ("incomplete: 7/8 answered", "")


def test_the_mass_of_one_token_answers_has_columns_where_there_are_some() -> None:
    token, text = rows(tables(report(cell(mass=Mass(8, 0.873, 0.125)), cell("generic"))))
    assert (token["mass (median)"], token["mass below .5"]) == ("0.87", "12.5")
    assert (text["mass (median)"], text["mass below .5"]) == ("", "")
    assert "mass (median)" not in rows(tables(report(cell())))[0]


def test_rows_that_are_no_judges_own_are_named() -> None:
    shown = report(
        cell("leak"),
        cell("grm", judge="gpt", computed=True),
        cell(judge="longest", computed=True),
        notes=["Read anew."],
    )
    shown.items["pairs"] = ItemCounts(4, 3, 1)
    (table,) = tables(shown)
    assert table.title == "pairs, 4 items in 3 clusters, protocol strict"
    assert table.notes[0].startswith("Protocol strict: every trial counts.")
    assert table.notes[1:] == [
        "1 items whose label prefers no candidate are not part of any accuracy.",
        "leak: probes that see the label; they have no place in a paper's table.",
        "grm: the writer's own verdicts (gpt).",
        "Computed from the items, not run: longest.",
        "Read anew.",
    ]
