"""The matrix of writers and judges, and its margins over unseen cells: who transfers best, who gains most (docs/design/unseen.md).

A margin is a mean item by item: d_i over the cells of a row (or column) that are unseen and complete, so that its test and its
interval are those of any other contrast. Writers and judges are taken as they are, items as a sample: a margin speaks of these
judges, not of judges at large.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np

from harness_plugins.scoring import paired, statistics
from harness_plugins.scoring.arrays import CellKey
from harness_plugins.scoring.cells import CellReport, Contrast, Metric
from harness_plugins.scoring.metrics import Bools, Scored, Scores, aggregated
from harness_plugins.scoring.statistics import Floats, Ints

UNSEEN = "unseen"
INCOMPLETE, NOT_JUDGED, NO_ITEM = "incomplete", "not judged", "no labelled item"
"""Why a cell has no entry."""


@dataclass(frozen=True)
class Entry:
    """What one writer's rubrics did in one judge's hands."""

    writer: str
    judge: str
    relation: str
    accuracy: Metric
    gain: Contrast
    """The run's primary contrast."""


@dataclass(frozen=True)
class Margin:
    """A writer over judges, or a judge over writers: the mean of their gains, item by item."""

    name: str
    over: tuple[str, ...]
    """The unseen judges (or writers) that it is a mean of."""
    apart: tuple[tuple[str, str], ...]
    """Those left out, each with its relation, or with why it has no entry."""
    gain: Contrast


@dataclass(frozen=True)
class Lead:
    """The first of a ranking and the next."""

    level: tuple[str, ...]
    """All that share the first place; the first of them is `best`."""
    best: str
    next: str
    over: tuple[str, ...]
    gain: Contrast
    """The first minus the next; Holm over all pairs of the ranking, since the two were picked by looking."""


@dataclass
class Matrix:
    benchmark: str
    contrast: tuple[str, str]
    """Arm and reference, such as ("transferred", "none")."""
    writers: list[str]
    judges: list[str]
    """With the baseline `lexical`, which reads rubrics and stands apart from every margin."""
    entries: dict[tuple[str, str], Entry]
    """By (writer, judge); those that are not there were not judged, or not completely."""
    relations: dict[tuple[str, str], str] = field(default_factory=dict)
    """Of all cells."""
    missing: dict[tuple[str, str], str] = field(default_factory=dict)
    """The cells without an entry: INCOMPLETE or NOT_JUDGED."""
    writer_margins: list[Margin] = field(default_factory=list)
    judge_margins: list[Margin] = field(default_factory=list)
    """Only of those with an unseen, complete cell."""
    writer_ranking: list[Margin] = field(default_factory=list)
    """The writers over the judges that are unseen to all of them, best first: margins over different judges are no ranking.
    The very margins where those are over the same judges. Empty where there is no such judge, or one writer."""
    judge_ranking: list[Margin] = field(default_factory=list)
    writer_lead: Lead | None = None
    judge_lead: Lead | None = None
    reference_writer: str | None = None
    absent_reference: str | None = None
    """The run's reference writer, where none of its rubrics are for this benchmark."""
    against: list[Margin] = field(default_factory=list)
    """Each other writer minus the reference writer, over the judges that are unseen to both."""
    against_by_judge: dict[tuple[str, str], Contrast] = field(default_factory=dict)
    """The same by (writer, judge), whatever the relation."""

    @property
    def spoiled(self) -> list[tuple[str, str]]:
        """(writer, judge) of the cells whose two sides differ in what spoils numbers."""
        return [place for place, e in self.entries.items() if e.gain.unequal]

    def kinship(self, writer: str, judge: str) -> str:
        """How the judge stands to a writer and to the reference writer: unseen, or what keeps it apart from either."""
        places = [(w, judge) for w in (writer, self.reference_writer) if w is not None]
        relations = [self.relations.get(p, NOT_JUDGED) for p in places]
        return next((f for f in relations if f != UNSEEN), UNSEEN)

    def objects(self, protocol: str) -> list[dict[str, Any]]:
        """Flat objects, as `Report.objects` has them: every margin, ranking, lead and contrast with the reference writer."""
        base = {"benchmark": self.benchmark, "arm": self.contrast[0], "protocol": protocol}

        def one(metric: str, x: Contrast, **more: Any) -> dict[str, Any]:
            split = {"p_holm": x.p_holm, "content": x.content, "order": x.order, "content_n": x.content_n}
            return {**base, "metric": metric, "over_reference": x.reference, **more, **x.numbers(), **split}

        def margin(metric: str, m: Margin, whose: str) -> dict[str, Any]:
            other = "judge" if whose == "writer" else "writer"
            apart = [{other: name, "why": why} for name, why in m.apart]
            return one(metric, m.gain, **{whose: m.name, other: list(m.over)}, apart=apart)

        objects = []
        for whose, margins, ranking, lead in (
            ("writer", self.writer_margins, self.writer_ranking, self.writer_lead),
            ("judge", self.judge_margins, self.judge_ranking, self.judge_lead),
        ):
            objects += [margin(f"matrix_{whose}_margin", m, whose) for m in margins]
            objects += [margin(f"matrix_{whose}_ranking", m, whose) for m in ranking]
            if lead is not None:
                other = "judge" if whose == "writer" else "writer"
                who = {whose: lead.best, f"next_{whose}": lead.next, other: list(lead.over)}
                objects.append(one(f"matrix_{whose}_lead_over_{lead.next}", lead.gain, **who))
        name = f"gain_over_writer_{self.reference_writer}"
        objects += [margin(f"matrix_{name}", m, "writer") for m in self.against]
        for (writer, judge), x in self.against_by_judge.items():
            objects.append(one(name, x, writer=writer, judge=judge, relation=self.kinship(writer, judge)))
        return objects


