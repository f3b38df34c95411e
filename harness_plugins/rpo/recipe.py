"""A training run as a YAML file says it: generator, prompts, sampling, updates, who judges, and what is looked at on the way.

generator: {kind: flux, model: black-forest-labs/FLUX.1-dev}
prompts: {file: prompts.txt, development: 32, test: 64}
reward:
  judge: {name: judge, backend: openai, model: Qwen/Qwen3-VL-8B-Instruct, base_url: "http://127.0.0.1:8000/v1"}
  rubric: rubric-induced.yaml
out: results/rpo/first
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from evaluators.inputs.configs import ConfigFile, InputPath, OutputPath
from evaluators.inputs.entries import Entry
from evaluators.keys import digest
from evaluators.specs import JudgeSpec
from harness_plugins.experiment.run import check_secrets
from harness_plugins.folder.manifest import address_alone
from harness_plugins.rewards.resources import DEADLINE_S
from harness_plugins.rewards.rpo import LOSE, WIN, Disagreement, RPOReward
from harness_plugins.rewards.rubrics import rubric_of
from harness_plugins.rewards.server.client import RewardClient

GeneratorKind = Literal["flux", "qwen_image_edit", "tiny_flux", "tiny_qwen_image_edit"]
TINY: frozenset[GeneratorKind] = frozenset(["tiny_flux", "tiny_qwen_image_edit"])
EDITORS: frozenset[GeneratorKind] = frozenset(["qwen_image_edit", "tiny_qwen_image_edit"])
"""They read a source image beside the prompt."""


_SIDES: dict[GeneratorKind, int] = {"tiny_flux": 4, "tiny_qwen_image_edit": 4}
"""Pixels of a token's side, where no model must be loaded to know it."""
Beta = Annotated[float, Field(ge=0, lt=1)]


class GeneratorSpec(Entry):
    """The network that is trained, as diffusers has it."""

    kind: GeneratorKind
    model: str = ""
    """A folder, or a name on the Hub; tiny ones are made, not loaded."""
    revision: str = ""
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    """Of the frozen base. The adapter is float32 in any case."""
    side: int = Field(512, gt=0)
    """Of a picture, in pixels; an edited picture has its source's proportions and as many pixels."""
    source_side: int = Field(512, gt=0)
    """Of the source that an editor reads, likewise. Its pipeline reads 1024, at four times the tokens."""
    guidance: float = Field(3.5, ge=0)
    """FLUX's, which its network reads as a number."""
    max_tokens: int = Field(512, gt=0)
    """Of a prompt, for FLUX's T5."""
    checkpointing: bool = True
    """Compute activations twice instead of keeping them."""
    vae_warm_up: int = Field(0, ge=0)
    """Of a tiny generator: steps in which its decoder learns to show flat colours, so that pictures can be told apart."""

    @model_validator(mode="after")
    def _loadable(self) -> GeneratorSpec:
        if bool(self.model) == (self.kind in TINY):
            raise ValueError(
                f"a {self.kind} is made, not loaded: leave `model` out"
                if self.kind in TINY
                else "`model` is missing: a folder in diffusers' layout, or a name on the Hub"
            )
        unit = _SIDES.get(self.kind, 1)
        if self.side % unit:
            raise ValueError(f"side: {self.side} is no multiple of {unit}, the side of a token")
        return self


class Lora(Entry):
    rank: int = Field(16, gt=0, le=1024)
    alpha: int = Field(32, gt=0)
    targets: tuple[str, ...] = Field(("to_q", "to_k", "to_v", "to_out.0"), min_length=1)
    """The ends of the names of the layers that get one."""


class Prompts(Entry):
    """Prompts to train on, and those that are held out."""

    file: InputPath
    """A prompt a line (.txt), or .jsonl with `prompt`, and `source` (an image file) for an editor; other keys are passed over."""
    development: Annotated[int, Field(ge=0)] | InputPath = 32
    """On which the checkpoint is picked: so many of the file, or a file of their own."""
    test: Annotated[int, Field(ge=0)] | InputPath = 64
    """On which it is reported, likewise."""
    negative: str | None = None
    """What guidance (`cfg`) leads away from; " " for nothing in particular."""


