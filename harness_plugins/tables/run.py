"""Tables from scored runs. They read the jsonl alone; `formats` writes them as Markdown, CSV, JSON, LaTeX, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evaluators.rubrics.arms import ARMS
from harness_plugins.scoring.asked import Ways
from harness_plugins.scoring.caveats import differ, warning
from harness_plugins.scoring.cells import CellReport, Contrast, Metric
from harness_plugins.scoring.metrics import STATES
from harness_plugins.scoring.panel import Panel
from harness_plugins.scoring.registry import MetricKind, extensions
from harness_plugins.scoring.report import Report
from harness_plugins.tables.calibration import calibration_table
from harness_plugins.tables.cells import Table, count, gain, interval, percent, points, without_empty
from harness_plugins.tables.conclusions import conclusion_table, sentences
from harness_plugins.tables.cost import cost_table, equal_cost_table, paid_table
from harness_plugins.tables.matrix import matrix_table
from harness_plugins.tables.transfer import following_table, transfer_table

RATES = (
    ("both", "strict_both"),
    ("consist.", "consistency"),
    ("1st picked", "first_position_rate"),
    ("longer picked", "longer_pick_rate"),
    ("parsed", "parsed"),
)
OFFICIAL = (
    ("macro", "macro"),
    ("macro with all", "macro_with_all"),
    ("Acc+ exp.", "acc_plus_expected"),
    ("Acc+ strict", "acc_plus_strict"),
    ("PAcc", "pacc"),
    ("TOS", "tos"),
    ("CMR", "cmr"),
    ("pairs", "pair_accuracy"),
    ("tau", "kendall_tau"),
)


def _accuracy(cell: CellReport) -> str:
    text = percent(cell.metrics.get("accuracy"))
    return text if cell.complete else f"incomplete: {cell.trials[0]}/{cell.trials[1]} answered"


def _shown(cells: Sequence[CellReport]) -> list[CellReport]:
    """All cells but the arms of judges that look at no rubric, which are one and the same."""
    return [c for c in cells if not c.blind or c.arm == "none"]


SHOWN = ("none", "shuffled")
"""What an arm is set against in the tables; what else it is set against stands in JSON, and in tables of its own."""


def _contrasts(cell: CellReport) -> list[Contrast]:
    return [cell.contrasts[r] for r in SHOWN if r in cell.contrasts]


FORMS_SHARE = 0.01
"""The share of replies with several different forms of a verdict from which a table says so."""


def _recited(cells: Sequence[CellReport]) -> list[str]:
    """By judge and arm: replies that hold several forms of a verdict; and how differences that answers of low mass touch stand."""
    notes = []
    for c in cells:
        several, texts = c.several_forms
        if texts and several / texts > FORMS_SHARE:
            who = f"{c.judge}, {c.writer or '-'}, {c.arm}"
            notes.append(f"{who}: {several} of {texts} replies hold several different forms of a verdict.")
    if any("low_mass" in c.metrics and c.metrics["low_mass"].k for c in cells):
        notes.append(
            "low_mass: the model would have written none of the offered answers. Such an answer is not right; differences that it "
            "touches stand twice, as wrong and by the ratio of its digits."
        )
    return notes


def warnings(report: Report, benchmark: str) -> list[str]:
    """What spoils a benchmark's numbers, a sentence each; for a rubric that only some items have, the accuracy on those."""
    messages = [f"{loss}." for loss in report.losses] if benchmark == next(iter(report.items)) else []
    messages += [warning(c) for c in report.caveats if c.benchmark == benchmark]
    for c in report.cells:
        on_those = percent(c.metrics.get("accuracy_with_rubric"))
        if on_those and c.benchmark == benchmark and not c.baseline:
            messages.append(f"{c.judge}, {c.writer}, {c.arm}: {on_those} on the items with a rubric alone.")
    return messages


