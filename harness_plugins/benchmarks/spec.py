"""What `tasks/<name>/benchmark.yaml` may say. The declaration is all that one generic loader needs of a benchmark."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from evaluators.errors import UserError
from evaluators.inputs.complaints import in_file, problem_lines
from evaluators.inputs.entries import Entry
from evaluators.inputs.names import unknown
from evaluators.inputs.yaml_files import line_of, read_mapping
from harness_plugins.benchmarks.folders import DECLARATION, benchmark_folders


class DatasetSpec(Entry):
    """Where the rows are on the Hub. `files` names row files of the repository, for sets whose media are beside them."""

    id: str = ""
    config: str | None = None
    """Also the folder that holds its parquet shards in a local copy of the repository."""
    split: str = "test"
    revision: str = ""
    """Full commit hash, or empty where none is known: the resolved one is then recorded in the manifest."""
    rows: int | None = None
    files: tuple[str, ...] = ()
    fetch: bool = True
    """False where rows or media are no download to start by accident, or come in archives: `path:` must name them."""
    gated: bool = False
    """Whether the Hub asks for an account and its terms to be accepted; such a set is in no group of tasks."""


class PromptSpec(Entry):
    column: str
    strip: str | None = None
    """A regular expression removed from the prompt, such as a literal image placeholder."""


class CandidatesSpec(Entry):
    """Texts, media, or both of each. One column that lists all candidates, or a column for each in stored order."""

    column: str | None = None
    """A list of texts or of {"text", "media"}."""
    columns: tuple[str, ...] = ()
    media_column: str | None = None
    """A list of media values, one for each candidate."""
    media_columns: tuple[str, ...] = ()
    """Each holds a path, an embedded image, or a list of them."""
    kind: Literal["image", "video"] = "image"
    pictured: bool = False
    """Whether each candidate has media even where it may have a text; always so where it can have none."""
    most: int = 2

    @model_validator(mode="after")
    def _there(self) -> CandidatesSpec:
        texts, media = bool(self.column) + bool(self.columns), bool(self.media_column) + bool(self.media_columns)
        if max(texts, media) != 1:
            raise ValueError(
                "candidates: name `column` or `columns`, `media_column` or `media_columns`, or one of each"
            )
        return self


class LabelSpec(Entry):
    """`ranks`: a list of ranks, lowest preferred. `names`: a value that stands for one of two candidates, or for none.
    `fixed`: always `index`. `index`: the preferred index, "tie", or a list of ranks. `comparison`: "A>C" or "A=C", where
    `letters` is the column that says which candidates these are, such as "AvsC"."""

    rule: Literal["ranks", "names", "fixed", "index", "comparison"]
    column: str = ""
    index: int = 0
    names: dict[str, Literal[0, 1, "tie", "both_bad"]] = Field(default_factory=dict)
    """By the value as text: "1" is the text and the number."""
    any_case: bool = False
    """Whether `names` count in upper and lower case."""
    letters: str = ""


class MediaSpec(Entry):
    column: str
    kind: Literal["image", "video"] = "image"
    required: bool = False
    """Whether every row has some: an edit without its source is another task."""


class CategoryRule(Entry):
    """`match` is searched in `column` (of several columns: the first that has a value); further pairs in `where`."""

    column: str | tuple[str, ...]
    match: str
    category: str
    where: dict[str, str] = Field(default_factory=dict)

    @field_validator("match")
    @classmethod
    def _compiles(cls, value: str) -> str:
        re.compile(value)
        return value


class CategoryMap(Entry):
    """Rules in order; then `otherwise`, or the value of `column`."""

    rules: tuple[CategoryRule, ...] = ()
    otherwise: str = ""
    column: str = ""
    about: str = ""


class GroupSpec(Entry):
    """The group is what the first parentheses of `match` find in the column."""

    column: str
    match: str

    @field_validator("match")
    @classmethod
    def _captures(cls, value: str) -> str:
        if re.compile(value).groups < 1:
            raise ValueError("needs parentheses around the part that is the group")
        return value


class CriterionSpec(Entry):
    """What alone is to be compared. `texts` say what a name means; the item's criterion is then "name: text"."""

    column: str
    texts: dict[str, str] = Field(default_factory=dict)
    required: bool = True


