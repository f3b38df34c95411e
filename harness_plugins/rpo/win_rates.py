"""How often a checkpoint's pictures win against those of the generator without the adapter, and which checkpoint that picks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness_plugins.rpo.run_folder import HeldOut, HeldOutRow
from harness_plugins.scoring.statistics import Column, Floats, Interval, interval, resampled, wilson

ALIKE = 6
"""So many prompts that changed alike are beyond chance: a coin falls so once in 32 times."""


@dataclass(frozen=True)
class WinRate:
    """Over the held-out prompts of one set, judged by one judge."""

    step: int
    held_out: HeldOut
    judge: str
    audit: bool
    prompts: int
    unanswered: int
    """Prompts on which the judge gave no answer; they are in no number."""
    equal: int
    """Prompts of which both pictures were equal: half a win each."""
    value: float | None
    """Mean over prompts of the share of orders won, a tie being half; None: no prompt was answered."""
    interval: Interval | None
    """95 %: the middle of a bootstrap over prompts; where all prompts ended alike, and so no resample differs, Wilson's."""

    @property
    def answered(self) -> int:
        return self.prompts - self.unanswered

    @property
    def sentence(self) -> str:
        judge = f"{self.judge} (audit)" if self.audit else self.judge
        if self.value is None or self.interval is None:
            return f"{judge}: no answer on any of {self.prompts} {self.held_out} prompts"
        if self.equal == self.prompts:
            return f"{judge}: all pictures equal those of the start, {self.prompts} {self.held_out} prompts"
        low, high = (100 * end for end in self.interval)
        missing = f", {self.unanswered} more without an answer" if self.unanswered else ""
        answered = self.prompts - self.unanswered
        return (
            f"{judge}: wins {100 * self.value:.1f} % against the start ({low:.1f} to {high:.1f}), {answered} {self.held_out} "
            f"prompts{missing}"
        )


def win_rates(rows: Iterable[HeldOutRow]) -> list[WinRate]:
    """A rate for each checkpoint, set and judge: by set and step, the training's judge before the audit's."""
    groups: dict[tuple[HeldOut, int, bool, str], list[HeldOutRow]] = {}
    for row in rows:
        groups.setdefault((row.held_out, row.step, row.audit, row.judge), []).append(row)
    return [_rate(groups[key]) for key in sorted(groups)]


def picked(rows: Iterable[HeldOutRow]) -> int | None:
    """The step whose checkpoint the training's judge preferred most often on the development prompts; of equals the earliest."""
    rates = [
        r for r in win_rates(rows) if r.held_out == "development" and not r.audit and r.value is not None and r.step > 0
    ]
    return max(rates, key=lambda r: (r.value, -r.step)).step if rates else None


@dataclass(frozen=True)
class Result:
    """What a run came to so far."""

    step: int
    """The checkpoint that is reported: picked on the development prompts; while nothing is known of the test, the newest."""
    on: HeldOut
    rates: tuple[WinRate, ...]
    """Of that checkpoint on those prompts, the training's judge before the audit's."""
    picked: WinRate | None
    """What it was picked by."""

    @property
    def sentences(self) -> list[str]:
        first, *others = self.rates
        lines = [_preference(first, f"the picture of step {self.step}", "that of the generator before training")]
        lines += [_preference(rate, "it", "the other") for rate in others]
        if self.on == "test" and self.picked is not None and self.picked.value is not None:
            lines.append(
                f"The checkpoint was picked on {self.picked.answered} development prompts "
                f"({100 * self.picked.value:.1f} %), and is reported on others."
            )
        elif self.on == "development":
            lines.append("No checkpoint was compared on the test prompts yet: this one is of the development prompts.")
        return lines