class Sampling(Entry):
    """How the two pictures of a pair are made."""

    steps: int = Field(8, ge=2)
    shift: float = Field(3.0, gt=0)
    """Of the noise levels, towards noise; 1 leaves them evenly spaced."""
    kind: Literal["dance_sde", "flow_sde", "cps"] = "dance_sde"
    eta: float = Field(0.3, gt=0)
    """How much noise a step adds; read `kl` with it, since a smaller eta costs more KL for the same change."""
    same_noise: bool = True
    """Whether the two begin from the same noise, and differ by what the steps add."""
    cfg: float = Field(1.0, ge=1)
    """Classifier-free guidance, in rollout and training alike; 1 is none. It doubles their cost."""
    trained: Literal["all"] | tuple[int, ...] = "all"
    """The steps that are trained, from 0 (the noisiest); the others add no noise. The last one is never among them."""
    window: int | None = Field(None, gt=0)
    """So many neighbours of `trained` are drawn for each update; None takes all."""

    @model_validator(mode="after")
    def _trainable(self) -> Sampling:
        if self.trained != "all":
            wrong = [t for t in self.trained if not 0 <= t < self.steps - 1]
            if wrong or not self.trained or list(self.trained) != sorted(set(self.trained)):
                raise ValueError(
                    f"trained: steps in increasing order, from 0 to {self.steps - 2}: the last of {self.steps} steps adds no noise"
                )
        if self.window is not None and self.window > len(self.trained_steps):
            raise ValueError(f"window: {self.window} of {len(self.trained_steps)} trained steps: set at most as many")
        if self.kind == "cps" and self.eta >= 1:
            raise ValueError("eta: below 1 for cps, where it is a share")
        return self

    @property
    def trained_steps(self) -> tuple[int, ...]:
        return tuple(range(self.steps - 1)) if self.trained == "all" else self.trained


class Updates(Entry):
    """What is done with the judged pairs of a step."""

    steps: int = Field(300, gt=0)
    pairs: int = Field(32, gt=0)
    """Of a step, over all processes."""
    batch: int = Field(1, gt=0)
    """Pairs that the network sees at a time; it changes speed and memory, not what is learned."""
    learning_rate: float = Field(5e-5, gt=0)
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    weight_decay: float = Field(1e-4, ge=0)
    gradient_norm: float = Field(1.0, gt=0)
    kl: float = Field(0.01, ge=0)
    """The weight of the KL to the generator without the adapter; 0 saves a pass of the network a step."""
    clip: float = Field(0.2, gt=0)
    """PPO's clip of the ratio."""
    trust: float | None = Field(None, gt=0)
    """In place of `clip`: no more change where the KL to the rollout's generator is above this; 1e-5, say."""
    per_rollout: int = Field(1, gt=0)
    """Updates from one set of pairs. With one, the ratio is 1, and `clip` and `trust` do nothing."""
    advantage: Literal["centred", "paper"] = "centred"
    """`paper`: the rewards as they are, whose mean pays both pictures. `centred`: less the mean of the pair."""
    min_valid: float = Field(0.25, ge=0, le=1)
    """The share of pairs with a verdict below which there is no update."""


class PairReward(Entry):
    """Who says which picture of a pair is better: a judge asked from here, or a reward server that has one."""

    judge: JudgeSpec | None = None
    rubric: InputPath | None = None
    """A rubric that serves all prompts: an artefact of `arr_induced`, a .jsonl with one shared rubric, or a text file."""
    win: float = WIN
    lose: float = LOSE
    disagreement: Disagreement = "mask"
    server: str = ""
    """The address of a `rubric-harness reward-server`; then all else is set there."""
    token_env: str | None = None
    """The environment variable with its token."""
    deadline_s: float | None = Field(DEADLINE_S, gt=0)

    @model_validator(mode="after")
    def _asks_somebody(self) -> PairReward:
        if bool(self.server) == (self.judge is not None):
            raise ValueError("give `judge`, or `server`: one of the two")
        if self.server and (set(self.model_fields_set) - {"server", "token_env", "deadline_s"}):
            raise ValueError("the reward server has its own judge, rubric and rewards: set them in its config")
        return self

    def open(self) -> RPOReward | RewardClient:
        """The reward, not opened yet.

        Raises:
            UserError: judge, rubric or address cannot be used.
        """
        if self.judge is None:
            return RewardClient(self.server, token_env=self.token_env, deadline_s=self.deadline_s)
        return RPOReward(
            self.judge,
            rubric=self.rubric,
            win=self.win,
            lose=self.lose,
            disagreement=self.disagreement,
            deadline_s=self.deadline_s,
        )

    @property
    def rubric_text(self) -> str:
        """As the judge reads it; empty where there is none, or a server has it."""
        rubric = rubric_of(self.rubric)
        return rubric.text if rubric else ""

    @property
    def name(self) -> str:
        return self.judge.name if self.judge else address_alone(self.server)

    def shown(self) -> dict[str, Any]:
        """For records and readers: without what may hold a secret (headers, and users and queries of addresses)."""
        fields = self.model_dump(mode="json", exclude={"judge"}) | {
            "server": address_alone(self.server) if self.server else ""
        }
        if self.judge is None:
            return fields
        judge = self.judge
        urls = (judge.base_url,) if isinstance(judge.base_url, str) else judge.base_url
        return {
            "judge": {
                **judge.key_fields(),
                "family": judge.family,
                "base": judge.base,
                "base_url": [address_alone(url) for url in urls if url],
                "concurrency": judge.concurrency,
            },
            **fields,
        }

    def identity(self) -> dict[str, Any]:
        """What decides a verdict, as far as it is known here."""
        judge = self.judge.key_fields() if self.judge else {"server": address_alone(self.server)}
        return {"judge": judge, "rubric": digest(self.rubric_text), "rewards": [self.win, self.lose, self.disagreement]}


