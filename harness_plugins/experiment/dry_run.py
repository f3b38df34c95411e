"""`run --dry-run`: what a run would ask and cost, and one fully rendered prompt per arm. Nothing is asked or written."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evaluators.engine.budget import max_written
from evaluators.engine.journal import items_of
from evaluators.engine.plan import Finished, Grid
from evaluators.engine.plan import due as due_cells
from evaluators.judges import ChatJudge, create
from evaluators.messages import ChatRequest, Image, Text, text_of
from evaluators.rubrics.arms import ARMS, CONTROLS
from evaluators.specs import JudgeSpec, unset
from evaluators.writers.base import request_of
from harness_plugins.config.run import Config
from harness_plugins.experiment.inducing import calls_of, missing
from harness_plugins.experiment.money import Money, money_of, prices_of
from harness_plugins.experiment.run import Selection, judges_of, prepare, writers_of
from harness_plugins.experiment.writing import Written, due
from harness_plugins.folder.donors import planned_donors
from harness_plugins.folder.items import with_known_digests
from harness_plugins.folder.manifest import read_manifest

CHARACTERS_A_TOKEN = 4
TOKENS_AN_IMAGE = 1000
"""Rough on purpose: models count images in ways of their own."""
SAMPLED_ITEMS = 50
CHANGED, ALIKE = 0.25, 0.5
"""Taken for planning: the share of answers that another rubric changes, and how much of that the orders, the judges and the items of
a cluster have in common."""


def dry_run(
    config: Config,
    path: Path,
    *,
    out: Path | None = None,
    limit: int | None = None,
    only: Selection | None = None,
    redo: Collection[str] = (),
) -> str:
    """The plan as text.

    Raises:
        UserError: as `run`, before anything is asked.
    """
    folder = out or config.out
    folder_items = items_of(folder) if folder else {}
    prepared = prepare(config, limit, only, folder_items=folder_items)
    specs = writers_of(config, only)
    manifest = read_manifest(folder) if folder else {}
    if folder:
        prepared = replace(prepared, planned=planned_donors(folder, manifest))
    money = money_of(config, folder, manifest, [*judges_of(config, only), *specs])
    written = Written.read(folder, specs) if folder else Written({s.name: {} for s in specs})
    finished = Finished.read(folder, redo) if folder else Finished()
    lines = [f"Warning: {line}" for line in unset([*judges_of(config, only), *specs])]
    lines += [
        f"{'benchmark':24} {'judge':16} {'arm':12} {'writer':16} {'verdicts':>9} {'to ask':>9} {'~tokens in':>11}"
    ]
    prompts: dict[str, str] = {}
    ways: dict[str, dict[str, str]] = {}
    totals = [0, 0, 0]
    models: dict[str, tuple[float, float]] = {}
    grids = prepared.grids(only, written.files(folder or Path()))
    for grid in grids:
        items = with_known_digests(grid.items, folder_items)
        for judge in config.judges:
            judge_instance = create(judge)
            for arm, writer in grid.rows(judge):
                row_grid = Grid(grid.benchmark, items, [arm], [writer] if writer else [], grid.orders, grid.wanted)
                work = due_cells(row_grid, judge, finished)
                each, tokens = (
                    _cost(row_grid, judge, judge_instance) if isinstance(judge_instance, ChatJudge) else (1.0, 0.0)
                )
                counts = work.planned, round(work.calls * each), round(work.calls * tokens)
                lines.append(
                    f"{grid.benchmark:24} {judge.name:16} {arm.name:12} {writer.name if writer else '-':16} "
                    f"{counts[0]:9,} {counts[1]:9,} {counts[2]:11,}"
                )
                totals = [a + b for a, b in zip(totals, counts, strict=True)]
                if isinstance(judge_instance, ChatJudge):
                    again = 2 if judge.verdict == "reasoned" else 1  # the second call reads the same prompt
                    _add(models, judge, again * counts[2], _most(judge, counts[1]))
                if isinstance(judge_instance, ChatJudge):
                    asked = ways.setdefault(f"{judge.how}, {judge.verdict}", {})
                    asked.setdefault(arm.name, _prompt(row_grid, judge, judge_instance))
        lines += _without_donor(grid)
    for n, (way, by_arm) in enumerate(ways.items()):
        named = by_arm if n == 0 else {a: by_arm[a] for a in ("transferred", "generic", *by_arm) if a in by_arm}
        for arm_name, prompt in list(named.items())[: None if n == 0 else 1]:
            prompts[arm_name if n == 0 else f"{arm_name} ({way})"] = prompt
    for spec in (s for s in specs if s.shared and s.seeds):
        for replicate, _, elsewhere in missing(spec, written.by_writer[spec.name], list(prepared.items)):
            if not elsewhere:
                lines.append(
                    f"{'':24} writer {spec.name}: a rubric to induce first, in up to {calls_of(spec, replicate):,} requests; its arms "
                    "count what is there already"
                )
    for spec in specs:
        left = [
            d
            for benchmark_items in prepared.items.values()
            for d in due(spec, benchmark_items, config.orders, written.by_writer[spec.name])
        ]
        if left:
            lines.append(
                f"{'':24} writer {spec.name}: {len(left):,} rubrics to write first; its arms count what is there already"
            )
            prompts.setdefault(f"(writer {spec.name})", text_of(request_of(spec, left[0]).messages))
            sizes = [_size([request_of(spec, d)]) for d in left[:SAMPLED_ITEMS]]
            _add(models, spec, len(left) * sum(sizes) / len(sizes), _most(spec, len(left)))
    lines.append(f"{'total':71} {totals[0]:9,} {totals[1]:9,} {totals[2]:11,}")
    lines.append(
        f"Tokens are estimates ({CHARACTERS_A_TOKEN} characters a token, {TOKENS_AN_IMAGE:,} an image; equal calls of "
        "several cells are asked once)."
    )
    lines += _costs(config, folder, money, models)
    lines += (
        _visible(config, grids, folder if finished.keys and folder_items else None)
        if "transferred" in config.arms
        else []
    )
    if not prompts:
        lines.append("No judge of this config reads prompts (baselines only).")
    for arm_name, prompt in prompts.items():
        of = f"prompt of the {arm_name.strip('()')}" if arm_name.startswith("(") else f"prompt of the arm {arm_name}"
        lines.append(f"\n----- {of} -----\n{prompt}")
    lines.append(f"\nNothing was asked. To run it: rubric-harness run {path}")
    return "\n".join(lines) + "\n"


def _visible(config: Config, grids: Sequence[Grid], answered: Path | None) -> list[str]:
    """For planning: which gain and which lead over a control so many items can show, and which controls are missing.

    Args:
        answered: the folder, where it holds answers: then they say it.
    """
    from harness_plugins.scoring import statistics
    from harness_plugins.scoring.read import read_run
    from harness_plugins.scoring.score import conclusions_of

    lines = []
    measured = conclusions_of(read_run(answered)) if answered else []
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
        judges = sum(j.backend != "baseline" for j in config.judges)
        if judges and not conclusions:
            items, clusters = len(grid.items), int(statistics.clusters(grid.items).max()) + 1
            alike = [(1 + (n - 1) * ALIKE) / n for n in (2, judges)]
            error = math.sqrt(CHANGED * math.prod(alike) * (1 + (items / clusters - 1) * ALIKE) / items)
            lines.append(
                f"Can show, {grid.benchmark}: a gain, or a lead over a control, of about {280 * error:.1f} points (2.8 standard "
                f"errors), if another rubric changes {CHANGED:.0%} of the answers ({items:,} items in {clusters:,} clusters, "
                f"{judges} unseen judge{'s' * (judges != 1)})."
            )
        for w in (w for w in grid.writers if w.owner is None):
            missing = [c for c in CONTROLS if ARMS[c].fits(w) and not (c in config.arms and c in config.controls)]
            if missing:
                lines.append(
                    f"Not tested, {grid.benchmark}, {w.name}: {' and '.join(missing)} must be among `arms` and `controls`, or the run "
                    "cannot say that the rubrics help by their content."
                )
    return lines


def _cost(grid: Grid, judge: JudgeSpec, chat_judge: ChatJudge) -> tuple[float, float]:
    """Mean requests and estimated prompt tokens a call, over the first items."""
    sizes: list[tuple[int, float]] = []
    rows = grid.rows(judge)
    for item in grid.items[:SAMPLED_ITEMS]:
        for cell in grid.cells(item, judge, rows):
            requests = chat_judge.requests(cell.given.case(item, cell.order, cell.candidate))
            sizes.append((len(requests), _size(requests)))
    count = max(len(sizes), 1)
    return (sum(n for n, _ in sizes) / count if sizes else 1.0, sum(t for _, t in sizes) / count)


def _size(requests: Sequence[ChatRequest]) -> float:
    """Estimated tokens."""
    parts = [p for r in requests for m in r.messages for p in m.parts]
    text = sum(len(p.text) for p in parts if isinstance(p, Text))
    return text / CHARACTERS_A_TOKEN + TOKENS_AN_IMAGE * sum(isinstance(p, Image) for p in parts)


def _most(spec: JudgeSpec, calls: int) -> float:
    """The most tokens that some calls write."""
    most = max_written(spec)
    return most * calls if most is not None else math.inf if calls else 0.0


def _add(asked: dict[str, tuple[float, float]], spec: JudgeSpec, read: float, written: float) -> None:
    before = asked.get(spec.served, (0.0, 0.0))
    asked[spec.served] = (before[0] + read, before[1] + written)


def _costs(config: Config, folder: Path | None, money: Money, asked: Mapping[str, tuple[float, float]]) -> list[str]:
    """What it would cost, where prices are known.

    Args:
        asked: by model the tokens read (estimated) and written (at most).
    """
    if money.budget is None:
        return ["In money with --prices FILE."]
    prices, budget = prices_of(config, read_manifest(folder) if folder else {}), money.budget
    assert prices is not None
    rates = {m: prices.rates(m) for m in asked}
    without = [m for m, r in rates.items() if r is None]
    lines = []
    if len(without) < len(asked) or not asked:
        reading = sum(asked[m][0] * r.read for m, r in rates.items() if r)
        writing = sum(asked[m][1] * r.written for m, r in rates.items() if r and r.written)
        most = (
            f"at most {budget.text(writing)} for writing, if every reply takes all of max_tokens"
            if math.isfinite(writing)
            else "without a limit for writing, as extra_body leaves none (max_tokens)"
        )
        lines.append(
            f"Cost: about {budget.text(reading)} for reading, and {most}. Without hits in a "
            "cache, retries, rubrics that are still to be induced, and verdicts "
            "on rubrics that are still to be written."
        )
    if without:
        lines.append(f"Cost of {', '.join(without)}: not known, as the price file gives no price in money.")
    if folder:
        limit = f" of max_cost {budget.text(config.max_cost)}" if config.max_cost else ""
        lines.append(f"Spent so far in {folder}: {budget.spent_text()}{limit}.")
    return lines


def _prompt(grid: Grid, judge: JudgeSpec, chat_judge: ChatJudge) -> str:
    rows = grid.rows(judge)
    for item in grid.items:
        for cell in grid.cells(item, judge, rows):
            return text_of(chat_judge.request(cell.given.case(item, cell.order, cell.candidate)).messages)
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
