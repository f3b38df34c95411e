"""The answer first: a headline, and a sentence for each writer over all benchmarks. `sentences.sentence` has all numbers of one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from evaluators.rubrics.arms import ARMS
from harness_plugins.scoring.cells import CellReport
from harness_plugins.scoring.conclusions import Conclusion, Verdict
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.sentences import counted, listed, reasons, signed, untested

RUBRICS, JUDGES = "Does this rubric make another judge better?", "How good are these judges?"
NAMED = 3
"""Judges that a sentence names; of more it gives the number."""


def question(report: Report) -> str:
    return RUBRICS if report.conclusions else JUDGES


def headline(report: Report) -> str:
    """The whole answer without numbers of rubrics; where there are none, how often each judge is right.

    >>> headline(report)  # doctest: +SKIP
    "grm's rubrics help by their content. vague's make no difference that can be shown."
    """
    if not report.conclusions:
        return " ".join(_judges(report, benchmark) for benchmark in report.items) or "No judge has answered yet."
    if all(c.verdict == Verdict.CANNOT_SAY for c in report.conclusions):
        return f"Cannot say: {listed_reasons(report.conclusions)}."
    benchmarks = len({c.benchmark for c in report.conclusions})
    writers: dict[str, list[str]] = {}
    for writer in dict.fromkeys(c.writer for c in report.conclusions):
        writers.setdefault(_outcome([c for c in report.conclusions if c.writer == writer], benchmarks), []).append(
            writer
        )
    return " ".join(f"{whose(names)} {outcome}." for outcome, names in writers.items())


def whose(writers: Sequence[str]) -> str:
    return f"{writers[0]}'s rubrics" if len(writers) == 1 else f"The rubrics of {listed(writers)}"


def listed_reasons(conclusions: Iterable[Conclusion]) -> str:
    """The first reason why nothing can be said of each, and how many more there are."""
    every = list(dict.fromkeys(reason for c in conclusions for reason in reasons(c)))
    first = list(dict.fromkeys(next(iter(reasons(c)), "") for c in conclusions))
    more = len(every) - 1
    return first[0] + (f", and {more} more reason{'s' * (more > 1)}" if more else "")


def _outcome(conclusions: Sequence[Conclusion], benchmarks: int) -> str:
    """What one writer's rubrics do, benchmarks with the same verdict together.

    Args:
        benchmarks: of the run.
    """
    by_words: dict[str, list[str]] = {}
    for c in conclusions:
        by_words.setdefault(_words(c), []).append(c.benchmark)
    if benchmarks == 1:
        return next(iter(by_words))
    if len(by_words) == 1 and len(conclusions) == benchmarks:
        return f"{next(iter(by_words))} on {'both' if benchmarks == 2 else f'all {benchmarks}'} benchmarks"
    return "; ".join(f"{words} on {listed(benchmarks)}" for words, benchmarks in by_words.items())


def _words(c: Conclusion) -> str:
    control = ARMS.facts(c.control).in_sentence if c.control else ""
    match c.verdict:
        case Verdict.BY_CONTENT:
            return "help by their content"
        case Verdict.NOT_SHOWN_TO_BE_MORE:
            return f"help, not shown to be more than {control}"
        case Verdict.NO_MORE:
            return f"help no more than {control}"
        case Verdict.NOT_TESTED:
            return "help, the cause not tested"
        case Verdict.WORSE:
            return "make judges worse"
        case Verdict.NOT_SHOWN:
            return "make no difference that can be shown"
    return "cannot be judged"


def writer_sentences(report: Report) -> list[str]:
    """One sentence a writer: does it help, whom, by how much, beyond which control.

    >>> writer_sentences(report)  # doctest: +SKIP
    ["grm's rubrics help qwen and gpt by their content: +28.1 points on demo, more than rubrics for other items and generic rubrics."]
    """
    sentences: dict[str, list[str]] = {}
    for writer in dict.fromkeys(c.writer for c in report.conclusions):
        own = [c for c in report.conclusions if c.writer == writer]
        if _all_unsaid(own):
            sentences.setdefault(_unsaid(own), []).append(writer)
        else:
            sentences[writer_sentence(own)] = []
    return [_cannot_say(writers, text) if writers else text for text, writers in sentences.items()]


def _all_unsaid(conclusions: Sequence[Conclusion]) -> bool:
    return all(c.verdict == Verdict.CANNOT_SAY for c in conclusions)


def _cannot_say(writers: Sequence[str], why: str) -> str:
    possessive = listed([f"{writer}'s" for writer in writers])
    return f"Cannot say of {possessive} rubrics: {why}."


def _unsaid(conclusions: Sequence[Conclusion]) -> str:
    """Why nothing can be said, benchmarks with the same reason together."""
    by_reason: dict[str, list[str]] = {}
    for c in conclusions:
        by_reason.setdefault(listed_reasons([c]), []).append(c.benchmark)
    if len(by_reason) == 1:
        return next(iter(by_reason))
    return "; ".join(f"{why} ({listed(benchmarks)})" for why, benchmarks in by_reason.items())


class _ClauseKey(NamedTuple):
    """What conclusions share that one clause speaks of."""

    verdict: Verdict
    control: str | None
    judges: tuple[str, ...]
    tested: tuple[str, ...]
    untested: tuple[str, ...]
    shared: bool
    why: str


def writer_sentence(conclusions: Sequence[Conclusion]) -> str:
    """What may be said of one writer's rubrics on all benchmarks.

    Args:
        conclusions: of one writer, at least one.
    """
    if _all_unsaid(conclusions):
        return _cannot_say([conclusions[0].writer], _unsaid(conclusions))
    groups: dict[_ClauseKey, list[Conclusion]] = {}
    for c in sorted(conclusions, key=lambda c: c.verdict == Verdict.CANNOT_SAY):
        why = listed_reasons([c]) if c.verdict == Verdict.CANNOT_SAY else ""
        judges = () if c.verdict == Verdict.CANNOT_SAY else c.judges
        why_not = tuple(untested(x) for x in c.untested) if c.verdict == Verdict.NOT_TESTED else ()
        key = _ClauseKey(c.verdict, c.control, judges, tuple(c.tested), why_not, c.shared, why)
        groups.setdefault(key, []).append(c)
    clauses = [_clause(key, members) for key, members in groups.items()]
    subject = f"{conclusions[0].writer}'s rubric{'s' * (not conclusions[0].shared)}"
    return f"{subject} {'; '.join(clauses)}."


def _clause(key: _ClauseKey, members: Sequence[Conclusion]) -> str:
    if key.verdict == Verdict.CANNOT_SAY:
        return f"nothing can be said of {listed([c.benchmark for c in members])}: {key.why}"
    judges = listed(key.judges) if len(key.judges) <= NAMED else f"{len(key.judges)} judges"
    control = ARMS.facts(key.control).in_sentence if key.control else ""
    s = "s" * members[0].shared
    gains = listed([_gain(c) for c in members])
    help_, their = f"help{s}", "its" if members[0].shared else "their"
    match key.verdict:
        case Verdict.BY_CONTENT:
            beyond = listed([ARMS.facts(name).in_sentence for name in key.tested])
            return f"{help_} {judges} by {their} content: {gains}, more than {beyond}"
        case Verdict.NOT_SHOWN_TO_BE_MORE:
            return f"{help_} {judges}: {gains}; it is not shown to be more than {control} do"
        case Verdict.NO_MORE:
            return f"{help_} {judges}: {gains}, but no more than {control} do"
        case Verdict.NOT_TESTED:
            why = listed(key.untested)
            return f"{help_} {judges}: {gains}; whether by {their} content was not tested ({why})"
        case Verdict.WORSE:
            return f"make{s} {judges} worse: {gains}"
    shown = listed([_not_shown(c) for c in members])
    return f"make{s} no difference for {judges} that {shown} can show"


def _gain(c: Conclusion) -> str:
    assert c.gain is not None
    return f"{signed(c.gain.value)} points on {c.benchmark}"


def _not_shown(c: Conclusion) -> str:
    assert c.gain is not None
    return f"{counted(c.gain.n, 'item')} of {c.benchmark} ({signed(c.gain.value)} points)"


def _judges(report: Report, benchmark: str) -> str:
    """How often each model is right without a rubric, best first."""
    cells = [c for c in report.cells if c.benchmark == benchmark and c.arm == "none" and not c.computed]
    shown = [c for c in cells if not c.baseline] or cells
    complete = sorted((c for c in shown if c.complete), key=lambda c: -c.metrics["accuracy"].value)
    where = f"on {benchmark}, " if len(report.items) > 1 else ""
    if not complete:
        place = f" on {benchmark}" if where else ""
        return f"Cannot say{place}: answers are missing." if shown else f"No judge was scored{place}."
    best, *others = (f"{c.judge} on {100 * c.metrics['accuracy'].value:.1f} %" for c in complete[:NAMED])
    without = "" if not complete[0].baseline else "no model judged; the baseline "
    first = f"{without}{complete[0].judge} is right on {best.rpartition(' on ')[2]} of {counted(report.items[benchmark].items, 'item')}"
    text = ", ".join([f"{where}{first}", *others])
    more = len(complete) - NAMED
    text += f", and {more} more" if more > 0 else ""
    waiting = [c.judge for c in shown if not c.complete]
    text += f"; of {listed(waiting)} answers are missing" if waiting else ""
    guessing = [c.judge for c in complete if _as_guessing(report, c)]
    tail = f" {listed(guessing)} {'is' if len(guessing) == 1 else 'are'} not told from guessing." if guessing else ""
    return f"{text[:1].upper() if where or without else text[:1]}{text[1:]}.{tail}"


def _as_guessing(report: Report, cell: CellReport) -> bool:
    """Whether the interval of its accuracy holds one half, where one half is what guessing gives."""
    benchmark = report.data.benchmarks[cell.benchmark]
    accuracy = cell.metrics["accuracy"]
    pairs = benchmark.width == 2 and all(i.label.preferred is not None for i in benchmark.items)
    return pairs and not cell.baseline and not math.isnan(accuracy.low) and accuracy.low <= 0.5 <= accuracy.high
