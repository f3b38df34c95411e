"""The matrix of writers and judges, and its margins over unseen cells: who transfers and gains most (docs/design/unseen.md).

A margin is a mean item by item: d_i over the cells of a row (or column) that are unseen and complete, so that its test and its
interval are those of any other contrast. Writers and judges are taken as they are, items as a sample: a margin speaks of these
judges, not of judges at large.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from harness_plugins.scoring import paired, statistics
from harness_plugins.scoring.arrays import CellKey
from harness_plugins.scoring.cells import ArmContrast, CellReport, Contrast, Metric
from harness_plugins.scoring.metrics import Scored, Scores, aggregated
from harness_plugins.scoring.statistics import Floats, Ints

K = TypeVar("K", bound=Hashable)

UNSEEN = "unseen"
INCOMPLETE, NOT_JUDGED, NO_ITEM = "incomplete", "not judged", "no labelled item"
"""Why a cell has no entry."""


@dataclass(frozen=True)
class Entry:
    """The effect of one writer's rubrics on one judge."""

    writer: str
    judge: str
    relation: str
    accuracy: Metric
    gain: Contrast
    """The run's primary contrast."""


class Pairing(NamedTuple):
    """A cell of the matrix: whose rubrics, and which judge."""

    writer: str
    judge: str


class Apart(NamedTuple):
    """A judge (or writer) that a margin leaves out."""

    name: str
    why: str
    """Its relation, or why it has no entry."""


@dataclass(frozen=True)
class Margin:
    """A writer over judges, or a judge over writers: the mean of their gains, item by item."""

    name: str
    over: tuple[str, ...]
    """The unseen judges (or writers) that it is a mean of."""
    apart: tuple[Apart, ...]
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
class Margins:
    """Of the writers, or of the judges."""

    margins: list[Margin] = field(default_factory=list)
    """Only of those with an unseen, complete cell."""
    ranking: list[Margin] = field(default_factory=list)
    """The writers over the judges that are unseen to all of them (or the judges over the writers), best first: margins over
    different judges are no ranking. The very margins where those are over the same judges. Empty where there is no such judge, or
    one writer."""
    lead: Lead | None = None


@dataclass
class Matrix:
    benchmark: str
    contrast: ArmContrast
    writers: list[str]
    judges: list[str]
    """With the baseline `lexical`, which reads rubrics and is apart from every margin."""
    entries: dict[Pairing, Entry]
    """Those that are not there were not judged, or not completely."""
    relations: dict[Pairing, str] = field(default_factory=dict)
    """Of all cells."""
    missing: dict[Pairing, str] = field(default_factory=dict)
    """The cells without an entry: INCOMPLETE or NOT_JUDGED."""
    by_writer: Margins = field(default_factory=Margins)
    by_judge: Margins = field(default_factory=Margins)
    reference_writer: str | None = None
    absent_reference: str | None = None
    """The run's reference writer, where none of its rubrics are for this benchmark."""
    against: list[Margin] = field(default_factory=list)
    """Each other writer minus the reference writer, over the judges that are unseen to both."""
    against_by_judge: dict[Pairing, Contrast] = field(default_factory=dict)
    """The same for each judge, whatever the relation."""

    @property
    def spoiled(self) -> list[Pairing]:
        """The cells whose two sides differ in what spoils numbers."""
        return [pairing for pairing, e in self.entries.items() if e.gain.unequal]

    def kinship(self, writer: str, judge: str) -> str:
        """How the judge is related to a writer and to the reference writer: unseen, or what keeps it apart from either."""
        pairings = [Pairing(name, judge) for name in (writer, self.reference_writer) if name is not None]
        relations = [self.relations.get(p, NOT_JUDGED) for p in pairings]
        return next((f for f in relations if f != UNSEEN), UNSEEN)

    def objects(self, protocol: str) -> list[dict[str, Any]]:
        """Flat objects, as `Report.objects` has them: every margin, ranking, lead and contrast with the reference writer."""
        base = {"benchmark": self.benchmark, "arm": self.contrast.arm, "protocol": protocol}

        def line(metric: str, x: Contrast, **more: Any) -> dict[str, Any]:
            split = {"p_holm": x.p_holm, "content": x.content, "order": x.order, "content_n": x.content_n}
            return {**base, "metric": metric, "over_reference": x.reference, **more, **x.numbers(), **split}

        def margin(metric: str, m: Margin, whose: str) -> dict[str, Any]:
            other = "judge" if whose == "writer" else "writer"
            apart = [{other: x.name, "why": x.why} for x in m.apart]
            return line(metric, m.gain, **{whose: m.name, other: list(m.over)}, apart=apart)

        objects = []
        for whose, side in (("writer", self.by_writer), ("judge", self.by_judge)):
            objects += [margin(f"matrix_{whose}_margin", m, whose) for m in side.margins]
            objects += [margin(f"matrix_{whose}_ranking", m, whose) for m in side.ranking]
            if (lead := side.lead) is not None:
                other = "judge" if whose == "writer" else "writer"
                names = {whose: lead.best, f"next_{whose}": lead.next, other: list(lead.over)}
                objects.append(line(f"matrix_{whose}_lead_over_{lead.next}", lead.gain, **names))
        name = f"gain_over_writer_{self.reference_writer}"
        objects += [margin(f"matrix_{name}", m, "writer") for m in self.against]
        for (writer, judge), x in self.against_by_judge.items():
            objects.append(line(name, x, writer=writer, judge=judge, relation=self.kinship(writer, judge)))
        return objects


