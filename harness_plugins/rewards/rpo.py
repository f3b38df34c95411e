"""RPO's reward: candidates made for one prompt are compared under a rubric in both orders; the winner earns 1.0, the loser -0.1.

ARR's rewards (arXiv 2605.08354, eq. 12-13): +1.0 and -0.1 for two candidates, 1 - 1.1 (rank - 1) / (N - 1) for N. Its code
asked once, in one order, and took any answer. Here a pair counts where all orders agree; where they disagree it is masked, or
each gets half a win; a judge that never answered, or names no winner, masks it. Nothing is guessed, and everything is counted.
The completions of a text or vision-language policy are compared by the same code.

async with RPOReward(judge, rubric=Path("rubric-induced.yaml")) as reward:
    pictures, answers = await reward.score(
        [Group("a red cube", [left, right]), Completions("What is shown?", ["A cup.", "A red cup."], [photo])]
    )
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict, get_args

from evaluators.engine.caller import Tally, failure_of
from evaluators.errors import BackendError, UserError
from evaluators.inputs.names import unknown
from evaluators.judges import Judge
from evaluators.keys import digest, item_uid
from evaluators.prompts.template import Case, RubricText, pick_of
from evaluators.records import MOST, Candidate, Failure, Item, Label, Media, Status, rotations
from evaluators.replies.parsing import Parsed
from evaluators.specs import JudgeSpec
from harness_plugins.rewards.images import BadImage, ImageFiles
from harness_plugins.rewards.judge import Decision, RewardJudge
from harness_plugins.rewards.resources import DEADLINE_S, AsyncResource, check_deadline, concurrently, deadline
from harness_plugins.rewards.rubrics import BENCHMARK, rubric_of

WIN, LOSE = 1.0, -0.1
"""The paper's lambda and minus gamma."""

Disagreement = Literal["mask", "half"]
Pair = Literal["won", "lost", "tie", "disagree", "undecided", "error"]
"""How one candidate fared against another. `undecided`: the judge answered and named no winner (unparsed, refused, cut off);
`error`: it never answered in some order, or a picture is broken."""
_OUTCOMES = ("decided", "tie", "disagree", "undecided", "error")
"""Of a pair, whichever of the two is looked at."""


@dataclass(frozen=True)
class Group:
    """Images made for one prompt."""

    prompt: str
    images: Sequence[Any]
    """Two or more, of any kind that `rewards.images` reads."""
    source: Any | None = None
    """The image that was to be edited."""
    rubric: RubricText | str | None = None
    """For this prompt alone, in place of the reward's."""
    replies: bool = False
    """Whether scores come with what the judge wrote, to be looked at."""

    @property
    def size(self) -> int:
        return len(self.images)

    @property
    def prompt_images(self) -> Sequence[Any]:
        return () if self.source is None else (self.source,)


@dataclass(frozen=True)
class Completions:
    """Texts that a policy wrote on one prompt."""

    prompt: str
    texts: Sequence[str]
    """Two or more."""
    prompt_images: Sequence[Any] = ()
    """The images that the prompt shows."""
    rubric: RubricText | str | None = None
    """For this prompt alone, in place of the reward's."""
    replies: bool = False
    """Whether scores come with what the judge wrote, to be looked at."""

    @property
    def size(self) -> int:
        return len(self.texts)


Candidates = Group | Completions


@dataclass(frozen=True, slots=True)
class Reply:
    """What the judge said of some candidates in one order."""

    order: tuple[int, ...]
    """The candidates as shown, by their places in the group."""
    status: Status
    preferred: int | None
    """By its place in the group; None: a tie, or nobody."""
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """The reward of a candidate, and its parts."""

    value: float | None
    """None: no pair that it is in was decided; mask it."""
    pairs: tuple[Pair, ...]
    """Against each other candidate of its group, in order."""
    error: Failure | None = None
    """Why a pair of it is an `error`; the first such reason."""
    replies: tuple[Reply, ...] = ()
    """Where its group asks for them: of each order in which it was shown and the judge answered."""

    @property
    def masked_because(self) -> str:
        """The kind of failure, or how its pairs ended where the judge did answer; empty where it is not masked."""
        if self.value is not None:
            return ""
        return self.error.kind if self.error else " ".join(sorted(set(self.pairs)))


class RPOOptions(TypedDict, total=False):
    """The options of `RPOReward`, as trainers' adapters take them too."""

    rubric: RubricText | str | Path | None
    win: float
    lose: float
    disagreement: Disagreement
    deadline_s: float | None


