"""`rubrics`: the card at its end, what is written again, and where the file is of use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evaluators.testing.mock_server import MockServer
from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE, ERRORS_REMAIN
from tests.conftest import read_jsonl
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


def config_of(folder: Path, url: str) -> Path:
    (folder / "c.yaml").write_text(
        "benchmarks: [{name: demo, limit: 4}]\narms: [none, transferred]\njudges: [lexical]\nout: out\n"
        f"writers: [{{name: grm, backend: openai, model: w, base_url: '{url}', retries: 0}}]\n"
    )
    return folder / "c.yaml"


def test_it_ends_in_the_card_and_the_file_serves_another_run(tmp_path: Path, typed: Typed) -> None:
    with MockServer(grm=True).running() as server:
        config = config_of(tmp_path, server.url)
        done = typed("rubrics", config, "--quiet")
        assert done.code == COMPLETE and server.asked == 8
        assert "Rubric cards" in done.out and re.search(r"\ngrm +8 ", done.out)
        assert "8 rubrics written (8 valid)." in done.out
        assert f"Rubrics: {tmp_path}/out/rubrics.jsonl (in another config: `rubrics: {{grm: that file}}`)" in done.out
        again = typed("rubrics", config, "--quiet")
        assert again.code == COMPLETE and server.asked == 8
    assert "Nothing to write: all 8 rubrics are there." in again.out
    other = tmp_path / "other.yaml"
    other.write_text(
        "benchmarks: [{name: demo, limit: 4}]\nrubrics: {grm: out/rubrics.jsonl}\narms: [none, transferred]\n"
        "judges: [lexical]\nout: second\n"
    )
    assert typed("run", other, "--quiet").code == COMPLETE
    assert {line["writer"]["model"] for line in read_jsonl(tmp_path / "second" / "rubrics.jsonl")} == {"w"}


def test_what_was_no_rubric_is_written_again_on_demand(tmp_path: Path, typed: Typed) -> None:
    with MockServer(answer=lambda body: "no rubric at all").running() as server:
        done = typed("rubrics", config_of(tmp_path, server.url), "--quiet")
    assert done.code == COMPLETE and "8 rubrics written (8 invalid)." in done.out
    with MockServer(grm=True).running() as server:
        config = config_of(tmp_path, server.url)
        assert typed("rubrics", config, "--quiet").code == COMPLETE and server.asked == 0
        done = typed("rubrics", config, "--quiet", "--redo", "status=invalid")
        assert "8 rubrics written (8 valid)." in done.out and server.asked == 8


def test_errors_that_remain(tmp_path: Path, typed: Typed) -> None:
    with MockServer(status=500).running() as server:
        done = typed("rubrics", config_of(tmp_path, server.url), "--quiet", "--limit", "2")
    assert done.code == ERRORS_REMAIN
    assert "4 rubrics are still missing (errors are never scored):" in done.err and "HTTP 5xx" in done.err


@pytest.mark.parametrize("redo", ["status=ok", "writer=grm"])
def test_only_what_was_no_rubric_can_be_written_again(redo: str, tmp_path: Path, typed: Typed) -> None:
    done = typed("rubrics", config_of(tmp_path, "http://127.0.0.1:9/v1"), "--redo", redo)
    assert done.code == BAD_INPUT and "--redo takes status=invalid" in done.err
