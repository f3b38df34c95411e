"""What was asked and what it took."""

from __future__ import annotations

from harness_plugins.config.prices import Prices
from harness_plugins.folder.usage import Paid, Usage
from harness_plugins.tables.run_tables.paid import paid_table, tables
from tests.harness_plugins.tables.reports import report, rows

JUDGE = Paid(
    "judge", "qwen", "m", Usage(calls=8, requests=8, known=8, read=4_000_000, cached=1_000_000, written=2000), 8
)
WRITER = Paid("writer", "gpt", "w", Usage(calls=4, requests=5, known=2, read=1000, written=500), 4, retried=3, failed=1)
PRICES = Prices.model_validate({"currency": "EUR", "models": {"m": {"read": 1, "cached": 0.5, "written": 2}}})


def test_each_and_all_of_them() -> None:
    judge, writer, total = rows([paid_table([JUDGE, WRITER], None)])
    assert (judge["who"], writer["who"], total["who"]) == ("judge qwen", "writer gpt", "all")
    assert [r["calls"] for r in (judge, writer, total)] == ["8", "5", "13"]
    assert (judge["tokens read"], judge["from cache"], judge["tokens known"]) == ("4,000,000", "1,000,000", "100 %")
    assert (total["tokens read"], total["tokens known"]) == ("4,001,000", "83.3 % (10 of 12)")


def test_money_with_what_the_cache_saved_and_at_least_that_where_some_is_not_known() -> None:
    judge, writer, total = rows([paid_table([JUDGE, WRITER], PRICES)])
    assert (judge["cost"], judge["of one"]) == ("3.50 EUR", "0.438 EUR"), "3 + 0.5 + 0.004, over 8 verdicts"
    assert (writer["cost"], total["cost"]) == ("no price", "at least 3.50 EUR")


def test_notes_say_what_is_in_no_number() -> None:
    notes = " ".join(paid_table([JUDGE, WRITER], PRICES).notes)
    for said in (
        "Tokens are known for 83.3 % (10 of 12) of the calls",
        "1 of the calls failed",
        "3 failed attempts were asked again",
        "No price for w: add",
    ):
        assert said in notes
    assert paid_table([JUDGE], None).notes[-1] == "In money with `--prices FILE`."


def test_an_induction_is_named_and_calls_that_tell_nothing_are_not_free() -> None:
    silent = Paid("induction", "gpt", "m", Usage(calls=2, requests=2), 1)
    (row,) = rows([paid_table([silent], PRICES)])
    assert (row["who"], row["tokens read"], row["tokens known"]) == ("induction by gpt", "", "0 %")
    assert row["cost"] == "not known"


def test_no_table_where_no_model_was_asked() -> None:
    assert not tables(report())