class Difference(NamedTuple):
    """d_i of a contrast, or the mean of several contrasts' d_i."""

    value: Floats
    """(items,): NaN where some cell of it has no score."""
    content: Floats
    """(items,): gain in acc_agg (docs/design/content-and-order.md), NaN where the log-odds are not known in every cell of it."""


def minus(scored: Scored, other: Scored) -> Difference:
    return Difference(scored.score - other.score, aggregated(scored.log_odds) - aggregated(other.log_odds))


def mean(parts: Sequence[Difference]) -> Difference:
    return Difference(paired.mean([p.value for p in parts]), np.mean([p.content for p in parts], axis=0))


def apart_from(difference: Difference, other: Difference) -> Difference:
    """The difference of two differences."""
    return Difference(difference.value - other.value, difference.content - other.content)


def contrasts(differences: Mapping[K, Difference], cluster: Ints) -> dict[K, Contrast]:
    """The statistics of each that is over an item at least: cluster bootstrap, sign-flip, 2.8 standard errors, the split into
    content and order. All are tested in one call: resampling costs about as much for one as for many."""
    tested = paired.contrasts({key: d.value for key, d in differences.items()}, cluster)
    contrast_by_key = {key: x for key, x in tested.items() if x is not None}
    for key, contrast in contrast_by_key.items():
        contrast.of = contrast.n
        paired.split(contrast, differences[key].value, differences[key].content)
    return contrast_by_key


def matrices(cells: Sequence[CellReport], scores: Scores, contrast: ArmContrast) -> list[Matrix]:
    """The benchmark's matrix, where several writers wrote or several models judged.

    Args:
        cells: the benchmark's, with their contrasts.
        contrast: the run's primary contrast; of an arm without writers there is no matrix.
    """
    read = [c for c in cells if c.arm == contrast.arm and c.writer is not None and not c.blind]
    if len({c.writer for c in read}) < 2 and len({c.judge for c in read if not c.baseline}) < 2:
        return []
    matrix = _matrix(read, scores, contrast)
    if scores.by_ratio:
        _set_by_ratio(matrix, _matrix(read, scores.with_ratios(), contrast))
    return [matrix]


