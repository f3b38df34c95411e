"""`ping`: a row a judge at 80 columns, a line a failure, the price of the run, and the exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.testing.mock_server import MockServer
from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE, ERRORS_REMAIN
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")
PRICES = "currency: USD\nmodels: {a-maker-of-models/a-model-of-a-rather-long-name-7B: {read: 1, written: 2}}\n"


def test_a_row_a_judge_and_the_price_of_the_run(tmp_path: Path, typed: Typed) -> None:
    (tmp_path / "prices.yaml").write_text(PRICES)
    with MockServer().running() as server:
        config = tmp_path / "c.yaml"
        config.write_text(
            "benchmarks: [demo]\narms: [none]\nout: out\njudges:\n- {name: a-long-name-of-a-judge, backend: openai, "
            f"model: a-maker-of-models/a-model-of-a-rather-long-name-7B, base_url: '{server.url}'}}\n- lexical\n"
        )
        done = typed("ping", config)
        assert done.code == COMPLETE and not done.err
        assert "Price: not known; give --prices FILE" in done.out and f"rubric-harness run {config}" in done.out
        table = done.out.partition("Price")[0].splitlines()
        assert max(map(len, table)) <= 80 and "seen" in table[1] and "\x1b" not in done.out
        model = slice(table[0].index("model, as served"), table[0].index("picture"))
        shown = "".join(line[model].strip() for line in table[1:] if not line.startswith("lexical"))
        assert shown == "a-maker-of-models/a-model-of-a-rather-long-name-7B", "whole, in as many lines as it takes"
        priced = typed("ping", config, "--prices", tmp_path / "prices.yaml")
        assert "Cost: about" in priced.out and "USD" in priced.out
    assert not (tmp_path / "out").exists()


def test_one_that_does_not_work_is_a_line_and_the_exit_code(tmp_path: Path, typed: Typed) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        "benchmarks: [demo]\narms: [none]\njudges: [{name: j, backend: openai, model: m, base_url: 'http://127.0.0.1:1/v1'}, first]\n"
    )
    done = typed("ping", config)
    assert done.code == ERRORS_REMAIN and "next" not in done.out
    assert done.err.startswith("judge 'j': nothing listens at the address") and "To fix: start the server" in done.err


def test_a_config_that_is_gone(typed: Typed) -> None:
    assert typed("ping", "gone.yaml").code == BAD_INPUT
