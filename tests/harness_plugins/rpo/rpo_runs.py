"""Small training runs on disk whose numbers are known in advance; no network is trained for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluators.records import Failure
from harness_plugins.rewards.rpo import Pair as Outcome
from harness_plugins.rewards.rpo import Reply
from harness_plugins.rpo.prompts import Two
from harness_plugins.rpo.recipe import Recipe
from harness_plugins.rpo.run_folder import HeldOut, HeldOutRow, PairRow, RunFolder, StepRow
from tests.conftest import png

OUTCOMES: tuple[Outcome, ...] = ("won", "lost", "tie", "disagree", "undecided", "error")
STEPS = 4
DEVELOPMENT, TEST = 6, 8
RUBRIC = "1. Faithfulness (weight 3): what the prompt names is there."
ATTACK = (
    '</script><script>window.__pwned=1</script><img src="https://example.invalid/x.png" onerror="window.__pwned=2">'
    " \u202eright to left\u2066 \u2028 & &lt;b&gt; \\u003c \x07"
)
HOSTILE_JUDGE = '<img src=x onerror="window.__pwned=3">'


def replies(*preferred: int | None, words: str = "It is sharper.") -> tuple[Reply, ...]:
    """In the orders 0 1 and 1 0."""
    orders = ((0, 1), (1, 0))
    return tuple(
        Reply(order, "tie" if name is None else "ok", name, words)
        for order, name in zip(orders, preferred, strict=False)
    )


REPLIES: dict[Outcome, tuple[Reply, ...]] = {
    "won": replies(0, 0),
    "lost": replies(1, 1),
    "tie": replies(None, None),
    "disagree": replies(0, 1),
    "undecided": (Reply((0, 1), "unparsed", None, "Hm."), Reply((1, 0), "ok", 0, "It is sharper.")),
    "error": (),
}
FAILURE = Failure("timeout", "no answer in 120 s")


def pair_row(step: int, number: int, outcome: Outcome, **changed: Any) -> PairRow:
    rewards = {"won": Two(1.0, -0.1), "lost": Two(-0.1, 1.0), "tie": Two(0.45, 0.45)}.get(outcome)
    row: dict[str, Any] = {
        "step": step,
        "number": number,
        "uid": f"{number:016x}",
        "prompt": f"a picture of thing {number}",
        "pictures": ("a", "b"),
        "rewards": rewards,
        "outcome": outcome,
        "error": FAILURE if outcome == "error" else None,
        "replies": REPLIES[outcome],
        "seconds": 1.5,
    }
    return PairRow(**row | changed)


def step_row(step: int, outcomes: Mapping[str, int], **changed: Any) -> StepRow:
    decided, pairs = outcomes.get("decided", 0), sum(outcomes.values())
    row: dict[str, Any] = {
        "step": step,
        "updated": True,
        "pairs": pairs,
        "valid": decided,
        "decided": decided,
        "outcomes": outcomes,
        "loss": -0.4,
        "kl": 0.001 * step,
        "ratio_off": 0.0,
        "stopped": 0.0,
        "gradient_norm": 0.1,
        "adapter_norm": 10.0 + step,
        "trained": (0, 1),
        "seconds": {"rollout": 2.0, "judge": 0.5, "train": 3.0},
    }
    return StepRow(**row | changed)


def held_out_row(
    share: float | None,
    *,
    step: int = 50,
    held_out: HeldOut = "development",
    judge: str = "trains",
    uid: str = "u0",
    **changed: Any,
) -> HeldOutRow:
    said = {None: (), 1.0: replies(0, 0), 0.5: replies(0, 1), 0.0: replies(1, 1)}[share]
    row: dict[str, Any] = {
        "step": step,
        "held_out": held_out,
        "judge": judge,
        "audit": judge == "audits",
        "uid": uid,
        "prompt": f"a held-out picture of {uid}",
        "share": share,
        "equal": False,
        "error": FAILURE if share is None else None,
        "replies": said,
    }
    return HeldOutRow(**row | changed)


def compared(
    shares: Sequence[float | None], step: int, held_out: HeldOut = "development", judge: str = "trains", **changed: Any
) -> list[HeldOutRow]:
    """A row for each share, of prompts u0, u1, ..."""
    return [
        held_out_row(share, step=step, held_out=held_out, judge=judge, uid=f"{held_out[0]}{n}", **changed)
        for n, share in enumerate(shares)
    ]


def recipe(root: Path) -> Recipe:
    (root / "prompts.txt").write_text("a picture of a thing\n", encoding="utf-8")
    (root / "rubric.txt").write_text(RUBRIC, encoding="utf-8")
    return Recipe.model_validate(
        {
            "generator": {"kind": "tiny_flux", "dtype": "float32", "side": 16},
            "prompts": {"file": root / "prompts.txt"},
            "updates": {"steps": 8},
            "reward": {"judge": {"name": "trains", "backend": "pixels", "model": "brightest"}, "rubric": root / "rubric.txt"},
            "audit": {"judge": {"name": "audits", "backend": "pixels", "model": "reddest"}},
            "out": root / "run",
        }
    )  # fmt: skip


def make_run(root: Path, hostile: bool = False, held_out: bool = True) -> RunFolder:
    """A run of four steps with a pair of each outcome, and two checkpoints, of which the second is better.

    Args:
        hostile: with texts that attack a page.
    """
    spec = recipe(root)
    run = RunFolder(spec.out)
    run.open(spec, {"base": "tiny"})
    run.begin_at(0)
    changed = {"prompt": ATTACK, "replies": replies(0, 0, words=ATTACK)} if hostile else {}
    for step in range(STEPS):
        for number, outcome in enumerate(OUTCOMES):
            row = pair_row(step, number, outcome, **changed)
            run.add_pair(row)
            for name in ("1", "2"):
                _picture(run.path / "pairs" / f"{step:06d}" / f"{row.uid}-{name}.webp", step * 40 + number)
        run.add_step(step_row(step, {"decided": 2, "tie": 1, "disagree": 1, "undecided": 1, "error": 1}))
    run.close()
    if held_out:
        _add_held_out(run, changed)
    return run


def _add_held_out(run: RunFolder, changed: Mapping[str, Any]) -> None:
    names = {"judge": HOSTILE_JUDGE} if changed else {}
    better = [1.0, 1.0, 1.0, 1.0, 1.0, 0.5]
    rows = [
        *compared([1.0, 1.0, 1.0, 0.5, 0.5, 0.0], 2, **changed),
        *compared(better, 4, **changed),
        *compared([0.5] * DEVELOPMENT, 2, judge="audits", **changed),
        *compared([0.0, 0.0, 0.5, 0.0, 0.5, 0.0], 4, judge="audits", **changed),
        *compared([1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 1.0, None], 4, "test", **changed),
        *compared([0.5, 0.5, 0.0, 1.0, 0.0, 0.5, 0.0, 1.0], 4, "test", "audits", **changed),
    ]
    run.add_held_out(HeldOutRow(**vars(row) | (names if not row.audit else {})) for row in rows)
    for row in rows:
        for step in (None, row.step):
            _picture(run.held_out_picture(step, row.uid), 200 + (step or 0))


def _picture(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(shade))
