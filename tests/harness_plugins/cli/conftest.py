"""A config and its complete run, and the command line within this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from harness_plugins.cli import main
from tests.conftest import pair, png, write_jsonl

CONFIG = """
benchmarks: [{name: pairs, path: rows.jsonl}]
rubrics: {writer: writer.jsonl}
judges:
  - {name: lexical, backend: baseline}
  - {name: longest, backend: baseline}
out: out
"""


class Done(NamedTuple):
    code: int
    out: str
    err: str


Typed = Callable[..., Done]


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    """Types a command: its exit code, and what it printed."""

    def run(*args: object) -> Done:
        capsys.readouterr()
        return Done(main([str(a) for a in args]), *capsys.readouterr())

    return run


def written(folder: Path) -> Path:
    """A config with what it names: 12 pairs with pictures, and a rubric for each."""
    (folder / "images").mkdir()
    for n in range(12):
        (folder / "images" / f"{n}.png").write_bytes(png(n))
    write_jsonl(folder / "rows.jsonl", [pair(n, media=[f"images/{n}.png"]) for n in range(12)])
    rubric = {"benchmark": "pairs", "writer": "writer"}
    texts = [f"Prefer the good answer to question {n}." for n in range(12)]
    write_jsonl(folder / "writer.jsonl", [{**rubric, "id": f"pair-{n}", "text": text} for n, text in enumerate(texts)])
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return folder / "config.yaml"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder that is complete, its config beside it. Not to be changed."""
    path = written(tmp_path_factory.mktemp("judged"))
    assert main(["run", str(path), "--quiet"]) == 0
    return path.parent / "out"
