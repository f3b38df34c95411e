"""What a reader must know before the numbers of a run: what spoils them, and what looks wrong in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness_plugins.report.sections import Finding
from harness_plugins.rpo.run_folder import HeldOutRow, StepRow
from harness_plugins.rpo.win_rates import Change, Result, WinRate, partings

RECENT = 10
"""Steps over which the share of decided pairs is looked at."""
LEAST_DECIDED = 0.5
JUMP = 3.0
"""Times the largest KL of the steps before."""
BEFORE_JUMP = 5
HALF = 0.5
"""The win rate of the start against itself."""
NAMED = 8
"""Steps that a sentence names."""
INEXACT = 1e-3
"""Of the largest |ratio - 1| before an update."""


def spoils(result: Result | None, recipe: Mapping[str, Any]) -> list[Finding]:
    """What spoils the headline's numbers."""
    if result is None:
        return []
    findings = [
        _warning(
            f"{rate.judge} never answered on {rate.unanswered} of {rate.prompts} {rate.held_out} prompts "
            f"({100 * rate.unanswered / rate.prompts:.0f} %): they are in no number."
        )
        for rate in result.rates
        if rate.unanswered
    ]
    training = [r for r in result.rates if not r.audit]
    audits = [r for r in result.rates if r.audit]
    if not audits:
        findings.append(
            _warning(
                "The judge of these numbers is the one that trained: what it prefers may be its own taste, or its weakness. "
                "An audit's judge (audit in the recipe) would show it."
            )
        )
    elif _same_model(recipe):
        findings.append(
            _warning(
                "The audit's judge is the training's judge: it sees the same, and confirms nothing that is not in it."
            )
        )
    findings += [_warning(text) for t in training for a in audits if (text := _disagreement(t, a))]
    findings += [
        Finding(
            "finding",
            f"The interval of {r.judge} holds 50 %: {r.answered} {r.held_out} prompts show no gain and no loss.",
        )
        for r in training
        if r.interval is not None and r.interval.low <= HALF <= r.interval.high and r.equal < r.prompts
    ]
    equal = [r for r in training if r.prompts and r.equal == r.prompts]
    findings += [
        _warning(
            f"All {r.prompts} pictures of step {r.step} equal those of the start: the adapter changes nothing yet."
        )
        for r in equal
    ]
    return findings


def _disagreement(training: WinRate, audit: WinRate) -> str:
    """Empty where the audit sees the gain too, or there is none."""
    if not training.interval or not audit.interval or training.interval.low <= HALF or audit.interval.low > HALF:
        return ""
    share = f"{100 * (audit.value or 0):.1f} % ({100 * audit.interval.low:.1f} to {100 * audit.interval.high:.1f})"
    if audit.interval.high < HALF:
        return f"The audit's judge {audit.judge} says the opposite: it prefers the start's pictures, {share} for the checkpoint's."
    return f"The audit's judge {audit.judge} does not see the gain: {share}, and the interval holds 50 %."


def _same_model(recipe: Mapping[str, Any]) -> bool:
    training, audit = ((recipe.get(part) or {}) for part in ("reward", "audit"))
    if training.get("server"):
        return bool(training["server"] == audit.get("server"))
    judges = [part.get("judge") or {} for part in (training, audit)]
    models = [(judge.get("backend"), judge.get("model") or judge.get("name")) for judge in judges]
    return models[0] == models[1]


def alarms(steps: Sequence[StepRow], held_out: Sequence[HeldOutRow]) -> list[Finding]:
    """What looks wrong in the course of the run."""
    return [*_partings(held_out), *_undecided(steps), *_jumps(steps), *_inexact(steps), *_without_update(steps)]


def _partings(held_out: Sequence[HeldOutRow]) -> list[Finding]:
    findings: list[Finding] = []
    for p in partings(held_out):
        sure = p.fall.beyond_chance
        findings.append(
            Finding(
                "warning" if sure else "finding",
                f"From {_at(p.fall.before)} to step {p.fall.after} the win rate of the training's judge {p.judge} changed by "
                f"{_points(p.rise)}, and that of the audit's judge {p.audit} by {_points(p.fall)} on the development prompts: "
                + (
                    "the generator learns what the training's judge likes, and loses what the other one sees."
                    if sure
                    else "the fall is within chance; look at the pictures."
                ),
            )
        )
    return findings


def _at(step: int) -> str:
    return f"step {step}" if step else "the start"


def _points(change: Change) -> str:
    if change.interval is None:
        return f"{100 * change.value:+.1f} points (on each of {change.prompts} prompts)"
    low, high = (100 * v for v in change.interval)
    return f"{100 * change.value:+.1f} points ({low:+.1f} to {high:+.1f})"


def _undecided(steps: Sequence[StepRow]) -> list[Finding]:
    recent = steps[-RECENT:]
    pairs, decided = sum(r.pairs for r in recent), sum(r.decided for r in recent)
    if not pairs or decided / pairs >= LEAST_DECIDED:
        return []
    others: dict[str, int] = {}
    for row in recent:
        for outcome, count in row.outcomes.items():
            if outcome != "decided":
                others[outcome] = others.get(outcome, 0) + count
    why = ", ".join(f"{o} {n}" for o, n in sorted(others.items(), key=lambda x: -x[1]))
    return [
        _warning(
            f"Of the {pairs:,} pairs of the last {len(recent)} steps, {100 * decided / pairs:.0f} % were decided ({why}): less than "
            "half of them train anything. Pictures that a judge cannot tell apart need more noise (sampling.eta); a judge whose "
            "orders disagree follows the position."
        )
    ]


def _jumps(steps: Sequence[StepRow]) -> list[Finding]:
    known = [(row.step, row.kl) for row in steps if row.kl is not None]
    jumps: list[tuple[int, float, float]] = []
    for n in range(BEFORE_JUMP, len(known)):
        step, kl = known[n]
        before = max(value for _, value in known[n - BEFORE_JUMP : n])
        if before > 0 and kl > JUMP * before:
            jumps.append((step, kl, before))
    if not jumps:
        return []
    step, kl, before = max(jumps, key=lambda j: j[1] / j[2])
    more = f" It did so at {len(jumps)} steps." if len(jumps) > 1 else ""
    return [
        _warning(
            f"At step {step + 1} the KL to the start jumped to {kl:.3g}, {kl / before:.1f} times the largest of the {BEFORE_JUMP} "
            f"steps before.{more} A smaller updates.learning_rate or a larger updates.kl holds it."
        )
    ]


def _inexact(steps: Sequence[StepRow]) -> list[Finding]:
    off = [(row.ratio_off, row.step) for row in steps if row.ratio_off is not None and row.ratio_off > INEXACT]
    if not off:
        return []
    worst, step = max(off)
    return [
        _warning(
            f"Replay is not exact: before an update the ratio was up to {worst:.2g} from 1 (step {step + 1}; above {INEXACT:g} at "
            f"{len(off)} of {len(steps)} steps)."
        )
    ]


def _without_update(steps: Sequence[StepRow]) -> list[Finding]:
    idle = [row.step + 1 for row in steps if not row.updated]
    if not idle:
        return []
    which = ", ".join(map(str, idle[:NAMED])) + (" and others" if len(idle) > NAMED else "")
    return [_warning(f"{len(idle)} of {len(steps)} steps made no update, for want of pairs with a verdict: {which}.")]


def _warning(text: str) -> Finding:
    return Finding("warning", text)
