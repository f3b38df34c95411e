"""The command line as a user meets it: exit codes and messages, and in processes of its own where the process is what counts."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from evaluators.testing.mock_server import MockServer
from harness_plugins.cli import main
from tests.conftest import ROOT, MakePairs, pair, png, read_jsonl, write_jsonl

CONFIG = """
benchmarks: [{name: pairs, path: rows.jsonl}]
rubrics: {writer: writer.jsonl}
judges:
  - {name: lexical, backend: baseline}
  - {name: longest, backend: baseline}
out: out
"""


pytestmark = pytest.mark.xdist_group("cli")


def command(*args: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "harness_plugins", *map(str, args)]
    return subprocess.run(line, capture_output=True, text=True, cwd=cwd, env=env, check=False)


class Done(NamedTuple):
    code: int
    out: str
    err: str


Typed = Callable[..., Done]


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    """The command line within this process."""

    def run(*args: object) -> Done:
        capsys.readouterr()
        return Done(main([str(a) for a in args]), *capsys.readouterr())

    return run


def written(folder: Path) -> Path:
    """A config with what it names."""
    (folder / "images").mkdir()
    for n in range(12):
        (folder / "images" / f"{n}.png").write_bytes(png(n))
    write_jsonl(folder / "rows.jsonl", [pair(n, media=[f"images/{n}.png"]) for n in range(12)])
    rubric = {"benchmark": "pairs", "writer": "writer"}
    texts = [f"Prefer the good answer to question {n}." for n in range(12)]
    write_jsonl(folder / "writer.jsonl", [{**rubric, "id": f"pair-{n}", "text": text} for n, text in enumerate(texts)])
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return folder / "config.yaml"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config whose run is complete, in the folder `out` beside it. Not to be changed."""
    path = written(tmp_path_factory.mktemp("judged"))
    assert main(["run", str(path), "--quiet"]) == 0
    return path


def test_help_is_quick_and_pulls_in_nothing_heavy() -> None:
    def cpu() -> float:  # of processes that have ended: what else the machine does is no part of it
        t = os.times()
        return t.children_user + t.children_system

    best = 9.0
    for _ in range(3):
        started = cpu()
        done = command("--help")
        best = min(best, cpu() - started)
        assert "rubric-harness run CONFIG.yaml" in done.stdout
    assert best < 0.3


@pytest.mark.parametrize(
    "module", ["harness_plugins", "evaluators", "harness_plugins.cli", "harness_plugins.experiment.run"]
)
def test_importing_pulls_in_nothing_heavy(module: str) -> None:
    heavy = ["torch", "lmms_eval", "datasets", "pandas", "transformers", "vllm", "statsmodels"]
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_run_ends_in_the_table_and_says_where_the_files_are(config: Path) -> None:
    done = command("run", config)
    assert done.returncode == 0, done.stderr
    assert "| lexical  | writer | transferred |" in done.stdout
    assert "verdicts.jsonl" in done.stdout
    again = command("run", config)
    assert again.returncode == 0
    assert "Nothing to ask" in again.stdout


def test_score_json_has_an_object_for_every_metric(judged: Path, typed: Typed) -> None:
    found = json.loads(typed("score", judged.parent / "out", "--json").out)
    cells = {(o["judge"], o["writer"], o["arm"]) for o in found}
    assert ("lexical", "writer", "transferred") in cells
    assert ("lexical", None, "none") in cells
    for o in found:
        if "counts" not in o:
            assert {
                "benchmark",
                "judge",
                "writer",
                "arm",
                "metric",
                "k",
                "n",
                "value",
                "low",
                "high",
                "protocol",
            } <= set(o)
            assert o["n"] == 0 or o["value"] == pytest.approx(o["k"] / o["n"])


