"""GRPO of the Proxy-GRM pipeline with TRL: Proxy-RL (accuracy alone) and GRM-RL (accuracy, the proxy's verdict, the form).

    accelerate launch --config_file examples/accelerate/zero3.yaml --num_processes 8 examples/train_grpo.py \\
        proxy_rl results/data/proxy-grm/trl/proxy_rl.jsonl --model checkpoints/proxy-sft --vllm --out checkpoints/proxy-rl
    accelerate launch --config_file examples/accelerate/zero3.yaml --num_processes 4 examples/train_grpo.py \\
        grm_rl results/data/proxy-grm/trl/grm_rl.jsonl --model checkpoints/grm-sft \\
        --reward examples/reward.yaml --vllm --out checkpoints/grm-rl
    python examples/train_grpo.py grm_rl --tiny --out tiny      # bundled pairs, both stages of SFT before it, on CPU

Needs `pip install '.[datasets,hf]' 'trl>=1.10,<2' torchvision`, and vllm for `--vllm`, without which generation takes most of the
time. For GRM-RL the trained proxy is served (`vllm serve checkpoints/proxy-rl --served-model-name my/proxy-7b`, on GPUs of its own),
and `--reward` names the file that says where: its part `proxy_grm`. `--server URL` asks a reward server instead.

Hyper-parameters are those of the released scripts (verl, scripts/rl); docs/training.md has each beside what is reported for the
paper, arXiv 2603.16600. The scripts train the GRM; that Proxy-RL takes the same is our reading.

Longer prompts are left out and counted. Rollouts run in vLLM on each GPU (TP 1), where `--vllm` is given.
Where the proxy never answered the scripts count 0; here such a completion is masked. Proxy-RL earns +1 where the proxy's verdict
is the label and -1 where it is not, or where there is none.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import train_sft

PARTS = ("proxy_rl", "grm_rl")
PROMPTS, MINI_BATCHES, MICRO = 256, 2, 2
MAX_PROMPT = 4096
SCRIPTS: dict[str, Any] = {
    "num_train_epochs": 1,
    "lr_scheduler_type": "constant",
    "weight_decay": 0.01,
    "adam_beta2": 0.999,
    "max_grad_norm": 1.0,
    "beta": 0.01,
    "epsilon": 0.2,
    "num_iterations": 1,
    "scale_rewards": "group",
    "mask_truncated_completions": False,
    "temperature": 1.0,
    "loss_type": "dapo",  # all tokens of a mini-batch weigh the same, as in verl's token-mean
    "save_steps": 5 * MINI_BATCHES,
    "seed": 0,
    "report_to": "none",
}
"""What the released scripts set, and verl's defaults where they are silent."""
TINY: dict[str, Any] = {
    "learning_rate": 1e-4,
    "num_generations": 4,
    "per_device_train_batch_size": 4,
    "max_completion_length": 96,
    "max_steps": 4,
    "logging_steps": 1,
    "save_strategy": "no",
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
}


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("data", type=Path, nargs="?", help="trl/<part>.jsonl of `rubric-harness data`")
    parser.add_argument("--model", help="what SFT made: the proxy for proxy_rl, the cold-started GRM for grm_rl")
    parser.add_argument("--out", type=Path, required=True, help="where the trained model goes")
    parser.add_argument(
        "--reward", type=Path, help="grm_rl: a YAML file with `proxy_grm:`, such as examples/reward.yaml"
    )
    parser.add_argument("--server", help="grm_rl: a reward server in place of --reward")
    parser.add_argument("--token-env", help="the environment variable that holds the reward server's token")
    parser.add_argument("--learning-rate", type=float, default=3e-7, help="default: the scripts'; 5e-6 in the paper")
    parser.add_argument(
        "--group",
        type=train_sft.at_least_one,
        default=8,
        help="completions a prompt; default: the scripts'; 7 in the paper",
    )
    parser.add_argument(
        "--max-prompt",
        type=train_sft.at_least_one,
        default=MAX_PROMPT,
        help="tokens; default: the scripts'. Longer rows are left out",
    )
    parser.add_argument(
        "--micro",
        type=train_sft.at_least_one,
        default=MICRO,
        help=f"completions that a GPU learns from at a time (default: {MICRO}); a step is the same whatever it is",
    )
    parser.add_argument(
        "--max-tokens", type=train_sft.at_least_one, default=8192, help="of a completion; default: the scripts'"
    )
    parser.add_argument(
        "--max-pixels",
        type=train_sft.at_least_one,
        default=train_sft.PIXELS,
        help="of an image; default: the SFT scripts'",
    )
    parser.add_argument("--vllm", action="store_true", help="generate with vLLM")
    parser.add_argument(
        "--vllm-mode",
        choices=("colocate", "server"),
        default="colocate",
        help="colocate: in the processes that train (default); server: `trl vllm-serve --model MODEL`, on GPUs of its own",
    )
    parser.add_argument("--log-completions", action="store_true", help="print some completions with their rewards")
    train_sft.training_options(parser)
    parser.add_argument("--tiny", action="store_true", help="bundled pairs and tiny models, a few steps on CPU")
    return parser


def arguments() -> argparse.Namespace:
    import differences

    options = parser()
    options.epilog = differences.summary(differences.grpo())
    args = options.parse_args()
    if args.tiny == (args.data is not None) or (args.data is None) != (args.model is None):
        options.error("give the file that `rubric-harness data` wrote and --model, or --tiny alone")
    if args.data and (args.part == "grm_rl") != ((args.reward is None) != (args.server is None)):
        options.error("grm_rl needs its proxy: --reward FILE or --server URL, one of them; proxy_rl takes neither")
    train_sft.check_file(options, args.data)
    return args


