"""ARR's induced rubrics: preferences of labelled seed pairs made explicit as criteria (arXiv 2605.08354, sec. 3.2).

Propose criteria from a pair and its label; verify each in both orders by a judge that never sees the label; refine what failed,
up to T rounds, the last revision verified like the others; of all that verified keep the set that decides pairs best on which
nothing was proposed; order it into themes with tips; and verify the result on pairs that took no part in any of it.

The reference verifies with the label in the prompt, in one order, leaves the last revision unverified, and never verifies the
final rubric. Seeds here are split in three: those proposed from, those selected by, and those the result is tested on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evaluators import stop_messages
from evaluators.engine.asking import Asker
from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.induction.selection import NO_TRIALS, Coverage, Matrix, chosen, contribution, coverage, set_accuracy
from evaluators.induction.structure import Structure, structure
from evaluators.keys import digest, normalised
from evaluators.messages import ChatRequest, within_budget
from evaluators.prompts.template import PROMPTS, Case, RubricText, Template
from evaluators.records import ORDERS, Criterion, CriterionVerdict, Item, Order
from evaluators.replies.parsing import Parsed, parse
from evaluators.rubrics.leaks import leak_classes
from evaluators.specs import JudgeSpec
from evaluators.writers.base import TRIED_OUT
from evaluators.writers.methods import _numbered

AT_ONCE = 10
"""Criteria that one request asks for verdicts on when all that verified are tried on other pairs."""


@dataclass(frozen=True)
class Seeds:
    """Labelled pairs, in three parts that share neither image nor text."""

    propose: tuple[Item, ...]
    select: tuple[Item, ...]
    test: tuple[Item, ...]


@dataclass(frozen=True)
class Verified:
    """A criterion that verified on the pair that it was proposed from."""

    criterion: Criterion
    seed: str
    """uid of that pair."""
    round: int
    """0: as first proposed; n: after n refinements."""


@dataclass(frozen=True)
class Selected:
    """A criterion of the result, and what it decided of the selecting and of the testing pairs."""

    criterion: Criterion
    seeds: tuple[str, ...]
    """The pairs that it was proposed from and verified on."""
    round: int
    selecting: Coverage
    contribution: float
    """Accuracy of the selected set on the selecting pairs minus that without it."""
    testing: Coverage = NO_TRIALS


@dataclass(frozen=True)
class _Proposals:
    """What was proposed for a pair in one turn."""

    criteria: list[Criterion]
    unfit: list[dict[str, str]]
    """What is not tried, since it compares or gives the pair away: each `criterion`, and what was `found` wrong with it."""


@dataclass(frozen=True)
class _OfPair:
    """The result for one pair."""

    verified: list[Verified]
    proposed: int
    """How many criteria were proposed for it, in all turns."""


@dataclass(frozen=True)
class Induced:
    """The result of an induction. Accuracies are by part of the seeds (`select`, `test`), over pairs in both orders."""

    text: str
    """The rubric as a judge reads it; empty where nothing verified."""
    criteria: tuple[Selected, ...]
    structure: Structure
    accuracy: dict[str, dict[str, float]]
    """`none` (no rubric), `flat` (the criteria as a list), `structured`, and `by_criterion` (their summed verdicts)."""
    proposed: int
    verified: int
    """Distinct criteria that verified."""
    rounds: tuple[int, ...]
    """How many verified on their pairs as first proposed, after one refinement, and so on."""
    calls: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    """Proposals that were not tried, by why: they compare or name candidates, leak by words, or could not be read."""


@dataclass(frozen=True)
class Options:
    criteria: int
    """At most this many are kept, and this many are proposed for each pair."""
    rounds: int
    """Refinements of what failed, for each pair."""
    sampling: dict[str, Any]
    max_pixels: int | None
    replicate: int = 0
    seed: int | None = None


class Induction:
    """One induction with one model. `judge` is how it verifies: the model itself, asked as any judge is.

    Args:
        judge: a spec whose templates render judging prompts; they never see a label.
    """

    def __init__(self, judge: JudgeSpec, options: Options, asker: Asker, seeds: Seeds) -> None:
        self._judge = {
            "criteria": judge.model_copy(update={"decision": "criteria", "verdict": "text"}),
            "holistic": judge.model_copy(update={"decision": "holistic", "verdict": "text"}),
        }
        self._options = options
        self._asker = asker
        self._seeds = seeds
        self._template = Template(PROMPTS / "arr_induced.jinja", needs=("question", "responses"), extra=TRIED_OUT)
        self._calls: dict[str, int] = {}
        self._left_out: Counter[str] = Counter()

    async def run(self) -> Induced:
        """The whole of it.

        Raises:
            RunStopped: some request failed for good; what was answered is kept.
        """
        try:
            return await self._run()
        except Unanswered as e:
            raise stop_messages.induction_unanswered(self._asker.name, e, e.permanent) from None

    async def _run(self) -> Induced:
        """Propose, verify, select, order and test; the numbers of each step are in what is returned."""
        options, parts = self._options, self._seeds
        each = await _all([self._from_pair(item) for item in parts.propose])
        proposed = sum(of_pair.proposed for of_pair in each)
        findings = [finding for of_pair in each for finding in of_pair.verified]
        pool = _distinct(findings)
        rounds = tuple(sum(f.round == r for f in findings) for r in range(options.rounds + 1))
        criteria, verified = [f[0].criterion for f in pool], len(pool)
        if not criteria:
            return self._nothing(proposed, 0, rounds)
        matrix = await self._matrix(criteria, parts.select)
        telling = [n for n, row in enumerate(matrix) if any(row)]  # the others decide no pair but their own
        if not telling:
            return self._nothing(proposed, len(pool), rounds)
        criteria, matrix, pool = (
            [criteria[n] for n in telling],
            [matrix[n] for n in telling],
            [pool[n] for n in telling],
        )
        places = chosen(matrix, options.criteria) if len(criteria) > options.criteria else list(range(len(criteria)))
        selected, selected_matrix = [criteria[i] for i in places], [matrix[i] for i in places]
        ordered = await structure(selected, parts.propose[0].modality(), self._write)
        flat = numbered(selected)
        # Nothing was proposed from these pairs or chosen by them.
        tested = await self._matrix(selected, parts.test)
        accuracy = {"by_criterion": {"select": set_accuracy(selected_matrix), "test": set_accuracy(tested)}}
        for name, text in (("none", ""), ("flat", flat), ("structured", ordered.text)):
            if text or name == "none":
                where = {"select": parts.select, "test": parts.test}
                accuracy[name] = {part: await self._holistic(text, items) for part, items in where.items()}
        # By the selecting pairs: what is chosen by the testing pairs cannot be tested on them.
        if ordered.text and accuracy["structured"]["select"] < accuracy["flat"]["select"]:
            note = "the list decided the selecting pairs better than the themes, so it is what was kept"
            ordered = Structure("", note=note)
        selections = [
            Selected(
                c,
                tuple(f.seed for f in pool[i]),
                pool[i][0].round,
                coverage(matrix[i]),
                contribution(selected_matrix, n),
                coverage(tested[n]),
            )
            for n, (i, c) in enumerate(zip(places, selected, strict=True))
        ]
        return Induced(
            ordered.text or flat,
            tuple(selections),
            ordered,
            accuracy,
            proposed,
            verified,
            rounds,
            self._calls,
            dict(self._left_out),
        )

    def _nothing(self, proposed: int, verified: int, rounds: tuple[int, ...]) -> Induced:
        """The result of proposals of which none can be used."""
        no_themes = Structure("", note="nothing verified")
        return Induced("", (), no_themes, {}, proposed, verified, rounds, self._calls, dict(self._left_out))

    async def _from_pair(self, item: Item) -> _OfPair:
        item = await self._ready(item)
        options = self._options
        open_, count = options.criteria, 0
        failed: list[dict[str, str]] = []
        verified: list[Verified] = []
        for turn in range(options.rounds + 1):
            proposals = await self._proposals(item, open_, failed, [one_line(f.criterion) for f in verified], turn)
            criteria, unfit = proposals.criteria, proposals.unfit
            count += len(criteria) + len(unfit)
            verdicts = [await self._verdicts(item, order, criteria) for order in ORDERS] if criteria else []
            passed = [
                # In both orders: in one, a judge that leans to a place would verify anything.
                all(lean(v[n], item, o) > 0 for v, o in zip(verdicts, ORDERS, strict=True))
                for n in range(len(criteria))
            ]
            verified += [Verified(c, item.uid, turn) for c, ok in zip(criteria, passed, strict=True) if ok]
            missed = [
                {"criterion": one_line(c), "found": _critique([v[n] for v in verdicts], shown_in(item))}
                for n, c in enumerate(criteria)
                if not passed[n]
            ]
            # An answer without any criterion brings nothing new to refine: the next turn asks for the same again.
            failed = [*missed, *unfit] or (failed if not criteria else [])
            open_ = len(missed) + len(unfit) or (open_ if not criteria else 0)
            if not open_:
                break
        return _OfPair(verified, count)

    async def _proposals(
        self, item: Item, count: int, failed: list[dict[str, str]], verified: list[str], turn: int
    ) -> _Proposals:
        """What the model proposes, knowing the label."""
        assert item.label.preferred is not None
        order = shown_in(item)
        preferred = 1 + order.index("AB"[item.label.preferred])
        extra: dict[str, Any] = {"preferred": preferred, "count": count, "failed": failed, "kept": verified}
        request = ChatRequest(
            within_budget(self._template.render(self._shown(item, order), **extra), self._options.max_pixels),
            sampling=self._options.sampling,
            answer_format="arr_induced",
            affinity=item.uid,
        )
        what = "propose" if turn == 0 else "refine"
        # The turn is in the key: a turn that asks for the same again must not get the same answer from the journal.
        answer = await self._ask(what, request, item, order, preferred, count, failed, verified, turn)
        draft = _numbered.parse(answer, blind=False, criteria=count)
        if not draft.criteria:
            self._left_out["answers that could not be read"] += 1
        good: list[Criterion] = []
        unfit: list[dict[str, str]] = []
        have = {normalised(k) for k in verified}
        for criterion in draft.criteria[:count]:
            # A criterion that gives its pair away would verify on it, whatever people liked.
            why = self._unfit(criterion, item)
            if why:
                self._left_out[why] += 1
                unfit.append({"criterion": one_line(criterion), "found": f"It was not tried: it {why}."})
            # A model may propose again what it was shown as kept.
            elif normalised(one_line(criterion)) not in have:
                good.append(criterion)
            have.add(normalised(one_line(criterion)))
        return _Proposals(good, unfit)

    def _shown(self, item: Item, order: Order) -> Case:
        return self._judge["holistic"].shown(Case(item, order))

    def _unfit(self, criterion: Criterion, item: Item) -> str:
        """Why a criterion cannot be shown to the judge that verifies it; empty where it can."""
        text = one_line(criterion)
        if _numbered.compares(text):
            return "compares candidates, or names one"
        kinds = leak_classes(text, [c.text for c in item.candidates])
        if "quote" in kinds:
            return "quotes a candidate"
        return "tells which candidate is meant" if kinds else ""

    async def _verdicts(self, item: Item, order: Order, criteria: Sequence[Criterion]) -> tuple[CriterionVerdict, ...]:
        """The label is not part of it: a judge's own prompt, with these criteria."""
        rubric = RubricText(numbered(criteria), tuple(criteria))
        parsed = await self._judged("criteria", Case(item, order, rubric))
        return parsed.criteria or tuple(CriterionVerdict(c.name, c.weight) for c in criteria)

    async def _judged(self, decision: str, case: Case) -> Parsed:
        """A judge's verdict on a case.

        Args:
            decision: which of the two judges: `holistic` or `criteria`.
        """
        judge = self._judge[decision]
        question = judge.question_for(case)
        request = ChatRequest(
            within_budget(judge.template.render(judge.shown(case), "text", question), judge.max_pixels),
            sampling=judge.sampling(),
            answer_format=question.answer_format,
            affinity=case.item.uid,
        )
        read = case.rubric and (case.rubric.text, case.rubric.criteria)
        answer = await self._ask("verify", request, case.item, case.order, judge.digest, read)
        return parse(answer, question)

    async def _matrix(self, criteria: Sequence[Criterion], items: Sequence[Item]) -> list[Matrix]:
        """For each criterion and trial (each pair in AB, then in BA): 1 if it favours the preferred one, -1 the other, else 0."""
        chunks = [criteria[n : n + AT_ONCE] for n in range(0, len(criteria), AT_ONCE)]

        async def on(item: Item) -> list[list[int]]:
            item = await self._ready(item)
            rows = []
            for order in ORDERS:
                verdicts = [v for chunk in chunks for v in await self._verdicts(item, order, chunk)]
                rows.append([lean(v, item, order) for v in verdicts])
            return rows

        trials = [row for rows in await _all([on(i) for i in items]) for row in rows]
        return [[row[n] for row in trials] for n in range(len(criteria))]

    async def _holistic(self, text: str, items: Sequence[Item]) -> float:
        """Share of trials that a judge with this rubric (or without any) decides as people did."""

        async def on(item: Item) -> int:
            item = await self._ready(item)
            right = 0
            for order in ORDERS:
                case = Case(item, order, RubricText(text) if text else None)
                parsed = await self._judged("holistic", case)
                right += (
                    parsed.status == "ok"
                    and parsed.choice is not None
                    and order[parsed.choice - 1] == "AB"[item.label.preferred or 0]
                )
            return right

        correct: list[int] = await _all([on(i) for i in items])
        return sum(correct) / (2 * len(items))

    async def _ready(self, item: Item) -> Item:
        try:
            return await self._asker.ready(item)
        except BackendError as e:
            raise Unanswered(f"row {item.row + 1} of the seeds ({item.uid}): {e.message}", e.permanent) from e

    async def _write(self, request: ChatRequest, *about: object) -> Any:
        return await self._ask("structure", replace(request, sampling=self._options.sampling), None, "", *about)

    async def _ask(self, what: str, request: ChatRequest, item: Item | None, order: str, *about: object) -> Any:
        """Send a request under a key of all that decides its answer.

        Args:
            what: the step that asks: `propose`, `refine`, `verify`, ...
            about: what else the request depends on.

        Raises:
            Unanswered: it failed for good.
        """
        self._calls[what] = self._calls.get(what, 0) + 1
        media = [[f.sha256 for f in m.files] for m in item.all_media()] if item else None
        prompt = self._template.digest if what in ("propose", "refine") else ""
        # Verifying is greedy wherever the model takes a temperature, so it has no seed.
        seed = self._options.seed if what != "verify" else None
        settings = (self._judge["holistic"].digest, prompt, self._options.sampling, self._options.replicate, seed)
        key = digest("induction/1", what, settings, item.uid if item else None, media, order, about)
        if seed is not None:
            request = replace(request, seed=int(digest("induction", seed, key)[:7], 16))
        try:
            return await self._asker.ask(key, request)
        except BackendError as e:
            which = f"row {item.row + 1} of the seeds ({item.uid})" if item else "the criteria"
            raise Unanswered(
                f"a request to {what} on {which} failed for good: {e.kind}: {e.message}", e.permanent
            ) from e


