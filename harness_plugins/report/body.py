"""What the page says above its items, and below them: the answer with its figure, where it helps, what changed, content or leak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from evaluators.rubrics.arms import ARMS
from harness_plugins.figures.changes import Changes, changes_of
from harness_plugins.figures.forest import Mark, forest_of, stand_in
from harness_plugins.figures.grid import Grid, grids_of
from harness_plugins.figures.positions import positions_of
from harness_plugins.figures.tracks import Tracks, accuracy_tracks, by_writer, part_tracks, position_tracks
from harness_plugins.report.drawing import Plot
from harness_plugins.report.sections import PageTable, Section, page_table, sections
from harness_plugins.report.texts import one_line, plain
from harness_plugins.scoring.answers import headline, question, writer_sentence
from harness_plugins.scoring.arrays import RunData
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.sentences import beside_advice, sentence
from harness_plugins.tables.package_tables import PackageTables
from harness_plugins.tables.remarks import missing, warnings
from harness_plugins.tables.run import tables

WRITERS = 6
"""Writers with figures of their own, the best first; of more the rest is a line."""
CONTENT = ("transfer", "cards")
"""Tables that tell content from leak, and what the rubrics are like."""
FIGURED = ("cost", "calibration")
"""Sections of their own below the items."""


@dataclass(frozen=True)
class WriterBlock:
    """One writer's part of the first figure."""

    name: str
    mark: Mark | None
    """None where its benchmarks have different ones: each panel has its own."""
    sentence: str
    panels: tuple[tuple[Mark, Tracks], ...]


@dataclass(frozen=True)
class GridBlock:
    """One benchmark of `Where it helps`."""

    grid: Grid
    parts: tuple[Tracks, ...]


@dataclass(frozen=True)
class PositionBlock:
    benchmark: str
    judges: tuple[Tracks, ...]


@dataclass(frozen=True)
class Fold:
    """A part of `Methods and numbers` that opens by a click."""

    title: str
    about: str
    paragraphs: tuple[str, ...] = ()
    words: tuple[tuple[str, str], ...] = ()
    tables: tuple[PageTable, ...] = ()
    code: str = ""


@dataclass(frozen=True)
class Body:
    question: str
    headline: str
    facts: tuple[str, ...]
    warnings: tuple[str, ...]
    writers: tuple[WriterBlock, ...]
    more_writers: tuple[str, ...]
    """Sentences of the writers beyond `WRITERS`."""
    judges: tuple[Tracks, ...]
    """Of a run without rubrics: one for each benchmark."""
    grids: tuple[GridBlock, ...]
    changes: tuple[Changes, ...]
    positions: tuple[PositionBlock, ...]
    content: tuple[str, ...]
    """What may be said of each writer's bare verdict."""
    content_tables: tuple[PageTable, ...]
    sections: tuple[Section, ...]
    """Cost, calibration and what packages add: below the items, with data alone."""
    folds: tuple[Fold, ...]


def body_of(data: RunData, report: Report, plots: Mapping[str, Sequence[Plot]], others: PackageTables) -> Body:
    """Everything of the page but its items.

    Args:
        plots: figures of the sections below the items, by section.
    """
    shown = [replace(t, warnings=[], answers=[]) for t in tables([report])]
    as_html = {id(t): page_table(t, f"t{n}") for n, t in enumerate(shown)}
    content = [t for t in shown if t.id in CONTENT]
    numbers = [t for t in shown if t.id not in CONTENT and t.section not in FIGURED]
    blocks = list(_writer_blocks(report))
    return Body(
        question=question(report),
        headline=plain(headline(report)),
        facts=tuple(_facts(data, report)),
        warnings=tuple(_warnings(report, others)),
        writers=tuple(blocks[:WRITERS]),
        more_writers=tuple(block.sentence for block in blocks[WRITERS:]),
        judges=() if blocks else tuple(accuracy_tracks(report, benchmark) for benchmark in report.items),
        grids=tuple(_grid_block(grid) for grid in grids_of(report)) if blocks else (),
        changes=tuple(changes_of(report)) if blocks else (),
        positions=tuple(
            PositionBlock(p.benchmark, tuple(position_tracks(judge) for judge in p.judges))
            for p in positions_of(report)
        ),
        content=tuple(f"{c.writer}, {c.benchmark}: {text}" for c in report.conclusions if (text := beside_advice(c))),
        content_tables=tuple(as_html[id(t)] for t in content),
        sections=tuple(sections(shown, plots, others)),
        folds=tuple(_folds(data, report, [as_html[id(t)] for t in numbers])),
    )


