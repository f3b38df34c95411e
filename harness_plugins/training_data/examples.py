"""One training example: what a model in training is asked, and what it is to say, in its own output format.

- proxy_sft: request, pair and the teacher's rubric -> the teacher's evaluation and verdict, as a judge answers,
- proxy_rl: the same prompt and the label,
- grm_sft: request and pair -> the teacher's rubric, evaluation and verdict, as a Proxy-GRM writes,
- grm_rl: the same prompt and the label.

Prompts are rendered by the templates that judge and writer are asked with, so that training, reward and evaluation ask alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from evaluators.messages import Image, Message
from evaluators.prompts.template import PROMPTS, Case, Template
from evaluators.records import Candidate, Item, MediaFile, Order
from evaluators.rubrics.arms import as_text
from evaluators.writers.methods import proxy_grm
from harness_plugins.training_data.config import PART_FACTS, DataConfig, Part
from harness_plugins.training_data.targets import grm_target, proxy_target
from harness_plugins.training_data.teaching import Taught, order_with, preferred_first


@dataclass(frozen=True)
class Example:
    """One example of a part."""

    part: Part
    item: Item
    order: Order
    messages: tuple[Message, ...]
    """The prompt."""
    target: str | None = None
    """What the model is to say; None in sets for reinforcement."""
    rubric: str | None = None
    """The teacher's rubric, where the prompt shows one."""

    @property
    def answer(self) -> int:
        """The position of the preferred response: 1 or 2."""
        return 1 if preferred_first(self.item, self.order) else 2

    @property
    def shown(self) -> tuple[Candidate, ...]:
        """The candidates as Response 1 and Response 2."""
        return Case(self.item, self.order).shown()

    @property
    def files(self) -> tuple[MediaFile, ...]:
        """The images that the prompt shows, in its order."""
        return tuple(p.file for m in self.messages for p in m.parts if isinstance(p, Image))


class Examples:
    """Makes examples of taught pairs, by the config's prompts.

    Raises:
        UserError: a template cannot be used.
    """

    def __init__(self, config: DataConfig) -> None:
        self._config = config
        _ = self.grm, self.proxy

    @cached_property
    def grm(self) -> Template:
        """What asks the GRM: its own prompt, or the teacher's."""
        teacher = self._config.teacher
        if self._config.grm.prompt is None and teacher is not None:
            return teacher.template
        return Template(self._config.grm.prompt or PROMPTS / proxy_grm.TEMPLATE, needs=("question", "responses"))

    @cached_property
    def proxy(self) -> Template:
        """What asks the proxy: the prompt of a judge that reads a rubric."""
        return Template(self._config.proxy.prompt or PROMPTS / "pairwise.jinja")

    def of(self, part: Part, taught: Taught, first: bool) -> Example:
        """The example of a pair, the preferred response shown first or second."""
        item = taught.pair.item
        order = order_with(item, first)
        facts = PART_FACTS[part]
        if facts.model == "grm":
            target = grm_target(taught.rubrics[order]) if facts.target else None
            return Example(part, item, order, self.grm.render(Case(item, order)), target)
        rubric = taught.rubrics[order]
        messages = self.proxy.render(Case(item, order, as_text(rubric)))
        target = proxy_target(rubric, self._config.proxy.think) if facts.target else None
        return Example(part, item, order, messages, target, rubric.text)
