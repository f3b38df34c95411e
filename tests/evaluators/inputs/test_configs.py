"""Config files that a model checks: where their paths lead, and what is said of those that lead nowhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evaluators.errors import UserError
from evaluators.inputs.configs import ConfigFile, InputPath, OutputPath
from evaluators.inputs.entries import Entry


class Part(Entry):
    path: InputPath | None = None


class Top(Entry):
    parts: tuple[Part, ...] = ()
    named: dict[str, InputPath] = {}
    out: OutputPath | None = None


def checked(folder: Path, text: str) -> Top:
    path = folder / "config.yaml"
    path.write_text(text)
    return ConfigFile.read(path, "`parts`").checked(Top)


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    config = checked(tmp_path, "parts: [{path: ./x/../a}]\nnamed: {mine: ~}\nout: new/run\n".replace("~", "'~'"))
    assert config.parts[0].path == tmp_path / "a"
    assert config.named["mine"] == tmp_path / "home"
    assert config.out == tmp_path / "new" / "run"


def test_what_is_no_file_is_told_with_its_line_and_all_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError) as caught:
        checked(tmp_path, "parts:\n- path: gone\n- {path: pipe}\nnamed:\n  mine: ~nobody-here/x\n")
    fix = "correct the path (it is relative to the config file) or put the file there"
    start = f"{tmp_path / 'config.yaml'}: line"
    assert caught.value.lines == (
        f"{start} 2: path: {tmp_path / 'gone'} is missing; {fix}",
        f"{start} 3: path: {tmp_path / 'pipe'} is a named pipe (FIFO), not a file; save what it holds in a file",
        f"{start} 5: mine: {tmp_path / '~nobody-here/x'} is missing; {fix}",
    )


def test_what_does_not_fit_is_told_before_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        checked(tmp_path, "parts:\n- path: gone\nout: ' '\n")
    assert caught.value.lines == (f"{tmp_path / 'config.yaml'}: line 3: out: empty: name a folder, or leave it out",)


def test_without_a_file_paths_are_left_as_they_are() -> None:
    part = Part(path=Path("gone/x"))
    assert part.path == Path("gone/x")