def reward_of(part: str, reward: Any = None, server: str | None = None, token_env: str | None = None) -> Any:
    """The part's reward function.

    Args:
        reward: for grm_rl, a YAML file with `proxy_grm:`, or the keys of that part.
    """
    from harness_plugins.rewards.server.client import RewardClient
    from harness_plugins.rewards.server.config import proxy_of
    from harness_plugins.rewards.trl import proxy_grm_reward, verdict_reward

    if part == "proxy_rl":
        return verdict_reward
    return proxy_grm_reward(RewardClient(server, token_env=token_env) if server else proxy_of(reward).reward())


def train(
    data: Path,
    model: str,
    reward: Any,
    out: Path,
    max_pixels: int,
    *,
    max_prompt: int = MAX_PROMPT,
    resume: bool = False,
    rank: int | None = None,
    watched: Sequence[Any] = (),
    **settings: Any,
) -> Any:
    """Train on a part's file and save model and processor; returns TRL's log entries."""
    import weights
    from rows import short_enough
    from transformers import AutoProcessor
    from trl import GRPOConfig, GRPOTrainer

    from harness_plugins.training_data.exports import trl

    processor = AutoProcessor.from_pretrained(model, max_pixels=max_pixels)
    rows = short_enough(trl.load(data), processor, max_prompt, "--max-prompt")
    checkpoint = train_sft.newest(out, resume)
    config = GRPOConfig(output_dir=str(out), **{**SCRIPTS, **settings})
    trainer = GRPOTrainer(
        model=train_sft.loaded(model if rank or not checkpoint else checkpoint, bool(rank and config.bf16)),
        args=config,
        reward_funcs=reward,
        train_dataset=rows,
        processing_class=processor,
        callbacks=[weights.WeightsMoved()],
        peft_config=train_sft.adapter(rank),
    )
    train_sft.run(trainer, out, checkpoint, watched)
    processor.save_pretrained(str(out))
    return trainer.state.log_history


def batches(group: int, processes: int, micro: int) -> dict[str, int]:
    """The scripts' batches of 256 prompts, generated together and learned from in two steps.

    Raises:
        SystemExit: so many processes cannot share them.
    """
    completions, together = PROMPTS * group, processes * micro
    if completions % (together * MINI_BATCHES):
        sys.exit(
            f"{completions} completions cannot be divided among {processes} processes, {micro} at a time, in halves: choose another "
            "--micro"
        )
    rounds = completions // together
    return {
        "per_device_train_batch_size": micro,
        "steps_per_generation": rounds,
        "gradient_accumulation_steps": rounds // MINI_BATCHES,
    }


def tiny(part: str, out: Path) -> tuple[Path, str, Any]:
    """The stages before: data, and SFT of what is to be trained and, for the GRM, of the proxy. The data, the model, the reward."""
    data = train_sft.tiny_data(out / "data")
    random = train_sft.tiny_model(data, out / "random")
    for sft in ("proxy_sft", "grm_sft") if part == "grm_rl" else ("proxy_sft",):
        train_sft.train(data / f"{sft}.jsonl", random, out / sft, train_sft.TINY_PIXELS, **train_sft.TINY)
    model = out / ("grm_sft" if part == "grm_rl" else "proxy_sft")
    return data / f"{part}.jsonl", str(model), reward_of(part, {"proxy": tiny_proxy(out / "proxy_sft")})


def tiny_proxy(model: Path) -> dict[str, Any]:
    """The proxy in this process, through transformers."""
    arguments = {"dtype": "float32"}
    return {"name": "proxy", "backend": "hf", "model": str(model), "max_tokens": 32, "model_args": arguments}


def main() -> None:
    args = arguments()
    if args.tiny:
        data, model, reward = tiny(args.part, args.out)
        settings = TINY | train_sft.settings_of(args) | {"resume": args.resume, "rank": args.peft}
        settings["watched"] = train_sft.watchers(args, model, args.out)
        history = train(data, model, reward, args.out / "trained", train_sft.TINY_PIXELS, **settings)
    else:
        from accelerate import PartialState

        settings = {"learning_rate": args.learning_rate, "num_generations": args.group}
        settings |= {"max_completion_length": args.max_tokens, "use_vllm": args.vllm, "vllm_mode": args.vllm_mode}
        # Without a limit vLLM keeps room for the model's whole context, which is more than a share of a GPU holds.
        settings |= {"vllm_max_model_length": args.max_prompt + args.max_tokens}
        settings |= {"vllm_enable_sleep_mode": args.vllm and args.vllm_mode == "colocate"}
        settings |= {"log_completions": args.log_completions, "resume": args.resume, "rank": args.peft}
        settings |= train_sft.settings_of(args) | {"watched": train_sft.watchers(args, args.model, args.out)}
        settings |= batches(args.group, PartialState().num_processes, args.micro) | {
            "bf16": True,
            "gradient_checkpointing": True,
        }
        reward = reward_of(args.part, args.reward, args.server, args.token_env)
        history = train(
            args.data,
            args.model,
            reward,
            args.out,
            args.max_pixels,
            max_prompt=args.max_prompt,
            **settings,
            logging_steps=1,
        )
    shown = ("reward", "kl", "judge_fail_rate", "answer_right", "well_formed", "proxy_right", "train_runtime")
    train_sft.show(history, shown)


if __name__ == "__main__":
    train_sft.in_plain_words(main)
