"""`run`: what it says at its end, its exit codes, and what it refuses before anything is asked."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from evaluators.testing.mock_server import MockServer
from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE, ERRORS_REMAIN
from tests.conftest import MakePairs, read_jsonl
from tests.harness_plugins.cli.conftest import CONFIG, Typed

pytestmark = pytest.mark.xdist_group("cli")


def with_judge(config: Path, url: str, more: str = "") -> None:
    judge = f'  - {{name: q, backend: openai, model: m, base_url: "{url}"{more}}}\n'
    config.write_text(CONFIG.replace("judges:\n", "judges:\n" + judge))


def test_it_ends_in_the_table_and_says_where_the_files_are(config: Path, typed: Typed) -> None:
    done = typed("run", config, "--quiet")
    assert done.code == COMPLETE and not done.err
    assert "The baseline lexical, which counts shared words, gains" in done.out
    assert "240 verdicts written (240 ok), 240 calls made." in done.out
    out = config.parent / "out"
    assert f"Records: {out}" in done.out
    commands = [
        line.strip() for line in done.out[done.out.index("\nnext  ") :].splitlines() if "rubric-harness " in line
    ]
    assert [c.split()[-1] for c in commands[1:]] == ["init", str(out), str(out)], "a model, the page, and the tables"
    again = typed("run", config, "--quiet")
    assert again.code == COMPLETE and "Nothing to ask: all 240 verdicts are there." in again.out


def test_writers_write_before_it_judges(tmp_path: Path, typed: Typed) -> None:
    with MockServer(grm=True).running() as server:
        model = f"backend: openai, model: m, base_url: '{server.url}', retries: 0"
        (tmp_path / "c.yaml").write_text(
            "benchmarks: [{name: demo, limit: 4}]\narms: [none, transferred]\nout: out\n"
            f"writers: [{{name: w, {model}}}]\njudges: [{{name: j, {model}}}]\n"
        )
        done = typed("run", tmp_path / "c.yaml", "--quiet")
        assert done.code == COMPLETE and server.asked == 24
        assert "8 rubrics written (8 valid)." in done.out and "16 verdicts written (16 ok), 16 calls made." in done.out
        assert typed("run", tmp_path / "c.yaml", "--quiet").code == COMPLETE and server.asked == 24
        server.status = 500
        assert typed("run", tmp_path / "c.yaml", "--quiet", "--limit", "1").code == COMPLETE, "nothing is due"


def test_errors_that_remain_are_told_with_what_the_server_said(config: Path, typed: Typed) -> None:
    with MockServer(status=500).running() as server:
        with_judge(config, server.url, ", retries: 0")
        done = typed("run", config, "--limit", 3)  # of more items alike, the run is given up
    assert done.code == ERRORS_REMAIN
    assert "HTTP 5xx, such as: status 500" in done.err
    assert "Run the same command again" in done.err
    assert "! q: 30 of 30 answers are missing (none, generic, transferred, shuffled, repeat)" in " ".join(
        done.out.split()
    )


@pytest.mark.parametrize("flag", [[], ["--stop-unreadable"]])
def test_first_answers_without_a_verdict_are_told_with_quiet_too(
    make_pairs: MakePairs, tmp_path: Path, flag: list[str], typed: Typed, caplog: pytest.LogCaptureFixture
) -> None:
    make_pairs(20, images=False)
    with MockServer(answer=lambda body: "First, I look \x1b]0;owned\x07at the picture").running() as server:
        (tmp_path / "c.yaml").write_text(
            "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none]\nout: out\n"
            f"judges: [{{name: m, backend: openai, model: m, base_url: '{server.url}', concurrency: 2}}]\n"
        )
        done = typed("run", tmp_path / "c.yaml", "--quiet", *flag)
        assert done.code == (ERRORS_REMAIN if flag else COMPLETE)
        assert server.asked < 25 if flag else server.asked == 40
    told = done.err if flag else caplog.text
    assert "judge 'm': its first 20 answers hold no verdict (20 unparsed)" in told
    assert "at the picture'" in told and "\x1b" not in told
    assert ("stopped: " in done.err) == bool(flag)


def test_a_dry_run_asks_nothing_and_shows_a_prompt_an_arm(config: Path, typed: Typed) -> None:
    with MockServer().running() as server:
        with_judge(config, server.url, ", verdict: direct")
        done = typed("run", config, "--dry-run")
        assert server.asked == 0
    assert done.code == COMPLETE, done.err
    for arm in ("none", "generic", "transferred", "shuffled", "repeat"):
        assert f"----- prompt of the arm {arm} -----" in done.out
    assert "Prefer the good answer to question" in done.out
    assert not (config.parent / "out").exists()


def test_only_runs_a_part(config: Path, typed: Typed) -> None:
    done = typed("run", config, "--only", "judge=lexical,arm=none,arm=transferred")
    assert done.code == COMPLETE, done.err
    verdicts = read_jsonl(config.parent / "out" / "verdicts.jsonl")
    assert {(v["judge"], v["arm"]) for v in verdicts} == {("lexical", "none"), ("lexical", "transferred")}
    assert len(verdicts) == 48


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--only", "judge=qwen"], "unknown judge 'qwen'; there are: lexical, longest"),
        (["--only", "judge=longst"], "unknown judge 'longst'; did you mean 'longest'?"),
        (["--only", "jugde=longest"], "unknown field 'jugde'; did you mean 'judge'?"),
        (["--redo", "judge=lexical"], "--redo: unknown field 'judge'; there are: status"),
        (["--redo", "status=unparsd"], "--redo: unknown status 'unparsd'; did you mean 'unparsed'?"),
        (["--redo", "nonsense"], "--redo nonsense: give FIELD=VALUE, such as --redo status=unparsed"),
        (["--max-cost", "1"], "price"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(
    options: list[str], complaint: str, config: Path, typed: Typed
) -> None:
    done = typed("run", config, *options)
    assert done.code == BAD_INPUT and done.err.startswith("error: ") and complaint in done.err
    assert not (config.parent / "out").exists()


def test_a_config_that_is_gone(typed: Typed) -> None:
    done = typed("run", "gone.yaml")
    assert done.code == BAD_INPUT and "gone.yaml: cannot be read" in done.err


def test_without_a_config(tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch, make_pairs: MakePairs) -> None:
    monkeypatch.chdir(tmp_path)
    make_pairs(4, images=False)
    (tmp_path / "mine.jsonl").write_text('{"id": "pair-0", "text": "Prefer good."}\n')
    with MockServer().running() as server:
        options = ["--judge", f"openai:a/m@{server.url}", "--judge", "longest", "--benchmark", "rows.jsonl"]
        options += ["--rubrics", "mine.jsonl", "--set", "arms=[none, transferred]"]
        planned = typed("run", *options, "--dry-run")
        assert planned.code == COMPLETE and server.asked == 0 and not (tmp_path / "results").exists()
        again = shlex.split(planned.out.splitlines()[-1].partition("rubric-harness ")[2])
        assert again == ["run", *options], "in the order in which a config has them"
        assert typed(*again, "--quiet").code == COMPLETE and server.asked == 10
    verdicts = read_jsonl(tmp_path / "results" / "runs" / "rows" / "verdicts.jsonl")
    assert {(v["judge"], v["writer"]) for v in verdicts} >= {("m", None), ("m", "mine"), ("longest", "mine")}
    assert typed("run", "--benchmark", "demo").code == BAD_INPUT


def test_a_value_of_a_config_is_changed(config: Path, typed: Typed) -> None:
    done = typed("run", config, "--quiet", "--set", "judges=longest", "--set", "arms=[none]", "--set", "out=other")
    assert done.code == COMPLETE, done.err
    assert {v["judge"] for v in read_jsonl(config.parent / "other" / "verdicts.jsonl")} == {"longest"}
