"""Rubric Harness: does a rubric make another judge better? `run` and `score` are the way in.

    from harness_plugins import run, score

    result = run("config.yaml")
    [(c.writer, c.benchmark, c.verdict, c.gain and c.gain.value) for c in score(result.out).conclusions]

`__all__` is what others may rely on; every other module may change its place.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # `typing` is slow to import, and this comes before everything else
if TYPE_CHECKING:
    from typing import Any

    from harness_plugins._version import __version__
    from harness_plugins.benchmarks.entry import BenchmarkEntry
    from harness_plugins.benchmarks.loader import load_benchmark
    from harness_plugins.config.run import Config, load_config
    from harness_plugins.experiment.run import RunResult, run, write_rubrics
    from harness_plugins.imports import import_results
    from harness_plugins.notebooks import ScoredRun, score
    from harness_plugins.report import write_report
    from harness_plugins.rewards.proxy import ProxyReward, Sample
    from harness_plugins.rewards.rpo import RPOReward
    from harness_plugins.scoring.cells import CellReport, Contrast, Metric
    from harness_plugins.scoring.compare import Comparison, compare
    from harness_plugins.scoring.conclusions import Conclusion
    from harness_plugins.scoring.export import export
    from harness_plugins.scoring.report import Report
    from harness_plugins.tables.paper import paper_table

_MODULES = {
    "__version__": "harness_plugins._version",
    "BenchmarkEntry": "harness_plugins.benchmarks.entry",
    "CellReport": "harness_plugins.scoring.cells",
    "Comparison": "harness_plugins.scoring.compare",
    "Conclusion": "harness_plugins.scoring.conclusions",
    "Config": "harness_plugins.config.run",
    "Contrast": "harness_plugins.scoring.cells",
    "Metric": "harness_plugins.scoring.cells",
    "ProxyReward": "harness_plugins.rewards.proxy",
    "RPOReward": "harness_plugins.rewards.rpo",
    "Report": "harness_plugins.scoring.report",
    "RunResult": "harness_plugins.experiment.run",
    "Sample": "harness_plugins.rewards.proxy",
    "ScoredRun": "harness_plugins.notebooks",
    "compare": "harness_plugins.scoring.compare",
    "export": "harness_plugins.scoring.export",
    "import_results": "harness_plugins.imports",
    "load_benchmark": "harness_plugins.benchmarks.loader",
    "load_config": "harness_plugins.config.run",
    "paper_table": "harness_plugins.tables.paper",
    "run": "harness_plugins.experiment.run",
    "score": "harness_plugins.notebooks",
    "write_report": "harness_plugins.report",
    "write_rubrics": "harness_plugins.experiment.run",
}

__all__ = [
    "BenchmarkEntry",
    "CellReport",
    "Comparison",
    "Conclusion",
    "Config",
    "Contrast",
    "Metric",
    "ProxyReward",
    "RPOReward",
    "Report",
    "RunResult",
    "Sample",
    "ScoredRun",
    "__version__",
    "compare",
    "export",
    "import_results",
    "load_benchmark",
    "load_config",
    "paper_table",
    "run",
    "score",
    "write_report",
    "write_rubrics",
]


def __getattr__(name: str) -> Any:
    from evaluators._public import imported  # not above: Ctrl-C is not quiet yet while this package is imported

    return imported(__name__, _MODULES, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})


class _Finder:
    """Has each TaskManager of lmms-eval find our tasks, those of a script too. Nothing is imported until lmms-eval is.

    No entry point serves: docs/design/lmms-eval-tasks.md.
    """

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
