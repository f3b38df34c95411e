"""Lines of CSV and objects of JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from evaluators.text import printable_json
from harness_plugins.tables.escaping import spreadsheet_text


def csv_lines(header: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> str:
    """A line each, in the header's order. Texts that a spreadsheet would run as formulas are quoted with '."""
    out = io.StringIO()
    writer = csv.DictWriter(out, header, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: spreadsheet_text(value) for name, value in line.items()})
    return out.getvalue()


def json_list(objects: Iterable[Mapping[str, Any]]) -> str:
    """JSON with an object a line, so that texts of two runs can be compared line by line."""
    return "[\n" + ",\n".join(printable_json(orjson.dumps(o).decode()) for o in objects) + "\n]\n"


def json_document(value: Mapping[str, Any]) -> str:
    """One JSON object over many lines."""
    return printable_json(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