def _preference(rate: WinRate, picture: str, other: str) -> str:
    judge = f"the audit's judge {rate.judge}" if rate.audit else f"the judge {rate.judge}"
    if rate.value is None or rate.interval is None:
        return f"{_capital(judge)} answered on none of {rate.prompts} {rate.held_out} prompts."
    low, high = (100 * v for v in rate.interval)
    return (
        f"{_capital(judge)} prefers {picture} to {other} in {100 * rate.value:.1f} % of the comparisons on "
        f"{rate.answered} {rate.held_out} prompts (95 % interval {low:.1f} to {high:.1f})."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def result(rows: Sequence[HeldOutRow]) -> Result | None:
    """The picked checkpoint on the test prompts; without that, the newest on the development prompts; None: nothing was compared."""
    rates = win_rates(rows)
    best = picked(rows)
    on_test = tuple(r for r in rates if r.held_out == "test" and r.step == best)
    if on_test and not on_test[0].audit and best is not None:
        by = next(r for r in rates if r.held_out == "development" and r.step == best and not r.audit)
        return Result(best, "test", on_test, by)
    development = [r for r in rates if r.held_out == "development" and not r.audit]
    if not development:
        return None
    newest = max(r.step for r in development)
    return Result(
        newest, "development", tuple(r for r in rates if r.held_out == "development" and r.step == newest), None
    )


@dataclass(frozen=True)
class Change:
    """Of a judge's win rate between two checkpoints, over the development prompts that it answered at both."""

    before: int
    """A step; 0 is the start, which wins half of the time against itself."""
    after: int
    value: float
    prompts: int
    interval: Interval | None
    """None: it is the same on all of them, and no resample differs."""

    @property
    def beyond_chance(self) -> bool:
        if self.interval is None:
            return self.value != 0 and self.prompts >= ALIKE
        return self.interval.low > 0 or self.interval.high < 0


@dataclass(frozen=True)
class Parting:
    """The training's judge likes the newest checkpoint better than an earlier one, and the audit's judge likes it less."""

    judge: str
    audit: str
    rise: Change
    fall: Change


def partings(rows: Iterable[HeldOutRow]) -> list[Parting]:
    """At most one for each audit's judge: between the checkpoint that it liked best and the newest."""
    shares: dict[tuple[bool, str], dict[int, dict[str, float]]] = {}
    for row in rows:
        if row.held_out == "development" and row.share is not None:
            shares.setdefault((row.audit, row.judge), {}).setdefault(row.step, {})[row.uid] = row.share
    parted: list[Parting] = []
    for judge, training in ((name, by_step) for (audit, name), by_step in shares.items() if not audit):
        for auditor, by_step in ((name, by_step) for (audit, name), by_step in shares.items() if audit):
            after = max(by_step)
            means = {0: 0.5, **{step: float(np.mean([*values.values()])) for step, values in by_step.items()}}
            before = max(means, key=lambda step: (means[step], -step))
            rise, fall = _change(training, before, after), _change(by_step, before, after)
            if rise is not None and fall is not None and rise.value > 0 > fall.value:
                parted.append(Parting(judge, auditor, rise, fall))
    return parted


def _change(by_step: Mapping[int, Mapping[str, float]], before: int, after: int) -> Change | None:
    """None: a checkpoint was not compared, or no prompt was answered at both."""
    if before == after or after not in by_step or (before and before not in by_step):
        return None
    at_end = by_step[after]
    at_start = by_step[before] if before else dict.fromkeys(at_end, 0.5)
    differences = np.array([at_end[uid] - at_start[uid] for uid in sorted(at_end) if uid in at_start])
    if not len(differences):
        return None
    alike = bool((differences == differences[0]).all())
    return Change(before, after, float(differences.mean()), len(differences), None if alike else _spread(differences))


def _spread(values: Floats) -> Interval:
    column = Column("mean", values, np.ones(len(values)))
    return interval(resampled([column], np.arange(len(values)))[:, 0])


def _rate(rows: Sequence[HeldOutRow]) -> WinRate:
    shares = np.array([row.share for row in rows if row.share is not None])
    spread = None
    if len(shares):
        alike = bool((shares == shares[0]).all())
        spread = wilson(float(shares.sum()), len(shares)) if alike else _spread(shares)
    first = rows[0]
    return WinRate(
        step=first.step,
        held_out=first.held_out,
        judge=first.judge,
        audit=first.audit,
        prompts=len(rows),
        unanswered=len(rows) - len(shares),
        equal=sum(row.equal for row in rows),
        value=float(shares.mean()) if len(shares) else None,
        interval=spread,
    )
