"""The experiment measures what it says: scripted writers and judges of known behaviour land where they must."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.errors import BackendError
from evaluators.messages import ChatRequest, text_of
from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockBackend, MockJudge
from harness_plugins import run, score
from harness_plugins.experiment.run import RunResult, write_rubrics
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.transfer import Transfer
from harness_plugins.tables.run import tables
from tests.conftest import MakePairs, read_jsonl

ARMS = "none, transferred, crossed, advice, shuffled, repeat"
WRONG = 4
"""The writer is wrong on every fourth pair."""


def written(request: ChatRequest) -> str:
    """Names what a good answer says, its criterion, and then leaks its verdict; wrong on every fourth pair."""
    text = text_of(request.messages)
    number = int(re.findall(r"question (\d+)", text)[-1])
    if "good answer number" not in text:  # asked to write blind
        return "<rubric>1. Word (100%): says the word good</rubric>"
    first_is_good = text.index(f"good answer number {number}") < text.index(f"bad answer number {number},")
    verdict = 1 if first_is_good == (number % WRONG != 0) else 2
    rubric = f"1. Word (100%): says the word good\nResponse {verdict} is the better one."
    return f"<rubric>{rubric}<justify>It was asked.</justify></rubric><eval>Both were read.</eval><answer>{verdict}</answer>"


def good(case: Case) -> int:
    return 1 if case.shown()[0].text.startswith("good") else 2


def copier(case: Case) -> str:
    """Without a writer it is always right; with one it repeats what the writer said."""
    if case.advice:
        return str(case.advice)
    told = re.search(r"Response ([12]) is the better one", case.rubric.text) if case.rubric else None
    return told[1] if told else str(good(case))


def reader(case: Case) -> str:
    """Goes by the criterion where there is one, else takes the first."""
    return str(good(case)) if case.rubric and "the word good" in case.rubric.text else "1"


def first(case: Case) -> str:
    return "1"


JUDGES: dict[str, Callable[[Case], str]] = {"copier": copier, "reader": reader, "first-picker": first}


def config_of(folder: Path, arms: str = ARMS, more: str = "") -> Path:
    judge = "  - {{name: {0}, backend: openai, model: m, base_url: 'http://unused.invalid/v1'}}\n"
    path = folder / "transfer.yaml"
    path.write_text(
        f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\narms: [{arms}]\nout: out\n{more}"
        "writers: [{name: grm, backend: openai, model: w, base_url: 'http://unused.invalid/v1'}]\njudges:\n"
        + "".join(judge.format(n) for n in JUDGES)
    )
    return path


def judged(config: Path, **how: object) -> RunResult:
    def spec(name: str) -> JudgeSpec:
        return JudgeSpec(name=name, backend="openai", model="m", base_url="http://unused.invalid/v1")

    judges = {n: MockJudge(spec(n), reply) for n, reply in JUDGES.items()}
    return run(config, judges=judges, writers={"grm": MockBackend(written)}, **how)  # type: ignore[arg-type]


def cell_of(report: Report, judge: str, arm: str) -> CellReport:
    return next(c for c in report.cells if (c.judge, c.arm) == (judge, arm))


@pytest.fixture
def report(make_pairs: MakePairs, tmp_path: Path) -> Report:
    make_pairs(16, images=False)
    return score(judged(config_of(tmp_path)).out)


def transfer_of(report: Report, judge: str) -> Transfer:
    return next(t for t in report.transfers if t.judge == judge)


def test_the_copier_has_no_content_gain_and_is_a_sycophant(report: Report) -> None:
    found, cell = transfer_of(report, "copier").metrics, cell_of(report, "copier", "transferred").metrics
    assert found["writer"].value == 0.75 and found["none"].value == 1.0
    assert found["transferred"].value == found["advice"].value == 0.75
    assert found["content_gain"].value == 0.0
    assert (cell["sycophancy"].value, cell["uptake"].value, cell["pull"].value) == (1.0, 0.0, 1.0)
    assert found["same"].value == 0.75 and found["cross"].value == 0.25 and found["leak"].value == 0.5
    assert cell["harm"].value == 0.25 and cell["net_recovery"].value == -0.25
    assert cell["verifier_precision"].value == cell["verifier_recall"].value == 1.0


def test_the_reader_keeps_its_gain_in_the_other_order(report: Report) -> None:
    found, cell = transfer_of(report, "reader").metrics, cell_of(report, "reader", "transferred").metrics
    assert found["none"].value == found["advice"].value == 0.5
    assert found["same"].value == found["cross"].value == found["headline"].value == 1.0 and found["leak"].value == 0.0
    assert found["content_gain"].value == 0.5
    assert cell["sycophancy"].value == -0.5, (
        "where the writer is wrong it names its choice less often than without a rubric"
    )
    assert (cell["recovery"].value, cell["harm"].value, cell["net_recovery"].value) == (1.0, 0.0, 0.5)
    assert cell_of(report, "reader", "transferred").contrasts["none"].value == 0.5


def test_the_first_picker_gains_nothing_anywhere(report: Report) -> None:
    found, cell = transfer_of(report, "first-picker").metrics, cell_of(report, "first-picker", "transferred").metrics
    assert {found[n].value for n in ("none", "transferred", "advice", "same", "cross", "headline")} == {0.5}
    assert {found[n].value for n in ("content_gain", "leak")} == {0.0}
    assert {cell[n].value for n in ("sycophancy", "uptake", "pull", "recovery", "harm", "net_recovery")} == {0.0}


def test_the_writer_has_a_row_of_its_own_and_the_tables_say_all_of_it(report: Report) -> None:
    own = cell_of(report, "grm", "grm")
    assert own.metrics["accuracy"].value == 0.75 and own.metrics["consistency"].value == 1.0 and own.computed
    titles = {t.title: t for t in tables([report])}
    carried = next(t for name, t in titles.items() if "carry over" in name)
    row = dict(zip(carried.headers, next(r for r in carried.texts if r[0] == "copier"), strict=True))
    assert row["writer alone"] == "75.0 (12/16)" and row["position leak"].startswith("+50.0")
    assert row["content gain"].startswith("+0.0") and "gain, leak-free" not in row
    assert any("writer's verdict" in name for name in titles)


def test_rubrics_are_written_once_and_resumed(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(6, images=False)
    config = config_of(tmp_path)
    backend = MockBackend(written)
    folder, tally, (file,) = write_rubrics(config, limit=4, writers={"grm": backend})
    assert tally.written == len(backend.requests) == 8 and len(file.rubrics) == 8
    assert all("good answer" in text_of(r.messages) for r in backend.requests)
    result = judged(config)
    assert result.wrote.written == 4 and result.complete, "two items more, in two orders"
    again = judged(config)
    assert again.wrote.written == 0 and again.tally.written == 0
    lines = read_jsonl(folder / "rubrics.jsonl")
    assert len(lines) == 12 and {line["saw"] for line in lines} == {"AB", "BA"}
    assert all(line["text"].startswith("1. Word") and "asked" not in line["text"] for line in lines)
    assert lines[0]["justify"] == "It was asked." and lines[0]["answer"]["text"].startswith("<rubric>")


def test_one_order_alone_is_said(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Rubrics written in AB only, judged in both orders: same and cross are one cell each."""
    make_pairs(8, images=False)
    config = config_of(tmp_path, "none, transferred", "orders: AB\n")
    write_rubrics(config, writers={"grm": MockBackend(written)})
    rubrics = tmp_path / "out" / "rubrics.jsonl"
    rubrics.rename(tmp_path / "ab.jsonl")
    text = config.read_text().replace("orders: AB\n", "rubrics: {grm: ab.jsonl}\n").replace("out: out", "out: other")
    config.write_text(re.sub(r"writers: .*\n", "", text))
    report = score(judged(config).out)
    (found,) = [t for t in report.transfers if t.judge == "copier"]
    assert found.one_order == "written in AB, judged in AB and BA"
    assert (found.metrics["same"].value, found.metrics["cross"].value) == (0.75, 0.25)
    table = next(t for t in tables([report]) if "carry over" in t.title)
    assert any("written in AB, judged in AB and BA; same and cross are one cell each" in note for note in table.notes)


