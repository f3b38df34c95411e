"""Rubrics are written draw by draw: a line each, as it comes. Whole runs of it: tests/evaluators/writers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.engine.caller import Tally
from evaluators.engine.journal import Journal
from evaluators.engine.writing import Writing, write_rubrics
from evaluators.errors import BackendError, UserError
from evaluators.messages import ChatRequest, text_of
from evaluators.records import Candidate, Item, Label, Media, MediaFile
from evaluators.testing.mock import MockBackend, Reply
from evaluators.writers.base import WriterSpec, draws
from tests.conftest import read_jsonl

RUBRIC = "<rubric>\n1. Colour: Is the cup red?\n</rubric>"
URL = "http://unused.invalid/v1"


def items(count: int, media: tuple[Media, ...] = ()) -> list[Item]:
    label = Label(preferred=0)
    return [
        Item(f"x:{n}", "x", str(n), n, f"Question {n}?", (Candidate("a"), Candidate("b")), (0, 1), label, media)
        for n in range(count)
    ]


def written(
    folder: Path, reply: Callable[[ChatRequest], Reply], count: int = 3, media: tuple[Media, ...] = (), **more: object
) -> tuple[list[dict[str, object]], Tally]:
    fields = {"name": "w", "backend": "openai", "model": "m", "base_url": URL, "criteria": 1, "retries": 0, **more}
    spec = WriterSpec.model_validate({"method": "arr_zero_shot", **fields})
    tally = Tally()
    work = Writing(spec, MockBackend(reply), [d for item in items(count, media) for d in draws(spec, item)])
    path = folder / "rubrics.jsonl"
    with Journal(path) as journal:
        asyncio.run(write_rubrics([work], journal, tally))
    return read_jsonl(path), tally


def test_each_draw_is_a_line(tmp_path: Path) -> None:
    lines, tally = written(tmp_path, lambda request: RUBRIC)
    assert {(line["item"], line["status"], line["text"]) for line in lines} == {
        (f"x:{n}", "valid", "1. Colour: Is the cup red?") for n in range(3)
    }
    assert (tally.total, tally.written, tally.asked, tally.statuses) == (3, 3, 3, {"valid": 3})


def test_what_fails_is_a_line_too_and_the_others_are_written(tmp_path: Path) -> None:
    def fails(request: ChatRequest) -> Reply:
        return BackendError("rejected", "not this") if "Question 1?" in text_of(request.messages) else RUBRIC

    lines, tally = written(tmp_path, fails)
    assert {line["item"]: line["status"] for line in lines} == {"x:0": "valid", "x:1": "error", "x:2": "valid"}
    assert tally.statuses == {"valid": 2, "error": 1} and tally.unanswered == {"rejected": 1}


def test_an_answer_that_holds_no_rubric_is_kept_as_that(tmp_path: Path) -> None:
    (line,), tally = written(tmp_path, lambda request: "I would rather not.", count=1)
    assert line["status"] == "invalid" and "missing_rubric" in line["violations"]  # type: ignore[operator]
    assert tally.statuses == {"invalid": 1}


def test_a_picture_that_cannot_be_shown_costs_its_own_rubrics(tmp_path: Path) -> None:
    missing = Media("photo", files=(MediaFile(str(tmp_path / "missing.png"), 10),))
    lines, tally = written(tmp_path, lambda request: RUBRIC, count=2, media=(missing,))
    assert {line["status"] for line in lines} == {"error"}
    assert tally.asked == 0 and tally.written == 2 and any("missing.png" in message for message in tally.pictures)


def test_in_process_writers_take_turns(tmp_path: Path) -> None:
    open_now: list[str] = []
    most = 0

    class Local(MockBackend):
        in_process = True

        async def open(self, media: object) -> None:
            nonlocal most
            open_now.append("one")
            most = max(most, len(open_now))

        async def close(self) -> None:
            open_now.pop()

    specs = [
        WriterSpec(name=name, backend="openai", model="m", base_url=URL, method="arr_zero_shot", criteria=1)
        for name in ("first", "second")
    ]
    work = [Writing(s, Local(lambda request: RUBRIC), [d for i in items(2) for d in draws(s, i)]) for s in specs]
    with Journal(tmp_path / "rubrics.jsonl") as journal:
        asyncio.run(write_rubrics(work, journal, Tally()))
    assert most == 1 and not open_now
    assert len(read_jsonl(tmp_path / "rubrics.jsonl")) == 4


def test_a_mistake_of_the_user_ends_it_with_its_own_words(tmp_path: Path) -> None:
    class Broken(MockBackend):
        async def open(self, media: object) -> None:
            raise UserError("no such model")

    spec = WriterSpec(name="w", backend="openai", model="m", base_url=URL, method="arr_zero_shot")
    work = Writing(spec, Broken(lambda request: RUBRIC), list(draws(spec, items(1)[0])))
    with Journal(tmp_path / "rubrics.jsonl") as journal, pytest.raises(UserError, match="no such model"):
        asyncio.run(write_rubrics([work], journal, Tally()))
