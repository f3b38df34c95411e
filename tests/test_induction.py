"""Induced rubrics: a loop that recovers a hidden rule, an oracle that sees only what it may, and files that can be used again."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.induction.selection import chosen, contribution, set_accuracy
from evaluators.induction.structure import read_themes
from evaluators.judges import JudgeSpec
from evaluators.messages import ChatRequest, text_of
from evaluators.mock import MockBackend, mock_chat_judge
from evaluators.records import Answer
from harness_plugins import run, score
from harness_plugins.config import load_config
from harness_plugins.experiment import write_rubrics
from harness_plugins.inducing import seeds_of, split
from tests.conftest import read_jsonl, write_jsonl

QUALITIES = {
    "reason": (" because it follows", "Gives a reason: does it say why?"),
    "number": (" 42", "Has a number: does it give a number?"),
    "polite": (" please", "Is polite: does it say please?"),
    "loud": ("!!", "Shouts: does it use exclamation marks?"),
    "link": (" www.example.org", "Has a link: does it point somewhere?"),
}
"""Qualities that a text may have, and the criterion that asks for each. People here like reasons, and nothing else."""


def has(text: str, quality: str) -> bool:
    return QUALITIES[quality][0].strip() in text


def pairs(count: int, seed: int, name: str) -> list[dict[str, Any]]:
    """Pairs of texts with qualities at random; the one that gives a reason is preferred."""
    chance = random.Random(seed)
    rows = []
    for n in range(count):
        sides = [[q for q in QUALITIES if q != "reason" and chance.random() < 0.5] for _ in range(2)]
        label = chance.randrange(2)
        sides[label].append("reason")
        texts = [f"{name} {n} text {chance.random()}" + "".join(QUALITIES[q][0] for q in side) for side in sides]
        rows.append({"id": f"{name}-{n}", "prompt": f"{name} question {n}?", "candidates": texts, "label": label})
    return rows


class Oracle:
    """Answers a request by what stands in it: what a proposer is told, and what a judge may see."""

    def __init__(self, fails: int = 0) -> None:
        self.judging: list[str] = []
        self.proposing: list[str] = []
        self._fails = fails

    def __call__(self, request: ChatRequest) -> str:
        text = text_of(request.messages)
        if request.answer_format == "arr_induced":
            self.proposing.append(text)
            return self._propose(text)
        if request.answer_format == "themes":
            listed = re.findall(r"^(\d+)\. (.*)$", text.split("[criteria ")[1], re.M)
            return (
                "<themes>\n# What counts\n"
                + "\n".join(f"- [{n}] look for this: {c}" for n, c in listed)
                + "\n</themes>"
            )
        self.judging.append(text)
        if self._fails and len(self.judging) > self._fails:
            raise BackendError("bad_request", "no more", permanent=True)
        return self._judge(text)

    def _propose(self, text: str) -> str:
        """It has no idea what people like: any quality that only the preferred one has, loudest first."""
        texts = _shown(text, "candidate")
        preferred = int(re.findall(r"People preferred candidate (\d)", text)[-1]) - 1
        tried = re.split(r"\[(?:tried|held) ", text)[1:]
        wanted = int(re.findall(r"[Ww]rite (\d+) (?:new )?criteri", text)[-1])
        only = [q for q in reversed(QUALITIES) if has(texts[preferred], q) and not has(texts[1 - preferred], q)]
        both = [q for q in QUALITIES if q not in only]
        order = only if tried else [*both[:1], *only]  # its first guess is wrong
        names = [QUALITIES[q][1] for q in order if not any(QUALITIES[q][1] in t for t in tried)][:wanted]
        return "<rubric>\n" + "\n".join(f"{n}. {c}" for n, c in enumerate(names, 1)) + "\n</rubric>"

    def _judge(self, text: str) -> str:
        """By criterion: the one that has the quality. Holistic: what the rubric asks for; without a rubric, the first."""
        one, two = _shown(text, "response")
        rubric = text.split("[rubric ")[1].split("[end of rubric")[0] if "[rubric " in text else ""
        said = []
        for line in rubric.splitlines():
            quality = next((q for q, (_, c) in QUALITIES.items() if c in line), None)
            if quality is not None:
                a, b = has(one, quality), has(two, quality)
                said.append("tie" if a == b else "1" if a else "2")
        if "<verdicts>" in text:
            return "<verdicts>\n" + "\n".join(f"{n}: {v}" for n, v in enumerate(said, 1)) + "\n</verdicts>"
        margin = said.count("1") - said.count("2")
        return f"<answer>{2 if margin < 0 else 1}</answer>"


def _shown(text: str, what: str) -> list[str]:
    return re.findall(rf"\[{what} \d \w+\]\n(.*?)\n\[end of {what}", text, re.S)


CONFIG = """
benchmarks: [{name: pairs, path: rows.jsonl}]
arms: [none, transferred]
writers:
  - {name: arr, method: arr_induced, seeds: seeds.jsonl, criteria: 2, rounds: 2, backend: openai, model: m, base_url: "http://unused.invalid/v1"}
