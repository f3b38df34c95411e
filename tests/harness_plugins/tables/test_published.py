"""Published numbers: every file loads, the lint finds the cells known to be wrong and no others."""

from __future__ import annotations

from collections import Counter
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness_plugins.tables.paper.lint import Flag, counts, lint
from harness_plugins.tables.paper.published import PublishedTable, published

TABLES = {t.table: t for t in published()}
FLAGS = lint(published())

ROWS = {
    "arr_cardinality": 4,
    "arr_cross_model": 4,
    "arr_generation_edit": 11,
    "arr_generation_t2i": 22,
    "arr_position_bias": 9,
    "arr_preference": 14,
    "mm_rlhf_rewardbench": 20,
    "mm_rlhf_rewardbench_paper": 4,
    "multimodal_rewardbench": 22,
    "multimodal_rewardbench_official": 8,
    "proxy_grm_ablation": 6,
    "proxy_grm_main": 4,
    "proxy_grm_main_notes": 3,
    "vl_rewardbench": 34,
}


def flagged(table: str, row: str, column: str) -> dict[str, str]:
    return {f.kind: f.why for f in FLAGS if (f.table, f.row, f.column) == (table, row, column)}


def changed(table: str, row: str, **words: Any) -> list[Flag]:
    """The lint of one row of a table, with other words on it."""
    whole = TABLES[table].model_dump(exclude_none=False)
    for column in whole["columns"]:
        column.update(words.pop("columns", {}))
    whole["rows"] = [r for r, kept in zip(whole["rows"], TABLES[table].rows, strict=True) if kept.label == row]
    whole["rows"][0].update(words)
    return lint([PublishedTable(**{**whole, "flagged": ()})])


def test_all_files_load_with_all_their_rows() -> None:
    assert {name: len(t.rows) for name, t in TABLES.items()} == ROWS


def test_every_cell_says_where_it_comes_from() -> None:
    assert not [f for f in FLAGS if f.kind == "missing_provenance"]
    for table in published():
        for row in table.rows:
            for key, cell in row.values.items():
                assert cell is None or table.conventions(row, key).sources


def test_a_cell_without_provenance_is_flagged() -> None:
    whole = TABLES["arr_cardinality"].model_dump()
    whole["defaults"] = {"split": "none", "aggregate": "micro", "order": "both", "trials": 2, "unparsed": "wrong"}
    found = lint([PublishedTable(**whole)])
    assert len(found) == 4 and {f.kind for f in found} == {"missing_provenance"}
    assert found[0].why == "nothing is said of: sources, revision, dataset_rows"


def test_every_table_marks_what_the_lint_flags() -> None:
    for table in published():
        said = Counter((m.row, m.column, m.kind) for m in table.flagged)
        found = Counter((f.row, f.column, f.kind) for f in FLAGS if f.table == table.table)
        assert said == found, table.table


@given(n=st.integers(1, 20_000), data=st.data(), places=st.integers(0, 3), scale=st.sampled_from([1, 100]))
def test_whatever_is_a_share_is_feasible(n: int, data: st.DataObject, places: int, scale: int) -> None:
    k = data.draw(st.integers(0, n))
    exact, unit = Decimal(k) * scale / n, Decimal(1).scaleb(-places)
    for mode in (ROUND_DOWN, ROUND_HALF_UP, ROUND_HALF_EVEN):
        assert k in counts(str(exact.quantize(unit, rounding=mode)), n, scale)
    assert k in counts(str(exact.quantize(unit, rounding=ROUND_DOWN)), n, scale, "truncated")
    assert k in counts(str(exact.quantize(unit, rounding=ROUND_HALF_UP)), n, scale, "rounded")
    assert k in counts(f"{100 * k / n:.{places}f}", n)


@given(n=st.integers(1, 60), places=st.integers(0, 2), data=st.data())
def test_feasible_counts_are_those_of_brute_force(n: int, places: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(0, 100 * 10**places))
    printed = str(Decimal(value).scaleb(-places))
    steps = [Fraction(k * 100 * 10**places, n) for k in range(n + 1)]
    rounded = [k for k, x in enumerate(steps) if abs(x - value) <= Fraction(1, 2)]
    truncated = [k for k, x in enumerate(steps) if value <= x < value + 1]
    assert list(counts(printed, n, printing="rounded")) == rounded
    assert list(counts(printed, n, printing="truncated")) == truncated
    assert list(counts(printed, n)) == sorted({*rounded, *truncated})


