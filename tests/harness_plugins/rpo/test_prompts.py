"""Prompts: what a file holds, which are held out, and which of them a step trains on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evaluators.errors import UserError
from harness_plugins.rpo.prompts import pairs_of, read_prompt_file, read_prompts
from harness_plugins.rpo.recipe import Prompts


def written(folder: Path, *texts: str, name: str = "prompts.txt") -> Path:
    (folder / name).write_text("\n".join(texts))
    return folder / name


def many(folder: Path, count: int = 20) -> Path:
    return written(folder, *(f"thing {n}" for n in range(count)))


def test_a_prompt_a_line(tmp_path: Path) -> None:
    prompts = read_prompt_file(written(tmp_path, " a cat ", "", "a dog"), editor=False)
    assert [p.text for p in prompts] == ["a cat", "a dog"] and len({p.uid for p in prompts}) == 2


def test_an_editors_prompt_is_text_and_the_sources_content(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(name.encode())
    rows = [f'{{"prompt": "make it red", "source": "{name}.png"}}' for name in "ab"]
    first, second = read_prompt_file(written(tmp_path, *rows, name="prompts.jsonl"), editor=True)
    assert first.source == tmp_path / "a.png" and first.uid != second.uid
    (tmp_path / "b.png").write_bytes(b"a")
    first, second = read_prompt_file(tmp_path / "prompts.jsonl", editor=True)
    assert first.uid == second.uid, "the same picture under another name"


@pytest.mark.parametrize(
    ("name", "row", "editor", "complaint"),
    [
        ("p.jsonl", "{}", False, "line 1: `prompt` must be a text"),
        ("p.jsonl", '{"prompt": " "}', False, "`prompt` must be a text"),
        ("p.jsonl", '{"prompt": "a", "source": "a.png"}', False, "this generator edits none"),
        ("p.jsonl", '{"prompt": "a"}', True, "`source` must be the image file"),
        ("p.jsonl", '{"prompt": "a", "source": "none.png"}', True, "none.png"),
        ("p.txt", "a", True, "write .jsonl"),
        ("p.txt", " ", False, "holds no prompt"),
    ],
)
def test_what_is_wrong_is_said_by_file_and_line(
    tmp_path: Path, name: str, row: str, editor: bool, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        read_prompt_file(written(tmp_path, row, name=name), editor)


def test_held_out_prompts_are_drawn_by_text_and_never_trained_on(tmp_path: Path) -> None:
    sets = read_prompts(Prompts(file=many(tmp_path), development=4, test=5), editor=False)
    uids = [{p.uid for p in part} for part in (sets.train, sets.development, sets.test)]
    assert [len(u) for u in uids] == [11, 4, 5] and len(set.union(*uids)) == 20
    backwards = written(tmp_path, *(f"thing {n}" for n in reversed(range(20))), "thing 3", name="backwards.txt")
    again = read_prompts(Prompts(file=backwards, development=4, test=5), editor=False)
    assert (again.digests, again.development, again.test) == (sets.digests, sets.development, sets.test)
    assert again.repeated == 1


def test_a_file_of_held_out_prompts_is_left_out_of_training(tmp_path: Path) -> None:
    test = written(tmp_path, "thing 1", "thing 2", "another", name="test.txt")
    sets = read_prompts(Prompts(file=many(tmp_path), development=0, test=test), editor=False)
    assert [p.text for p in sets.test] == ["thing 1", "thing 2", "another"] and len(sets.train) == 18
    with pytest.raises(UserError, match="3 prompts are in `development` and in `test`"):
        read_prompts(Prompts(file=many(tmp_path), development=test, test=test), editor=False)


@pytest.mark.parametrize("held_out", [{"development": 20}, {"development": 21}, {"development": 10, "test": 10}])
def test_something_is_left_to_train_on(tmp_path: Path, held_out: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="none to train on"):
        read_prompts(Prompts(file=many(tmp_path), **{"test": 0, **held_out}), editor=False)


def test_steps_go_through_all_prompts_in_drawn_orders(tmp_path: Path) -> None:
    prompts = read_prompts(Prompts(file=many(tmp_path, 10), development=0, test=0), editor=False).train
    steps = [pairs_of(n, prompts, seed=1, count=4) for n in range(5)]
    counts = Counter(pair.prompt.uid for pairs in steps for pair in pairs)
    assert set(counts.values()) == {2} and len(counts) == 10
    assert [p.number for p in steps[0]] == [0, 1, 2, 3]
    assert steps[3] == pairs_of(3, prompts, seed=1, count=4), "a resumed run draws the same"
    assert steps[0] != pairs_of(0, prompts, seed=2, count=4)


def test_what_is_drawn_for_a_pair_is_its_own(tmp_path: Path) -> None:
    """By run, step, prompt, draw and thing; not by its number, which says nothing of what it is."""
    prompts = read_prompts(Prompts(file=many(tmp_path, 3), development=0, test=0), editor=False).train
    pairs = pairs_of(0, prompts, seed=1, count=7)
    assert Counter(p.draw for p in pairs) == {0: 3, 1: 3, 2: 1} and len({p.uid for p in pairs}) == 7
    seeds = [
        p.seed(run, *parts) for p in pairs for run in (1, 2) for parts in (("noise", 0), ("noise", 1), ("step", 0, 1))
    ]
    assert len(set(seeds)) == len(seeds)
    assert pairs[0]._replace(number=5).seed(1, "noise", 0) == pairs[0].seed(1, "noise", 0)
    assert pairs[0].seed_of_step(1) == pairs[1].seed_of_step(1) != pairs[0]._replace(step=1).seed_of_step(1)
