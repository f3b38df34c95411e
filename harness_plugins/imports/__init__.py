"""JudgeResults of other programs as records: what a judge said elsewhere, or a number that someone measured.

The media stay where they are, so nothing can be judged from such a folder; it can be scored, tabled and shown. A format is
a module here, or in a package of your own (`evaluators.plugins`), that holds `HELP` (what it reads, with an example), `FILES` (what
is taken of a folder that is named), `run(inputs, out, benchmark) -> Summary` and, if it brings numbers and no verdicts,
`VERDICTS = False`. Modules that begin with `_` are shared parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluators.errors import UserError
from evaluators.inputs.names import unknown
from harness_plugins.benchmarks.spec import names, unknown_benchmark
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.imports._results import InputFile, Summary
from harness_plugins.plugins import IMPORTS

__all__ = ["Summary", "about", "import_results"]


def about() -> str:
    """What each format reads, for `--help`."""
    return "\n\n".join(f"{name}\n{IMPORTS.module(name).HELP}" for name in IMPORTS.names())


def import_results(form: str, files: Sequence[Path], out: Path, benchmark: str | None = None) -> Summary:
    """Make a run folder of foreign results.

    Args:
        form: one of `IMPORTS.names()`.
        files: files or folders; `NAME=FILE` says what its judge is called.
        benchmark: which one the files are of; by default they say so themselves.

    Raises:
        UserError: a file or row that does not fit, naming it; or the folder holds something already.
    """
    if form not in IMPORTS.names():
        raise UserError(unknown("format", form, IMPORTS.names()))
    folder = RunFolder(out)
    if folder.filled("verdicts"):
        raise UserError(f"{out}: holds verdicts already; import into another folder (--out)")
    module = IMPORTS.module(form)
    verdicts = getattr(module, "VERDICTS", True)
    if verdicts and folder.scores_file.exists():
        raise UserError(f"{out}: holds imported scores; import verdicts into another folder (--out)")
    if verdicts and any(f.exists() for f in (folder.manifest_file, folder.file("items"), folder.file("rubrics"))):
        raise UserError(f"{out}: holds a run already, or what is left of one; import into another folder (--out)")
    if benchmark is not None and benchmark not in names():
        raise UserError(f"--benchmark: {unknown_benchmark(benchmark)}")
    summary: Summary = module.run(_input_files(files, module.FILES), out, benchmark)
    return summary


def _input_files(files: Sequence[Path], patterns: Sequence[str]) -> list[InputFile]:
    """What `[NAME=]FILE_OR_FOLDER` stands for."""
    inputs: list[InputFile] = []
    for argument in files:
        name, equals, after = str(argument).partition("=")
        has_name = bool(equals and name.strip()) and not argument.exists()
        path = Path(after) if has_name else argument
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
        inside = [path]
        if path.is_dir():
            inside = sorted({p for pattern in patterns for p in path.rglob(pattern) if p.is_file()})
            if not inside:
                raise UserError(f"{path}: no {' or '.join(patterns)} in this folder: name the files")
        inputs += [InputFile(p, name.strip() if has_name else None) for p in inside]
    return list(dict.fromkeys(inputs))
