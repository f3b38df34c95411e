"""What became of each item in each cell, and which items a page shows: by a run whose outcomes follow from the item's number."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_plugins.report.contents import LENGTHS, contents
from harness_plugins.report.outcomes import BROKEN, FIXED, FLIPPED, choose, outcomes
from harness_plugins.report.verdicts import verdicts_of
from harness_plugins.scoring.arrays import CellKey, RunData
from harness_plugins.scoring.read import read_run
from tests.harness_plugins.report.item_runs import STATES, make_state
from tests.harness_plugins.report.report_runs import ITEMS, LEAKING, make_run, recounted

pytestmark = pytest.mark.xdist_group("report")
BITS = {"fixed": FIXED, "broken": BROKEN, "flipped": FLIPPED}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("outcomes"))


@pytest.fixture(scope="module")
def run(folder: Path) -> RunData:
    return read_run(folder)


def test_flags_are_what_the_lines_say(run: RunData, folder: Path) -> None:
    by_benchmark = outcomes(run, run.benchmarks["pairs"], "strict")
    assert by_benchmark is not None and outcomes(run, run.benchmarks["pairs"], "official") is None
    expected = recounted(folder)
    for n, item in enumerate(by_benchmark.benchmark.items):
        for m, cell in enumerate(by_benchmark.cells):
            flags = int(by_benchmark.flags[n, m])
            assert {name for name, bit in BITS.items() if flags & bit} == expected[item.uid][tuple(cell)], (
                item.uid,
                cell,
            )


def test_states_and_boards_are_what_was_picked(run: RunData) -> None:
    """`steady` without a rubric: of every three items it goes by the place on one, is wrong on one, right on one."""
    by_benchmark = outcomes(run, run.benchmarks["pairs"], "strict")
    assert by_benchmark is not None
    none = by_benchmark.cells.index(CellKey("steady", "none", None))
    for n, item in enumerate(by_benchmark.benchmark.items):
        kind = int(item.source_id.split("-")[1]) % 3
        right = "AB"[item.label.preferred or 0]
        wrong = "BA"[item.label.preferred or 0]
        by_place = [[f"{'+' if right == first else '-'}{first}"] for first in "AB"]
        assert by_benchmark.states[n, none] == "HWR"[kind]
        assert by_benchmark.board(n, none) == [by_place, [[f"-{wrong}"]] * 2, [[f"+{right}"]] * 2][kind]


@pytest.mark.parametrize("name", ["ties", "one-order", "scored-alone", "crossed"])
def test_every_state_of_a_run_has_its_letter(name: str, tmp_path: Path) -> None:
    data = read_run(make_state(tmp_path, STATES[name]))
    by_benchmark = outcomes(data, data.benchmarks["pairs"], "strict")
    assert by_benchmark is not None
    for n in range(len(by_benchmark.benchmark.items)):
        for cell in range(len(by_benchmark.cells)):
            board = by_benchmark.board(n, cell)
            words = [word for draws in board if draws for word in draws]
            state = by_benchmark.states[n, cell]
            assert len([draws for draws in board if draws]) == {"one-order": 1, "scored-alone": 1}.get(name, 2)
            if name == "ties" and by_benchmark.benchmark.items[n].label.kind == "tie":
                assert state in "NUM" and {word[0] for word in words} == {"="}
            elif state in "RHW":
                signs = {word[0] for word in words}
                assert signs == {"R": {"+"}, "H": {"+", "-"}, "W": {"-"}}[state]
            else:
                assert {"U": "=unread", "M": "=missing"}[state] in words


def test_of_a_larger_run_some_of_each_kind_are_shown(run: RunData) -> None:
    by_benchmark = outcomes(run, run.benchmarks["pairs"], "strict")
    assert by_benchmark is not None
    everything = choose(run, [by_benchmark], ITEMS)
    assert len(everything.uids) == everything.total == ITEMS and not everything.reasons
    some = choose(run, [by_benchmark], 5)
    assert len(some.uids) == 5 == sum(some.reasons.values()) and some.total == ITEMS
    assert {"fixed", "leak suspected"} <= set(some.reasons)
    assert some == choose(run, [by_benchmark], 5), "the same each time"


def test_verdicts_of_a_few_items_alone_are_read(run: RunData) -> None:
    uid = run.benchmarks["pairs"].items[2].uid
    trials = verdicts_of(run, [uid])
    assert set(trials) == {uid} and all(v.item == uid for cell in trials[uid].values() for v in cell)
    assert [v.order for v in next(iter(trials[uid].values()))] == ["AB", "BA"]
    assert verdicts_of(run, []) == {}


def test_an_items_block_holds_what_was_shown_and_said(run: RunData) -> None:
    by_benchmark = outcomes(run, run.benchmarks["pairs"], "strict")
    assert by_benchmark is not None
    items = by_benchmark.benchmark.items
    uids = [i.uid for i in items if i.source_id in ("pair-0", f"pair-{LEAKING[0]}")]
    page = contents(run, [by_benchmark], uids, verdicts_of(run, uids), LENGTHS[-1])
    assert [entry[0] for entry in page.index["items"]] == uids and len(page.items) == len(page.pictures) == 2
    first = page.items[0]
    assert first["prompt"] == "What is in picture 0?" and len(first["candidates"]) == 2
    assert any(isinstance(reason[0], list) and reason[0][1] > 1000 for reason in first["reasons"]), "a long one is cut"
    assert {trial[1] for cell in first["cells"].values() for trial in cell} == {"ok"}
