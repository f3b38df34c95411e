"""Writes docs/metrics.md from the registry: `python tools/metrics_page.py`. A test holds the page to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness_plugins.scoring.metric_kinds import SECTIONS

PAGE = Path(__file__).parent.parent / "docs" / "metrics.md"
HEAD = """# Metrics

What `score --json` prints under `metric`. The registry in `harness_plugins/scoring/metric_kinds.py` says it, and
`python tools/metrics_page.py` writes this page. *CATEGORY* and the like stand for what varies. `score --json` has shares and points
as fractions of 1; tables print them times 100. A metric that has no value for a cell is not there, or null.

| unit | is |
|---|---|
| share | 0 to 1 |
| points | a difference of two shares, -1 to 1 |
| coefficient | how far two agree, -1 to 1 |
| number | a number of its own scale |
| count | items, or fractions of them where an item has several samples or replicates |
| tokens, compute, money | of one decision; compute is billions of parameters times tokens |
| text | a sentence |
"""


def page() -> str:
    return "\n".join([HEAD, *_tables()])


def _tables() -> Iterator[str]:
    for title, kinds in SECTIONS.items():
        yield f"## {title}\n"
        yield "| metric | column | unit | better | is |\n|---|---|---|---|---|"
        for kind in kinds:
            name, column = (re.sub(r"\{(\w+)\}", lambda m: m[1].upper(), text) for text in (kind.name, kind.header))
            yield f"| `{name}` | {column} | {kind.unit} | {kind.better.replace('_', ' ')} | {kind.about} |"
        yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
