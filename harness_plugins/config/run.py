"""The run config: one YAML file, checked whole, with every mistake on a line of its own that names file, line and fix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from evaluators.errors import UserError
from evaluators.inputs.configs import ConfigFile, InputPath, OutputPath
from evaluators.inputs.entries import Entry
from evaluators.inputs.names import unknown
from evaluators.records import MOST
from evaluators.rubrics.arms import ARMS, CONTROLS
from evaluators.specs import JudgeSpec, ModelSpec
from evaluators.writers.base import WriterSpec, is_shared
from harness_plugins.benchmarks.entry import BenchmarkEntry


def listed(value: Any) -> Any:
    """A single entry where a list is expected, as a list of one."""
    return [value] if isinstance(value, str | dict) else value


class Config(Entry):
    """A run: benchmarks x arms (x writers) x judges x orders."""

    benchmarks: tuple[BenchmarkEntry, ...] = Field(min_length=1)
    """List of entries, below; a name alone is an entry: `benchmarks: [demo]`."""
    judges: tuple[JudgeSpec, ...] = Field(min_length=1)
    """List of entries, below; a baseline's name alone is an entry: `judges: [longest]`."""
    rubrics: dict[str, InputPath] = Field(default_factory=dict)
    """`name: file.jsonl`; the name is its row in tables. A file holds the rubrics of one writer. Or it is a run's own `rubrics.jsonl`:
    then only the lines of the writer with that name are read. Lines without `writer` belong to that name."""
    writers: tuple[WriterSpec, ...] = ()
    """List of entries, below: models that write rubrics for this run, before it judges."""
    arms: tuple[str, ...] = ()
    """These and `crossed`, `advice`, `self`, `relabel`, `masked`, `blind`, `justify`, `rubric_only`, `no_image`, `leak`, `anti`:
    `rubric-harness tasks` says what each is. Default: `none`, `generic`, `transferred`, `shuffled`, `repeat`; without rubrics those
    that need none."""
    orders: Literal["both", "AB", "BA", "hashed", "stored"] | Annotated[int, Field(ge=1, le=MOST, strict=True)] = "both"
    """`both`: all cyclic orders of the candidates, of a pair `AB` and `BA`; a number: the first so many; `AB`, `BA`; `hashed` (one
    order for each item, chosen by a hash of its uid); `stored` (as the dataset stores them: all that some official protocols need)."""
    shuffles: int = Field(1, gt=0, le=100)
    """How many permutations the `shuffled` arm averages over, 100 at most."""
    primary_contrast: tuple[str, str] = ("transferred", "none")
    """The contrast of the matrix and of paper tables, which Holm's correction runs over; the reference is `none` or `shuffled`."""
    controls: tuple[str, ...] = CONTROLS
    """The arms that `transferred` must exceed to help by its content (the rule: docs/statistics.md#what-is-said-of-a-writers-rubrics);
    `shuffled` does not apply to a writer with one rubric for all items. One that is left out here or in `arms` was not tested, and
    the answer says so."""
    equivalence_margin: float = Field(2.0, gt=0, allow_inf_nan=False)
    """In points: `transferred` is "no more than" a control where the interval of its lead ends below this."""
    reference_writer: str | None = None
    """One of the names in `rubrics` or `writers`: every other writer is set against it, judge by judge and over the judges that are
    unseen to both (what is tested: docs/statistics.md). The contrast that a trained writer must win against the model it was
    trained from."""
    prices: InputPath | None = None
    """What models cost, a YAML file (docs/costs.md): tables then show money. Its prices are kept in the manifest. Default: none, or
    `--prices`."""
    max_cost: float | None = Field(None, gt=0, allow_inf_nan=False)
    """The most that the run folder may cost, earlier runs and rubrics counted, in the currency of `prices` (docs/costs.md). Default:
    none, or `--max-cost`."""
    out: OutputPath | None = None
    """The run folder. Default: required, or `--out`."""

    @field_validator("benchmarks", "judges", "writers", "arms", mode="before")
    @classmethod
    def _one_alone(cls, value: Any) -> Any:
        return listed(value)

    @field_validator("arms")
    @classmethod
    def _arms_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for arm in value:
            if arm not in ARMS:
                raise ValueError(unknown("arm", arm, ARMS))
        return tuple(dict.fromkeys(value))

    @field_validator("controls")
    @classmethod
    def _controls_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for arm in value:
            if arm not in ARMS or not ARMS[arm].control:
                controls = ", ".join(a.name for a in ARMS.values() if a.control)
                raise ValueError(f"{arm!r} is not a control; the controls are: {controls}")
        return tuple(a for a in ARMS if a in value)

    @field_validator("primary_contrast")
    @classmethod
    def _contrast_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        arm, reference = value
        if arm not in ARMS:
            raise ValueError(unknown("arm", arm, ARMS))
        references = [a.name for a in ARMS.values() if a.reference]
        if reference not in references or arm == reference:
            pairs = " or ".join(f"[an arm, {r}]" for r in references)
            raise ValueError(f"must be {pairs}, such as [transferred, shuffled]")
        return value

    @field_validator("reference_writer")
    @classmethod
    def _reference_known(cls, value: str | None, info: ValidationInfo) -> str | None:
        names = [*info.data.get("rubrics", {}), *(w.name for w in info.data.get("writers", ()))]
        valid = {"rubrics", "writers"} <= set(info.data)  # else their own mistakes are reported
        if value is not None and valid and value not in names:
            raise ValueError(f"{unknown('writer', value, names)} (the names in `rubrics` and `writers`)")
        return value

    @model_validator(mode="before")
    @classmethod
    def _default_arms(cls, value: Any) -> Any:
        if isinstance(value, dict) and not value.get("arms"):
            written = value.get("rubrics") or value.get("writers")
            listed = value.get("writers")
            shared = isinstance(listed, list) and all(
                isinstance(w, dict) and is_shared(str(w.get("method"))) for w in listed
            )
            default = [
                a.name
                for a in ARMS.values()
                if a.default
                and (written or not a.per_writer)
                and not (a.donors and shared and not value.get("rubrics"))
            ]
            return {**value, "arms": default}
        return value

    @model_validator(mode="after")
    def _fits(self) -> Config:
        for what, values in (
            ("benchmark", [b.name for b in self.benchmarks]),
            ("judge", [j.name for j in self.judges]),
            ("writer", [*self.rubrics, *(w.name for w in self.writers)]),
        ):
            twice = sorted({v for v in values if values.count(v) > 1})
            if twice:
                raise ValueError(f"two {what}s are named {twice[0]!r}: names are rows of the table, give each its own")
        return self

    def needs_rubrics(self) -> list[str]:
        """The arms that read a writer's rubrics."""
        return [a for a in self.arms if ARMS[a].per_writer and not ARMS[a].own]

    def all_writers(self) -> tuple[WriterSpec, ...]:
        """All writers: the config's writers and, for the arm `self`, each judge that is a model."""
        return (*self.writers, *self.own_writers().values())

    def own_writers(self) -> dict[str, WriterSpec]:
        """Judge -> the same model as the writer of its own rubrics (arm `self`)."""
        self_arms = [a for a in self.arms if ARMS[a].own]
        judges = [j for j in self.judges if self_arms and j.asks_model]
        return {j.name: own_writer(j) for j in judges}


