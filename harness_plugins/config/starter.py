"""A first config: what somebody needs to be asked, as YAML with comments that say how to go on."""

from __future__ import annotations

import json
import math
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import yaml

from evaluators.inputs.names import as_name


@dataclass(frozen=True)
class Starter:
    """What a first config says. Paths are as the config is to have them."""

    file: str
    """The config's own, as a person there would type it."""
    endpoint: str
    model: str
    benchmark: str
    out: str
    rows: str = ""
    """A file with the benchmark's rows; none where it has rows of its own."""
    rubrics: str = ""
    """A rubric file; without one the arms are those that need none."""
    example: str = "mine.jsonl"
    """The rubric file that its comments name, where there is none."""

    def text(self) -> str:
        """The config, as a file is to hold it."""
        return _TEXT.format(
            ping=f"{self._typed('ping')}             ",
            dry_run=f"{self._typed('run')} --dry-run    ",
            run=f"{self._typed('run')}              ",
            benchmark=quoted(self.benchmark),
            rows=f"    path: {quoted(self.rows)}\n{_MEDIA}" if self.rows else "",
            judge=as_name(self.model, "judge"),
            model=quoted(self.model),
            endpoint=quoted(self.endpoint),
            family=quoted(family_of(self.model)),
            rubrics=self._rubrics(),
            out=quoted(self.out),
        )

    def _typed(self, command: str) -> str:
        return f"rubric-harness {command} {shlex.quote(' '.join(self.file.split()))}"

    def _rubrics(self) -> str:
        if not self.rubrics:
            return _WITHOUT.format(
                benchmark=json.dumps(self.benchmark), items=self._typed("items"), example=self._named(self.example)
            )
        return f"{_ABOUT}rubrics:\n  {self._named(self.rubrics)}\n{_ARMS}"

    @staticmethod
    def _named(rubrics: str) -> str:
        """An entry of `rubrics`: the file under its own name, which is a row of the table."""
        return f"{quoted(as_name(Path(rubrics).stem, 'mine'))}: {quoted(rubrics)}"


def family_of(model: str) -> str:
    """A guess at whose model it is, for a person to correct: the letters that its name begins with.

    >>> family_of("Qwen/Qwen2.5-VL-7B-Instruct")
    'qwen'
    """
    return re.split(r"[^a-z]", model.rpartition("/")[2].lower())[0] or "mine"


def quoted(text: str) -> str:
    """A text as YAML that means just this text, in one line: in quotes where it must be."""
    plain = yaml.safe_dump(text, allow_unicode=True, width=math.inf).removesuffix("...\n").removesuffix("\n")
    if plain == text and not re.search(r"[\[\]{},#]", text):
        return plain
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=math.inf).removesuffix("\n")


_TEXT = """\
# Does a rubric make this judge better? To try it out, in this order:
#   {ping}does the judge see images, can its verdicts be read, what will it cost?
#   {dry_run}what would be asked, and one prompt an arm; asks nothing
#   {run}judges; stop it at any time, the same command goes on
# All keys: docs/config.md. Paths are relative to this file. `rubric-harness schema --help` says how an editor can check it.

# What is judged: pairs whose better answer is known. `rubric-harness tasks` lists all; `rubric-harness tasks NAME` explains one.
benchmarks:
  - name: {benchmark}
{rows}    # limit: 50                   # only the first 50, to try things out; take it away, and the run goes on

# Who judges. More judges tell more: a rubric that helps only one may be made for that one.
judges:
  - name: {judge}
    backend: openai             # any server of OpenAI's chat completions: vLLM, SGLang, llama.cpp, Ollama, a provider
    model: {model}
    base_url: {endpoint}
    family: {family}              # whose model it is; a rubric's `family` too: only a judge of another family is "unseen" by its writer
    # api_key_env: MY_KEY         # the environment variable that holds the key; without this line OPENAI_API_KEY, where it is set
    # concurrency: 16             # requests at a time
    # max_tokens: 8192            # more room for models that think for long (4096 without this line)
    # verdict: direct             # one token with its probability in place of a reasoned answer; needs log-probabilities
    # media: none                 # for a model that reads text alone

{rubrics}
# Where the answers are kept. What is there is not asked again.
out: {out}
# What models cost, so that tables show money (examples/prices.yaml), and the most that this may cost:
# prices: prices.yaml
# max_cost: 5
"""

_MEDIA = "    # media_root: images/         # where the rows' pictures are; without this line beside the rows\n"

_ABOUT = """\
# What the judge is given to read: a file of one rubric a line, such as
#   {"id": "ID_OF_THE_ROW", "writer": {"name": "me", "family": "person"}, "text": "1. The count is right (60 %)."}
# `family` says whose model wrote it; `person` is for people. Without it no judge is known to be unseen, and nothing can be said.
"""

_ARMS = """\
# none: no rubric. generic: one fixed rubric for all. transferred: the rubric of each item. shuffled: the rubric of another item.
# repeat: none, asked again (the noise). A rubric helps by its content if transferred beats none, generic and shuffled.
arms: [none, generic, transferred, shuffled, repeat]
"""

_WITHOUT = """\
# No rubrics yet: the judge without one, and the same asked again (the noise).
arms: [none, repeat]

# With rubrics: take these lines in place of the one above. The file has one rubric a line, such as
#   {{"benchmark": {benchmark}, "id": "ID_OF_THE_ROW", "text": "1. The count is right (60 %). 2. Nothing is made up (40 %)."}}
# `{items}` prints the ids.
# rubrics:
#   {example}
# arms: [none, generic, transferred, shuffled, repeat]
#
# Or a model writes them, before the judge judges:
# writers:
#   - name: writer
#     backend: openai
#     model: MODEL
#     base_url: http://127.0.0.1:8001/v1
#     method: proxy_grm           # reads the answers; arr_zero_shot does not (`rubric-harness tasks` has all)
"""
