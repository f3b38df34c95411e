"""The commands that ask models, and what they answer to the shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.testing.mock_server import MockServer
from harness_plugins.cli import main
from tests.conftest import read_jsonl

COMPLETE, BAD_INPUT, ERRORS_REMAIN = 0, 2, 3

CONFIG = """
benchmarks: [{{name: demo, limit: 4}}]
arms: [none, transferred]
out: out
writers: [{{name: w, backend: openai, model: m, base_url: '{url}', retries: 0}}]
judges: [{{name: j, backend: openai, model: m, base_url: '{url}', retries: 0}}]
"""


def config(folder: Path, url: str) -> str:
    (folder / "c.yaml").write_text(CONFIG.format(url=url))
    return str(folder / "c.yaml")


def test_rubrics_first_and_then_verdicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer(grm=True).running() as server:
        path = config(tmp_path, server.url)
        assert main(["rubrics", path, "--quiet"]) == COMPLETE and server.asked == 8
        assert main(["run", path, "--quiet"]) == COMPLETE and server.asked == 24
        said = capsys.readouterr().out
        assert "16 verdicts written" in said and "All tables:   rubric-harness table" in said
        assert main(["run", path, "--quiet"]) == COMPLETE and server.asked == 24
        assert "Nothing to ask: all 16 verdicts are there." in capsys.readouterr().out
    assert {r["status"] for r in read_jsonl(tmp_path / "out" / "rubrics.jsonl")} == {"valid"}


def test_what_remains_is_said_with_what_the_server_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer(grm=True).running() as server:
        path = config(tmp_path, server.url)
        assert main(["rubrics", path, "--quiet"]) == COMPLETE
        server.status = 500
        assert main(["run", path, "--quiet", "--limit", "1"]) == ERRORS_REMAIN
    said = capsys.readouterr().err
    assert "HTTP 5xx" in said and "Run the same command again" in said


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--redo", "judge=j"], "--redo: unknown field 'judge'"),
        (["--redo", "status=fine"], "--redo: unknown status 'fine'"),
        (["--max-cost", "1"], "price"),
    ],
)
def test_refused_before_anything_is_asked(
    options: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with MockServer().running() as server:
        assert main(["run", config(tmp_path, server.url), *options]) == BAD_INPUT
        assert server.asked == 0
    assert complaint in capsys.readouterr().err and not (tmp_path / "out").exists()
