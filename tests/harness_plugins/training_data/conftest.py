"""A folder of training data, made once: what each row comes to follows from its number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness_plugins.training_data import Built
from tests.conftest import pair, png, read_jsonl, write_jsonl

PAIRS = 18


@dataclass(frozen=True)
class Made:
    """A folder with its config, and what the build returned."""

    config: Path
    built: Built

    @property
    def out(self) -> Path:
        return self.config.parent / "out"

    def lines(self, name: str) -> list[dict[str, Any]]:
        return read_jsonl(self.out / name)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Of 18 pairs the first is in a benchmark; two more rows say what the second and the third say, one of them the reverse; one
    row has no label. Pairs 4 and 5 show one picture."""
    from tests.harness_plugins.training_data.test_build import built, config_of

    folder = tmp_path_factory.mktemp("training")
    for n in range(PAIRS):
        (folder / f"{n}.png").write_bytes(png(4 if n == 5 else n))
    rows = [pair(n, media=[f"{n}.png"]) for n in range(PAIRS)]
    again = {**rows[1], "id": "again"}
    reverse = {**rows[2], "id": "reverse", "label": 1 - rows[2]["label"]}
    write_jsonl(folder / "rows.jsonl", [*rows, again, reverse, {**pair(99), "label": None}])
    write_jsonl(folder / "bench.jsonl", [pair(0, media=["0.png"])])
    more = "against: [{name: pairs, path: bench.jsonl}]\nbad_rows: skip\nformats: [trl, ms_swift]\nas_many: true\n"
    config = config_of(folder, more, "proxy_sft: 2, grm_sft: 3, grm_rl: 4")
    return Made(config, built(config))
