"""Writers in a run: what each arm shows, faults and resume, files of several writers, the command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evaluators.errors import BackendError, UserError
from evaluators.messages import ChatRequest, text_of
from evaluators.rubrics.arms import ARMS
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockBackend, mock_chat_judge
from harness_plugins import run, score
from harness_plugins.config.run import load_config
from harness_plugins.experiment.run import write_rubrics, writers_of
from harness_plugins.tables.run_tables.cards import cards_in
from tests.conftest import MakePairs, read_jsonl
from tests.harness_plugins.experiment.test_transfer import written

SPEC = JudgeSpec(name="m", backend="openai", model="m", base_url="http://unused.invalid/v1")


def config_of(folder: Path, arms: str, writer: str = "", url: str = "http://unused.invalid/v1") -> Path:
    path = folder / "run.yaml"
    path.write_text(
        f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\narms: [{arms}]\nout: out\n"
        f"writers: [{{name: grm, backend: openai, model: w, base_url: '{url}', retries: 0{writer}}}]\n"
        f"judges: [{{name: m, backend: openai, model: m, base_url: '{url}'}}]\n"
    )
    return path


def prompts_of(folder: Path, arm: str, writer: str = "") -> list[ChatRequest]:
    """What the judge is sent under an arm."""
    judge = mock_chat_judge(SPEC, lambda request: "1")
    backends = {"grm": MockBackend(written), "self:m": MockBackend(written)}
    run(config_of(folder, arm, writer), out=folder / f"out-{arm}", judges={"m": judge}, writers=backends)
    return judge.backend.requests  # type: ignore[attr-defined, no-any-return]


def test_what_each_arm_shows(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(1)  # the writer is wrong on this pair; it has an image

    arms = (
        "transferred",
        "crossed",
        "relabel",
        "self",
        "justify",
        "no_image",
        "masked",
        "advice",
        "rubric_only",
        "blind",
    )
    texts = {a: [text_of(r.messages) for r in prompts_of(tmp_path, a, ", blind: true")] for a in arms}
    assert all(len(t) == 2 for t in texts.values())
    criterion, leak = "Word (100%)", "is the better one"
    for arm in arms[:6]:
        for text in texts[arm]:
            assert criterion in text and leak in text and "good answer" in text, arm
            assert ("It was asked." in text) == (arm == "justify") and ("[image:" in text) == (arm != "no_image"), arm
    named = {a: [re.findall(r"Response ([12]) is", t)[0] for t in texts[a]] for a in arms[:6]}
    assert set(named["transferred"]) == {"1", "2"}
    assert named["crossed"] == named["relabel"] == named["transferred"][::-1]
    assert named["self"] == named["justify"] == named["no_image"] == named["transferred"]
    for text in texts["masked"]:
        assert criterion in text and "a response is the better one" in text
    for text, verdict in zip(texts["advice"], named["transferred"], strict=True):
        assert criterion not in text and f"prefers response {verdict}." in text
    for text in texts["rubric_only"]:
        assert criterion in text and "good answer" not in text and "[image:" not in text and "withheld" in text
    for text in texts["blind"]:
        assert criterion in text and leak not in text and "good answer" in text
    masked = read_jsonl(tmp_path / "out-masked" / "verdicts.jsonl")
    assert all(0 < v["edited"] < 1 for v in masked)


def test_only_the_probes_are_told_the_label(make_pairs: MakePairs, tmp_path: Path) -> None:
    """Exchanging the label changes what `leak` and `anti` show, and nothing else in any arm."""
    rows = make_pairs(3, images=False)
    assert {a.name for a in ARMS.values() if a.uses_label} == {"leak", "anti"}
    text = rows.read_text()
    turned = re.sub(r'"label": ([01])', lambda m: f'"label": {1 - int(m[1])}', text)
    for arm in ARMS:
        seen = []
        for content in (text, turned):
            rows.write_text(content)
            folder = tmp_path / f"{arm}-{len(seen)}"
            judge = mock_chat_judge(SPEC, lambda request: "1")
            backends = {"grm": MockBackend(written), "self:m": MockBackend(written)}
            run(config_of(tmp_path, arm, ", blind: true"), out=folder, judges={"m": judge}, writers=backends)
            seen.append(sorted(text_of(r.messages) for r in judge.backend.requests))  # type: ignore[attr-defined]
        assert seen[0] and (seen[0] != seen[1]) == ARMS[arm].uses_label, arm


def test_a_failure_is_a_line_and_is_asked_again(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(3, images=False)
    config = config_of(tmp_path, "none, transferred")
    turns = iter(range(100))

    def sometimes(request: ChatRequest) -> str | BackendError:
        return BackendError("server", "down") if next(turns) == 2 else written(request)

    judge = {"m": mock_chat_judge(SPEC, lambda request: "1")}
    result = run(config, judges=judge, writers={"grm": MockBackend(sometimes)})
    assert not result.complete and result.wrote.statuses == {"valid": 5, "error": 1}
    statuses = [line["status"] for line in read_jsonl(tmp_path / "out" / "rubrics.jsonl")]
    assert sorted(statuses) == ["error"] + ["valid"] * 5
    result = run(config, judges=judge, writers={"grm": MockBackend(written)})
    assert result.complete and result.wrote.statuses == {"valid": 1}
    cell = next(c for c in score(result.out).cells if c.arm == "transferred")
    assert cell.complete and cell.trials == (6, 6)


def test_what_is_no_rubric_is_kept_and_written_again_when_asked(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(2, images=False)
    config = config_of(tmp_path, "none, transferred")
    write_rubrics(config, writers={"grm": MockBackend(lambda request: "I would rather not.")})
    assert {line["status"] for line in read_jsonl(tmp_path / "out" / "rubrics.jsonl")} == {"invalid"}
    card = cards_in(tmp_path / "out")
    assert [len(row) for row in card.texts] == [len(card.headers)] and card.texts[0][2] == "0"
    backend = MockBackend(written)
    write_rubrics(config, writers={"grm": backend})
    assert not backend.requests, "the model's own doing: kept"
    _, tally, (file,) = write_rubrics(config, writers={"grm": backend}, redo=["invalid"])
    assert tally.statuses == {"valid": 4} and {r.status for r in file.rubrics} == {"valid"}


def test_a_writer_that_changed_is_refused(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(1, images=False)
    write_rubrics(config_of(tmp_path, "none, transferred"), writers={"grm": MockBackend(written)})
    changed = config_of(tmp_path, "none, transferred", ", temperature: 0.5")
    with pytest.raises(UserError, match=r"writer 'grm' is not the one .*temperature.*give it another name"):
        write_rubrics(changed, writers={"grm": MockBackend(written)})


def test_replicates_are_drawn_and_averaged(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(4, images=False)
    config = config_of(tmp_path, "none, transferred", ", replicates: 2, temperature: 0.7, seed: 1")
    backend = MockBackend(written)
    run(config, judges={"m": mock_chat_judge(SPEC, lambda request: "1")}, writers={"grm": backend})
    assert len(backend.requests) == 16 and len({r.seed for r in backend.requests}) == 16
    cell = next(c for c in score(tmp_path / "out").cells if c.arm == "transferred")
    assert cell.trials == (16, 16) and cell.metrics["accuracy"].n == 4


def test_only_those_write_whose_rubrics_are_read(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(2, images=False)
    config = load_config(config_of(tmp_path, "none, transferred, self"))
    names = {
        str(only): [w.name for w in writers_of(config, only)]
        for only in (None, {"arm": ["none"]}, {"arm": ["self"]}, {"judge": ["other"]}, {"writer": ["grm"]})
    }
    assert list(names.values()) == [["grm", "self:m"], [], ["self:m"], ["grm"], ["grm"]]


def test_family_and_base_may_be_declared_later(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(2, images=False)
    write_rubrics(config_of(tmp_path, "none, transferred"), writers={"grm": MockBackend(written)})
    backend = MockBackend(written)
    later = config_of(tmp_path, "none, transferred", ", family: qwen")
    _, _, (file,) = write_rubrics(later, writers={"grm": backend})
    assert not backend.requests and {r.writer.family for r in file.rubrics} == {"qwen"}


def test_a_rubric_without_any_weight_has_a_card(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(1, images=False)
    zero = "<rubric>1. A (0%): x\n2. B (0%): y</rubric><eval>x</eval><answer>1</answer>"
    folder, _, _ = write_rubrics(
        config_of(tmp_path, "none, transferred"), writers={"grm": MockBackend(lambda request: zero)}
    )
    assert cards_in(folder).texts[0][:4] == ["grm", "2", "2", "2"]


@pytest.mark.parametrize(
    ("writer", "message"),
    [
        (", method: nothing", "unknown method 'nothing'; there are: arr_guided, arr_induced, arr_zero_shot, proxy_grm"),
        (", replicates: 2", "replicates above 1 at temperature 0 write the same rubric again"),
        (", verdict: direct", "`verdict` and `samples` are a judge's: a writer has `replicates`"),
        (", samples: 1", "`verdict` and `samples` are a judge's: a writer has `replicates`"),
        (", ties: allowed", "grading, decision, ties and scale are a judge's: leave them out"),
        (", top_logprobs: 5", "answer_format and top_logprobs are a judge's: leave them out"),
        (", relicates: 2", "unknown key 'relicates'; did you mean 'replicates'?"),
    ],
)
def test_bad_writers_are_one_line(make_pairs: MakePairs, tmp_path: Path, writer: str, message: str) -> None:
    make_pairs(1, images=False)
    with pytest.raises(UserError) as caught:
        load_config(config_of(tmp_path, "none, transferred", writer))
    assert any(message in line and "line 4" in line for line in caught.value.lines)
