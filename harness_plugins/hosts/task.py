"""`RubricTask` as the task YAMLs name it: the class of the harness that reads them.

One YAML serves lmms-eval and lm-eval, so that `--include_path "$(rubric-harness tasks --path)"` is right for both.
"""

from __future__ import annotations

import sys
from typing import Any

from harness_plugins.hosts import TASK_CLASSES


def __getattr__(name: str) -> Any:
    if name not in TASK_CLASSES.values():
        raise AttributeError(name)
    if "lm_eval" in sys.modules and "lmms_eval" not in sys.modules:
        from harness_plugins.hosts.lm_eval import RubricTask as LmTask

        return LmTask if name == "RubricTask" else _only_lmms
    import harness_plugins.hosts.lmms_eval.task as lmms

    return getattr(lmms, name)


def _only_lmms(*_: Any, **__: Any) -> None:
    raise SystemExit(
        "error: the settings grm and arr are tasks of lmms-eval alone: use lmms-eval, or `rubric-harness rubrics`"
    )
