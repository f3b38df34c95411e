"""What the tests share: small benchmarks made on the spot, and the real rows where they are at hand."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("no deadline")

# Several tests run at a time: BLAS threads of each would wait for a processor by spinning. Processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["COLUMNS"] = "80"  # what is printed must not depend on the terminal of whoever runs the tests

ROOT = Path(__file__).parent.parent


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """pytest-xdist writes the group behind the test's name; where pytest does not take that, fixtures of minutes are made twice."""
    for item in items if getattr(config.option, "loadgroup", False) else []:
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
            raise pytest.UsageError(f"this pytest-xdist cannot group tests with pytest {pytest.__version__}")


def png(shade: int) -> bytes:
    """A real one-pixel PNG; each shade has bytes of its own."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(bytes([0, shade % 256, shade // 256 % 256, 0]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows of equal columns; a mapping of bytes and path becomes what the Hub's datasets hold for an image."""
    import duckdb

    path.parent.mkdir(parents=True, exist_ok=True)
    selects = " UNION ALL ".join("SELECT " + ", ".join(f'? AS "{column}"' for column in row) for row in rows)
    duckdb.execute(f"COPY ({selects}) TO '{path}' (FORMAT parquet)", [v for row in rows for v in row.values()])
    return path


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def pair(n: int, **more: Any) -> dict[str, Any]:
    """A pair whose preferred response says so: "good" answers are right."""
    good, bad = f"good answer number {n}", f"bad answer number {n}, at greater length"
    row = {
        "id": f"pair-{n}",
        "prompt": f"question {n}",
        "candidates": [good, bad] if n % 2 else [bad, good],
        "label": 0 if n % 2 else 1,
        "category": "even" if n % 4 < 2 else "odd",
    }
    return row | more


MakePairs = Callable[..., Path]


@pytest.fixture
def make_pairs(tmp_path: Path) -> MakePairs:
    """Writes `count` pairs (with an image each) and returns the rows file."""

    def make(count: int, images: bool = True, **more: Any) -> Path:
        rows = []
        for n in range(count):
            row = pair(n, **more)
            if images:
                (tmp_path / "images").mkdir(exist_ok=True)
                (tmp_path / "images" / f"{n}.png").write_bytes(png(n))
                row["media"] = [f"images/{n}.png"]
            rows.append(row)
        return write_jsonl(tmp_path / "rows.jsonl", rows)

    return make


@pytest.fixture
def rubrics(tmp_path: Path) -> Callable[..., Path]:
    """Writes a rubric for each of `count` pairs, written by hand."""

    def make(
        count: int, name: str = "writer", text: str = "Prefer the good answer to question {n}.", **more: Any
    ) -> Path:
        rows = [
            {"benchmark": "pairs", "id": f"pair-{n}", "writer": name, "text": text.replace("{n}", str(n))} | more
            for n in range(count)
        ]
        return write_jsonl(tmp_path / f"{name}.jsonl", rows)

    return make


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Run folders for paper tables, by name (`tests/harness_plugins/tables/spec_runs.py`); made once."""
    from tests.harness_plugins.tables.spec_runs import made

    yield from made(tmp_path_factory.mktemp("specs"))


def real(name: str) -> Path:
    """A folder of real rows beside the checkout; the test is skipped where there is none."""
    path = ROOT.parent / "shared" / "data" / name
    if not path.exists():
        pytest.skip(f"no real rows at {path}")
    return path
