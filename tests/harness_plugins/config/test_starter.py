"""A first config: it means what was typed, and its comments can be taken in as they stand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evaluators.inputs.yaml_files import read_value
from harness_plugins.config.run import load_config
from harness_plugins.config.starter import Starter, quoted
from tests.conftest import pair, write_jsonl

HARD = [
    "a: b",
    "a #b",
    '"',
    "'",
    "\\",
    "- x",
    "*a",
    "&a",
    "!x",
    "yes",
    "2024-01-01",
    "1e3",
    "[a, b]",
    "{a: 1}",
    "@x",
    "é 象",
    "",
]


@pytest.mark.parametrize("text", HARD)
def test_what_is_typed_survives(text: str) -> None:
    assert read_value(quoted(text)) == text
    assert read_value(f"[{quoted(text)}, x]") == [text, "x"] and "\n" not in quoted(text)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_so_does_any_text(text: str) -> None:
    assert yaml.safe_load(f"a: {quoted(text)}") == {"a": text} and len(quoted(text).splitlines()) == 1


def test_a_plain_text_stays_plain() -> None:
    assert quoted("Qwen/Qwen2.5-VL-7B-Instruct") == "Qwen/Qwen2.5-VL-7B-Instruct"
    assert quoted("http://127.0.0.1:8000/v1") == "http://127.0.0.1:8000/v1"


def test_each_comment_can_be_taken_in(tmp_path: Path) -> None:
    """All keys that are written as comments are keys of a config, where they stand."""
    write_jsonl(tmp_path / "rows: #1.jsonl", [pair(n) for n in range(2)])
    write_jsonl(tmp_path / "mine.jsonl", [])
    (tmp_path / "prices.yaml").write_text("currency: USD\nmodels: {m: {read: 1, written: 1}}\n")
    (tmp_path / "images").mkdir()
    starter = Starter("c.yaml", "http://127.0.0.1:1/v1", 'a "model": #1', "pairs", "out", rows="rows: #1.jsonl")
    text = starter.text().replace("arms: [none, repeat]\n", "", 1)
    key = re.compile(r"^( *)# ?( *(?:- )?\w+:(?: |$).*)$")
    (tmp_path / "c.yaml").write_text(
        "\n".join(
            key.sub(r"\1\2", line) for line in text.splitlines() if not line.startswith(("# none:", "# Or", "# repeat"))
        )
        .replace("backend: openai\n    model: MODEL", "backend: openai\n    model: w")
        .replace("    verdict: direct", "    #")
    )
    config = load_config(tmp_path / "c.yaml")
    assert config.judges[0].model == 'a "model": #1' and config.judges[0].media == "none"
    assert config.benchmarks[0].path == tmp_path / "rows: #1.jsonl" and config.benchmarks[0].limit == 50
    assert config.rubrics == {"mine": tmp_path / "mine.jsonl"} and config.writers[0].name == "writer"
    assert config.max_cost == 5 and config.arms[2] == "transferred"


def test_what_it_says_of_itself_can_be_typed_and_its_line_of_a_rubric_is_json() -> None:
    text = Starter("my configs/c.yaml", "http://127.0.0.1:1/v1", "m", "demo", "out").text()
    assert "#   rubric-harness run 'my configs/c.yaml' --dry-run    what" in text
    line = next(line for line in text.splitlines() if "ID_OF_THE_ROW" in line)
    assert json.loads(line.lstrip("# "))["benchmark"] == "demo"