def summary(report: Report) -> list[Table]:
    """One small table a benchmark: what `run` ends in."""
    summaries = []
    for benchmark, (items, _, _) in report.items.items():
        cells = _shown([c for c in report.cells if c.benchmark == benchmark])
        related = any(c.relation not in ("", "baseline") for c in cells)
        header = ["judge", "writer", "arm", *(["relation"] if related else []), "accuracy", "95 % CI"]
        table = Table(f"{benchmark}, {items} items", [*header, *(f"minus {r}" for r in SHOWN)])
        for c in cells:
            accuracy = c.metrics["accuracy"]
            start = [c.judge, c.writer or "", c.arm, *([c.relation] if related else [])]
            ci = interval(accuracy.low, accuracy.high) if c.complete else ""
            gains = [gain(c.contrasts.get(r), short=True) for r in SHOWN]
            table.rows.append([*start, _accuracy(c), ci, *gains])
        table.notes += sentences(report.conclusions, benchmark)
        smallest = [x.detectable for c in cells for x in _contrasts(c) if x.detectable > 0]
        if smallest:
            span = " to ".join(dict.fromkeys(f"{100 * x:.1f}" for x in (min(smallest), max(smallest))))
            table.notes.append(
                f"For planning: so many items can show a difference of one judge from about {span} points on (2.8 standard errors)."
            )
        table.warnings = warnings(report, benchmark)
        table.notes += _no_answer(cells) + _spoiled(cells) + _recited(cells)
        table.notes += [f"{c.judge}, {c.writer or '-'}, {c.arm}: {flag}." for c in cells for flag in c.flags]
        summaries.append(without_empty(_named(table, cells)))
    if summaries:
        summaries[-1].notes += report.notes
    return summaries


def _no_answer(cells: Sequence[CellReport]) -> list[str]:
    if all(x.differs for c in cells for x in _contrasts(c)):
        return []
    return ["no answer: no item came out differently on the two sides, so there is no spread to test by."]


def _spoiled(cells: Sequence[CellReport]) -> list[str]:
    """Differences that would count but for what spoils one of their sides."""
    notes = []
    for c in cells:
        for x in _contrasts(c):
            if x.unequal and x.complete and x.p < 0.05 and not c.baseline:
                notes.append(f"{c.judge}, {c.writer or '-'}, {c.arm} minus {x.reference} is no finding: {differ(x)}.")
    return notes


def _named(table: Table, cells: Sequence[CellReport]) -> Table:
    """Say beside a judge how it was asked, where that is not the plain comparison of two, and beside a writer whether its
    rubrics are shared by all items: in every table alike."""
    judges = {c.judge: f"{c.judge} ({c.grading})" for c in cells if c.grading != "pairwise"}
    writers = {c.writer: f"{c.writer} (shared)" for c in cells if c.rubrics == "shared"}
    for c in cells:  # notes begin with the cell that they are about
        before, after = (
            f"{c.judge}, {c.writer or '-'}",
            f"{judges.get(c.judge, c.judge)}, {writers.get(c.writer, c.writer or '-')}",
        )
        if before != after:
            table.notes = [
                after + n.removeprefix(before) if n.startswith((f"{before},", f"{before}:")) else n for n in table.notes
            ]
    for column, names in (("judge", judges), ("writer", writers)):
        if column in table.header:
            place = table.header.index(column)
            for row in table.rows:
                row[place] = names.get(row[place], row[place])
    return table


