"""What the recipes beside this file set, row by row beside the released scripts and what is reported for the paper.

    python examples/differences.py            # the tables of docs/training.md

The values of the recipes are read from them; those of the scripts are facts of arXiv 2603.16600's repository (scripts/sft with
ms-swift, scripts/rl with verl), and of those trainers' defaults where a script says nothing: ms-swift 4.6, verl 0.9.1.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
REWARD = ROOT / "examples" / "reward.yaml"
"""The reward that the commands of docs/training.md name."""


class Row(NamedTuple):
    what: str
    recipe: Any
    scripts: Any
    paper: str = ""
    """What is reported for the paper, where that is something else."""
    why: str = ""
    """Of a difference between recipe and scripts, or what one should know."""

    @property
    def same(self) -> bool:
        return str(self.recipe) == str(self.scripts)


def default(parser: ArgumentParser, option: str) -> Any:
    """What a recipe's option is if nobody says."""
    return parser.get_default(option)


def sft() -> list[Row]:
    """Proxy-SFT, and the GRM's cold start."""
    import train_sft

    parser, ours = train_sft.parser(), train_sft.SCRIPTS
    return [
        Row("model", default(parser, "model"), "Qwen/Qwen2.5-VL-7B-Instruct"),
        Row("learning rate", default(parser, "learning_rate"), 5e-6, paper="1e-05"),
        Row("schedule", ours["lr_scheduler_type"], "cosine", why="ms-swift's default"),
        Row("warm-up", ours["warmup_steps"], 0.05, why="share of the steps"),
        Row("weight decay", ours["weight_decay"], 0.1, why="ms-swift's default"),
        Row("AdamW betas", f"0.9, {ours['adam_beta2']}", "0.9, 0.95", why="ms-swift's default"),
        Row("gradient norm", ours["max_grad_norm"], 1.0),
        Row("epochs", ours["num_train_epochs"], 1),
        Row("batch a GPU", ours["per_device_train_batch_size"], 2),
        Row("accumulation", ours["gradient_accumulation_steps"], 1),
        Row("GPUs", 4, 4, why="as the printed command has it"),
        Row(
            "longest sequence",
            default(parser, "max_length"),
            8192,
            why="tokens; longer rows are left out and counted here",
        ),
        Row("largest image", default(parser, "max_pixels"), 1_003_520, why="pixels"),
        Row(
            "trained",
            "all weights",
            "all but the vision tower",
            why="ms-swift freezes it unless `freeze_vit` says otherwise, and we know of no such line: `full` may be read both ways",
        ),
        Row("loss on", "the answer", "the answer"),
        Row("weights, computing", "fp32, bf16", "fp32 in the optimizer, bf16", why="the same under ZeRO-2"),
        Row("held out", "1 %", "1 %"),
    ]


