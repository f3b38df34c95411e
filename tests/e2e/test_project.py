"""What holds for the project as a whole: its layers, its bundled benchmark, its documents."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from evaluators.records import Item
from harness_plugins.benchmarks.loader import load_benchmark
from harness_plugins.folder.rubrics import read_rubrics
from harness_plugins.hosts.yamls import files
from tests.conftest import ROOT, real

HEAVY = {"torch", "lmms_eval", "datasets", "pandas", "transformers", "vllm", "statsmodels"}


def imports(path: Path, top_level: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level else list(ast.walk(tree))
    found = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    return {name.split(".")[0] for name in found | {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}}


def test_evaluators_know_no_harness() -> None:
    for path in (ROOT / "evaluators").rglob("*.py"):
        assert "harness_plugins" not in imports(path), path


INSIDE = {
    "harness_plugins/hosts/lmms_eval/task.py",
    "harness_plugins/hosts/lmms_eval/model.py",
    "harness_plugins/hosts/lmms_eval/foreign.py",
}
"""Loaded by lmms-eval itself, and only then."""
WITH_TORCH = {ROOT / "harness_plugins/rpo", ROOT / "harness_plugins/rpo/generators"}
"""Loaded by a training once its recipe has been read. Recipe, run folder and page are tested where there is no torch."""


def test_nothing_heavy_is_imported_at_module_level() -> None:
    for room in ("evaluators", "harness_plugins"):
        for path in (ROOT / room).rglob("*.py"):
            if str(path.relative_to(ROOT)) not in INSIDE and path.parent not in WITH_TORCH:
                assert not imports(path, top_level=True) & HEAVY, path


def test_the_task_files_are_what_the_benchmarks_say() -> None:
    for place, text in files(ROOT / "tasks").items():
        assert (ROOT / "tasks" / place).read_text() == text, f"{place}: run `python -m harness_plugins.hosts.yamls`"
    there = {p.relative_to(ROOT / "tasks") for p in (ROOT / "tasks").rglob("*.yaml")}
    assert {p for p in there if p.name != "benchmark.yaml"} == set(files(ROOT / "tasks")), (
        "a task file whose benchmark is gone"
    )


def test_every_module_says_what_it_is_for() -> None:
    for room in ("evaluators", "harness_plugins"):
        for path in (ROOT / room).rglob("*.py"):
            assert ast.get_docstring(ast.parse(path.read_text())), path


def demo() -> list[Item]:
    return list(load_benchmark("demo").items)


def test_the_demo_is_balanced_over_position_and_length() -> None:
    items = demo()
    assert len(items) == 40
    cells = Counter()
    for i in items:
        stored = i.stored[i.label.preferred or 0]
        longer = len(i.candidates[i.label.preferred or 0].text) > len(i.candidates[1 - (i.label.preferred or 0)].text)
        cells[stored, longer] += 1
    assert set(cells.values()) == {10}
    assert all(Path(f.path).read_bytes()[:4] == b"\x89PNG" for i in items for m in i.media for f in m.files)


def test_the_demo_has_two_writers_for_every_item() -> None:
    for name in ("careful", "vague"):
        found = read_rubrics(name, ROOT / "tasks" / "demo" / "rubrics" / f"{name}.jsonl", {"demo": demo()})
        assert len({r.item for r in found.rubrics}) == 40
        for r in found.rubrics:
            assert sum(c.weight for c in r.criteria) == 100
            assert not re.search(r"response [12ab]|candidate|better|winner", r.text.lower()), (
                "no verdict in a demo rubric"
            )


def test_the_demo_is_what_its_script_makes(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    folder = tmp_path / "demo"
    folder.mkdir()
    for script in (ROOT / "tasks" / "demo").glob("*.py"):
        (folder / script.name).write_bytes(script.read_bytes())
    subprocess.run([sys.executable, str(folder / "make_demo.py")], check=True, capture_output=True, cwd=folder)
    for name in ("pairs.jsonl", "rubrics/careful.jsonl", "rubrics/vague.jsonl"):
        assert (folder / name).read_bytes() == (ROOT / "tasks" / "demo" / name).read_bytes(), name
    assert len(list((folder / "images").iterdir())) == 40


def test_no_real_row_is_bundled() -> None:
    """The texts of the real rows are others' and stay out of the project."""
    import orjson

    rows = [
        orjson.loads(line) for line in (real("mm_rlhf_rewardbench") / "mm_reward_bench.jsonl").read_bytes().splitlines()
    ]
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    texts = "\n".join(
        (ROOT / f).read_text(errors="replace") for f in tracked if not f.endswith(".png") and (ROOT / f).exists()
    )
    assert not [r["id"] for r in rows if len(r["chosen"]) > 40 and r["chosen"] in texts]


def test_the_pages_that_the_code_names_are_there() -> None:
    named = {
        (path, page)
        for folder in ("evaluators", "harness_plugins", "performance", "tools")
        for path in (ROOT / folder).rglob("*.py")
        for page in re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8"))
    }
    assert any(page.startswith("docs/design/") for _, page in named)
    assert [(str(path), page) for path, page in named if not (ROOT / page).is_file()] == []