@dataclass
class RPOReward(AsyncResource):
    """The reward as an async callable. Use it within `async with`, or call `open` and `close`.

    A judge that is `pairwise` compares every pair in both orders: N (N - 1) calls for a group of N. One that is `listwise` ranks
    all of a group in each of its cyclic orders: N calls, of at most nine candidates; a pair of it is decided where all agree.
    A candidate earns lose + (win - lose) x the mean of its decided pairs (won 1, tie 1/2, lost 0): with all decided and no
    circle, the paper's formula.

    Args:
        judge: a spec, or a Judge of your own.
        rubric: for all prompts: its text, or a file (see `rewards.rubrics`); None judges without.
        win, lose: what the best and the worst earn.
        disagreement: of a pair whose orders disagree: `mask` leaves it out, `half` counts it as a tie.
        deadline_s: for one call of `score`: a pair without an answer by then is an `error`, of the kind `late`. None waits.

    Raises:
        UserError: the judge scores candidates alone, an option or the rubric is not as it must be.
    """

    judge: JudgeSpec | Judge
    rubric: RubricText | str | Path | None = None
    win: float = WIN
    lose: float = LOSE
    disagreement: Disagreement = "mask"
    deadline_s: float | None = DEADLINE_S
    tally: Tally = field(default_factory=Tally)
    """Requests, failures by kind, waits."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Pairs so far: decided, tie, disagree, undecided, error."""

    def __post_init__(self) -> None:
        if self.disagreement not in get_args(Disagreement):
            raise UserError(unknown("disagreement", self.disagreement, get_args(Disagreement)))
        if not (math.isfinite(self.win) and math.isfinite(self.lose) and self.lose < self.win):
            raise UserError(f"win is {self.win} and lose {self.lose}: both are numbers, and win is the larger")
        check_deadline(self.deadline_s)
        self._judge = RewardJudge(self.judge, self.tally)
        self._text = rubric_of(self.rubric)
        if self._judge.spec.grading == "pointwise":
            raise UserError(
                f"judge {self._judge.spec.name!r} scores candidates alone; RPO compares them: set `grading: pairwise` or `listwise`"
            )

    async def open(self) -> None:
        await self._judge.open()

    async def close(self) -> None:
        await self._judge.close()

    def calls(self, candidates: int) -> int:
        """Judge calls that a group of this size takes."""
        return candidates if self._judge.spec.grading == "listwise" else candidates * (candidates - 1)

    async def score(self, groups: Sequence[Candidates], /) -> list[list[Score]]:
        """A score for each candidate of each group, in order; as many calls at a time as the judge's `concurrency`.

        Raises:
            UserError: a group of one, more candidates than a listwise judge can be shown, or something that is not an image.
        """
        for group in groups:
            self._check(group)
        until = deadline(self.deadline_s)
        return await concurrently(lambda group: self._group(group, until), groups)

    def _check(self, group: Candidates) -> None:
        if group.size < 2:
            raise UserError(f"RPO compares the candidates of a prompt, and {group.prompt[:60]!r} has {group.size}")
        if self._judge.spec.grading == "listwise" and group.size > MOST:
            raise UserError(
                f"{group.prompt[:60]!r} has {group.size} candidates and a listwise judge ranks at most {MOST}: "
                "use `grading: pairwise`"
            )

    async def _group(self, group: Candidates, until: float | None) -> list[Score]:
        with self._judge.files() as files:
            shown = await asyncio.to_thread(_shown, group, files)
            self._judge.know(files.known)
            try:
                results, replies = await self._compared(group, shown, until)
            finally:
                self._judge.media.forget(files.paths)
        for result in results.values():
            self.outcomes["decided" if result.outcome in ("won", "lost") else result.outcome] += 1
        return [
            self._score(n, group.size, results, tuple(r for r in replies if group.replies and n in r.order))
            for n in range(group.size)
        ]

    async def _compared(self, group: Candidates, shown: _Shown, until: float | None) -> _Compared:
        """Every pair: who was preferred, as seen from its first candidate."""
        good = [n for n, c in enumerate(shown.candidates) if isinstance(c, Candidate)]
        results: _Results = {}
        for i, j in combinations(range(len(shown.candidates)), 2):
            bad = shown.source_failure or next(
                (f for n in (i, j) if isinstance(f := shown.candidates[n], Failure)), None
            )
            if bad is not None:
                results[i, j] = _PairResult(None, "error", bad)
        if shown.source_failure is not None:
            return _Compared(results, [])
        together = [good] if self._judge.spec.grading == "listwise" else [list(p) for p in combinations(good, 2)]
        compared = await concurrently(
            lambda members: self._shown_together(group, shown, members, until), [m for m in together if len(m) > 1]
        )
        for pairs, _ in compared:
            results |= pairs
        return _Compared(results, [reply for _, replies in compared for reply in replies])

    async def _shown_together(
        self, group: Candidates, shown: _Shown, members: Sequence[int], until: float | None
    ) -> _Compared:
        """These candidates of a group shown together, in all cyclic orders."""
        candidates = tuple(c for n in members if isinstance(c := shown.candidates[n], Candidate))
        # By content alone: the same pair under the same rubric has the same seed in every step and process.
        uid = item_uid(BENCHMARK, "/".join(m.name for m in shown.source), group.prompt, candidates, None)
        item = Item(
            uid, BENCHMARK, "", 0, group.prompt, candidates, tuple(range(len(members))), Label("tie"), shown.source
        )
        rubric = rubric_of(group.rubric) if group.rubric is not None else self._text
        orders = rotations(len(members))
        seed = digest("rpo", uid, rubric.text if rubric else None)
        decisions = await concurrently(lambda o: self._decided(Case(item, o, rubric), digest(seed, o), until), orders)
        failure = next((s for s in decisions if isinstance(s, Failure)), None)
        answered = [(s, o) for s, o in zip(decisions, orders, strict=True) if isinstance(s, Decision)]
        results: _Results = {}
        for a, b in combinations(range(len(members)), 2):
            leans = [_lean(s.parsed, o, a, b) for s, o in answered]
            results[members[a], members[b]] = self._pair(leans, failure)
        return _Compared(results, [_reply(s, o, members) for s, o in answered])

    async def _decided(self, case: Case, seed: str, until: float | None) -> Decision | Failure:
        try:
            return await self._judge.decide(case, seed, until)
        except BackendError as e:
            return failure_of(e)

    def _pair(self, leans: Sequence[float | None], failure: Failure | None) -> _PairResult:
        """A pair from what each order says of its first candidate: 1 better, 0 worse, 1/2 a tie, None nothing."""
        if failure is not None:
            return _PairResult(None, "error", failure)
        if any(lean is None for lean in leans):
            return _PairResult(None, "undecided")
        if len(set(leans)) > 1:
            return _PairResult(0.5 if self.disagreement == "half" else None, "disagree")
        outcomes: dict[float, Pair] = {1.0: "won", 0.0: "lost", 0.5: "tie"}
        return _PairResult(leans[0], outcomes[leans[0] or 0.0])

    def _score(self, n: int, candidates: int, results: _Results, replies: tuple[Reply, ...]) -> Score:
        shares: list[float] = []
        pairs: list[Pair] = []
        error = None
        for other in (m for m in range(candidates) if m != n):
            share, outcome, failure = results[min(n, other), max(n, other)]
            if share is not None:
                shares.append(share if n < other else 1 - share)
            swapped: dict[Pair, Pair] = {"won": "lost", "lost": "won"}
            pairs.append(outcome if n < other else swapped.get(outcome, outcome))
            error = error or failure
        value = round(self.lose + (self.win - self.lose) * sum(shares) / len(shares), 9) if shares else None
        return Score(value, tuple(pairs), error, replies)


