"""`rubric-harness show`: items of a run as a person reads them, chosen by what happened to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from evaluators.engine.journal import Damage, damage_notes
from evaluators.errors import UserError
from evaluators.inputs.names import unknown
from evaluators.records import CriterionVerdict, Item, RecordError, Rubric, Verdict, decode
from evaluators.rubrics.arms import ARMS, generic_rubric
from evaluators.specs import capabilities
from evaluators.text import printable
from harness_plugins.folder.manifest import refuse_public
from harness_plugins.folder.reread import Rereader
from harness_plugins.folder.run_folder import RunFolder

STATES = (
    "right",
    "wrong",
    "fixed",
    "broken",
    "first",
    "second",
    "mixed",
    "ok",
    "tie",
    "unparsed",
    "low_mass",
    "refused",
    "truncated",
    "error",
    "missing",
)

Arm = tuple[str, str | None]
"""An arm with its writer."""


class Condition(NamedTuple):
    """That an item is in a state under an arm."""

    arm: str
    state: str


@dataclass
class Judged:
    """The verdicts of one judge, and the names that the run holds, in their order."""

    by_item: dict[str, dict[Arm, list[Verdict]]] = field(default_factory=dict)
    """The last verdict of each trial."""
    judges: dict[str, None] = field(default_factory=dict)
    writers: dict[str, None] = field(default_factory=dict)
    arms: dict[str, None] = field(default_factory=dict)


def show(
    run: Path,
    *,
    where: str = "",
    judge: str | None = None,
    writer: str | None = None,
    item: str | None = None,
    benchmark: str | None = None,
    limit: int = 5,
) -> Iterator[str]:
    """The items of a run that fit, a text each.

    Args:
        where: conditions such as ``none=wrong transferred=right``; all must hold (for some writer, unless one is given).

    Raises:
        UserError: no run folder, or an unknown judge, writer, arm or state.
    """
    damage: Damage = {}
    folder = RunFolder(run)
    items = folder.items(damage)
    if not items:
        raise folder.without_items()
    manifest = folder.manifest()
    refuse_public(run, manifest, "there is nothing to show; `table` prints its numbers")
    conditions = _conditions(where)
    _check("benchmark", benchmark, dict.fromkeys(i.benchmark for i in items.values()))
    judge = judge or _first_judge(manifest)
    reread = folder.rereader(manifest)
    judged = _verdicts(folder, judge, reread, damage)
    if judged.judges:
        _check("judge", judge, judged.judges)
    _check("writer", writer, judged.writers)
    for condition in conditions:
        _check("arm", condition.arm, judged.arms)
    judge = judge or next(iter(judged.judges), None)
    rubrics = {rubric.uid: rubric for rubric in folder.rubrics(damage)}
    fitting = [
        i
        for i in items.values()
        if (benchmark is None or i.benchmark == benchmark)
        and (item is None or i.uid.startswith(item) or i.uid.endswith(item) or i.source_id == item)
        and _fits(i, judged.by_item.get(i.uid, {}), conditions, writer)
    ]
    for n, fitting_item in enumerate(fitting[:limit], 1):
        head = f"===== {n} of {min(limit, len(fitting))} shown, {len(fitting)} found; judge {judge} =====\n"
        yield printable(head + _text(fitting_item, judged.by_item.get(fitting_item.uid, {}), rubrics, writer))
    yield from damage_notes(damage)
    yield from reread.notes()
    if not fitting:
        yield "No item fits." + (f" (judge {judge}; {where})" if where else "")


def _first_judge(manifest: Mapping[str, Any]) -> str | None:
    """The first model of the run's configs; a baseline where there is no model."""
    judges = manifest.get("judges", {})
    models = [name for name, j in judges.items() if capabilities(j["key"]["backend"]).asks_model]
    return next(iter(models or judges), None)


def _check(what: str, value: str | None, values: Mapping[str, None]) -> None:
    if value is not None and value not in values:
        raise UserError(f"in this run: {unknown(what, value, values)}")


def _conditions(where: str) -> list[Condition]:
    conditions: list[Condition] = []
    for part in re.split(r"[\s,]+", where.strip()):
        if part:
            arm, _, state = part.partition("=")
            if state not in STATES:
                raise UserError(f"--where {part}: give ARM=STATE: {unknown('state', state, STATES)}")
            conditions.append(Condition(arm, state))
    return conditions


