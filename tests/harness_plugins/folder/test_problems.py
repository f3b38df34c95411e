"""What a folder has lost, and how it is said."""

from __future__ import annotations

from harness_plugins.folder.problems import LostItems, LostRubrics, Problems


def test_a_whole_folder_says_nothing() -> None:
    assert Problems().notes() == []
    assert Problems().lost_items("demo") == 0 and Problems().lost_rubrics("demo", "w") == 0


def test_items_are_counted_by_plan_or_by_their_verdicts() -> None:
    planned, unplanned = LostItems("demo", 30, 60, 10), LostItems("other", 5, 0, 3)
    assert (planned.count, unplanned.count) == (30, 3)
    problems = Problems(items=[planned, unplanned])
    assert problems.lost_items("demo") == 30 and problems.lost_items("other") == 3
    first, second = problems.notes()
    assert first.startswith("demo: 30 of 60 items are not in items.jsonl; 10 of them have verdicts.")
    assert second.startswith("other: 3 items are not in items.jsonl; 3 of them have verdicts.")


def test_rubrics_are_counted_by_writer() -> None:
    problems = Problems(rubrics=[LostRubrics("demo", "w", 2, 8), LostRubrics("demo", "v", 1, 1)])
    assert problems.lost_rubrics("demo", "w") == 2 and problems.lost_rubrics("demo", None) == 0
    assert problems.notes()[0].startswith("demo: 2 rubrics of 'w' that 8 verdicts name are not in rubrics.jsonl.")
