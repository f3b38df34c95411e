"""Induced rubrics as files: YAML to read, compare line by line, keep, and use again in other runs.

The file holds the rubric as judges read it, each criterion with the pairs it verified on, how the result did on pairs that took
no part, and what it was made with. `hash` is over what a judge reads, so that an edited file is not taken for the induced one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from evaluators.errors import UserError
from evaluators.induction import Induced
from evaluators.inputs.yaml_files import read_mapping
from evaluators.keys import digest
from evaluators.records import Criterion, Rubric, Writer
from harness_plugins.folder.atomic import write_atomic

FORM = "rubric-harness/induced/1"
SUFFIXES = (".yaml", ".yml")


def rubric_hash(text: str, criteria: tuple[Criterion, ...]) -> str:
    """16 hex over what a judge reads and weighs."""
    return digest(FORM, text, [[c.name, c.description, c.weight] for c in criteria])[:16]


def write_artefact(path: Path, induced: Induced, writer: Writer, replicate: int, provenance: Mapping[str, Any]) -> str:
    """Write the file; returns the hash.

    Args:
        provenance: what it was made from and with (seeds, options), as it goes into the file.
    """
    criteria = tuple(k.criterion for k in induced.criteria)
    artefact_hash = rubric_hash(induced.text, criteria)
    themes = (
        {} if not induced.structure.text else {n: name for name, numbers in induced.structure.themes for n in numbers}
    )
    value: dict[str, Any] = {
        "form": FORM,
        "hash": artefact_hash,
        "writer": {f: getattr(writer, f) for f in ("name", "method", "model", "base", "family")},
        "replicate": replicate,
        "text": induced.text,
        "criteria": [
            {
                "name": k.criterion.name,
                "description": k.criterion.description,
                "weight": k.criterion.weight,
                **({"theme": themes[n]} if n in themes else {}),
                "verified_on": list(k.seeds),
                "after_refinements": k.round,
                "coverage": f"{k.selecting.decided}/{k.selecting.trials} trials of the selecting pairs decided",
                "right": f"{k.selecting.right}/{k.selecting.decided} of these",
                "contribution": round(k.contribution, 4),
                "tested": f"{k.testing.right} right of {k.testing.decided} decided, {k.testing.trials} trials of the testing pairs",
            }
            for n, k in enumerate(induced.criteria, 1)
        ],
        "accuracy": {name: {p: round(v, 4) for p, v in by.items()} for name, by in induced.accuracy.items()},
        "structure": induced.structure.note or f"{len(induced.structure.themes)} themes",
        "counts": {
            "proposed": induced.proposed,
            "verified": induced.verified,
            "verified_by_refinements": list(induced.rounds),
            "kept": len(induced.criteria),
            "left_out": dict(induced.left_out),
            "calls": dict(induced.calls),
        },
        **provenance,
    }
    write_atomic(path, yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120).encode())
    return artefact_hash


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as such, so that a change of one line is one line of a diff."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    if not _plain(value):
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"')
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


def _plain(text: str) -> bool:
    """Whether a block of lines brings a text back as it was."""
    return all(c.isprintable() or c == "\n" for c in text)


_Dumper.add_representer(str, _text)


@dataclass(frozen=True)
class Artefact:
    """A file as read: its rubric for each benchmark, and the prints of its seeds (`benchmarks.overlap.prints`)."""

    rubrics: tuple[Rubric, ...]
    prints: frozenset[str]


def read_artefact(name: str, path: Path, benchmarks: Iterable[str]) -> Artefact:
    """The rubric of an artefact, shared by all items of each benchmark, under a writer's name of this run.

    Raises:
        UserError: it is no such file, or was edited since it was made.
    """
    _, value = read_mapping(path, "the keys that `arr_induced` writes")
    try:
        form, artefact_hash, text = str(value["form"]), str(value["hash"]), str(value["text"])
        criteria = tuple(_criterion(c) for c in value["criteria"])
        about = {k: value["writer"].get(k) for k in ("method", "model", "base", "family")}
        if not all(v is None or isinstance(v, str) for v in about.values()):
            raise ValueError("writer: method, model, base and family are texts")
        writer = Writer(name, **{**about, "method": about["method"] or ""}, sampling={"artefact": artefact_hash})
        replicate = value.get("replicate", 0)
        # Not isinstance: YAML's `true` is an int to it.
        if type(replicate) is not int or replicate < 0:
            raise ValueError("replicate is a number from 0")
        prints = frozenset(map(str, value.get("seeds", {}).get("prints", ())))
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        why = f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"
        raise UserError(
            f"{path}: no induced rubric ({why}); give the YAML file that `arr_induced` wrote, or a .jsonl"
        ) from None
    if form != FORM:
        raise UserError(f"{path}: of the form {form!r}, and this version reads {FORM!r}")
    if not text:
        raise UserError(f"{path}: holds no rubric: nothing verified when it was made")
    if rubric_hash(text, criteria) != artefact_hash:
        raise UserError(
            f"{path}: its rubric was edited since it was made (the hash does not fit). To use it as one of your own, write it "
            'as a line of a .jsonl: {"item": null, "writer": "me", "text": "..."}'
        )
    return Artefact(tuple(Rubric(b, None, writer, text, criteria, replicate) for b in benchmarks), prints)


def _criterion(value: Mapping[str, Any]) -> Criterion:
    return Criterion(str(value["name"]), str(value.get("description", "")), float(value.get("weight", 1)))
