"""Tables as text: nothing is cut at any width, and the same text is printed with and without colours."""

from __future__ import annotations

import io
import re

import pytest

from harness_plugins.tables.model import Cell, Table, each_once, names, numbers, words
from harness_plugins.tables.render.terminal import as_text, print_tables


def table() -> Table:
    shown = Table("t", "what it is of", [*names("judge", "arm"), *numbers(*(f"number {n}" for n in range(12)))])
    for judge in ("qwen", "gpt"):
        for arm in ("none", "transferred"):
            shown.add(judge, arm, *(Cell(f"{n + 50}.5 (10{n}/200)") for n in range(12)), minor=arm == "none")
    return shown


@pytest.mark.parametrize("width", [40, 80, 120, 300])
def test_no_cell_is_cut(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = as_text([table()]).splitlines()
    assert max(map(len, lines)) <= width
    for n in range(12):
        assert sum(f"{n + 50}.5 (10{n}/200)" in line for line in lines) == 4
    parts = sum(line.startswith("qwen") for line in lines)
    assert parts == sum(line.startswith("gpt") for line in lines) and (parts == 1) == (width == 300)


def test_a_name_stands_once_for_the_rows_below_it() -> None:
    lines = [line.split()[:2] for line in as_text([table()]).splitlines()[2:6]]
    assert [line[0] for line in lines] == ["qwen", "transferred", "gpt", "transferred"]


def test_answers_come_first_and_what_spoils_them_next() -> None:
    shown = table()
    shown.answers, shown.warnings, shown.notes = ["It helps."], ["Half is missing."], ["A note."]
    text = as_text([shown])
    places = [text.index(part) for part in ("It helps.", "! Half is missing.", "what it is of", "A note.")]
    assert places == sorted(places)


def test_colours_change_no_letter(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown = table()
    shown.answers = ["It helps."]
    monkeypatch.setenv("COLUMNS", "80")
    plain = as_text([shown])
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    print_tables([shown])
    coloured = capsys.readouterr().out
    assert "\x1b[1m" in coloured and re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    print_tables([shown])
    assert not re.search(r"\x1b\[[\d;]*3\d", capsys.readouterr().out), "no colour; bold may stay"


def test_long_words_wrap_and_long_names_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    shown = Table("t", "T", [*names("judge"), *words("why")])
    shown.add("qwen", "because of a reason " * 8)
    lines = as_text([shown]).splitlines()
    assert max(map(len, lines)) <= 60 and " ".join(" ".join(lines).split()).count("a reason") == 8


def test_a_very_long_name_leaves_numbers_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = Table("t", "T", [*names("writer"), *numbers("its rubrics", "95 % CI")])
    shown.add("a-name-without-an-end" * 6, "+28.1", "[20.6, 35.0]")
    lines = as_text([shown]).splitlines()
    assert max(map(len, lines)) <= 80 and any("+28.1  [20.6, 35.0]" in line for line in lines)
    assert "".join(line[:26].strip() for line in lines[3:]) == "a-name-without-an-end" * 6


def test_a_terminal_without_unicode_gets_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    shown = Table("t", "T", [*names("judge"), *words("verdict")])
    shown.add("世界", "◆ by content")
    print_tables([shown], stream)
    stream.flush()
    assert "* by content" in raw.getvalue().decode("ascii")


def test_what_tables_share_is_said_once() -> None:
    shown = [table(), table()]
    for t in shown:
        t.notes, t.warnings = ["shared", "shared"], ["spoiled"]
    shown[1].notes.append("its own")
    first, second = each_once(shown)
    assert (first.notes, first.warnings, second.notes, second.warnings) == (["shared"], ["spoiled"], ["its own"], [])
