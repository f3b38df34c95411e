"""What is printed, to the byte: a change of the code's shape must not change it, and one of behaviour must be seen.

Each text lies in `golden/`. To take a change on, delete its file and run the test: it writes the file anew and fails once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.specs import JudgeSpec
from harness_plugins import __version__
from harness_plugins.cli import main
from tests.conftest import ROOT

pytestmark = pytest.mark.xdist_group("golden")

GOLDEN = Path(__file__).parent / "golden"
COMMANDS = [
    "", "demo", "init", "ping", "run", "rubrics", "score", "table", "check", "compare", "report", "view",
    "show", "items", "tasks", "import", "export", "cost", "data", "reward-server", "schema", "completion", "lmms-eval",
]  # fmt: skip
OLD = ROOT / "tests" / "harness_plugins" / "folder" / "folders" / "parser_1"
SPECS = [
    {"name": "a", "backend": "openai", "model": "m", "base_url": "http://host/v1"},
    {"name": "b", "backend": "openai", "model": "m", "base_url": "http://host/v1", "verdict": "direct", "max_pixels": 512, "seed": 3},
    {"name": "c", "backend": "openai", "model": "m", "base_url": "http://host/v1", "grading": "pointwise", "scale": [1, 9]},
    {"name": "d", "backend": "hf", "model": "m", "model_args": {"dtype": "bfloat16", "device_map": "auto", "max_num_frames": 8}},
    {"name": "e", "backend": "vllm", "model": "m", "model_args": {"max_model_len": 4096}, "temperature": 0.7, "samples": 2},
    {"name": "f", "backend": "openai", "model": "m", "base_url": "http://host/v1", "extra_body": {"top_p": 0.9, "api_key": "x"}},
    "longest",
]  # fmt: skip


def same(name: str, text: str, *paths: Path) -> None:
    for n, path in enumerate(paths):
        text = text.replace(str(path), f"RUN_{n}")
    text = text.replace(__version__, "VERSION")
    file = GOLDEN / name
    if not file.exists():
        file.write_text(text, encoding="utf-8")
        pytest.fail(f"{file.relative_to(ROOT)} was written: read it, and commit it")
    assert text == file.read_text(encoding="utf-8"), (
        f"{file.name} differs; if that is meant, delete it and run this again"
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("golden") / "demo"
    assert main(["run", str(ROOT / "examples" / "demo.yaml"), "--out", str(out), "--quiet"]) == 0
    return out


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    def run(*arguments: object) -> str:
        if arguments[0] in (
            "compare",
            "cost",
        ):  # they name the folder, whose path may be of any length: no line is to break by it
            monkeypatch.setenv("COLUMNS", "300")
        capsys.readouterr()
        main([str(a) for a in arguments])
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("form", ["md", "csv", "json", "latex", "html"])
def test_tables_of_a_folder_that_an_earlier_version_wrote(form: str, printed: Callable[..., str]) -> None:
    same(f"parser_1.{form}", printed("table", OLD, "--format", form), OLD)


def test_tables_of_the_demo(demo: Path, printed: Callable[..., str]) -> None:
    same("demo.md", printed("table", demo), demo)


def test_what_reads_a_run_folder(demo: Path, printed: Callable[..., str]) -> None:
    same("check.txt", printed("check", demo), demo)
    same("parser_1.json", printed("score", OLD, "--json"), OLD)
    same("cost.txt", printed("cost", OLD), OLD)
    same("show.txt", printed("show", demo, "--limit", 2), demo, ROOT)
    same("compare.txt", printed("compare", demo, demo), demo)


def test_what_a_run_ends_in(demo: Path, printed: Callable[..., str]) -> None:
    same("run.txt", printed("run", ROOT / "examples" / "demo.yaml", "--out", demo, "--quiet"), demo)
    dry = printed("run", ROOT / "examples" / "demo.yaml", "--out", demo, "--dry-run")
    same("dry_run.txt", dry, demo, ROOT)


def test_the_manifest(demo: Path) -> None:
    manifest = json.loads((demo / "manifest.json").read_text())
    for changing in ("versions", "created", "updated"):
        manifest.pop(changing, None)
    same("manifest.json", json.dumps(manifest, indent=1) + "\n", demo, ROOT)


def test_keys() -> None:
    fields = {s.name: {**s.key_fields(), "digest": s.digest} for s in map(JudgeSpec.model_validate, SPECS)}
    same("key_fields.json", json.dumps(fields, indent=1) + "\n")


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="each Python's argparse lays help out in its own way")
@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    same(f"help{'-' * bool(command)}{command}.txt", capsys.readouterr().out)
