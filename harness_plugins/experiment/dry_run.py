"""`run --dry-run`: what a run would ask and cost, and one fully rendered prompt per arm. Nothing is asked or written."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from evaluators.engine.budget import max_written
from evaluators.engine.due import Finished, Grid, Orders
from evaluators.engine.due import due as due_cells
from evaluators.judges import ChatJudge, create
from evaluators.messages import ChatRequest, Image, Text, text_of
from evaluators.records import Item
from evaluators.rubrics.arms import ARMS, CONTROLS
from evaluators.specs import JudgeSpec, ModelSpec, unset
from evaluators.text import program
from evaluators.writers.base import WriterSpec, request_of
from harness_plugins.config.run import Config
from harness_plugins.experiment.inducing import calls_of, gaps
from harness_plugins.experiment.money import Money, money_of, prices_of
from harness_plugins.experiment.run import Selection, judges_of, owners_of, prepare, writers_of
from harness_plugins.experiment.writing import Written, due
from harness_plugins.folder.donors import planned_donors
from harness_plugins.folder.items import with_known_digests
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.folder.usage import NOTHING, Tokens

CHARACTERS_A_TOKEN = 4
TOKENS_AN_IMAGE = 1000
"""Rough on purpose: each model counts images in its own way."""
SAMPLED_ITEMS = 50
CHANGED, ALIKE = 0.25, 0.5
"""Assumed for planning: the share of answers that another rubric changes, and how much of that the orders, the judges and the items of
a cluster have in common."""


def dry_run(
    config: Config,
    command: str | Path,
    *,
    out: Path | None = None,
    limit: int | None = None,
    only: Selection | None = None,
    redo: Collection[str] = (),
) -> str:
    """The plan as text.

    Args:
        command: what is typed behind `run` to have it done.

    Raises:
        UserError: as `run`, before anything is asked.
    """
    planned = _planned(config, out, limit, only, redo)
    lines = [f"Warning: {line}" for line in unset([*planned.judges, *planned.writers])]
    lines += [*planned.plan.table(), *_costs(config, planned)]
    if "transferred" in config.arms:
        lines += _visible(config, planned.grids, planned.answered)
    lines += planned.plan.prompt_lines()
    lines.append(f"\nNothing was asked. To run it: {program()} run {command}")
    return "\n".join(lines) + "\n"


def cost_lines(config: Config, out: Path | None = None) -> list[str]:
    """What `dry_run` says of money; nothing where no prices are known.

    Raises:
        UserError: as `dry_run`.
    """
    path = out or config.out
    if prices_of(config, RunFolder(path).manifest() if path else {}) is None and config.max_cost is None:
        return []
    return _costs(config, _planned(config, out))


@dataclass(frozen=True)
class _Planned:
    """What a run would ask, and what it is planned from."""

    plan: _Plan
    judges: Sequence[JudgeSpec]
    writers: Sequence[WriterSpec]
    grids: Sequence[Grid]
    folder: RunFolder | None
    answered: RunFolder | None
    """The folder where it holds answers."""
    manifest: Mapping[str, Any]
    money: Money


def _planned(
    config: Config,
    out: Path | None,
    limit: int | None = None,
    only: Selection | None = None,
    redo: Collection[str] = (),
) -> _Planned:
    folder_path = out or config.out
    folder = RunFolder(folder_path) if folder_path else None
    folder_items = folder.items() if folder else {}
    prepared = prepare(config, limit, only, folder_items=folder_items)
    judges, writers = judges_of(config, only), writers_of(config, only)
    manifest = folder.manifest() if folder else {}
    if folder:
        prepared = replace(prepared, planned=planned_donors(folder, manifest))
    money = money_of(config, folder, manifest, [*judges, *writers])
    written = Written.read(folder, writers) if folder else Written({s.name: {} for s in writers})
    finished = Finished.read(folder.verdicts(), redo) if folder else Finished()
    plan = _Plan()
    grids = prepared.grids(only, written.files(folder, owners_of(config)))
    for grid in grids:
        plan.add_cells(config.judges, grid, finished, with_known_digests(grid.items, folder_items))
    plan.add_inductions(writers, written, list(prepared.items))
    plan.add_rubrics(writers, written, list(prepared.items.values()), config.orders)
    answered = folder if finished.keys and folder_items else None
    return _Planned(plan, judges, writers, grids, folder, answered, manifest, money)


class _Plan:
    """What is to be asked, as it adds up: the rows of the plan, tokens by model, and a prompt of each kind."""

    def __init__(self) -> None:
        self._rows: list[str] = []
        self._total = _Count()
        self.tokens_by_model: dict[str, Tokens] = {}
        """By the name that is served: those read (estimated) and written (at most)."""
        self._judge_prompts: dict[str, dict[str, str]] = {}
        """Way of asking -> arm -> prompt."""
        self._writer_prompts: dict[str, str] = {}

    def add_cells(self, judges: Iterable[JudgeSpec], grid: Grid, finished: Finished, items: Sequence[Item]) -> None:
        """What is still to be asked of a grid, a row for each judge, arm and writer.

        Args:
            items: the grid's, with the digests of their media that are known.
        """
        for spec in judges:
            judge = create(spec)
            for arm, writer in grid.rows(spec):
                row = Grid(grid.benchmark, items, [arm], [writer] if writer else [], grid.orders, grid.selects)
                work = due_cells(row, spec, finished)
                size = _call_size(row, spec, judge) if isinstance(judge, ChatJudge) else _CallSize(1.0, 0.0)
                count = _Count(work.planned, round(work.calls * size.requests), round(work.calls * size.tokens))
                self._rows.append(
                    f"{grid.benchmark:24} {spec.name:16} {arm.name:12} {writer.name if writer else '-':16} {count}"
                )
                self._total += count
                if isinstance(judge, ChatJudge):
                    again = 2 if spec.verdict == "reasoned" else 1  # the second call reads the same prompt
                    self._add_tokens(spec, again * count.tokens, count.requests)
                    prompts = self._judge_prompts.setdefault(f"{spec.full_grading}, {spec.verdict}", {})
                    prompts.setdefault(arm.name, _prompt(row, spec, judge))
        self._rows += _without_donor(grid)

    def add_inductions(self, writers: Iterable[WriterSpec], written: Written, benchmarks: Sequence[str]) -> None:
        """The rubrics that are to be induced."""
        for spec in (s for s in writers if s.shared and s.seeds):
            for gap in gaps(spec, written.by_writer[spec.name], benchmarks):
                if not gap.elsewhere:
                    self._rows.append(
                        f"{'':24} writer {spec.name}: a rubric to induce first, in up to {calls_of(spec, gap.replicate):,} "
                        "requests; its arms count what is there already"
                    )

    def add_rubrics(
        self, writers: Iterable[WriterSpec], written: Written, benchmarks: Sequence[Sequence[Item]], orders: Orders
    ) -> None:
        """The rubrics that are to be written."""
        for spec in writers:
            pending = [d for items in benchmarks for d in due(spec, items, orders, written.by_writer[spec.name])]
            if pending:
                self._rows.append(
                    f"{'':24} writer {spec.name}: {len(pending):,} rubrics to write first; its arms count what is there already"
                )
                self._writer_prompts[spec.name] = text_of(request_of(spec, pending[0]).messages)
                sizes = [estimated_tokens([request_of(spec, d)]) for d in pending[:SAMPLED_ITEMS]]
                self._add_tokens(spec, len(pending) * sum(sizes) / len(sizes), len(pending))

    def _add_tokens(self, spec: ModelSpec, read: float, calls: int) -> None:
        """Add to what a model reads (estimated) and writes (at most)."""
        tokens = self.tokens_by_model.get(spec.served, NOTHING)
        self.tokens_by_model[spec.served] = Tokens(tokens.read + read, tokens.written + _written_at_most(spec, calls))

    def table(self) -> list[str]:
        head = (
            f"{'benchmark':24} {'judge':16} {'arm':12} {'writer':16} {'verdicts':>9} {'to ask':>9} {'~tokens in':>11}"
        )
        note = (
            f"Tokens are estimates ({CHARACTERS_A_TOKEN} characters a token, {TOKENS_AN_IMAGE:,} an image; equal calls of "
            "several cells are asked once)."
        )
        return [head, *self._rows, f"{'total':71} {self._total}", note]

    def prompt_lines(self) -> list[str]:
        """A prompt of each arm as the first way of asking has it, one for each other way, and one of each writer."""
        prompts: dict[str, str] = {}
        for n, (way, by_arm) in enumerate(self._judge_prompts.items()):
            if n == 0:
                prompts |= {f"the arm {arm}": prompt for arm, prompt in by_arm.items()}
            else:
                arm = next(a for a in ("transferred", "generic", *by_arm) if a in by_arm)
                prompts[f"the arm {arm} ({way})"] = by_arm[arm]
        prompts |= {f"the writer {name}": prompt for name, prompt in self._writer_prompts.items()}
        if not prompts:
            return ["No judge of this config reads prompts (baselines only)."]
        return [f"\n----- prompt of {of} -----\n{prompt}" for of, prompt in prompts.items()]


@dataclass(frozen=True)
class _Count:
    """Columns of a row of the plan."""

    verdicts: int = 0
    requests: int = 0
    tokens: int = 0
    """Read."""

    def __add__(self, other: _Count) -> _Count:
        return _Count(self.verdicts + other.verdicts, self.requests + other.requests, self.tokens + other.tokens)

    def __str__(self) -> str:
        return f"{self.verdicts:9,} {self.requests:9,} {self.tokens:11,}"


def _visible(config: Config, grids: Sequence[Grid], answered: RunFolder | None) -> list[str]:
    """For planning: which gain and which lead over a control so many items can show, and which controls are missing.

    Args:
        answered: the folder, where it holds answers: then they are used.
    """
    from harness_plugins.scoring import statistics
    from harness_plugins.scoring.read import read_run
    from harness_plugins.scoring.score import conclusions_of

    lines = []
    measured = conclusions_of(read_run(answered.path)) if answered else []
    for grid in grids:
        conclusions = [c for c in measured if c.benchmark == grid.benchmark and c.gain is not None]
        for c in conclusions:
            sizes = [("a gain", c.gain), *((f"a lead over {name}", x) for name, x in c.tested.items())]
            effects = ", ".join(
                f"{name} of {100 * x.detectable:.1f}" for name, x in sizes if x is not None and x.detectable > 0
            )
            if effects:
                lines.append(
                    f"Can show, {grid.benchmark}, {c.writer}, as answered so far: {effects} points (2.8 standard errors)."
                )
        judges = sum(j.asks_model for j in config.judges)
        if judges and not conclusions:
            items, clusters = len(grid.items), int(statistics.clusters(grid.items).max()) + 1
            # Kish's design effect 1 + (n - 1) rho, for the two orders, the judges and the items of a cluster.
            alike = [(1 + (n - 1) * ALIKE) / n for n in (2, judges)]
            error = math.sqrt(CHANGED * math.prod(alike) * (1 + (items / clusters - 1) * ALIKE) / items)
            lines.append(
                f"Can show, {grid.benchmark}: a gain, or a lead over a control, of about {280 * error:.1f} points (2.8 standard "
                f"errors), if another rubric changes {CHANGED:.0%} of the answers ({items:,} items in {clusters:,} clusters, "
                f"{judges} unseen judge{'s' * (judges != 1)})."
            )
        for w in (w for w in grid.writers if w.owner is None):
            controls = [c for c in dict.fromkeys((*CONTROLS, *config.controls)) if ARMS[c].fits(w)]
            untested = [c for c in controls if not (c in config.arms and c in config.controls)]
            if untested:
                lines.append(
                    f"Not tested, {grid.benchmark}, {w.name}: {' and '.join(untested)} must be among `arms` and `controls`, or the run "
                    "cannot say that the rubrics help by their content."
                )
    return lines


class _CallSize(NamedTuple):
    """Of a call, in the mean."""

    requests: float
    tokens: float
    """Read, estimated."""


def _call_size(grid: Grid, spec: JudgeSpec, judge: ChatJudge) -> _CallSize:
    """Over the first items."""
    sizes: list[_CallSize] = []
    rows = grid.rows(spec)
    for item in grid.items[:SAMPLED_ITEMS]:
        for cell in grid.cells(item, spec, rows):
            requests = judge.requests(cell.arm_input.case(item, cell.order, cell.candidate))
            sizes.append(_CallSize(len(requests), estimated_tokens(requests)))
    if not sizes:
        return _CallSize(1.0, 0.0)
    return _CallSize(sum(s.requests for s in sizes) / len(sizes), sum(s.tokens for s in sizes) / len(sizes))


def estimated_tokens(requests: Sequence[ChatRequest]) -> float:
    """Of what requests show: texts and images."""
    parts = [p for r in requests for m in r.messages for p in m.parts]
    text = sum(len(p.text) for p in parts if isinstance(p, Text))
    return text / CHARACTERS_A_TOKEN + TOKENS_AN_IMAGE * sum(isinstance(p, Image) for p in parts)


def _written_at_most(spec: ModelSpec, calls: int) -> float:
    """The most tokens that some calls write."""
    per_call = max_written(spec)
    return per_call * calls if per_call is not None else math.inf if calls else 0.0


def _costs(config: Config, planned: _Planned) -> list[str]:
    """What it would cost, where prices are known."""
    folder, money, by_model = planned.folder, planned.money, planned.plan.tokens_by_model
    if money.budget is None:
        return ["In money with --prices FILE."]
    prices, budget = prices_of(config, planned.manifest), money.budget
    assert prices is not None
    rates = {m: prices.rates(m) for m in by_model}
    without = [m for m, r in rates.items() if r is None]
    lines = []
    if len(without) < len(by_model) or not by_model:
        reading = sum(by_model[m].read * r.read for m, r in rates.items() if r)
        writing = sum(by_model[m].written * r.written for m, r in rates.items() if r and r.written)
        writing_cost = (
            f"at most {budget.text(writing)} for writing, if every reply takes all of max_tokens"
            if math.isfinite(writing)
            else "without a limit for writing, because extra_body removes max_tokens"
        )
        lines.append(
            f"Cost: about {budget.text(reading)} for reading, and {writing_cost}. Not included: cache "
            "hits, retries, rubrics that are still to be induced, and verdicts "
            "on rubrics that are still to be written."
        )
    if without:
        lines.append(f"Cost of {', '.join(without)}: not known, as the price file gives no price in money.")
    if folder:
        limit = f" of max_cost {budget.text(config.max_cost)}" if config.max_cost else ""
        lines.append(f"Spent so far in {folder}: {budget.spent_text()}{limit}.")
    return lines


def _prompt(grid: Grid, spec: JudgeSpec, judge: ChatJudge) -> str:
    rows = grid.rows(spec)
    for item in grid.items:
        for cell in grid.cells(item, spec, rows):
            return text_of(judge.request(cell.arm_input.case(item, cell.order, cell.candidate)).messages)
    return "(no item has anything to ask in this arm)"


def _without_donor(grid: Grid) -> list[str]:
    """Says why `shuffled` asks less than `transferred`."""
    lines = []
    for writer in grid.writers:
        have = [i for i in grid.items if writer.all(i.uid)]
        fed = sum(any(i.uid in d for d in writer.donors) for i in have)
        if writer.donors and fed < len(have):
            lines.append(
                f"{'':24} writer {writer.name}, arm shuffled: {fed:,} of {len(have):,} items have a donor. A donor is "
                "an item of its category that shares neither media, group, responses nor rubric text; each gives its own once"
            )
    return lines