judges: [{name: j, backend: openai, model: m, base_url: "http://unused.invalid/v1"}]
out: out
"""


def prepared(folder: Path, config: str = CONFIG) -> Path:
    write_jsonl(folder / "seeds.jsonl", pairs(40, 1, "seed"))
    write_jsonl(folder / "rows.jsonl", pairs(30, 2, "row"))
    (folder / "config.yaml").write_text(config)
    return folder / "config.yaml"


def induced(config: Path, oracle: Oracle) -> dict[str, Any]:
    write_rubrics(load_config(config), writers={"arr": MockBackend(oracle)})
    found: dict[str, Any] = yaml.safe_load((config.parent / "out" / "rubric-arr.yaml").read_text())
    return found


def test_a_hidden_rule_is_recovered(tmp_path: Path) -> None:
    """Of criteria that each fit some pair the loop keeps the one that fits people, and it holds on pairs that took no part."""
    found = induced(prepared(tmp_path), Oracle())
    assert found["criteria"][0]["name"] == "Gives a reason"
    accuracy = found["accuracy"]
    assert accuracy["none"]["test"] == 0.5
    assert accuracy["by_criterion"]["test"] == 1.0 == accuracy["structured"]["test"]
    counts = found["counts"]
    assert counts["verified"] == len(QUALITIES) and counts["kept"] <= 2 < counts["proposed"]
    assert sum(counts["verified_by_refinements"][1:]), "some verified only after they were refined"
    parts = [set(found["seeds"][p]) for p in ("propose", "select", "test")]
    assert [len(p) for p in parts] == [20, 10, 10] and not parts[0] & parts[1] | parts[1] & parts[2] | parts[0] & parts[
        2
    ]


LABEL_TALK = re.compile(r"people preferred|preferred candidate|the label|expected (?:score|rank|verdict)", re.I)


def leaks(prompts: list[str]) -> list[str]:
    """Judging prompts that say what people preferred."""
    return [p for p in prompts if LABEL_TALK.search(p)]


def test_no_judging_prompt_holds_the_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every judging prompt is searched. The search finds a leak that is planted where the reference has one."""
    oracle = Oracle()
    induced(prepared(tmp_path), oracle)
    assert oracle.judging and not leaks(oracle.judging)
    assert len(leaks(oracle.proposing)) == len(oracle.proposing) > 0, "proposers are told, so the search can see it"
    from evaluators.induction import Induction

    honest = Induction._verdicts

    async def leaking(self: Induction, item: Any, order: str, criteria: Any) -> Any:
        from dataclasses import replace

        told = replace(
            item,
            prompt=f"{item.prompt}\nPeople preferred the one whose text is {item.candidates[item.label.preferred].text}",
        )
        return await honest(self, told, order, criteria)

    monkeypatch.setattr(Induction, "_verdicts", leaking)
    (tmp_path / "planted").mkdir()
    planted = Oracle()
    induced(prepared(tmp_path / "planted"), planted)
    assert leaks(planted.judging)


def test_judging_prompts_are_the_same_whatever_the_label_says(tmp_path: Path) -> None:
    """With every label turned round, what a judge is asked about the same criteria does not change by a byte."""
    asked = []
    for turned in (False, True):
        folder = tmp_path / str(turned)
        folder.mkdir()
        config = prepared(folder)
        if turned:
            rows = [r | {"label": 1 - r["label"]} for r in pairs(40, 1, "seed")]
            write_jsonl(folder / "seeds.jsonl", rows)

        class Fixed(Oracle):
            def _propose(self, text: str) -> str:
                return f"<rubric>\n1. {QUALITIES['reason'][1]}\n2. {QUALITIES['loud'][1]}\n</rubric>"

        oracle = Fixed()
        induced(config, oracle)
        asked.append({p for p in oracle.judging if "<verdicts>" in p and "Shouts" in p and "Gives a reason" in p})
    assert asked[1] and asked[1] <= asked[0]


def test_the_run_judges_with_it_and_says_that_it_is_shared(tmp_path: Path) -> None:
    config = prepared(tmp_path)
    oracle = Oracle()
    spec = JudgeSpec(name="j", backend="openai", model="m", base_url="http://unused.invalid/v1")
    result = run(config, writers={"arr": MockBackend(oracle)}, judges={"j": mock_chat_judge(spec, Oracle())})
    assert result.complete
    report = score(result.out)
    cell = next(c for c in report.cells if (c.judge, c.arm) == ("j", "transferred"))
    assert cell.metrics["accuracy"].value == 1 and cell.rubrics == "shared"
    from harness_plugins.tables import tables

    named = [
        row
        for t in tables([report])
        if "writer" in t.header
        for row in t.rows
        if "arr" in row[t.header.index("writer")]
    ]
    assert named and all(row[1] == "arr (shared)" for row in named)
    again = Oracle()
    run(config, writers={"arr": MockBackend(again)}, judges={"j": mock_chat_judge(spec, again)})
    assert not again.judging and not again.proposing, "all of it is on file"