def tables(reports: Sequence[Report]) -> list[Table]:
    """The tables of each run and benchmark: accuracy with its companions, by category, what each arm changed, and how."""
    all_tables: list[Table] = []
    for report in reports:
        where = f"{report.folder}: " if len(reports) > 1 else ""
        for benchmark, (items, clusters, unlabelled) in report.items.items():
            cells = _shown([c for c in report.cells if c.benchmark == benchmark])
            before = len(all_tables)
            concluded = [c for c in report.conclusions if c.benchmark == benchmark]
            title = f"{where}{benchmark}, {items} items in {clusters} clusters, protocol {report.about[benchmark][0]}"
            all_tables.append(_accuracy_table(title, report, benchmark, cells, unlabelled))
            if any("[" in name for c in cells for name in c.metrics):
                all_tables.append(_category_table(f"{where}{benchmark}: accuracy by category", cells))
            if any("position_bias" in c.metrics for c in cells):
                all_tables.append(_position_table(f"{where}{benchmark}: accuracy by position", cells))
            if concluded:
                all_tables.append(conclusion_table(f"{where}{benchmark}: whether the rubrics help", concluded))
            if any(c.contrasts for c in cells):
                all_tables.append(
                    _gain_table(f"{where}{benchmark}: what each arm changed, in points of accuracy", cells)
                )
            if any(c.transitions for c in cells):
                all_tables.append(_transition_table(f"{where}{benchmark}: pairs by what they were under none", cells))
            bought = [
                cost_table(f"{where}{benchmark}: accuracy by calls and tokens", report, benchmark, cells),
                equal_cost_table(f"{where}{benchmark}: rubrics beside votes that cost as much", report, benchmark),
            ]
            all_tables += [table for table in bought if table is not None]
            transfers = [t for t in report.transfers if t.benchmark == benchmark]
            if transfers:
                all_tables.append(transfer_table(f"{where}{benchmark}: what the rubrics carry over", transfers))
            if any("sycophancy" in c.metrics or "pull" in c.metrics for c in cells):
                all_tables.append(following_table(f"{where}{benchmark}: content, or the writer's verdict", cells))
            for m in (m for m in report.matrices if m.benchmark == benchmark):
                all_tables.append(matrix_table(f"{where}{benchmark}: the matrix of writers and judges", m, cells))
            calibrated = [c for c in report.calibrations if c.benchmark == benchmark]
            if calibrated:
                all_tables.append(calibration_table(f"{where}{benchmark}: calibration", calibrated))
            panels = [p for p in report.panels if p.benchmark == benchmark]
            if panels:
                all_tables.append(_panel_table(f"{where}{benchmark}: the judges together", panels))
            asked = [w for w in report.ways if w.benchmark == benchmark]
            if asked:
                all_tables.append(_ways_table(f"{where}{benchmark}: one model, asked in several ways", asked))
            for table in all_tables[before:]:
                without_empty(_named(table, cells))
            all_tables[before].warnings = warnings(report, benchmark)
        spent = paid_table(f"{where}what was asked and what it took", report.paid, report.prices)
        if spent is not None:
            all_tables.append(without_empty(spent))
    return all_tables


def _accuracy_table(title: str, report: Report, benchmark: str, cells: Sequence[CellReport], unlabelled: int) -> Table:
    present = {name for c in cells for name in c.metrics}
    extra = [(h, m) for h, m in OFFICIAL if m in present]
    rates = [(h, m) for h, m in RATES if m in present]
    others = [e.kind for e in extensions() if e.kind.name in present]
    weighed = any(c.mass is not None for c in cells)
    masses = ["mass (median)", "mass below .5"] if weighed else []
    headers = [*(h for h, _ in extra + rates), *(kind.header for kind in others), *masses]
    table = Table(title, ["judge", "writer", "arm", "relation", "accuracy", "95 % CI", *headers])
    for c in cells:
        accuracy = c.metrics["accuracy"]
        numbers = [percent(c.metrics.get(m)) if c.complete else "" for _, m in extra + rates]
        numbers += [_by_unit(kind, c.metrics.get(kind.name)) if c.complete else "" for kind in others]
        ci = interval(accuracy.low, accuracy.high) if c.complete else ""
        mass = [f"{c.mass.median:.2g}", f"{100 * c.mass.below_half:.1f}"] if c.mass else [""] * len(masses)
        table.rows.append([c.judge, c.writer or "", c.arm, c.relation, _accuracy(c), ci, *numbers, *mass])
    if weighed:
        table.notes.append(
            "mass: P of all offered answers together, of one-token answers; below .5: the share of answers with less."
        )
    table.notes.append(
        f"Protocol {': '.join(report.about[benchmark])}. k/n in items (mean over their orders) or, for rates, in trials."
    )
    if unlabelled:
        table.notes.append(f"{unlabelled} items whose label prefers no candidate stand outside every accuracy.")
    probes = sorted({c.arm for c in cells if ARMS.facts(c.arm).uses_label})
    if probes:
        table.notes.append(f"{', '.join(probes)}: probes that are told the label; they belong in no paper's table.")
    written = [c.judge for c in cells if c.arm == "grm"]
    if written:
        table.notes.append(f"grm: the writer's own verdicts ({', '.join(written)}).")
    computed = [c.judge for c in cells if c.computed and c.arm != "grm"]
    if computed:
        table.notes.append(f"Computed from the items, not run: {', '.join(computed)}.")
    table.notes += _recited(cells)
    for c in cells:
        table.notes += [f"{c.judge}, {c.writer or '-'}, {c.arm}: {flag}." for flag in c.flags]
    if benchmark == next(iter(report.items)):
        table.notes += report.notes
    return table


