"""One training example of each part: what is asked, and what is to be said."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.messages import text_of
from evaluators.records import Answer, Candidate, Item, Label, Media, MediaFile, Rubric, Writer
from harness_plugins.training_data.config import Part, load_data_config
from harness_plugins.training_data.examples import Example, Examples
from harness_plugins.training_data.reading import Pair
from harness_plugins.training_data.teaching import Taught
from tests.conftest import MakePairs
from tests.harness_plugins.training_data.test_build import config_of, written

pytestmark = pytest.mark.xdist_group("training data")

ITEM = Item(
    "x:1", "x", "1", 1, "What is it?", (Candidate("a cup"), Candidate("a dog")), (0, 1), Label(preferred=1),
    (Media("photo", files=(MediaFile("/d/1.png"),)),),
)  # fmt: skip


@pytest.fixture
def examples(make_pairs: MakePairs, tmp_path: Path) -> Examples:
    make_pairs(1)
    return Examples(load_data_config(config_of(tmp_path)))


def rubric(order: str, verdict: int) -> Rubric:
    return Rubric(
        "x", "x:1", Writer("t"), "1. Word (100%): says cup", saw=order, verdict=verdict, evaluation="Both were read.",  # type: ignore[arg-type]
        answer=Answer(written(verdict), "proxy_grm"),
    )  # fmt: skip


def example(examples: Examples, part: Part, first: bool) -> Example:
    taught = Taught(Pair(ITEM, "rows.jsonl:1"), "correct", {"AB": rubric("AB", 2), "BA": rubric("BA", 1)})
    return examples.of(part, taught, first)


@pytest.mark.parametrize(
    ("first", "answer", "responses"), [(True, 1, ("a dog", "a cup")), (False, 2, ("a cup", "a dog"))]
)
def test_the_preferred_response_stands_where_it_is_asked_to(
    examples: Examples, first: bool, answer: int, responses: tuple[str, str]
) -> None:
    made = example(examples, "grm_rl", first)
    assert (made.answer, tuple(c.text for c in made.shown)) == (answer, responses)
    assert (made.target, made.rubric) == (None, None) and [f.path for f in made.files] == ["/d/1.png"]
    asked = text_of(made.messages)
    assert asked.index(responses[0]) < asked.index(responses[1])


@pytest.mark.parametrize(
    ("part", "shows_rubric", "target"),
    [
        ("proxy_sft", True, "Both were read.\n<answer>1</answer>"),
        ("proxy_rl", True, None),
        ("grm_sft", False, written(1)),
        ("grm_rl", False, None),
    ],
)
def test_what_each_part_asks_and_teaches(
    examples: Examples, part: Part, shows_rubric: bool, target: str | None
) -> None:
    made = example(examples, part, True)
    assert ("says cup" in text_of(made.messages)) is shows_rubric
    assert made.target == target and (made.rubric is not None) is shows_rubric