class Difference(NamedTuple):
    """d_i of a contrast, or the mean of several contrasts' d_i."""

    value: Floats
    """(items,)"""
    among: Bools
    """(items,): those with scores in every cell of it."""
    content: Floats
    """(items,): gain in acc_agg (docs/design/content-and-order.md), NaN where the log-odds are not known in every cell of it."""


def minus(scored: Scored, other: Scored) -> Difference:
    among = (scored.den > 0) & (other.den > 0)
    content = aggregated(scored.log_odds) - aggregated(other.log_odds)
    return Difference(np.where(among, scored.score - other.score, 0.0), among, np.where(among, content, np.nan))


def mean(parts: Sequence[Difference]) -> Difference:
    among = np.logical_and.reduce([p.among for p in parts])
    value = np.mean([p.value for p in parts], axis=0)
    value = np.where(among & (np.abs(value) > 1e-12), value, 0.0)  # thirds that cancel are 0, not a rounding error
    return Difference(value, among, np.mean([p.content for p in parts], axis=0))


def apart_from(difference: Difference, other: Difference) -> Difference:
    """The difference of two differences."""
    among = difference.among & other.among
    return Difference(np.where(among, difference.value - other.value, 0.0), among, difference.content - other.content)


def contrasts(differences: Sequence[tuple[Difference, str]], cluster: Ints) -> list[Contrast]:
    """The statistics of each: cluster bootstrap, sign-flip, 2.8 standard errors, the split into content and order.

    Args:
        differences: each over one item at least, with the name of what it is from. All are tested in one call: resampling
            costs about as much for one as for many.
    """
    tested = paired.contrasts({n: np.where(d.among, d.value, np.nan) for n, (d, _) in enumerate(differences)}, cluster)
    split_contrasts = []
    for n, (d, reference) in enumerate(differences):
        contrast = tested[n]
        assert contrast is not None  # each is over one item at least
        contrast.reference, contrast.of = reference, contrast.n
        with_content = d.among & ~np.isnan(d.content)
        if with_content.any():
            contrast.content_n, contrast.content = int(with_content.sum()), float(d.content[with_content].mean())
            contrast.order = float(d.value[with_content].mean()) - contrast.content
        split_contrasts.append(contrast)
    return split_contrasts


