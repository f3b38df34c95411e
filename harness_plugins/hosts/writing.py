"""A harness's model as a rubric writer; what it writes is filed for others.

The setting `grm` is Proxy-GRM's: it sees both responses, and its own verdicts are the score. The setting `arr` is ARR's
zero-shot writer: it sees the request alone, once an item, and the score is how many of its answers are rubrics.

`rubrics.jsonl` in the run folder is what `RUBRIC_HARNESS_RUBRICS` of the next command may name: another model judges with
what this one wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from evaluators.backends.lmms import failure_in
from evaluators.messages import Message
from evaluators.prompts.template import pick_of
from evaluators.records import Failure, Rubric, Verdict
from evaluators.specs import JudgeSpec
from evaluators.writers.base import Draw, WriterSpec, failed, request_of, rubric_of
from harness_plugins.folder.manifest import check_rows, make_manifest
from harness_plugins.hosts import ARR, GRM
from harness_plugins.hosts.base import Docs, HostedTask, HostReply
from harness_plugins.hosts.numbers import Outcome


class HostedWriting(HostedTask):
    """A mixin over the rows of the setting `judge`: the same items and orders, asked for a rubric."""

    native = False
    setting = GRM
    method = "proxy_grm"
    scores = True
    """What it writes decides as well."""

    def load(self, about: Mapping[str, Any]) -> dict[str, Any]:
        facts = super().load({**about, "setting": "judge"})
        self._asks = WriterSpec(name="writer", backend="lmms", model="-", method=self.method)
        self.template = self._asks.template
        return {**facts, "setting": self.setting, "template_sha256": self.template.digest}

    def draw(self, number: int) -> Draw:
        """The rubric that a row asks for."""
        row = self.rows.rows[number]
        return Draw(row.item, row.order)

    def messages(self, number: int) -> tuple[Message, ...]:
        return request_of(self._asks, self.draw(number)).messages

    @cached_property
    def writer(self) -> WriterSpec:
        """The harness's model as a writer."""
        judge: JudgeSpec = self.judge
        shared = judge.model_dump(include={"name", "model", "temperature", "max_tokens", "extra_body", "model_args"})
        fields = {**shared, "backend": "lmms", "method": self.method, "model": judge.served or judge.name}
        return WriterSpec.model_validate(fields)

    def _plan(self) -> None:
        with self._planning:
            if self._planned:
                return
            _ = self.writer  # whose name must be known before anything is asked
            self._planned, self.folder.judged = True, self.folder.judged or self.scores
            previous, benchmarks = self.folder.run.manifest(), {self.rows.grid.benchmark: self.rows.benchmark}
            check_rows(self.folder.run, previous, benchmarks)
            if self.rank == 0:
                config = self.rows.config.model_copy(update={"judges": (), "arms": (), "rubrics": {}})
                self.folder.run.write_manifest(make_manifest(previous, config, benchmarks, ()))

    def file(self, number: int, reply: HostReply) -> Verdict:
        """Record what the model wrote; returns its own verdict, which is not filed as a judge's."""
        self._plan()
        draw, now = self.draw(number), datetime.now(UTC).isoformat(timespec="milliseconds")
        # Under a limit `arr` writes for twice as many items as are judged beside it: a row of its is an item, not one of two orders.
        draw = replace(draw, item=self.folder.digested(draw.item, listed=self.scores or not self.folder.judged))
        if error := failure_in(reply.text):
            rubric = failed(self.writer, draw, Failure(error.kind, error.message), now)
        else:
            answer = self.answer(reply, self.writer.method, self.writer.sampling())
            rubric = rubric_of(self.writer, draw, answer, now)
        self.folder.add_rubrics([rubric])
        return _as_verdict(rubric, self.rows.rows[number].order)


class HostedRubrics(HostedWriting):
    """The setting `arr`: one row an item, and no verdict to score."""

    setting = ARR
    method = "arr_zero_shot"
    scores = False

    def metrics(self, numbers: Sequence[int]) -> list[str]:
        return [*_SHARES, "score"]

    def docs(self) -> Docs:
        first = {row.item.uid: n for n, row in reversed(list(enumerate(self.rows.rows)))}
        return Docs(self.rows.doc(n) for n in sorted(first.values()))

    def draw(self, number: int) -> Draw:
        return Draw(self.rows.rows[number].item, "nothing")

    def scored(self, doc: Mapping[str, Any]) -> dict[str, Any]:
        number = doc["row"]
        came = self.filed()[number].status
        return {**{name: [number, came] for name in _SHARES}, "score": float(came in _SHARES["valid"])}

    def aggregate(self, outcomes: Sequence[Outcome]) -> dict[str, float]:
        return {name: sum(came in of for _, came in outcomes) / len(outcomes) for name, of in _SHARES.items()}


_SHARES = {"valid": ("ok",), "answered": ("ok", "unparsed")}
"""Shares of the answers, by what may have come."""


def _as_verdict(rubric: Rubric, order: Any) -> Verdict:
    decided = rubric.verdict is not None or (rubric.saw == "nothing" and rubric.status == "valid")
    status = "error" if rubric.status == "error" else "ok" if decided else "unparsed"
    return Verdict(
        key=rubric.uid,
        status=status,  # type: ignore[arg-type]
        call="",
        benchmark=rubric.benchmark,
        item=rubric.item or "",
        judge=rubric.writer.name,
        arm=GRM,
        writer=None,
        order=order,
        choice=rubric.verdict,
        pick=None if rubric.verdict is None else pick_of(rubric.verdict, order),
    )
