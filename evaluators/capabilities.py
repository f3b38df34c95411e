"""What a backend declares of itself, in its own module."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Capabilities:
    """What a backend can do, and which parts of a config entry are its own.

    A module of a backend declares one as `CAPABILITIES`; where it declares none, the defaults hold.

    Example:
        >>> CAPABILITIES = Capabilities(seeds=True, concurrency=256, fields=("model_args",))
    """

    asks_model: bool = True
    """False: its judges decide by themselves, as baselines do. Nothing is rendered for them, they cost nothing, write no
    rubrics, and read the criteria of a rubric rather than its text."""
    models: tuple[str, ...] = ()
    """All that `model` may be, where they are few. Then a judge without `model` is the one of its name."""
    concurrency: int = 16
    """Requests at a time by default; more where an engine makes batches of what waits."""
    seeds: bool = False
    """It takes a seed with each request, so that one can be repeated."""
    greedy: bool = False
    """Without a temperature it gives the same answer each time; others then draw as their server is set up to."""
    fields: tuple[str, ...] = ()
    """Those fields of `ModelSpec` that it reads and not every backend does: `specs.FIELDS_OF_BACKENDS`."""
    served_args: tuple[str, ...] = ()
    """The `model_args` in which the model that answers is named, first come first, where `model` names what loads it."""
