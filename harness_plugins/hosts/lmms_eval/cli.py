"""`rubric-harness lmms-eval ...`: lmms-eval's own command with our tasks on its path, real exit codes, and our table last."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evaluators.backends.lmms import EXTRA
from evaluators.errors import UserError
from evaluators.extras import failed_import
from evaluators.inputs.names import unknown
from harness_plugins.benchmarks.spec import names
from harness_plugins.hosts import CONFIG, GRADING, JUDGE, OUR_MODEL, OUT, RUBRICS, TASK_PREFIX
from harness_plugins.hosts.base import not_imported
from harness_plugins.hosts.yamls import groups, tasks_of


def listing() -> str:
    """Our tasks by benchmark, our groups, and the models that can judge them.

    Raises:
        UserError: lmms-eval cannot be imported.
    """
    try:
        from lmms_eval.models import AVAILABLE_CHAT_TEMPLATE_MODELS, AVAILABLE_SIMPLE_MODELS
    except Exception as e:  # packages of versions that do not fit may raise anything
        raise not_imported("lmms-eval", e, EXTRA) from None
    chat = sorted(AVAILABLE_CHAT_TEMPLATE_MODELS)
    simple = sorted(set(AVAILABLE_SIMPLE_MODELS) - set(chat))
    lines = ["Tasks (a benchmark's name alone is its first four; `lmms-eval tasks list` has lmms-eval's own)"]
    lines += [f"  {TASK_PREFIX}{name:26} {', '.join(tasks_of(name))}" for name in names()]
    lines += [f"  {group:29} {len(tasks)} tasks" for group, tasks in groups().items()]
    lines += ["\nModels (--model)", f"  {OUR_MODEL}: any judge of ours; it resumes, and asks many at a time"]
    lines.append(f"  images in their places: {', '.join(m for m in chat if m != OUR_MODEL)}")
    lines.append(f"  images before the text, for responses that are texts: {', '.join(simple)}")
    return "\n".join(lines) + "\n"


class HostRun(NamedTuple):
    code: int
    """0, or 1 where an evaluation failed."""
    folders: list[Path]
    """The run folders that were judged in."""


def lmms_eval(
    arguments: Sequence[str],
    *,
    rubrics: Path | None = None,
    config: Path | None = None,
    out: Path | None = None,
    judge: str | None = None,
    grading: str | None = None,
) -> HostRun:
    """Run lmms-eval in this process.

    Args:
        arguments: as for `lmms-eval`, without the command's name.

    Raises:
        UserError: lmms-eval, or what it imports, cannot be imported: by itself it would say so and exit with 0.
    """
    for name, value in ((RUBRICS, rubrics), (CONFIG, config), (OUT, out), (JUDGE, judge), (GRADING, grading)):
        if value is not None:
            os.environ[name] = str(value)
    try:
        import lmms_eval.__main__ as host
    except Exception as e:  # packages of versions that do not fit may raise anything
        raise not_imported("lmms-eval", e, EXTRA) from None
    from harness_plugins.hosts.folder import close_folders
    from harness_plugins.hosts.lmms_eval import with_ours

    failed: list[BaseException] = []
    refused: list[UserError] = []
    single = host.cli_evaluate_single

    def with_our_tasks(args: Any) -> Any:
        include = args.include_path
        args.include_path = with_ours([include] if isinstance(include, str) else list(include or []))
        try:
            if not args.tasks:  # lmms-eval says so and exits with 0
                raise ValueError("No tasks specified")
            return single(args)
        except Exception as e:  # lmms-eval prints it and goes on to exit with 0
            failed.append(e)
            mistake = _mistake(e)
            if mistake is None:
                raise
            refused.append(mistake)
            # Past lmms-eval's own `except Exception`, which would print a traceback.
            raise SystemExit from e

    argv = sys.argv
    host.cli_evaluate_single = with_our_tasks
    sys.argv = ["lmms-eval", *[a for i, a in enumerate(arguments) if i or a != "eval"]]
    try:
        host.cli_evaluate()
    except SystemExit:
        if refused:
            raise refused[0] from None
        raise
    finally:
        host.cli_evaluate_single, sys.argv = single, argv
        folders = close_folders()
    return HostRun(1 if failed else 0, folders)


def _mistake(error: Exception) -> UserError | None:
    """What the user is to do about an error that lmms-eval would print with a traceback; None where it is not a mistake of theirs."""
    if failed_import(error) is not None:
        return not_imported("lmms-eval", error, EXTRA)
    message = str(error) if isinstance(error, ValueError | AssertionError) else ""
    if tasks := re.match("Tasks not found: (.*?)[.] Try ", message):
        task_names = [n for b in names() for n in (f"{TASK_PREFIX}{b}", *tasks_of(b))] + list(groups())
        lines = [
            unknown("task", name, task_names if name.startswith(TASK_PREFIX) else ()) for name in tasks[1].split(", ")
        ]
        return UserError(*(f"{line.removesuffix('; there are none')}: {_LISTS}" for line in lines))
    if message.startswith("No tasks specified"):
        return UserError(f"no task to evaluate: give --tasks: {_LISTS}")
    if model := re.match("Model '(.*?)' not found in available models: (.*)", message):
        return UserError(unknown("model", model[1], model[2].split(", ")))
    return None


_LISTS = "`rubric-harness lmms-eval --list` shows our tasks, `lmms-eval tasks list` its own"
