"""Tables from scored runs: Markdown, CSV, JSON, LaTeX, and a wrapped form for terminals. They read the jsonl alone."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from harness_plugins.scoring.metrics import STATES
from harness_plugins.scoring.panel import Panel
from harness_plugins.scoring.report import CellReport, Contrast, Metric, Report

RATES = (
    ("both", "strict_both"),
    ("consist.", "consistency"),
    ("1st picked", "first_position_rate"),
    ("longer picked", "longer_pick_rate"),
    ("parsed", "parsed"),
)
OFFICIAL = (("macro", "macro"), ("Acc+ exp.", "acc_plus_expected"), ("Acc+ strict", "acc_plus_strict"))


@dataclass
class Table:
    """A titled grid of texts, with notes under it. `**text**` marks bold, whatever the format makes of it."""

    title: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _count(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"


def percent(metric: Metric | None) -> str:
    """`72.4 (123/170)`; empty where there is no such number."""
    if metric is None or math.isnan(metric.value):
        return ""
    if metric.name == "macro":
        return f"{100 * metric.value:.1f} (mean of {_count(metric.n)})"
    return f"{100 * metric.value:.1f} ({_count(metric.k)}/{_count(metric.n)})"


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"[{100 * low:.1f}, {100 * high:.1f}]"


def _p(p: float) -> str:
    return "p<.001" if p < 0.001 else f"p={p:.3f}".replace("0.", ".", 1)


def gain(contrast: Contrast | None, short: bool = False) -> str:
    """`+3.1 [1.0, 5.2] p=.004`, bold only where significant and not below what the comparison can show."""
    if contrast is None:
        return ""
    if not contrast.complete:
        return "incomplete"
    bounds = "" if short else f" {_interval(contrast.low, contrast.high)}"
    text = f"{100 * contrast.value:+.1f}{bounds} {_p(contrast.p)}"
    if contrast.p_holm is not None and not short:
        text += f" (Holm {_p(contrast.p_holm)[1:].lstrip('=')})"
    return f"**{text}**" if contrast.significant else text


def _accuracy(cell: CellReport) -> str:
    text = percent(cell.metrics.get("accuracy"))
    return text if cell.complete else f"incomplete: {cell.trials[0]}/{cell.trials[1]} answered"


def _shown(cells: Sequence[CellReport]) -> list[CellReport]:
    """All cells but the arms of judges that look at no rubric, which are one and the same."""
    return [c for c in cells if not c.blind or c.arm == "none"]


def _coverage(cell: CellReport) -> list[str]:
    """Says so where an arm had no rubric for some items."""
    if cell.with_rubric is None or cell.with_rubric[0] == cell.with_rubric[1]:
        return []
    have, all_ = cell.with_rubric
    only = percent(cell.metrics.get("accuracy_with_rubric"))
    return [
        f"{cell.judge}, {cell.writer}, {cell.arm}: a rubric for {have} of {all_} items; the others keep the verdict of `none`."
        + (f" On those with a rubric: {only}." if only else "")
    ]


def summary(report: Report) -> list[Table]:
    """One small table a benchmark: what `run` ends in."""
    found = []
    for benchmark, (items, _, _) in report.items.items():
        cells = _shown([c for c in report.cells if c.benchmark == benchmark])
        related = any(c.relation not in ("", "baseline") for c in cells)
        header = ["judge", "writer", "arm", *(["relation"] if related else []), "accuracy", "95 % CI", "minus none"]
        table = Table(f"{benchmark}, {items} items", [*header, "minus shuffled"])
        for c in cells:
            accuracy = c.metrics["accuracy"]
            start = [c.judge, c.writer or "", c.arm, *([c.relation] if related else [])]
            ci = _interval(accuracy.low, accuracy.high) if c.complete else ""
            gains = [gain(c.contrasts.get(r), short=True) if c.complete else "" for r in ("none", "shuffled")]
            table.rows.append([*start, _accuracy(c), ci, *gains])
        smallest = [x.detectable for c in cells for x in c.contrasts.values() if x.detectable > 0]
        if smallest:
            span = " to ".join(dict.fromkeys(f"{100 * x:.1f}" for x in (min(smallest), max(smallest))))
            table.notes.append(
                f"Differences below {span} points (2.8 standard errors) are "
                "not to be seen with this many items; bold ones are above theirs, with p < .05."
            )
        table.notes += [note for c in cells for note in _coverage(c)]
        table.notes += [f"{c.judge}, {c.writer or '-'}, {c.arm}: {flag}." for c in cells for flag in c.flags]
        found.append(table)
    return found


def tables(reports: Sequence[Report]) -> list[Table]:
    """The tables of each run and benchmark: accuracy with its companions, by category, what each arm changed, and how."""
    found = []
    for report in reports:
        for benchmark, (items, clusters, unlabelled) in report.items.items():
            cells = _shown([c for c in report.cells if c.benchmark == benchmark])
            where = f"{report.folder}: " if len(reports) > 1 else ""
            title = f"{where}{benchmark}, {items} items in {clusters} clusters, protocol {report.about[benchmark][0]}"
            found.append(_accuracy_table(title, report, benchmark, cells, unlabelled))
            if any("[" in name for c in cells for name in c.metrics):
                found.append(_category_table(f"{where}{benchmark}: accuracy by category", cells))
            if any(c.contrasts for c in cells):
                found.append(_gain_table(f"{where}{benchmark}: what each arm changed, in points of accuracy", cells))
            if any(c.transitions for c in cells):
                found.append(_transition_table(f"{where}{benchmark}: pairs by what they were under none", cells))
            if any(name.startswith("vote@") for c in cells for name in c.metrics):
                found.append(_vote_table(f"{where}{benchmark}: by votes of several samples", cells))
            panels = [p for p in report.panels if p.benchmark == benchmark]
            if panels:
                found.append(_panel_table(f"{where}{benchmark}: the judges together", panels))
    return found


def _accuracy_table(title: str, report: Report, benchmark: str, cells: Sequence[CellReport], unlabelled: int) -> Table:
    present = {name for c in cells for name in c.metrics}
    extra = [(h, m) for h, m in OFFICIAL if m in present]
    rates = [(h, m) for h, m in RATES if m in present]
    table = Table(title, ["judge", "writer", "arm", "relation", "accuracy", "95 % CI", *(h for h, _ in extra + rates)])
    for c in cells:
        accuracy = c.metrics["accuracy"]
        numbers = [percent(c.metrics.get(m)) if c.complete else "" for _, m in extra + rates]
        ci = _interval(accuracy.low, accuracy.high) if c.complete else ""
        table.rows.append([c.judge, c.writer or "", c.arm, c.relation, _accuracy(c), ci, *numbers])
    table.notes.append(
        f"Protocol {': '.join(report.about[benchmark])}. k/n in items (mean over their orders) or, for rates, in trials."
    )
    if unlabelled:
        table.notes.append(f"{unlabelled} items whose label prefers no candidate stand outside every accuracy.")
    computed = [c.judge for c in cells if c.computed]
    if computed:
        table.notes.append(f"Computed from the items, not run: {', '.join(computed)}.")
    for c in cells:
        table.notes += _coverage(c)
        table.notes += [f"{c.judge}, {c.writer or '-'}, {c.arm}: {flag}." for flag in c.flags]
    facts = report.facts.get(benchmark, {})
    if facts.get("expected_rows") and facts.get("rows") != facts["expected_rows"]:
        table.notes.append(f"Rows: {facts['rows']} loaded, {facts['expected_rows']} in the full set.")
    table.notes += report.notes
    return table


def _category_table(title: str, cells: Sequence[CellReport]) -> Table:
    names = sorted({name for c in cells for name in c.metrics if "[" in name})
    table = Table(title, ["judge", "writer", "arm", *(n.removeprefix("accuracy[").removesuffix("]") for n in names)])
    for c in cells:
        numbers = [percent(c.metrics.get(n)) if c.complete else "" for n in names]
        table.rows.append([c.judge, c.writer or "", c.arm, *numbers])
    return table


def _gain_table(title: str, cells: Sequence[CellReport]) -> Table:
    header = ["judge", "writer", "arm", "minus none", "minus shuffled", "gained", "lost", "detectable"]
    table = Table(title, header)
    for c in cells:
        if not c.contrasts:
            continue
        gained, lost = _moved(c)
        smallest = " / ".join(
            "-" if math.isnan(x.detectable) else f"{100 * x.detectable:.1f}" for x in c.contrasts.values()
        )
        if not c.complete:
            table.rows.append([c.judge, c.writer or "", c.arm, "incomplete", "incomplete", "", "", ""])
            continue
        both = [gain(c.contrasts.get(r)) for r in ("none", "shuffled")]
        table.rows.append([c.judge, c.writer or "", c.arm, *both, gained, lost, smallest])
        table.notes += [
            f"{c.judge}, {c.writer or '-'}, {c.arm}: {flag}." for x in c.contrasts.values() for flag in x.flags
        ]
    table.notes.append(
        "Difference [95 % cluster bootstrap] p of a cluster sign-flip. gained / lost: items that became right in both orders, "
        "or ceased to be. detectable: 2.8 standard errors, the smallest difference the comparison can show; bold "
        "only where p < .05 and the difference is no smaller."
    )
    if any(c.contrasts and all(x.content is None for x in c.contrasts.values()) for c in cells):
        table.notes.append(
            "Content and order effects are not told apart here: that takes probabilities or several samples."
        )
    for c, x in [(cell, contrast) for cell in cells for contrast in cell.contrasts.values()]:
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
                counts = [_count(after[s]) for s in STATES]
                table.rows.append([c.judge, c.writer or "", c.arm, before.replace("_", " "), *counts])
    table.notes.append(
        "A pair is right or wrong in both orders, or its first or second shown response was picked both times, or "
        "some order has no choice (incomplete)."
    )
    return table


def _vote_table(title: str, cells: Sequence[CellReport]) -> Table:
    names = sorted({n for c in cells for n in c.metrics if n.startswith("vote@")}, key=lambda n: int(n[5:]))
    table = Table(title, ["judge", "writer", "arm", "one sample", *names, "vote share"])
    for c in cells:
        if c.complete and any(n in c.metrics for n in names):
            numbers = [percent(c.metrics.get(n)) for n in ("accuracy", *names, "vote_share")]
            table.rows.append([c.judge, c.writer or "", c.arm, *numbers])
    table.notes.append(
        "vote@k: majority of k samples, half of them in each order, the mean over all draws from those taken; a split vote "
        "counts half. A rubric's gain is worth its tokens where it beats the vote@k of `none` that costs as much. vote share: "
        "how large a part of an order's samples its majority is."
    )
    return table


def _panel_table(title: str, panels: Sequence[Panel]) -> Table:
    """A row for each arm and pair of judges, the whole panel's numbers on the first."""
    header = ["arm", "writer", "judges", "kappa", "trials", "alpha", "majority", "95 % CI", "best single"]
    table = Table(title, header)
    for p in panels:
        whole = [_coefficient(p.alpha), percent(p.vote), _interval(p.vote.low, p.vote.high), percent(p.best)]
        for n, ((one, other), (kappa, trials)) in enumerate(p.kappa.items()):
            pair = [p.arm, p.writer or "", f"{one}, {other}", _coefficient(kappa), str(trials)]
            table.rows.append([*pair, *(whole if n == 0 else [""] * 4)])
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
    return _count(gained), _count(sum(t["both_right"][b] for b in t if b != "both_right"))