def matrices(cells: Sequence[CellReport], scores: Scores, contrast: tuple[str, str]) -> list[Matrix]:
    """The benchmark's matrix, where several writers wrote or several models judged.

    Args:
        cells: the benchmark's, with their contrasts.
        contrast: the run's primary contrast; of an arm without writers there is no matrix.
    """
    drawn = _matrices(cells, scores, contrast)
    if scores.by_ratio:
        set_by_ratio(drawn, _matrices(cells, scores.with_ratios(), contrast))
    return drawn


def _matrices(cells: Sequence[CellReport], scores: Scores, contrast: tuple[str, str]) -> list[Matrix]:
    benchmark, scored, cluster = scores.benchmark.name, scores.by_key, scores.benchmark.cluster
    reference_writer = scores.run.manifest.get("reference_writer")
    arm, reference = contrast
    among = {(str(c.writer), c.judge): c for c in cells if c.arm == arm and c.writer is not None and not c.blind}
    writers, judges = (list(dict.fromkeys(place[i] for place in among)) for i in (0, 1))
    if len(writers) < 2 and len({c.judge for c in among.values() if not c.baseline}) < 2:
        return []
    kin = {place: c.relation or ("baseline" if c.baseline else "undeclared") for place, c in among.items()}
    matrix = Matrix(benchmark, contrast, writers, judges, {}, kin)
    differences: Cells = {}
    for (writer, judge), c in among.items():
        gain = c.contrasts.get(reference)
        if gain is not None and gain.complete:
            matrix.entries[writer, judge] = Entry(writer, judge, kin[writer, judge], c.metrics["accuracy"], gain)
            other = CellKey(judge, reference, None if reference == "none" else writer)
            differences[writer, judge] = minus(scored[CellKey(judge, arm, writer)], scored[other])
    for writer, judge in ((w, j) for w in writers for j in judges if (w, j) not in matrix.entries):
        other = CellKey(judge, reference, None if reference == "none" else writer)
        matrix.missing[writer, judge] = _why_missing(among.get((writer, judge)), scored.get(other), reference)
    rows = {side: _unseen_rows(matrix, differences, side) for side in SIDES}
    to_test: Wanted = {}
    for side in SIDES:
        to_test |= _wanted(rows[side], side, reference)
    if reference_writer in writers:
        matrix.reference_writer = reference_writer
        complete_cells = {place: scored[CellKey(c.judge, arm, c.writer)] for place, c in among.items() if c.complete}
        to_test |= _wanted_against(matrix, complete_cells)
    else:
        matrix.absent_reference = reference_writer
    to_test = {key: test for key, test in to_test.items() if test[0].among.any()}
    tests = dict(zip(to_test, contrasts(list(to_test.values()), cluster), strict=True))
    matrix.writer_margins, matrix.writer_ranking, matrix.writer_lead = _side(matrix, rows["writer"], "writer", tests)
    matrix.judge_margins, matrix.judge_ranking, matrix.judge_lead = _side(matrix, rows["judge"], "judge", tests)
    _fill_against(matrix, tests)
    return [matrix]


def _why_missing(cell: CellReport | None, other: Scored | None, reference: str) -> str:
    if cell is None:
        return NOT_JUDGED
    if other is None:
        return f"{reference} {NOT_JUDGED}"
    complete = cell.complete and other.trials[0] == other.trials[1]
    return NO_ITEM if complete else INCOMPLETE


Side = Literal["writer", "judge"]
SIDES: tuple[Side, Side] = ("writer", "judge")
Cells = dict[tuple[str, str], Difference]
"""By (writer, judge)."""
Rows = dict[str, dict[str, Difference]]
"""For each writer (or judge) its unseen, complete cells by judge (or writer)."""
Wanted = dict[tuple[str, ...], tuple[Difference, str]]
"""What is to be tested, each with the name of what it is from."""
Tests = Mapping[tuple[str, ...], Contrast]