def _matrix(cells: Sequence[CellReport], scores: Scores, contrast: ArmContrast) -> Matrix:
    """Of the cells of the contrast's arm."""
    cell_by_pairing = {Pairing(str(c.writer), c.judge): c for c in cells}
    kin = {
        pairing: c.relation or ("baseline" if c.baseline else "undeclared") for pairing, c in cell_by_pairing.items()
    }
    writers, judges = (list(dict.fromkeys(names)) for names in zip(*cell_by_pairing, strict=True))
    matrix = Matrix(scores.benchmark.name, contrast, writers, judges, {}, kin)
    differences: Differences = {}
    for pairing in (Pairing(writer, judge) for writer in writers for judge in judges):
        cell = cell_by_pairing.get(pairing)
        reference = CellKey(pairing.judge, contrast.reference, None if contrast.reference == "none" else pairing.writer)
        gain = cell.contrasts.get(contrast.reference) if cell else None
        if cell is not None and gain is not None and gain.complete:
            matrix.entries[pairing] = Entry(*pairing, kin[pairing], cell.metrics["accuracy"], gain)
            key = CellKey(pairing.judge, contrast.arm, pairing.writer)
            differences[pairing] = minus(scores.by_key[key], scores.by_key[reference])
        else:
            matrix.missing[pairing] = _why_missing(cell, scores.by_key.get(reference), contrast.reference)
    rows = {side: _unseen_rows(matrix, differences, side) for side in SIDES}
    to_test = _ranked(rows["writer"], "writer") | _ranked(rows["judge"], "judge")
    reference_writer = scores.run.manifest.get("reference_writer")
    if reference_writer in writers:
        matrix.reference_writer = reference_writer
        complete = {
            pairing: scores.by_key[CellKey(c.judge, c.arm, c.writer)]
            for pairing, c in cell_by_pairing.items()
            if c.complete
        }
        to_test |= _against(matrix, complete)
    else:
        matrix.absent_reference = reference_writer
    tests = contrasts(to_test, scores.benchmark.cluster)
    for test, x in tests.items():
        x.reference = test.reference(matrix)
    matrix.by_writer, matrix.by_judge = (_margins(matrix, rows[side], side, tests) for side in SIDES)
    _fill_against(matrix, tests)
    return matrix


def _why_missing(cell: CellReport | None, other: Scored | None, reference: str) -> str:
    if cell is None:
        return NOT_JUDGED
    if other is None:
        return f"{reference} {NOT_JUDGED}"
    return NO_ITEM if cell.complete and other.trials.complete else INCOMPLETE


Side = Literal["writer", "judge"]
SIDES: tuple[Side, Side] = ("writer", "judge")
Differences = dict[Pairing, Difference]
Rows = dict[str, dict[str, Difference]]
"""For each writer (or judge) its unseen, complete cells by judge (or writer)."""


class Tested(NamedTuple):
    """What is tested in a matrix."""

    kind: Literal["margin", "ranking", "pair", "against", "against by judge"]
    side: Side
    name: str
    other: str = ""
    """Of a pair the second; judge by judge the judge."""

    def reference(self, matrix: Matrix) -> str:
        """What the difference is from."""
        match self.kind:
            case "pair":
                return self.other
            case "against" | "against by judge":
                return str(matrix.reference_writer)
        return matrix.contrast.reference


ToTest = dict[Tested, Difference]
Tests = Mapping[Tested, Contrast]


def _pairing(side: Side, name: str, other: str) -> Pairing:
    return Pairing(name, other) if side == "writer" else Pairing(other, name)


def _unseen_rows(matrix: Matrix, differences: Differences, side: Side) -> Rows:
    """The rows of the writers (or judges) that have an unseen, complete cell with a labelled item."""
    names, others = (matrix.writers, matrix.judges) if side == "writer" else (matrix.judges, matrix.writers)
    rows: Rows = {}
    for name in names:
        pairings = {o: _pairing(side, name, o) for o in others}
        row = {o: differences[p] for o, p in pairings.items() if p in differences and matrix.relations[p] == UNSEEN}
        if row and not np.isnan(mean(list(row.values())).value).all():
            rows[name] = row
    return rows


