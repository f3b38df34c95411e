"""What spoils a benchmark's numbers, as data: it is printed above every table (docs/design/what-spoils-a-number.md).

for caveat in caveats(scores):
    say(warning(caveat))    # qwen: answers cut by the token limit: none 12.5 % (15/120), generic 0.8 % (1/120).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from harness_plugins.scoring.arrays import GIVEN, LOW_MASS, REFUSED, TRUNCATED, UNPARSED, BenchmarkData, CellKey
from harness_plugins.scoring.cells import Contrast, Unequal
from harness_plugins.scoring.metrics import Bools, Scored, Scores

Kind = Literal["unparsed", "refused", "truncated", "low_mass", "media", "coverage", "limit", "orders", "provenance"]

GAP = 0.01
"""Two sides of a difference that differ by more in one of their shares are not compared in bold or in words
(docs/design/both-orders.md)."""

_ANSWERS: dict[Kind, int] = {"unparsed": UNPARSED, "refused": REFUSED, "truncated": TRUNCATED, "low_mass": LOW_MASS}


@dataclass(frozen=True)
class Share:
    """How many of a cell's trials, or items, a caveat is about."""

    arm: str
    writer: str | None
    k: int
    n: int


@dataclass(frozen=True)
class Caveat:
    """One thing that spoils numbers of one judge, or of all of them (`judge` None)."""

    kind: Kind
    benchmark: str
    judge: str | None = None
    shares: tuple[Share, ...] = ()
    """Of trials for `unparsed`, `refused`, `truncated` and `low_mass`; of items for `media`, `coverage` and `limit`; for
    `provenance` k counts models, backends and samplings."""
    orders: str = ""
    """The config's `orders`, which give each item one order alone."""

    def objects(self) -> Iterator[dict[str, Any]]:
        """One flat object for each share."""
        base = {"benchmark": self.benchmark, "judge": self.judge, "metric": "caveat", "caveat": self.kind}
        base["text"] = warning(self)
        unknown = {"low": None, "high": None}
        for s in self.shares or (Share("", None, 0, 0),):
            value = s.k / s.n if s.n else None
            yield {**base, "arm": s.arm or None, "writer": s.writer, "k": s.k, "n": s.n, "value": value, **unknown}


def caveats(scores: Scores) -> list[Caveat]:
    """All that spoils numbers of a benchmark, of all judges first."""
    return [*_of_items(scores.benchmark), *_of_judges(scores)]


def _of_items(benchmark: BenchmarkData) -> Iterator[Caveat]:
    name, items = benchmark.name, benchmark.items
    missing = sum(i.media_missing for i in items)
    if missing:
        yield Caveat("media", name, None, (Share("", None, missing, len(items)),))
    rows = max(int(benchmark.facts.get(f) or 0) for f in ("rows", "expected_rows"))
    if rows > len(items):
        yield Caveat("limit", name, None, (Share("", None, len(items), rows),))


def _of_judges(scores: Scores) -> Iterator[Caveat]:
    run, benchmark, scored = scores.run, scores.benchmark, scores.by_key
    by_judge: dict[str, list[CellKey]] = {}
    for key in scored:
        # Baselines answer everything, and would dilute a share.
        if not run.baseline(key.judge) and not benchmark.cells[key].computed:
            by_judge.setdefault(key.judge, []).append(key)
    with_media = sum(bool(i.all_media()) for i in benchmark.items)
    for judge, keys in by_judge.items():
        entry = run.judge(judge)
        if with_media and entry.get("key", {}).get("media") == "none":
            yield Caveat("media", benchmark.name, judge, (Share("", None, with_media, len(benchmark.items)),))
        orders = entry.get("orders", "both")
        if orders == 1 or (isinstance(orders, str) and orders not in ("both", GIVEN)):
            yield Caveat("orders", benchmark.name, judge, orders=str(orders))
        shares: dict[Kind, list[Share]] = {kind: [_answers(kind, k, scored) for k in keys] for kind in _ANSWERS}
        shares["coverage"] = [s for k in keys if (s := _with_rubric(k, scored[k])).k < s.n]
        provenance = {k: len(benchmark.cells[k].provenance) for k in keys}
        shares["provenance"] = [Share(k.arm, k.writer, n, 0) for k, n in provenance.items() if n > 1]
        for kind, parts in shares.items():
            if spoiled := tuple(s for s in parts if s.k or kind == "coverage"):
                yield Caveat(kind, benchmark.name, judge, spoiled)


