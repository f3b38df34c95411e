"""Writes pages of docs/ from what the code says of itself: `python tools/reference_pages.py`. A test holds the pages to it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from evaluators.errors import FATAL, KINDS, PERMANENT
from evaluators.records import (
    Answer,
    Candidate,
    Criterion,
    CriterionVerdict,
    FailedReplies,
    Failure,
    Item,
    Label,
    Media,
    MediaFile,
    Probability,
    Rubric,
    Verdict,
    Writer,
)
from evaluators.rubrics.arms import ARMS, Arm
from evaluators.specs import JudgeSpec, ModelSpec
from evaluators.stop_messages import FIXES
from evaluators.writers.base import WriterSpec
from harness_plugins.benchmarks.entry import BenchmarkEntry
from harness_plugins.config.run import Config

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

ARMS_HEAD = """# Arms

What a judge reads beside the candidates. `arms:` of a config names them; `python tools/reference_pages.py` writes this page
from the
registry in `evaluators/rubrics/arms.py`, and a package of yours [can bring one](../../CONTRIBUTING.md#add-an-arm).

```yaml
arms: [none, generic, transferred, shuffled, repeat]
```

*Control*: an arm that `transferred` must beat before its gain may be called one of content. *Default*: judged where `arms:` is
left out.
*Once for each writer*: the others are judged once, whatever the number of writers.

| arm | the judge reads | default | control | once for each writer |
|---|---|---|---|---|
"""

PAPERS_HEAD = """# Paper index

Which command prints which table of a paper, our rows beside the published ones. Without run folders it prints what is published.
`python tools/reference_pages.py` writes this page from `results/tables/` and `results/published/`.

```bash
rubric-harness table --specs
rubric-harness table --spec arr_cardinality
```

What a cell says, what is bold, and how to make a table of your own: [Paper tables](tables.md). Published numbers are typed from
the papers, each
with its place.

| table | of | command | published numbers | judged for our rows |
|---|---|---|---|---|
"""

FAQ_HEAD = """# Questions and errors

## Questions

**Nothing was found to help. Is something broken?** Look at the warnings above the table first: answers that could not be read
are counted as
not right. Then look at what the sentence says that so many items can show. With few items only a large gain can be seen.

**The sentence says "Cannot say".** Most often no judge is known to be a stranger to the writer: give `family` to both
([Unseen judges](design/unseen.md)). Else answers are missing: the same command asks for them again.

**Can I stop it?** Yes, at any time, also by `kill -9`. The same command goes on, and asks nothing twice.

**I added a judge, a writer or an arm.** Run the same command: only the new cells are asked for.

**I changed a rubric, and it is refused.** A name stands for one text. Give the changed rubrics another name under `rubrics:`,
or the run another
`out:`.

**Which exit codes are there?** 0: complete. 2: bad input. 3: errors remain, or `--max-cost` is used up. 130: interrupted.

**Where is my key written?** Nowhere: secrets are read from the environment (`api_key_env`) and are in no file.

## Mistakes in a file

Every mistake is a line with its place and its fix, and nothing is asked before all are mended:

```bash
cat > typo.yaml <<'END'
benchmarks: [demo]
judges: [{name: qwen, backend: openai, model: m, base_url: "http://127.0.0.1:8000/v1", temprature: 1}]
arms: [none, transfered]
out: results/runs/typo
END
rubric-harness run typo.yaml || true
```

```text
error: typo.yaml: line 2: unknown key 'temprature'; did you mean 'temperature'?
error: typo.yaml: line 3: arms: unknown arm 'transfered'; did you mean 'transferred'?
```

## Errors

A run that cannot go on says why, and what to do:

> stopped: judge 'qwen': the last 16 requests all failed: nothing listens at the address (no connection to 127.0.0.1:8000). To
> fix: start the server or correct base_url; then run the same command again.

A request that is not answered has an error of one of these kinds: in the progress line, in the message that ends a run, and in
`error.kind` of a verdict. `python tools/reference_pages.py` writes this table from `evaluators/errors.py` and
`evaluators/stop_messages.py`.

*Asked again*: by itself, up to `retries` times. *Ends the run*: when nothing but this comes back; the same command then goes on.

| kind | what it means | what to do | asked again | ends the run |
|---|---|---|---|---|
"""


KEYS: dict[str, tuple[type[BaseModel], ...]] = {
    "run": (Config,),
    "benchmark": (BenchmarkEntry,),
    "writer": (WriterSpec,),
    "judge": (ModelSpec, JudgeSpec),
}
"""The tables of docs/config.md, by the comment above each: the models whose own fields are its rows."""
IN_EVERY_KEY = {
    "name",
    "backend",
    "model",
    "model_args",
    "prompt",
    "temperature",
    "max_tokens",
    "max_tokens_field",
    "extra_body",
    "media",
    "max_pixels",
    "seed",
    "verdict",
    "grading",
    "decision",
    "ties",
    "scale",
    "answer_format",
    "top_logprobs",
}
"""Of a judge's fields those that decide its answers."""
_TABLE = re.compile(r"(?<=<!-- keys: )(\w+)( -->\n).*?(?=<!-- end of keys -->)", re.S)


def config() -> str:
    """docs/config.md as it is, with its tables of keys written anew."""
    return _TABLE.sub(lambda m: m[1] + m[2] + _table(m[1]), (DOCS / "config.md").read_text(encoding="utf-8"))


def _table(name: str) -> str:
    rows = [_key(name, field, info, about) for model in KEYS[name] for field, info, about in _fields(model)]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows, ""])


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo, str]]:
    """A model's own fields with what stands below each."""
    body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(body, ast.ClassDef)
    for node, below in zip(body.body, body.body[1:], strict=False):
        match node, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(about))):
                yield name, model.model_fields[name], " ".join(about.split())


