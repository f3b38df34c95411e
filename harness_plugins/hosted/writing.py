"""The setting `grm`: a harness's model as a rubric writer. Its own verdicts are the score; its rubrics are filed for others.

`rubrics.jsonl` in the run folder is what `RUBRIC_HARNESS_RUBRICS` of the next command may name: another model judges with
what this one wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from evaluators.backends.lmms import FAILED
from evaluators.engine.journal import Journal
from evaluators.judges import JudgeSpec
from evaluators.records import Answer, Failure, Rubric, Verdict, encode
from evaluators.rendering import pick_of
from evaluators.writers import Draw, WriterSpec, failed, rubric_of
from harness_plugins.hosted import GRM
from harness_plugins.hosted.base import HostedTask
from harness_plugins.manifest import check_rows, make_manifest, read_manifest, write_manifest


class HostedWriting(HostedTask):
    """A mixin over the rows of the setting `judge`: the same items and orders, asked for a rubric."""

    native = False

    def load(self, about: Mapping[str, Any]) -> dict[str, Any]:
        found = super().load({**about, "setting": "judge"})
        spec = WriterSpec(name="writer", backend="lmms", model="-")
        self.template = spec.template
        self._rubrics: Journal | None = None
        return {**found, "setting": GRM, "template_sha256": self.template.digest}

    @cached_property
    def writer(self) -> WriterSpec:
        """The harness's model as a writer of `proxy_grm`."""
        judge: JudgeSpec = self.judge
        kept = judge.model_dump(include={"name", "model", "temperature", "max_tokens", "extra_body", "model_args"})
        return WriterSpec.model_validate({**kept, "backend": "lmms", "model": judge.model or judge.name})

    def _plan(self) -> None:
        with self._planning:
            if self._planned:
                return
            self._planned = True
            held, benchmarks = read_manifest(self.folder.path), {self.rows.grid.benchmark: self.rows.benchmark}
            check_rows(self.folder.path, held, benchmarks)
            if self.rank == 0:
                config = self.rows.config.model_copy(update={"judges": (), "arms": (), "rubrics": {}})
                write_manifest(self.folder.path, make_manifest(held, config, benchmarks, ()))

    def _journal(self) -> Journal:
        with self._planning:
            if self._rubrics is None:
                name = "rubrics.jsonl" if self.rank == 0 else f"rubrics-{self.rank}.jsonl"
                self._rubrics = Journal(self.folder.path / name)
            return self._rubrics

    def file(self, number: int, text: str, usage: Mapping[str, int | None]) -> Verdict:
        """Record what the model wrote; returns its own verdict, which is not filed as a judge's."""
        self._plan()
        row = self.rows.rows[number]
        draw, now = (
            Draw(self.folder.digested(row.item), row.order),
            datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        if text.startswith(FAILED) or not text.strip():
            kind = "server" if text.strip() else "empty"
            rubric = failed(self.writer, draw, Failure(kind, text[:300] or "the reply has no content"), now)
        else:
            answer = Answer(
                text=text,
                answer_format=self.writer.method,
                usage={k: v for k, v in usage.items() if v is not None} or None,
                backend=self.harness,
                backend_version=self.harness_version,
                sampling=self.writer.sampling(),
            )
            rubric = rubric_of(self.writer, draw, answer, now)
        self._journal().append(encode(rubric))
        return _as_verdict(rubric, row.order)


def _as_verdict(rubric: Rubric, order: Any) -> Verdict:
    status = "error" if rubric.status == "error" else "ok" if rubric.verdict else "unparsed"
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
