"""The run config: one YAML file, checked whole, with every mistake on a line of its own that names file, line and mend."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from evaluators.arms import ARMS
from evaluators.errors import UserError
from evaluators.judges import JudgeSpec
from evaluators.records import MOST
from evaluators.writers import WriterSpec
from harness_plugins.benchmarks.spec import names


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BenchmarkEntry(_Part):
    """One benchmark of a run. Without `path` it is read from the Hub (or is the bundled one)."""

    name: str
    path: Path | None = None
    media_root: Path | None = None
    media: Literal["required", "optional"] = "required"
    frames: int | None = Field(None, gt=0)
    limit: int | None = Field(None, gt=0)

    @field_validator("name")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in names():
            raise ValueError(
                f"unknown benchmark {value!r}; there are: {', '.join(names())} (`pairs` reads rows of your own)"
            )
        return value


def _named(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("empty: name a folder, or leave it out")
    return value


Place = Annotated[Path, BeforeValidator(_named)]
"""Where something is written: an empty text would be the folder that the config lies in."""


class Config(_Part):
    """A run: benchmarks x arms (x writers) x judges x orders."""

    benchmarks: tuple[BenchmarkEntry, ...] = Field(min_length=1)
    judges: tuple[JudgeSpec, ...] = Field(min_length=1)
    rubrics: dict[str, Path] = Field(default_factory=dict)
    """Rubrics that are there already: writer -> file."""
    writers: tuple[WriterSpec, ...] = ()
    """Models that write rubrics for this run, before it judges."""
    arms: tuple[str, ...] = ()
    """By default none, generic, transferred, shuffled and repeat; without rubrics, those that need none."""
    orders: Literal["both", "AB", "BA", "hashed", "stored"] | Annotated[int, Field(ge=1, le=MOST, strict=True)] = "both"
    """A number: the first so many cyclic orders of each item's candidates."""
    shuffles: int = Field(1, gt=0)
    primary_contrast: tuple[str, str] = ("transferred", "none")
    """The one contrast that Holm's correction runs over: (arm, reference arm)."""
    reference_writer: str | None = None
    """The writer that each other one is set against, in the arm of the primary contrast."""
    prices: Path | None = None
    """What models cost (`prices.load_prices`): tables then show money."""
    max_cost: float | None = Field(None, gt=0, allow_inf_nan=False)
    """The most that the run folder may cost, in the currency of `prices`."""
    out: Place | None = None

    @field_validator("arms")
    @classmethod
    def _arms_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for arm in value:
            if arm not in ARMS:
                raise ValueError(f"unknown arm {arm!r}; there are: {', '.join(ARMS)}")
        return tuple(dict.fromkeys(value))

    @field_validator("primary_contrast")
    @classmethod
    def _contrast_known(cls, value: tuple[str, str]) -> tuple[str, str]:
        if value[0] not in ARMS or value[1] not in ("none", "shuffled") or value[0] == value[1]:
            raise ValueError("must be [an arm, none] or [an arm, shuffled], such as [transferred, shuffled]")
        return value

    @field_validator("reference_writer")
    @classmethod
    def _reference_known(cls, value: str | None, info: ValidationInfo) -> str | None:
        known = [*info.data.get("rubrics", {}), *(w.name for w in info.data.get("writers", ()))]
        valid = {"rubrics", "writers"} <= set(info.data)  # else their own mistakes are what is told
        if value is not None and valid and value not in known:
            there = f"there are {', '.join(known)}" if known else "there are none yet"
            raise ValueError(f"{value!r} is none of the names in `rubrics` or `writers`: {there}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _default_arms(cls, value: Any) -> Any:
        if isinstance(value, dict) and not value.get("arms"):
            written = value.get("rubrics") or value.get("writers")
            listed = value.get("writers")
            shared = isinstance(listed, list) and all(
                isinstance(w, dict) and w.get("method") == "arr_induced" for w in listed
            )
            default = [
                a.name
                for a in ARMS.values()
                if a.default
                and (written or not a.per_writer)
                and not (a.across_items and shared and not value.get("rubrics"))
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
        """Whoever is to write: the config's writers and, for the arm `self`, each judge that is a model."""
        own = [a for a in self.arms if ARMS[a].own]
        judges = [j for j in self.judges if own and j.backend != "baseline"]
        return (*self.writers, *(own_writer(j) for j in judges))


_ASKED = ("grading", "decision", "ties", "scale")
OWN = "self:"
"""What the name of a judge's own writer begins with."""


def own_writer(judge: JudgeSpec) -> WriterSpec:
    """A judge as the writer of its own rubrics: the same model, asked as `proxy_grm` asks."""
    kept = judge.model_dump(
        exclude={"name", "verdict", "top_logprobs", "prompt", "answer_format", "samples", "seed", *_ASKED}
    )
    return WriterSpec.model_validate({**kept, "name": f"{OWN}{judge.name}", "max_tokens": max(4096, judge.max_tokens)})


def read_mapping(path: Path, holds: str) -> tuple[yaml.MappingNode, dict[str, Any]]:
    """A YAML file that is a mapping: its nodes, which know their lines, and its value.

    Raises:
        UserError: it cannot be read, is no mapping (of what it `holds`), or has a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as e:
        raise UserError(f"{path}: cannot be read ({e.strerror})") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8; save it as UTF-8") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if not isinstance(node, yaml.MappingNode):
            raise UserError(f"{path}: must be a mapping with {holds}")
        twice = list(_repeated_keys(node))
        if twice:
            raise UserError(
                *(f"{path}: line {line}: the key {key!r} stands here a second time; keep one" for key, line in twice)
            )
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as e:
        mark = getattr(e, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise UserError(f"{path}: {where}not valid YAML ({getattr(e, 'problem', None) or e})") from None
    return node, value


def load_config(path: Path, data_only: bool = False) -> Config:
    """Read and check a config; paths in it are made absolute, relative to its own folder.

    Args:
        data_only: for a harness that brings judge, arm and rubrics itself: leave out what the config says of them.

    Raises:
        UserError: all mistakes found, one line each.
    """
    node, value = read_mapping(path, "`benchmarks` and `judges`")
    if data_only:
        apart = ("rubrics", "writers", "primary_contrast", "reference_writer", "max_cost")
        value = {k: v for k, v in value.items() if k not in apart}
        value |= {"judges": [{"name": "first", "backend": "baseline"}], "arms": ["none"]}
    try:
        config = Config.model_validate(value)
    except ValidationError as e:
        raise UserError(*problem_lines(path, node, e, Config, _MODELS)) from None
    if config.needs_rubrics() and not config.rubrics and not config.writers:
        line = line_of(node, ("arms",))
        raise UserError(
            f"{path}: line {line}: the arms {', '.join(config.needs_rubrics())} need rubrics: "
            "add `rubrics: {name: file.jsonl}` or `writers:`, or leave them out of `arms`"
        )
    if config.writers and not config.rubrics and all(w.shared for w in config.writers) and "shuffled" in config.arms:
        raise UserError(
            f"{path}: line {line_of(node, ('arms',))}: shuffled exchanges the rubrics of items, and each of `writers` has one "
            "for all: name the arms without it (`arms: [none, generic, transferred, repeat]`)"
        )
    idle = [a for a in config.arms if ARMS[a].after_responses]
    if idle and not config.rubrics and config.writers and all(w.sees == "nothing" for w in config.writers):
        raise UserError(
            f"{path}: line {line_of(node, ('arms',))}: the arms {', '.join(idle)} need a writer that sees the responses, and none "
            "of `writers` does: leave them out of `arms`, or add such a writer"
        )
    config = _absolute(config, path.resolve().parent)
    gone = list(_missing(config, path, node))
    if gone:
        raise UserError(*gone)
    for asked in (*config.judges, *config.writers):
        _ = asked.template  # read now: a template that is missing or broken must not cost a run
    for writer in config.writers:
        _ = writer.guide
    for judge in (j for j in config.judges if j.backend != "baseline"):
        positional = [a for a in ("advice", "rubric_only", "leak", "anti") if a in config.arms]
        if judge.grading == "listwise":
            positional = [a for a in positional if a in ("advice", "rubric_only")]
        if positional and judge.grading != "pairwise":
            raise UserError(
                f"{path}: line {line_of(node, ('arms',))}: {' and '.join(positional)} compare two positions, and judge "
                f"{judge.name!r} is {judge.grading}: give it a run of its own without these arms"
            )
        if judge.decision == "criteria" and "justify" in config.arms:
            raise UserError(
                f"{path}: line {line_of(node, ('arms',))}: judge {judge.name!r} decides by criteria and reads nothing else of a "
                "rubric, so `justify` is `transferred` to it: leave the arm out, or give the judge a run of its own"
            )
        if "advice" in config.arms:
            judge.template.check_advice()
        if "rubric_only" in config.arms:
            judge.template.check_hidden_responses()
    return config


def _missing(config: Config, path: Path, node: yaml.Node) -> Iterator[str]:
    """Files and folders that the config names and that are not there."""
    named: list[tuple[Path | None, tuple[Any, ...]]] = [(p, ("rubrics", n)) for n, p in config.rubrics.items()]
    named.append((config.prices, ("prices",)))
    for i, b in enumerate(config.benchmarks):
        named += [(b.path, ("benchmarks", i, "path")), (b.media_root, ("benchmarks", i, "media_root"))]
    named += [(j.prompt, ("judges", i, "prompt")) for i, j in enumerate(config.judges)]
    named += [(w.prompt, ("writers", i, "prompt")) for i, w in enumerate(config.writers)]
    for i, w in enumerate(config.writers):
        named += [(w.exemplars, ("writers", i, "exemplars")), (w.seeds, ("writers", i, "seeds"))]
    for file, location in named:
        if file is not None and not os.path.exists(file):
            yield (
                f"{path}: line {line_of(node, location)}: {location[-1]}: {file} is missing; correct the path (it is relative to "
                "the config file) or put the file there"
            )


def _absolute(config: Config, base: Path) -> Config:
    def at(path: Path | None) -> Path | None:
        return None if path is None else Path(os.path.normpath(base / path.expanduser()))

    return config.model_copy(
        update={
            "benchmarks": tuple(
                b.model_copy(update={"path": at(b.path), "media_root": at(b.media_root)}) for b in config.benchmarks
            ),
            "judges": tuple(j.model_copy(update={"prompt": at(j.prompt)}) for j in config.judges),
            "writers": tuple(
                w.model_copy(update={f: at(getattr(w, f)) for f in ("prompt", "exemplars", "seeds")})
                for w in config.writers
            ),
            "rubrics": {n: at(p) for n, p in config.rubrics.items()},
            "out": at(config.out),
            "prices": at(config.prices),
        }
    )


def _repeated_keys(node: yaml.Node) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a plain word", problem_mark=key.start_mark)
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)
            yield from _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated_keys(value)


def line_of(node: yaml.Node, location: tuple[Any, ...]) -> int:
    """The line of the innermost node on the way to a location."""
    line = node.start_mark.line + 1
    for step in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(step)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


_MODELS: dict[str, type[BaseModel]] = {"benchmarks": BenchmarkEntry, "judges": JudgeSpec, "writers": WriterSpec}


def problem_lines(
    path: Path, node: yaml.Node, error: ValidationError, top: type[BaseModel], models: Mapping[str, type[BaseModel]]
) -> list[str]:
    """Each mistake as one line: file, line, what, mend. `models` are those of the entries below a key."""
    errors = [x for x in error.errors(include_url=False) if x["type"] != "too_short" or not x["input"]]
    return list(dict.fromkeys(_line(path, node, e, top, models) for e in errors))


def _line(path: Path, node: yaml.Node, error: Any, top: type[BaseModel], models: Mapping[str, type[BaseModel]]) -> str:
    """One validation error as one line: file, line, what, mend."""
    location = tuple(error["loc"])
    place = f"{path}: line {line_of(node, location)}"
    name = str(location[-1]) if location else ""
    if error["type"] == "extra_forbidden":
        model = top if len(location) == 1 else models.get(str(location[-2]), models.get(str(location[0]), top))
        known = list(model.model_fields)
        close = difflib.get_close_matches(name, known, 1)
        mend = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
        return f"{place}: unknown key {name!r}; {mend}"
    dotted = ".".join(str(p) for p in location)
    if error["type"] == "missing":
        return f"{place}: {dotted!r} is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "value_error":
        return f"{place}: {dotted + ': ' if dotted else ''}{message}"
    return f"{place}: {dotted}: {message[:1].lower()}{message[1:]} (found {error['input']!r})"
