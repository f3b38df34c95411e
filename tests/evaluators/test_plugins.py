"""Doors for others: a package that is installed adds a module of each kind, and none of ours changes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evaluators import plugins
from evaluators.errors import UserError
from evaluators.plugins import Plugins, folders, objects
from evaluators.rubrics.arms import Arm
from evaluators.specs import BACKENDS
from evaluators.writers.base import METHODS
from harness_plugins.plugins import EXPORTS, IMPORTS, SOURCES, TABLES

ECHO = '''"""Says what it is told to say."""
from evaluators.capabilities import Capabilities
from evaluators.records import Answer

CAPABILITIES = Capabilities(seeds=True, fields=("model_args",), served_args=("says",))
TRANSPORT_ARGS = frozenset({"where"})

def check(spec):
    if not spec.model:
        raise ValueError("`model` is missing: what it shall say")

class Echo:
    name, in_process = "echo", False
    def __init__(self, spec): self._says = spec.model
    async def open(self, media): ...
    async def close(self): ...
    async def chat(self, request):
        return Answer(text=f"<answer>{self._says}</answer>", finish_reason="stop", answer_format=request.answer_format)

def create(spec):
    return Echo(spec)
'''
RUN = """
import sys
from harness_plugins.cli import main
sys.exit(main(sys.argv[1:]))
"""


def declare(site: Path, package: str, kind: str, **points: str) -> None:
    """What pip leaves beside a package's modules."""
    info = site / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[rubric_harness.{kind}]\n{lines}")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with a package as pip leaves it: modules, and what it says of its entry points."""
    site = tmp_path / "site"
    modules = {"echo": "strange_judges", "broken": "strange_broken", "openai": "strange_judges"}
    declare(site, "strange-judges", "backends", **modules)
    (site / "strange_judges.py").write_text(ECHO)
    (site / "strange_broken.py").write_text("import that_is_not_there\n")
    return site


def rubric_harness(site: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        env={"PYTHONPATH": f"{site}:{Path(__file__).parents[2]}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


def config(tmp_path: Path, backend: str, model: str = "1", more: str = "") -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(
        f"benchmarks: [demo]\narms: [none]\njudges: [{{name: j, backend: {backend}, model: '{model}'{more}}}]\nout: out\n"
    )
    return path


def test_a_backend_of_another_package_judges(installed: Path, tmp_path: Path) -> None:
    result = rubric_harness(installed, "run", config(tmp_path, "echo"), "--quiet")
    assert result.returncode == 0 and "50.0 (20/40)" in result.stdout, result.stderr
    assert "echo" in rubric_harness(installed, "tasks").stdout


def test_what_it_declares_is_held_to(installed: Path, tmp_path: Path) -> None:
    """A seed and its own arguments are taken, those that only say where are in no key, and a field of another's is refused."""
    more = ", seed: 3, model_args: {where: here, says: something}"
    result = rubric_harness(installed, "run", config(tmp_path, "echo", more=more), "--quiet")
    assert result.returncode == 0, result.stderr
    key = json.loads((tmp_path / "out" / "manifest.json").read_text())["judges"]["j"]["key"]
    assert key["seed"] == 3 and key["model_args"] == {"says": "something"}
    result = rubric_harness(installed, "run", config(tmp_path, "echo", more=", stream: true"))
    assert result.returncode == 2 and "stream belongs to the backend openai: leave it out" in result.stderr


@pytest.mark.parametrize(
    ("backend", "model", "complaint"),
    [
        ("echo", "", "line 3: judges.0: `model` is missing: what it shall say"),
        ("broken", "1", "'broken', which the package strange-judges brings (rubric_harness.backends), does not load"),
        ("ehco", "1", "did you mean 'echo'?"),
        ("openai", "1", "not an http(s) address"),
    ],
)
def test_its_mistakes_are_told(installed: Path, tmp_path: Path, backend: str, model: str, complaint: str) -> None:
    """The last of them: a package takes no name of ours."""
    result = rubric_harness(installed, "run", config(tmp_path, backend, model))
    assert result.returncode == 2 and complaint in result.stderr and "Traceback" not in result.stderr, result.stderr


@pytest.mark.parametrize(
    "plugins", [BACKENDS, METHODS, IMPORTS, EXPORTS, SOURCES, TABLES], ids=lambda plugins: plugins.kind
)
def test_each_of_ours_says_what_it_is(plugins: Plugins) -> None:
    assert plugins.names()
    for name in plugins.names():
        assert plugins.about(name), name


ARMS = """
from evaluators.rubrics.arms import Arm, as_text, Edited

FIRST_LINE = Arm.of_edit("first_line", "the rubric's first line alone", lambda item, rubric: Edited(as_text(rubric)))
NUMBER = 3
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package in this process, for the test alone."""

    def leave(kind: str, package: str = "strange-arms", **points: str) -> None:
        declare(tmp_path, package, kind, **points)
        (tmp_path / "strange_arms.py").write_text(ARMS)
        monkeypatch.syspath_prepend(tmp_path)
        plugins._brought.cache_clear()

    yield leave
    monkeypatch.undo()
    plugins._brought.cache_clear()
    sys.modules.pop("strange_arms", None)


def test_an_object_stands_under_its_entry_points_name(install: Install) -> None:
    install("arms", first_line="strange_arms:FIRST_LINE")
    (arm,) = objects("arms", Arm).values()
    assert arm.about == "the rubric's first line alone" and arm.per_writer


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("three", "strange_arms:NUMBER", "'three', which the package strange-arms brings .*is a int, and must be of the type "
         "evaluators.rubrics.arms.Arm: update that package or uninstall it"),
        ("last_line", "strange_arms:FIRST_LINE", "'last_line', .*is named 'first_line' itself: the two must be the same"),
        ("first_line", "strange_arms:LAST_LINE", "does not load: AttributeError: .*LAST_LINE"),
        ("first_line", "strange_legs:FIRST_LINE", "does not load: ModuleNotFoundError: .*strange_legs"),
    ],
    ids=["type", "name", "no object", "no module"],
)  # fmt: skip
def test_an_object_that_does_not_fit(install: Install, name: str, value: str, complaint: str) -> None:
    install("arms", **{name: value})
    with pytest.raises(UserError, match=complaint):
        objects("arms", Arm)


