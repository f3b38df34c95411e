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
from evaluators.messages import ChatRequest, text_of
from evaluators.records import Answer
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockBackend, mock_chat_judge
from evaluators.testing.mock_server import MockServer
from harness_plugins import run, score
from harness_plugins.benchmarks.overlap import overlaps
from harness_plugins.cli import main
from harness_plugins.config.run import load_config
from harness_plugins.experiment.inducing import seeds_of, split
from harness_plugins.experiment.run import write_rubrics
from harness_plugins.folder.artefacts import read_artefact, write_artefact
from tests.conftest import png, read_jsonl, write_jsonl

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
        return self.answer(text_of(request.messages))

    def answer(self, text: str) -> str:
        if "People preferred candidate" in text:
            self.proposing.append(text)
            return self._propose(text)
        if "<themes>" in text:
            listed = re.findall(r"^(\d+)\. (.*)$", text.split("[criteria ")[1], re.M)
            return (
                "<themes>\n# What counts\n"
                + "\n".join(f"- [{n}] look for this: {c}" for n, c in listed)
                + "\n</themes>"
            )
        self.judging.append(text)
        if self._fails and len(self.judging) > self._fails:
            raise BackendError("rejected", "no more")
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
    from harness_plugins.tables.run import tables

    columns = [(t.headers.index("writer"), t) for t in tables([report]) if "writer" in t.headers]
    named = [row[n] for n, t in columns for row in t.texts if "arr" in row[n]]
    assert named and set(named) == {"arr (shared)"}
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
    with pytest.raises(
        RunStopped, match=r"writer 'arr': a request to verify on row \d+ of the seeds .* failed for good: rejected"
    ):
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
        (("arr_induced", "arr_zero_shot"), "`seeds` is an option of arr_induced"),
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
    with pytest.raises(UserError, match="line 10: a seed is a pair with a preferred candidate"):
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


# After hostile readings


def test_seeds_that_share_anything_stay_in_one_part(tmp_path: Path) -> None:
    """By a text, a request or an image, as judged items are held apart: no part holds what another was made from."""
    rows = pairs(24, 1, "seed")
    for n, row in enumerate(rows):
        row["candidates"][0] = f"the very same first candidate of set {n // 4}"
    seeds = split(seeds_of(write_jsonl(tmp_path / "texts.jsonl", rows)), 0.5, 0)
    assert not list(overlaps(seeds.propose, [*seeds.select, *seeds.test])) and not list(
        overlaps(seeds.select, seeds.test)
    )
    for n in range(6):
        (tmp_path / f"{n}.png").write_bytes(png(n))
    pictured = [r | {"media": [f"{n // 4}.png"]} for n, r in enumerate(pairs(24, 2, "seed"))]
    seeds = split(seeds_of(write_jsonl(tmp_path / "images.jsonl", pictured)), 0.5, 0)
    assert not list(overlaps(seeds.propose, [*seeds.select, *seeds.test]))
    with pytest.raises(UserError, match="fall into 1 sets"):
        split(seeds_of(write_jsonl(tmp_path / "one.jsonl", [r | {"media": ["0.png"]} for r in rows])), 0.5, 0)


def test_labels_turned_round_are_other_questions(tmp_path: Path) -> None:
    """An interrupted induction does not go on with what was proposed for the other label."""
    config = prepared(tmp_path)
    with pytest.raises(RunStopped):
        induced(config, Oracle(fails=25))
    write_jsonl(tmp_path / "seeds.jsonl", [r | {"label": 1 - r["label"]} for r in pairs(40, 1, "seed")])
    turned = Oracle()
    induced(config, turned)
    assert len(turned.proposing) >= 20


def test_what_it_was_made_from_is_not_judged_with_it(tmp_path: Path) -> None:
    """The file knows its seeds, so that reusing it does not test on them."""
    config = prepared(tmp_path)
    induced(config, Oracle())
    text = config.read_text().replace("rows.jsonl", "seeds.jsonl").replace("out: out", "out: other")
    other = tmp_path / "other.yaml"
    for file in ("rubric-arr.yaml", "rubrics.jsonl"):  # also by the run's own records, beside which the file lies
        given = f"rubrics: {{kept: out/{file}}}\n"
        other.write_text(text[: text.index("writers:")] + given + text[text.index("judges:") :])
        with pytest.raises(UserError, match="share an image, a text or a request with 40 of the judged items"):
            run(other)


def test_a_benchmark_added_later_gets_the_same_rubric(tmp_path: Path) -> None:
    config = prepared(tmp_path)
    induced(config, Oracle())
    (tmp_path / "out" / "induction-arr.jsonl").unlink()
    config.write_text(
        CONFIG.replace("{name: pairs, path: rows.jsonl}", "{name: pairs, path: rows.jsonl}, {name: demo, limit: 4}")
    )
    again = Oracle()
    induced(config, again)
    lines = read_jsonl(tmp_path / "out" / "rubrics.jsonl")
    assert {r["benchmark"] for r in lines} == {"pairs", "demo"} and len({r["text"] for r in lines}) == 1
    assert not again.judging