def _verdicts(folder: RunFolder, judge: str | None, reread: Rereader, damage: Damage) -> Judged:
    judged = Judged()
    last: dict[tuple[object, ...], bytes] = {}
    for v in folder.verdicts(damage):
        judged.judges.setdefault(v["judge"])
        judged.arms.setdefault(v["arm"])
        if v["writer"] is not None:
            judged.writers.setdefault(v["writer"])
        trial = (
            v["item"],
            v["arm"],
            v["writer"],
            v["order"],
            *(v.get(f) for f in ("replicate", "sample", "candidate")),
        )
        # An error does not replace the answer before it: a redo that failed hides nothing.
        if v["judge"] == (judge or next(iter(judged.judges))) and (v["status"] != "error" or trial not in last):
            last[trial] = orjson.dumps(v)  # a million objects would not fit
    for line in last.values():
        try:
            verdict = reread.verdict(decode(Verdict, line, "ignore"))
        except RecordError:
            continue
        by_arm = judged.by_item.setdefault(verdict.item, {})
        by_arm.setdefault((verdict.arm, verdict.writer), []).append(verdict)
    for trials in judged.by_item.values():
        for group in trials.values():
            group.sort(key=lambda v: (v.replicate, v.sample, v.order, v.candidate or 0))
    return judged


def _fits(
    item: Item, trials: Mapping[Arm, Sequence[Verdict]], conditions: Sequence[Condition], writer: str | None
) -> bool:
    """Whether all conditions hold of an item, each for some writer that may be meant by it."""
    for arm, state in conditions:
        groups = [
            group
            for (group_arm, group_writer), group in trials.items()
            if group_arm == arm and (writer is None or group_writer is None or group_writer == writer)
        ]
        none_trials = trials.get(("none", None), ())
        if not any(_is(item, group, state, none_trials) for group in groups or [[]]):
            return False
    return True


def _is(item: Item, trials: Sequence[Verdict], state: str, none_trials: Sequence[Verdict]) -> bool:
    """Whether trials of one arm are in a state.

    Args:
        none_trials: the same judge's without a rubric, for `fixed` and `broken`.
    """
    if state == "missing" or not trials:
        return state == "missing" and not trials
    if state in ("fixed", "broken"):
        orders = {v.order for v in (*trials, *none_trials)}
        here, without = _right_draws(item, trials, orders), _right_draws(item, none_trials, orders)
        return here is not None and without is not None and (here > without if state == "fixed" else here < without)
    if state in ("right", "wrong"):
        picks = _picks(trials)
        return None not in picks and all((p == item.label.preferred) == (state == "right") for p in picks)
    if any(v.candidate is not None for v in trials):  # scored alone: they have no slots, and tie by equal scores
        return (state == "tie" and None in _picks(trials)) or any(v.status == state for v in trials)
    if state in ("first", "second", "mixed"):
        choices = {v.choice if v.status == "ok" else None for v in trials}
        slots = {"first": {1}, "second": {2}}.get(state)
        return len(trials) > 1 and (choices == slots if slots else choices in ({1}, {2}))
    return any(v.status == state for v in trials)


def _right_draws(item: Item, trials: Sequence[Verdict], orders: Set[str]) -> float | None:
    """The share of draws that are right in every order, as the tables' gained and lost count them; None where an answer is missing.

    Args:
        orders: those that were asked.
    """
    if item.label.preferred is None or not trials or any(v.status == "error" for v in trials):
        return None
    draws: dict[tuple[int, int], list[Verdict]] = {}
    for v in trials:
        draws.setdefault((v.replicate, v.sample), []).append(v)
    if any({v.order for v in draw} != orders for draw in draws.values()):
        return None
    right = [all(pick == item.label.preferred for pick in _picks(draw)) for draw in draws.values()]
    return sum(right) / len(right)


def _picks(trials: Sequence[Verdict]) -> list[int | None]:
    """The candidate picked in each trial; of candidates scored alone the one with the highest score, if it is one."""
    picks = [v.pick if v.status == "ok" else None for v in trials if v.candidate is None]
    alone: dict[tuple[int, int, str], list[Verdict]] = {}
    for v in trials:
        if v.candidate is not None:
            alone.setdefault((v.replicate, v.sample, v.order), []).append(v)
    for group in alone.values():
        scores = [v.score if v.status == "ok" else None for v in group]
        best = max((s for s in scores if s is not None), default=None)
        picks.append(group[scores.index(best)].candidate if None not in scores and scores.count(best) == 1 else None)
    return picks