def grpo() -> list[Row]:
    """Proxy-RL and GRM-RL. The scripts train the GRM; that Proxy-RL takes the same is our reading."""
    import train_grpo

    from harness_plugins.rewards.proxy import MAX_TOKENS
    from harness_plugins.rewards.server.config import proxy_of

    parser, ours = train_grpo.parser(), train_grpo.SCRIPTS
    reward = proxy_of(REWARD)
    assert reward.proxy is not None
    tokens = reward.proxy.max_tokens if "max_tokens" in reward.proxy.model_fields_set else MAX_TOKENS
    both = {None: "once", "both": "in both orders, paid where right in both", "mean": "in both orders, paid the mean"}
    return [
        Row("learning rate", default(parser, "learning_rate"), 3e-7, paper="5e-06"),
        Row("schedule", ours["lr_scheduler_type"], "constant", why="verl's default"),
        Row("weight decay", ours["weight_decay"], 0.01, why="verl's default"),
        Row("AdamW betas", f"0.9, {ours['adam_beta2']}", "0.9, 0.999", why="verl's default"),
        Row("gradient norm", ours["max_grad_norm"], 1.0, why="verl's default"),
        Row("completions a prompt", default(parser, "group"), 8, paper="7"),
        Row("prompts a step", train_grpo.PROMPTS, 256, why="the README exports 128, which the script does not read"),
        Row("mini-batches", train_grpo.MINI_BATCHES, 2, why="of 128 prompts"),
        Row(
            "micro-batch",
            default(parser, "micro"),
            8,
            why="completions a GPU; a step is the same, and 8 would not fit (below)",
        ),
        Row("epochs", ours["num_train_epochs"], 1),
        Row("longest prompt", default(parser, "max_prompt"), 4096, why="tokens; longer rows are left out and counted"),
        Row("longest completion", default(parser, "max_tokens"), 8192, why="tokens"),
        Row(
            "cut-off completions",
            _masked(ours["mask_truncated_completions"]),
            "count",
            why="they have no verdict, and earn -1",
        ),
        Row("temperature", ours["temperature"], 1.0, why="verl's default"),
        Row("KL", f"{ours['beta']} in the loss, low_var_kl", "0.01 in the loss, low_var_kl"),
        Row("entropy", 0, 0, why="TRL has no such term"),
        Row("clip ratio", ours["epsilon"], 0.2, why="verl's default"),
        Row(
            "loss",
            _loss(ours["loss_type"]),
            "all tokens of a mini-batch weigh the same",
            why="verl's token-mean, TRL's dapo",
        ),
        Row("advantage", _scaled(ours["scale_rewards"]), "by the group's standard deviation", why="verl's default"),
        Row(
            "rollout correction",
            "weights for tokens that vLLM and the trainer see differently",
            "none",
            why="TRL's default with `--vllm`; verl's is off unless it is set",
        ),
        Row(
            "reward",
            _reward(reward.aggregation, reward.format_weight),
            _reward("sum", 0.5),
            why="of examples/reward.yaml, as what follows",
        ),
        Row(
            "the proxy is asked",
            both[reward.crossed],
            "once",
            why="`crossed`; announcing a verdict earns nothing so",
        ),
        Row(
            "leaks",
            f"{-reward.leak_penalty:g}",
            "not looked at",
            why="`leak_penalty`, where words give the verdict away",
        ),
        Row(
            "faults of form",
            "all" + "".join(f", but not {name}" for name in reward.allow)
            if reward.form == "full"
            else "of the tags alone",
            "of the tags alone",
            why="`form: tags` is the scripts'",
        ),
        Row("the proxy", f"T {reward.proxy.temperature:g}, {tokens} tokens", "T 0, 16384 tokens"),
        Row("no answer from the proxy", "masked", "counts as 0"),
        Row("rollout in vLLM", "TP 1, on each GPU", "TP 2", why="a 7B model fits on one"),
        Row("checkpoints", f"each {ours['save_steps'] // train_grpo.MINI_BATCHES} batches", "each 5 batches"),
        Row("held out", "none", "tested at each step", why="`--eval` compares checkpoints with the start"),
    ]


def _reward(aggregation: str, format_weight: float) -> str:
    form = f", form {format_weight:g}"
    return f"accuracy + proxy, each +1 or -1{form}" if aggregation == "sum" else f"table {aggregation}{form}"


def _masked(masked: bool) -> str:
    return "masked" if masked else "count"


def _loss(kind: str) -> str:
    return "all tokens of a mini-batch weigh the same" if kind == "dapo" else kind


def _scaled(by: str) -> str:
    return "by the group's standard deviation" if by == "group" else by


def table(rows: Sequence[Row]) -> str:
    """Markdown; what differs from the scripts is bold."""
    lines = ["| | recipe | released scripts | reported for the paper | |", "|---|---|---|---|---|"]
    for row in rows:
        recipe = str(row.recipe) if row.same else f"**{row.recipe}**"
        lines.append(f"| {row.what} | {recipe} | {row.scripts} | {row.paper} | {row.why} |")
    return "\n".join(lines)


def summary(rows: Sequence[Row]) -> str:
    """For a recipe's help: what it sets, and what the scripts and the paper are said to set otherwise."""
    lines = [
        "hyper-parameters (arXiv 2603.16600), and in brackets what the released scripts or the paper are said to have else:"
    ]
    for row in rows:
        others = [f"scripts: {row.scripts}"] * (not row.same) + [f"paper: {row.paper}"] * bool(row.paper)
        lines.append(f"  {row.what:<20} {row.recipe}{' (' + '; '.join(others) + ')' if others else ''}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for title, rows in (("SFT", sft()), ("GRPO", grpo())):
        print(f"### {title}\n\n{table(rows)}\n")
