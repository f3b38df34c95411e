"""Accuracy by calls and tokens. The numbers: tests/harness_plugins/scoring/test_costs.py."""

from __future__ import annotations

import math

from harness_plugins.tables.run_tables.cost import tables
from tests.harness_plugins.tables.reports import cell, metric, point, report, rows

NONE = cell("none", metric("strict_both", 2, 4), metric("vote_share", 6, 8))
READ = cell("transferred", writer="gpt")


def test_votes_stand_below_the_arm_that_they_are_of() -> None:
    single, voted, transferred = rows(
        tables(
            report(
                NONE,
                READ,
                costs=[
                    point(),
                    point(votes=4, calls=4.0, frontier=True),
                    point("transferred", "gpt", writer_read=30.0, writer_written=20.0, cost=200.0),
                ],
            )
        )
    )
    assert [r["decided by"] for r in (single, voted, transferred)] == [
        "one sample, 2 orders",
        "vote@4",
        "one sample, 1 order",
    ]
    assert (single["calls"], single["tokens read"], single["written"]) == ("2", "100", "50")
    assert (voted["frontier"], single["frontier"]) == ("yes", "")
    assert (single["writer's share"], transferred["writer's share"]) == ("", "30 + 20")
    assert transferred["cost of 1,000 items"] == "200 k tokens"


def test_what_is_not_known_is_said() -> None:
    unknown = point("transferred", "gpt", writer_read=math.nan, writer_written=math.nan, cost=math.nan, with_usage=6)
    (table,) = tables(report(NONE, READ, costs=[unknown]))
    assert dict(zip(table.headers, table.texts[0], strict=True))["writer's share"] == "not known"
    assert table.notes[0] == "qwen, -, none: the majority holds 75.0 % of an order's samples."
    assert table.notes[2:] == [
        "qwen, gpt, transferred: tokens are known for 75 % (6 of 8) of its calls; the others are taken to be like them.",
        "What gpt's rubrics took to write is not recorded (a file without it), so its rows are on no frontier.",
    ]


def test_no_table_where_nothing_tells_its_tokens() -> None:
    assert not tables(report(NONE, costs=[point(with_usage=0)]))
