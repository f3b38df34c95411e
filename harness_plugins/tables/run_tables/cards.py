"""Rubric cards: what one writer's rubrics are like, before any judge reads them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

from evaluators.records import Item, Rubric
from evaluators.rubrics.leaks import CLASSES, leaks_of
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.scoring.report import Report
from harness_plugins.tables.model import Cell, Table, names, numbers, words

SIMILAR_AMONG = 400
"""At most this many rubrics are compared with their neighbours for likeness."""


def tables(report: Report) -> list[Table]:
    table = cards(report.data.items(), report.data.written())
    return [table] if table.rows else []


def cards_in(folder: Path, writers: Collection[str] | None = None) -> Table:
    """The cards of a folder that need not have been judged; of these writers alone, where some are given."""
    run = RunFolder(folder)
    return cards(run.items(), (rubric for rubric in run.rubrics() if writers is None or rubric.writer.name in writers))


def cards(items: Mapping[str, Item], rubrics: Iterable[Rubric]) -> Table:
    """One row a writer: how many, how they are built, how much they take from the pair, how alike they are.

    `from question` and `from responses`: shares of a rubric's different words (of four letters or more) that the question,
    or a response but not the question, also uses. `alike`: mean Jaccard overlap of the words of two items' rubrics; near 1
    the writer writes one rubric for everything.

    Args:
        items: by uid.
        rubrics: of several of one writer, item, order and draw the last one counts.
    """
    last: dict[tuple[object, ...], Rubric] = {}
    for rubric in rubrics:
        if rubric.status != "error":
            last[rubric.writer.name, rubric.benchmark, rubric.item, rubric.saw, rubric.replicate] = rubric
    by_writer: dict[str, list[Rubric]] = {}
    for rubric in last.values():
        by_writer.setdefault(rubric.writer.name, []).append(rubric)
    about = ("criteria", "characters", "largest weight", "from question", "from responses", "alike", "leaking")
    columns = [*names("writer"), *numbers("rubrics", "valid", *about), *words("leaks", "violations")]
    table = Table("cards", "Rubric cards", columns, section="cards", keeps_empty=True)
    for name, written in by_writer.items():
        shared = all(rubric.item is None for rubric in written)
        table.add(f"{name} (shared)" if shared else name, *_card(written, items))
    table.notes.append(
        "Medians of valid rubrics. largest weight: of a rubric's criteria, in per cent of their sum. from question, from responses: "
        "share of a rubric's words taken from there. alike: mean word overlap of two items' rubrics; near 1 the writer has one "
        "rubric for everything. leaks: by words alone (performance/leaks.py gives precision and recall)."
    )
    if any(rubric.public for rubric in last.values()):
        table.notes.append(
            "Not in a public export, which holds no texts: largest weight, from question, from responses, alike."
        )
    return table


def _card(rubrics: Sequence[Rubric], items: Mapping[str, Item]) -> list[Cell]:
    """The cells of one writer's row."""
    valid = [rubric for rubric in rubrics if rubric.status == "valid"]
    violations = Counter(v for rubric in rubrics for v in rubric.violations)
    most_common = ", ".join(f"{v} {n}" for v, n in violations.most_common(3))
    if not valid:
        return [Cell(str(len(rubrics)), len(rubrics)), Cell("0", 0), *[Cell()] * 8, Cell(most_common)]
    criteria = [rubric.public.criteria if rubric.public else len(rubric.criteria) for rubric in valid]
    characters = [rubric.public.characters if rubric.public else len(rubric.text) for rubric in valid]
    public = any(rubric.public for rubric in valid)
    largest = [
        100 * max(c.weight for c in rubric.criteria) / sum(c.weight for c in rubric.criteria)
        for rubric in valid
        if sum(c.weight for c in rubric.criteria) > 0
    ]
    question: list[float] = []
    responses: list[float] = []
    kinds, leaking = Counter[str](), 0
    for rubric in valid:
        item = items.get(rubric.item or "")
        leaks = leaks_of(rubric, item)
        kinds.update(leaks)
        leaking += bool(leaks)
        if item is None:  # shared by all items
            continue
        texts = [c.text for c in item.candidates]
        rubric_words, question_words = _words(rubric.text), _words(item.prompt)
        if rubric_words:
            question.append(len(rubric_words & question_words) / len(rubric_words))
            responses.append(len(rubric_words & (_words(" ".join(texts)) - question_words)) / len(rubric_words))
    alike = None if public or all(rubric.item is None for rubric in valid) else _alike(valid)
    return [
        Cell(str(len(rubrics)), len(rubrics)),
        Cell(str(len(valid)), len(valid)),
        _median(criteria if any(criteria) else [], "{:g}"),
        _median(characters, "{:.0f}"),
        _median(largest, "{:.0f} %"),
        _median(question, "{:.0f} %", 100),
        _median(responses, "{:.0f} %", 100),
        Cell() if alike is None else Cell(f"{alike:.2f}", alike),
        Cell(f"{100 * leaking / len(valid):.0f} % ({leaking}/{len(valid)})", 100 * leaking / len(valid)),
        Cell(", ".join(f"{c} {kinds[c]}" for c in CLASSES if kinds[c])),
        Cell(most_common),
    ]


def _median(values: Sequence[float], form: str, scale: int = 1) -> Cell:
    if not values:
        return Cell()
    value = scale * median(values)
    return Cell(form.format(value), value)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w{4,}", text.lower()))


def _alike(rubrics: Sequence[Rubric]) -> float:
    """Mean Jaccard overlap of neighbours in a fixed order of one rubric an item."""
    by_item = {rubric.item: rubric for rubric in rubrics}
    texts = [_words(rubric.text) for _, rubric in sorted(by_item.items(), key=lambda kv: str(kv[0]))][:SIMILAR_AMONG]
    overlaps = [len(a & b) / len(a | b) for a, b in pairwise(texts) if a | b]
    return fmean(overlaps) if overlaps else 0.0
