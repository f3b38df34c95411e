"""From a case to messages: templates, fences round untrusted text, and where the media go.

Questions, responses and rubrics are data. They are filled in by one pass of a sandboxed Jinja template, each inside a fence that
derives from its own text (`fences`): what is before the rubric is equal in all arms of an item, so that prompts share their
prefix.
"""

from __future__ import annotations

import functools
import secrets
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, cast

import jinja2
from jinja2 import StrictUndefined, TemplateError
from jinja2.runtime import LoopContext
from jinja2.sandbox import SandboxedEnvironment

from evaluators.errors import UserError
from evaluators.inputs.files import read_text
from evaluators.keys import digest
from evaluators.messages import Image, Message, Part, Text
from evaluators.prompts.criteria import criteria_of
from evaluators.prompts.fences import Section, Sections, fenced
from evaluators.prompts.grading import PAIR, Grading, Question
from evaluators.records import Candidate, Criterion, Item, Label, Media, MediaFile, Order

RENDERER_VERSION = "renderer/2"
"""Part of every key: a change in how templates are filled is a change of what was asked."""

PROMPTS = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class RubricText:
    """What an arm gives to a judge: the exact text and, for judges that weigh criteria, the criteria behind it."""

    text: str
    criteria: tuple[Criterion, ...] = ()
    uid: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to decide: an item, shown in an order, with a rubric or without."""

    item: Item
    order: Order
    rubric: RubricText | None = None
    advice: int | None = None
    """The position that another evaluator is said to prefer, in place of a rubric."""
    hidden: frozenset[str] = frozenset()
    """What is left out of the prompt: `media`, `responses`."""
    candidate: int | None = None
    """Pointwise: the canonical candidate that is shown, alone."""

    def shown(self) -> tuple[Candidate, ...]:
        """The candidates as Response 1, Response 2 and so on."""
        if self.candidate is not None:
            return (self.item.candidates[self.candidate],)
        return tuple([self.item.candidates[ord(letter) - ord("A")] for letter in self.order])

    def count(self) -> int:
        """How many candidates are shown."""
        return 1 if self.candidate is not None else len(self.order)


def question_for(case: Case, grading: Grading) -> Question:
    """What is asked on a case: verdicts on the rubric's criteria (as they are listed, or as its text reads) where they
    decide and there are some."""
    criteria: tuple[Criterion, ...] = ()
    if grading.decision == "criteria" and case.rubric:
        criteria = case.rubric.criteria or criteria_of(case.rubric.text)
    return Question(grading, case.count(), criteria)


def pick_of(choice: int, order: Order) -> int:
    """The canonical candidate (from 0) that is at position `choice` (from 1)."""
    return ord(order[choice - 1]) - ord("A")


def _nothing_for_none(value: object) -> object:
    """`{{ rubric }}` without a rubric shows nothing, not the word None."""
    return "" if value is None else value


class _Environment(SandboxedEnvironment):
    """A sandbox that knows the fields of what `render` gives: a prompt reads a dozen of them, and each check takes a while."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        kind = type(obj)
        if kind is dict and attribute in _FIELDS and attribute in obj:
            return obj[attribute]
        if (attribute == "fence" and kind in (Section, Sections)) or (attribute == "index" and kind is LoopContext):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)


_FIELDS = frozenset({"fence", "text", "media", "name", "description"})

# A misspelled name is an error, not an empty text. Nothing is escaped: a prompt is not HTML.
_ENVIRONMENT = _Environment(
    undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, finalize=_nothing_for_none
)


@functools.lru_cache(maxsize=64)
def _compiled(source: str) -> jinja2.Template:
    """Once a text: every judge of a config asks for its own, and for its digest."""
    return _ENVIRONMENT.from_string(source)


