"""Items that are known by their id and label alone: several files of one benchmark must agree about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import UserError
from harness_plugins.imports import import_results
from tests.conftest import read_jsonl, write_jsonl


def imported(folder: Path, **files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    (folder / "image_edition").mkdir()
    paths = [write_jsonl(folder / "image_edition" / f"{judge}.jsonl", rows) for judge, rows in files.items()]
    import_results("genai_bench", paths, folder / "run")
    return read_jsonl(folder / "run" / "items.jsonl")


def vote(idx: int, human_vote: str = "leftvote", response: str | None = "[[A>B]]", **more: str) -> dict[str, Any]:
    return {"idx": idx, "human_vote": human_vote, "response": response, **more}


def test_one_item_an_id_whoever_judged_it(tmp_path: Path) -> None:
    items = imported(tmp_path, j=[vote(1), vote(2, "rightvote")], k=[vote(2, "rightvote", "[[B>A]]")])
    assert [i["source_id"] for i in items] == ["1", "2"]
    verdicts = read_jsonl(tmp_path / "run" / "verdicts.jsonl")
    assert sorted((v["judge"], v["item"]) for v in verdicts) == sorted(
        [("j", items[0]["uid"]), ("j", items[1]["uid"]), ("k", items[1]["uid"])]
    )
    assert all(i["stored"][i["label"]["preferred"]] == n for n, i in enumerate(items)), "left, then right, is preferred"


def test_a_prompt_may_stand_in_one_file_alone(tmp_path: Path) -> None:
    (item,) = imported(tmp_path, j=[vote(1)], k=[vote(1, prompt="Make it red")])
    assert item["prompt"] == "Make it red"


@pytest.mark.parametrize(
    ("j", "k", "complaint"),
    [
        ([vote(1), vote(1)], [], "the id '1' is also in"),
        ([vote(1)], [vote(1, "rightvote")], "another label than in"),
        ([vote(1, prompt="a")], [vote(1, prompt="b")], "another prompt than in"),
    ],
)
def test_files_that_disagree_are_refused(
    j: list[dict[str, Any]], k: list[dict[str, Any]], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=complaint):
        imported(tmp_path, j=j, **({"k": k} if k else {}))
