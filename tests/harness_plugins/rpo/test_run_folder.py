"""A run on disk: rows as they were, checkpoints that are whole, and what a resumed run must share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from evaluators.errors import UserError
from evaluators.records import Failure
from harness_plugins.rewards.rpo import Reply
from harness_plugins.rpo.prompts import Pair, Prompt, Two
from harness_plugins.rpo.recipe import GeneratorSpec, Recipe
from harness_plugins.rpo.run_folder import CHECKPOINT_FILES, HeldOutRow, PairRow, RunFolder, StepRow, base_of

REPLIES = (Reply((0, 1), "ok", 1, "Because.\n<answer>2</answer>"), Reply((1, 0), "tie", None, "Both."))


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "prompts.txt").write_text("a\nb\n")
    return Recipe.model_validate(
        {
            "generator": {"kind": "tiny_flux"},
            "prompts": {"file": tmp_path / "prompts.txt"},
            "reward": {"judge": {"name": "brightest", "backend": "pixels"}},
            "out": tmp_path / "run",
        }
    )


def pair_row() -> PairRow:
    return PairRow(0, 0, "p", "a cat", ("1a", "2b"), Two(1.0, -0.1), "won", None, REPLIES, 0.5)


def step_row(step: int) -> StepRow:
    return StepRow(
        step, True, 4, 3, 3, {"decided": 3, "error": 1}, 0.1, 0.0, 0.0, 0.0, 0.5, 1.0, (0, 1), {"train": 0.1}
    )


def opened(recipe: Recipe, rank: int = 0, **identity: Any) -> RunFolder:
    run = RunFolder(recipe.out, rank)
    run.open(recipe, {**recipe.identity(), **identity})
    return run


def test_rows_are_read_as_they_were_written(recipe: Recipe) -> None:
    failed = PairRow(1, 2, "q", "a dog", ("3c", "4d"), None, "error", Failure("server", "down", http=500), (), 0.1)
    held = HeldOutRow(5, "test", "judge", True, "p", "a cat", 0.5, False, None, REPLIES)
    run = opened(recipe)
    run.begin_at(0)
    run.add_pair(pair_row())
    run.add_pair(failed)
    run.add_step(step_row(0))
    run.add_held_out([held])
    run.close()
    assert run.pair_rows() == {(0, "p"): pair_row(), (1, "q"): failed}
    assert run.step_rows() == [step_row(0)] and run.held_out_rows() == [held]
    assert isinstance(run.pair_rows()[0, "p"].rewards, Two)


def test_rows_of_all_processes_are_read_and_the_last_of_a_pair_counts(recipe: Recipe) -> None:
    for rank, text in ((0, "first"), (1, "second")):
        run = opened(recipe, rank)
        run.add_pair(PairRow(0, rank, f"p{rank}", text, ("1", "2"), None, "disagree", None, (), 0.1))
        run.add_pair(PairRow(0, rank, f"p{rank}", f"{text} again", ("1", "2"), None, "disagree", None, (), 0.1))
        run.close()
    assert {row.prompt for row in run.pair_rows().values()} == {"first again", "second again"}


def test_a_verdict_counts_before_a_failure_in_another_file(recipe: Recipe) -> None:
    """A run of two processes whose judge was away, gone on with by one: file names say nothing of time."""
    verdict = PairRow(0, 0, "p", "a cat", ("1", "2"), Two(1.0, -0.1), "won", None, (), 0.1)
    failure = PairRow(0, 0, "p", "a cat", ("1", "2"), None, "error", Failure("timeout", "late"), (), 0.1)
    for rank, row in ((0, verdict), (1, failure)):
        run = opened(recipe, rank)
        run.add_pair(row)
        run.close()
    assert run.pair_rows() == {(0, "p"): verdict}


def test_an_audit_may_be_added_and_not_exchanged(recipe: Recipe) -> None:
    opened(recipe).close()
    opened(recipe, audit="one").close()
    with pytest.raises(UserError, match="differs in audit"):
        opened(recipe, audit="two")


def test_a_line_that_a_kill_cut_off_is_left_out(recipe: Recipe) -> None:
    run = opened(recipe)
    run.add_pair(pair_row())
    run.close()
    with (recipe.out / "pairs-0.jsonl").open("ab") as file:
        file.write(b'{"step": 1, "numb')
    run = opened(recipe)
    run.add_pair(PairRow(1, 0, "q", "a dog", ("1", "2"), None, "tie", None, (), 0.1))
    run.close()
    assert set(run.pair_rows()) == {(0, "p"), (1, "q")}


def test_steps_that_are_done_again_are_forgotten(recipe: Recipe) -> None:
    run = opened(recipe)
    run.begin_at(0)
    for n in range(4):
        run.add_step(step_row(n))
    run.close()
    run = opened(recipe)
    run.begin_at(2)
    run.add_step(step_row(2))
    run.close()
    assert [row.step for row in run.step_rows()] == [0, 1, 2]


def test_another_run_is_refused_by_name(recipe: Recipe) -> None:
    opened(recipe, prompts="1").close()
    opened(recipe, prompts="1").close()
    with pytest.raises(UserError, match=r"differs in prompts \(1 before, 2 now\)"):
        opened(recipe, prompts="2")
    other = recipe.model_copy(update={"sampling": recipe.sampling.model_copy(update={"eta": 0.7})})
    with pytest.raises(UserError, match=r"differs in sampling.eta \(0.3 before, 0.7 now\): undo the change"):
        opened(other, prompts="1")
    (recipe.out / "recipe.json").write_text("{}")
    with pytest.raises(UserError, match="not the recipe of a run"):
        opened(recipe)


def test_one_process_writes_a_folder(recipe: Recipe) -> None:
    run = opened(recipe)
    with pytest.raises(UserError):
        opened(recipe)
    run.close()
    opened(recipe).close()


def write_checkpoint(folder: Path, text: str) -> None:
    for file in CHECKPOINT_FILES:
        (folder / file).write_text(text)


def test_a_checkpoint_counts_once_it_is_whole(recipe: Recipe) -> None:
    run = RunFolder(recipe.out)
    assert run.newest() is None
    for step in (10, 20, 30):
        with run.new_checkpoint(step, keep=[10]) as folder:
            write_checkpoint(folder, str(step))
            assert step not in [c.step for c in run.checkpoints()]
    assert [c.step for c in run.checkpoints()] == [10, 30], "of those that are not kept, the newest"
    with pytest.raises(RuntimeError), run.new_checkpoint(40, keep=[10]) as folder:
        raise RuntimeError("killed")
    newest = run.newest()
    assert newest is not None and (newest.step, (newest.folder / CHECKPOINT_FILES[0]).read_text()) == (30, "30")
    with run.new_checkpoint(30, keep=[10]) as folder:
        write_checkpoint(folder, "again")
    newest = run.newest()
    assert newest is not None and (newest.folder / CHECKPOINT_FILES[0]).read_text() == "again"


def test_pictures_have_places_of_their_own(recipe: Recipe) -> None:
    run = RunFolder(recipe.out)
    prompt = Prompt("p", "a cat")
    files = [f for draw in (0, 1) for step in (0, 1) for f in run.pictures_of(Pair(step, 0, prompt, draw))]
    assert len(set(files)) == 8 and all(f.parent.is_dir() for f in files)
    assert run.held_out_picture(None, "p") != run.held_out_picture(5, "p")


def test_a_base_is_known_by_its_content(tmp_path: Path) -> None:
    def base(model: str, revision: str = "") -> str:
        return base_of(GeneratorSpec(kind="flux", model=model, revision=revision))

    assert base("org/model") == "org/model@main" and base("org/model", "abc") == "org/model@abc"
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"1")
    first = base(str(tmp_path / "model"))
    (tmp_path / "model").rename(tmp_path / "moved")
    assert base(str(tmp_path / "moved")) == first
    (tmp_path / "moved" / "weights").write_bytes(b"2")
    assert base(str(tmp_path / "moved")) != first


def test_the_recipe_is_kept_to_be_read(recipe: Recipe) -> None:
    opened(recipe).close()
    kept = orjson.loads((recipe.out / "recipe.json").read_bytes())
    assert kept["recipe"]["generator"]["kind"] == "tiny_flux" and kept["identity"]["lora"]["rank"] == 16


def test_no_secret_is_in_what_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("a")
    judge = {
        "name": "judge",
        "backend": "openai",
        "model": "m",
        "base_url": "http://127.0.0.1:1/v1?key=sesame",
        "headers": {"X-Key": "sesame"},
    }
    for reward in ({"judge": judge}, {"server": "http://127.0.0.1:1?key=sesame", "token_env": None}):
        recipe = Recipe.model_validate(
            {
                "generator": {"kind": "tiny_flux"},
                "prompts": {"file": tmp_path / "prompts.txt"},
                "reward": reward,
                "audit": {"judge": judge},
                "out": tmp_path / str(len(reward)),
            }
        )
        run = RunFolder(recipe.out)
        run.open(recipe, recipe.identity())
        run.close()
        assert "sesame" not in (recipe.out / "recipe.json").read_text()
        assert run.recorded()["recipe"]["audit"]["judge"]["base_url"] == ["http://127.0.0.1:1/v1"]