@pytest.mark.parametrize(
    ("printed", "n", "k"),
    [
        ("75.22", 1247, 938), ("73.38", 1247, 915), ("74.98", 1247, 935),
        ("73.14", 1247, 912), ("74.02", 1247, 923), ("72.25", 1247, 901),
        ("71.92", 1250, 899), ("82.94", 170, 141), ("80.59", 170, 137), ("71.18", 170, 121), ("82.35", 170, 140),
        ("63.84", 484, 309), ("85.71", 448, 384), ("64.78", 318, 206), ("64.28", 42, 27), ("13.04", 46, 6),
    ],
)  # fmt: skip
def test_numbers_whose_counts_are_known(printed: str, n: int, k: int) -> None:
    assert list(counts(printed, n)) == [k]


@pytest.mark.parametrize(
    ("table", "row", "column", "kind", "why"),
    [
        ("proxy_grm_main_notes", "Claude-3.7-Sonnet", "mm_rlhf_rewardbench", "infeasible", "no k of 170 is printed 82.43"),
        ("proxy_grm_main_notes", "GPT-4o", "mm_rlhf_rewardbench", "infeasible", "no k of 170 is printed 73.93"),
        ("proxy_grm_main", "Proxy-GRM", "multimodal_rewardbench", "infeasible", "perhaps a mean over groups"),
        ("proxy_grm_main", "IXC-2.5-Reward", "vl_rewardbench", "infeasible", "65.8 would be possible"),
        ("mm_rlhf_rewardbench", "BaseReward (Qwen2.5-VL)", "mcq", "infeasible", "no k of 42 is printed 95.74"),
        ("mm_rlhf_rewardbench", "BaseReward (Qwen2.5-VL)", "long", "infeasible", "no k of 37 is printed 97.38"),
        ("mm_rlhf_rewardbench", "BaseReward (Qwen2.5-VL)", "short", "infeasible", "no k of 34 is printed 94.13"),
        ("vl_rewardbench", "LLaVA-Critic | as BaseReward prints it", "macro", "macro_mismatch", "50.77"),
        ("vl_rewardbench", "LLaVA-Critic | as BaseReward prints it", "overall", "macro_mismatch", "41.2"),
        ("vl_rewardbench", "Claude-3.7-Sonnet", "overall", "macro_mismatch", "66.31"),
        ("vl_rewardbench", "BaseReward (Qwen2.5-VL)", "overall", "macro_mismatch", "82.16"),
        ("vl_rewardbench", "Qwen2.5-VL-7B", "overall", "split_mismatch", "unified_reward (631/301/318)"),
        ("vl_rewardbench", "Qwen2.5-VL-72B", "overall", "split_mismatch", "unified_reward (631/301/318)"),
        ("vl_rewardbench", "InternVL3-8B", "overall", "split_mismatch", "unified_reward (631/301/318)"),
        ("vl_rewardbench", "InternVL3-78B", "overall", "split_mismatch", "unified_reward (631/301/318)"),
        ("arr_cross_model", "Gemini 3.1 Pro", "hpdv3", "duplicate", "75.9 here, 76.6 in arr_"),
        ("arr_cross_model", "Gemini 3.1 Pro | ARR | rubrics of Gemini 3.1 Pro | K=5", "hpdv3", "duplicate", "78.3 in arr_"),
        ("arr_preference", "Gemini 3.1 Pro", "hpdv3", "duplicate", "76.6 here, 75.9 in arr_cross_model"),
    ],
)  # fmt: skip
def test_cells_known_to_be_wrong_are_flagged(table: str, row: str, column: str, kind: str, why: str) -> None:
    assert why in flagged(table, row, column)[kind]


def test_the_leaderboard_is_whole() -> None:
    """Its README prints all six groups of all eight models."""
    rows = TABLES["multimodal_rewardbench_official"].rows
    assert len(rows) == 8 and all(cell is not None for r in rows for cell in r.values.values())
    assert [c.value for c in rows[3].values.values() if c] == [".624", ".600", ".684", ".612", ".546", ".519", ".771"]


