"""Every behaviour of lmms-eval that we lean on, so that an upgrade which moves one fails here, with its name.

Executed against lmms-eval 0.7.3. What each is for stands in `harness_plugins/lmms`.
"""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lmms_eval.api.instance import GenerationResult, TokenCounts, unwrap_generation_output
from lmms_eval.api.reasoning import parse_reasoning_tags_config
from lmms_eval.api.task import ConfigurableMessagesTask, TaskConfig
from lmms_eval.models import MODEL_REGISTRY_V2
from lmms_eval.tasks import TaskManager
from PIL import Image as Pillow

from evaluators.messages import Image, Text
from evaluators.prompts.template import Template
from evaluators.specs import JudgeSpec
from harness_plugins.benchmarks.bundled import data_dir
from harness_plugins.benchmarks.loader import load_benchmark
from harness_plugins.cli import main
from harness_plugins.hosts import SETTINGS
from harness_plugins.hosts import lmms_eval as lmms
from harness_plugins.hosts.rows import load_rows
from tests.hosts.conftest import CAREFUL


@pytest.fixture(scope="module")
def manager() -> TaskManager:
    """lmms-eval's index with our folder alone: the hook adds it."""
    return TaskManager(include_defaults=False)


def load(manager: TaskManager, task: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("RUBRIC_HARNESS_RUBRICS", str(CAREFUL))
    return manager.load_task_or_group([task], "chat")[task]


def test_the_hook_adds_our_tasks_and_groups(manager: TaskManager) -> None:
    assert {f"rt_demo_{s}" for s in SETTINGS} <= set(manager.all_tasks)
    assert {"rt_demo", "rt_reward_bench", "rt_transfer"} <= set(manager.all_groups)


def test_the_hook_is_idempotent() -> None:
    before = TaskManager.initialize_tasks
    lmms.register()
    lmms.register()
    assert TaskManager.initialize_tasks is before
    paths = lmms.with_ours([str(data_dir("tasks"))])
    assert paths == [str(data_dir("tasks"))], "our own folder on the command line is not searched twice"


def test_the_hook_never_breaks_an_lmms_eval_that_has_changed(capsys: pytest.CaptureFixture[str]) -> None:
    lmms.patch(type(sys)("changed"))
    assert "use --include_path" in capsys.readouterr().err


def test_built_in_names_win(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.yaml").write_text(f"task: same\nclass: !function {name}.X\n")
    index = TaskManager(include_path=[str(tmp_path / "one"), str(tmp_path / "two")], include_defaults=False).task_index
    assert index["same"]["yaml_path"].startswith(str(tmp_path / "one")), (
        "the earlier path wins; the defaults come first"
    )


def test_our_model_is_registered() -> None:
    assert MODEL_REGISTRY_V2.resolve("rubric_judge").model_type == "chat"


def test_our_tasks_and_the_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """lmms-eval's own lists show neither our tasks nor `rubric_judge`."""
    assert main(["lmms-eval", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(
        name in out for name in ("rt_demo_transfer", "rt_pairs_arr", "rt_reward_bench", "rubric_judge", "qwen2_5_vl")
    )


def test_a_model_is_told_its_tasks_by_their_datasets(manager: TaskManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lm.task_dict[name] = task.dataset`, before requests are made: how a task knows that our own model answers."""
    from harness_plugins.hosts.lmms_eval.model import RubricJudge

    task = load(manager, "rt_demo_judge", monkeypatch)
    assert not task.asked_by_ours
    RubricJudge(backend="baseline", model="longest").task_dict["rt_demo_judge"] = task.dataset
    assert task.asked_by_ours
    source = inspect.getsource(importlib.import_module("lmms_eval.evaluator").simple_evaluate)
    assert source.index("lm.task_dict[task_name] = task_obj.dataset") < source.index("results = evaluate(")


def test_what_we_override_is_there() -> None:
    for name in ("build_all_requests", "construct_requests", "process_results", "download", "_prepare_metric_and_aggregation",
                 "aggregation", "higher_is_better", "apply_filters", "doc_to_text", "doc_to_messages", "fewshot_context"):  # fmt: skip
        assert callable(getattr(ConfigurableMessagesTask, name)), name
    assert list(inspect.signature(TaskManager.initialize_tasks).parameters)[:2] == ["self", "include_path"]


def test_a_request_is_what_models_unpack(manager: TaskManager, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUBRIC_HARNESS_OUT", str(tmp_path))
    monkeypatch.setenv("RUBRIC_HARNESS_JUDGE", "someone")
    task = load(manager, "rt_demo_judge", monkeypatch)
    task.build_all_requests(limit=2)
    text, to_messages, how, doc_id, name, split = task.instances[0].args
    assert (doc_id, name, split) == (0, "rt_demo_judge", "test") and to_messages.__self__ is task
    assert how["until"] == [] and how["max_new_tokens"] == 4096 and how["temperature"] == 0.0
    assert text == task.doc_to_text(task.dataset["test"][0])


def test_the_data_are_in_what_the_response_cache_is_keyed_on(
    manager: TaskManager, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """ResponseCache hashes `task.dump_config()`: other rubrics, rows or images must change it."""
    config = load(manager, "rt_demo_transfer", monkeypatch).dump_config()
    other = tmp_path / "other.jsonl"
    other.write_text(CAREFUL.read_text().replace("Mentions", "Names", 1))
    monkeypatch.setenv("RUBRIC_HARNESS_RUBRICS", str(other))
    changed = manager.load_task_or_group(["rt_demo_transfer"], "chat")["rt_demo_transfer"].dump_config()
    assert config["metadata"]["rubrics_sha256"] != changed["metadata"]["rubrics_sha256"]
    assert config["metadata"]["data_sha256"] != changed["metadata"]["data_sha256"]
    source = inspect.getsource(importlib.import_module("lmms_eval.caching.response_cache"))
    assert "dump_config()" in source


def test_reasoning_is_left_to_our_parser() -> None:
    assert parse_reasoning_tags_config(cli_value='[["<think>","</think>"]]', task_value="none") is None
    assert "reasoning_tags" in TaskConfig.__dataclass_fields__


def test_token_counts_come_through() -> None:
    text, counts = unwrap_generation_output(GenerationResult("x", TokenCounts(3, 4)))
    assert (text, counts.input_tokens, counts.output_tokens) == ("x", 3, 4)


def test_the_failure_text_is_lmms_evals() -> None:
    source = inspect.getsource(importlib.import_module("lmms_eval.models.chat.openai"))
    assert "[LMMS_EVAL_REQUEST_FAILED" in source and "[LMMS_EVAL_BUDGET_EXCEEDED" in source


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_task_shows_what_a_native_judge_is_shown(
    manager: TaskManager, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    task = load(manager, f"rt_demo_{setting}", monkeypatch)
    rows = load_rows("demo", setting).rows
    assert [i.uid for i in load_benchmark("demo").items] == list(dict.fromkeys(r.item.uid for r in rows))
    template = Template()
    for doc in task.dataset["test"][:10]:
        (native,) = template.render(rows[doc["row"]].case)
        (shown,) = task.doc_to_messages(doc)
        assert len(shown["content"]) == len(native.parts)
        for ours, theirs in zip(native.parts, shown["content"], strict=True):
            if isinstance(ours, Text):
                assert theirs == {"type": "text", "text": ours.text}
            else:
                assert isinstance(ours, Image) and theirs["type"] == "image"
                assert theirs["url"].tobytes() == Pillow.open(ours.file.path).convert("RGB").tobytes()


def test_a_hosted_judge_has_the_key_of_a_native_one() -> None:
    from harness_plugins.hosts.judge import make_spec, sampling_fields

    task = {"max_new_tokens": 4096, "temperature": 0.0, "do_sample": False, "until": []}
    hosted = make_spec(
        {"name": "q", "backend": "openai", "model": "m", "base_url": "http://h/v1", **sampling_fields(task)}
    )
    native = JudgeSpec(name="q", backend="openai", model="m", base_url="http://elsewhere/v1")
    assert hosted.digest == native.digest


def test_our_plugin_costs_lmms_eval_little() -> None:
    """Registering, and searching our folder, beside what lmms-eval takes to search its own; and light commands stay light."""

    def cpu_s(work: Callable[[], object]) -> float:
        started = time.process_time()
        work()
        return time.process_time() - started

    def ours() -> None:
        lmms.register()
        TaskManager._get_task_and_group(TaskManager(include_defaults=False), str(data_dir("tasks")))

    assert cpu_s(ours) < 0.15 * cpu_s(TaskManager), "5 to 6 % as measured: 0.1 s where theirs takes 2"
    code = "import sys, lmms_eval.models; print('torch' in sys.modules, 'lmms_eval.tasks' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert found[-2:] == ["False", "False"], "`lmms-eval models` imports neither"


_WALK = """
import ast, importlib.util, json, sys
import lmms_eval.__main__, lmms_eval.cli.dispatch, lmms_eval.models, lmms_eval.tasks, lmms_eval.evaluator
lmms_eval.cli.dispatch._build_parser()

def optional(node):
    names = [ast.unparse(h.type) if h.type else "Exception" for h in node.handlers]
    return any("Import" in n or "ModuleNotFound" in n or "Exception" in n for n in names)

def imports(node):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Try) and optional(child):
            continue
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child
        yield from imports(child)

def is_there(module):
    return module in sys.modules or importlib.util.find_spec(module) is not None

def fails(statement):
    try:
        exec(compile(ast.Module([statement], []), "walk", "exec"), {})
    except ImportError as e:  # of a package that is not there: for a command that nobody here uses
        return str(e) if is_there((e.name or "lmms_eval").partition(".")[0]) else None

at_start = [m for n, m in sorted(sys.modules.items()) if n.partition(".")[0] == "lmms_eval" and getattr(m, "__file__", None)]
walked, broken = 0, []
for module in at_start:
    for node in imports(ast.parse(open(module.__file__, encoding="utf-8").read())):
        if isinstance(node, ast.ImportFrom) and node.level:
            continue
        packages = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
        if all(is_there(p.partition(".")[0]) for p in packages):
            walked += 1
            if why := fails(node):
                broken.append(f"{module.__name__}:{node.lineno}: {ast.unparse(node)}: {why}")
print(json.dumps([len(at_start), walked, broken]))
"""


def test_what_lmms_eval_imports_at_start_can_be_imported() -> None:
    """Also what it imports within functions, from packages that are there: filelock 4.3 dropped `_api`, which is first looked
    for when an evaluation begins, and then the command ended with 0."""
    done = subprocess.run([sys.executable, "-c", _WALK], capture_output=True, text=True, check=True, timeout=300)
    modules, statements, broken = json.loads(done.stdout.splitlines()[-1])
    assert modules > 20 and statements > 200 and not broken, broken
