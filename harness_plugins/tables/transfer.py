"""The tables of what a judge takes from a writer: content or its verdict (`scoring.transfer`)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness_plugins.scoring.cells import CellReport, Metric
from harness_plugins.scoring.transfer import Transfer
from harness_plugins.tables.cells import Table, count, percent, points

CARRIED = (
    ("writer alone", "writer"),
    ("none", "none"),
    ("writer + none", "writer_plus_none"),
    ("transferred", "transferred"),
    ("advice", "advice"),
)


EXPLAINED = {
    "writer": "writer alone: its own verdicts.",
    "writer_plus_none": "writer + none: these and the judge's own voted, a split vote half; a judge that gains less from the rubric "
    "has learned nothing.",
    "content_gain": "content gain: transferred minus advice (one line with the writer's verdict).",
    "same": "same: rubrics read in the order they were written in.",
    "cross": "cross: in the other order, text as it is.",
    "headline": "headline: mean of the four cells, over the trials with a rubric of that order (transferred also counts the rest, as "
    "under none).",
    "leak": "position leak: same minus cross.",
    "gain_leak_free": "gain, leak-free: over none, on items whose rubrics leak by no word.",
}
"""What a column of it is, by metric: said where the column stands."""


def transfer_table(title: str, transfers: Sequence[Transfer]) -> Table:
    """A row for each judge and writer: the writer's own accuracy beside what its rubrics do, and the four cells of orders."""
    shown = [(h, m) for h, m in CARRIED if any(m in t.metrics for t in transfers)]
    cells = [c for c in ("same", "cross", "headline") if any(c in t.metrics for t in transfers)]
    header = ["judge", "writer", *(h for h, _ in shown), "content gain", *cells, "position leak", "gain, leak-free"]
    table = Table(title, header)
    for t in transfers:
        rates = [percent(t.metrics.get(m)) for _, m in shown]
        orders = ["" if c not in t.metrics else f"{100 * t.metrics[c].value:.1f}" for c in cells]
        free = t.metrics.get("gain_leak_free")
        leak_free = f"{points(free)} ({t.leak_free}/{t.with_rubric})" if free is not None else ""
        gains = [points(t.metrics.get("content_gain")), *orders, points(t.metrics.get("leak")), leak_free]
        table.rows.append([t.judge, t.writer, *rates, *gains])
    there = {name for t in transfers for name in t.metrics}
    explained = [text for name, text in EXPLAINED.items() if name in there]
    table.notes += [" ".join(explained)] if explained else []
    for t in transfers:
        twice = [
            f"{text} {points(t.by_ratio[m])}"
            for m, text in (
                ("content_gain", "content gain"),
                ("leak", "position leak"),
                ("gain_leak_free", "gain, leak-free"),
            )
            if m in t.by_ratio
        ]
        if twice:
            table.notes.append(f"{t.judge}, {t.writer}: with answers of low mass by their ratio: {', '.join(twice)}.")
        if t.one_order:
            table.notes.append(f"{t.judge}, {t.writer}: {t.one_order}; same and cross are one cell each.")
        if t.unordered:
            table.notes.append(
                f"{t.judge}, {t.writer}: written without the responses, so there is no verdict of the writer's to copy and no "
                "order to leak: no advice, content gain, same or cross."
            )
        elif "cross" not in t.metrics and not t.one_order:
            table.notes.append(
                f"{t.judge}, {t.writer}: the arm crossed was not judged (or not completely), so there is no cross cell."
            )
    return table


FOLLOWED = (
    ("agrees with W", "agreement_with_writer"),
    ("sycophancy", "sycophancy"),
    ("uptake", "uptake"),
    ("pull", "pull"),
    ("of repeat", "pull_repeat"),
    ("of shuffled", "pull_shuffled"),
    ("recovery", "recovery"),
    ("harm", "harm"),
    ("net", "net_recovery"),
    ("W right if judge right", "verifier_precision"),
    ("judge right if W right", "verifier_recall"),
)


def following_table(title: str, cells: Sequence[CellReport]) -> Table:
    shown = [(h, m) for h, m in FOLLOWED if any(m in c.metrics for c in cells)]
    table = Table(title, ["judge", "writer", "arm", *(h for h, _ in shown)])
    for c in cells:
        if c.complete and "recovery" in c.metrics:
            table.rows.append([c.judge, c.writer or "", c.arm, *(_share(c.metrics.get(m)) for _, m in shown)])
    table.notes.append(
        "By trial, with W the writer's verdict. sycophancy: how much more often the judge names W with the rubric than without, where "
        "W is wrong; uptake: where W is right. pull: how often it names W where it had named the other without a rubric, beside the "
        "same under repeat and shuffled. recovery: right where wrong without; harm: not right where right without; net: gain in "
        "points. The last two: the judge as a proxy that tells from the rubric whether its writer was right."
    )
    return table


def _share(metric: Metric | None) -> str:
    if metric is None or math.isnan(metric.value):
        return ""
    if metric.name in ("sycophancy", "uptake", "net_recovery"):
        return f"{100 * metric.value:+.1f} (n {count(metric.n)})"
    return f"{100 * metric.value:.1f} (n {count(metric.n)})"
