"""`data --dry-run`: what would be read, left out and asked, and the prompts; nothing is asked or written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluators.messages import text_of
from evaluators.records import Rubric, Writer
from evaluators.specs import unset
from evaluators.writers.base import request_of
from harness_plugins.experiment.dry_run import CHARACTERS_A_TOKEN, SAMPLED_ITEMS, TOKENS_AN_IMAGE, estimated_tokens
from harness_plugins.experiment.progress import Steps
from harness_plugins.experiment.writing import Written
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.tables.render.to_markdown import markdown
from harness_plugins.training_data import card
from harness_plugins.training_data.build import TEACHER
from harness_plugins.training_data.config import DataConfig
from harness_plugins.training_data.examples import Examples
from harness_plugins.training_data.gathering import gather
from harness_plugins.training_data.overlap import clusters
from harness_plugins.training_data.reading import Pair
from harness_plugins.training_data.teaching import Taught, due, order_with


def dry_run(
    config: DataConfig, path: Path, *, out: Path | None = None, limit: int | None = None, progress: bool = False
) -> str:
    """The plan as text.

    Raises:
        UserError: as `build`, before anything is asked.
    """
    folder = out or config.out or Path()
    examples = Examples(config)
    gathered = gather(config, folder, None, limit, Steps(progress))
    cluster_of = clusters(gathered.pairs, gathered.images, config.contamination.distance)
    tables = [card.sources_table(gathered.facts, gathered.pairs)]
    if gathered.dropped:
        tables.append(card.dropped_table(gathered.dropped))
    if config.against:
        tables += card.contamination_tables(gathered.contaminated, gathered.looked_up, config.contamination.remove)[:1]
    teachers = [config.teacher] if config.teacher else []
    lines = [f"Warning: {line}" for line in unset(teachers)]
    lines += [markdown(tables), f"{len(gathered.pairs):,} pairs in {len(set(cluster_of.values())):,} clusters."]
    sizes = ", ".join(f"{part} {n:,}" for part, n in config.sizes().items())
    lines.append(f"Parts asked for: {sizes}.")
    pair = gathered.pairs[0]
    if config.teacher is not None:
        lines += _asking(config, gathered.pairs, folder)
        order = order_with(pair.item, True)
        rubric = Rubric(pair.source, pair.uid, Writer("teacher"), "(the teacher's rubric)", saw=order)
        shown = examples.of("proxy_rl", Taught(pair, "correct", {order: rubric}), True)
        lines.append(f"\n----- prompt of proxy_sft and proxy_rl -----\n{text_of(shown.messages)}")
    shown = examples.of("grm_rl", Taught(pair, "hard"), True)
    lines.append(f"\n----- prompt of grm_sft and grm_rl -----\n{text_of(shown.messages)}")
    lines.append(f"\nNothing was asked or written. To build: rubric-harness data {path}")
    return "\n".join(lines) + "\n"


def _asking(config: DataConfig, pairs: Sequence[Pair], folder: Path) -> list[str]:
    spec = config.teacher
    assert spec is not None
    draws = due(config, pairs, Written.read(RunFolder(folder / TEACHER), [spec]))
    sizes = [estimated_tokens([request_of(spec, d)]) for d in draws[:SAMPLED_ITEMS]]
    full = config.distil.ask == "until_full"
    most = "at most " if full else ""
    tokens = round(sum(sizes) / len(sizes) * len(draws)) if sizes else 0
    return [
        f"{spec.name} ({spec.model}) is asked {most}{len(draws):,} times, with about {tokens:,} tokens in "
        f"({CHARACTERS_A_TOKEN} characters a token, {TOKENS_AN_IMAGE:,} an image)."
        + (" It stops when the parts are full (`distil: {ask: until_full}`)." if full else "")
    ]
