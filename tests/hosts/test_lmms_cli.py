"""Our tasks through lmms-eval's real command line: each plugins, stock models and our own, failures, kill and resume."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from evaluators.testing.mock_server import MockServer
from harness_plugins import run, score
from harness_plugins.hosts import SETTINGS
from tests.conftest import pair, png, read_jsonl, real, write_jsonl
from tests.hosts.conftest import BIN, CAREFUL, Cli, Done

RUBRICS = {"RUBRIC_HARNESS_RUBRICS": str(CAREFUL)}


def judge(server: MockServer, **more: object) -> str:
    return ",".join([f"model=fake-judge,base_url={server.url}", *(f"{k}={v}" for k, v in more.items())])


def test_a_stock_model_judges_and_is_recorded(cli: Cli, server: MockServer) -> None:
    done = cli.lmms("rt_demo", "openai", judge(server), **RUBRICS)
    assert done.code == 0, done.out
    verdicts = done.verdicts()
    assert len(verdicts) == 40 * 2 * len(SETTINGS) == server.asked
    assert {v["judge"] for v in verdicts} == {"openai:fake-judge"} and {v["status"] for v in verdicts} == {"ok"}
    answer = verdicts[0]["answer"]
    assert (answer["finish_reason"], answer["top_logprobs"], answer["latency_s"]) == (None, None, None)
    assert answer["usage"] == {"prompt_tokens": 100, "completion_tokens": 20}
    assert "127.0.0.1" not in (done.folder / "manifest.json").read_text()
    report = score(done.folder)
    assert {p.model for p in report.paid} == {c.model for c in report.costs} == {"fake-judge"}, "not `openai`"
    table = done.out.rpartition("|rt_demo")[2]
    gained = "points of accuracy gained over no rubric" in table and "rubric-harness table" in table
    assert gained, "our answer comes last, behind lmms-eval's table"
    its_numbers_are_those_of_score(done)


def its_numbers_are_those_of_score(done: Done) -> None:
    """Every number that lmms-eval prints is the one that `score` reads off the records."""
    report = score(done.folder)
    own = score(done.folder, "metric")
    for setting, arm in SETTINGS.items():
        printed = {
            k.split(",")[0]: v for k, v in done.results()["results"][f"rt_demo_{setting}"].items() if ",none" in k
        }
        for prefix, cells in (("", report.cells), ("metric_", own.cells)):
            cell = next(c for c in cells if c.arm == arm and not c.baseline)
            shared = {k for k in cell.metrics if prefix + k in printed}
            assert "accuracy" in shared
            for name in shared:
                assert printed[prefix + name] == pytest.approx(cell.metrics[name].value, abs=1e-12), (setting, name)
        strict = next(c for c in report.cells if c.arm == arm and not c.baseline).metrics
        assert {"strict_both", "consistency", "first_position_rate", "unparsed"} <= set(strict) & set(printed)


def test_every_sample_row_names_its_rubrics(cli: Cli, server: MockServer) -> None:
    import hashlib

    sha = hashlib.sha256(CAREFUL.read_bytes()).hexdigest()
    done = cli.lmms("rt_demo_transfer", "openai", judge(server), "--limit", "6", **RUBRICS)
    assert [s["answered"][2]["rubrics_sha256"] for s in done.samples("rt_demo_transfer")] == [sha] * 6
    assert done.results()["configs"]["rt_demo_transfer"]["metadata"]["rubrics_sha256"] == sha


def test_our_model_gives_what_a_native_run_gives(cli: Cli, server: MockServer, tmp_path: Path) -> None:
    done = cli.lmms("rt_demo", "rubric_judge", judge(server, concurrency=64), **RUBRICS)
    assert done.code == 0, done.out
    through = server.asked
    native = tmp_path / "native.yaml"
    native.write_text(
        f"benchmarks: [{{name: demo}}]\nrubrics: {{careful: {CAREFUL}}}\narms: [none, generic, transferred, shuffled]\n"
        f"judges: [{{name: fake-judge, backend: openai, model: fake-judge, base_url: '{server.url}'}}]\n"
    )
    assert run(native, out=tmp_path / "native").complete
    assert server.asked == 2 * through == 640
    halves = server.bodies[:320], server.bodies[320:]
    assert sorted(map(str, halves[0])) == sorted(map(str, halves[1])), (
        "the very same requests, bytes of images included"
    )
    ours, theirs = done.verdicts(), Done(0, "", tmp_path / "native").verdicts()
    assert {v["key"]: v["choice"] for v in ours} == {v["key"]: v["choice"] for v in theirs}
    assert {v["answer"]["finish_reason"] for v in ours} == {"stop"}
    its_numbers_are_those_of_score(done)
    again = cli.lmms("rt_demo", "rubric_judge", judge(server, concurrency=64), **RUBRICS)
    assert again.code == 0 and server.asked == 640, "a second run asks nothing"


def test_direct_verdicts_with_their_probabilities(cli: Cli, server: MockServer) -> None:
    done = cli.lmms("rt_demo_judge", "rubric_judge", judge(server, verdict="direct"), "--limit", "8")
    verdicts = done.verdicts()
    assert len(verdicts) == 8 and all(v["p"]["first"] for v in verdicts), done.out


def test_killed_and_run_again(cli: Cli) -> None:
    with MockServer(latency_s=0.2).running() as server:
        command = [str(BIN / "lmms-eval"), "--tasks", "rt_demo", "--model", "rubric_judge"]
        command += ["--model_args", judge(server, concurrency=8)]
        folder = cli.tmp / "run"
        for kills in range(1, 3):
            process = subprocess.Popen(
                command,
                env=cli.environment(folder, **RUBRICS),
                cwd=cli.tmp,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            file, wanted = folder / "verdicts-0.jsonl", 40 * kills
            while process.poll() is None and (not file.exists() or file.read_bytes().count(b"\n") < wanted):
                time.sleep(0.02)
            assert process.poll() is None
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        done = cli.lmms("rt_demo", "rubric_judge", judge(server, concurrency=8), **RUBRICS)
        assert done.code == 0, done.out
        keys = Counter(v["key"] for v in done.verdicts())
        assert len(keys) == 320 and set(keys.values()) == {1}
        assert 320 <= server.asked <= 320 + 2 * 8, "at most the requests in flight are asked again"


@pytest.mark.parametrize("model", [pytest.param("openai", marks=pytest.mark.long), "rubric_judge"])
def test_failures_are_errors_not_answers(cli: Cli, model: str) -> None:
    with MockServer(fail=0.4, faults=["server_error"], seed=1).running() as server:
        args = judge(server, retries=0) if model == "rubric_judge" else judge(server, max_retries=1, retry_backoff_s=0)
        done = cli.lmms("rt_demo_judge", model, args, "--limit", "40")
        by_status = Counter(v["status"] for v in done.verdicts())
        assert by_status["ok"] + by_status["error"] == 40, done.out
        if model == "rubric_judge":
            assert by_status["error"] > 5
            assert {v["error"]["kind"] for v in done.verdicts() if v["status"] == "error"} == {"server"}
            server.fail = 0.0
            cli.lmms("rt_demo_judge", model, args, "--limit", "40")
            assert score(done.folder).cells[0].complete, "what failed is asked again, and nothing else"
            assert server.asked == 40 + by_status["error"]


def test_the_stock_failure_text_is_an_error(cli: Cli) -> None:
    with MockServer(status=400).running() as server:
        done = cli.lmms("rt_demo_judge", "openai", judge(server, max_retries=1, retry_backoff_s=0), "--limit", "4")
        assert {(v["status"], v["error"]["message"][:26]) for v in done.verdicts()} == {
            ("error", "[LMMS_EVAL_REQUEST_FAILED ")
        }, done.out


def test_a_mistake_is_one_line_before_any_call(cli: Cli, server: MockServer) -> None:
    done = cli.lmms("rt_demo_transfer", "openai", judge(server))
    assert done.code != 0 and server.asked == 0
    assert "error: rt_demo_transfer reads rubrics and RUBRIC_HARNESS_RUBRICS is not set" in done.out
    assert "Traceback" not in done.out
    done = cli.lmms("rt_demo_judge", "rubric_judge", judge(server, concurency=3))
    assert (
        done.code != 0
        and "error: model_args: unknown argument 'concurency'; did you mean 'concurrency'?" in done.out
        and server.asked == 0
    )


def test_include_path_and_the_off_switch(cli: Cli, server: MockServer) -> None:
    off = {"RUBRIC_HARNESS_LMMS_TASKS": "0"}
    done = cli.lmms("rt_demo_judge", "openai", judge(server), "--limit", "2", **off)
    assert "Tasks not found: rt_demo_judge" in done.out and not done.folder.joinpath("manifest.json").exists()
    path = cli("rubric-harness", "tasks", "--path").out.strip()
    done = cli.lmms("rt_demo_judge", "openai", judge(server), "--limit", "2", "--include_path", path, **off)
    assert len(done.verdicts()) == 2, done.out


def test_our_command_has_real_exit_codes_and_a_table(cli: Cli, server: MockServer) -> None:
    given = ("--tasks", "rt_demo_judge,rt_demo_transfer", "--model", "rubric_judge", "--limit", "20")
    done = cli(
        "rubric-harness", "lmms-eval", "--rubrics", str(CAREFUL), "--out", "mine", *given, "--model_args", judge(server)
    )
    gained = "points of accuracy gained over no rubric"
    assert done.code == 0 and gained in done.out and "rubric-harness table mine" in done.out, done.out
    dead = cli(
        "rubric-harness",
        "lmms-eval",
        *given[:1],
        "rt_demo_judge",
        *given[2:],
        "--model_args",
        "model=m,base_url=http://127.0.0.1:9/v1",
    )
    assert dead.code == 3 and "stopped: judge 'm'" in dead.out and "Traceback" not in dead.out, dead.out


@pytest.mark.parametrize(
    ("tasks", "model", "said"),
    [
        (["--tasks", "rt_demo_jugde,mmm"], "rubric_judge", "unknown task 'rt_demo_jugde'; did you mean 'rt_demo_judge'?"),
        (["--tasks", "rt_dem_*"], "rubric_judge", "no task to evaluate: give --tasks"),
        ([], "rubric_judge", "no task to evaluate: give --tasks"),
        (["--tasks", "rt_demo_judge"], "rubric_jugde", "unknown model 'rubric_jugde'; did you mean 'rubric_judge'?"),
    ],
)  # fmt: skip
def test_what_lmms_eval_does_not_know_is_said(cli: Cli, tasks: list[str], model: str, said: str) -> None:
    """By itself it prints a traceback, or exits with 0."""
    done = cli(
        "rubric-harness", "lmms-eval", *tasks, "--model", model, "--model_args", "backend=baseline,model=longest"
    )
    assert done.code == 2 and f"error: {said}" in done.out and "Traceback" not in done.out, done.out


def test_an_lmms_model_is_a_native_judge(cli: Cli, server: MockServer) -> None:
    config = cli.tmp / "lmms.yaml"
    config.write_text(
        "benchmarks: [{name: demo, limit: 6}]\narms: [none, generic]\nout: native\njudges:\n"
        f"  - {{name: theirs, backend: lmms, model: openai, model_args: 'model=fake-judge,base_url={server.url}'}}\n"
    )
    done = cli("rubric-harness", "run", str(config), out="native")
    assert done.code == 0, done.out
    verdicts = done.verdicts()
    assert len(verdicts) == 24 and {v["answer"]["backend"] for v in verdicts} == {"lmms"}
    kinds = [p["type"] for p in server.bodies[0]["messages"][0]["content"]]
    assert kinds == ["text", "image_url", "text"], "images stand where the prompt has them"
    assert server.url not in (done.folder / "manifest.json").read_text()
    config.write_text(config.read_text().replace("model: openai", "model: no_such_model"))
    wrong = cli("rubric-harness", "run", str(config), "--out", "other")
    assert wrong.code == 2 and "lmms-eval cannot load 'no_such_model'" in wrong.out, wrong.out


@pytest.mark.parametrize("model", ["openai", "dummy"])
def test_a_picture_that_an_lmms_model_cannot_be_shown_costs_its_own_verdicts(
    cli: Cli, server: MockServer, model: str
) -> None:
    """Models of lmms-eval fail as a whole, or say so in their answer: the others of the batch are answered all the same."""
    for n in range(4):
        (cli.tmp / f"{n}.png").write_bytes(png(n))
    (cli.tmp / "2.png").write_bytes(png(2)[:16] + (30_000).to_bytes(4, "big") * 2 + png(2)[24:])  # a bomb
    write_jsonl(cli.tmp / "rows.jsonl", [pair(n, media=[f"{n}.png"]) for n in range(4)])
    more = {"openai": f"model=m,base_url={server.url}", "dummy": "response=<answer>1</answer>,read_bytes=True"}
    judge = f"{{name: theirs, backend: lmms, model: {model}, model_args: '{more[model]}', retries: 0}}"
    config = cli.tmp / "lmms.yaml"
    config.write_text(
        f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\narms: [none]\nout: native\njudges:\n  - {judge}\n"
    )
    done = cli("rubric-harness", "run", str(config), out="native")
    assert done.code == 3 and done.out.count("2.png: cannot be decoded") == 1 and "Traceback" not in done.out, done.out
    verdicts = done.verdicts()
    assert len(verdicts) == 8 and [v["error"]["kind"] for v in verdicts if v["error"]] == ["image"] * 2


@pytest.mark.parametrize(
    ("name", "rows"), [pytest.param("vl_rewardbench", 600, marks=pytest.mark.long), ("mm_rlhf_rewardbench", 170)]
)
def test_a_transfer_run_over_real_rows(cli: Cli, name: str, rows: int) -> None:
    folder = real(name)
    config = cli.tmp / "real.yaml"
    path = next(iter(sorted(folder.glob("*.jsonl")) + sorted(folder.glob("*.parquet"))))
    config.write_text(f"benchmarks: [{{name: {name}, path: {path}, media_root: {folder}, media: optional}}]\n")
    uids = cli_items(cli, config)
    assert len(uids) == rows
    rubrics = cli.tmp / "rubrics.jsonl"
    row = {"benchmark": name, "writer": "hand"}
    lines = (json.dumps({**row, "item": u, "text": f"Prefer what is true of {n}."}) + "\n" for n, u in enumerate(uids))
    rubrics.write_text("".join(lines))
    with MockServer(answer=lambda body: "<answer>1</answer>").running() as server:
        done = cli.lmms(
            f"rt_{name}", "rubric_judge", judge(server, concurrency=64),
            RUBRIC_HARNESS_RUBRICS=str(rubrics), RUBRIC_HARNESS_CONFIG=str(config),
        )  # fmt: skip
    assert done.code == 0, done.out
    keys = Counter(v["key"] for v in done.verdicts())
    assert set(keys.values()) == {1} and rows * 2 * 3 < len(keys) <= rows * 2 * 4, (
        "rows without a donor are those of `none`"
    )
    cells = [c for c in score(done.folder).cells if not c.baseline]
    assert [c.arm for c in cells] == ["none", "generic", "transferred", "shuffled"]
    assert all(c.complete and c.metrics["accuracy"].value == 0.5 for c in cells), (
        "always the first: right in one of two orders"
    )


def cli_items(cli: Cli, config: Path) -> list[str]:
    whole = cli.tmp / "items.yaml"
    whole.write_text(config.read_text() + "judges: [{name: first, backend: baseline}]\n")
    return [line.split("\t")[0] for line in cli("rubric-harness", "items", str(whole)).out.splitlines()]


@pytest.mark.parametrize("model", [pytest.param("openai", marks=pytest.mark.long), "rubric_judge"])
def test_two_ranks_write_a_file_each(cli: Cli, server: MockServer, model: str) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = str(s.getsockname()[1])
    launch = ("torchrun", "--nproc_per_node", "2", "--master_port", port, "-m", "lmms_eval")
    given = ("--tasks", "rt_demo_judge,rt_demo_transfer", "--model", model, "--limit", "10", "--model_args")
    done = cli(*launch, *given, judge(server), **RUBRICS)
    assert done.code == 0, done.out
    by_file = [len(read_jsonl(done.folder / f"verdicts-{rank}.jsonl")) for rank in (0, 1)]
    assert sum(by_file) == 20 and min(by_file) > 0
    assert len({v["key"] for v in done.verdicts()}) == 20
    assert all(c.complete for c in score(done.folder).cells if not c.baseline)
    if model == "rubric_judge":  # what one rank refuses, the other must not ask
        before = server.asked
        refused = cli(*launch, *given, judge(server, max_tokens=7), **RUBRICS)
        assert "is not the one that" in refused.out and server.asked == before, refused.out


def test_items_without_a_rubric_are_asked_once_and_a_limit_keeps_the_donors(
    cli: Cli, server: MockServer, tmp_path: Path
) -> None:
    some = tmp_path / "some.jsonl"
    some.write_text("".join(line + "\n" for line in CAREFUL.read_text().splitlines()[:25]))
    config = tmp_path / "native.yaml"
    config.write_text(
        "benchmarks: [{name: demo, limit: 12}]\nrubrics: {careful: some.jsonl}\narms: [none, generic, transferred, shuffled]\n"
        f"judges: [{{name: fake-judge, backend: openai, model: fake-judge, base_url: '{server.url}'}}]\n"
    )
    env = {"RUBRIC_HARNESS_RUBRICS": str(some), "RUBRIC_HARNESS_CONFIG": str(config)}
    done = cli.lmms("rt_demo", "rubric_judge", judge(server), **env)
    keys = Counter(v["key"] for v in done.verdicts())
    assert done.code == 0 and set(keys.values()) == {1}, done.out
    asked = server.asked
    assert run(config, out=done.folder).complete and server.asked == asked, "a native run finds all of it done"
    its_numbers_are_those_of_score(done)


def test_an_odd_limit_leaves_an_item_open_in_both_tables(cli: Cli, server: MockServer) -> None:
    done = cli.lmms("rt_demo_judge", "openai", judge(server), "--limit", "7")
    printed = done.results()["results"]["rt_demo_judge"]
    cell = next(c for c in score(done.folder).cells if not c.baseline)
    assert printed["answered,none"] == cell.metrics["answered"].value == 7 / 8
    assert printed["accuracy,none"] == pytest.approx(cell.metrics["accuracy"].value)


def test_the_response_cache_is_refused_with_our_own_journal(cli: Cli, server: MockServer) -> None:
    done = cli.lmms("rt_demo_judge", "rubric_judge", judge(server), "--limit", "4", "--use_cache", "cache")
    assert done.code != 0 and "leave out --use_cache" in done.out and server.asked == 0, done.out
    for _ in range(2):
        stock = cli.lmms("rt_demo_judge", "openai", judge(server), "--limit", "4", "--use_cache", "cache", out="stock")
        assert len({v["key"] for v in stock.verdicts()}) == 4 and server.asked == 4, stock.out


PROGRAM = """
import sys
import harness_plugins
from lmms_eval.tasks import TaskManager
assert "rt_demo_judge" in TaskManager(include_defaults=False).all_tasks
from lmms_eval.evaluator import simple_evaluate
for _ in range(2):
    found = simple_evaluate(
        model="rubric_judge", model_args=sys.argv[1], tasks=["rt_demo_judge"], limit=6,
        task_manager=TaskManager(include_defaults=False),
    )
    print("accuracy", found["results"]["rt_demo_judge"]["accuracy,none"])
