"""Recipes of RPO: what is refused with what to do, and what a resumed run must share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from evaluators.errors import UserError
from harness_plugins.rewards import RPOReward
from harness_plugins.rewards.server.client import RewardClient
from harness_plugins.rpo.recipe import Recipe, load_recipe
from tests.conftest import ROOT

TEXT = """\
generator: {kind: tiny_flux, dtype: float32, side: 16}
prompts: {file: prompts.txt, development: 1, test: 1}
reward: {judge: {name: brightest, backend: pixels}, rubric: rubric.txt}
out: run
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(TEXT)
    (tmp_path / "prompts.txt").write_text("a\nb\nc\n")
    (tmp_path / "rubric.txt").write_text("Is it bright?")
    return tmp_path


def recipe(folder: Path, **changes: Any) -> Recipe:
    base: dict[str, Any] = {
        "generator": {"kind": "tiny_flux", "dtype": "float32", "side": 16},
        "prompts": {"file": folder / "prompts.txt", "development": 1, "test": 1},
        "reward": {"judge": {"name": "brightest", "backend": "pixels"}, "rubric": folder / "rubric.txt"},
        "out": folder / "run",
    }
    for name, value in changes.items():
        base[name] = {**base[name], **value} if isinstance(value, dict) and name in base else value
    return Recipe.model_validate(base)


def test_a_recipe_of_four_entries_has_the_papers_sampling(folder: Path) -> None:
    read = load_recipe(folder / "recipe.yaml")
    assert read.prompts.file == folder / "prompts.txt" and read.out == folder / "run", "relative to its own folder"
    assert (read.sampling.kind, read.sampling.eta, read.sampling.steps, read.sampling.shift) == ("dance_sde", 0.3, 8, 3)
    assert read.sampling.trained_steps == tuple(range(7)), "all but the last"
    assert read.updates.advantage == "centred"
    assert (read.reward.win, read.reward.lose, read.reward.rubric_text) == (1.0, -0.1, "Is it bright?")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"generator": {"model": "FLUX"}}, "is made, not loaded"),
        ({"generator": {"kind": "flux"}}, "`model` is missing"),
        ({"sampling": {"trained": [0, 7]}}, "the last of 8 steps adds no noise"),
        ({"sampling": {"trained": [2, 1]}}, "increasing order"),
        ({"sampling": {"trained": []}}, "increasing order"),
        ({"sampling": {"trained": [0, 1], "window": 3}}, "window: 3 of 2 trained steps"),
        ({"sampling": {"kind": "cps", "eta": 1.0}}, "below 1 for cps"),
        ({"sampling": {"steps": 1}}, "greater than or equal to 2"),
        ({"sampling": {"cfg": 4}}, "leave cfg out"),
        ({"generator": {"kind": "tiny_qwen_image_edit"}, "evaluation": {"cfg": 4}}, "prompts.negative"),
        ({"reward": {"judge": None}}, "one of the two"),
        ({"reward": {"server": "http://127.0.0.1:1"}}, "one of the two"),
        ({"reward": {"judge": None, "server": "http://127.0.0.1:1"}}, "set them in its config"),
        ({"prompts": {"development": -1}}, "greater than or equal to 0"),
        ({"updates": {"min_valid": 2}}, "less than or equal to 1"),
        ({"updates": {"speed": 2}}, "speed"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_do(folder: Path, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        recipe(folder, **changes)


def test_mistakes_of_a_file_are_said_together(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(TEXT + "sampling: {steps: 1}\nupdates: {pairs: 0}\n")
    with pytest.raises(UserError) as caught:
        load_recipe(folder / "recipe.yaml")
    assert "sampling.steps" in str(caught.value) and "updates.pairs" in str(caught.value)


def test_who_judges_is_a_judge_or_a_server(folder: Path) -> None:
    own = recipe(folder).reward
    assert isinstance(own.open(), RPOReward) and own.name == "brightest"
    other = Recipe.model_validate(recipe(folder).model_dump() | {"reward": {"server": "http://127.0.0.1:1"}}).reward
    assert isinstance(other.open(), RewardClient) and other.name == "http://127.0.0.1:1" and other.rubric_text == ""


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"updates": {"steps": 5}}, ()),
        ({"updates": {"batch": 4}}, ()),
        ({"generator": {"checkpointing": False}}, ()),
        ({"patience_s": 1}, ()),
        ({"tracker": "wandb"}, ()),
        ({"evaluation": {"every": 5, "grid": 0}}, ()),
        ({"updates": {"pairs": 5}}, ("updates",)),
        ({"updates": {"learning_rate": 1}}, ("updates",)),
        ({"sampling": {"eta": 0.7}}, ("sampling",)),
        ({"lora": {"rank": 4}}, ("lora",)),
        ({"generator": {"dtype": "bfloat16"}}, ("generator",)),
        ({"reward": {"lose": -1}}, ("reward",)),
        ({"reward": {"judge": {"name": "darkest", "backend": "pixels"}}}, ("reward",)),
        ({"seed": 7}, ("seed",)),
    ],
)
def test_what_a_resumed_run_must_share(folder: Path, changes: dict[str, Any], differs: tuple[str, ...]) -> None:
    before, after = recipe(folder).identity(), recipe(folder, **changes).identity()
    assert tuple(name for name in before if before[name] != after[name]) == differs


def test_the_rubrics_content_counts_not_its_place(folder: Path) -> None:
    before = recipe(folder).identity()
    (folder / "moved.txt").write_text("Is it bright?")
    assert recipe(folder, reward={"rubric": folder / "moved.txt"}).identity() == before
    (folder / "moved.txt").write_text("Is it dark?")
    assert recipe(folder, reward={"rubric": folder / "moved.txt"}).identity() != before


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "examples").glob("rpo-*.yaml")))
def test_the_examples_are_recipes(name: str, tmp_path: Path) -> None:
    text = (ROOT / "examples" / name).read_text()
    (tmp_path / name).write_text(text)
    for file in re.findall(r"(?:file|rubric): (\S+?)[,\s}]", text):
        (tmp_path / file).write_text('{"prompt": "a", "source": "a.png"}')
    assert load_recipe(tmp_path / name).updates.steps >= 100


def test_the_papers_values_are_the_papers(tmp_path: Path) -> None:
    """ARR, arXiv 2605.08354: the table of hyper-parameters."""
    for name, values in (("flux", (5e-5, 32, 8, 0.01, 16, 32)), ("qwen-edit", (1e-5, 16, 10, 0.02, 32, 64))):
        text = (ROOT / f"examples/rpo-paper-{name}.yaml").read_text()
        for file in re.findall(r"(?:file|rubric): (\S+?)[,\s}]", text):
            (tmp_path / file).write_text("{}")
        (tmp_path / name).write_text(text)
        r = load_recipe(tmp_path / name)
        u, s = r.updates, r.sampling
        assert (u.learning_rate, u.pairs, s.steps, u.kl, r.lora.rank, r.lora.alpha) == values
        assert (u.clip, u.per_rollout, u.advantage, u.gradient_norm) == (0.2, 1, "paper", 1.0)
        assert (s.kind, s.eta, s.shift, s.same_noise, s.trained) == ("dance_sde", 0.3, 3.0, True, "all")
        assert (r.reward.win, r.reward.lose) == (1.0, -0.1)