def test_every_table_format(judged: Path, typed: Typed) -> None:
    out = judged.parent / "out"

    def table(*arguments: str | Path) -> str:
        done = typed("table", *arguments)
        assert done.code == 0
        return done.out

    assert table(out, "--format", "md").startswith("### pairs, 12 items")
    rows = list(csv.DictReader(io.StringIO(table(out, "--format", "csv"))))
    assert {r["metric"] for r in rows} >= {"accuracy", "strict_both", "gain_over_none", "gain_over_shuffled"}
    assert {r["relation"] for r in rows} == {"", "baseline"}
    assert json.loads(table(out, out, "--format", "json"))
    latex = table(out, "--format", "latex")
    assert latex.count(r"\toprule") == latex.count(r"\bottomrule") >= 2
    assert table(out, "--format", "md") == table(out)


def test_dry_run_asks_nothing_and_shows_a_prompt_an_arm(config: Path, typed: Typed) -> None:
    with MockServer().running() as server:
        judge = f'  - {{name: q, backend: openai, model: m, base_url: "{server.url}", verdict: direct}}\n'
        config.write_text(CONFIG.replace("judges:\n", "judges:\n" + judge))
        done = typed("run", config, "--dry-run")
        assert server.asked == 0
    assert done.code == 0, done.err
    for arm in ("none", "generic", "transferred", "shuffled", "repeat"):
        assert f"----- prompt of the arm {arm} -----" in done.out
    assert "Prefer the good answer to question" in done.out
    assert not (config.parent / "out").exists()


