"""The code blocks of a page of Markdown, as markdown-it reads it.

    <!-- needs: gpu hub -->
    ```bash
    rubric-harness run transfer.yaml
    ```

What a block needs stands in a comment on the line before it. A block with `title="NAME"` behind its language is a file of the reader's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

_NEEDS = re.compile(r"<!-- needs: ([\w -]+?) -->")
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    """Where its fence opens, from 1."""
    language: str
    text: str
    title: str = ""
    """The file that it is; empty where it is none."""
    needs: frozenset[str] = frozenset()
    """What a reader must have that a test does not."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(root: Path, page: str) -> list[Block]:
    text = (root / page).read_text(encoding="utf-8")
    lines = text.splitlines()
    result = []
    for token in MarkdownIt().parse(text):
        if token.type == "fence" and token.map:
            start = token.map[0]
            needs = _NEEDS.fullmatch(lines[start - 1].strip()) if start else None
            language, _, more = token.info.strip().partition(" ")
            title = _TITLE.search(more)
            wanted = frozenset(needs[1].split()) if needs else frozenset()
            result.append(Block(page, start + 1, language, token.content, title[1] if title else "", wanted))
    return result
