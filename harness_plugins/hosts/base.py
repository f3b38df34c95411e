"""What the task classes of lmms-eval and lm-eval have in common: prompts, the judge's record, verdicts and metrics."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from evaluators.backends.lmms import failure_in
from evaluators.errors import BackendError, RunStopped, UserError
from evaluators.extras import failed_import, install
from evaluators.messages import Message, Text
from evaluators.prompts.template import PROMPTS, Template, question_for
from evaluators.records import Answer, Verdict
from evaluators.specs import JudgeSpec
from evaluators.text import printable
from evaluators.usage import read_usage
from harness_plugins.hosts import JUDGE
from harness_plugins.hosts.folder import Folder, close_folders, folder_of
from harness_plugins.hosts.judge import HostModel, foreign_spec
from harness_plugins.hosts.numbers import (
    REFERENCES,
    Outcome,
    aggregate,
    direction,
    gain_names,
    gains,
    metric_names,
    outcome_of,
    row_scores,
)
from harness_plugins.hosts.rows import RowId, Rows, grading_fields, load_rows

_GAINS = tuple(name for reference in REFERENCES for name in gain_names(reference))
_COMMANDS = ("lmms_eval.__main__", "lm_eval.__main__")


class HostEnded(SystemExit):
    """What a harness's command ends with: the message, and whether answers are only missing (a run that stopped) or something
    is wrong."""

    def __init__(self, message: str, *, stopped: bool) -> None:
        super().__init__(message)
        self.stopped = stopped


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
            close_folders()  # this message is the last output: no table follows
            raise HostEnded(printable("\n".join(lines)), stopped=isinstance(e, RunStopped)) from None

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
        error = not_imported(host, e, extra)

        @plainly
        def refuse() -> None:
            raise error

        refuse()


class Docs(list[dict[str, Any]]):
    """Rows in memory, with the few methods that harnesses need of a dataset."""

    task: HostedTask | None = None
    """Whose they are."""

    @property
    def features(self) -> dict[str, Any]:
        return dict.fromkeys(self[0])


_evaluation: list[HostedTask] = []
"""The tasks of the evaluation that goes on in this process: a harness loads all of them before it makes requests of one."""


@dataclass(frozen=True)
class Shares:
    """What the rows of a process share in the metrics."""

    names: tuple[str, ...]
    """The metrics that have a value."""
    scores: Mapping[int, float]


class HostReply(NamedTuple):
    text: str
    """As it came."""
    usage: Mapping[str, int | None]
    """Empty where the harness counts no tokens."""


class HostedTask:
    """A mixin: `load` first, then the harness's own constructor."""

    harness: str
    """`lmms` or `lm`: the judge's backend in the records."""
    harness_version: str
    length_argument: str
    """What the harness calls the most tokens that a model writes."""
    config: Any
    dataset: Any
    _instances: Any
    native = True
    """Its rows are judgements, which our own model asks for through the native engine."""
    asked_by_ours = False
    """Our own model sets it on the tasks that it gets: no harness tells a task which model answers."""

    def load(self, about: Mapping[str, Any]) -> dict[str, Any]:
        """Read the rows that the task's metadata name; returns the metadata with the digests that a cache is to see."""
        self.rows: Rows = load_rows(about["benchmark"], about["setting"], not self.native)
        self.rank = int(os.environ.get("RANK", 0))
        self.judged: dict[int, Verdict] = {}
        """What our own model has answered in this process, by row: it is on file already."""
        self.template = Template(PROMPTS / f"{self.rows.grading.kind}.jinja", grading=self.rows.grading)
        self._expected_rows: Sequence[int] = ()
        self._planned = False
        self._planning = threading.Lock()
        self._requests: dict[RowId, Any] = {}
        self._verdicts: dict[int, Verdict] | None = None
        self._shares: Shares | None = None
        # Re-entrant: `scored` takes it and calls `filed`, which takes it too.
        self._scoring = threading.RLock()
        names = self.metrics(range(len(self.rows.rows)))
        self.aggregations = {name: functools.partial(self._metric, name) for name in names}
        self.directions = {name: direction(name) for name in names}
        # Requests were made already, so this task is the first of the next evaluation in this process.
        if any(task._requests for task in _evaluation):
            _evaluation.clear()
        _evaluation.append(self)
        return {
            **about,
            "rubrics_sha256": self.rows.rubrics_sha256,
            "data_sha256": self.rows.data_digest,
            "template_sha256": self.template.digest,
            "grading": str(self.rows.grading),
        }

    def task_config(self, task: str, metadata: Mapping[str, Any], **host_fields: Any) -> dict[str, Any]:
        """The harness's config of a task. Models are asked as a native judge by default; `until` because harnesses would cut at the
        first blank line.

        Args:
            host_fields: fields that this harness alone has.
        """
        generation = {self.length_argument: 4096, "temperature": 0.0, "do_sample": False, "until": []}
        return {
            "task": task,
            "test_split": "test",
            "output_type": "generate_until",
            "num_fewshot": 0,
            **host_fields,
            "generation_kwargs": generation,
            "metadata": metadata,
        }

    def metrics(self, numbers: Sequence[int]) -> list[str]:
        """The names of the metrics that there may be where these rows are asked."""
        names = [*metric_names(self.rows, numbers), "score"]
        if self.rows.arm.name == "transferred":
            names += _GAINS
        return names

    def docs(self) -> Docs:
        return Docs(self.rows.doc(n) for n in range(len(self.rows.rows)))

    def messages(self, number: int) -> tuple[Message, ...]:
        """The messages of a row, as a native judge is sent them."""
        case = self.rows.rows[number].case
        return self.template.render(case, "text", question_for(case, self.rows.grading))

    def text(self, number: int) -> str:
        """The text of a row's prompt, images left out."""
        return "\n".join(p.text for m in self.messages(number) for p in m.parts if isinstance(p, Text))

    @abstractmethod
    def command(self) -> HostModel | None:
        """The model that the command line names; None where there is none."""

    @functools.cached_property
    def judge(self) -> JudgeSpec:
        """The harness's own model as a judge.

        Raises:
            UserError: the judge is not named.
        """
        model = self.command()
        if model is None and not os.environ.get(JUDGE, "").strip():
            raise UserError(
                f"{self.config.task}: without a command line the judge has no name: export {JUDGE}=name-of-the-model"
            )
        model = model or HostModel(os.environ[JUDGE].strip(), {})
        return foreign_spec(model, self.config.generation_kwargs, self.harness, grading_fields())

    def expect(self, docs: Sequence[Mapping[str, Any]], ours: bool) -> None:
        """Take note of the documents to be asked, in all processes together, once the harness has made its requests.

        Args:
            ours: our own model judges. It knows its judge, plans when it is asked, and asks once for what settings share.

        Raises:
            UserError: the judge is not named, or the setting does not fit what the folder holds.
        """
        self._expected_rows, self._planned = [doc["row"] for doc in docs], False
        self._verdicts = self._shares = None
        self._requests = {self.rows.rows[self._row_of(r)].id: r for r in self._instances}
        if not ours:
            self._plan()
            # What settings share (items without a rubric) is asked once; `share_replies` hands the reply on.
            sent = {key for task in self._siblings() for key in task._requests}
            self._instances = [r for key, r in self._requests.items() if key not in sent]

    def share_replies(self) -> None:
        """Before scoring: rows that another setting has asked for get the replies to them."""
        for key, request in self._requests.items():
            sent = [task._requests[key] for task in self._siblings() if key in task._requests]
            other = next((r for r in sent if r.resps), None)
            if not request.resps and other is not None:
                request.resps = list(other.resps)
                if hasattr(other, "token_counts"):
                    request.token_counts = list(other.token_counts)
        self._instances = list(self._requests.values())

    def _siblings(self) -> list[HostedTask]:
        """The other settings of this evaluation; a writer's requests are its own."""
        return [t for t in _evaluation if t is not self and t.native and self.native and t.rows.out == self.rows.out]

    def _row_of(self, request: Any) -> int:
        number: int = (request.doc or self.dataset["test"][request.doc_id])["row"]
        return number

    def _plan(self) -> None:
        with self._planning:
            if not self._planned:
                self.folder.plan(self.rows, self.judge, [self.rows.rows[n] for n in self._expected_rows])
                self._planned = True

    @property
    def folder(self) -> Folder:
        return folder_of(self.rows.out, self.rank)

    def file(self, number: int, reply: HostReply) -> Verdict:
        """Record the answers of the harness's own model. What it cannot give stays null."""
        self._plan()
        row = self.rows.rows[number]
        if error := failure_in(reply.text):
            return self.folder.write(row, self.judge, None, error)
        answer_format = self.judge.text_format(self.judge.question_for(row.case))
        return self.folder.write(row, self.judge, self.answer(reply, answer_format, self.judge.sampling()))

    def answer(self, reply: HostReply, answer_format: str, sampling: dict[str, Any]) -> Answer:
        return Answer(
            text=reply.text,
            answer_format=answer_format,
            usage=read_usage(reply.usage),
            backend=self.harness,
            backend_version=self.harness_version,
            sampling=sampling,
        )

    def filed(self) -> dict[int, Verdict]:
        """The verdicts on the rows of this process, on file. Harnesses score row after row, in threads, when all replies are there."""
        with self._scoring:
            if self._verdicts is None:
                self.share_replies()
                numbers = {self._row_of(request): request for request in self._requests.values()}
                self._verdicts = {n: self.judged.get(n) or self.file(n, _reply(r)) for n, r in numbers.items()}
            return self._verdicts

    def scored(self, doc: Mapping[str, Any]) -> dict[str, Any]:
        """A row's share in every metric: its number and its result; once the facts that make it traceable; and its score."""
        with self._scoring:
            self._shares = self._shares or self._share()
        number = doc["row"]
        verdict = self.filed()[number]
        share: dict[str, Any] = {name: [number, outcome_of(verdict)] for name in self._shares.names}
        facts = {**doc, "status": verdict.status, "key": verdict.key}
        score = self._shares.scores[number]
        return {**share, "answered": [number, outcome_of(verdict), facts], "score": score}

    def _share(self) -> Shares:
        outcomes = tuple((number, outcome_of(verdict)) for number, verdict in self.filed().items())
        if int(os.environ.get("WORLD_SIZE", 1)) == 1:
            names = [*self._all_metrics(outcomes), *self._gains()]
        else:  # the other processes' rows are not here, so what may have a value
            arms = {task.rows.arm.name for task in self._siblings()}
            without = {name for reference in REFERENCES if reference not in arms for name in gain_names(reference)}
            names = [name for name in self.metrics(self._expected_rows) if name not in without]
        return Shares(tuple(n for n in names if n not in ("answered", "score")), row_scores(self.rows, outcomes))

    def _metric(self, name: str, items: Sequence[Any]) -> float | None:
        """None only where several processes share the rows: which metrics have a value is known when all are gathered."""
        if name == "score":
            return float(np.mean(items))
        if name in _GAINS:
            return self._gains().get(name)
        outcomes = tuple((number, came) for number, came, *_ in items)
        value: float | None = self._all_metrics(outcomes).get(name)
        return value

    @functools.lru_cache(maxsize=1)  # noqa: B019  # one task, one set of results: two dozen metrics ask for it
    def _all_metrics(self, outcomes: tuple[Outcome, ...]) -> dict[str, float]:
        return self.aggregate(outcomes)

    def aggregate(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        """The metrics that have a value, by name."""
        return aggregate(self.rows, outcomes)

    def _gains(self) -> dict[str, float]:
        """The gains that the folder shows once all settings of this evaluation are filed."""
        if self.rows.arm.name != "transferred":
            return {}
        for task in self._siblings():
            task.filed()
        judge = next((verdict.judge for verdict in self.filed().values()), "")
        return gains(self.folder.report(), self.rows, judge)


def _reply(request: Any) -> HostReply:
    text = request.resps[0] if request.resps else ""
    counts = next(iter(getattr(request, "token_counts", None) or ()), None)
    usage = {"prompt_tokens": counts.input_tokens, "completion_tokens": counts.output_tokens} if counts else {}
    return HostReply(str(text or ""), usage)
