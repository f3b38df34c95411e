"""Arms of another package as controls: run and scored like ours, and what a folder says of them where the package is gone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from evaluators import plugins
from evaluators.errors import UserError
from evaluators.prompts.template import Case
from evaluators.rubrics.arms import ARMS
from evaluators.testing.mock import Reply
from harness_plugins import score
from harness_plugins.cli import main
from harness_plugins.config.run import load_config
from harness_plugins.experiment.dry_run import dry_run
from harness_plugins.scoring.export import export
from harness_plugins.scoring.sentences import sentence
from tests.conftest import read_jsonl
from tests.harness_plugins.scoring.test_conclusions import BY_CONTENT, FEW, MORE, OTHERS, Right, arm_of, judged, only

pytestmark = pytest.mark.xdist_group("package arms")
MODULE = """
from dataclasses import replace
from evaluators.rubrics.arms import Arm, ArmInput, Edited, as_text

def first_words(item, rubric):
    return Edited(replace(as_text(rubric), text="Short: " + " ".join(rubric.text.split()[:3])))

def far(item, rubric):
    return Edited(replace(as_text(rubric), text="Far: " + rubric.text))

def give_far(item, order, writer):
    for shuffle, donors in enumerate(writer.donors):
        for rubric in writer.of(donors[item.uid], order):
            yield ArmInput(far(item, rubric).text, shuffle, donors[item.uid])

SHORT = Arm.of_edit("short", "the rubric's first words", first_words, control=True)
UNCHANGED = Arm.of_edit("unchanged", "the rubric as it is", lambda item, rubric: Edited(as_text(rubric)), control=True)
FAR = Arm(name="far", about="another item's rubric, marked", give=give_far, edit=far, per_writer=True, donors=True, control=True)
"""
POINTS = "".join(f"{name} = strange_arms:{name.upper()}\n" for name in ("short", "unchanged", "far"))


def forget() -> None:
    """What was read of the installed packages, and their modules."""
    plugins._brought.cache_clear()
    vars(ARMS).pop("_arms", None)
    sys.modules.pop("strange_arms", None)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package lies as pip leaves it."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "strange_arms-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange-arms\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[rubric_harness.arms]\n{POINTS}")
    (folder / "strange_arms.py").write_text(MODULE)
    return folder


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package is at hand for the test alone."""
    monkeypatch.syspath_prepend(site)
    forget()
    yield
    monkeypatch.undo()
    forget()


def judge(right: Right) -> Callable[[Case], Reply]:
    """One that is right on the items whose last digits are told by arm."""

    def reply(case: Case) -> Reply:
        number = int(case.item.prompt.split()[-1])
        mark = case.rubric.text.partition(":")[0].lower() if case.rubric else ""
        arm = mark if mark in ("short", "far") else arm_of(case, number)
        good = 1 + case.order.index("AB"[case.item.label.preferred or 0])
        return str(good if number % 10 in right[arm] else 3 - good)

    return reply


ARMS_ASKED = "none, generic, transferred, shuffled, short, far"
DECLARED = "controls: [generic, shuffled, short, far]\n"


class Folders(NamedTuple):
    declared: Path
    """The config names the package's arms among its controls."""
    plain: Path
    """It does not, and has them judged."""


@pytest.fixture(scope="module")
def folders(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Runs in which `short` does as much as the rubrics, on other items, and `far` nothing. Not to be changed."""
    replies = {"a": judge(BY_CONTENT | {"short": OTHERS, "far": FEW})}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        forget()
        roots = {name: tmp_path_factory.mktemp(name) for name in ("declared", "plain")}
        for name, root in roots.items():
            judged(root, replies, DECLARED if name == "declared" else "", ARMS_ASKED)
    forget()
    return Folders(roots["declared"] / "out", roots["plain"] / "out")


@pytest.mark.usefixtures("installed")
def test_a_declared_control_is_tested_like_ours(folders: Folders) -> None:
    conclusion = only(score(folders.declared))
    assert {x.control: x.state for x in conclusion.leads} == dict.fromkeys(
        ("generic", "shuffled", "short", "far"), "tested"
    )
    assert sentence(conclusion).startswith("Helps; not shown to be more than short: ")
    assert conclusion.tested["far"].value == pytest.approx(0.3) and conclusion.tested["short"].value == 0


@pytest.mark.usefixtures("installed")
def test_one_that_is_not_declared_changes_no_conclusion(folders: Folders) -> None:
    conclusion = only(score(folders.plain))
    assert [x.control for x in conclusion.leads] == ["generic", "shuffled"]
    assert sentence(conclusion).startswith("Helps by its content: ")


def test_one_with_donors_reads_what_the_shuffle_drew(folders: Folders) -> None:
    lines = read_jsonl(folders.plain / "verdicts.jsonl")
    donors = {
        arm: {(v["item"], v["order"]): (v["donor"], v["rubric"]) for v in lines if v["arm"] == arm}
        for arm in ("shuffled", "far")
    }
    assert donors["far"] == donors["shuffled"] and len(donors["far"]) == 80
    assert all(donor != item for (item, _), (donor, _) in donors["far"].items())


@pytest.mark.usefixtures("installed")
def test_an_item_is_shown_with_what_the_judge_read(folders: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(folders.plain), "--limit", "1"]) == 0
    printed = capsys.readouterr().out
    assert "    Short: Rubric of w\n" in printed and "    Far: Rubric of w for " in printed


@pytest.mark.usefixtures("installed")
def test_a_public_export_says_the_same_without_the_texts(folders: Folders, tmp_path: Path) -> None:
    """What an arm makes of a text that was left out cannot be known: it is not asked to."""
    export(folders.declared, tmp_path / "public")
    assert score(tmp_path / "public").objects() == score(folders.declared).objects()


@pytest.mark.usefixtures("installed")
def test_one_that_changes_nothing_is_void(tmp_path: Path) -> None:
    right = {"none": FEW, "transferred": MORE}
    more, arms = "controls: [unchanged]\n", "none, transferred, unchanged"
    conclusion = only(judged(tmp_path, {"a": judge(right)}, more, arms))
    assert {x.control: x.state for x in conclusion.leads}["unchanged"] == "void"


@pytest.mark.usefixtures("installed")
def test_a_dry_run_says_that_a_declared_control_is_not_asked(folders: Folders) -> None:
    path = folders.declared.parent / "config.yaml"
    config = load_config(path)
    assert "Not tested" not in dry_run(config, path)
    without = config.model_copy(update={"arms": tuple(a for a in config.arms if a != "far")})
    assert "Not tested, pairs, w: far must be among `arms` and `controls`" in dry_run(without, path)


def test_without_the_package_its_arms_are_scored(folders: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    cells = {c.arm: c for c in score(folders.plain).cells if not c.computed}
    assert "far" not in ARMS and all(c.complete for c in cells.values())
    assert cells["far"].metrics["accuracy"].value == 0.5 and cells["short"].metrics["accuracy"].value == 0.8
    assert main(["show", str(folders.plain), "--limit", "1"]) == 0
    assert "(as the arm short made it, which another package brings that is not installed)" in capsys.readouterr().out


def test_without_the_package_no_conclusion_is_drawn_from_its_controls(folders: Folders) -> None:
    with pytest.raises(UserError, match=r"the control 'far', .*: install the package strange-arms, which brings it"):
        score(folders.declared)
