"""Win rates in each format."""

from __future__ import annotations

import csv
import io
import json

from harness_plugins.rpo.run_folder import HeldOutRow
from harness_plugins.rpo.tables import FORMATS
from harness_plugins.rpo.win_rates import win_rates

ROWS = [
    HeldOutRow(50, "test", "judge", False, f"p{n}", "a prompt", share, False, None, ())
    for n, share in enumerate([1.0, 1.0, 0.5, 0.0, None])
]


def test_markdown_has_the_interval_and_who_gave_no_answer() -> None:
    table = FORMATS["md"](win_rates(ROWS))
    assert "| 50   | test    | judge | 62.5 %" in table
    assert "| 4   | 1 " in table


def test_csv_and_json_have_the_numbers() -> None:
    (line,) = csv.DictReader(io.StringIO(FORMATS["csv"](win_rates(ROWS))))
    (value,) = json.loads(FORMATS["json"](win_rates(ROWS)))
    assert float(line["value"]) == value["value"] == 0.625
    assert value["low"] < 0.625 < value["high"]
    assert (value["prompts"], value["unanswered"]) == (5, 1)
