"""Writes the task YAMLs of each benchmark, so that harnesses which look for files find them: `python -m` this module.

They hold names alone; what a task is comes from `benchmark.yaml` when it is loaded. A test fails where they are stale.
"""

from __future__ import annotations

from pathlib import Path

from harness_plugins.benchmarks.bundled import data_dir
from harness_plugins.benchmarks.spec import load_spec, names
from harness_plugins.hosts import SETTINGS, TASK_CLASSES, TASK_PREFIX

_NOTE = "# Made by `python -m harness_plugins.hosts.yamls`: do not edit.\n"


def _published(name: str) -> bool:
    """Whether a benchmark stands in the groups of all: only where its rows come by themselves and to everyone."""
    dataset = load_spec(name).dataset
    return bool(dataset.id) and dataset.fetch and not dataset.gated


def tasks_of(benchmark: str) -> list[str]:
    """A benchmark's tasks: its settings, and the two in which the model writes."""
    return [f"{TASK_PREFIX}{benchmark}_{s}" for s in TASK_CLASSES]


def groups() -> dict[str, list[str]]:
    """The groups over all benchmarks, with their tasks."""
    published = [n for n in names() if _published(n)]
    return {
        "rt_reward_bench": [f"{TASK_PREFIX}{n}_judge" for n in published],
        "rt_transfer": [f"{TASK_PREFIX}{n}_{s}" for n in published for s in SETTINGS],
    }


def files() -> dict[Path, str]:
    """Every YAML by its place below `tasks/`."""
    texts: dict[Path, str] = {}
    for name in names():
        for setting, task in TASK_CLASSES.items():
            texts[Path(name) / "settings" / f"{setting}.yaml"] = (
                f"{_NOTE}task: {TASK_PREFIX}{name}_{setting}\n"
                f"class: !function harness_plugins.hosts.task.{task}\n"
                f"metadata: {{version: 1, benchmark: {name}, setting: {setting}}}\n"
            )
        texts[Path(name) / "settings" / "group.yaml"] = _group(
            f"{TASK_PREFIX}{name}", [f"{TASK_PREFIX}{name}_{s}" for s in SETTINGS]
        )
    return texts | {Path("groups") / f"{g}.yaml": _group(g, tasks) for g, tasks in groups().items()}


def _group(name: str, tasks: list[str]) -> str:
    listed = "".join(f"  - {t}\n" for t in tasks)
    return f"{_NOTE}group: {name}\ntask:\n{listed}metadata: {{version: 1}}\n"


def main() -> None:
    root = data_dir("tasks")
    for place, text in files().items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
