"""Writes pages of docs/ from what the code says of itself: `python tools/reference_pages.py`. A test holds the pages to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from evaluators.errors import FATAL, KINDS, PERMANENT
from evaluators.rubrics.arms import ARMS, Arm
from evaluators.stop_messages import FIXES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

ARMS_HEAD = """# Arms

What a judge reads beside the candidates. `arms:` of a config names them; `python tools/reference_pages.py` writes this page from the
registry in `evaluators/rubrics/arms.py`, and a package of yours [can bring one](../../CONTRIBUTING.md#add-an-arm).

```yaml
arms: [none, generic, transferred, shuffled, repeat]
```

*Control*: an arm that `transferred` must beat before its gain may be called one of content. *Default*: judged where `arms:` is left out.
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

What a cell says, what is bold, and how to make a table of your own: [Paper tables](tables.md). Published numbers are typed from the papers, each
with its place.

| table | of | command | published numbers | judged for our rows |
|---|---|---|---|---|
"""

FAQ_HEAD = """# Questions and errors

## Questions

**Nothing was found to help. Is something broken?** Look at the warnings above the table first: answers that could not be read are counted as
not right. Then look at what the sentence says that so many items can show. With few items only a large gain can be seen.

**The sentence says "Cannot say".** Most often no judge is known to be a stranger to the writer: give `family` to both
([Unseen judges](design/unseen.md)). Else answers are missing: the same command asks for them again.

**Can I stop it?** Yes, at any time, also by `kill -9`. The same command goes on, and asks nothing twice.

**I added a judge, a writer or an arm.** Run the same command: only the new cells are asked for.

**I changed a rubric, and it is refused.** A name stands for one text. Give the changed rubrics another name under `rubrics:`, or the run another
`out:`.

**Which exit codes are there?** 0: complete. 2: bad input. 3: errors remain, or `--max-cost` is used up. 130: interrupted.

**Where is my key written?** Nowhere: secrets are read from the environment (`api_key_env`) and are in no file.

## Errors

A request that is not answered has an error of one of these kinds: in the progress line, in the message that ends a run, and in `error.kind` of
a verdict. `python tools/reference_pages.py` writes this table from `evaluators/errors.py` and `evaluators/stop_messages.py`.

*Asked again*: by itself, up to `retries` times. *Ends the run*: when nothing but this comes back; the same command then goes on.

| kind | what it means | what to do | asked again | ends the run |
|---|---|---|---|---|
"""


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


PAGES: dict[str, Callable[[], str]] = {"reference/arms.md": arms, "papers.md": papers, "faq.md": faq}
"""Each page below docs/ and what it holds."""


if __name__ == "__main__":
    for place, page in PAGES.items():
        (DOCS / place).write_text(page(), encoding="utf-8")