def _by_unit(kind: MetricKind, metric: Metric | None) -> str:
    if metric is None or math.isnan(metric.value):
        return ""
    if kind.unit == "share":
        return percent(metric)
    return points(metric) if kind.unit == "points" else f"{metric.value:.4g}"


def _category_table(title: str, cells: Sequence[CellReport]) -> Table:
    names = sorted({name for c in cells for name in c.metrics if "[" in name})
    shown = {"accuracy": "", "acc_plus": "Acc+ ", "macro": "macro "}
    header = [shown[kind] + of.removesuffix("]") for kind, _, of in (n.partition("[") for n in names)]
    table = Table(title, ["judge", "writer", "arm", *header])
    for c in cells:
        numbers = [percent(c.metrics.get(n)) if c.complete else "" for n in names]
        table.rows.append([c.judge, c.writer or "", c.arm, *numbers])
    return table


POSITIONS = (
    ("label first", "accuracy_label_first"),
    ("label last", "accuracy_label_last"),
    ("mean", "accuracy"),
    ("first minus last", "position_bias"),
    ("1st picked", "first_position_rate"),
    ("flips", "flip_rate"),
    ("to the first", "primacy_flips"),
    ("to the last", "recency_flips"),
    ("all orders", "strict_both"),
    ("debiased", "debiased_accuracy"),
)


def _position_table(title: str, cells: Sequence[CellReport]) -> Table:
    """ARR's Table 5, row by row, by where the preferred candidate was shown."""
    table = Table(title, ["judge", "writer", "arm", *(h for h, _ in POSITIONS)])
    for c in (c for c in cells if c.complete and "position_bias" in c.metrics):
        numbers = [
            points(c.metrics.get(m)) if m == "position_bias" else percent(c.metrics.get(m)) for _, m in POSITIONS
        ]
        table.rows.append([c.judge, c.writer or "", c.arm, *numbers])
    table.notes.append(
        "label first / last: accuracy where the preferred candidate was shown first, or last, whatever the dataset's order. flips: "
        "another candidate picked in another order; to the first: always the first shown, to the last: always the last. all orders: "
        "right in every one. debiased: a flip counts half. Read every row beside `repeat`, the same question asked again."
    )
    return table


def _ways_table(title: str, asked: Sequence[Ways]) -> Table:
    table = Table(title, ["model", "writer", "arm", "judge", "accuracy", "95 % CI", "difference"])
    for w in asked:
        for judge, accuracy, difference in zip(w.judges, w.accuracy, w.difference, strict=True):
            ci = interval(accuracy.low, accuracy.high)
            row = [w.model, w.writer or "", w.arm, judge, percent(accuracy), ci]
            table.rows.append([*row, "(reference)" if judge == w.judges[0] else gain(difference)])
    table.notes.append(
        "Differences are item by item from the first of the model's judges, with 95 % cluster bootstrap and a cluster sign-flip; "
        "not corrected for how many there are."
    )
    return table


