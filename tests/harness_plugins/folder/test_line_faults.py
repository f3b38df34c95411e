"""Lines that are JSON with the right fields and no records that can be counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evaluators.records import Label
from harness_plugins.benchmarks.loader import load_benchmark
from harness_plugins.folder.line_faults import item_fault, verdict_fault

VERDICT: dict[str, Any] = {
    "key": "0" * 64,
    "call": "c" * 64,
    "benchmark": "demo",
    "judge": "j",
    "arm": "none",
    "writer": None,
    "item": "a",
    "order": "AB",
    "status": "ok",
    "pick": 0,
}


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, ""),
        ({"status": "tie", "pick": None}, ""),
        ({"pick": None, "score": 3.0, "candidate": 1}, ""),
        ({"status": "fine"}, "status or order: unknown"),
        ({"order": "AC"}, "status or order: unknown"),
        ({"key": "0"}, "key or call: no digest"),
        ({"key": 7}, "key, call, status or order: no text"),
        ({"writer": 1}, "key, call, benchmark, item, judge, arm or writer: no text"),
        ({"sample": True}, "sample, replicate or candidate: no whole number"),
        ({"pick": 9}, "pick or score: does not go with the status 'ok'"),
        ({"status": "unparsed"}, "pick or score: does not go with the status 'unparsed'"),
        ({"answer": {"text": "A"}}, "answer: no answer of a model"),
    ],
)
def test_faults_of_verdicts(fields: dict[str, Any], fault: str) -> None:
    assert verdict_fault(VERDICT | fields) == fault


def test_a_field_that_is_not_there_is_named() -> None:
    assert verdict_fault({k: v for k, v in VERDICT.items() if k != "arm"}) == "arm: field required"


def test_faults_of_items() -> None:
    item = load_benchmark("demo").items[0]
    assert item_fault(item) == ""
    assert item_fault(replace(item, candidates=item.candidates[:1])) == "candidates: 1, not 2 to 9"
    assert item_fault(replace(item, stored=(0, 0))) == "stored: not the places of the candidates"
    assert item_fault(replace(item, label=Label(preferred=5))) == "label: prefers none of the candidates"
    assert item_fault(replace(item, label=Label("ranks", 0, (0, 1, 2)))) == "label: not a rank for each candidate"
