"""`data`: what would be asked, the sets and their tables at its end, and pairs that were not answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.testing.mock_server import MockServer
from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE, ERRORS_REMAIN
from tests.conftest import MakePairs
from tests.harness_plugins.cli.conftest import Typed

pytestmark = pytest.mark.xdist_group("cli")


def config_of(folder: Path, url: str, more: str = "") -> Path:
    path = folder / "data.yaml"
    path.write_text(
        "sources: [{layout: pairs, path: rows.jsonl}]\nout: out\n"
        f"teacher: {{name: t, backend: openai, model: m, base_url: '{url}', retries: 0}}\n"
        f"parts: {{proxy_sft: 4, proxy_rl: 4, grm_sft: 6, grm_rl: 8}}\n{more}"
    )
    return path


def test_a_dry_run_asks_and_writes_nothing(make_pairs: MakePairs, tmp_path: Path, typed: Typed) -> None:
    make_pairs(12)
    with MockServer(grm=True).running() as server:
        done = typed("data", config_of(tmp_path, server.url), "--dry-run")
        assert server.asked == 0
    assert done.code == COMPLETE and "asked 12 times" in done.out and "Nothing was asked or written" in done.out
    assert not (tmp_path / "out").exists()


def test_it_ends_in_the_sets_and_goes_on_where_it_stopped(make_pairs: MakePairs, tmp_path: Path, typed: Typed) -> None:
    make_pairs(12)
    with MockServer(grm=True).running() as server:
        config = config_of(tmp_path, server.url, "as_many: true\n")
        assert typed("data", config, "--quiet", "--limit", "6").code == COMPLETE and server.asked == 6
        done = typed("data", config, "--quiet")
        assert done.code == COMPLETE and server.asked == 12
    assert "\ngrm_rl " in done.out and "6 answers of the teacher written (6 valid)." in done.out
    sets, card, answers = done.out.splitlines()[-3:]
    assert sets.startswith(f"Sets:    {tmp_path}/out/{{") and "proxy_sft " in sets
    assert card.startswith(f"Card:    {tmp_path}/out/README.md, ")
    assert answers == f"Answers: {tmp_path}/out/teacher/rubrics.jsonl"


def test_no_part_is_drawn_while_pairs_are_unanswered(make_pairs: MakePairs, tmp_path: Path, typed: Typed) -> None:
    make_pairs(12)
    with MockServer(fail=1, faults=("server_error",)).running() as server:
        done = typed("data", config_of(tmp_path, server.url), "--quiet", "--out", tmp_path / "other")
    assert done.code == ERRORS_REMAIN and "12 answers of the teacher are still missing" in done.err
    assert "12 pairs have no answer, so no part was made" in done.err
    assert not (tmp_path / "out").exists() and not (tmp_path / "other" / "README.md").exists()


def test_only_what_held_no_rubric_can_be_asked_for_again(tmp_path: Path, typed: Typed) -> None:
    done = typed("data", config_of(tmp_path, "http://127.0.0.1:9/v1"), "--redo", "status=ok")
    assert done.code == BAD_INPUT and "--redo takes status=invalid" in done.err
