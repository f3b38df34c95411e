"""`rubric-harness check`: in one screen whether a run folder is whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from evaluators.errors import UserError
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.scoring.caveats import warning
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.score import score

SHOWN = 5
"""Cells, or rows of a kind, that are named; the others are counted."""


class Checked(NamedTuple):
    lines: list[str]
    """What the folder holds and lacks."""
    is_whole: bool
    """Every cell is answered, and nothing is lost."""


def check(run: Path) -> Checked:
    """What a run folder holds and lacks.

    Lines that cannot be read are reported but are no fault by themselves: their content may have been asked for again.

    >>> lines, is_whole = check(Path("results/runs/first"))        # doctest: +SKIP

    Raises:
        UserError: no run folder.
    """
    folder = RunFolder(run)
    try:
        report = score(run)
    except UserError as e:
        if not any(f.exists() for f in (folder.file("verdicts"), folder.file("items"), folder.manifest_file)):
            raise
        return Checked([f"{run}: not whole", *(f"Warning:  {line}" for line in e.lines)], False)
    problems = report.data.problems
    incomplete = [c for c in report.cells if not c.complete]
    has_manifest = folder.manifest_file.exists()
    is_whole = has_manifest and not (incomplete or problems.items or problems.rubrics)
    lines = [f"{run}: {'whole' if is_whole else 'not whole'}"]
    lines += _records(folder)
    lines += _limited("Items:    ", _items(report))
    lines += _limited("Rubrics:  ", _rubrics(report))
    judged = [c for c in report.cells if not c.computed]
    lines.append(f"Cells:    {sum(c.complete for c in judged)} of {len(judged)} complete")
    lines += _limited("          ", (_cell(c) for c in incomplete if not c.computed))
    if not has_manifest:
        lines.append(f"Warning:  {folder.manifest_file.name} is missing: what was asked for, and how, is not known")
    lines += [f"Warning:  {note}" for note in (*report.losses, *report.notes)]
    lines += _limited("Warning:  ", (f"{c.benchmark}, {warning(c)}" for c in report.caveats))
    if not is_whole:
        lines.append("Run the same config again to ask for what is missing.")
    return Checked(lines, is_whole)


def _records(folder: RunFolder) -> Iterator[str]:
    files = [*folder.files("verdicts"), *folder.files("items"), *folder.files("rubrics")]
    yield f"Records:  {', '.join(f'{f.name} {f.stat().st_size / 1e6:.1f} MB' for f in files)}"


def _items(report: Report) -> Iterator[str]:
    for name, benchmark in report.data.benchmarks.items():
        lost = f", {benchmark.lost} lost" if benchmark.lost else ""
        yield f"{name}: {len(benchmark.items)}{lost}"


def _rubrics(report: Report) -> Iterator[str]:
    for (benchmark, writer), drafts in report.data.drafts.items():
        counts = Counter(d.status for d in drafts)
        lost = report.data.problems.lost_rubrics(benchmark, writer)
        parts = [f"{n} {status}" for status, n in counts.most_common()] + ([f"{lost} lost"] if lost else [])
        yield f"{benchmark}, {writer}: {', '.join(parts)}"


def _cell(cell: CellReport) -> str:
    answered, expected = cell.trials
    return f"{cell.benchmark}, {cell.judge}, {cell.writer or '-'}, {cell.arm}: {answered} of {expected} answered"


def _limited(title: str, rows: Iterator[str]) -> Iterator[str]:
    """The first rows under a title, and how many more there are."""
    for n, row in enumerate(every := list(rows)):
        if n == SHOWN:
            yield f"          ... and {len(every) - SHOWN} more"
            return
        yield f"{title if n == 0 else ' ' * len(title)}{row}"