def _writer_blocks(report: Report) -> Iterator[WriterBlock]:
    """Best gain first."""
    forest = forest_of(report)
    if forest is None:
        return
    panels = by_writer(forest)

    def gain(writer: str) -> float:
        gains = [x.row.gain.value for x in panels[writer] if x.row.gain is not None and x.row.gain.complete]
        return max(gains, default=float("-inf"))

    for writer in sorted(panels, key=gain, reverse=True):
        rows = [x.row for x in panels[writer]]
        marks = {row.mark for row in rows}
        own = tuple((x.row.mark, x.tracks) for x in panels[writer])
        text = plain(" ".join(filter(None, (writer_sentence([row.conclusion for row in rows]), stand_in(rows)))))
        yield WriterBlock(plain(writer), marks.pop() if len(marks) == 1 else None, text, own)


def _grid_block(grid: Grid) -> GridBlock:
    names = dict.fromkeys(part.category for line in grid.lines for part in line.conclusion.parts)
    return GridBlock(grid, tuple(part_tracks(grid.lines, name) for name in names))


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"


def _facts(data: RunData, report: Report) -> Iterator[str]:
    judges = dict.fromkeys(c.judge for c in report.cells if not c.computed)
    models = [j for j in judges if not data.baseline(j)]
    if models:
        yield _count(len(models), "judge")
    baselines = [j for j in judges if data.baseline(j)]
    if baselines and not models:
        yield f"{_count(len(baselines), 'baseline')}, no model"
    if data.writers:
        yield _count(len(data.writers), "writer")
    yield _count(sum(i.items for i in report.items.values()), "item")
    cells = [c for c in report.cells if not c.computed]
    answered, due = sum(c.trials.answered for c in cells), sum(c.trials.due for c in cells)
    yield f"{answered:,} verdicts" if answered == due else f"{answered:,} of {due:,} verdicts"
    protocols = dict.fromkeys(name for name, _ in report.about.values())
    if list(protocols) != ["strict"]:
        yield f"protocol {', '.join(protocols)}"
    if data.manifest.get("updated"):
        yield str(data.manifest["updated"])[:10]


def _warnings(report: Report, others: PackageTables) -> Iterator[str]:
    for benchmark in report.items:
        yield from (one_line(text, 600) for text in missing(report, benchmark))
        yield from (one_line(text, 600) for text in warnings(report, benchmark))
    yield from (one_line(f"{text.rstrip('.')}.", 600) for text in (*report.notes, *others.problems))


def _folds(data: RunData, report: Report, numbers: Sequence[PageTable]) -> Iterator[Fold]:
    protocols = dict.fromkeys(f"Protocol {name}: {about}." for name, about in report.about.values())
    rule = (
        "A word is given by one rule, for the mean over the judges that never saw the writer, item by item: transferred minus no "
        "rubric, and minus each control that the config declared. By content: the largest p of these differences is below .05 after "
        "Holm over the run's writers and benchmarks, and each difference is above zero. Intervals are 95 % cluster bootstraps, p are "
        "cluster sign-flips.",
    )
    said = tuple(plain(sentence(c)) for c in report.conclusions)
    yield Fold(
        "How the answer is given",
        ", ".join(dict.fromkeys(n for n, _ in report.about.values())),
        (*rule, *said, *map(plain, protocols)),
    )
    arms = dict.fromkeys(c.arm for c in report.cells)
    words = tuple((arm, ARMS.facts(arm).about) for arm in arms if ARMS.facts(arm).about)
    yield Fold("Words", "what each arm gives the judge", words=words)
    yield Fold("Every number", f"{len(numbers)} tables", tables=tuple(numbers))
    yield Fold("Do it again", "what was asked of whom", code=plain_yaml(_recipe(data)))


def _recipe(data: RunData) -> dict[str, Any]:
    """What the manifest says of judges, rubrics and data: no path, no address and no secret is among it."""
    manifest = data.manifest
    judges = {name: judge.get("key", {}) for name, judge in manifest.get("judges", {}).items()}
    facts = {
        name: {k: v for k, v in f.items() if k in ("revision", "rows", "digest")}
        for name, f in _benchmarks(manifest).items()
    }
    recipe = {"versions": manifest.get("versions"), "benchmarks": facts, "judges": judges, "arms": manifest.get("arms")}
    recipe |= {"orders": manifest.get("orders"), "declared": manifest.get("declared"), "seed": manifest.get("seed")}
    return {name: value for name, value in recipe.items() if value}


def _benchmarks(manifest: Any) -> dict[str, dict[str, Any]]:
    benchmarks = manifest.get("benchmarks", {})
    return (
        {name: facts for name, facts in benchmarks.items() if isinstance(facts, dict)}
        if isinstance(benchmarks, dict)
        else {}
    )


def plain_yaml(value: Any) -> str:
    """As a person reads it; what turns the direction of a text is left out."""
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return "\n".join(plain(line) and line.rstrip() for line in text.splitlines())
