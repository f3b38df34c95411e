"""What a comparison of two runs says: its answer in a sentence, its tables, and its numbers one by one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from harness_plugins.scoring.caveats import differ, warning
from harness_plugins.scoring.cells import Contrast
from harness_plugins.scoring.compare import Comparison, Matched, Row
from harness_plugins.scoring.metrics import STATES
from harness_plugins.scoring.sentences import sentence
from harness_plugins.tables.cells import count, gain, interval, percent
from harness_plugins.tables.model import Cell, Table, names, numbers, words
from harness_plugins.tables.render.lines import csv_lines, json_document
from harness_plugins.tables.render.terminal import console, print_line, print_tables
from harness_plugins.tables.render.to_latex import latex
from harness_plugins.tables.render.to_markdown import markdown
from harness_plugins.tables.run_tables.cards import cards_in


def answer(comparison: Comparison) -> str:
    """A sentence for each benchmark and pair of writers, then what may be said of either's rubrics in its own run."""
    lines = []
    for m in comparison.matched:
        lines.append(_sentence(m, comparison))
        lines += [f"{side}: {sentence(c)}" for side, c in zip("AB", m.conclusions, strict=True) if c is not None]
    return "\n".join(lines)


def _sentence(m: Matched, comparison: Comparison) -> str:
    a, b = m.writers
    where = f"{m.benchmark}, " + (f"{a} in B against A" if a == b else f"{b} (B) against {a} (A)")
    x = m.headline
    if x is None:
        return f"No answer: {where}: no judge has judged {comparison.arm!r} completely in both; the tables show what there is."
    over = f"over {len(m.judges)} judges" if len(m.judges) > 1 else f"with {m.judges[0]}"
    numbers = f"{where}: {100 * x.value:+.1f} points {interval(x.low, x.high)}, {_p(x)}, {over}, {x.n} items"
    if x.by_ratio is not None:
        numbers += f" (answers of low mass by ratio: {100 * x.by_ratio.value:+.1f} points, {_p(x.by_ratio)})"
    if x.unequal:
        verdict = f"No finding: {numbers}: {differ(x)}."
    elif x.clear:
        verdict = f"{'Better' if x.value > 0 else 'Worse'}: {numbers}."
    elif not x.differs:
        verdict = f"No answer: {where}: no item came out differently in the two, over {x.n} items."
    elif math.isnan(x.detectable):
        verdict = f"No answer: {numbers}: one cluster of items shows nothing of its own spread."
    else:
        verdict = f"No difference shown: {numbers}; so many items can show about {100 * x.detectable:.1f} points."
    if not m.drifted:
        return verdict
    net = m.beyond_none
    net_text = f" Net of that: {100 * net.value:+.1f} points {interval(net.low, net.high)}, {_p(net)}." if net else ""
    return (
        f"Confounded: {m.benchmark}: without any rubric the judges differ between the runs (`none`: {_drift(m)}): another "
        f"server, model or seed.{net_text} As it stands: {verdict[:1].lower()}{verdict[1:]}"
    )


def _p(x: Contrast) -> str:
    p = x.p if x.p_holm is None else x.p_holm
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1)


def _drift(m: Matched) -> str:
    """The largest move of `none`: of one judge, or of all."""
    contrasts = [(row.judge, row.difference) for row in m.rows if row.arm == "none" and row.difference is not None]
    contrasts += [("all", m.drift)] if m.drift is not None and len(m.judges) > 1 else []
    name, x = max(contrasts, key=lambda named_contrast: abs(named_contrast[1].value))
    return f"{name} {100 * x.value:+.1f} points, {_p(x)}"


def tables(comparison: Comparison) -> list[Table]:
    """The headline with its noise floor, every arm, transitions, the judges that were left out, and the rubrics' cards."""
    shown = []
    for m in comparison.matched:
        shown += [_headline(m, comparison.arm), _arms(m), _transitions(m, comparison.arm)]
    if comparison.not_comparable:
        title = "Not comparable: judges that were not asked alike"
        table = Table("not_comparable", title, [*names("judge", "field"), *words("A", "B")])
        for unlike in comparison.not_comparable:
            for difference in unlike.differences:
                table.add(unlike.judge, *difference)
        shown.append(table)
    shown.append(_cards(comparison))
    for side, losses, caveats in zip("AB", comparison.losses, comparison.caveats, strict=True):
        shown[0].warnings += [*(f"{side}: {loss}." for loss in losses), *(f"{side}: {warning(c)}" for c in caveats)]
    shown[0].notes = [
        f"A: {comparison.runs[0]}. B: {comparison.runs[1]}. Protocol {comparison.protocol}.",
        *shown[0].notes,
        *comparison.notes,
    ]
    return [t.without_empty() for t in shown if t.rows]