@pytest.mark.parametrize(
    "criterion", ["Better: is it better than the other?", "First: is the first image sharp?", "Quote: QUOTED?"]
)
def test_what_gives_the_pair_away_is_not_tried(criterion: str, tmp_path: Path) -> None:
    """A criterion that compares, names a candidate or quotes one never reaches the judge that verifies."""

    class Telling(Oracle):
        def _propose(self, text: str) -> str:
            preferred = int(re.findall(r"People preferred candidate (\d)", text)[-1]) - 1
            told = criterion.replace("QUOTED", f"does it say {_shown(text, 'candidate')[preferred]}")
            return f"<rubric>\n1. {told}\n2. {QUALITIES['reason'][1]}\n</rubric>"

    oracle = Telling()
    found = induced(prepared(tmp_path), oracle)
    assert sum(found["counts"]["left_out"].values()) >= 20
    name = criterion.split(":")[0]
    assert not any(f". {name}:" in p for p in oracle.judging) and [c["name"] for c in found["criteria"]] == [
        "Gives a reason"
    ]


def test_one_seed_that_is_refused_does_not_lose_the_others(tmp_path: Path) -> None:
    """All other pairs are asked in the first run; the message names the row."""

    class Picky(Oracle):
        def __call__(self, request: ChatRequest) -> str:
            if "seed question 3?" in text_of(request.messages):
                raise BackendError("rejected", "not this one", http=400)
            return super().__call__(request)

    config = prepared(tmp_path)
    first, second = Picky(), Picky()
    for oracle in (first, second):
        with pytest.raises(RunStopped, match=r"row 4 of the seeds .*remove the row"):
            induced(config, oracle)
    assert first.proposing and not second.proposing and not second.judging


def test_replicates_lie_apart(tmp_path: Path) -> None:
    config = prepared(tmp_path, CONFIG.replace("criteria: 2", "criteria: 2, replicates: 2"))
    write_rubrics(load_config(config), writers={"arr": MockBackend(Oracle())})
    assert {p.name for p in (tmp_path / "out").glob("rubric-*")} == {"rubric-arr.yaml", "rubric-arr@1.yaml"}
    assert {r["replicate"] for r in read_jsonl(tmp_path / "out" / "rubrics.jsonl")} == {0, 1}


@pytest.mark.parametrize(
    "damage",
    ["replicate: .inf", "replicate: x", "replicate: -3", "text: [a]", "criteria: 5", "writer: 3", "form: other"],
)
def test_a_damaged_file_is_one_line(damage: str, tmp_path: Path) -> None:
    config = prepared(tmp_path)
    induced(config, Oracle())
    path = tmp_path / "out" / "rubric-arr.yaml"
    key = damage.split(":")[0]
    value = yaml.safe_load(path.read_text()) | {key: yaml.safe_load(damage)[key]}
    path.write_text(yaml.safe_dump(value))
    with pytest.raises(UserError) as caught:
        read_artefact("x", path, ["pairs"])
    assert len(caught.value.lines) == 1 and str(path) in caught.value.lines[0]


@given(st.text(max_size=60))
def test_any_text_comes_back_from_the_file(text: str) -> None:
    import tempfile

    from evaluators.induction import Coverage, Induced, Selected
    from evaluators.induction.structure import Structure
    from evaluators.records import Criterion, Writer

    kept = Selected(Criterion("a", text), ("s",), 0, Coverage(2, 1, 1), 0.5)
    induced = Induced(f"1. a: {text}\n2. b", (kept,), Structure(""), {}, 1, 1, (1,))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rubric-x.yaml"
        write_artefact(path, induced, Writer("x", "arr_induced"), 0, {})
        (rubric,) = read_artefact("x", path, ["pairs"]).rubrics
    assert rubric.text == induced.text and rubric.criteria == (kept.criterion,)


def test_the_command_line_says_what_came_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Through a real endpoint: what was kept, how it did on pairs that took no part, and where it lies; errors with their mend."""
    oracle = Oracle()

    def answer(body: dict[str, Any]) -> str:
        return oracle.answer("\n".join(p["text"] for m in body["messages"] for p in _parts(m["content"])))

    with MockServer(answer=answer).running() as server:
        config = prepared(tmp_path, CONFIG.replace("http://unused.invalid/v1", server.url))
        assert main(["run", str(config), "--dry-run"]) == 0
        assert "a rubric to induce first, in up to" in capsys.readouterr().out
        assert main(["rubrics", str(config), "--quiet"]) == 0
        out = capsys.readouterr().out
        assert "arr: 1 of 5 criteria that verified" in out and "none 50 %" in out and "structured 100 %" in out
        assert "rubric-arr.yaml" in out and "arr (shared)" in out
        assert main(["run", str(config), "--quiet"]) == 0
        assert "120 verdicts written" in capsys.readouterr().out
        gone = prepared(
            tmp_path,
            CONFIG.replace("http://unused.invalid/v1", server.url + "/nowhere").replace("out: out", "out: gone"),
        )
        assert main(["rubrics", str(gone), "--quiet"]) == 3
        assert "correct model or base_url" in capsys.readouterr().err


def _parts(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