def _text(
    item: Item, trials: Mapping[Arm, Sequence[Verdict]], rubrics: Mapping[str, Rubric], writer: str | None
) -> str:
    label = item.label.kind if item.label.preferred is None else f"candidate {item.label.preferred}"
    out = [f"{item.uid}   id {item.source_id}, row {item.row}, {item.category or 'no category'}; preferred: {label}"]
    out += [f"media: {f.path}" for m in item.media for f in m.files] or (
        ["media: missing"] if item.media_missing else []
    )
    out.append(f"prompt: {item.prompt}")
    for n, c in enumerate(item.candidates):
        mark = "  <- preferred" if n == item.label.preferred else ""
        out.append(f"\ncandidate {n}{mark}\n{_indent(c.text)}")
        out += [f"    media: {f.path}" for m in c.media for f in m.files]
    for (arm, name), group in trials.items():
        if writer is None or name is None or name == writer:
            out += _arm_text(item, arm, name, group, rubrics)
    return "\n".join(out) + "\n"


def _arm_text(
    item: Item, arm: str, writer: str | None, trials: Sequence[Verdict], rubrics: Mapping[str, Rubric]
) -> list[str]:
    shared = any(rubrics[v.rubric].item is None for v in trials if v.rubric and v.rubric in rubrics)
    whose = f" ({writer}{', shared' if shared else ''})" if writer else ""
    out = [f"\n--- {arm}{whose}"]
    for uid in dict.fromkeys(v.rubric for v in trials if v.rubric):
        donor = next((v.donor for v in trials if v.rubric == uid and v.donor), None)
        out.append(f"  rubric {uid}{f', of {donor}' if donor else ''}\n{_indent(as_judged(item, arm, uid, rubrics))}")
    for v in trials:
        shown = f"first: candidate {ord(v.order[0]) - ord('A')}"
        if v.candidate is not None:
            shown = f"candidate {v.candidate}, alone"
        if v.status == "low_mass":
            came = "low_mass: it would have written none of the offered answers"
        elif v.score is not None:
            came = f"score {v.score:g}"
        elif v.pick is None:
            came = v.status + (f": {v.error.kind} ({v.error.message})" if v.error else "")
        else:
            right = "" if item.label.preferred is None else ", right" if v.pick == item.label.preferred else ", wrong"
            came = f"picked response {v.choice} = candidate {v.pick}{right}"
        p = ""
        if v.p:
            mass = "unknown, a grammar" if v.p.mass is None else f"{v.p.mass:.3f}"
            p = f" (mass {mass})" if v.p.first is None else f", P(1) = {v.p.first:.3f} (mass {mass})"
        if v.ranks:
            best_first = sorted(range(len(v.ranks)), key=lambda n: v.ranks[n] if v.ranks else 0)
            came += f"; ranking: {' > '.join(f'candidate {n}' for n in best_first)}"
        out.append(f"  {v.order} ({shown}): {came}{p}")
        out += [f"    {c.name} (weight {c.weight:g}): {criterion_text(c)}" for c in v.criteria]
        if v.answer:
            out.append(_indent((f"[reasoning] {v.answer.reasoning}\n" if v.answer.reasoning else "") + v.answer.text))
    return out


def criterion_text(criterion: CriterionVerdict) -> str:
    """A judge's word on one criterion."""
    if criterion.score is not None:
        return f"score {criterion.score:g}"
    p = f", P(1) = {criterion.p:.3f}" if criterion.p is not None else ""
    names = {None: "cannot be assessed", 0: "neither"}
    return names.get(criterion.choice, f"response {criterion.choice}") + p


def as_judged(item: Item, arm: str, uid: str, rubrics: Mapping[str, Rubric]) -> str:
    """The text that the arm's judge read under a rubric's uid or a fixed text's name; in brackets why there is none."""
    if uid in rubrics and arm not in ARMS:
        return f"(as the arm {arm} made it, which another package brings that is not installed)\n{rubrics[uid].text}"
    if uid in rubrics:
        edit = ARMS.facts(arm).edit
        return edit(item, rubrics[uid]).text.text if edit else rubrics[uid].text
    if ARMS.facts(uid).uses_label:
        return f"(a line that names {'the right' if uid == 'leak' else 'the wrong'} response)"
    kind, _, modality_and_variant = uid.partition("/")
    modality, _, variant = modality_and_variant.partition("/")
    if kind == "generic" and modality in ("text", "image", "edit") and variant.isdigit():
        return generic_rubric(modality, int(variant)).text
    return "(not in rubrics.jsonl)"


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in printable(text).splitlines())
