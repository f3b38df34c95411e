"""The report: one page that holds what the run came to, loads nothing, and takes no text for markup."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("PIL")

from evaluators.errors import UserError
from evaluators.records import Candidate, Item, Label, Media, MediaFile
from harness_plugins.report import WrittenReport, drawing, write_report
from harness_plugins.report.drawing import style, svg
from harness_plugins.report.figures import all_plots
from harness_plugins.report.rubrics import marked
from harness_plugins.report.texts import middle, one_line, plain
from harness_plugins.report.thumbnails import MOST_BYTES, thumbnails
from harness_plugins.scoring.calibration import Bin, Calibration
from harness_plugins.scoring.cells import PRIMARY, Contrast, Metric
from harness_plugins.scoring.costs import CostPoint
from harness_plugins.scoring.matrix import Entry, Margin, Matrix, Pairing
from harness_plugins.scoring.score import score
from tests.conftest import write_jsonl
from tests.harness_plugins.report import report_runs
from tests.harness_plugins.report.report_runs import (
    ATTACK,
    HOSTILE_JUDGE,
    HOSTILE_WRITER,
    ITEMS,
    LEAKING,
    LONG,
    make_run,
    recounted,
)

pytestmark = pytest.mark.xdist_group("report")

BITS = {"fixed": 1, "broken": 2, "flipped": 4, "leak": 8}


class Page(HTMLParser):
    """A page's elements, and its data blocks as a browser reads them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.html = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: dict[str, str] = {}
        self.words: list[str] = []
        self._inside = ""
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = (dict(attrs).get("id") or tag) if tag in ("script", "style") else ""
        if self._inside:
            self.blocks[self._inside] = ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.blocks[self._inside] += data
        else:
            self.words.append(data)

    def block(self, name: str) -> Any:
        return orjson.loads(self.blocks[name])

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.elements if t == tag]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def made(run_folder: Path) -> WrittenReport:
    return write_report(run_folder, figures=run_folder / "figures")


@pytest.fixture(scope="module")
def page(made: WrittenReport) -> Page:
    return Page(made.path)


def flags(page: Page) -> dict[str, dict[tuple[str, str, str | None], set[str]]]:
    """The page's index as what happened by item and cell."""
    index = page.block("index")
    found = {}
    for uid, benchmark, _, _, _, codes in index["items"]:
        cells = index["benchmarks"][benchmark]["cells"]
        found[uid] = {
            (j, a, w): {n for n, b in BITS.items() if int(f, 16) & b} | ({"missing"} if state == "M" else set())
            for (j, a, w), state, f in zip(cells, codes[::2], codes[1::2], strict=True)
        }
    return found


# The page


def test_the_page_holds_every_section_that_has_data(page: Page, made: WrittenReport) -> None:
    ids = [a["id"] for a in page.all("section")]
    assert ids == ["answer", "where", "changed", "content", "items", "cost", "methods"], "no judge gave probabilities"
    assert made.path.name == "report.html" and made.items == made.of == ITEMS and made.size == made.path.stat().st_size
    assert "Does this rubric make another judge better?" in page.text
    assert f"holds all {ITEMS} items of the run." in page.text
    assert len([a for a in page.all("svg") if a.get("class") == "track"]) >= 8 and all(
        a["alt"] for a in page.all("img")
    )
    assert len(page.all("caption")) == len(page.all("table")) > 4
    assert all(a.get("scope") in ("row", "col") for a in page.all("th"))
    found = [a["id"] for _, a in page.elements if "id" in a]
    assert len(found) == len(set(found)), "ids are unique"


