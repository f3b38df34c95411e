"""Answers that an older parser read are parsed again. Nothing is asked again, and a note says how many readings changed.

A verdict line keeps its answer as it came and the version of the parser that read it. Where that version is not today's, everything
that was derived from the answer (status, choice, score, ranks, probabilities) is derived again, from the answer and from what the
folder's manifest says of how the judge was asked. The file itself is left as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from evaluators.engine.runner import derived
from evaluators.prompts.criteria import criteria_of
from evaluators.prompts.grading import SCALE, Grading, Question
from evaluators.records import Criterion, RecordError, Rubric, Verdict, decode
from evaluators.replies import parsing
from evaluators.rubrics.arms import generic_rubric
from harness_plugins.folder.manifest_model import PUBLIC


@dataclass
class Rereader:
    """Reads the verdicts of one folder as today's parsers do.

    >>> reread = folder.rereader(folder.manifest())                  # doctest: +SKIP
    >>> reread.verdict(verdict).status                               # doctest: +SKIP
    """

    manifest: Mapping[str, Any]
    """The folder's: how its judges were asked."""
    rubrics: Iterable[Rubric]
    """The folder's, of which a judge by criteria reads the criteria; taken once, and only where such a verdict is read again."""
    count: int = 0
    """Verdicts parsed again so far."""
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(before, now) of those whose status or choice changed."""
    reasons: set[str] = field(default_factory=set)
    """Finish reasons that leave answers unfinished, by today's table."""

    @cached_property
    def _criteria(self) -> dict[str, tuple[Criterion, ...]]:
        """The criteria of each rubric of the folder, by its uid."""
        return {r.uid: r.criteria or criteria_of(r.text) for r in self.rubrics}

    def verdict(self, verdict: Verdict) -> Verdict:
        """The verdict as today's parser reads its answer; the same object where that is how it was read."""
        if not is_stale(verdict) or PUBLIC in self.manifest:  # an export holds no texts
            return verdict
        parsed = parsing.parse(verdict.answer, self._question(verdict), self._complete(verdict.judge))  # type: ignore[arg-type]
        again = replace(verdict, **derived(parsed, verdict.order))
        self.count += 1
        if parsed.status == "error":
            self.reasons.add(str(verdict.answer and verdict.answer.finish_reason))
        if (again.status, again.choice, again.score) != (verdict.status, verdict.choice, verdict.score):
            self.changes[_name(verdict), _name(again)] += 1
        return again

    def stale(self, lines: Iterable[dict[str, Any]]) -> Iterator[Verdict]:
        """Those of verdict lines that another version read, parsed again, in order."""
        for value in lines:
            try:
                verdict = decode(Verdict, value, "ignore")
            except RecordError:
                continue
            if is_stale(verdict):
                yield self.verdict(verdict)

    def _question(self, verdict: Verdict) -> Question:
        key = self._judge(verdict.judge).get("key", {})
        grading_fields: Mapping[str, Any] = key.get("grading") or {}
        low, high = grading_fields.get("scale", SCALE)
        grading = Grading(
            grading_fields.get("kind", "pairwise"),
            grading_fields.get("decision", "holistic"),
            grading_fields.get("ties", "forbidden"),
            (low, high),
        )
        shown = 1 if verdict.candidate is not None else len(verdict.order)
        return Question(grading, shown, self._criteria_of_verdict(verdict, grading))

    def _criteria_of_verdict(self, verdict: Verdict, grading: Grading) -> tuple[Criterion, ...]:
        if grading.decision != "criteria" or verdict.rubric is None:
            return ()
        uid = verdict.rubric
        if uid.startswith("generic/"):
            _, modality, variant = uid.split("/")
            return criteria_of(generic_rubric(modality, int(variant)).text)
        if verdict.criteria:
            return tuple(Criterion(c.name, "", c.weight) for c in verdict.criteria)
        return self._criteria.get(uid, ())

    def _judge(self, name: str) -> Mapping[str, Any]:
        judge: Mapping[str, Any] = self.manifest.get("judges", {}).get(name, {})
        return judge

    def _complete(self, judge: str) -> tuple[str, ...]:
        return tuple(self._judge(judge).get("complete_reasons", ()))

    def notes(self) -> list[str]:
        """The note to print."""
        if not self.count:
            return []
        summary = f"{self.count:,} answers of an earlier version were parsed again (parser {parsing.VERSION}); "
        changed = sum(self.changes.values())
        if not changed:
            return [summary + "none of their verdicts changed."]
        kinds = ", ".join(f"{n:,} from {a} to {b}" for (a, b), n in self.changes.most_common())
        unfinished = (
            f" `error`: their server did not finish them, or it is not known ({', '.join(sorted(self.reasons))})."
            if self.reasons
            else ""
        )
        return [summary + f"{changed:,} verdicts changed: {kinds}. Nothing was asked again.{unfinished}"]


def is_stale(verdict: Verdict) -> bool:
    """Whether another version of the parser read its answer. A line made by hand names none, and stays as it is."""
    return verdict.answer is not None and bool(verdict.parser) and not verdict.parser.endswith(f"/{parsing.VERSION}")


def _name(verdict: Verdict) -> str:
    if verdict.status != "ok":
        return verdict.status
    return f"score {verdict.score:g}" if verdict.score is not None else f"choice {verdict.choice}"
