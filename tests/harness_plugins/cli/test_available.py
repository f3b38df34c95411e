"""What `rubric-harness tasks` prints."""

from __future__ import annotations

import textwrap

import pytest
import yaml

from evaluators.backends.baseline import PICKS
from evaluators.rubrics.arms import ARMS
from evaluators.writers.base import METHODS
from harness_plugins.benchmarks.spec import load_spec, names
from harness_plugins.cli.available import WIDTH, described, listing
from harness_plugins.config.run import Config


def test_everything_that_can_be_named_in_a_config_is_listed() -> None:
    sections = {part.splitlines()[0].partition(" (")[0]: part for part in listing().split("\n\n")}
    assert set(names()) <= {line.split()[0] for line in sections["Benchmarks"].splitlines()[1:]}
    assert [line.split()[0] for line in sections["Settings"].splitlines()[1:]] == list(ARMS)
    assert all(f"  {name} " in sections["Rubric writers"] for name in METHODS.names())
    assert ", ".join(PICKS) in sections["Judges"]
    assert all(protocol in sections["Protocols"] for name in names() for protocol in load_spec(name).protocols)


def test_a_benchmark_says_where_its_rows_come_from() -> None:
    lines = {line.split()[0]: line for line in listing().splitlines() if line.startswith("  ")}
    assert lines["demo"].endswith("40 rows; bundled")
    assert "your rows" in lines["pairs"] and "path: in the config" in lines["pairs"]


@pytest.mark.parametrize("name", names())
def test_one_benchmark_is_explained_with_lines_that_a_config_may_have(name: str) -> None:
    text, spec = described(name), load_spec(name)
    assert text.startswith(f"{name}: {spec.title}") and all(protocol in text for protocol in spec.protocols)
    assert " ".join(spec.note.split()) in " ".join(text.split()) and spec.licence in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= WIDTH
    stanza = yaml.safe_load(textwrap.dedent(text.partition("In a config\n")[2].partition("\n\n")[0]))
    config = Config.model_validate({**stanza, "judges": ["first"]})
    assert config.benchmarks[0].name == name
    assert (config.benchmarks[0].path is None) == bool(spec.dataset.fetch and (spec.dataset.id or spec.dataset.files))


def test_what_is_asked_of_a_run_is_said() -> None:
    assert "Needs `samples: 10` of the judge" in described("vl_rewardbench")
    assert "accept its terms at https://huggingface.co/datasets/TIGER-Lab/EditReward-Bench" in " ".join(
        described("editreward_bench").split()
    )
    assert "too large to download by itself" in described("hpdv3")