def _gain_table(title: str, cells: Sequence[CellReport]) -> Table:
    header = ["judge", "writer", "arm", *(f"minus {r}" for r in SHOWN), "gained", "lost", "detectable"]
    table = Table(title, header)
    for c in cells:
        shown = _contrasts(c)
        if not shown:
            continue
        gained, lost = _moved(c)
        smallest = " / ".join("-" if math.isnan(x.detectable) else f"{100 * x.detectable:.1f}" for x in shown)
        both = [gain(c.contrasts.get(r)) for r in SHOWN]
        if not c.complete:
            table.rows.append([c.judge, c.writer or "", c.arm, *both, "", "", ""])
            continue
        table.rows.append([c.judge, c.writer or "", c.arm, *both, gained, lost, smallest])
        table.notes += [f"{c.judge}, {c.writer or '-'}, {c.arm}: {flag}." for x in shown for flag in x.flags]
    table.notes.append(
        "Difference [95 % cluster bootstrap] p of a cluster sign-flip. gained / lost: items that became right in both orders, "
        "or ceased to be. detectable: 2.8 standard errors, for planning: what so many items can be expected to show."
    )
    if any("shuffled" in c.contrasts for c in cells):
        table.notes.append("minus shuffled: over the items that have a donor.")
    table.notes += _no_answer(cells) + _spoiled(cells)
    if any(_contrasts(c) and all(x.content is None for x in _contrasts(c)) for c in cells):
        table.notes.append(
            "Content and order effects are not told apart here: that takes probabilities or several samples."
        )
    for c, x in [(cell, contrast) for cell in cells for contrast in _contrasts(cell)]:
        if x.content is not None and x.order is not None:
            table.notes.append(
                f"{c.judge}, {c.writer or '-'}, {c.arm} minus {x.reference}: content {100 * x.content:+.1f}, "
                f"order {100 * x.order:+.1f} (over {x.content_n} items)."
            )
    return table


def _transition_table(title: str, cells: Sequence[CellReport]) -> Table:
    """The full transition matrix: a row for each arm and state under `none`, a column for each state under the arm."""
    table = Table(title, ["judge", "writer", "arm", "under none", *(s.replace("_", " ") for s in STATES)])
    for c in cells:
        for before, after in (c.transitions or {}).items():
            if any(after.values()):
                counts = [count(after[s]) for s in STATES]
                table.rows.append([c.judge, c.writer or "", c.arm, before.replace("_", " "), *counts])
    table.notes.append(
        "A pair is right or wrong in both orders, or its first or second shown response was picked both times, or "
        "some order has no choice (incomplete)."
    )
    return table


def _panel_table(title: str, panels: Sequence[Panel]) -> Table:
    """A row for each arm and pair of judges, the whole panel's numbers on the first."""
    header = ["arm", "writer", "judges", "kappa", "trials", "alpha", "majority", "95 % CI", "best single"]
    table = Table(title, header)
    for p in panels:
        panel_numbers = [_coefficient(p.alpha), percent(p.vote), interval(p.vote.low, p.vote.high), percent(p.best)]
        for n, ((first, second), (kappa, trials)) in enumerate(p.kappa.items()):
            pair = [p.arm, p.writer or "", f"{first}, {second}", _coefficient(kappa), str(trials)]
            table.rows.append([*pair, *(panel_numbers if n == 0 else [""] * 4)])
    table.notes.append(
        "kappa: Cohen's, over the trials (an item in one order) in which both picked; alpha: Krippendorff's, nominal, over "
        "all judges of the arm. majority: accuracy of what most judges pick in each trial; a split vote is not right."
    )
    return table


def _coefficient(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"


def _moved(cell: CellReport) -> tuple[str, str]:
    if cell.transitions is None:
        return "", ""
    t = cell.transitions
    gained = sum(t[a]["both_right"] for a in t if a != "both_right")
    return count(gained), count(sum(t["both_right"][b] for b in t if b != "both_right"))