def test_a_folder_is_where_its_package_lies(install: Install, tmp_path: Path) -> None:
    (tmp_path / "strange_tasks").mkdir()
    install("benchmarks", mine="strange_tasks")
    assert folders("benchmarks") == {"mine": tmp_path / "strange_tasks"}


@pytest.mark.parametrize(
    ("module", "complaint"),
    [
        (
            "strange_arms",
            "'mine', which the package strange-arms brings .*names no folder: strange_arms is not a package",
        ),
        ("strange_legs", "names no folder: strange_legs is not a package"),
        ("strange_legs.tasks", "does not load: ModuleNotFoundError"),
    ],
)
def test_what_is_no_folder(install: Install, module: str, complaint: str) -> None:
    install("benchmarks", mine=module)
    with pytest.raises(UserError, match=complaint):
        folders("benchmarks")


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        ("arms", lambda: objects("arms", Arm)),
        ("benchmarks", lambda: folders("benchmarks")),
        ("backends", lambda: BACKENDS.module("twice")),
        ("backends", lambda: BACKENDS.about("twice")),
    ],
    ids=["objects", "folders", "used", "listed"],
)
def test_two_packages_with_one_name_are_both_named(install: Install, kind: str, use: Callable[[], object]) -> None:
    """Which of them would win is an accident, so neither does."""
    install(kind, "strange-arms", twice="strange_arms:FIRST_LINE")
    install(kind, "other-arms", twice="strange_arms:FIRST_LINE")
    with pytest.raises(UserError, match=rf"'twice' is brought by the packages other-arms and strange-arms .*{kind}"):
        use()


def test_two_packages_in_each_others_way_are_in_nobody_elses(install: Install) -> None:
    for package in ("strange-arms", "other-arms"):
        install("backends", package, twice="strange_arms", openai="strange_arms")
    assert "twice" in BACKENDS.names()
    assert BACKENDS.module("openai").__name__ == "evaluators.backends.openai"