def _shared(rows: Rows) -> tuple[str, ...]:
    """What is in every row, so that rows can be compared; nothing where there is one row."""
    first = next(iter(rows.values()), {})
    return tuple(o for o in first if len(rows) > 1 and all(o in row for row in rows.values()))


def _ranked(rows: Rows, side: Side) -> ToTest:
    """The margins; where rows have cells in common, the ranking over these and the difference of each pair in it."""
    to_test = {Tested("margin", side, name): mean(list(row.values())) for name, row in rows.items()}
    shared = _shared(rows)
    if shared:
        ranking = {name: mean([row[o] for o in shared]) for name, row in rows.items()}
        to_test |= {
            Tested("ranking", side, name): difference
            for name, difference in ranking.items()
            if len(rows[name]) > len(shared)
        }
        to_test |= {Tested("pair", side, a, b): apart_from(ranking[a], ranking[b]) for a, b in combinations(ranking, 2)}
    return to_test


def _margins(matrix: Matrix, rows: Rows, side: Side, tests: Tests) -> Margins:
    """The margins of one side from their tests, with the ranking, best first, and its lead."""
    others = matrix.judges if side == "writer" else matrix.writers
    margins, ranking = [], []
    shared = _shared(rows)
    ranking_is_narrower = any(len(row) > len(shared) for row in rows.values())
    for name, row in rows.items():
        pairings = {o: _pairing(side, name, o) for o in others}
        why = {o: matrix.missing.get(p) or matrix.relations[p] for o, p in pairings.items()}
        apart = tuple(Apart(o, why[o]) for o in others if o not in row)
        margins.append(Margin(name, tuple(row), apart, tests[Tested("margin", side, name)]))
        contrast: Contrast | None = margins[-1].gain
        if ranking_is_narrower:  # a family of tests of its own, also where this row is over the same cells
            contrast = tests.get(Tested("ranking", side, name)) if len(row) > len(shared) else replace(margins[-1].gain)
        if shared and contrast is not None:
            outside = (o for o in others if o not in shared)
            left_out = tuple(Apart(o, why[o] if o not in row else "not unseen to all") for o in outside)
            ranking.append(Margin(name, shared, left_out, contrast))
    ranking.sort(key=lambda m: -m.gain.value)
    # Where the two sides of a cell differ in what spoils numbers, no first is named: the lead may be due to that.
    spoiled = any((pairing.judge if side == "writer" else pairing.writer) in shared for pairing in matrix.spoiled)
    return Margins(margins, ranking, None if spoiled else _lead(ranking, side, tests))


def _lead(ranking: Sequence[Margin], side: Side, tests: Tests) -> Lead | None:
    if len(ranking) < 2:
        return None
    pairs = {(t.name, t.other): x for t, x in tests.items() if t.kind == "pair" and t.side == side}
    for x, p in zip(pairs.values(), statistics.holm([x.p for x in pairs.values()]), strict=True):
        x.p_holm = p
    best, following = ranking[0].name, ranking[1].name
    # Each pair is tested once, in the config's order: who of the two leads is known only now.
    gain = pairs.get((best, following))
    if gain is None and (following, best) in pairs:
        gain = _turned(pairs[following, best], following)
    # Equal means may differ by rounding.
    level = tuple(m.name for m in ranking if abs(m.gain.value - ranking[0].gain.value) < 1e-12)
    return None if gain is None else Lead(level, best, following, ranking[0].over, gain)


def _turned(x: Contrast, reference: str) -> Contrast:
    """The same difference, seen from the other side."""

    def negated(value: float | None) -> float | None:
        return None if value is None else -value

    return replace(
        x,
        reference=reference,
        total=-x.total,
        value=-x.value,
        low=-x.high,
        high=-x.low,
        content=negated(x.content),
        order=negated(x.order),
    )


