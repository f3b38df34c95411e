"""lmms-eval: our tasks in its index, our judges among its models. Nothing of lmms-eval is imported until it is there.

`register` is the entry point (group `lmms_eval.models`), which lmms-eval calls when its models are first looked at. It
returns our model and, because lmms-eval has no entry point for tasks, adds our folder to what its TaskManager searches
(docs/design/lmms-eval-tasks.md).
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = (
    False  # `import harness_plugins` comes through here before anything else, so that nothing slow is imported
)
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

OFF = "RUBRIC_HARNESS_LMMS_TASKS"
"""Set to 0 to keep our tasks out of the stock lmms-eval command (`--include_path` still adds them)."""

_TASKS = "lmms_eval.tasks"


def register() -> list[Any]:
    """Add our tasks to lmms-eval's index (`add_tasks`), and return our model for its registry.

    lmms-eval has an entry point for models and none for tasks, so this one serves both. It never raises, since a run that does not
    use us must not break: what fails is told on stderr, and the list is empty.
    """
    try:
        add_tasks()
        from lmms_eval.models.registry_v2 import ModelManifest

        from harness_plugins.hosts import OUR_MODEL

        return [ModelManifest(model_id=OUR_MODEL, chat_class_path="harness_plugins.hosts.lmms_eval.model.RubricJudge")]
    except Exception as e:
        from evaluators.text import say

        say(f"rubric-harness: not available in this lmms-eval ({type(e).__name__}: {e})", file=sys.stderr)
        return []


def _off() -> bool:
    return os.environ.get(OFF, "1").strip().lower() in ("0", "off", "false", "no")


def add_tasks() -> None:
    """Have each TaskManager of lmms-eval find our tasks. Where it is not imported yet, `import harness_plugins` has seen to it."""
    module = sys.modules.get(_TASKS)
    if not _off() and module is not None and hasattr(module, "TaskManager"):
        patch(module)


def spec_of_tasks() -> ModuleSpec | None:
    """`lmms_eval.tasks`, patched once it is imported: to import it here would cost `lmms-eval models` six seconds."""
    import importlib.util

    spec = importlib.util.find_spec(_TASKS)
    if spec is not None and spec.loader is not None and not _off():
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            patch(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
    return spec


def patch(module: ModuleType) -> None:
    """Add our folder to the include paths of every TaskManager; a second call does nothing."""
    import functools

    from evaluators.text import say

    manager = getattr(module, "TaskManager", None)
    original = getattr(manager, "initialize_tasks", None)
    if manager is None or original is None:
        say("rubric-harness: this lmms-eval has no TaskManager.initialize_tasks; use --include_path", file=sys.stderr)
        return
    if getattr(original, "_rubric_harness", False):
        return

    @functools.wraps(original)
    def initialize_tasks(self: Any, include_path: Any = None, *args: Any, **kwargs: Any) -> Any:
        paths = [include_path] if isinstance(include_path, str) else list(include_path or [])
        return original(self, with_ours(paths), *args, **kwargs)

    initialize_tasks._rubric_harness = True  # type: ignore[attr-defined]
    manager.initialize_tasks = initialize_tasks


def with_ours(paths: list[str]) -> list[str]:
    """Include paths with our task folders behind them. In lmms-eval the earlier path wins a name."""
    from harness_plugins.benchmarks.folders import task_folders

    resolved = {os.path.realpath(p) for p in paths}
    return [*paths, *(str(f) for f in task_folders() if os.path.realpath(f) not in resolved)]
