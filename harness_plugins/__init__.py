"""Rubric Harness: does a rubric make another judge better? See README.md; `run` and `score` are the way in."""

from __future__ import annotations

import sys

from harness_plugins._version import __version__

__all__ = ["__version__", "run", "score"]

TYPE_CHECKING = False  # `typing` is slow to import, and this comes before everything else
if TYPE_CHECKING:
    from typing import Any

    from harness_plugins.experiment.run import run
    from harness_plugins.scoring.score import score


class _Finder:
    """Has each TaskManager of lmms-eval find our tasks, those of a script too. Nothing is imported until lmms-eval is."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        if name != "lmms_eval.tasks":
            return None
        sys.meta_path.remove(_Finder)
        from harness_plugins.hosts.lmms_eval import spec_of_tasks

        return spec_of_tasks()


if "lmms_eval.tasks" in sys.modules:
    from harness_plugins.hosts.lmms_eval import add_tasks

    add_tasks()
else:
    sys.meta_path.insert(0, _Finder)


def __getattr__(name: str) -> Any:
    # Loaded on first use: `rubric-harness --help` must not pay for what it does not need.
    if name == "run":
        from harness_plugins.experiment.run import run

        return run
    if name == "score":
        from harness_plugins.scoring.score import score

        return score
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