"""


def test_in_a_program_without_a_command_line(cli: Cli, server: MockServer) -> None:
    done = cli("python", "-c", PROGRAM, judge(server))
    assert done.code == 0 and done.out.count("accuracy 0.") == 2 and server.asked == 6, done.out
    assert "fake-judge" in done.out.rpartition("accuracy 0.")[2], "a script ends in our short table too"
    assert {v["judge"] for v in done.verdicts()} == {"fake-judge"} and len(done.verdicts()) == 6


def without(cli: Cli, module: str) -> dict[str, str]:
    """The environment of a process in which one module cannot be imported, as if its package had dropped it."""
    package = module.partition(".")[0]
    (cli.tmp / "site").mkdir()
    (cli.tmp / "site" / "sitecustomize.py").write_text(f"import sys, {package}\nsys.modules[{module!r}] = None\n")
    return {"PYTHONPATH": str(cli.tmp / "site")}


@pytest.mark.parametrize(
    ("module", "mend"),
    [
        ("filelock._api", "pip install 'filelock<4.3'"),  # first looked for when an evaluation begins
        ("accelerate.utils", "pip install 'rubric-harness[lmms-eval]'"),  # when lmms-eval itself is imported
        pytest.param("lmms_eval.api.instance", "pip install 'lmms-eval<0.8,>=0.7.3'", marks=pytest.mark.long),
    ],
)
def test_an_import_that_fails_ends_in_its_mend(cli: Cli, module: str, mend: str) -> None:
    """The stock command prints a traceback and exits with 0."""
    ours = ("--tasks", "rt_demo_judge", "--model", "rubric_judge", "--model_args", "backend=baseline,model=longest")
    done = cli("rubric-harness", "lmms-eval", *ours, "--limit", "4", **without(cli, module))
    assert done.code == 2 and "Traceback" not in done.out, done.out
    assert re.search(
        rf"error: lmms-eval cannot be imported \(.*{re.escape(module)}.*\): {re.escape(mend)}", done.out
    ), done.out