def test_only_runs_a_part(config: Path, typed: Typed) -> None:
    done = typed("run", config, "--only", "judge=lexical,arm=none,arm=transferred")
    assert done.code == 0, done.err
    verdicts = read_jsonl(config.parent / "out" / "verdicts.jsonl")
    assert {(v["judge"], v["arm"]) for v in verdicts} == {("lexical", "none"), ("lexical", "transferred")}
    assert len(verdicts) == 48


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["run", "gone.yaml"], "gone.yaml: cannot be read"),
        (["run", "config.yaml", "--only", "judge=qwen"], "unknown judge 'qwen'; there are: lexical, longest"),
        (["run", "config.yaml", "--only", "jugde=qwen"], "unknown field"),
        (["run", "config.yaml", "--redo", "status=nonsense"], "--redo: unknown"),
        (["run", "config.yaml", "--redo", "nonsense"], "give FIELD=VALUE"),
        (["score", "nowhere"], "nowhere: no run folder"),
        (["table", "config.yaml"], "no run folder"),
        (["show", "nowhere"], "no run folder"),
        (["score", "out", "--protocol", "x"], "unknown protocol 'x'; there are: strict, official, metric"),
        (["show", "out", "--where", "none=rigth"], "give ARM=STATE: unknown state"),
        (["show", "out", "--where", "nnoe=right"], "in this run: unknown arm 'nnoe'; did you mean 'none'?"),
        (["show", "out", "--judge", "x"], "in this run: unknown judge 'x'; there are: lexical, longest"),
    ],
)
def test_a_mistake_gets_a_line_and_exit_code_2(
    judged: Path, args: list[str], complaint: str, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(judged.parent)
    done = typed(*args)
    assert done.code == 2 and done.err.startswith("error: ")
    assert complaint in done.err


def test_errors_that_remain_give_exit_code_3(config: Path, typed: Typed) -> None:
    with MockServer(status=500).running() as server:
        judge = f'  - {{name: q, backend: openai, model: m, base_url: "{server.url}", retries: 0}}\n'
        config.write_text(CONFIG.replace("judges:\n", "judges:\n" + judge))
        done = typed("run", config, "--limit", 3)  # of more items alike, the run is given up
    assert done.code == 3
    assert "HTTP 5xx, such as: status 500" in done.err
    assert "Run the same command again" in done.err
    assert "incomplete: 0/6 answered" in done.out


@pytest.mark.parametrize("flag", [[], ["--stop-unreadable"]])
def test_first_answers_without_a_verdict_are_told_with_quiet_too(
    make_pairs: MakePairs, tmp_path: Path, flag: list[str]
) -> None:
    make_pairs(20, images=False)
    with MockServer(answer=lambda body: "First, I look \x1b]0;owned\x07at the picture").running() as server:
        (tmp_path / "c.yaml").write_text(
            "benchmarks: [{name: pairs, path: rows.jsonl}]\narms: [none]\nout: out\n"
            f"judges: [{{name: m, backend: openai, model: m, base_url: '{server.url}', concurrency: 2}}]\n"
        )
        done = command("run", tmp_path / "c.yaml", "--quiet", *flag)
        assert done.returncode == (3 if flag else 0) and (server.asked < 25 if flag else server.asked == 40)
    assert "judge 'm': its first 20 answers hold no verdict (20 unparsed)" in done.stderr
    assert "at the picture'" in done.stderr and "\x1b" not in done.stderr and "Traceback" not in done.stderr
    assert ("stopped: " in done.stderr) == bool(flag)


def test_show_prints_prompt_media_rubric_and_both_replies(judged: Path, typed: Typed) -> None:
    text = typed("show", judged.parent / "out", "--where", "none=mixed transferred=right", "--limit", "1").out
    for part in (
        "prompt: question",
        "images/",
        "Prefer the good answer",
        "AB (first: candidate 0)",
        "BA (first: candidate 1)",
    ):
        assert part in text


def test_items_lists_uids(judged: Path, typed: Typed) -> None:
    lines = typed("items", judged).out.splitlines()
    assert len(lines) == 12
    assert lines[0].split("\t")[0].startswith("pairs:")


def test_tasks_lists_what_there_is(typed: Typed) -> None:
    text = typed("tasks").out
    for part in ("vl_rewardbench", "transferred", "official:multimodal_rewardbench", "lexical"):
        assert part in text
    assert Path(typed("tasks", "--path").out.strip(), "vl_rewardbench", "benchmark.yaml").exists()


def test_a_closed_pipe_is_no_error(judged: Path) -> None:
    line = f"{sys.executable} -m harness_plugins score {judged.parent / 'out'} --json | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["rnu", "config.yaml"], "unknown command 'rnu'; did you mean 'run'?"),
        (["--verson"], "unknown option '--verson'; did you mean '--version'?"),
        (["run", "config.yaml", "--limt=3"], "unknown option '--limt'; did you mean '--limit'?"),
        (["import", "lmms_evl", "x", "--out", "y"], "unknown format 'lmms_evl'; did you mean 'lmms_eval'?"),
        (["import", "lmms_eval", "x", "--uot", "y"], "unknown option '--uot'; did you mean '--out'?"),
        (["table", "x", "--format", "latx"], "unknown format 'latx'; did you mean 'latex'?"),
    ],
)
def test_what_may_have_been_meant(argv: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as e:
        main(argv)
    assert e.value.code == 2 and complaint in capsys.readouterr().err


def test_names_of_a_run_that_may_have_been_meant(
    make_pairs: MakePairs, write_config: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_pairs(2)
    path = write_config("benchmarks: [{name: pairs, path: rows.jsonl}]\njudges: [longest]\narms: [none]\nout: out\n")
    out = str(path.parent / "out")
    assert main(["run", str(path), "--quiet"]) == 0
    for argv, complaint in (
        (["run", str(path), "--only", "jugde=longest"], "unknown field 'jugde'; did you mean 'judge'?"),
        (["run", str(path), "--only", "judge=longst"], "unknown judge 'longst'; did you mean 'longest'?"),
        (["run", str(path), "--redo", "status=unparsd"], "unknown status 'unparsd'; did you mean 'unparsed'?"),
        (["show", out, "--judge", "longst"], "unknown judge 'longst'; did you mean 'longest'?"),
        (["show", out, "--where", "none=rihgt"], "unknown state 'rihgt'; did you mean 'right'?"),
        (["score", out, "--protocol", "strct"], "unknown protocol 'strct'; did you mean 'strict'?"),
        (["compare", out, out, "--arm", "nnoe"], "unknown arm 'nnoe'; did you mean 'none'?"),
    ):
        capsys.readouterr()
        assert main(argv) == 2, argv
        assert complaint in capsys.readouterr().err