def _headline(m: Matched, arm: str) -> Table:
    """A row for each judge that read the arm in both runs, and their mean."""
    a, b = m.writers
    title = f"{m.benchmark}: {arm}, {b} in B minus {a} in A, {m.items} items in {m.clusters} clusters"
    headers = ("A", "B", "B minus A", "detectable", "fixed", "broken", "none: B minus A", "beyond none")
    table = Table("headline", title, [*names("judge", "relation"), *numbers(*headers)], benchmark=m.benchmark)
    none_gains = {row.judge: gain(row.difference) for row in m.rows if row.arm == "none" and not m.one_run}
    for row in (row for row in m.rows if row.arm == arm):
        fixed_and_broken = [Cell(count(x), x) if row.transitions else Cell() for x in (row.fixed, row.broken)]
        both = [
            _accuracy(row, 0),
            _accuracy(row, 1),
            gain(row.difference),
            _detectable(row.difference),
            *fixed_and_broken,
        ]
        table.add(row.judge, row.relation, *both, none_gains.get(row.judge, Cell()), gain(row.beyond_none))
        if row.difference is not None and row.difference.unequal:
            table.notes.append(f"{row.judge}: B minus A is no finding: {differ(row.difference)}.")
    if m.headline is not None and len(m.judges) > 1:
        mean = [gain(m.headline), _detectable(m.headline), Cell(), Cell(), gain(m.drift), gain(m.beyond_none)]
        table.add(f"mean of {', '.join(m.judges)}", "", "", "", *mean)
    left_out = [f"{n} only in {side}" for n, side in zip(m.only, "AB", strict=True) if n]
    left_out += [f"{m.changed} whose texts, labels or media differ between the runs"] if m.changed else []
    if left_out:
        table.notes.append(f"Items left out: {', '.join(left_out)}.")
    table.notes.append(
        "Differences in points, item by item, with 95 % cluster bootstrap and a cluster sign-flip, Holm over the judges. "
        "detectable: 2.8 standard errors, for planning. fixed / broken: items that are right in every order "
        "in B alone, in A alone. none: the same judge without a rubric, the noise floor: about zero unless the judge itself has "
        "changed. beyond none: the gain over `none` in B minus the gain in A."
    )
    if m.one_run:
        table.notes.append(
            "A and B are one run, so `none` is one and the same; `rubric-harness table` has its noise floor, `repeat`."
        )
    table.notes += m.notes
    return table


def _arms(m: Matched) -> Table:
    """A row for each judge and arm that both runs have."""
    columns = [*names("judge", "arm", "writer A", "writer B"), *numbers("A", "B", "B minus A", "detectable")]
    table = Table("arms", f"{m.benchmark}: every arm, B minus A", columns, benchmark=m.benchmark)
    for row in m.rows:
        writers = row.writers or ("", "")
        both = [_accuracy(row, 0), _accuracy(row, 1), gain(row.difference), _detectable(row.difference)]
        table.add(row.judge, row.arm, *writers, *both)
    table.notes.append(
        "Over the items complete in both. Only the headline's arm and `none` are corrected for how many tests there are."
    )
    return table


def _transitions(m: Matched, arm: str) -> Table:
    """A row for each judge and state in A, a column for each state in B."""
    columns = [*names("judge", "in A"), *numbers(*(s.replace("_", " ") for s in STATES))]
    title = f"{m.benchmark}: {arm}, pairs by what they were in A"
    table = Table("transitions", title, columns, benchmark=m.benchmark)
    for row in (row for row in m.rows if row.arm == arm):
        for state_in_a, by_state_in_b in (row.transitions or {}).items():
            if any(by_state_in_b.values()):
                table.add(
                    row.judge,
                    state_in_a.replace("_", " "),
                    *(Cell(count(by_state_in_b[s]), by_state_in_b[s]) for s in STATES),
                )
    return table


def _cards(comparison: Comparison) -> Table:
    """The rubric cards of the writers that are compared, in one table: a row for each writer of A, then for each of B, with the run
    in the first column. Columns and notes are those of A's cards."""
    a_cards, b_cards = (
        cards_in(folder, {m.writers[n] for m in comparison.matched}) for n, folder in enumerate(comparison.runs)
    )
    table = Table(a_cards.id, a_cards.title, [*names("run"), *a_cards.columns], notes=a_cards.notes)
    for run, cards in (("A", a_cards), ("B", b_cards)):
        for row in cards.rows:
            table.add(run, *row)
    return table


def _accuracy(row: Row, side: int) -> Cell:
    return percent((row.a, row.b)[side]) if row.complete else Cell("incomplete", state="incomplete")


def _detectable(x: Contrast | None) -> Cell:
    return Cell() if x is None or math.isnan(x.detectable) else Cell(f"{100 * x.detectable:.1f}", 100 * x.detectable)


