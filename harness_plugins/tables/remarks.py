"""What is to be said of a benchmark's cells above and below its tables: what spoils numbers, and what makes them no finding."""

from __future__ import annotations

from harness_plugins.scoring.caveats import differ, warning
from harness_plugins.scoring.cells import CellReport, Contrast
from harness_plugins.scoring.report import Report
from harness_plugins.tables.cells import percent
from harness_plugins.tables.view import View

REFERENCES = ("none", "shuffled")
"""What an arm is compared with in the tables; other comparisons are in JSON, and in tables of their own."""

FORMS_SHARE = 0.01
"""The share of replies with several different forms of a verdict from which a table says so."""


def contrasts(cell: CellReport) -> list[Contrast]:
    """The differences of a cell that tables show."""
    return [cell.contrasts[reference] for reference in REFERENCES if reference in cell.contrasts]


def warnings(report: Report, benchmark: str) -> list[str]:
    """What spoils a benchmark's numbers, a sentence each; for a rubric that only some items have, the accuracy on those."""
    messages = [f"{loss}." for loss in report.losses] if benchmark == next(iter(report.items)) else []
    messages += [warning(c) for c in report.caveats if c.benchmark == benchmark]
    for c in report.cells:
        on_those = percent(c.metrics.get("accuracy_with_rubric")).text
        if on_those and c.benchmark == benchmark and not c.baseline:
            messages.append(f"{c.judge}, {c.writer}, {c.arm}: {on_those} on the items with a rubric alone.")
    return messages


def missing(report: Report, benchmark: str) -> list[str]:
    """How many answers are missing, judge by judge: what they touch has no score."""
    messages = []
    cells = [c for c in report.cells if c.benchmark == benchmark and not c.complete]
    for judge in dict.fromkeys(c.judge for c in cells):
        trials = [c.trials for c in cells if c.judge == judge]
        answered, due = sum(t.answered for t in trials), sum(t.due for t in trials)
        arms = list(dict.fromkeys(c.arm for c in cells if c.judge == judge))
        messages.append(
            f"{judge}: {due - answered:,} of {due:,} answers are missing ({', '.join(arms)}): what they touch has no score."
        )
    return messages


def answers(view: View) -> list[str]:
    """By judge and arm: replies that hold several forms of a verdict; and how differences that answers of low mass touch are shown."""
    notes = []
    for c in view.cells:
        several, texts = c.forms
        if texts and several / texts > FORMS_SHARE:
            about = view.about(c.judge, c.writer, c.arm)
            notes.append(f"{about}: {several} of {texts} replies hold several different forms of a verdict.")
    if any("low_mass" in c.metrics and c.metrics["low_mass"].k for c in view.cells):
        notes.append(
            "low_mass: the model would have written none of the offered answers. Such an answer is not right; differences that it "
            "touches are shown twice, as wrong and by the ratio of its digits."
        )
    return notes


def flags(view: View) -> list[str]:
    notes = []
    for c in view.cells:
        void = ["Acc+ is void: it needs every row of every group"] if c.groups_void else []
        notes += [f"{view.about(c.judge, c.writer, c.arm)}: {flag}." for flag in (*c.flags, *void)]
    return notes


def no_finding(view: View) -> list[str]:
    """Differences that show nothing: no item came out differently, or they would count but for what spoils a side."""
    notes = []
    if not all(x.differs for c in view.cells for x in contrasts(c)):
        notes.append("no answer: no item came out differently on the two sides, so there is no spread to test by.")
    for c in view.cells:
        for x in contrasts(c):
            if x.unequal and x.complete and x.p < 0.05 and not c.baseline:
                notes.append(f"{view.about(c.judge, c.writer, c.arm)} minus {x.reference} is no finding: {differ(x)}.")
    return notes
