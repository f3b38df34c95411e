"""The page of a run: what it shows, where its pictures are, and that no text of others becomes markup."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson
import pytest

from harness_plugins.report.texts import plain
from harness_plugins.rpo import pair_blocks
from harness_plugins.rpo.curves import step_table
from harness_plugins.rpo.page import write_page
from harness_plugins.rpo.pair_blocks import HELD_OUT_OUTCOMES, blocks
from harness_plugins.rpo.prompts import Prompt
from harness_plugins.rpo.run_folder import RunFolder
from tests.harness_plugins.rpo.rpo_runs import (
    ATTACK,
    DEVELOPMENT,
    HOSTILE_JUDGE,
    OUTCOMES,
    RUBRIC,
    STEPS,
    compared,
    make_run,
    pair_row,
    replies,
    step_row,
)


class Page(HTMLParser):
    """What a browser makes of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.blocks: dict[str, Any] = {}
        self._block: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script" and dict(attrs).get("type") == "application/json":
            self._block = dict(attrs)["id"]

    def handle_endtag(self, tag: str) -> None:
        self._block = None

    def handle_data(self, data: str) -> None:
        if self._block is not None:
            self.blocks[self._block] = orjson.loads(data)
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(run: RunFolder) -> Page:
    return Page(write_page(run).read_text(encoding="utf-8"))


def test_what_a_page_reads_needs_no_torch() -> None:
    code = "import sys, harness_plugins.rpo.page; print('torch' in sys.modules, 'matplotlib' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]


def test_sections_are_in_the_order_of_a_reader(page: Page) -> None:
    ids = [s["id"] for s in page.all("section")]
    assert ids == ["result", "win-rates", "over-steps", "steps", "pairs", "held-out", "recipe"]


def test_the_headline_says_win_rate_interval_prompts_and_judge_below_what_spoils_it(page: Page) -> None:
    text = page.text
    headline = re.search(
        r"The judge trains prefers the picture of step 4 to that of the generator before training in 92.9 % of the comparisons on "
        r"7 test prompts \(95 % interval [\d.]+ to [\d.]+\)\.",
        text,
    )
    assert headline
    assert "picked on 6 development prompts (91.7 %), and is reported on others" in text
    assert text.index("trains never answered on 1 of 8 test prompts (12 %)") < headline.start()
    assert text.index("does not see the gain") < headline.start()


def test_a_flat_reward_is_explained(page: Page) -> None:
    assert "A curve of the reward would be flat" in page.text


def test_the_grid_has_the_same_prompts_at_each_checkpoint_and_the_start_at_the_left(run: RunFolder, page: Page) -> None:
    shown = [i for i in page.all("img") if "held_out/" in (i["src"] or "")]
    assert len(shown) == DEVELOPMENT * 3
    folders = [Path(i["src"] or "").parent.name for i in shown[:3]]
    assert folders == ["base", "000002", "000004"]
    for image in shown:
        assert image["loading"] == "lazy" and (run.path / unquote(image["src"] or "")).exists()


def test_every_pair_is_in_a_block_of_its_step(page: Page) -> None:
    index = page.blocks["pairs-index"]
    assert [step for step, _, _ in index["steps"]] == list(range(STEPS))
    assert [len(page.blocks[f"pairs-{step}"]) for step in range(STEPS)] == [len(OUTCOMES)] * STEPS
    won, lost, tie, disagree, _, error = page.blocks["pairs-0"]
    assert index["steps"][0][1] == [0, 0, 1, 2, 3, 4], "decided, decided, tie, disagree, undecided, error"
    assert (won["preferred"], won["rewards"]) == (0, [1.0, -0.1]) and lost["preferred"] == 1
    assert won["replies"] == [[[0, 1], "ok", 0, "It is sharper."], [[1, 0], "ok", 0, "It is sharper."]]
    assert "preferred" not in tie and "rewards" not in disagree
    assert error["error"] == "timeout: no answer in 120 s"
    assert page.text.count(RUBRIC) == 1


