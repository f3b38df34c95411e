"""Files of people: JSON and JSON Lines that say each thing once, with file and line where they do not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evaluators.errors import UserError
from evaluators.inputs.files import read_json, read_jsonl, read_text

BOM = b"\xef\xbb\xbf"
GOOD = {"id": "1", "text": "é 😀", "list": [1, 2.5, None, True], "in": {"id": 2}}

BAD = [
    ('{"id": 1, "id": 1}', "the key 'id' is here twice; keep one"),
    ('{"a": [{"b": {"c": 1, "d": 2, "c": 3}}]}', "the key 'c' is here twice"),
    ('{"id": 1', "not valid JSON"),
    ('{"id": 1} {"id": 2}', "not valid JSON (extra data, column 11)"),
    ('{"w": NaN}', "NaN is not a finite number"),
    ('{"w": -Infinity}', "-Infinity is not a finite number"),
    ('{"w": 1e999}', "1e999 is not a finite number"),
    ('{"n": ' + "9" * 10_000 + "}", "has more than 64 bits"),
    ('{"n": -9223372036854775809}', "has more than 64 bits"),
    ('{"t": "\\ud83d"}', "half of a surrogate pair"),
    ('{"a": ' + "[" * 300 + "]" * 300 + "}", "nested more than 100 levels deep"),
    ('{"a": ' + '{"a": ' * 50_000 + "1" + "}" * 50_001, "nested more than 100 levels deep"),
]


@pytest.mark.parametrize(
    ("text", "what"), [*BAD, ("[1]", "a row must be a JSON object, not a list"), ("null", "not null")]
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n\n{text}\n{json.dumps(GOOD)}\n")
    with pytest.raises(UserError) as e:
        list(read_jsonl(path))
    (line,) = e.value.lines
    assert line.startswith(f"{path}: line 3: ") and what in line
    problems: list[str] = []
    assert [n for n, _ in read_jsonl(path, problems)] == [1, 4] and problems == [line]


@pytest.mark.parametrize(("text", "what"), BAD)
def test_a_bad_file_is_named(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "rows.json"
    path.write_text(f"[\n{text}]")
    with pytest.raises(UserError) as e:
        read_json(path)
    (line,) = e.value.lines
    assert line.startswith(str(path)) and (what in line or "line 2: not valid JSON" in line)


def test_marks_line_ends_and_empty_lines_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    row = json.dumps(GOOD).encode()
    path.write_bytes(BOM + row + b"\r\n \r\n" + BOM + json.dumps(GOOD, ensure_ascii=False).encode())
    assert list(read_jsonl(path)) == [(1, GOOD), (3, GOOD)]
    (tmp_path / "a.json").write_bytes(BOM + row)
    assert read_json(tmp_path / "a.json") == GOOD
    (tmp_path / "t.txt").write_bytes(BOM + b"one\r\ntwo\rthree\n")
    assert read_text(tmp_path / "t.txt") == "one\ntwo\nthree\n"


def test_other_encodings_are_told_by_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": "\xe9"}\n')
    for read in (lambda: list(read_jsonl(path)), lambda: read_text(path)):
        with pytest.raises(UserError, match=r"line 2: not UTF-8; save the file as UTF-8"):
            read()


def test_pipes_and_devices_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.jsonl")
    for path in (tmp_path / "rows.jsonl", Path("/dev/zero")):
        for read in (lambda p=path: list(read_jsonl(p)), lambda p=path: read_json(p)):
            with pytest.raises(UserError, match="cannot be read"):
                read()
