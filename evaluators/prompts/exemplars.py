"""Exemplars of a guided writer: labelled pairs with the reason for their label, read from a file and shown before the request.

They are the same in every prompt of a writer and are first, so that a server's prefix cache holds them. Which of the two
is preferred is said in words, and it is shown alternately first and second: a fixed place would teach an order.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, model_validator

from evaluators.errors import UserError
from evaluators.images.media import sha256_of
from evaluators.images.pictures import HEAD, mime_of
from evaluators.inputs.entries import Entry
from evaluators.inputs.files import plain_file, read_jsonl
from evaluators.inputs.names import unknown
from evaluators.keys import digest, media_digest
from evaluators.messages import Part, Text
from evaluators.prompts.template import PROMPTS, Case, Template
from evaluators.records import Candidate, Item, Label, Media, MediaFile

SHOWN_PROBLEMS = 5

_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Paths = Annotated[tuple[_Words, ...], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)]


class _Shown(Entry):
    """A candidate as a row gives it: a text, a list of media paths, or an object with either or both."""

    text: str = ""
    media: _Paths = ()

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else {"media": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _something(self) -> _Shown:
        if not self.text.strip() and not self.media:
            raise ValueError("is empty: give a text, or media paths, or both")
        return self


class _Row(Entry):
    prompt: _Words
    preferred: _Shown
    dispreferred: _Shown
    media: _Paths = ()
    rationale: _Words
    criteria: tuple[_Words, ...] = Field(())

    @model_validator(mode="after")
    def _no_places(self) -> _Row:
        match = _BY_PLACE.search(self.rationale)
        if match:
            raise ValueError(
                f"rationale: names a candidate by its place ({match[0]!r}), and places alternate: "
                "say `the preferred one` or what it is like"
            )
        return self


# Capitals alone: "the image a child drew" names no place. Nor does a number with a per cent sign or a decimal.
_BY_PLACE = re.compile(
    r"\b(?:response|answer|candidate|image|picture|edit|output)\s*#?(?-i:[12AB])\b(?!\s*[%.\d])", re.I
)


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One pair. `item` holds prompt, media and candidates, the preferred one as canonical candidate 0; its uid names file and
    line."""

    item: Item
    rationale: str
    criteria: tuple[str, ...] = ()


class Exemplars:
    """The exemplars of one file.

    Raises:
        UserError: up to five lines that cannot be used, each with what to fix.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cases = _read(path)

    @cached_property
    def _template(self) -> Template:
        needs = ("question", "responses")
        extra = {"number": 1, "rationale": "because", "criteria": "1. one?"}
        return Template(PROMPTS / "exemplar.jinja", needs, extra=extra)

    @cached_property
    def digest(self) -> str:
        """16 hex over what a writer is shown of them: texts, image bytes, and the template round them."""
        contents = [
            (e.item.prompt, [(c.text, media_digest(c.media)) for c in e.item.candidates], media_digest(e.item.media))
            for e in self.cases
        ]
        return digest(self._template.digest, contents, [(e.rationale, e.criteria) for e in self.cases])[:16]

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What comes before every request of a writer."""
        shown: list[Part] = []
        for number, exemplar in enumerate(self.cases, 1):
            criteria = "\n".join(f"{n}. {c}" for n, c in enumerate(exemplar.criteria, 1))
            case = Case(exemplar.item, "AB" if number % 2 else "BA")
            (message,) = self._template.render(case, number=number, rationale=exemplar.rationale, criteria=criteria)
            shown = joined(shown, message.parts)
        return tuple(joined(shown, [Text("So much for the examples. Your task:")]))


def joined(head: list[Part] | tuple[Part, ...], tail: list[Part] | tuple[Part, ...]) -> list[Part]:
    """Parts one after the other; where two texts meet they become one, with an empty line between."""
    if head and tail and isinstance(head[-1], Text) and isinstance(tail[0], Text):
        seam = Text(head[-1].text.rstrip("\n") + "\n\n" + tail[0].text)
        return [*head[:-1], seam, *tail[1:]]
    return [*head, *tail]


def _read(path: Path) -> tuple[Exemplar, ...]:
    exemplars: list[Exemplar] = []
    problems: list[str] = []
    for number, row in read_jsonl(path, problems):
        try:
            exemplars.append(_exemplar(path, number, _Row.model_validate(row)))
        except ValidationError as e:
            problems.append(f"{path}: line {number}: {_complaint(e)}")
        except ValueError as e:
            problems.append(f"{path}: line {number}: {e}")
    if problems:
        omitted = [f"... and {len(problems) - SHOWN_PROBLEMS} more lines"] if len(problems) > SHOWN_PROBLEMS else []
        raise UserError(*problems[:SHOWN_PROBLEMS], *omitted)
    if not exemplars:
        raise UserError(f"{path}: no exemplars in it; give a line of JSON for each")
    return tuple(exemplars)


def _complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(p) for p in first["loc"])
    if first["type"] == "missing":
        return f"`{where}` is missing"
    if first["type"] == "extra_forbidden":
        return unknown("field", str(first["loc"][-1]), (_Row if len(first["loc"]) == 1 else _Shown).model_fields)
    if first["type"] == "string_too_short":
        return f"`{where}` is empty"
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{f'`{where}`: ' if where else ''}{message[:1].lower()}{message[1:]}"


def _exemplar(path: Path, number: int, row: _Row) -> Exemplar:
    """Raises ValueError where a medium cannot be used."""

    def media(names: tuple[str, ...]) -> tuple[Media, ...]:
        return tuple(Media(n, "image", (_image(path.parent, n),)) for n in names)

    candidates = tuple(Candidate(c.text, media(c.media)) for c in (row.preferred, row.dispreferred))
    if candidates[0] == candidates[1]:
        raise ValueError("preferred and dispreferred are the same")
    item = Item(
        uid=f"{path}: line {number}",
        benchmark="exemplars",
        source_id=str(number),
        row=number - 1,
        prompt=row.prompt,
        candidates=candidates,
        stored=(0, 1),
        label=Label(preferred=0),
        media=media(row.media),
    )
    return Exemplar(item, row.rationale, row.criteria)


def _image(folder: Path, name: str) -> MediaFile:
    if name[:5].lower() == "data:":
        raise ValueError("data: URLs are not read here; write the image to a file and give its path")
    if re.match(r"[a-z][a-z0-9+.-]+:", name, re.I):
        raise ValueError(f"{name[:80]}: remote media are not fetched; download it and give its path")
    path = Path(os.path.normpath(folder / name))
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name} leads outside {folder}; copy the file into it")
    if not path.exists():
        raise ValueError(f"{path} is missing; paths are relative to the exemplars' own folder")
    try:
        with open(path, "rb", opener=plain_file) as file:
            head = file.read(HEAD)
        status = path.stat()
    except OSError as e:
        raise ValueError(f"{path}: cannot be read ({e.strerror})") from None
    if mime_of(head) is None:
        raise ValueError(f"{path} is not an image that models can read (PNG, JPEG, WebP, GIF, ...); convert it")
    return MediaFile(str(path), status.st_size, status.st_mtime_ns, sha256_of(str(path)))