def objects(comparison: Comparison) -> list[dict[str, Any]]:
    """One flat object for every number: a judge's arm in both runs, or the judges together."""
    lines = []
    for m in comparison.matched:
        base = {"benchmark": m.benchmark, "writer_a": m.writers[0], "writer_b": m.writers[1], "items": m.items}
        for row in m.rows:
            row_fields = base | {"judge": row.judge, "arm": row.arm, "relation": row.relation, "complete": row.complete}
            row_fields |= {} if row.writers else {"writer_a": None, "writer_b": None}
            sides = {"a": _value(row.a.value), "b": _value(row.b.value), "fixed": row.fixed, "broken": row.broken}
            lines.append(row_fields | {"metric": "b_minus_a"} | sides | _numbers(row.difference))
            if row.beyond_none is not None:
                lines.append(row_fields | {"metric": "b_minus_a_beyond_none"} | _numbers(row.beyond_none))
        for metric, arm, x in (
            ("mean_b_minus_a", comparison.arm, m.headline),
            ("mean_b_minus_a", "none", m.drift),
            ("mean_b_minus_a_beyond_none", comparison.arm, m.beyond_none),
        ):
            if x is not None:
                lines.append(base | {"judge": list(m.judges), "arm": arm, "metric": metric} | _numbers(x))
    return lines


def _numbers(x: Contrast | None) -> dict[str, Any]:
    if x is None:
        return {"n": 0}
    by_name = x.numbers()
    names = {"n": "n", "total": "k", **{n: n for n in ("value", "low", "high", "p", "detectable")}}
    numbers = {name: by_name[source] for name, source in names.items()} | {"p_holm": x.p_holm}
    return numbers | {name: by_name[name] for name in ("unequal",) if name in by_name}


def _value(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def print_comparison(comparison: Comparison) -> None:
    """The answer, then the tables."""
    screen = console()
    for number, text in enumerate(answer(comparison).splitlines()):
        print_line(screen, text, "" if number else "bold")
    screen.print()
    print_tables(tables(comparison))


def _markdown(comparison: Comparison) -> str:
    return f"{answer(comparison)}\n\n{markdown(tables(comparison))}"


def _latex(comparison: Comparison) -> str:
    comments = "".join(f"% {line}\n" for line in answer(comparison).splitlines())
    return comments + latex(tables(comparison))


def _json(comparison: Comparison) -> str:
    document = {
        "answer": answer(comparison).splitlines(),
        "a": str(comparison.runs[0]),
        "b": str(comparison.runs[1]),
        "arm": comparison.arm,
        "protocol": comparison.protocol,
        "numbers": objects(comparison),
        "conclusions": _conclusions(comparison),
        "left_out": [
            {"benchmark": m.benchmark, "only_a": m.only[0], "only_b": m.only[1], "changed": m.changed}
            for m in comparison.matched
        ],
        "not_comparable": [
            {"judge": unlike.judge, "field": d.field, "a": d.a, "b": d.b}
            for unlike in comparison.not_comparable
            for d in unlike.differences
        ],
        "losses": [
            {"run": side, "text": loss} for side, losses in zip("AB", comparison.losses, strict=True) for loss in losses
        ],
        "caveats": _caveats(comparison),
        "notes": [*comparison.notes, *(n for m in comparison.matched for n in m.notes)],
    }
    return json_document(document)


def _conclusions(comparison: Comparison) -> list[dict[str, Any]]:
    both = ((side, c) for m in comparison.matched for side, c in zip("ab", m.conclusions, strict=True) if c is not None)
    return [{"run": side, **o} for side, c in both for o in c.objects(comparison.protocol, sentence(c))]


def _caveats(comparison: Comparison) -> list[dict[str, Any]]:
    both = ((side, c) for side, caveats in zip("AB", comparison.caveats, strict=True) for c in caveats)
    return [{"run": side, **o} for side, c in both for o in c.objects()]


_HEADER = (
    *(
        "benchmark",
        "judge",
        "arm",
        "writer_a",
        "writer_b",
        "relation",
        "metric",
        "a",
        "b",
        "n",
        "value",
        "low",
        "high",
        "p",
    ),
    *("p_holm", "detectable", "fixed", "broken", "complete", "run", "writer", "verdict", "caveat", "text"),
)


def _csv(comparison: Comparison) -> str:
    losses = [
        {"run": side, "metric": "caveat", "caveat": "folder", "text": x}
        for side, run_losses in zip("AB", comparison.losses, strict=True)
        for x in run_losses
    ]
    answers = [{"metric": "answer", "text": line} for line in answer(comparison).splitlines()]
    lines = [*answers, *losses, *_caveats(comparison), *objects(comparison), *_conclusions(comparison)]
    return csv_lines(_HEADER, map(_line, lines))


def _line(o: dict[str, Any]) -> dict[str, Any]:
    judges = o.get("judge")
    judge = ", ".join(judges) if isinstance(judges, list) else judges
    return o | {"run": o.get("run", "").upper(), "text": o.get("text") or o.get("sentence"), "judge": judge}


FORMATS: dict[str, Callable[[Comparison], str]] = {"md": _markdown, "json": _json, "csv": _csv, "latex": _latex}
