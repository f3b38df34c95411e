"""YAML of people: bounded, one reading, and each mistake is one line with its place."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from evaluators.errors import UserError
from evaluators.inputs.yaml_files import line_of, read_mapping, read_value


def doubling(first: str, link: str) -> str:
    """Thirty lines, each of which stands for nine times the one before."""
    lines = [f"a0: &a0 {first}"]
    for n in range(1, 30):
        lines.append(f"a{n}: &a{n} {link.format(', '.join([f'*a{n - 1}'] * 9))}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (doubling("[x, x]", "[{}]"), 5, "aliases expand to more than 10,000 values"),
        (doubling("{k: 1}", "{{<<: [{}]}}"), 5, "aliases expand to more than 10,000 values"),
        (doubling("{k: 1}", "{{k: [{}]}}"), 5, "aliases expand to more than 10,000 values"),
        ("a: 1\nb: 2024-13-45", 2, "'2024-13-45' is not a date (month must be in 1..12); put a text in quotes"),
        ("a: 1\nb: 2024-02-30T25:00:00Z", 2, "is not a date"),
        ("a: 1\nb: " + "9" * 10_000, 2, "'999999999999999999999999...' is not a whole number"),
        ("a: 1\nb: 0x" + "f" * 10_000, 2, "has more than 64 bits"),
        ("a: 1\nb: 18446744073709551616", 2, "has more than 64 bits"),
        ("a: 1\nb: [c, {d: 1, d: 2}]", 2, "the key 'd' is here twice"),
        ("1: a\nb: 3\n0x1: c", 3, "the key '0x1' is here twice"),
        ("a:\n\t- b", 2, "'\\t' that cannot start any token"),
        ("a: 1\nb: &b [1, *b]", 2, "an anchor may not hold itself"),
        ("a: &a {b: &b {c: *a}}", 1, "an anchor may not hold itself"),
        ("a: 1\nb: " + "[" * 1000 + "]" * 1000, 2, "nested more than 100 levels deep"),
        ("a: 1\nb: " + "{c: " * 1000 + "}" * 1000, 2, "nested more than 100 levels deep"),
        (
            "a0: &a0 [1]\n" + "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 999)),
            1,
            "aliases expand to more than 10,000 values",
        ),
        ('a: 1\nb: "\\UFFFFFFFF"', 2, "not valid YAML"),
        ('a: 1\nb: "\\ud800"', 2, "half of a surrogate pair"),
        ("a: 1\nb: \x07", 2, "the character U+0007 is not allowed in YAML"),
        ("a: 1\nb: !!bool maybe", 2, "'maybe' is not true or false"),
        ("a: 1\nb: !!python/object/apply:os.getcwd []", 2, "could not determine a constructor"),
        ("a: 1\n? [b]\n: c", 2, "a key must be a plain word"),
        ("a: 1\nb: *c", 2, "found undefined alias 'c'"),
    ],
    ids=range(23),
)
def test_what_cannot_be_read_is_one_line_with_its_place_at_once(
    tmp_path: Path, text: str, line: int, what: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    before = time.process_time()
    with pytest.raises(UserError) as e:
        read_mapping(path, "things")
    assert time.process_time() - before < 1.5
    (told,) = e.value.lines
    assert told.startswith(f"{path}: line {line}: ") and what in told and "\n" not in told


def test_aliases_and_merges_as_people_use_them(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("base: &b\n  x: 1\n  y: 2\nall:\n  - {<<: *b, y: 3}\n  - *b\n")
    node, value = read_mapping(path, "things")
    assert value["all"] == [{"x": 1, "y": 3}, {"x": 1, "y": 2}]
    assert [line_of(node, ("all", 0, key)) for key in ("x", "y")] == [2, 5]


def test_a_long_file_without_aliases_has_no_limit(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("".join(f"k{n}: [1, 2, 3]\n" for n in range(3000)))
    assert len(read_mapping(path, "things")[1]) == 3000


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_byte_order_mark_and_line_ends(tmp_path: Path, mark: bytes, end: bytes) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(mark + end.join([b"a: 1", "b: é".encode(), b""]))
    assert read_mapping(path, "things")[1] == {"a": 1, "b": "é"}


def test_only_plain_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for path, what in (
            (tmp_path / "fifo", "a named pipe"),
            (tmp_path / "socket", "a socket"),
            (Path("/dev/zero"), "a device"),
            (tmp_path, "a folder"),
            (tmp_path / "gone", "No such file"),
        ):
            with pytest.raises(UserError, match=f"{path}: cannot be read .*{what}"):
                read_mapping(path, "things")


def test_a_value_of_the_command_line() -> None:
    assert [read_value(t) for t in ("3", "0.5", "true", "a b", "[1, 2]", "")] == [3, 0.5, True, "a b", [1, 2], None]
    for text in ("[1", "2024-13-45", "9" * 5000, "\x07"):
        with pytest.raises((ValueError, UserError)):
            read_value(text)