def own_writer(judge: JudgeSpec) -> WriterSpec:
    """A judge as the writer of its own rubrics: the same model, asked as `proxy_grm` asks."""
    fields = judge.model_dump(include=ModelSpec.model_fields.keys() - {"name", "prompt", "seed"})
    return WriterSpec.model_validate(
        {**fields, "name": f"self:{judge.name}", "max_tokens": max(4096, judge.max_tokens)}
    )


def load_config(path: Path, data_only: bool = False) -> Config:
    """Read and check a config; paths in it are made absolute, relative to its own folder.

    Args:
        data_only: for a harness that brings judge, arm and rubrics itself: leave out what the config says of them.

    Raises:
        UserError: all mistakes found, one line each.
    """
    file = read_config(path)
    if data_only:
        value = dict(file.value)
        apart = ("rubrics", "writers", "primary_contrast", "reference_writer", "max_cost")
        value = {k: v for k, v in value.items() if k not in apart}
        value |= {"judges": [{"name": "first", "backend": "baseline"}], "arms": ["none"]}
        file = replace(file, value=value)
    return config_of(file)


def read_config(path: Path) -> ConfigFile:
    """A config's file, before it is checked.

    Raises:
        UserError: it cannot be read, or is not YAML.
    """
    return ConfigFile.read(path, "`benchmarks` and `judges`")


def config_of(file: ConfigFile) -> Config:
    """A config that was read, or typed as options, checked whole; its paths are made absolute.

    Raises:
        UserError: all mistakes found, one line each.
    """
    config = file.checked(Config)
    _check_writers(config, file)
    for spec in (*config.judges, *config.writers):
        _ = spec.template  # read now: a template that is missing or broken must not cost a run
    for writer in config.writers:
        _ = writer.guide
    _check_judges(config, file)
    return config


def _check_writers(config: Config, file: ConfigFile) -> None:
    """Whether somebody writes what the arms read.

    Raises:
        UserError: at the line of `arms`.
    """
    if config.needs_rubrics() and not config.rubrics and not config.writers:
        raise UserError(
            f"{file.line('arms')}: the arms {', '.join(config.needs_rubrics())} need rubrics: "
            "add `rubrics: {name: file.jsonl}` or `writers:`, or leave them out of `arms`"
        )
    exchanging = [a for a in config.arms if ARMS[a].donors]
    if exchanging and config.writers and not config.rubrics and all(w.shared for w in config.writers):
        raise UserError(
            f"{file.line('arms')}: {' and '.join(exchanging)} exchanges the rubrics of items, and each of "
            "`writers` has one for all: name the arms without it (`arms: [none, generic, transferred, repeat]`)"
        )
    idle = [a for a in config.arms if ARMS[a].after_responses]
    if idle and not config.rubrics and config.writers and all(w.sees == "nothing" for w in config.writers):
        raise UserError(
            f"{file.line('arms')}: the arms {', '.join(idle)} need a writer that sees the responses, and none "
            "of `writers` does: leave them out of `arms`, or add such a writer"
        )


def _check_judges(config: Config, file: ConfigFile) -> None:
    """Whether the judges can be asked in the arms.

    Raises:
        UserError: at the line of `arms`; or a template lacks what an arm asks for.
    """
    for judge in (j for j in config.judges if j.asks_model):
        positional = [a for a in config.arms if judge.grading not in ARMS[a].gradings]
        if positional:
            raise UserError(
                f"{file.line('arms')}: {' and '.join(positional)} compare two positions, and judge "
                f"{judge.name!r} is {judge.grading}: give it a run of its own without these arms"
            )
        beyond = [a for a in config.arms if ARMS[a].beyond_criteria]
        if judge.decision == "criteria" and beyond:
            raise UserError(
                f"{file.line('arms')}: judge {judge.name!r} decides by criteria and reads nothing else of a "
                f"rubric, so `{beyond[0]}` is `transferred` to it: leave the arm out, or give the judge a run of its own"
            )
        if any(ARMS[a].advises for a in config.arms):
            judge.template.check_advice()
        if any("responses" in ARMS[a].hides for a in config.arms):
            judge.template.check_hidden_responses()
