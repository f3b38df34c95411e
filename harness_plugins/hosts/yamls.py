"""Writes the task YAMLs of each benchmark, so that harnesses which look for files find them.

`python -m` this module writes ours, `rubric-harness tasks --write DIR` those of a folder of benchmarks. They hold names alone; what a
task is comes from `benchmark.yaml` when it is loaded. A test fails where ours are stale.
"""

from __future__ import annotations

from pathlib import Path

from harness_plugins.benchmarks.bundled import data_dir
from harness_plugins.benchmarks.folders import benchmarks_in
from harness_plugins.benchmarks.spec import load_spec
from harness_plugins.hosts import SETTINGS, TASK_CLASSES, TASK_PREFIX

_NOTE = "# Made by `rubric-harness tasks --write`: do not edit.\n"


def _published(name: str) -> bool:
    """Whether a benchmark is in the groups of all: only where its rows come by themselves and to everyone."""
    dataset = load_spec(name).dataset
    return bool(dataset.id) and dataset.fetch and not dataset.gated


def tasks_of(benchmark: str) -> list[str]:
    """A benchmark's tasks: its settings, and the two in which the model writes."""
    return [f"{TASK_PREFIX}{benchmark}_{s}" for s in TASK_CLASSES]


def groups() -> dict[str, list[str]]:
    """The groups over all of our benchmarks, with their tasks."""
    published = [n for n in benchmarks_in(data_dir("tasks")) if _published(n)]
    return {
        "rt_reward_bench": [f"{TASK_PREFIX}{n}_judge" for n in published],
        "rt_transfer": [f"{TASK_PREFIX}{n}_{s}" for n in published for s in SETTINGS],
    }


def files(folder: Path) -> dict[Path, str]:
    """Every YAML by its place below a folder of benchmarks, or of one; below ours with the groups over all."""
    texts: dict[Path, str] = {}
    for name, benchmark in benchmarks_in(folder).items():
        settings = benchmark.relative_to(folder) / "settings"
        for setting, task in TASK_CLASSES.items():
            texts[settings / f"{setting}.yaml"] = (
                f"{_NOTE}task: {TASK_PREFIX}{name}_{setting}\n"
                f"class: !function harness_plugins.hosts.task.{task}\n"
                f"metadata: {{version: 1, benchmark: {name}, setting: {setting}}}\n"
            )
        texts[settings / "group.yaml"] = _group(f"{TASK_PREFIX}{name}", [f"{TASK_PREFIX}{name}_{s}" for s in SETTINGS])
    if folder == data_dir("tasks"):
        texts |= {Path("groups") / f"{g}.yaml": _group(g, tasks) for g, tasks in groups().items()}
    return texts


def _group(name: str, tasks: list[str]) -> str:
    listed = "".join(f"  - {t}\n" for t in tasks)
    return f"{_NOTE}group: {name}\ntask:\n{listed}metadata: {{version: 1}}\n"


def write(folder: Path) -> list[Path]:
    """Write them; returns their paths."""
    paths = []
    for relative_path, text in files(folder).items():
        path = folder / relative_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


if __name__ == "__main__":
    write(data_dir("tasks"))
