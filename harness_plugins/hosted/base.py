"""What the task classes of lmms-eval and lm-eval have in common: prompts, the judge's record, verdicts and metrics."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from evaluators.backends.lmms import FAILED
from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.extras import failed_import, install
from evaluators.judges import JudgeSpec
from evaluators.messages import Message, Text
from evaluators.records import Answer, Verdict
from evaluators.rendering import PROMPTS, Template, asked_on
from evaluators.text import printable
from evaluators.usage import read_usage
from harness_plugins.hosted import JUDGE
from harness_plugins.hosted.folder import Folder, folder_of
from harness_plugins.hosted.judge import foreign_spec
from harness_plugins.hosted.metrics import LOWER_IS_BETTER, aggregate, metric_names
from harness_plugins.hosted.rows import Row, Rows, grading_fields, load_rows

_COMMANDS = ("lmms_eval.__main__", "lm_eval.__main__")

F = TypeVar("F", bound=Callable[..., Any])


def plainly(function: F) -> F:
    """A user's mistake ends the harness's command with its one line and a failure, not with a traceback and exit code 0."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (UserError, RunStopped, BackendError) as e:  # a BackendError: a picture that cannot be shown
            if not any(name in sys.modules for name in _COMMANDS):
                raise  # someone else's program: an ordinary exception
            lines = [f"error: {line}" for line in e.lines] if isinstance(e, UserError) else [f"stopped: {e}"]
            if isinstance(e, BackendError):
                lines = [f"error: {e.message}"]
            raise SystemExit(printable("\n".join(lines))) from None

    return wrapped  # type: ignore[return-value]


def not_imported(host: str, error: Exception, extra: str) -> UserError:
    """A harness, or a package under it, that cannot be imported: the module by name, and what to install."""
    root = failed_import(error)
    return UserError(
        f"{host} cannot be imported ({root or f'{type(error).__name__}: {error}'}): {install(error, extra)}"
    )


@contextlib.contextmanager
def importing(host: str, extra: str) -> Iterator[None]:
    """Around what a task module imports of its harness, which would hide the reason or go on to exit with 0."""
    try:
        yield
    except ImportError as e:
        mend = not_imported(host, e, extra)

        @plainly
        def refuse() -> None:
            raise mend

        refuse()


class Docs(list[dict[str, Any]]):
    """Rows in memory, with the little that harnesses want of a dataset."""

    @property
    def features(self) -> dict[str, Any]:
        return dict.fromkeys(self[0])


class HostedTask:
    """A mixin: `load` first, then the harness's own constructor."""

    harness: str
    """`lmms` or `lm`: the judge's backend in the records."""
    harness_version: str
    config: Any
    native = True
    """Its rows are judgements, which our own model asks for through the native engine."""

    def load(self, about: Mapping[str, Any]) -> dict[str, Any]:
        """Read the rows that the task's metadata name; returns the metadata with the digests that a cache is to see."""
        self.rows: Rows = load_rows(about["benchmark"], about["setting"], not self.native)
        self.rank = int(os.environ.get("RANK", 0))
        self.judged: dict[int, Verdict] = {}
        """What our own model has answered in this process, by row: it is on file already."""
        self.template = Template(PROMPTS / f"{self.rows.grading.kind}.jinja", grading=self.rows.grading)
        self._asked: Sequence[Row] = ()
        self._planned = False
        self._planning = threading.Lock()
        names = metric_names(self.rows)
        self.aggregations = {name: functools.partial(self._metric, name) for name in names}
        self.directions = {name: name not in LOWER_IS_BETTER for name in names}
        return {
            **about,
            "rubrics_sha256": self.rows.rubrics_sha256,
            "data_sha256": self.rows.data_digest,
            "template_sha256": self.template.digest,
            "grading": str(self.rows.grading),
        }

    def docs(self) -> Docs:
        return Docs(self.rows.doc(n) for n in range(len(self.rows.rows)))

    def messages(self, number: int) -> tuple[Message, ...]:
        """The messages of a row, as a native judge is sent them."""
        case = self.rows.rows[number].case
        return self.template.render(case, "text", asked_on(case, self.rows.grading))

    def text(self, number: int) -> str:
        """The text of a row's prompt, images left out."""
        return "\n".join(p.text for m in self.messages(number) for p in m.parts if isinstance(p, Text))

    @abstractmethod
    def command(self) -> tuple[str, Mapping[str, Any]] | None:
        """The model and its arguments as the harness was told them; None where there is no command line."""

    @functools.cached_property
    def judge(self) -> JudgeSpec:
        """The harness's own model as a judge.

        Raises:
            UserError: nobody says who judges.
        """
        command = self.command()
        if command is None and not os.environ.get(JUDGE, "").strip():
            raise UserError(
                f"{self.config.task}: without a command line nobody says who judges: export {JUDGE}=name-of-the-model"
            )
        model, arguments = command or (os.environ[JUDGE].strip(), {})
        return foreign_spec(model, arguments, self.config.generation_kwargs, self.harness, grading_fields())

    def expect(self, asked: Sequence[Row]) -> None:
        """Take note of the rows to be asked. Where a command line says who judges, what does not fit is refused now; else when
        the first answer of a model that is not ours is filed."""
        self._asked, self._planned = asked, False
        if self.command() is not None:
            self._plan()

    def _plan(self) -> None:
        with self._planning:
            if not self._planned:
                self.folder.plan(self.rows, self.judge, self._asked)
                self._planned = True

    @property
    def folder(self) -> Folder:
        return folder_of(self.rows.out, self.rank)

    def file(self, number: int, text: str, usage: Mapping[str, int | None]) -> Verdict:
        """Record what a model of the harness's own answered. What it cannot give stays null."""
        self._plan()
        row = self.rows.rows[number]
        if text.startswith(FAILED) or not text.strip():
            kind = "server" if text.strip() else "empty"
            return self.folder.write(
                row, self.judge, None, BackendError(kind, text[:300] or "the reply has no content")
            )
        answer = Answer(
            text=text,
            answer_format=self.judge.text_format(self.judge.asked(row.case)),
            usage=read_usage(usage),
            backend=self.harness,
            backend_version=self.harness_version,
            sampling=self.judge.sampling(),
        )
        return self.folder.write(row, self.judge, answer)

    def scored(self, doc: Mapping[str, Any], verdict: Verdict) -> dict[str, Any]:
        """A row's share in every metric: its number and what came of it, and once the facts that make it traceable."""
        came: str = verdict.status
        if came == "ok":
            came = str(verdict.choice) if verdict.score is None else f"score {verdict.score}"
        share: dict[str, Any] = {name: [doc["row"], came] for name in self.aggregations}
        return {**share, "answered": [doc["row"], came, {**doc, "status": verdict.status, "key": verdict.key}]}

    def _metric(self, name: str, items: Sequence[Sequence[Any]]) -> float:
        return self._all_metrics(tuple((n, came) for n, came, *_ in items))[name]

    @functools.lru_cache(maxsize=1)  # noqa: B019  # one task, one set of results: two dozen metrics ask for it
    def _all_metrics(self, outcomes: tuple[tuple[int, str], ...]) -> dict[str, float]:
        return aggregate(self.rows, outcomes)
