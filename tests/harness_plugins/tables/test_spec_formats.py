"""Paper tables in every format: rows of equal length, escaped names, marks, and the same bytes each time."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness_plugins.cli import main
from harness_plugins.tables.model import Cell, Column, Table
from harness_plugins.tables.paper import paper_table
from harness_plugins.tables.paper.formats import FORMATS
from harness_plugins.tables.render.to_markdown import markdown
from tests.conftest import ROOT
from tests.harness_plugins.tables.spec_runs import HOSTILE, TEN, table_of

pytestmark = pytest.mark.xdist_group("specs")


class Page(HTMLParser):
    """The rows of the page's table as texts, and all tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        if {"td", "th"} & set(self.open) and "sup" not in self.open:
            self.rows[-1][-1] += text


@pytest.mark.parametrize("name", TEN)
def test_every_spec_in_every_format(name: str, runs: dict[str, Path]) -> None:
    table = table_of(name, runs)
    width, length = len(table.spec.columns), len(table.rows)
    tex = FORMATS["latex"](table)
    body = tex[tex.index(r"\toprule") : tex.index(r"\bottomrule")]
    lines = [x for x in body.splitlines() if x.endswith(r" \\")]
    places = {len(re.findall(r"(?<!\\)&", x)) for x in lines}
    assert len(lines) == length + 1 and places == {len(re.search(r"tabular\}\{(.*)\}", tex)[1]) - 1}  # type: ignore[index]
    assert re.findall(r"\\(begin|end)\{(\w+)\}", tex) == [
        ("begin", "table"), ("begin", "tabular"), ("end", "tabular"), ("begin", "minipage"), ("end", "minipage"), ("end", "table")
    ]  # fmt: skip
    assert tex.count("{") - tex.count(r"\{") == tex.count("}") - tex.count(r"\}")
    assert not re.search(r"\\\\\s*\n[\[*]", tex), "the next row would be taken for an option"
    md = [x for x in FORMATS["md"](table).splitlines() if x.startswith("|")]
    assert len(md) == length + 2 and len({len(re.findall(r"(?<!\\)\|", x)) for x in md}) == 1
    page = Page(FORMATS["html"](table))
    assert not page.open and "script" not in dict(page.tags) and len(page.rows) == length + 1
    assert {len(r) for r in page.rows} == {places.pop() + 1}
    assert [a["scope"] for t, a in page.tags if t == "th"] == ["col"] * len(page.rows[0]) + ["row"] * length
    found = list(csv.DictReader(io.StringIO(FORMATS["csv"](table))))
    assert len(found) == width * length and {f["state"] for f in found} <= {
        "measured",
        "published",
        "unavailable",
        "incomplete",
    }
    assert all((f["value"] == "") == (f["state"] in ("unavailable", "incomplete")) for f in found)
    loaded = json.loads(FORMATS["json"](table))
    assert [list(r["cells"]) for r in loaded["rows"]] == [[c.key for c in table.spec.columns]] * length
    told = [c for r in loaded["rows"] for c in r["cells"].values()]
    assert all(c["sources"] for c in told if c["state"] == "published") and all(
        not c["text"] for c in told if c["state"] == "unavailable"
    )
    for form in FORMATS.values():
        assert str(runs["vl"].parent.parent) not in form(table), "no absolute path"


def test_hostile_names_and_flags_in_each_format(runs: dict[str, Path]) -> None:
    table = table_of("arr_generation_t2i", runs)
    out = {form: write(table) for form, write in FORMATS.items()}
    assert all("\x1b" not in out[f] and "\u202e" not in out[f] and "<script>" not in out[f] for f in ("latex", "html"))
    assert "\x1b" not in out["csv"] and "\x1b" not in out["md"]
    assert r"{[}x{]} {*}b{*} a\_b \& 50\% \$y\$ \{z\}" in out["latex"]
    assert "\\<script>" in out["md"] and "\\| " in out["md"] and "\\[x] \\*b\\*" in out["md"]
    assert json.loads(out["json"])["rows"][-2]["model"] == HOSTILE
    flagged = {f: FORMATS[f](paper_table("arr_cross_model")) for f in FORMATS}
    assert "79.2 [†2]" in flagged["md"] and "79.2$^{\\dagger 2}$" in flagged["latex"] and "†2</a>" in flagged["html"]
    assert all("78.3 in arr" in text.replace("\\_", "_") for text in flagged.values())


def test_the_same_input_gives_the_same_bytes(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Here and in a process that hashes texts otherwise."""
    arguments = ["table", "--spec", "proxy_grm_main", str(runs["two"]), str(runs["vl"])]
    code = f"from harness_plugins.cli import main\nfor form in ('json', 'html'): main([*{arguments}, '--format', form])"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "1"}
    there = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    for form in ("json", "html"):
        assert main([*arguments, "--format", form]) == 0
    assert capsys.readouterr().out == there != ""


def test_ordinary_markdown_holds_no_markup_of_others() -> None:
    """Our own `code` stays."""
    table = Table("t", "t", [Column("judge", "names"), Column("accuracy")], notes=["of `none`\nx"])
    table.add("<img src=x>\x1b[31m|\u202eb", Cell("50.0 (1/2)", bold=True))
    lines = markdown([table]).splitlines()
    assert lines[4] == "| \\<img src=x> [31m\\|b | **50.0 (1/2)** |" and lines[-1] == "- of `none` x"


def test_ordinary_tables_are_a_page_as_well(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(runs["vl"]), "--format", "html", "--all"]) == 0
    page = Page(capsys.readouterr().out)
    assert not page.open and len([t for t, _ in page.tags if t == "caption"]) > 3
    assert ["reader", "", "none"] in [r[:3] for r in page.rows]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("name", TEN)
def test_latex_compiles_and_fits_the_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "table.tex").write_text(
        "\\documentclass{article}\n\\usepackage{booktabs,graphicx}\n\\begin{document}\n"
        + FORMATS["latex"](paper_table(name, []))
        + "\\end{document}\n",
        encoding="utf-8",
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0 and "Overfull \\hbox" not in done.stdout, done.stdout[-2000:]
