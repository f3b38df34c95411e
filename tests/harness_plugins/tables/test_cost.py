"""The tables of what was spent. The numbers: tests/harness_plugins/scoring/test_costs.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluators.errors import UserError
from evaluators.testing.mock_server import MockServer
from harness_plugins import run
from harness_plugins.tables.cost import FORMATS, costs_of
from tests.conftest import MakePairs
from tests.harness_plugins.tables.sections import sections


@pytest.fixture
def out(make_pairs: MakePairs, tmp_path: Path) -> Path:
    make_pairs(4, images=False)
    with MockServer().running() as server:
        path = tmp_path / "c.yaml"
        path.write_text(
            "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none, generic]\nout: out\n"
            f"judges: [{{name: j, backend: openai, model: m, base_url: '{server.url}'}}]\n"
        )
        return run(path).out


def test_tokens_are_told_and_money_where_prices_are_known(out: Path, tmp_path: Path) -> None:
    plain = sections(FORMATS["md"](costs_of([out], None)))
    assert plain and all("m" in str(rows) for rows in plain.values())
    prices = tmp_path / "prices.yaml"
    prices.write_text("currency: EUR\nmodels: {m: {read: 1.0, written: 2.0}}\n")
    priced = FORMATS["md"](costs_of([out], prices))
    assert "EUR" in priced and "EUR" not in FORMATS["md"](costs_of([out], None))


def test_the_same_as_objects(out: Path) -> None:
    objects = json.loads(FORMATS["json"](costs_of([out], None)))
    calls = [o for o in objects if o.get("metric") == "calls"] or objects
    assert calls and "16" in json.dumps(objects), "four pairs, two orders, two arms"


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        costs_of([tmp_path], None)
