"""A step of training: what is counted, when there is no update, when the run stops, and that its state is all that it needs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers", reason="needs diffusers; `make test-trainers` runs this")
pytest.importorskip("peft", reason="needs peft; `make test-trainers` runs this")

import torch
from torch import Tensor

from evaluators.errors import BackendError, RunStopped
from harness_plugins.rpo.generators.adapter import trained
from tests.trainers.rpo.toy import Toy, judged_by, moved, recipe, toy, training

pytestmark = pytest.mark.heavy


def weights(parts: Toy) -> Tensor:
    return torch.cat([p.detach().flatten().clone() for p in trained(parts.generator.network).values()])


def test_a_step_is_counted_and_moves_the_adapter(tmp_path: Path) -> None:
    parts = toy(recipe(tmp_path))
    before = weights(parts)
    with training(parts) as trainer:
        row = trainer.step(0)
        pictures = sorted((parts.recipe.out / "pairs" / "000000").iterdir())
    assert (row.updated, row.pairs, row.valid, row.decided, row.outcomes) == (True, 4, 4, 4, {"decided": 4})
    assert (row.ratio_off, row.kl, row.stopped) == (0, 0, 0) and row.loss == pytest.approx(0)
    assert row.trained == (0, 1, 2, 3, 4) and row.gradient_norm and set(row.seconds) == {"rollout", "judge", "train"}
    assert len(pictures) == 8 and len(parts.recipe.out.joinpath("pairs-0.jsonl").read_text().splitlines()) == 4
    assert not torch.equal(weights(parts), before)


def test_nothing_decided_is_no_update_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    parts = toy(recipe(tmp_path, updates={"kl": 1.0}))
    moved(parts.generator)
    before = weights(parts)
    with caplog.at_level(logging.WARNING, "rubric_harness"), training(parts, judged_by(lambda case: "1")) as trainer:
        row = trainer.step(0)
        assert not trainer.optimizer.state
    assert (row.updated, row.valid, row.decided, row.outcomes) == (False, 0, 0, {"disagree": 4})
    assert (row.loss, row.kl, row.ratio_off, row.gradient_norm) == (None, None, None, None)
    assert torch.equal(weights(parts), before) and "step 1: 0 of 4 pairs have a verdict: no update" in caplog.text


@pytest.mark.parametrize(("share", "updated"), [(0.25, True), (0.26, False)])
def test_too_few_verdicts_are_no_update(share: float, updated: bool, tmp_path: Path) -> None:
    parts = toy(recipe(tmp_path, updates={"min_valid": share, "batch": 1}))
    chosen = parts.pairs()[2].prompt.text
    says = lambda case: ("1" if case.order == "AB" else "2") if case.item.prompt == chosen else "1"  # noqa: E731
    with training(parts, judged_by(says)) as trainer:
        row = trainer.step(0)
    assert (row.valid, row.updated) == (1, updated)


def test_a_judge_that_is_gone_stops_the_run_before_anything_changes(tmp_path: Path) -> None:
    """The same command does the step again, and asks about no pair twice."""
    parts = toy(recipe(tmp_path))
    before = weights(parts)
    gone = r"no answer on 4 of 4 pairs \(auth: wrong key\)"
    with (
        training(parts, judged_by(lambda case: BackendError("auth", "wrong key"))) as trainer,
        pytest.raises(RunStopped, match=gone),
    ):
        trainer.step(0)
    assert torch.equal(weights(parts), before)
    asked: list[Any] = []
    last = parts.pairs()[3].prompt.text

    def says(case: Any) -> Any:
        asked.append(case.item.prompt)
        first = "1" if case.order == "AB" else "2"
        return BackendError("auth", "wrong key") if case.item.prompt == last else first

    strict = parts.recipe.model_copy(update={"updates": parts.recipe.updates.model_copy(update={"min_valid": 1.0})})
    parts.recipe = strict
    strict.out.joinpath("recipe.json").unlink()
    for expected in (8, 2):
        asked.clear()
        with training(parts, judged_by(says)) as trainer, pytest.raises(RunStopped, match="1 of 4"):
            trainer.step(0)
        assert len(asked) == expected


def test_numbers_that_are_not_finite_stop_the_run(tmp_path: Path) -> None:
    parts = toy(recipe(tmp_path))
    with torch.no_grad():
        next(iter(trained(parts.generator.network).values())).fill_(float("nan"))
        for p in trained(parts.generator.network).values():
            p += 1
    with training(parts) as trainer, pytest.raises(RunStopped, match="not finite"):
        trainer.step(0)


def test_state_on_disk_is_all_that_a_training_needs(tmp_path: Path) -> None:
    """Two steps, a save, a load into fresh parts, and two more: to the bit what four steps are."""
    straight = toy(recipe(tmp_path, out=tmp_path / "straight"))
    with training(straight) as trainer:
        for n in range(4):
            trainer.step(n)
    broken = toy(recipe(tmp_path, out=tmp_path / "broken"))
    with training(broken) as trainer:
        for n in range(2):
            trainer.step(n)
        trainer.save(2, keep=[])
    again = toy(recipe(tmp_path, out=tmp_path / "broken"))
    with training(again) as trainer:
        checkpoint = trainer.run.newest()
        assert checkpoint is not None and checkpoint.step == 2
        trainer.load(checkpoint)
        for n in range(2, 4):
            trainer.step(n)
        trainer.save(4, keep=[])
    assert torch.equal(weights(again), weights(straight)) and not torch.equal(weights(again), weights(broken))
    with training(straight) as trainer:
        trainer.save(4, keep=[])
    files = [
        tmp_path / name / "checkpoints" / "000004" / "pytorch_lora_weights.safetensors"
        for name in ("straight", "broken")
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_updates_from_one_rollout_are_each_a_step_of_the_optimizer(tmp_path: Path) -> None:
    parts = toy(recipe(tmp_path, updates={"per_rollout": 3, "clip": 1e-6}))
    with training(parts) as trainer:
        row = trainer.step(0)
        assert {int(s["step"]) for s in trainer.optimizer.state.values()} == {3}
    assert row.ratio_off == 0 and row.stopped is not None and 0 < row.stopped < 2 / 3 + 1e-9