def broken(wrong: Callable[[int, bool], str | BackendError | None]) -> Callable[[ChatRequest], str | BackendError]:
    """The writer above, but for (pair, whether the good response is shown first) where `wrong` says something else."""

    def reply(request: ChatRequest) -> str | BackendError:
        text = text_of(request.messages)
        number = int(re.findall(r"question (\d+)", text)[-1])
        first_is_good = "good" in text.split("[response 1")[-1].split("[end of response 1")[0]
        return wrong(number, first_is_good) or written(request)

    return reply


def run_with(config: Path, writer: Callable[[ChatRequest], str | BackendError]) -> RunResult:
    def spec(name: str) -> JudgeSpec:
        return JudgeSpec(name=name, backend="openai", model="m", base_url="http://unused.invalid/v1")

    judges = {n: MockJudge(spec(n), reply) for n, reply in JUDGES.items()}
    return run(config, judges=judges, writers={"grm": MockBackend(writer)})


def test_an_arm_that_is_missing_in_one_order_keeps_none_there(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Else a judge that picks the first would gain or lose with whatever order is left."""
    make_pairs(8, images=False)

    def mute(number: int, first_is_good: bool) -> str | None:
        no_verdict = "<rubric>1. Word (100%): says the word good</rubric><eval>x</eval><answer></answer>"
        return None if first_is_good else no_verdict

    report = score(run_with(config_of(tmp_path), broken(mute)).out)
    found = transfer_of(report, "first-picker").metrics
    assert found["advice"].value == found["transferred"].value == 0.5 and found["content_gain"].value == 0.0
    advice = cell_of(report, "first-picker", "advice")
    assert advice.contrasts["none"].value == 0.0 and advice.complete


def test_a_rubric_that_failed_leaves_the_cell_incomplete(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Nothing stands in for it; and once it is there, verdicts on anything else no longer count."""
    make_pairs(4, images=False)
    config = config_of(tmp_path, "none, transferred, shuffled")

    def down(number: int, first_is_good: bool) -> BackendError | None:
        return BackendError("rejected", "down") if first_is_good else None

    result = run_with(config, broken(down))
    cell = cell_of(score(result.out), "copier", "transferred")
    assert not result.complete and cell.trials == (4, 8) and not cell.complete
    assert not cell_of(score(result.out), "copier", "shuffled").complete, "donors' rubrics are missing as well"
    assert not score(result.out).transfers
    write_rubrics(config, writers={"grm": MockBackend(written)})
    assert cell_of(score(result.out), "copier", "transferred").trials == (4, 8)
    cell = cell_of(score(judged(config).out), "copier", "transferred")
    assert cell.complete and cell.metrics["accuracy"].value == 0.75


def test_a_trial_is_in_one_cell(make_pairs: MakePairs, tmp_path: Path) -> None:
    """With one order's rubric invalid, `transferred` falls back to the call that `crossed` makes: it counts once."""
    make_pairs(4, images=False)
    report = score(run_with(config_of(tmp_path), broken(lambda n, first: "no" if n == 1 and first else None)).out)
    found = transfer_of(report, "reader").metrics
    assert sum(found[n].n for n in ("a_AB_AB", "a_BA_BA")) == 7
    assert sum(found[n].n for n in ("a_AB_BA", "a_BA_AB")) == 7


def test_what_was_written_blind_stands_apart(make_pairs: MakePairs, tmp_path: Path) -> None:
    """It does not stand in for a rubric that was to be written with the responses, and takes nothing from the others."""
    make_pairs(4, images=False)
    config = config_of(tmp_path, "none, transferred, crossed, blind")
    config.write_text(config.read_text().replace("model: w,", "model: w, blind: true,"))
    refuses = broken(lambda n, first: None)

    def writer(request: ChatRequest) -> str | BackendError:
        return (
            refuses(request)
            if "withheld" in text_of(request.messages) or "good answer" not in text_of(request.messages)
            else "no"
        )

    report = score(run_with(config, writer).out)
    transferred, blind = (cell_of(report, "reader", a) for a in ("transferred", "blind"))
    assert "accuracy_with_rubric" in transferred.metrics and transferred.metrics["accuracy"].value == 0.5
    assert "accuracy_with_rubric" not in blind.metrics and blind.metrics["accuracy"].value == 1.0


def test_one_order_an_item(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(8, images=False)
    report = score(judged(config_of(tmp_path, more="orders: hashed\n")).out)
    own = cell_of(report, "grm", "grm")
    assert own.trials == (8, 8) and own.metrics["accuracy"].value == 0.75
    assert "writer" in transfer_of(report, "copier").metrics


def test_probes_have_nothing_to_say_of_a_tie(make_pairs: MakePairs, tmp_path: Path) -> None:
    rows = make_pairs(4, images=False)
    rows.write_text(rows.read_text().replace('"label": 1', '"label": "tie"', 1))
    report = score(judged(config_of(tmp_path, "none, leak, anti")).out)
    assert cell_of(report, "copier", "leak").metrics["accuracy"].value == 1.0
    assert cell_of(report, "copier", "anti").metrics["accuracy"].value == 0.0
    (table,) = tables([report], ["accuracy"])
    assert any("probes that see the label" in note for note in table.notes)