def _place(side: Side, name: str, other: str) -> tuple[str, str]:
    return (name, other) if side == "writer" else (other, name)


def _unseen_rows(matrix: Matrix, differences: Cells, side: Side) -> Rows:
    names, others = (matrix.writers, matrix.judges) if side == "writer" else (matrix.judges, matrix.writers)
    rows: Rows = {}
    for name in names:
        places = {o: _place(side, name, o) for o in others}
        row = {o: differences[p] for o, p in places.items() if p in differences and matrix.relations[p] == UNSEEN}
        if row and mean(list(row.values())).among.any():
            rows[name] = row
    return rows


def _shared(rows: Rows) -> tuple[str, ...]:
    """What stands in every row, so that rows can be compared; nothing where there is one row."""
    first = next(iter(rows.values()), {})
    return tuple(o for o in first if len(rows) > 1 and all(o in row for row in rows.values()))


def _wanted(rows: Rows, side: Side, reference: str) -> Wanted:
    """The margins; where rows have cells in common, the ranking over these and the difference of each pair in it."""
    to_test: Wanted = {(side, "margin", name): (mean(list(row.values())), reference) for name, row in rows.items()}
    shared = _shared(rows)
    if shared:
        ranking = {name: mean([row[o] for o in shared]) for name, row in rows.items()}
        to_test |= {
            (side, "ranking", name): (r, reference) for name, r in ranking.items() if len(rows[name]) > len(shared)
        }
        for a, b in combinations(ranking, 2):
            to_test[side, "pair", a, b] = (apart_from(ranking[a], ranking[b]), b)
    return to_test


def _side(matrix: Matrix, rows: Rows, side: Side, tests: Tests) -> tuple[list[Margin], list[Margin], Lead | None]:
    others = matrix.judges if side == "writer" else matrix.writers
    margins, ranking = [], []
    shared = _shared(rows)
    differs = any(len(row) > len(shared) for row in rows.values())
    for name, row in rows.items():
        why = {o: matrix.missing.get(p) or matrix.relations[p] for o in others for p in (_place(side, name, o),)}
        apart = tuple((o, why[o]) for o in others if o not in row)
        margins.append(Margin(name, tuple(row), apart, tests[side, "margin", name]))
        own: Contrast | None = margins[-1].gain
        if differs:  # a family of tests of its own, also where this row is over the same cells
            own = tests.get((side, "ranking", name)) if len(row) > len(shared) else replace(margins[-1].gain)
        if shared and own is not None:
            left = tuple((o, why[o] if o not in row else "not unseen to all") for o in others if o not in shared)
            ranking.append(Margin(name, shared, left, own))
    ranking.sort(key=lambda m: -m.gain.value)
    spoiled = any(place[side == "writer"] in shared for place in matrix.spoiled)
    return margins, ranking, None if spoiled else _lead(ranking, side, tests)


def _lead(ranking: Sequence[Margin], side: Side, tests: Tests) -> Lead | None:
    if len(ranking) < 2:
        return None
    pairs = {key[2:]: x for key, x in tests.items() if key[:2] == (side, "pair")}
    for x, p in zip(pairs.values(), statistics.holm([x.p for x in pairs.values()]), strict=True):
        x.p_holm = p
    best, following = ranking[0].name, ranking[1].name
    gain = pairs.get((best, following))
    if gain is None and (following, best) in pairs:
        gain = _turned(pairs[following, best], following)
    level = tuple(m.name for m in ranking if abs(m.gain.value - ranking[0].gain.value) < 1e-12)
    return None if gain is None else Lead(level, best, following, ranking[0].over, gain)


def _turned(x: Contrast, reference: str) -> Contrast:
    """The same difference, seen from the other side."""

    def minus(value: float | None) -> float | None:
        return None if value is None else -value

    return replace(
        x,
        reference=reference,
        total=-x.total,
        value=-x.value,
        low=-x.high,
        high=-x.low,
        content=minus(x.content),
        order=minus(x.order),
    )