def markdown(found: Sequence[Table]) -> str:
    def safe(text: str) -> str:
        return text.replace("|", "\\|").replace("\n", " ")

    parts = []
    for t in found:
        rows = [[safe(x) for x in row] for row in [t.header, *t.rows]]
        widths = [max(3, *(len(r[i]) for r in rows)) for i in range(len(t.header))]
        lines = [f"### {safe(t.title)}", ""]
        for n, row in enumerate(rows):
            lines.append("| " + " | ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)) + " |")
            if n == 0:
                lines.append("|" + "|".join("-" * (w + 2) for w in widths) + "|")
        lines += ["", *(f"- {safe(note)}" for note in t.notes)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


_LATEX = str.maketrans(
    {
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)


def latex(found: Sequence[Table]) -> str:
    """booktabs tables; the notes stand in the caption."""

    def safe(text: str) -> str:
        bold = text.startswith("**")
        plain = text.strip("*").translate(_LATEX)
        return rf"\textbf{{{plain}}}" if bold else plain

    parts = []
    for t in found:
        caption = " ".join([t.title + ".", *t.notes]).translate(_LATEX)
        body = [" & ".join(safe(x) for x in row) + r" \\" for row in t.rows]
        head = " & ".join(safe(x) for x in t.header) + r" \\"
        parts.append(
            "\n".join(
                [
                    r"\begin{table}",
                    r"\centering",
                    r"\small",
                    rf"\begin{{tabular}}{{{'l' * len(t.header)}}}",
                    r"\toprule",
                    head,
                    r"\midrule",
                    *body,
                    r"\bottomrule",
                    r"\end{tabular}",
                    rf"\caption{{{caption}}}",
                    r"\end{table}",
                ]
            )
        )
    return "% needs \\usepackage{booktabs}\n" + "\n\n".join(parts) + "\n"


def objects(reports: Sequence[Report]) -> list[dict[str, Any]]:
    return [{"run": str(r.folder), **o} for r in reports for o in r.objects()]


def as_csv(reports: Sequence[Report]) -> str:
    """One line a metric, all numbers in full. Texts that a spreadsheet would run as formulas are quoted with '."""
    header = [
        "run",
        "benchmark",
        "judge",
        "writer",
        "arm",
        "relation",
        "metric",
        "k",
        "n",
        "value",
        "low",
        "high",
        "p",
        "p_holm",
        "detectable",
        "protocol",
        "complete",
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, header, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    for o in objects(reports):
        if "counts" not in o:
            writer.writerow({k: _guarded(v) for k, v in o.items()})
    return out.getvalue()


def _guarded(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value


def as_json(reports: Sequence[Report]) -> str:
    lines = [orjson.dumps(o).decode() for o in objects(reports)]
    return "[\n" + ",\n".join(lines) + "\n]\n"


FORMATS: dict[str, Callable[[Sequence[Report]], str]] = {
    "md": lambda reports: markdown(tables(reports)),
    "csv": as_csv,
    "json": as_json,
    "latex": lambda reports: latex(tables(reports)),
}


def print_rich(found: Sequence[Table]) -> None:
    """The tables as a terminal shows them best: cells wrap, k/n stands under its percentage."""
    import rich.box
    import rich.table
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for t in found:
        grid = rich.table.Table(
            title=t.title, title_justify="left", title_style="bold", box=rich.box.SIMPLE_HEAD, pad_edge=False
        )
        for name in t.header:
            grid.add_column(name, no_wrap=name in ("judge", "writer", "arm", "relation"))
        for row in t.rows:
            cells = [(x.strip("*").replace(" (", "\n("), "bold" if x.startswith("**") else "") for x in row]
            grid.add_row(*(Text(text, style) for text, style in cells))
        console.print(grid)
        for note in t.notes:
            console.print(Text(f"- {note}", "dim"))
        console.print()