def test_rows_known_to_be_right_are_not_flagged() -> None:
    clean = {
        "arr_position_bias": 7,
        "arr_generation_t2i": 22,
        "proxy_grm_ablation": 6,
        "multimodal_rewardbench_official": 6,
    }
    for name, how_many in clean.items():
        assert len({r.label for r in TABLES[name].rows} - {f.row for f in FLAGS if f.table == name}) == how_many
    right = [("vl_rewardbench", "R1-Reward-7B"), ("vl_rewardbench", "GPT-4o (0806)"), ("vl_rewardbench", "Proxy-GRM")]
    right += [("vl_rewardbench", "LLaVA-Critic | as UnifiedReward-Think prints it"), ("proxy_grm_main", "R1-Reward")]
    right += [
        ("mm_rlhf_rewardbench", m) for m in ("R1-Reward", "IXC-2.5-Reward", "Claude-3.7-Sonnet", "longer response")
    ]
    right += [("multimodal_rewardbench", m) for m in ("R1-Reward", "IXC-2.5-Reward", "BaseReward (Qwen2.5-VL)")]
    for table, row in right:
        assert row in {r.label for r in TABLES[table].rows}
        assert not [f for f in FLAGS if (f.table, f.row) == (table, row)]


def test_three_splits_are_told_apart() -> None:
    (found,) = changed("vl_rewardbench", "R1-Reward-7B", split="official")
    assert found.kind == "split_mismatch" and "under official, but can under case_sensitive (484/448/318)" in found.why
    (found,) = changed("vl_rewardbench", "LLaVA-Critic | as UnifiedReward-Think prints it", split="official")
    assert found.kind == "split_mismatch" and "unified_reward (631/301/318)" in found.why


def test_micro_and_mean_of_groups_are_told_apart() -> None:
    """GPT-4o's 70.8 on Multimodal RewardBench is a mean of seven groups; pooled it would be 72.8."""
    found = [f for f in changed("multimodal_rewardbench", "GPT-4o", aggregate="micro") if f.column == "overall"]
    assert [f.kind for f in found] == ["macro_mismatch"] and "72.75 to 72.9 (micro)" in found[0].why
    assert not flagged("multimodal_rewardbench", "GPT-4o", "overall")


@pytest.mark.parametrize("words", [{"trials": "unknown"}, {"unparsed": "drop"}])
def test_what_nobody_says_is_not_held_against_a_number(words: dict[str, Any]) -> None:
    before = [f for f in FLAGS if (f.table, f.row) == ("mm_rlhf_rewardbench", "BaseReward (Qwen2.5-VL)")]
    after = changed("mm_rlhf_rewardbench", "BaseReward (Qwen2.5-VL)", **words)
    assert any(f.kind == "infeasible" for f in before) and not any(f.kind == "infeasible" for f in after)


def test_the_mean_of_runs_is_a_share_of_all_their_answers() -> None:
    """61.02 is 227 of 2 x 186, and nothing of 186."""
    row = {"model": "a judge", "values": {"accuracy": "61.02"}}
    head = {"table": "t", "title": "t", "paper": "p", "place": "p", "rows": [row]}
    said = {"sources": [{"paper": "p", "place": "p", "retrieved": "read"}], "revision": "r", "split": "none"}
    said |= {"dataset_rows": 186, "aggregate": "micro", "order": "both", "unparsed": "wrong"}
    columns = [{"key": "accuracy", "benchmark": "b", "metric": "accuracy", "share": True}]
    assert not lint([PublishedTable(**head, columns=columns, defaults={**said, "trials": 2})])
    (found,) = lint([PublishedTable(**head, columns=columns, defaults={**said, "trials": 1})])
    assert found.kind == "infeasible"
    longer = [{"model": "a judge", "values": {"accuracy": "61.022"}}]
    again = [PublishedTable(**{**head, "table": n, "rows": r}, columns=columns, defaults={**said, "trials": 2})
             for n, r in (("t", [row]), ("u", longer))]  # fmt: skip
    assert not [f for f in lint(again) if f.kind == "duplicate"], "one more decimal is no other number"


@pytest.mark.parametrize(
    "words",
    [
        {"values": {"hpdv3": 70.2}},
        {"values": {"hpdv3": "70,2"}},
        {"values": {}},
        {"split": "no such split"},
        {"colour": "red"},
    ],
)
def test_a_row_that_does_not_fit_is_refused(words: dict[str, Any]) -> None:
    whole = TABLES["arr_cardinality"].model_dump()
    whole["rows"] = [{**whole["rows"][0], **words}]
    with pytest.raises(ValidationError):
        PublishedTable(**whole)