class Template:
    """A prompt template: Jinja over `question`, `responses` (None where they are withheld), `rubric` and `advice` (None
    without one), `criteria` (a list where verdicts on each are asked for, else empty), `criterion` (the benchmark's own, or
    None), `modality` (text, image, edit), `ties` (forbidden, allowed, good_bad), `scale` (lowest and highest score), `mode`,
    `media`, `media_missing` and `video`.

    Each text has the name of its fence beside it: `{{ question.fence }}`, `{{ responses[0].fence }}`, `{{ rubric.fence }}`,
    `{{ criteria.fence }}`, `{{ criterion.fence }}`. `{{ fence }}` is one for all of them; it is as safe, but changes with the
    rubric, so that prompts which show it before the rubric share no prefix.

    `{{ media }}` marks where the item's images go, `{{ responses[0].media }}` those of a response. An edit of the file
    changes `digest`, and with it every key.

    Raises:
        UserError: the file is missing, or not a valid template, or lacks a place for what it must show.
    """

    def __init__(
        self,
        path: Path = PROMPTS / "pairwise.jinja",
        needs: Sequence[str] = ("question", "responses", "rubric"),
        grading: Grading = PAIR.grading,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        self.path = path
        self._needs = frozenset(needs)
        self._grading = grading
        self._extra = extra or {}
        self.source = read_text(path)
        try:
            self._template = _compiled(self.source)
        except TemplateError as e:
            raise UserError(f"{path}: line {getattr(e, 'lineno', '?')}: not a valid Jinja template: {e}") from None
        self._globals = dict(self._template.globals)
        self._try_out()

    @property
    def _probed(self) -> tuple[str, ...]:
        """The responses of the items it is tried out on."""
        return ("text-one", "text-two", "text-three")[: {"pointwise": 1, "listwise": 3}.get(self._grading.kind, 2)]

    def _try_out(self) -> None:
        """Render what runs will render, so that a slip costs nothing: with and without rubric and media, in both modes."""
        shown = {"question": "the-question"} if "question" in self._needs else {}
        if "responses" in self._needs:
            for n, text in enumerate(self._probed):
                shown[f"responses[{n}].text"] = text
        rubrics = (None, "the-rubric") if "rubric" in self._needs else (None,)
        for mode, rubric, media in product(("text", "direct"), rubrics, ((), (_PROBE_IMAGE,))):
            text = self._probe(mode, media, rubric=RubricText(rubric) if rubric else None)
            for name, value in {**shown, **({"rubric": rubric} if rubric else {})}.items():
                if value not in text:
                    raise UserError(
                        f"{self.path}: the template never shows `{name}`; add {{{{ {name} }}}} where it belongs"
                    )
            if self._grading.decision == "criteria" and rubric:
                criteria = (Criterion("the-criterion"),)
                text = self._probe(mode, media, criteria, rubric=RubricText(rubric, criteria))
                if "the-criterion" not in text:
                    raise UserError(f"{self.path}: `decision: criteria` needs a template that shows {{{{ criteria }}}}")

    def _probe(self, mode: str, media: tuple[Media, ...], criteria: tuple[Criterion, ...] = (), **case: Any) -> str:
        """The prompt's text on a made-up case, which tells what the template shows."""
        texts = self._probed if len(self._probed) > 1 else ("text-one", "text-two")
        candidates, stored = tuple(Candidate(t) for t in texts), tuple(range(len(texts)))
        item = Item("probe", "probe", "1", 0, "the-question", candidates, stored, Label(preferred=0), media=media)
        if "responses" not in self._needs:
            case["hidden"] = frozenset({"responses", *(() if "question" in self._needs else ("media",))})
        candidate = 0 if self._grading.kind == "pointwise" else None
        question = Question(self._grading, len(self._probed), criteria)
        (message,) = self.render(
            Case(item, "ABC"[: len(texts)], **case, candidate=candidate), mode, question, **self._extra
        )
        return "".join(p.text for p in message.parts if isinstance(p, Text))

    def check_advice(self) -> None:
        """Whether the arm `advice` says anything through this template.

        Raises:
            UserError: it never shows `advice`.
        """
        for mode in ("text", "direct"):
            first, second = (self._probe(mode, (), advice=k) for k in (1, 2))
            if first == second:
                raise UserError(
                    f"{self.path}: the arm advice needs a template that shows {{{{ advice }}}} (1, 2 or none)"
                )

    def check_hidden_responses(self) -> None:
        """Whether the template can do without the responses, for the arm `rubric_only`.

        Raises:
            UserError: it uses them without asking whether they are there.
        """
        for mode in ("text", "direct"):
            text = self._probe(mode, (), rubric=RubricText("the-rubric"), hidden=frozenset({"responses", "media"}))
            if "the-rubric" not in text:
                raise UserError(f"{self.path}: without responses the template does not show the rubric")

    @cached_property
    def digest(self) -> str:
        return digest(RENDERER_VERSION, self.source)

    def _filled(self, values: dict[str, object]) -> str:
        """What `self._template.render` gives, without its copies of all values and its rewriting of tracebacks."""
        context = self._template.new_context({**self._globals, **values}, shared=True)
        return "".join(self._template.root_render_func(context))

    def render(
        self, case: Case, mode: str = "text", question: Question = PAIR, /, **extra: object
    ) -> tuple[Message, ...]:
        """One user message, text and images interleaved.

        Args:
            question: what the answer is to be, as `parsing.parse` will read it.
            extra: what the template may use besides; the names are those given to `Template(extra=...)`.

        Raises:
            UserError: the template uses something that is not there.
        """
        places = _Places()
        try:
            text = self._filled(_values(case, mode, question, places, extra))
        except Exception as e:  # a template is a user's program: whatever it raises is a mistake in it
            frames = [f for f in traceback.extract_tb(e.__traceback__) if f.filename == "<template>"]
            line = self._template.get_corresponding_lineno(frames[-1].lineno or 0) if frames else "?"
            raise UserError(
                f"{self.path}: line {line}: {type(e).__name__}: {e}; a template may use question, responses (None "
                "in the arm rubric_only), rubric and advice (None without one), criteria, criterion, modality, ties, scale, mode, "
                "fence, media, media_missing, video" + "".join(f", {name}" for name in extra)
            ) from None
        parts = tuple(_split(text, places.media))
        # A template of a user may leave images out, or show them twice: both would be judged as if nothing were wrong.
        if sum(isinstance(p, Image) for p in parts) != sum(len(m.files) for m in places.media):
            raise UserError(
                f"{self.path}: the template does not show each image once; add {{{{ media }}}} (and, for candidates that are "
                "images, {{ responses[0].media }} and {{ responses[1].media }}) where they belong"
            )
        return (Message("user", parts),)


_PROBE_IMAGE = Media("probe", "image", (MediaFile("probe.png"),))
_MARK = secrets.token_hex(16)
"""Where media go in a rendered text. Chosen at random by each process and never sent, so no text can hold it."""


class _Places:
    """The media that a prompt shows, in order of their marks."""

    def __init__(self) -> None:
        self.media: list[Media] = []

    def mark(self, media: tuple[Media, ...]) -> str:
        """What stands for some media until the text is cut at the marks; of several, each has its number before it."""
        marks = []
        shown = [m for m in media if m.files]
        for number, medium in enumerate(shown, 1):
            # The semicolon ends the number, whatever digit the text goes on with.
            marks.append(f"{f'(image {number})' if len(shown) > 1 else ''}{_MARK}{len(self.media)};")
            self.media.append(medium)
        return "".join(marks)


def _values(
    case: Case, mode: str, question: Question, places: _Places, extra: Mapping[str, object]
) -> dict[str, object]:
    """What a template may use: texts in their fences, and marks for the media."""
    item = case.item
    # None, not an empty list: a template can then ask whether there are any (arm `rubric_only`).
    shown = None if "responses" in case.hidden else case.shown()
    media = () if "media" in case.hidden else item.media
    values = fenced(
        {
            "question": item.prompt,
            "responses": shown and [{"text": c.text, "names": [m.name for m in c.media]} for c in shown],
            "rubric": case.rubric.text if case.rubric else None,
            "criteria": [
                {"name": " ".join(c.name.split()), "description": " ".join(c.description.split())}
                for c in question.criteria
            ],
            "criterion": item.criterion or None,
            **extra,
        }
    )
    for response, candidate in zip(cast(list[dict[str, object]], values["responses"] or []), shown or (), strict=True):
        response["media"] = places.mark(candidate.media)
    values |= {
        "advice": case.advice,
        "modality": values.get("modality", item.modality()),
        "ties": question.grading.ties,
        "scale": question.grading.scale,
        "mode": mode,
        "media": places.mark(media),
        "media_missing": item.media_missing and "media" not in case.hidden,
        "video": any(m.kind == "video" for m in media),
    }
    return values


def _split(text: str, places: list[Media]) -> Iterator[Part]:
    """Cut at the marks."""
    pieces = text.split(_MARK)
    for i, piece in enumerate(pieces):
        if i:
            number, _, piece = piece.partition(";")
            yield from (Image(f) for f in places[int(number)].files)
        if piece.strip():
            yield Text(piece.strip("\n"))
