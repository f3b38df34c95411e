"""How the texts of arguments are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.errors import UserError
from harness_plugins.cli import arguments
from harness_plugins.cli.arguments import values_by_field


def test_what_is_read() -> None:
    assert arguments.place("a b") == Path("a b")
    assert (arguments.positive("12"), arguments.share("0.25"), arguments.amount("5")) == (12, 0.25, 5.0)
    assert arguments.one_of("format", ["md", "csv"])("csv") == "csv"


@pytest.mark.parametrize(
    ("read", "texts", "complaint"),
    [
        (arguments.place, ["", "  "], "empty: name a file or folder"),
        (arguments.positive, ["0", "-3", "1.5", "many"], "a number from 1 up"),
        (arguments.share, ["-0.1", "1.1", "nan", "half"], "is not a probability from 0 to 1"),
        (arguments.amount, ["0", "-1", "inf", "nan", "5 EUR"], "an amount above 0"),
        (arguments.one_of("format", ["md", "csv"]), ["cvs"], "unknown format 'cvs'; did you mean 'csv'?"),
    ],
)
def test_what_is_refused(read: Callable[[str], object], texts: list[str], complaint: str) -> None:
    for text in texts:
        with pytest.raises(argparse.ArgumentTypeError) as refused:
            read(text)
        assert complaint in str(refused.value), text


def test_a_bare_value_goes_on_with_its_field() -> None:
    assert values_by_field(["judge=a,b", "arm=none, judge=c"], "--only") == {"judge": {"a", "b", "c"}, "arm": {"none"}}
    assert values_by_field([], "--only") == {}


@pytest.mark.parametrize("value", ["qwen", "=qwen", "judge="])
def test_what_has_no_field_or_no_value(value: str) -> None:
    with pytest.raises(UserError, match=f"--only {value}: give FIELD=VALUE, such as --only judge=qwen"):
        values_by_field([value], "--only")


def test_the_first_format_is_the_default() -> None:
    command = argparse.ArgumentParser()
    arguments.add_format(command, "md", "csv")
    assert command.parse_args([]).format == "md" and command.parse_args(["--format", "csv"]).format == "csv"
