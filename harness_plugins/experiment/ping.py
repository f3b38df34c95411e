"""Whether each judge and writer of a config works: asked by the engine's own caller, read by its parsers; nothing is kept."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from evaluators import judges as judge_factory
from evaluators import stop_messages
from evaluators.engine.caller import Answered, Caller, Tally
from evaluators.engine.due import Cell, Grid, orders_of
from evaluators.engine.runner import case_of, seed_of
from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.images import colours
from evaluators.images.media import MediaWindow
from evaluators.judges import ChatJudge, Judge, chat_backend
from evaluators.messages import ChatBackend, ChatRequest, Image, Message, Text, within_budget
from evaluators.prompts.template import Case
from evaluators.records import Answer, Item, MediaFile, Probability
from evaluators.replies.parsing import parse
from evaluators.rubrics.arms import ARMS
from evaluators.specs import JudgeSpec, ModelSpec
from evaluators.writers.base import WriterSpec, draws, request_of, rubric_of
from harness_plugins.config.run import Config
from harness_plugins.experiment.run import judges_of, prepare, writers_of

T = TypeVar("T")

ITEMS = 20
"""Looked through for one with a picture."""


@dataclass(frozen=True)
class Ping:
    """What one judge or writer was found to do."""

    name: str
    role: Literal["judge", "writer"]
    model: str
    """As served; as configured where the server does not say."""
    asks_model: bool = True
    sees: bool | None = None
    """Whether it named the colour of a picture; None where it was not asked."""
    status: str = ""
    """What its answer was read as: a verdict's status, or a rubric's."""
    p: Probability | None = None
    """Of its verdict, where probabilities were asked for."""
    latency_s: float | None = None
    tokens_a_second: float | None = None
    """Written."""
    problems: tuple[str, ...] = ()
    """Each with its fix."""

    @property
    def works(self) -> bool:
        return not self.problems


def ping(config: Config) -> list[Ping]:
    """Ask each judge and writer of a config a question or two, on one item of its first benchmark.

    >>> [p.works for p in ping(load_config(Path("config.yaml")))]                       # doctest: +SKIP
    [True]

    Raises:
        UserError: the benchmark cannot be read.
    """
    first = config.model_copy(update={"benchmarks": config.benchmarks[:1]})
    items = prepare(first, ITEMS, needs_rubrics=False).items[first.benchmarks[0].name]
    item = next((i for i in items if i.all_media()), items[0])
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_all(config, item, Path(folder)))


async def _all(config: Config, item: Item, folder: Path) -> list[Ping]:
    colour = secrets.choice(list(colours.COLOURS))
    path = folder / "picture.png"
    path.write_bytes(colours.picture(colour))
    specs: list[JudgeSpec | WriterSpec] = [*judges_of(config), *writers_of(config)]
    media = MediaWindow()
    picture = _Picture(colour, MediaFile(str(path))) if item.all_media() else None
    try:
        asked = [_Pinging(config, spec, item, picture, media) for spec in specs]
        remote = await asyncio.gather(*(p.ping() for p in asked if not p.in_process))
        # One model in this process at a time, as in a run.
        local = [await p.ping() for p in asked if p.in_process]
    finally:
        media.close()
    # A judge may have a writer's name: the same model in both roles.
    by_role = {(p.role, p.name): p for p in (*remote, *local)}
    return [by_role["judge" if isinstance(s, JudgeSpec) else "writer", s.name] for s in specs]


@dataclass(frozen=True)
class _Picture:
    colour: str
    file: MediaFile


class _Pinging:
    """One judge or writer while it is asked."""

    def __init__(
        self, config: Config, spec: JudgeSpec | WriterSpec, item: Item, picture: _Picture | None, media: MediaWindow
    ) -> None:
        # Once more is enough to see whether a server that is busy answers.
        self._spec = spec.model_copy(update={"retries": min(spec.retries, 1)})
        self._config, self._item, self._media = config, item, media
        self._picture = picture if spec.media == "shown" else None
        self._caller = Caller(self._spec, Tally())
        self._judge: Judge | None = None
        self._backend: ChatBackend | None = None
        role: Literal["judge", "writer"] = "judge" if isinstance(spec, JudgeSpec) else "writer"
        self._result = Ping(spec.name, role, spec.served, spec.asks_model)
        try:
            self._create()
        except UserError as e:
            self._problem(*e.lines)

    def _create(self) -> None:
        if isinstance(self._spec, WriterSpec):
            self._backend = chat_backend(self._spec)
            return
        self._judge = judge_factory.create(self._spec)
        if isinstance(self._judge, ChatJudge):
            self._backend = self._judge.backend

    @property
    def in_process(self) -> bool:
        opened = self._judge or self._backend
        return opened is not None and opened.in_process

    def _problem(self, *lines: str) -> None:
        new = [line for line in lines if line not in self._result.problems]
        self._result = replace(self._result, problems=(*self._result.problems, *new))

    async def ping(self) -> Ping:
        opened = self._judge or self._backend
        if opened is None:
            return self._result
        try:
            await opened.open(self._media)
            await self._look()
            await self._read()
        except BackendError as e:
            self._problem(stop_messages.with_fix(e) + await _served_instead(self._spec, e))
        except (UserError, RunStopped) as e:
            self._problem(*(e.lines if isinstance(e, UserError) else [str(e)]))
        finally:
            await opened.close()
        return self._result

    async def _look(self) -> None:
        """Whether it sees a picture, where it is to see some."""
        from evaluators.backends.endpoint.chat import GRAMMARS

        # A grammar lets through verdicts alone.
        if self._backend is None or self._picture is None or not GRAMMARS.isdisjoint(self._spec.extra_body):
            return
        spec, backend = self._spec, self._backend
        request = ChatRequest(
            within_budget(
                (Message("user", (Image(self._picture.file), Text(colours.QUESTION))),),
                spec.max_pixels,
            ),
            {**spec.sampling(), spec.max_tokens_field: spec.max_tokens},
            answer_format="colour",
            affinity="ping",
        )
        answer = (await self._asked(request, lambda: backend.chat(request), lambda a: None)).answer
        sees = colours.named(answer.text) == self._picture.colour
        self._result = replace(self._result, sees=sees)
        self._note(answer)
        if not sees:
            self._problem(stop_messages.blind(self._picture.colour, answer.text))

    async def _read(self) -> None:
        """Whether what it says on the item can be read: a verdict, or a rubric."""
        encode = (self._judge is None or self._judge.sees_media) and not self.in_process
        ((item, error),) = await self._media.prepare([self._item], encode, self._spec.max_pixels)
        if error is not None:
            raise error
        if isinstance(self._spec, WriterSpec):
            await self._read_rubric(self._spec, item)
        else:
            await self._read_verdict(self._spec, item)

    async def _read_verdict(self, spec: JudgeSpec, item: Item) -> None:
        assert self._judge is not None
        judge, cell = self._judge, _cell(self._config, spec, item)
        case = case_of(item, cell)
        question, seed = spec.question_for(case), seed_of(item, cell.order, cell.arm)
        answer, parsed = await self._asked(
            case, lambda: judge.decide(case, seed), lambda a: parse(a, question, spec.complete_reasons)
        )
        self._result = replace(self._result, status=parsed.status, p=parsed.p)
        self._note(answer)
        if parsed.status in ("unparsed", "truncated", "low_mass", "refused"):
            fixes = stop_messages.reading_fixes(
                Counter([parsed.status]), spec.max_tokens, spec.probabilities > 0 and not spec.continues
            )
            self._problem(stop_messages.no_reading("verdict", parsed.status, answer.text, fixes or [_ANOTHER]))

    async def _read_rubric(self, spec: WriterSpec, item: Item) -> None:
        backend, draw = self._backend, next(draws(spec, item, orders_of(item, "AB")), None)
        assert backend is not None
        if draw is None:  # one rubric for all items is induced from many answers: whether it answers at all
            await self._greet(backend)
            return
        request = request_of(spec, draw)
        answer, rubric = await self._asked(request, lambda: backend.chat(request), lambda a: rubric_of(spec, draw, a))
        self._result = replace(self._result, status=rubric.status)
        self._note(answer)
        if rubric.status != "valid":
            fixes = stop_messages.reading_fixes(Counter([rubric.status]), spec.max_tokens, False)
            self._problem(stop_messages.no_reading("rubric", rubric.status, answer.text, fixes))

    async def _greet(self, backend: ChatBackend) -> None:
        request = ChatRequest(
            (Message("user", (Text("Reply with one word: ready."),)),), self._spec.sampling(), affinity="ping"
        )
        self._note((await self._asked(request, lambda: backend.chat(request), lambda a: None)).answer)
        self._result = replace(self._result, status="answered")

    async def _asked(
        self, request: Case | ChatRequest, ask: Callable[[], Awaitable[Answer]], read: Callable[[Answer], T]
    ) -> Answered[T]:
        reservation = await self._caller.admit(request)
        assert reservation is not None, "there is no budget"
        return await self._caller.call(reservation, request, self._item.uid, ask, read)

    def _note(self, answer: Answer) -> None:
        """What an answer says of the model and its speed; the last one counts, which is the longest."""
        written = (answer.usage or {}).get("completion_tokens")
        speed = written / answer.latency_s if written and answer.latency_s else None
        self._result = replace(
            self._result,
            model=answer.model or self._result.model,
            latency_s=answer.latency_s,
            tokens_a_second=speed,
        )


_ANOTHER = "take another model, or another `prompt:`"


def _cell(config: Config, spec: JudgeSpec, item: Item) -> Cell:
    """A cell of the run, or of the arm `generic` where all of its arms wait for a writer."""
    arms = [a for a in ("generic", *config.arms) if a in config.arms and not ARMS[a].per_writer] or ["generic"]
    grid = Grid(item.benchmark, [item], [ARMS[arms[0]]], (), config.orders)
    return next(grid.cells(item, spec, grid.rows(spec)))


async def _served_instead(spec: ModelSpec, error: BackendError) -> str:
    """What the endpoint serves, where it does not know the model that is asked for."""
    if error.kind != "not_found" or not isinstance(spec.base_url, str) or not spec.base_url:
        return ""
    from evaluators.backends.endpoint.served import served

    try:
        models = (await served(spec.base_url)).models
    except (BackendError, ValueError):
        return ""
    return f"; it serves: {', '.join(models)}" if models else ""