def test_the_page_loads_nothing_and_pins_its_script(page: Page) -> None:
    for _, attributes in page.elements:
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/", "#")), value
        assert not [a for a in attributes if a.startswith("on") or a == "style"]
    policy = next(a["content"] or "" for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    for name, kind in (("script", "script-src"), ("style", "style-src")):
        digest = base64.b64encode(hashlib.sha256(page.blocks[name].encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;") and "unsafe" not in policy
    script = page.blocks["script"]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|fetch\(|import\(", script)


def test_what_happened_is_what_the_verdicts_say(page: Page, run_folder: Path) -> None:
    """Fixed, broken and flipped against a count of our own; leaks are those of the two rubrics that were written to leak."""
    told, counted = flags(page), recounted(run_folder)
    assert {u: {c: f - {"leak"} for c, f in cells.items()} for u, cells in told.items()} == counted
    leaking = {u for u, cells in told.items() if any("leak" in f for f in cells.values())}
    sources = {i[0]: i[2] for i in page.block("index")["items"]}
    assert {sources[u] for u in leaking} == {f"pair-{n}" for n in LEAKING}
    assert Counter(f for c in told.values() for f in c["steady", "transferred", "ann"]) == {
        "fixed": 8, "broken": 4, "leak": 2,
    }  # fmt: skip
    cell = next(c for c in score(run_folder).cells if (c.judge, c.arm) == ("steady", "transferred"))
    assert cell.transitions is not None
    assert sum(cell.transitions[s]["both_right"] for s in cell.transitions if s != "both_right") == 8, "as the tables"


def test_an_item_shows_verdicts_rubrics_and_reasons(page: Page) -> None:
    index = page.block("index")
    place = [i[2] for i in index["items"]].index("pair-1")
    item, cells = page.block(f"i{place}"), index["benchmarks"][0]["cells"]
    trials = item["cells"][str(cells.index(["steady", "transferred", "ann"]))]
    assert [t[0] for t in trials] == ["AB", "BA"] and {t[3] for t in trials} == {item["preferred"]}
    rubric = page.block(f"r{trials[0][5]}")
    assert rubric["writer"] == "ann" and [c[2] for c in rubric["criteria"]] == [60, 40]
    assert rubric["leaks"] == ["verdict", "reference"]
    assert "".join(p[0] for p in rubric["text"] if isinstance(p, list)).strip() == "Response 1 is better."
    assert page.blocks[f"p{item['media'][0][1]}"], "its picture"
    shuffled = item["cells"][str(cells.index(["steady", "shuffled", "ann"]))]
    assert all(t[7]["donor"].startswith("pairs:") for t in shuffled)


def test_a_long_reason_is_cut_and_its_length_said(page: Page) -> None:
    place = [i[2] for i in page.block("index")["items"]].index("pair-0")
    (start, length), *_ = [r[0] for r in page.block(f"i{place}")["reasons"] if isinstance(r[0], list)]
    assert len(start) == 1501 and start.endswith("…") and length == len(LONG) + len("\n<answer>1</answer>")


def test_the_same_run_gives_the_same_bytes(made: WrittenReport, run_folder: Path, tmp_path: Path) -> None:
    again = write_report(run_folder, tmp_path / "again.html", figures=tmp_path / "figures")
    assert again.path.read_bytes() == made.path.read_bytes()
    for one, other in zip(sorted(made.figures), sorted(again.figures), strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_of_a_larger_run_it_shows_what_there_is_to_see(run_folder: Path, tmp_path: Path) -> None:
    made = write_report(run_folder, tmp_path / "few.html", items=6)
    page = Page(made.path)
    assert (made.items, made.of) == (6, ITEMS) and "6 of the run's 12 items" in page.text
    seen = set().union(*(f for cells in flags(page).values() for f in cells.values()))
    assert seen >= {"fixed", "broken", "flipped", "leak"}
    assert "i5" in page.blocks and "i6" not in page.blocks


# Hostile texts


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> WrittenReport:
    folder = make_run(tmp_path_factory.mktemp("hostile"), hostile=True, items=6)
    return write_report(folder, figures=folder / "figures")


def test_texts_of_others_stay_texts(hostile: WrittenReport) -> None:
    page = Page(hostile.path)
    assert not [a for a in page.all("script") if a.get("type") is None and "id" in a]
    assert len([a for a in page.all("script") if a.get("type") is None]) == 1, "ours alone"
    assert {a["src"][:11] for a in page.all("img") if a["src"]} <= {"data:image/"}
    assert {a.get("class") for a in page.all("svg")} == {"track", "ticks", "key", None} and not page.all("style")[1:]
    index = page.block("index")
    assert plain(HOSTILE_JUDGE) in [c[0] for c in index["benchmarks"][0]["cells"]], "the name as it is"
    assert plain(HOSTILE_WRITER) in page.text and "\u202e" not in page.html and "\u2066" not in page.html
    texts = page.block("i0")["candidates"]
    assert (
        any(c["text"].endswith(plain(ATTACK)) for c in texts) and "⟨U+202E⟩" in str(texts) and "\x07" not in page.html
    )


def test_figures_show_names_as_they_are(hostile: WrittenReport) -> None:
    """A dollar sign starts no formula, and a name no element."""
    for path in hostile.figures:
        if path.suffix == ".svg":
            root = ElementTree.fromstring(path.read_bytes())
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert {e.tag.rpartition("}")[2] for e in root.iter()} <= {
                "svg", "defs", "style", "g", "path", "use", "clipPath", "rect", "metadata", "pattern", "RDF", "Work", "type",
                "format", "creator", "Agent", "title",
            }  # fmt: skip
            assert b"20" + b"26-" not in path.read_bytes()[:2000], "no date"


def test_invisible_marks_are_named() -> None:
    assert plain("a\u202eb\x00c\r\nd\u2028") == "a⟨U+202E⟩b\ufffdc\nd⟨U+2028⟩"
    assert one_line("one two  three\nfour", 12) == "one two…" and middle("abcdefghijklmnop", 9) == "abcde…nop"
    kinds, pieces = marked("Fits.\nResponse 2\u202e wins. 😀 End.", ())
    assert "".join(p if isinstance(p, str) else p[0] for p in pieces) == "Fits.\nResponse 2⟨U+202E⟩ wins. 😀 End."
    assert "reference" in kinds


# Figures


def test_figures_are_written_alone(made: WrittenReport) -> None:
    from PIL import Image

    names = {p.name for p in made.figures}
    assert names >= {f"{k}-pairs.{s}" for k in ("answer", "matrix", "transitions", "position") for s in ("png", "svg")}
    for path in made.figures:
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert image.width > 600 and len(image.convert("RGB").getcolors(1 << 22)) > 5, path.name


def contrast(value: float, n: int = 40) -> Contrast:
    return Contrast("none", n, value * n, value, value - 0.05, value + 0.05, 0.01, 0.04, p_holm=0.02)


def metric(name: str, value: float) -> Metric:
    return Metric(name, 40 * value, 40, value, value - 0.1, min(1, value + 0.1))


@pytest.mark.parametrize(("writers", "judges"), [(1, 1), (6, 8)])
def test_matrix_cost_and_calibration_are_drawn(run_folder: Path, writers: int, judges: int) -> None:
    report = score(run_folder)
    who = [f"writer-{n}-with-$a_{n}$-long-name" for n in range(writers)]
    whom = [f"an/organisation/judge-{n}-with-a-long-name-instruct" for n in range(judges)]
    entries = {
        Pairing(w, j): Entry(w, j, "self" if n == 1 else "unseen", metric("accuracy", 0.6), contrast(0.1 - 0.02 * n))
        for w in who
        for n, j in enumerate(whom)
        if judges == 1 or n != 3
    }
    matrix = Matrix("pairs", PRIMARY, who, whom, entries)
    matrix.by_writer.margins = [Margin(w, tuple(whom), (), contrast(0.05)) for w in who]
    report.matrices = [matrix]
    report.costs = [
        CostPoint(
            "pairs",
            j,
            w,
            "transferred",
            None,
            2,
            900 * (n + 1),
            40,
            20,
            5,
            None,
            metric("accuracy", 0.7),
            n == 0,
            cost=940.0 * (n + 1),
        )
        for j in whom
        for n, w in enumerate(who)
    ]
    bins = tuple(Bin(0.5 + n / 20, 0.5 + n / 25, 4) for n in range(10))
    found = {n: metric(n, 0.1) for n in ("ece", "brier", "auroc", "selective@80")}
    report.calibrations = [
        Calibration("pairs", j, None, "none", order, 40, found, (0.05, 0.08), bins, ((0.5, 0.9), (1.0, 0.7)))
        for j in whom
        for order in ("AB", "BA", "averaged")
    ]
    with style():
        plots = all_plots(report)
        assert [len(plots[k]) for k in ("matrix", "cost", "calibration")] == [1, judges, 1 + judges]
        assert plots["matrix"][0].alt.startswith(f"{writers} writers by {judges} judges, {len(entries)} cells")
        names = [p.name for drawn in plots.values() for p in drawn]
        assert len(names) == len(set(names)) and all(re.fullmatch(r"[a-z0-9-]+", n) for n in names)
        ElementTree.fromstring(svg(plots["matrix"][0]))
        ElementTree.fromstring(svg(plots["cost"][0]))
        ElementTree.fromstring(svg(plots["calibration"][0]))


# Pictures


def item_of(*files: MediaFile, kind: str = "image") -> Item:
    media = (Media("m", "video" if kind == "video" else "image", tuple(files)),)
    return Item("u", "b", "s", 0, "", (Candidate("a"), Candidate("b")), (0, 1), Label(), media)


def file_of(path: Path, data: bytes, sha256: str | None = None) -> MediaFile:
    path.write_bytes(data)
    state = path.stat()
    return MediaFile(
        str(path), state.st_size, state.st_mtime_ns, hashlib.sha256(data).hexdigest() if sha256 is None else sha256
    )


def test_thumbnails_keep_their_budget_and_their_way_up(tmp_path: Path) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    wide = file_of(tmp_path / "wide.jpg", report_runs.picture(1, (400, 100), "JPEG", exif=exif))
    noise = [Image.effect_noise((700, 700), 90 + n).convert("RGB") for n in range(6)]
    files = [wide]
    for n, image in enumerate(noise):
        image.save(tmp_path / f"{n}.png")
        files.append(file_of(tmp_path / f"{n}.png", (tmp_path / f"{n}.png").read_bytes()))
    for budget in (20_000, 10**9):
        made = thumbnails([item_of(f) for f in [*files, *files]], budget)
        assert len(made) == 7 and sum(len(t.data) for t in made.values()) <= min(budget, 7 * MOST_BYTES)
        assert all(t.data[8:12] == b"WEBP" for t in made.values())
        assert made[wide.sha256].size == (100, 400)


def test_a_picture_that_cannot_be_shown_says_why(tmp_path: Path) -> None:
    good = report_runs.picture(1)
    header = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + good[24:29]
    huge = good[:12] + header + zlib.crc32(header).to_bytes(4, "big") + good[33:]
    changed = file_of(tmp_path / "changed.png", good, "0" * 64)
    unread = file_of(tmp_path / "unread.png", good, "")
    damaged = file_of(tmp_path / "damaged.png", good[:60])
    bomb = file_of(tmp_path / "bomb.png", huge)
    script = file_of(tmp_path / "postscript.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    gone = MediaFile(str(tmp_path / "gone.png"), 1, 1, "1" * 64)
    folder = MediaFile(str(tmp_path), 1, 1, "2" * 64)
    touched = MediaFile(unread.path, unread.size, unread.mtime_ns + 1)
    made = thumbnails([item_of(f) for f in (changed, unread, damaged, bomb, script, gone, folder, touched)], 10**6)
    reasons = [t.problem for t in made.values()]
    assert [r.split(":")[0] for r in reasons] == [
        "the file has changed since it was judged", "", "damaged", "too many pixels to decode", "damaged",
        "the file is missing", "cannot be read (it is a folder, not a file)", "no image file, or too large a one",
    ]  # fmt: skip


def test_a_video_shows_four_frames(tmp_path: Path) -> None:
    frames = [file_of(tmp_path / f"{n}.png", report_runs.picture(n)) for n in range(9)]
    made = thumbnails([item_of(*frames, kind="video")], 10**6)
    assert list(made) == [frames[n].sha256 for n in (0, 3, 5, 8)]


# Other runs


def test_three_candidates_scored_alone_and_ranked(tmp_path: Path) -> None:
    from evaluators.specs import JudgeSpec
    from evaluators.testing.mock import MockJudge
    from harness_plugins import run

    rows = [
        {
            "id": f"t{n}",
            "prompt": "which?",
            "candidates": [f"{w} {n}" for w in ("best", "middling", "worst")],
            "label": 0,
        }
        for n in range(4)
    ]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    judge = "{name: %s, backend: openai, model: m, base_url: 'http://unused.invalid/v1', grading: %s}"
    names = {"points": "pointwise", "ranks": "listwise"}
    listed = ", ".join(judge % n for n in names.items())
    (tmp_path / "c.yaml").write_text(
        f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\njudges: [{listed}]\nout: out\narms: [none]\n"
    )
    specs = {
        n: JudgeSpec.model_validate(
            {"name": n, "backend": "openai", "model": "m", "base_url": "http://unused.invalid/v1", "grading": g}
        )
        for n, g in names.items()
    }
    replies = {
        "points": lambda case: f"<score>{9 - len(case.shown()[0].text) % 8}</score>",
        "ranks": lambda case: "<ranking>1 > 2 > 3</ranking>",
    }
    folder = run(tmp_path / "c.yaml", judges={n: MockJudge(specs[n], replies[n]) for n in names}).out
    page = Page(write_report(folder).path)
    item, cells = page.block("i0"), [c[0] for c in page.block("index")["benchmarks"][0]["cells"]]
    alone = item["cells"][str(cells.index("points"))]
    assert {t[7]["candidate"] for t in alone} == {0, 1, 2} and all(t[7]["score"] for t in alone)
    ranked = item["cells"][str(cells.index("ranks"))]
    assert [t[0] for t in ranked] == ["ABC", "BCA", "CAB"] and all(sorted(t[7]["ranks"]) == [0, 1, 2] for t in ranked)
    assert all("flipped" in f["ranks", "none", None] for f in flags(page).values())


def test_an_incomplete_run_of_baselines_without_manifest(run_folder: Path, tmp_path: Path) -> None:
    """What is left of a folder is shown: a cell that lacks verdicts says so, and an item without pictures too."""
    folder = tmp_path / "rest"
    folder.mkdir()
    (folder / "items.jsonl").write_bytes((run_folder / "items.jsonl").read_bytes())
    lines = [
        x
        for x in (run_folder / "verdicts.jsonl").read_bytes().splitlines(keepends=True)
        if b'"goes-first"' in x and b'"none"' in x
    ]
    (folder / "verdicts.jsonl").write_bytes(b"".join(lines[:-1]) + b'{"torn')
    page = Page(write_report(folder).path)
    assert "goes-first: 1 of 24 answers are missing (none): what they touch has no score." in page.text
    assert sum("missing" in f for cells in flags(page).values() for f in cells.values()) == 1


def test_scoring_by_another_protocol(run_folder: Path, tmp_path: Path) -> None:
    page = Page(write_report(run_folder, tmp_path / "official.html", protocol="metric").path)
    assert "metric:pairs" in page.text


def test_without_matplotlib_the_page_is_there_and_files_say_what_to_install(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "has_matplotlib", lambda: False)
    page = Page(write_report(run_folder, tmp_path / "page.html").path)
    assert [a for a in page.all("svg") if a.get("class") == "track"] and not [a for a in page.all("img") if a["src"]]
    with pytest.raises(UserError, match=r"pip install 'rubric-harness\[report\]'"):
        write_report(run_folder, tmp_path / "page.html", figures=tmp_path / "figures")
