"""A config that is typed as options: `--judge openai:MODEL@URL --benchmark demo --rubrics mine=rubrics.jsonl`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from evaluators.inputs.configs import ConfigFile

ROW_FILES = (".jsonl", ".json", ".parquet")
JUDGES = "a baseline's name, or openai:MODEL@URL, vllm:MODEL, hf:MODEL"


class Flags(NamedTuple):
    """What was typed, each option as often as it was."""

    judges: Sequence[str] = ()
    benchmarks: Sequence[str] = ()
    rubrics: Sequence[str] = ()
    changes: Sequence[str] = ()
    """Of --set."""

    def typed(self) -> list[str]:
        """The words of the command line again."""
        named = zip(("--judge", "--benchmark", "--rubrics", "--set"), self, strict=True)
        return [word for option, values in named for value in values for word in (option, value)]


def file_of(path: Path | None, flags: Flags) -> ConfigFile:
    """The config that was typed: a file with what `--set` changes in it, or options alone.

    >>> file = file_of(None, Flags(["longest"], ["demo"]))
    >>> file.value["judges"], str(file.value["out"])
    (['longest'], 'results/runs/demo')

    Raises:
        UserError: an option means nothing, or options are missing, or stand beside a file that says the same.
    """
    from evaluators.errors import UserError
    from harness_plugins.config.run import read_config

    given = [o for o, values in zip(("--judge", "--benchmark", "--rubrics"), flags, strict=False) if values]
    if path is not None:
        if given:
            raise UserError(
                f"{given[0]} and a config file ({path}): leave the file out, or change what it says with --set, such as "
                "--set judges.0.model=NAME"
            )
        file = read_config(path)
    elif not (flags.judges and flags.benchmarks):
        raise UserError(
            "give a config file, or --judge and --benchmark: rubric-harness run --judge openai:MODEL@URL --benchmark demo "
            "(`rubric-harness init` writes a first config)"
        )
    else:
        file = _file_of_options(flags)
    for text in flags.changes:
        file = file.changed(text)
    return file


def _file_of_options(flags: Flags) -> ConfigFile:
    from evaluators.inputs.configs import ConfigFile

    entries = [benchmark_of(text) for text in flags.benchmarks]
    judges: list[Any] = []
    for text in flags.judges:
        judges.append(_renamed(judge_of(text), judges))
    value: dict[str, Any] = {"benchmarks": entries, "judges": judges}
    options: dict[tuple[str | int, ...], str] = {("benchmarks",): "--benchmark", ("judges",): "--judge"}
    options |= {("benchmarks", n): f"--benchmark {text}" for n, text in enumerate(flags.benchmarks)}
    options |= {("judges", n): f"--judge {text}" for n, text in enumerate(flags.judges)}
    for text in flags.rubrics:
        name, path = rubrics_of(text)
        value.setdefault("rubrics", {})[name] = path
        options["rubrics", name] = f"--rubrics {text}"
    places = [Path(e["path"]).stem if "path" in e else e["name"] for e in entries]
    value["out"] = str(Path("results") / "runs" / "-".join(dict.fromkeys(places)))
    return ConfigFile(Path("the options"), None, value, options)


def benchmark_of(text: str) -> dict[str, Any]:
    """The entry of `benchmarks` that a text means: a benchmark's name, or a file of rows for the benchmark `pairs`.

    >>> benchmark_of("demo")
    {'name': 'demo'}

    Raises:
        UserError: it is neither.
    """
    from evaluators.errors import UserError
    from harness_plugins.benchmarks.spec import names, unknown_benchmark

    if text in names():
        return {"name": text}
    path = Path(text)
    if path.suffix in ROW_FILES or path.exists():
        if not path.exists():
            raise UserError(f"{text} is not there: give a file of rows, or a benchmark's name")
        return {"name": "pairs", "path": text}
    raise UserError(unknown_benchmark(text))


def judge_of(text: str) -> str | dict[str, Any]:
    """The entry of `judges` that a text means.

    >>> judge_of("openai:Qwen/Qwen2.5-VL-7B-Instruct@http://127.0.0.1:8000/v1")["name"]
    'Qwen2.5-VL-7B-Instruct'
    >>> judge_of("longest")
    'longest'

    Raises:
        UserError: it means none.
    """
    from evaluators.errors import UserError
    from evaluators.inputs.names import as_name, unknown
    from evaluators.specs import BACKENDS, NAME_ALONE, capabilities

    backend, colon, model = text.partition(":")
    if not colon:
        baselines = capabilities(NAME_ALONE).models
        if text not in baselines:
            raise UserError(f"--judge {text}: {unknown('baseline', text, baselines)} (a judge is {JUDGES})")
        return text
    if backend not in BACKENDS.names() or backend == NAME_ALONE:
        raise UserError(f"--judge {text}: {unknown('backend', backend, BACKENDS.names())} (a judge is {JUDGES})")
    address = re.fullmatch(r"(.+)@(https?://.+)", model)
    if backend == "openai" and address is None:
        raise UserError(
            f"--judge {text}: where is it served? Give openai:MODEL@URL, such as openai:{model.partition('@')[0] or 'MODEL'}"
            "@http://127.0.0.1:8000/v1"
        )
    name, url = (address[1], address[2]) if address else (model, "")
    entry = {"name": as_name(name, "judge"), "backend": backend, "model": name}
    return {**entry, "base_url": url} if url else entry


def _renamed(entry: str | dict[str, Any], earlier: Sequence[str | dict[str, Any]]) -> str | dict[str, Any]:
    """With a number behind its name where an earlier judge has the name: the same model at another address."""
    taken = {e if isinstance(e, str) else e["name"] for e in earlier}
    if isinstance(entry, str) or entry["name"] not in taken:
        return entry
    number = next(n for n in range(2, len(taken) + 3) if f"{entry['name']}-{n}" not in taken)
    return {**entry, "name": f"{entry['name']}-{number}"}


class NamedFile(NamedTuple):
    """A rubric file, and the name of its writer in tables."""

    name: str
    path: str


def rubrics_of(text: str) -> NamedFile:
    """What `--rubrics` means: FILE, or NAME=FILE.

    >>> rubrics_of("mine=rubrics.jsonl"), rubrics_of("careful.jsonl").name
    (NamedFile(name='mine', path='rubrics.jsonl'), 'careful')
    """
    from evaluators.inputs.names import as_name

    name, equals, path = text.partition("=")
    if equals and name and not Path(text).exists():
        return NamedFile(name, path)
    return NamedFile(as_name(Path(text).stem, "rubrics"), text)