def test_what_an_editor_edits_is_shown_beside_its_pictures(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    source = tmp_path / "sources" / "a b.png"
    source.parent.mkdir()
    source.write_bytes(b"")
    run.add_sources(
        [Prompt("d0", "make it red", source), Prompt(f"{0:016x}", "make it red", source), Prompt("x", "none")]
    )
    page = Page(write_page(run).read_text(encoding="utf-8"))
    address = "../sources/a%20b.png"
    assert page.blocks["pairs-index"]["prompts"][:2] == [["a picture of thing 0", address], ["a picture of thing 1"]]
    assert ["a held-out picture of d0", address] in page.blocks["held-index"]["prompts"]
    assert [i["src"] for i in page.all("img")].count(address) == 1, "in the row of its prompt"
    assert (run.path / unquote(address)).exists()


def test_held_out_comparisons_begin_with_the_test_and_have_both_judges(page: Page) -> None:
    groups = page.blocks["held-index"]["groups"]
    assert [(held_out, step) for held_out, step, _, _ in groups] == [
        ("test", 4),
        ("development", 4),
        ("development", 2),
    ]
    first = page.blocks["held-test-4"][0]
    assert [(j["judge"], j["audit"], j["share"]) for j in first["judges"]] == [
        ("trains", False, 1.0),
        ("audits", True, 0.5),
    ]
    names = [name for name, _, _ in HELD_OUT_OUTCOMES]
    flags = [{name for n, name in enumerate(names) if bits & 1 << n} for bits in groups[0][2]]
    assert flags[0] == {"won"} and flags[2] == {"won", "apart"} and flags[7] == {"unanswered"}


def test_a_policy_lets_only_this_style_and_script_run_and_only_pictures_load(page: Page) -> None:
    (policy,) = (m["content"] or "" for m in page.all("meta") if m.get("http-equiv"))
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy and "img-src 'self' file: data:" in policy
    assert not [a for _, a in page.tags if any(name.startswith("on") or name == "style" for name in a)]
    addresses = [v for _, a in page.tags for n, v in a.items() if n in ("src", "href") and v]
    assert not [a for a in addresses if re.match(r"(https?:)?//", a)]


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="pip install matplotlib")
def test_figures_are_drawn(page: Page) -> None:
    figures = [i for i in page.all("img") if (i["src"] or "").startswith("data:image/svg")]
    assert len(figures) == 4 and all(i["alt"] for i in figures)
    assert "trains (trains): 91.7 per cent at step 4." in (figures[0]["alt"] or "")
    assert figures[1]["alt"] == "24 pairs in 4 steps: 8 decided, 4 tie, 4 disagree, 4 undecided, 4 error."


def test_without_matplotlib_tables_stand_in_place_of_figures(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "matplotlib" else find(name, *a))
    page = Page(write_page(run).read_text(encoding="utf-8"))
    assert not [i for i in page.all("img") if (i["src"] or "").startswith("data:image/svg")]
    assert "matplotlib is not installed" in page.text and "largest |ratio − 1|" in page.text


@pytest.mark.parametrize("stage", ["nothing", "begun", "steps"])
def test_a_run_has_a_page_from_its_first_step_on(tmp_path: Path, stage: str) -> None:
    run = RunFolder(tmp_path / "run") if stage == "nothing" else make_run(tmp_path, held_out=False)
    run.path.mkdir(exist_ok=True)
    if stage == "begun":
        (run.path / "steps.jsonl").unlink()
        (run.path / "pairs-0.jsonl").unlink()
    page = Page(write_page(run).read_text(encoding="utf-8"))
    assert "No checkpoint was compared with the start yet." in page.text
    assert "held-out" not in [s["id"] for s in page.all("section")]


def test_no_text_of_others_becomes_markup(tmp_path: Path) -> None:
    run = make_run(tmp_path, hostile=True)
    html = write_page(run).read_text(encoding="utf-8")
    page = Page(html)
    calm = Page(write_page(make_run(_folder(tmp_path / "calm"))).read_text(encoding="utf-8"))
    assert [t for t, _ in page.tags] == [t for t, _ in calm.tags]
    assert plain(ATTACK) in page.blocks["pairs-0"][0]["replies"][0][3]
    assert plain(HOSTILE_JUDGE) in page.text
    assert "\u202e" not in html and "\u2066" not in html


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_words_are_cut_shorter_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [pair_row(s, n, "won", replies=replies(0, 0, words="why " * 1000)) for s in range(5) for n in range(10)]
    assert blocks(rows, [], {}).characters == pair_blocks.LENGTHS[0]
    monkeypatch.setattr(pair_blocks, "TEXT_BYTES", 80_000)
    shorter = blocks(rows, compared([1.0, 0.5], 25), {})
    assert len(shorter.html) <= 80_000 and shorter.characters < 1000
    (first, *_), total = Page(shorter.html).blocks["pairs-0"], 4000
    assert first["replies"][0][4] == total and len(first["replies"][0][3]) == shorter.characters + 1


def test_the_table_of_steps_holds_what_figures_draw() -> None:
    table = step_table([step_row(0, {"decided": 3, "tie": 1}), step_row(1, {"decided": 4}, updated=False, kl=None)])
    assert table.headers[:4] == ["step", "pairs", "decided", "tie"] and "error" not in table.headers
    assert table.texts[1][:4] == ["2", "4", "4", ""] and table.texts[1][-1] == "none"