class Evaluation(Entry):
    """How the trained generator is compared with the one without the adapter: same noise, no noise in the steps, both orders."""

    every: int = Field(50, gt=0)
    """Updates; each time a checkpoint is kept."""
    steps: int = Field(30, ge=2)
    cfg: float = Field(1.0, ge=1)
    grid: int = Field(6, ge=0)
    """Development prompts whose pictures the page shows over time."""


class Recipe(Entry):
    generator: GeneratorSpec
    lora: Lora = Lora()
    prompts: Prompts
    sampling: Sampling = Sampling()
    updates: Updates = Updates()
    reward: PairReward
    audit: PairReward | None = None
    """Another judge, which sees held-out pictures only: a gain that it does not see is the first judge's taste, or its weakness."""
    evaluation: Evaluation = Evaluation()
    save_every: int = Field(10, gt=0)
    """Updates; of these checkpoints only the newest is kept."""
    patience_s: float = Field(600, ge=0)
    """How long to go on asking a judge that does not answer, before the run stops."""
    seed: int = 42
    tracker: Literal["tensorboard", "trackio", "wandb"] | None = None
    out: OutputPath

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        if max(self.sampling.cfg, self.evaluation.cfg) > 1:
            if self.generator.kind not in EDITORS:
                raise ValueError("cfg: FLUX's guidance is `generator.guidance`, without a second pass: leave cfg out")
            if self.prompts.negative is None:
                raise ValueError('cfg above 1 needs `prompts.negative`, such as " "')
        return self

    def shown(self) -> dict[str, Any]:
        """For records and readers: without what may hold a secret."""
        parts = {name: part.shown() for name, part in (("reward", self.reward), ("audit", self.audit)) if part}
        return {**self.model_dump(mode="json", exclude={"reward", "audit"}), **parts}

    def identity(self) -> Mapping[str, Any]:
        """What a resumed run must share with its beginning: by name, so that a message can say what differs. Not in it is what may
        change on the way: the number of steps, addresses, how many pairs are computed at a time, what is looked at."""
        updates = self.updates.model_dump(exclude={"steps", "batch"})
        generator = self.generator.model_dump(exclude={"checkpointing"})
        return {
            "generator": generator,
            "lora": self.lora.model_dump(),
            "sampling": self.sampling.model_dump(),
            "updates": updates,
            "reward": self.reward.identity(),
            "audit": self.audit.identity() if self.audit else None,
            "evaluation": self.evaluation.model_dump(include={"steps", "cfg"}),
            "negative": self.prompts.negative,
            "seed": self.seed,
        }


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe; paths in it are relative to its own folder.

    Raises:
        UserError: all mistakes found, one line each.
    """
    recipe = ConfigFile.read(path, "`generator`, `prompts`, `reward` and `out`").checked(Recipe)
    judges = [part.judge for part in (recipe.reward, recipe.audit) if part is not None and part.judge is not None]
    for judge in judges:
        _ = judge.template  # read now: a broken one is said before anything is made
    check_secrets(judges)
    return recipe