def _key(table: str, name: str, info: FieldInfo, about: str) -> str:
    meaning, _, default = about.rpartition(" Default: ")
    meaning, default = (meaning, default.removesuffix(".")) if meaning else (about, _value(info))
    linked = re.sub(r"docs/([\w-]+\.md)(#[\w-]+)?", r"[\1](\1\2)", meaning)
    return f"| `{name}`{' *' if table == 'judge' and name in IN_EVERY_KEY else ''} | {default} | {linked} |"


def _value(info: FieldInfo) -> str:
    """A default as a config would have it."""
    if info.is_required():
        return "required"
    value: Any = info.get_default(call_default_factory=True)
    if value in (None, "", (), {}):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"{value:g}" if isinstance(value, int | float) else f"`{value}`"


RECORDS_HEAD = """# Record types

The fields of each record with their types, as `evaluators/records.py` has them; `python tools/reference_pages.py` writes this
page. A field with a
default may be left out of a line. What the fields mean for a reader is on the page [Records](../records.md).
"""
RECORDS = (
    Item,
    Candidate,
    Media,
    MediaFile,
    Label,
    Rubric,
    Writer,
    Criterion,
    Verdict,
    Answer,
    CriterionVerdict,
    Probability,
    Failure,
    FailedReplies,
)


def records() -> str:
    return RECORDS_HEAD + "".join(map(_record, RECORDS))


def _record(record: type) -> str:
    body = ast.parse(textwrap.dedent(inspect.getsource(record))).body[0]
    assert isinstance(body, ast.ClassDef)
    rows = []
    for node, below in zip(body.body, [*body.body[1:], None], strict=True):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                about = (
                    below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else ""
                )
                default = f"`{ast.unparse(value)}`" if value else ""
                cells = [f"`{name}`", f"`{ast.unparse(annotation)}`", default, " ".join(str(about).split())]
                rows.append(" | ".join(cell.replace("|", "\\|") for cell in cells))
    about = " ".join((ast.get_docstring(body) or "").split())
    table = "\n".join(f"| {row} |" for row in rows)
    return f"\n## {record.__name__}\n\n{about}\n\n| field | type | default | meaning |\n|---|---|---|---|\n{table}\n"


def yes(value: object) -> str:
    return "yes" if value else ""


def arms() -> str:
    return ARMS_HEAD + "\n".join(_arm(arm) for arm in ARMS.values()) + "\n"


def _arm(arm: Arm) -> str:
    return f"| `{arm.name}` | {arm.about} | {yes(arm.default)} | {yes(arm.control)} | {yes(arm.per_writer)} |"


def papers() -> str:
    return PAPERS_HEAD + "\n".join(_papers()) + "\n"


def _papers() -> Iterator[str]:
    for path in sorted((ROOT / "results" / "tables").glob("*.yaml")):
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
        published = ", ".join(f"`{p['table']}.yaml`" for p in spec.get("published", ())) or "none could be obtained"
        columns = spec["columns"]
        benchmarks = ", ".join(dict.fromkeys(f"`{c['benchmark']}`" for c in columns if c.get("benchmark")))
        command = f"`rubric-harness table --spec {path.stem} RUN_DIR...`"
        yield f"| {spec['title']} | {spec['paper']} | {command} | {published} | {benchmarks} |"


def faq() -> str:
    return FAQ_HEAD + "\n".join(_error(kind, meaning) for kind, meaning in KINDS.items()) + "\n"


def _error(kind: str, meaning: str) -> str:
    fix = FIXES.get(kind, "see what the message and the server's log say")
    return f"| `{kind}` | {meaning} | {fix} | {yes(kind not in PERMANENT)} | {yes(kind in FATAL)} |"


PAGES: dict[str, Callable[[], str]] = {
    "config.md": config,
    "reference/arms.md": arms,
    "reference/records.md": records,
    "papers.md": papers,
    "faq.md": faq,
}
"""Each page below docs/ and what it holds."""


if __name__ == "__main__":
    for place, page in PAGES.items():
        (DOCS / place).write_text(page(), encoding="utf-8")
