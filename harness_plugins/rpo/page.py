"""The page of a run: OUT/index.html, in the report's style. It is read from the folder alone, and shows its pictures where they lie."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from harness_plugins._version import __version__
from harness_plugins.folder.atomic import write_atomic
from harness_plugins.report.drawing import style
from harness_plugins.report.page import Parts, read_part, rendered
from harness_plugins.report.sections import Fact, Finding, Section, page_table, picture
from harness_plugins.report.texts import one_line, plain
from harness_plugins.rpo.alarms import alarms, spoils
from harness_plugins.rpo.curves import step_plots, step_table, win_rate_plot
from harness_plugins.rpo.pair_blocks import HELD_OUT_OUTCOMES, PAIR_OUTCOMES, blocks
from harness_plugins.rpo.run_folder import HeldOutRow, RunFolder, StepRow
from harness_plugins.rpo.tables import table as win_rate_table
from harness_plugins.rpo.win_rates import Result, WinRate, picked, result, win_rates
from harness_plugins.tables.model import Table, names, words

_HERE = Path(__file__).parent
SMALL = 128
"""Pictures of fewer pixels a side are enlarged as they are, not smoothed."""
GRID_ROWS = 6
CURVES_ABOUT = (
    "How often a judge prefers a checkpoint's picture to that of the generator without the adapter, made from the same noise, over "
    "prompts that were not trained on. Both orders are asked; a tie, or orders that disagree, are half. The band is the 95 % interval "
    "of a bootstrap over prompts. A curve of the reward would be flat: every decided pair pays the same win and the same loss, "
    "whatever the pictures are like."
)


def write_page(run: RunFolder) -> Path:
    """Write OUT/index.html from what is in the folder now; without matplotlib, with tables in place of figures."""
    data = _Run.read(run)
    shown = blocks(sorted(run.pair_rows().values(), key=lambda r: (r.step, r.number)), data.held_out, data.sources)
    text = rendered(
        "page.html.jinja",
        Parts(read_part("page.css") + read_part("page.css", _HERE), read_part("page.js", _HERE)),
        _HERE,
        kind="Rubric Harness · RPO run",
        name=one_line(run.path.resolve().name, 120),
        lead=_lead(data),
        footer=f"Made by rubric-harness {__version__} from the records of the run alone. Pictures are those of the folder that this "
        "page lies in: move them together.",
        version=__version__,
        # `self` is where the page is served from; of a page opened as a file, pictures are `file:`.
        images="'self' file: data:",
        blocks=shown.html,
        headline=_headline(data),
        sentences=[plain(s) for s in data.result.sentences] if data.result else [_not_compared(data)],
        sections=_sections(data),
        recipe=_recipe_section(data),
        rubrics=_rubrics(data),
        grid=_grid(run, data),
        pixels=_small(data.recipe),
        shown=shown,
        pair_outcomes=PAIR_OUTCOMES,
        held_out_outcomes=HELD_OUT_OUTCOMES,
        checkpoints=[*dict.fromkeys((r.held_out, r.step) for r in reversed(data.rates))],
    )
    write_atomic(run.page, text.encode("utf-8", "replace"))
    return run.page


@dataclass(frozen=True)
class _Run:
    """What a page reads of a run, but its pairs."""

    recorded: Mapping[str, Any]
    steps: Sequence[StepRow]
    held_out: Sequence[HeldOutRow]
    rates: Sequence[WinRate]
    picked: int | None
    result: Result | None
    sources: Mapping[str, str]
    """Addresses of the images that prompts edit, by uid."""

    @classmethod
    def read(cls, run: RunFolder) -> _Run:
        held_out = run.held_out_rows()
        return cls(
            run.recorded(),
            run.step_rows(),
            held_out,
            win_rates(held_out),
            picked(held_out),
            result(held_out),
            {uid: _address(run, file) for uid, file in run.sources().items()},
        )

    @property
    def recipe(self) -> Mapping[str, Any]:
        recipe = self.recorded.get("recipe")
        return recipe if isinstance(recipe, dict) else {}


def _lead(data: _Run) -> str:
    generator = data.recipe.get("generator", {})
    what = generator.get("model") or generator.get("kind") or "an image generator"
    return one_line(
        f"{what} is trained by a judge that compares two of its pictures of a prompt. Steps done: {_done(data)}.", 600
    )


def _done(data: _Run) -> str:
    planned = data.recipe.get("updates", {}).get("steps")
    return f"{len(data.steps):,}" + (f" of {planned:,}" if isinstance(planned, int) else "")


def findings(run: RunFolder) -> list[Finding]:
    """What stands above the numbers of a run: what spoils them, and alarms."""
    return _findings(_Run.read(run))


def _findings(data: _Run) -> list[Finding]:
    return spoils(data.result, data.recipe) + alarms(data.steps, data.held_out)


def _headline(data: _Run) -> Section:
    section = Section("result", "Result", "Does the judge prefer what was learned?")
    section.facts = [Fact(name, one_line(text, 300)) for name, text in _facts(data)]
    section.findings = [Finding(kind, plain(text)) for kind, text in _findings(data)]
    return section


def _not_compared(data: _Run) -> str:
    every = data.recipe.get("evaluation", {}).get("every")
    when = f" It is compared every {every} updates." if every else ""
    return f"No checkpoint was compared with the start yet.{when}"


def _facts(data: _Run) -> Iterator[Fact]:
    pairs, decided = sum(r.pairs for r in data.steps), sum(r.decided for r in data.steps)
    yield Fact("Steps", _done(data))
    if pairs:
        yield Fact("Pairs judged", f"{pairs:,}, {100 * decided / pairs:.0f} % decided")
    yield Fact("Checkpoint picked", "none yet" if data.picked is None else f"step {data.picked}")
    for name, part in (("Trains", "reward"), ("Audits", "audit")):
        judge = _judge_of(data.recipe.get(part))
        yield Fact(f"{name} (judge)", judge or "nobody")
    seconds = sum(s for r in data.steps for s in r.seconds.values())
    if seconds:
        yield Fact("Time of the steps", f"{seconds / 3600:.1f} h" if seconds > 3600 else f"{seconds / 60:.1f} min")
    if data.recorded.get("version"):
        yield Fact("Trained by", f"rubric-harness {data.recorded['version']}")


def _judge_of(part: Any) -> str:
    if not isinstance(part, dict):
        return ""
    judge = part.get("judge") or {}
    name, model = judge.get("name", ""), judge.get("model", "")
    return f"{name} ({model})" if model and model != name else name or part.get("server", "")


def _sections(data: _Run) -> dict[str, Section]:
    """By id: the win rates, and the steps."""
    development = [r for r in data.rates if r.held_out == "development"]
    curves = Section("win-rates", "Win rate", "Win rate over the steps", CURVES_ABOUT)
    steps = Section(
        "steps",
        "Steps",
        "What each step was like",
        "A pair is decided where the judge named the same picture in both orders; pairs without a verdict train nothing. KL is to the "
        "generator without the adapter. Before an update the ratio of a replayed step is 1 to the rounding: anything else means that "
        "rollout and replay differ.",
    )
    drawing = importlib.util.find_spec("matplotlib") is not None
    if not drawing:
        note = Finding(
            "finding",
            "matplotlib is not installed, so tables stand in place of figures: pip install 'rubric-harness[report]'.",
        )
        curves.findings.append(note)
    with style() if drawing else nullcontext():
        if development and drawing:
            curves.pictures.append(picture(win_rate_plot(data.rates, data.picked)))
        if data.steps and drawing:
            steps.pictures += [picture(plot) for plot in step_plots(data.steps)]
    if data.rates:
        curves.tables.append(page_table(win_rate_table(data.rates), "t1"))
    if data.steps:
        steps.tables.append(page_table(step_table(data.steps), "t2"))
    return {section.id: section for section in (curves, steps)}


class GridCell(NamedTuple):
    """A picture of the grid."""

    address: str
    """Empty: there is none."""
    preferred: str
    """What the training's judge said of a checkpoint's picture."""


class GridRow(NamedTuple):
    prompt: str
    source: str
    """The address of the image that is edited; empty where there is none."""
    cells: list[GridCell]


class Grid(NamedTuple):
    steps: list[int]
    rows: list[GridRow]


def _grid(run: RunFolder, data: _Run) -> Grid:
    """The same development prompts at each checkpoint, the start at the left."""
    rows = [r for r in data.held_out if r.held_out == "development" and not r.audit]
    prompts = dict(sorted({r.uid: r.prompt for r in rows}.items()))
    most = data.recipe.get("evaluation", {}).get("grid", GRID_ROWS)
    steps = sorted({r.step for r in rows})
    by_place = {(r.step, r.uid): r for r in rows}
    return Grid(
        steps,
        [
            GridRow(
                one_line(prompts[uid], 300),
                data.sources.get(uid, ""),
                [_cell(run, None, uid, "")]
                + [_cell(run, s, uid, _preferred(by_place[s, uid]) if (s, uid) in by_place else "") for s in steps],
            )
            for uid in list(prompts)[:most]
        ],
    )


def _cell(run: RunFolder, step: int | None, uid: str, preferred: str) -> GridCell:
    file = run.held_out_picture(step, uid)
    return GridCell(_address(run, file) if file.exists() else "", preferred)


def _address(run: RunFolder, file: Path) -> str:
    """As the page names it: from its own folder."""
    return quote(Path(os.path.relpath(file, run.path)).as_posix())


def _preferred(row: HeldOutRow) -> str:
    if row.equal:
        return "equal"
    return {None: "no answer", 1.0: "preferred", 0.0: "start preferred"}.get(row.share, "neither")


class ShownRubric(NamedTuple):
    whose: str
    text: str


def _rubrics(data: _Run) -> list[ShownRubric]:
    recorded = data.recorded.get("rubrics")
    if not isinstance(recorded, dict):
        return []
    whose = {"reward": "The training's judge reads this rubric", "audit": "The audit's judge reads this rubric"}
    return [ShownRubric(text, plain(recorded[name])) for name, text in whose.items() if recorded.get(name)]


def _recipe_section(data: _Run) -> Section:
    table = Table("recipe", "The recipe", [*names("setting"), *words("value")])
    table.groups = []
    for name, value in data.recipe.items():
        table.groups.append([])
        for setting, text in _settings(name, value):
            table.add(setting, text)
    section = Section(
        "recipe",
        "Recipe",
        "The recipe",
        "As it was read when the run began or went on, with the defaults that it left to us.",
    )
    base = data.recorded.get("identity", {}).get("base")
    if base:
        section.facts.append(Fact("Base", one_line(str(base), 120)))
    if table.groups:
        section.tables.append(page_table(table, "t3"))
    return section


def _settings(name: str, value: Any) -> Iterator[Fact]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _settings(f"{name}.{key}", inner)
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
        yield Fact(name, one_line(text, 400))


def _small(recipe: Mapping[str, Any]) -> bool:
    side = recipe.get("generator", {}).get("side")
    return isinstance(side, int) and side < SMALL
