"""Numbers known from outside, on the real rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness_plugins import run, score
from harness_plugins.benchmarks.loader import load_benchmark
from tests.conftest import real

CONFIG = """
benchmarks: [{{name: {name}, path: {path}, media: optional}}]
arms: [none]
judges: [{{name: longest, backend: baseline}}]
"""


def longest(tmp_path: Path, name: str, path: Path) -> dict[str, tuple[float, float]]:
    config = tmp_path / "c.yaml"
    config.write_text(CONFIG.format(name=name, path=path))
    result = run(config, out=tmp_path / "run")
    assert result.complete
    return {o["metric"]: (o["k"], o["n"]) for o in score(tmp_path / "run").objects() if o["judge"] == "longest"}


def test_longest_on_mm_rlhf_rewardbench(tmp_path: Path) -> None:
    found = longest(tmp_path, "mm_rlhf_rewardbench", real("mm_rlhf_rewardbench"))
    assert found["strict_both"] == (122, 170)
    assert found["accuracy"] == (123, 170)
    assert found["acc_plus_expected"] == (22.5, 46)


def test_longest_on_vl_rewardbench(tmp_path: Path) -> None:
    found = longest(tmp_path, "vl_rewardbench", real("vl_rewardbench") / "rows.jsonl")
    assert found["strict_both"] == (262, 600)
    categories = {m: n for m, (_, n) in found.items() if m.startswith("accuracy[")}
    assert categories == {"accuracy[general]": 80, "accuracy[hallucination]": 368, "accuracy[reasoning]": 152}


def test_all_real_rows_load_and_canonical_order_hides_the_label() -> None:
    vl = load_benchmark("vl_rewardbench", path=real("vl_rewardbench") / "rows.jsonl", media="optional").items
    mm = load_benchmark("mm_rlhf_rewardbench", path=real("mm_rlhf_rewardbench"), media="optional").items
    assert (len(vl), len(mm)) == (600, 170)
    assert len({i.uid for i in vl}) == 600, "source ids repeat, uids do not"
    assert len({i.source_id for i in vl}) < 600
    assert len({i.group for i in mm}) == 46
    assert Counter(i.category for i in mm) == {"mcq": 42, "long": 37, "short": 34, "safety": 32, "video": 25}
    for items in (vl, mm):
        first = sum(i.label.preferred == 0 for i in items) / len(items)
        assert 0.4 < first < 0.6, "stored order prefers the first nearly always; canonical order must not"
        assert sum(i.stored == (0, 1) for i in items) not in (0, len(items))


def test_other_category_maps_in_circulation() -> None:
    items = load_benchmark("vl_rewardbench", path=real("vl_rewardbench") / "rows.jsonl", media="optional").items
    assert Counter(i.categories["case_sensitive"] for i in items) == {
        "hallucination": 229,
        "general": 219,
        "reasoning": 152,
    }


def test_rows_without_media_are_an_error_unless_optional() -> None:
    from evaluators.errors import UserError

    with pytest.raises(UserError) as e:
        load_benchmark("mm_rlhf_rewardbench", path=real("mm_rlhf_rewardbench"))
    assert "line 1" in e.value.lines[0]
    assert "media: optional" in e.value.lines[-1]
