"""Our settings through lm-eval's real command line, for text; what its image limits would corrupt is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.testing.mock_server import MockServer
from harness_plugins import run, score
from tests.conftest import pair, write_jsonl
from tests.hosts.conftest import Cli, Done

pytest.importorskip("lm_eval", reason="needs lm-eval; `make test-all` runs this")


@pytest.fixture
def data(tmp_path: Path) -> dict[str, str]:
    write_jsonl(tmp_path / "rows.jsonl", [pair(n) for n in range(12)])
    rubrics = [
        {"benchmark": "pairs", "id": f"pair-{n}", "writer": "hand", "text": f"Good is right in {n}."} for n in range(10)
    ]
    write_jsonl(tmp_path / "rubrics.jsonl", rubrics)
    (tmp_path / "data.yaml").write_text("benchmarks: [{name: pairs, path: rows.jsonl}]\n")
    return {
        "RUBRIC_HARNESS_CONFIG": str(tmp_path / "data.yaml"),
        "RUBRIC_HARNESS_RUBRICS": str(tmp_path / "rubrics.jsonl"),
    }


def ask(cli: Cli, server: MockServer, task: str, **env: str) -> Done:
    path = cli("rubric-harness", "tasks", "--path").out.strip()
    model = f"model=fake-judge,base_url={server.url}/chat/completions,num_concurrent=8,tokenized_requests=False"
    given = ("--tasks", task, "--model", "local-chat-completions", "--model_args", model, "--apply_chat_template")
    log = ("--output_path", str(cli.tmp / "run" / "harness"), "--log_samples")
    return cli("lm-eval", "run", "--include_path", path, *given, *log, **env)


def test_the_same_settings_and_records(cli: Cli, server: MockServer, data: dict[str, str], tmp_path: Path) -> None:
    done = ask(cli, server, "rt_pairs", **data)
    assert done.code == 0, done.out
    assert server.asked == 2 * (12 * 2 + 10 * 2), "the two items without a rubric are asked once, for all settings"
    assert "points of accuracy gained over no rubric" in done.out.rpartition("|rt_pairs")[2], "our answer comes last"
    cells = {c.arm: c for c in score(done.folder).cells if not c.baseline}
    assert set(cells) == {"none", "generic", "transferred", "shuffled"}
    for setting, arm in (("judge", "none"), ("transfer", "transferred")):
        printed = done.results()["results"][f"rt_pairs_{setting}"]["accuracy,none"]
        assert printed == pytest.approx(cells[arm].metrics["accuracy"].value)
    native = tmp_path / "native.yaml"
    native.write_text(
        "benchmarks: [{name: pairs, path: rows.jsonl}]\nrubrics: {hand: rubrics.jsonl}\n"
        "arms: [none, generic, transferred, shuffled]\n"
        f"judges: [{{name: n, backend: openai, model: fake-judge, base_url: '{server.url}'}}]\n"
    )
    run(native, out=tmp_path / "native")
    theirs = {c.arm: c for c in score(tmp_path / "native").cells if not c.baseline}
    for arm, cell in cells.items():
        assert cell.metrics["accuracy"].value == theirs[arm].metrics["accuracy"].value, arm
        assert cell.metrics["strict_both"].value == theirs[arm].metrics["strict_both"].value, arm


def test_images_are_refused(cli: Cli, server: MockServer) -> None:
    done = ask(cli, server, "rt_demo_judge")
    assert done.code != 0 and server.asked == 0
    assert "error: rt_demo_judge: 40 of 40 items have images, and lm-eval drops or moves images" in done.out
    assert "Traceback" not in done.out


MOVED = """
import builtins
real = builtins.__import__
def moved(name, globals=None, *rest, **more):
    if name == "lm_eval.utils" and (globals or {}).get("__name__") == "harness_plugins.hosts.lm_eval":
        raise ImportError("cannot import name 'simple_parse_args_string' from 'lm_eval.utils'", name="lm_eval.utils")
    return real(name, globals, *rest, **more)
builtins.__import__ = moved
"""


def test_an_import_that_fails_ends_in_its_mend(cli: Cli, server: MockServer, data: dict[str, str]) -> None:
    """As in an lm-eval that has moved what our tasks are made of."""
    (cli.tmp / "site").mkdir()
    (cli.tmp / "site" / "sitecustomize.py").write_text(MOVED)
    done = ask(cli, server, "rt_pairs_judge", PYTHONPATH=str(cli.tmp / "site"), **data)
    assert done.code == 1 and server.asked == 0
    last = done.out.strip().splitlines()[-1]
    assert last.startswith("error: lm-eval cannot be imported (cannot import name 'simple_parse_args_string'"), done.out
    assert last.endswith("pip install 'lm-eval[api]<0.5,>=0.4.13'")