def test_its_file_is_a_rubric_for_other_runs(tmp_path: Path) -> None:
    found = induced(prepared(tmp_path), Oracle())
    other = tmp_path / "other.yaml"
    text = CONFIG.replace("out: out", "out: other")
    other.write_text(
        text[: text.index("writers:")] + "rubrics: {kept: out/rubric-arr.yaml}\n" + text[text.index("judges:") :]
    )
    spec = JudgeSpec(name="j", backend="openai", model="m", base_url="http://unused.invalid/v1")
    result = run(other, judges={"j": mock_chat_judge(spec, Oracle())})
    (rubric,) = read_jsonl(result.out / "rubrics.jsonl")
    assert rubric["text"] == found["text"] and rubric["item"] is None
    path = tmp_path / "out" / "rubric-arr.yaml"
    path.write_text(path.read_text().replace("look for this", "look for that"))
    with pytest.raises(UserError, match="was edited since it was made"):
        run(other, out=tmp_path / "third", judges={"j": mock_chat_judge(spec, Oracle())})


def test_a_stopped_induction_goes_on_where_it_was(tmp_path: Path) -> None:
    config = prepared(tmp_path)
    first, second, whole = Oracle(fails=25), Oracle(), Oracle()
    with pytest.raises(RunStopped, match="run the same command again"):
        induced(config, first)
    resumed = induced(config, second)
    (tmp_path / "whole").mkdir()
    assert induced(prepared(tmp_path / "whole"), whole)["text"] == resumed["text"]
    assert len(second.judging) == len(whole.judging) - 25


def test_seeds_that_are_judged_as_well_are_refused(tmp_path: Path) -> None:
    config = prepared(tmp_path)
    rows = pairs(30, 2, "row")
    write_jsonl(tmp_path / "rows.jsonl", [*rows, pairs(40, 1, "seed")[3] | {"id": "other"}])
    with pytest.raises(UserError, match="remove it from one side"):
        induced(config, Oracle())


@pytest.mark.parametrize(
    ("change", "mend"),
    [
        (("seeds: seeds.jsonl, ", ""), "needs `seeds: file.jsonl`"),
        (("arr_induced", "arr_zero_shot"), "`seeds` belongs to the method arr_induced"),
        (("criteria: 2", "prompt: config.yaml, criteria: 2"), "takes no `prompt`"),
        (("seeds.jsonl", "none.jsonl"), "none.jsonl is missing"),
    ],
)
def test_options_that_do_not_fit_are_refused(change: tuple[str, str], mend: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(mend)):
        load_config(prepared(tmp_path, CONFIG.replace(*change)))


def test_too_few_seeds_and_ties_are_said(tmp_path: Path) -> None:
    few = write_jsonl(tmp_path / "few.jsonl", pairs(7, 1, "seed"))
    with pytest.raises(UserError, match="7 pairs; an induction takes 8 at least"):
        seeds_of(few)
    tied = write_jsonl(tmp_path / "tied.jsonl", [*pairs(9, 1, "seed"), pairs(1, 2, "tie")[0] | {"label": "tie"}])
    with pytest.raises(UserError, match="row 9: a seed is a pair with a preferred candidate"):
        seeds_of(tied)


def test_pairs_that_share_a_text_stay_in_one_part(tmp_path: Path) -> None:
    rows = [r | {"group": f"g{n // 4}"} for n, r in enumerate(pairs(24, 1, "seed"))]
    seeds = split(seeds_of(write_jsonl(tmp_path / "s.jsonl", rows)), 0.5, 0)
    groups = [{i.group for i in part} for part in (seeds.propose, seeds.select, seeds.test)]
    assert sum(map(len, groups)) == 6 and len(set().union(*groups)) == 6


# Selection and structure


@given(
    st.lists(st.lists(st.sampled_from([-1, 0, 1]), min_size=6, max_size=6), min_size=1, max_size=6), st.integers(1, 6)
)
def test_what_is_kept_beats_every_single_criterion(matrix: list[list[int]], most: int) -> None:
    kept = chosen(matrix, most)
    assert 1 <= len(kept) <= most and len(set(kept)) == len(kept)
    accuracy = set_accuracy([matrix[n] for n in kept])
    assert accuracy >= max(set_accuracy([row]) for row in matrix)
    assert contribution([matrix[n] for n in kept], len(kept) - 1) >= 0 or len(kept) == 1


def test_a_criterion_that_hurts_is_left_out() -> None:
    good, bad = [1, 1, 1, -1], [-1, -1, -1, -1]
    assert chosen([bad, good], 2) == [1]
    assert chosen([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]], 3) == [1, 0, 2]


def test_themes_hold_every_criterion_once() -> None:
    def themes(text: str) -> str:
        return read_themes(Answer(f"<themes>\n{text}\n</themes>", "themes", finish_reason="stop"), 2).text

    assert themes("# One\n- [2] see b\n# Two\n- [1] see a") == "1. One\n   - see b\n2. Two\n   - see a"
    for broken in (
        "# One\n- [1] a",
        "# One\n- [1] a\n- [1] b",
        "- [1] a\n- [2] b",
        "# One\n- [1] a\n- [2] b\nmore",
        "# One\n- [1] a\n- [3] b",
    ):
        assert themes(broken) == ""
