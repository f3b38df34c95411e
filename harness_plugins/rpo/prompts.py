"""The prompts of a run: read from files, those held out set apart, and which of them each step trains on.

All of it follows from the texts and the seed, so that a resumed run, or one on more processes, sees the same.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from evaluators.errors import UserError
from evaluators.inputs.files import read_bytes, read_jsonl, read_text
from evaluators.keys import digest
from harness_plugins.rpo.recipe import Prompts


@dataclass(frozen=True)
class Prompt:
    """What a picture is made for."""

    uid: str
    text: str
    source: Path | None = None
    """The image that is to be edited."""
    negative: str | None = None
    """What classifier-free guidance leads away from; None where none is used."""


class Two(NamedTuple):
    """A number for each picture of a pair."""

    first: float
    second: float


class PromptSets(NamedTuple):
    train: tuple[Prompt, ...]
    development: tuple[Prompt, ...]
    test: tuple[Prompt, ...]
    repeated: int
    """Prompts that were in a file more than once, and count once."""

    @property
    def digests(self) -> dict[str, str]:
        """What a resumed run must share, by set."""
        return {
            name: digest(sorted(p.uid for p in prompts))
            for name, prompts in (("train", self.train), ("development", self.development), ("test", self.test))
        }


def read_prompts(spec: Prompts, editor: bool) -> PromptSets:
    """Args:
        editor: whether each prompt needs a source image.

    Raises:
        UserError: a file or a row is not as it must be, or too few prompts are left to train on.
    """
    rows = read_prompt_file(spec.file, editor, spec.negative)
    prompts = list({p.uid: p for p in rows}.values())
    distinct, repeated = len(prompts), len(rows) - len(prompts)
    sets: dict[str, tuple[Prompt, ...]] = {}
    for name, source in (("development", spec.development), ("test", spec.test)):
        if isinstance(source, Path):
            sets[name] = tuple({p.uid: p for p in read_prompt_file(source, editor, spec.negative)}.values())
        else:
            sets[name] = tuple(sorted(prompts, key=lambda p: digest("held out", name, p.uid))[:source])
            if len(sets[name]) < source or len(sets[name]) == len(prompts):
                raise UserError(
                    f"{spec.file}: holds {distinct} prompts, and {spec.development} for development and {spec.test} for the test "
                    "leave none to train on: set smaller numbers (`prompts.development`, `prompts.test`)"
                )
        held_out = {p.uid for p in sets[name]}
        prompts = [p for p in prompts if p.uid not in held_out]
    if not prompts:
        raise UserError(f"{spec.file}: all of its prompts are held out, and none is left to train on")
    shared = {p.uid for p in sets["development"]} & {p.uid for p in sets["test"]}
    if shared:
        raise UserError(
            f"{len(shared)} prompts are in `development` and in `test`: the checkpoint is picked on one, reported on the other"
        )
    return PromptSets(tuple(prompts), sets["development"], sets["test"], repeated)


def read_prompt_file(path: Path, editor: bool, negative: str | None = None) -> list[Prompt]:
    """All prompts of a file, in its order.

    Raises:
        UserError: with file, line and what to do.
    """
    if path.suffix == ".jsonl":
        return [
            prompt_of(f"{path}: line {number}", path.parent, row, editor=editor, negative=negative)
            for number, row in read_jsonl(path)
        ]
    if editor:
        raise UserError(
            f'{path}: an editor\'s prompts have source images: write .jsonl, {{"prompt": "...", "source": "a.png"}} a line'
        )
    texts = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    if not texts:
        raise UserError(f"{path}: holds no prompt; write one a line")
    return [Prompt(digest("prompt", text)[:16], text, negative=negative) for text in texts]


def prompt_of(
    where: str, folder: Path, row: Mapping[str, object], *, editor: bool, negative: str | None = None
) -> Prompt:
    """A row with `prompt`, and `source` for an editor.

    Args:
        where: file and line, as messages begin.
        folder: that `source` is relative to.

    Raises:
        UserError: a field is missing, or the source cannot be read.
    """
    text, source = row.get("prompt"), row.get("source")
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{where}: `prompt` must be a text; it is {text!r:.40}")
    if not editor:
        if source is not None:
            raise UserError(
                f"{where}: has a `source`, and this generator edits none: take a qwen_image_edit, or leave it out"
            )
        return Prompt(digest("prompt", text)[:16], text, negative=negative)
    if not isinstance(source, str) or not source:
        raise UserError(f"{where}: `source` must be the image file to edit")
    file = folder / source
    content = hashlib.sha256(read_bytes(file)).hexdigest()
    return Prompt(digest("prompt", text, content)[:16], text, file, negative)


class Pair(NamedTuple):
    """Two pictures to be made."""

    step: int
    number: int
    """Its place in the step, over all processes."""
    prompt: Prompt
    draw: int
    """Which draw of this prompt in this step; above 0 only where a step takes a prompt twice."""

    def seed(self, run_seed: int, *parts: object) -> int:
        """A number for one thing that is drawn for it: of run, step, prompt and thing alone."""
        text = digest("rpo", run_seed, self.step, self.prompt.uid, self.draw, *parts)
        return int(text[:15], 16)

    def seed_of_step(self, run_seed: int) -> int:
        """The same for what all pairs of a step share."""
        return int(digest("rpo step", run_seed, self.step)[:15], 16)

    @property
    def uid(self) -> str:
        return self.prompt.uid if self.draw == 0 else f"{self.prompt.uid}-{self.draw + 1}"


def pairs_of(step: int, prompts: Sequence[Prompt], seed: int, count: int) -> list[Pair]:
    """The pairs of a step: all prompts in a drawn order, then all again in another."""
    pairs: list[Pair] = []
    drawn: Counter[str] = Counter()
    orders: dict[int, list[Prompt]] = {}
    for number in range(count):
        epoch, place = divmod(step * count + number, len(prompts))
        if epoch not in orders:
            orders[epoch] = sorted(prompts, key=lambda p: digest("order", seed, epoch, p.uid))
        prompt = orders[epoch][place]
        pairs.append(Pair(step, number, prompt, drawn[prompt.uid]))
        drawn[prompt.uid] += 1
    return pairs