def _answers(kind: Kind, key: CellKey, scored: Mapping[CellKey, Scored]) -> Share:
    cell = scored[key]
    answered = cell.counts & cell.answered
    return Share(key.arm, key.writer, int((answered & (cell.outcome == _ANSWERS[kind])).sum()), int(answered.sum()))


def _with_rubric(key: CellKey, scored: Scored) -> Share:
    """For how many items an arm has a rubric."""
    n = len(scored.den)
    return Share(key.arm, key.writer, n if scored.with_rubric is None else int(scored.with_rubric.sum()), n)


def unequal(
    cells: Sequence[Scored],
    reference_cells: Sequence[Scored],
    members: Bools | None = None,
    leaving_out: Collection[str] = (),
) -> list[Unequal]:
    """Where the two sides of a difference differ by more than `GAP`: the one rule, for a judge's difference, for the mean over
    several, and between two runs.

    Args:
        cells, reference_cells: one for each judge. The distance is the mean over judges, so that what two judges do in opposite
            ways does not cancel.
        members: (items,): those that the difference is over.
        leaving_out: kinds that decide nothing for the caller.
    """
    parts = []
    for kind in (*_ANSWERS, "coverage"):
        shares = np.array([[_part(kind, scored, members) for scored in side] for side in (cells, reference_cells)])
        # A distance of just one point is allowed, and as a float it may come out above it.
        if np.abs(shares[0] - shares[1]).mean() > GAP + 1e-12:
            parts.append(Unequal(kind, float(shares[0].mean()), float(shares[1].mean())))
    if any(set(a.provenance) != set(b.provenance) for a, b in zip(cells, reference_cells, strict=True)):
        parts.append(Unequal("provenance", 1.0, 0.0))
    return [p for p in parts if p.kind not in leaving_out]


def _part(kind: Kind, scored: Scored, members: Bools | None) -> float:
    """The share of a cell's answers, or of its items, that `kind` is about; a cell without any differs from none."""
    items = np.ones(len(scored.den), dtype=bool) if members is None else members
    if kind == "coverage":
        return 1.0 if scored.with_rubric is None or not items.any() else float(scored.with_rubric[items].mean())
    answers = scored.outcome[items][(scored.counts & scored.answered)[items]]
    return float((answers == _ANSWERS[kind]).mean()) if answers.size else 0.0


_WORDS: dict[Kind, str] = {
    "unparsed": "answers without a verdict that can be read",
    "refused": "answers that the model or a filter refused",
    "truncated": "answers cut by the token limit",
    "low_mass": "answers of low mass (the model would have written none of the offered ones)",
    "coverage": "items with a rubric, the others keep the verdict of `none`",
    "provenance": "different models, backends or samplings answered",
}


def warning(caveat: Caveat) -> str:
    """A caveat as a person reads it."""
    whose = "" if caveat.judge is None else f"{caveat.judge}: "
    first = caveat.shares[0] if caveat.shares else None
    if caveat.kind == "media" and first is not None:
        of = "all" if first.k == first.n else f"{first.k:,} of {first.n:,}"
        why = " (`media: none`)" if caveat.judge else ""
        return f"{whose}{of} items were judged without their media{why}: these are not the numbers of a model that sees them."
    if caveat.kind == "limit" and first is not None:
        return f"{first.k:,} of {first.n:,} rows were judged: these are not the benchmark's numbers."
    if caveat.kind == "orders":
        return f"{whose}judged in one order alone (`orders: {caveat.orders}`): a preference for a place looks like one for a response."
    cells = ", ".join(f"{_cell(s)} {_share(caveat.kind, s)}" for s in caveat.shares)
    return f"{whose}{_WORDS[caveat.kind]}: {cells}."


def _cell(share: Share) -> str:
    return share.arm if share.writer is None else f"{share.arm} by {share.writer}"


def _share(kind: Kind, share: Share) -> str:
    if kind == "provenance":
        return str(share.k)
    return f"{100 * share.k / share.n:.1f} % ({share.k:,}/{share.n:,})"


def differ(contrast: Contrast) -> str:
    """Why a difference is not bold; empty where both its sides are alike.

    >>> from harness_plugins.scoring.cells import Contrast, Unequal
    >>> differ(Contrast("none", 9, 1.0, .1, .0, .2, .01, .1, unequal=[Unequal("unparsed", .3, .01)]))
    'unparsed 30.0 % here, 1.0 % in none'
    """
    return "; ".join(
        f"other models, backends or samplings answered than in {contrast.reference}"
        if u.kind == "provenance"
        else f"{u.kind.replace('_', ' ')} {100 * u.share:.1f} % here, {100 * u.reference_share:.1f} % in {contrast.reference}"
        for u in contrast.unequal
    )
