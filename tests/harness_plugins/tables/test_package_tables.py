"""Tables of other packages: they follow ours in every format and on the report page, and one that fails takes nothing with it."""

from __future__ import annotations

import csv
import importlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from evaluators.plugins import Plugins
from harness_plugins.cli import main
from harness_plugins.plugins import TABLES
from harness_plugins.tables import package_tables
from tests.conftest import ROOT

pytestmark = pytest.mark.xdist_group("package tables")

LENGTHS = '''"""How many items each benchmark has."""
from harness_plugins.tables.model import Cell, Table, names, numbers

def tables(report):
    shown = []
    for benchmark, counts in report.items.items():
        table = Table("sizes", f"{benchmark}: sizes", [*names("benchmark"), *numbers("items")], benchmark=benchmark)
        table.add(benchmark, Cell(f"{counts[0]:,}", counts[0]))
        shown.append(table)
    return shown
'''
BROKEN = '''"""Fails."""

def tables(report):
    return 1 / 0
'''
UNEVEN = '''"""A row of no cells."""
from harness_plugins.tables.model import Table, names

def tables(report):
    return [Table("uneven", "uneven", names("judge"), [[[]]])]
'''
FAILED = "the table 'broken' of the package strange-tables failed: ZeroDivisionError: division by zero"
RUN = "import sys\nfrom harness_plugins.cli import main\nsys.exit(main(sys.argv[1:]))\n"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "demo"
    assert main(["run", str(ROOT / "examples" / "demo.yaml"), "--out", str(out), "--quiet", "--limit", "8"]) == 0
    return out


def site(folder: Path, **modules: str) -> Path:
    """A folder with a package as pip leaves it: a module for each table, and its entry points."""
    info = folder / "strange_tables-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange-tables\nVersion: 1.0\n")
    points = "".join(f"{name} = strange_{name}\n" for name in modules)
    (info / "entry_points.txt").write_text(f"[rubric_harness.tables]\n{points}")
    for name, text in modules.items():
        (folder / f"strange_{name}.py").write_text(text)
    return folder


def rubric_harness(installed_in: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        env={"PYTHONPATH": f"{installed_in}:{ROOT}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


class StrangeDoor(Plugins):
    """As if the package were installed here: entry points are looked up once a process."""

    def others(self) -> list[str]:
        return ["broken", "lengths", "uneven"]

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"strange_{name}")

    def distribution(self, name: str) -> str:
        return "strange-tables"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package in this process, all three of its tables."""
    monkeypatch.syspath_prepend(site(tmp_path / "site", broken=BROKEN, lengths=LENGTHS, uneven=UNEVEN))
    monkeypatch.setattr(package_tables, "TABLES", StrangeDoor(TABLES.kind, TABLES.package))
    yield
    for name in ("broken", "lengths", "uneven"):
        sys.modules.pop(f"strange_{name}", None)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("form", ["md", "latex", "html", "csv", "json"])
def test_they_follow_ours_in_every_format(demo: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(demo), "--format", form, *(["--all"] if form in ("md", "latex", "html") else [])]) == 2, (
        "a table has failed"
    )
    printed = capsys.readouterr()
    assert FAILED in printed.err and "table uneven: a row of 0 cells under 1 columns" in printed.err
    assert "all else is there; update that package or uninstall it" in printed.err
    if form == "csv":
        line = list(csv.DictReader(io.StringIO(printed.out)))[-1]
        assert (line["metric"], line["benchmark"], line["value"], line["text"]) == (
            "sizes",
            "demo",
            "8",
            "demo, items: 8",
        )
    elif form == "json":
        shown = {k: v for k, v in json.loads(printed.out)[-1].items() if v is not None}
        about = {"run": str(demo), "benchmark": "demo", "metric": "sizes", "row": {"benchmark": "demo"}}
        assert shown == about | {"column": "items", "value": 8, "text": "8"}
    else:
        assert 0 < printed.out.index("Rubric cards") < printed.out.index("demo: sizes")


@pytest.mark.usefixtures("installed")
def test_they_have_a_section_of_the_report(demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert main(["report", str(demo), "--out", str(tmp_path / "page.html")]) == 2
    page = (tmp_path / "page.html").read_text()
    assert page.index("From other packages") < page.index("<caption>demo: sizes</caption>")
    assert "&#39;broken&#39; of the package strange-tables failed" in page and FAILED in capsys.readouterr().err


def test_a_run_ends_in_them_and_is_whole_where_one_fails(tmp_path: Path) -> None:
    """As pip leaves it, in a process of its own."""
    folder = site(tmp_path / "site", broken=BROKEN, lengths=LENGTHS)
    result = rubric_harness(
        folder, "run", ROOT / "examples" / "demo.yaml", "--out", tmp_path / "out", "--quiet", "--limit", 8
    )
    assert result.returncode == 0 and "demo: sizes" in result.stdout and "Records:" in result.stdout, result.stderr
    assert f"error: {FAILED}" in result.stderr and "Traceback" not in result.stderr


def test_one_that_does_not_load_says_so(demo: Path, tmp_path: Path) -> None:
    folder = site(tmp_path / "site", absent="import that_is_not_there\n")
    result = rubric_harness(folder, "table", demo)
    assert result.returncode == 2 and "demo: accuracy of each judge" in result.stdout
    assert "'absent', which the package strange-tables brings (rubric_harness.tables), does not load" in result.stderr


def test_all_of_ours_are_in_the_order() -> None:
    from harness_plugins.tables.run import RUN_TABLES

    assert set(RUN_TABLES) == set(TABLES.names()) - set(TABLES.others())
    assert package_tables.NONE == ((), ())