def _wanted_against(matrix: Matrix, complete_cells: Mapping[tuple[str, str], Scored]) -> Wanted:
    """Each other writer minus the reference writer: in each judge's hands, and over the judges unseen to both.

    Args:
        complete_cells: those of the arm; the reference arm plays no part, it would cancel.
    """
    reference = str(matrix.reference_writer)
    to_test: Wanted = {}
    for writer in (w for w in matrix.writers if w != reference):
        both = [j for j in matrix.judges if (writer, j) in complete_cells and (reference, j) in complete_cells]
        by_judge = {j: minus(complete_cells[writer, j], complete_cells[reference, j]) for j in both}
        to_test |= {("against", writer, j): (d, reference) for j, d in by_judge.items()}
        unseen = [d for j, d in by_judge.items() if matrix.kinship(writer, j) == UNSEEN]
        if unseen:
            to_test["against", writer] = (mean(unseen), reference)
    return to_test


def _fill_against(matrix: Matrix, tests: Tests) -> None:
    for key, x in tests.items():
        if key[0] == "against" and len(key) == 3:
            matrix.against_by_judge[key[1], key[2]] = x
    for key, x in tests.items():
        if key[0] == "against" and len(key) == 2:
            judged = [j for w, j in matrix.against_by_judge if w == key[1]]
            over = tuple(j for j in judged if matrix.kinship(key[1], j) == UNSEEN)
            why = {j: matrix.kinship(key[1], j) for j in matrix.judges}
            why |= {j: INCOMPLETE for j in matrix.judges if j not in judged and why[j] != NOT_JUDGED}
            apart = [(j, why[j]) for j in matrix.judges if j not in over]
            matrix.against.append(Margin(key[1], over, tuple(apart), x))


def adjust(shown_matrices: Sequence[Matrix]) -> None:
    """Holm within each family, over all matrices that are shown together: the writers' margins; the judges'; those of a ranking
    over fewer cells than the margins; the contrasts with the reference writer over judges; and judge by judge, where the judge
    is unseen to both."""
    for family in _families(shown_matrices):
        paired.adjust(family)


def _families(shown_matrices: Sequence[Matrix]) -> Iterator[list[Contrast]]:
    margins = [
        [x.gain for m in shown_matrices for x in m.writer_margins],
        [x.gain for m in shown_matrices for x in m.judge_margins],
    ]
    yield from margins
    for ranking, own in zip(
        ([m.writer_ranking for m in shown_matrices], [m.judge_ranking for m in shown_matrices]), margins, strict=True
    ):
        yield [x.gain for rows in ranking for x in rows if not any(x.gain is y for y in own)]
    yield [x.gain for m in shown_matrices for x in m.against]
    yield [x for m in shown_matrices for place, x in m.against_by_judge.items() if m.kinship(*place) == UNSEEN]


def set_by_ratio(matrices: Sequence[Matrix], again: Sequence[Matrix]) -> None:
    """Give each contrast its twin from the same matrix scored with `low_mass` answers as their digits say.

    Where the two name another first or next, neither is named.
    """
    for matrix, other in zip(matrices, again, strict=True):
        for margins in ("writer_margins", "judge_margins", "writer_ranking", "judge_ranking", "against"):
            twins = {m.name: m.gain for m in getattr(other, margins)}
            for margin in getattr(matrix, margins):
                paired.set_by_ratio(margin.gain, twins.get(margin.name))
        for key, contrast in matrix.against_by_judge.items():
            paired.set_by_ratio(contrast, other.against_by_judge.get(key))
        for name in ("writer_lead", "judge_lead"):
            lead, twin = getattr(matrix, name), getattr(other, name)
            if lead is None or twin is None or (lead.best, lead.next) != (twin.best, twin.next):
                setattr(matrix, name, None)
            else:
                paired.set_by_ratio(lead.gain, twin.gain)
