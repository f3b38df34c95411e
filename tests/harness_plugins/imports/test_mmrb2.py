"""MMRB2's predictions: a verdict in each order. Its published figure again: test_imports.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.errors import UserError
from harness_plugins.imports import import_results, mmrb2
from tests.conftest import read_jsonl, write_jsonl


def imported(folder: Path, rows: list[dict[str, object]], name: str = "mmrb2_t2i/j.jsonl") -> list[dict[str, object]]:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    import_results("mmrb2", [write_jsonl(path, rows)], folder / "run")
    return read_jsonl(folder / "run" / "verdicts.jsonl")


def test_each_order_is_a_verdict_and_a_missing_one_names_nobody(tmp_path: Path) -> None:
    verdicts = imported(tmp_path, [{"id": 1, "chosen": "A", "forward": "A", "reverse": None}])
    assert len(verdicts) == 2 and {v["order"] for v in verdicts} == {"AB", "BA"}
    assert {v["status"]: v["benchmark"] for v in verdicts} == {"ok": "mmrb2_t2i", "unparsed": "mmrb2_t2i"}
    (item,) = read_jsonl(tmp_path / "run" / "items.jsonl")
    assert next(v["pick"] for v in verdicts if v["status"] == "ok") == item["label"]["preferred"]


@pytest.mark.parametrize(
    ("row", "name", "complaint"),
    [
        ({"id": 1, "forward": "A"}, "mmrb2_t2i/j.jsonl", "needs `id` and `chosen`"),
        ({"id": 1, "chosen": "A", "forward": "C"}, "mmrb2_t2i/j.jsonl", "forward is 'C'; it must be A, B or null"),
        ({"id": 1, "chosen": "A", "forward": "A"}, "other/j.jsonl", "neither file nor folder names mmrb2_t2i"),
    ],
)
def test_refused(row: dict[str, object], name: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=complaint):
        imported(tmp_path, [row], name)
    assert not (tmp_path / "run").exists()
    assert mmrb2.FILES == ("*.jsonl", "*.json")