def pair_metrics(scores: Sequence[Score]) -> dict[str, float]:
    """Shares of the candidates of one call and of their pairs, by the names under which trainers log them."""
    if not scores:
        return {}
    outcomes = Counter("decided" if o in ("won", "lost") else o for s in scores for o in s.pairs)
    shares = {f"pairs_{o}": outcomes[o] / (outcomes.total() or 1) for o in _OUTCOMES}
    return {"judge_fail_rate": sum(s.value is None for s in scores) / len(scores), **shares}


def unheard(candidates: int, failure: Failure) -> list[Score]:
    """The scores of a group without any judged pair."""
    error: Pair = "error"
    return [Score(None, (error,) * (candidates - 1), failure) for _ in range(candidates)]


class _PairResult(NamedTuple):
    share: float | None
    """Of the win, what goes to the pair's first candidate; None: masked."""
    outcome: Pair
    failure: Failure | None = None


_Results = dict[tuple[int, int], _PairResult]


class _Compared(NamedTuple):
    results: _Results
    replies: list[Reply]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A group as records; a broken picture is a failure in its place."""

    candidates: tuple[Candidate | Failure, ...]
    source: tuple[Media, ...]
    source_failure: Failure | None = None


def _shown(group: Candidates, files: ImageFiles) -> _Shown:
    """Runs in a thread: it encodes."""
    files.prepare([*(group.images if isinstance(group, Group) else ()), *group.prompt_images])
    candidates: list[Candidate | Failure] = []
    if isinstance(group, Completions):
        candidates += [Candidate(text) for text in group.texts]
    else:
        for image in group.images:
            try:
                candidates.append(Candidate(media=(files.media(image),)))
            except BadImage as e:
                candidates.append(Failure("image", str(e)))
    try:
        source = tuple(files.media(image) for image in group.prompt_images)
    except BadImage as e:
        return _Shown(tuple(candidates), (), Failure("image", f"an image of the prompt: {e}"))
    return _Shown(tuple(candidates), source)


def _reply(decision: Decision, order: str, members: Sequence[int]) -> Reply:
    answer, parsed = decision
    shown = tuple(members[pick_of(n, order)] for n in range(1, len(members) + 1))
    place = parsed.choice if parsed.ranks is None else parsed.ranks.index(0) + 1
    preferred = shown[place - 1] if parsed.status == "ok" and place else None
    return Reply(shown, parsed.status, preferred, answer.text)


def _lean(parsed: Parsed, order: str, a: int, b: int) -> float | None:
    """What an answer says of candidate `a` beside `b` (indices of those shown)."""
    if parsed.status == "tie":
        return 0.5
    if parsed.status != "ok":
        return None
    if parsed.ranks is not None:
        rank_by_candidate = {pick_of(n, order): rank for n, rank in enumerate(parsed.ranks, 1)}
        return 1.0 if rank_by_candidate[a] < rank_by_candidate[b] else 0.0
    if parsed.choice is None or len(order) > 2:
        return None  # a best one of several, and no ranking
    return 1.0 if pick_of(parsed.choice, order) == a else 0.0