class Unanswered(Exception):
    """A request failed for good. `permanent`: asking it again cannot help."""

    def __init__(self, message: str, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


def shown_in(item: Item) -> Order:
    """The order in which a proposer sees a pair: decided by its content, so that the preferred one has no fixed place."""
    return ORDERS[int(digest("seed", item.uid)[:8], 16) % 2]


def lean(verdict: CriterionVerdict, item: Item, order: Order) -> int:
    """1 if a verdict favours the pair's preferred candidate, -1 if the other, 0 if neither."""
    if verdict.choice not in (1, 2):
        return 0
    return 1 if order[verdict.choice - 1] == "AB"[item.label.preferred or 0] else -1


def one_line(criterion: Criterion) -> str:
    """A criterion on one line."""
    return f"{criterion.name}: {criterion.description}" if criterion.description else criterion.name


def numbered(criteria: Sequence[Criterion]) -> str:
    return "\n".join(f"{n}. {one_line(c)}" for n, c in enumerate(criteria, 1))


def _critique(verdicts: Sequence[CriterionVerdict], shown: Order) -> str:
    """What the judge found in both orders, in words, with the candidates numbered as the proposer sees them."""
    texts = []
    for verdict, order in zip(verdicts, ORDERS, strict=True):
        if verdict.choice is None:
            texts.append("could not assess it")
        elif verdict.choice == 0:
            texts.append("found that both meet it equally")
        else:
            texts.append(f"favoured candidate {1 + shown.index(order[verdict.choice - 1])}")
    first = 1 + shown.index("A")
    return f"With candidate {first} shown first, the judge {texts[0]}; with candidate {3 - first} shown first, it {texts[1]}."


def _distinct(findings: Sequence[Verified]) -> list[list[Verified]]:
    """Those that say the same in the same words, together; in order of first appearance."""
    by_words: dict[str, list[Verified]] = {}
    for finding in findings:
        by_words.setdefault(normalised(one_line(finding.criterion)), []).append(finding)
    return [sorted(group, key=lambda f: f.round) for group in by_words.values()]


async def _all(tasks: Sequence[Any]) -> list[Any]:
    """All results. One request that fails for good does not stop the others: their answers are wanted in the next run."""
    # A task group would cancel the others at the first failure, and their answers would be asked for again.
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    failures = [f for f in outcomes if isinstance(f, BaseException)]
    others = [f for f in failures if not isinstance(f, Unanswered)]
    if others:
        raise next((f for f in others if isinstance(f, RunStopped | UserError)), others[0])
    if len(failures) > 1 and isinstance(failures[0], Unanswered):
        raise Unanswered(f"{failures[0]} (and {len(failures) - 1} more)", failures[0].permanent)
    if failures:
        raise failures[0]
    return list(outcomes)
