"""Which benchmarks are available: folders with a `benchmark.yaml`, ours and those of others.

Looked through are our `tasks/`, the folders that installed packages bring (entry points `rubric_harness.benchmarks`), and those
that `--tasks DIR` and the variable RUBRIC_HARNESS_TASKS name.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from evaluators import plugins
from evaluators.errors import UserError
from harness_plugins.benchmarks.bundled import data_dir

TASKS = "RUBRIC_HARNESS_TASKS"
DECLARATION = "benchmark.yaml"


def add_folders(folders: Sequence[Path]) -> None:
    """Look through these folders as well, in this process and those that it starts.

    Raises:
        UserError: one of them is not there, or holds no benchmark.
    """
    for folder in folders:
        benchmarks_in(folder, f"--tasks {folder}")
    previous = [f for f in os.environ.get(TASKS, "").split(os.pathsep) if f]
    paths = [str(folder.absolute()) for folder in folders]
    os.environ[TASKS] = os.pathsep.join(dict.fromkeys([*previous, *paths]))


def task_folders() -> list[Path]:
    """The folders that are looked through, ours first: what a harness takes as its include paths."""
    return [data_dir("tasks"), *_packages().values(), *_named()]


def benchmark_folders() -> dict[str, Path]:
    """Each benchmark's own folder, by its name.

    Raises:
        UserError: a folder that is named is not there or holds no benchmark, or two hold one of the same name.
    """
    by_name = benchmarks_in(data_dir("tasks"))
    others = {folder: f"the entry point {name!r} of rubric_harness.benchmarks" for name, folder in _packages().items()}
    others |= {folder: TASKS for folder in _named() if folder not in others}
    for folder, named_by in others.items():
        for name, path in benchmarks_in(folder, named_by).items():
            if by_name.setdefault(name, path).resolve() != path.resolve():
                raise UserError(
                    f"two benchmarks are named {name!r}: {by_name[name]} and {path}: rename one of the folders"
                )
    return by_name


@cache
def _packages() -> dict[str, Path]:
    return plugins.folders("benchmarks")


def _named() -> list[Path]:
    return [Path(f) for f in dict.fromkeys(os.environ.get(TASKS, "").split(os.pathsep)) if f]


def benchmarks_in(folder: Path, named_by: str = "") -> dict[str, Path]:
    """The benchmarks of a folder by name, each with its own folder; `folder` may be that of one itself.

    Args:
        named_by: who named the folder, for the error.

    Raises:
        UserError: there is none.
    """
    if (folder / DECLARATION).is_file():
        return {folder.resolve().name: folder}
    by_name = {p.parent.name: p.parent for p in sorted(folder.glob(f"*/{DECLARATION}"))}
    if not by_name:
        what = "holds no folder with a benchmark.yaml" if folder.is_dir() else "is not a folder"
        by = f" (named by {named_by})" if named_by else ""
        raise UserError(f"{folder} {what}{by}: name the folder that holds the benchmarks' folders")
    return by_name