def _against(matrix: Matrix, complete: Mapping[Pairing, Scored]) -> ToTest:
    """Each other writer minus the reference writer: for each judge, and over the judges unseen to both.

    Args:
        complete: the arm's complete cells; the reference arm plays no part, it would cancel.
    """
    reference = str(matrix.reference_writer)
    to_test: ToTest = {}
    for writer in (name for name in matrix.writers if name != reference):
        pairings = {j: (Pairing(writer, j), Pairing(reference, j)) for j in matrix.judges}
        by_judge = {
            j: minus(complete[pairing], complete[of_reference])
            for j, (pairing, of_reference) in pairings.items()
            if pairing in complete and of_reference in complete
        }
        to_test |= {Tested("against by judge", "writer", writer, j): d for j, d in by_judge.items()}
        unseen = [d for j, d in by_judge.items() if matrix.kinship(writer, j) == UNSEEN]
        if unseen:
            to_test[Tested("against", "writer", writer)] = mean(unseen)
    return to_test


def _fill_against(matrix: Matrix, tests: Tests) -> None:
    """Set the contrasts with the reference writer from their tests."""
    matrix.against_by_judge = {Pairing(t.name, t.other): x for t, x in tests.items() if t.kind == "against by judge"}
    for test, x in tests.items():
        if test.kind == "against":
            judged = [pairing.judge for pairing in matrix.against_by_judge if pairing.writer == test.name]
            why = {j: matrix.kinship(test.name, j) for j in matrix.judges}
            over = tuple(j for j in judged if why[j] == UNSEEN)
            why |= {j: INCOMPLETE for j in matrix.judges if j not in judged and why[j] != NOT_JUDGED}
            apart = tuple(Apart(j, why[j]) for j in matrix.judges if j not in over)
            matrix.against.append(Margin(test.name, over, apart, x))


def adjust(shown: Sequence[Matrix]) -> None:
    """Holm within each family, over all matrices that are shown together: the writers' margins; the judges'; those of a ranking
    over fewer cells than the margins; the contrasts with the reference writer over judges; and judge by judge, where the judge
    is unseen to both."""
    for family in _families(shown):
        paired.adjust(family)


def _families(shown: Sequence[Matrix]) -> Iterator[list[Contrast]]:
    sides = ([m.by_writer for m in shown], [m.by_judge for m in shown])
    for margins in sides:
        yield [x.gain for m in margins for x in m.margins]
    for margins in sides:
        margin_gains = [x.gain for m in margins for x in m.margins]
        # A ranking over the margins' own cells holds the very same contrasts, which are in the family above already.
        yield [x.gain for m in margins for x in m.ranking if not any(x.gain is y for y in margin_gains)]
    yield [x.gain for m in shown for x in m.against]
    yield [x for m in shown for pairing, x in m.against_by_judge.items() if m.kinship(*pairing) == UNSEEN]


def _set_by_ratio(matrix: Matrix, other: Matrix) -> None:
    """Give each contrast its twin from the same matrix scored with `low_mass` answers as their digits say.

    Where the two name another first or next, neither is named.
    """
    margins = [(matrix.against, other.against)]
    for side, twin in ((matrix.by_writer, other.by_writer), (matrix.by_judge, other.by_judge)):
        margins += [(side.margins, twin.margins), (side.ranking, twin.ranking)]
        lead, again = side.lead, twin.lead
        if lead is None or again is None or (lead.best, lead.next) != (again.best, again.next):
            side.lead = None
        else:
            paired.set_by_ratio(lead.gain, again.gain)
    for side_margins, twin_margins in margins:
        gains = {m.name: m.gain for m in twin_margins}
        for margin in side_margins:
            paired.set_by_ratio(margin.gain, gains.get(margin.name))
    for pairing, contrast in matrix.against_by_judge.items():
        paired.set_by_ratio(contrast, other.against_by_judge.get(pairing))