class ProtocolSpec(Entry):
    """How answers are scored (never how they are asked). Every number names its protocol."""

    about: str
    unparsed: Literal["wrong", "drop", "coin"] = "wrong"
    """`wrong`: in the denominator, not right. `drop`: out of it. `coin`: half right, the expected value of a coin."""
    orders: Literal["all", "stored"] = "all"
    """`stored` scores only the order in which the dataset stores the candidates."""
    categories: str = ""
    """Name of the category map; empty for the default one."""
    aggregates: tuple[
        Literal["micro", "macro", "macro_with_all", "groups", "groups_by_category", "conflicts", "criteria"], ...
    ] = ("micro", "macro")
    """`macro_with_all`: the mean over categories and, as one more of them, all items.
    `groups`: Acc+. `conflicts`: Multi-Crit's PAcc, TOS and CMR. `criteria`: the mean over categories, by criterion."""
    vote: bool = False
    """Majority over the samples (and orders) of an item; ties drop out."""
    labels: Literal["preferred", "three_way", "four_way"] = "preferred"
    """Which labels count: those that prefer a candidate; ties as well; or ties of good and of bad ones apart. A verdict is right
    where it is what the label says."""
    samples: int = 1
    """How many samples an order the protocol needs; it refuses where there are fewer."""
    answer_format: str = ""
    """For `official:` protocols: the answers that its own parser applies to."""
    parser: Literal[
        "",
        "double_bracket_first",
        "overall_judgment",
        "four_way_whole",
        "proxy_grm_loose",
        "proxy_grm_exact",
        "proxy_grm_line",
        "r1_reward",
        "r1_reward_line",
        "lmms_eval_judgment",
        "lmms_eval_bracket",
        "lmms_eval_response",
    ] = ""


class BenchmarkSpec(Entry):
    kind: ClassVar[str] = "benchmark"
    name: str
    title: str
    paper: str = ""
    licence: str = ""
    note: str = ""
    dataset: DatasetSpec = DatasetSpec()
    id: str | tuple[str, ...] = "id"
    """A column; or several, or one of lists, whose values are sorted (so that it does not show which candidate is stored
    first) and joined by "|". An embedded image counts as its digest."""
    prompt: PromptSpec
    candidates: CandidatesSpec
    label: LabelSpec
    media: tuple[MediaSpec, ...] = ()
    media_search: tuple[str, ...] = ("{path}",)
    """Where below the root a media path is looked for; `{path}` is the row's, `{name}` its last component."""
    frames: int = 32
    group: str | GroupSpec | None = None
    criterion: CriterionSpec | None = None
    category: str = "official"
    categories: dict[str, CategoryMap] = Field(default_factory=dict)
    protocols: dict[str, ProtocolSpec] = Field(default_factory=dict)
    folder: Path = Path()

    @property
    def full_name(self) -> str:
        """As messages name it, such as `benchmark 'demo'`."""
        return f"{self.kind} {self.name!r}"

    def needed(self) -> list[str]:
        """The columns that every row must have."""
        ids = (self.id,) if isinstance(self.id, str) else self.id
        of = self.candidates
        columns = [*ids, self.prompt.column, of.column, *of.columns, of.media_column, *of.media_columns]
        columns += [self.label.column, self.label.letters]
        if self.criterion and self.criterion.required:
            columns.append(self.criterion.column)
        return list(dict.fromkeys(c for c in columns if c))

    def columns(self, media: bool = True) -> list[tuple[str, ...]]:
        """The columns that some row must have, each with those that may replace it.

        A dataset of the Hub is known to have its media, groups and categories: without their columns it is read as a lesser one.

        Args:
            media: False where rows may lack them.
        """
        columns: list[tuple[str, ...]] = [(c,) for c in self.needed()]
        if self.dataset.id:
            columns += [tuple(m.column for m in self.media)] if self.media else []
            columns += [(self.group if isinstance(self.group, str) else self.group.column,)] if self.group else []
            for kinds in self.categories.values():
                for rule in kinds.rules:
                    columns += [(rule.column,) if isinstance(rule.column, str) else rule.column]
                    columns += [(c,) for c in rule.where]
                columns += [(kinds.column,)] if kinds.column else []
        optional = set() if media else {m.column for m in self.media}
        return [c for c in dict.fromkeys(columns) if not optional.issuperset(c)]


def names() -> list[str]:
    """The benchmarks available, in alphabetical order."""
    return sorted(benchmark_folders())


def unknown_benchmark(name: str) -> str:
    """The message for a benchmark that is not available."""
    others = "`pairs` reads rows of your own; --tasks DIR names a folder of further benchmarks"
    return f"{unknown('benchmark', name, names())} ({others})"


def load_spec(name: str) -> BenchmarkSpec:
    """The declaration of one benchmark.

    Raises:
        UserError: there is no such folder, or its declaration does not fit.
    """
    folder = benchmark_folders().get(name)
    if folder is None:
        raise UserError(unknown_benchmark(name))
    path = folder / DECLARATION
    return _read(path, path.stat().st_mtime_ns)


@cache
def _read(path: Path, changed: int) -> BenchmarkSpec:
    """
    Args:
        changed: when the file was written: a notebook that goes on after an edit reads it again.
    """
    node, value = read_mapping(path, "`name`, `prompt`, `candidates` and `label`")
    try:
        spec = BenchmarkSpec.model_validate({**value, "folder": path.parent})
    except ValidationError as e:
        raise UserError(*problem_lines(in_file(path, node), e, BenchmarkSpec)) from None
    if spec.name != path.parent.resolve().name:
        raise UserError(
            f"{path}: line {line_of(node, ('name',))}: name: must be that of its folder, {path.parent.resolve().name!r}"
        )
    return spec
