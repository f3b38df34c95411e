"""SFT of the Proxy-GRM pipeline with TRL: the proxy (Proxy-SFT) and the GRM's cold start, from what `rubric-harness data` wrote.

    rubric-harness data examples/data.yaml
    accelerate launch --config_file examples/accelerate/zero2.yaml --num_processes 4 \\
        examples/train_sft.py results/data/proxy-grm/trl/proxy_sft.jsonl --out checkpoints/proxy-sft
    accelerate launch --config_file examples/accelerate/zero2.yaml --num_processes 4 \\
        examples/train_sft.py results/data/proxy-grm/trl/grm_sft.jsonl --out checkpoints/grm-sft
    python examples/train_sft.py --tiny proxy_sft --out /tmp/tiny     # bundled pairs, a scripted teacher, a random model, on CPU

Needs `pip install '.[datasets,hf]' 'trl>=1.10,<2' torchvision`.

Hyper-parameters are those of the released scripts (ms-swift, scripts/sft); docs/training.md has each beside what is reported for the
paper, arXiv 2603.16600.

Both train the whole of Qwen2.5-VL-7B-Instruct on the answer alone, with ZeRO-2 as in the scripts (`examples/accelerate/` has ZeRO-3
and FSDP too): weights in fp32, computing in bf16. After ten steps the share of the weights that moved is printed; `weights.py` says
why.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("proxy_sft", "grm_sft")
INSTALL = "run: pip install '.[datasets,hf]' 'trl>=1.10,<2' torchvision"
PIXELS = 1_003_520
SCRIPTS: dict[str, Any] = {
    "num_train_epochs": 1,
    "per_device_train_batch_size": 2,
    "gradient_accumulation_steps": 1,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 0.05,
    "weight_decay": 0.1,
    "adam_beta2": 0.95,
    "max_grad_norm": 1.0,
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "seed": 0,
    "report_to": "none",
}
"""What the released scripts set, and ms-swift's defaults where they are silent."""
TINY: dict[str, Any] = {
    "max_steps": 80,
    "per_device_train_batch_size": 4,
    "learning_rate": 5e-3,
    "lr_scheduler_type": "constant",
    "warmup_steps": 0,
    "max_length": 4096,
    "eval_strategy": "no",
    "save_strategy": "no",
    "logging_steps": 10,
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
}
"""Enough for a tiny model to learn the form of an answer by heart."""
TINY_PIXELS = 28 * 28 * 16


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "data", type=Path, nargs="?", help="trl/proxy_sft.jsonl or trl/grm_sft.jsonl of `rubric-harness data`"
    )
    parser.add_argument("--model", default="Qwen/Qwen2.5-VL-7B-Instruct")
    parser.add_argument("--out", type=Path, required=True, help="where the trained model goes")
    parser.add_argument(
        "--learning-rate", type=float, default=5e-6, help="default: the scripts'; 1e-5 is reported for the paper"
    )
    parser.add_argument(
        "--max-length",
        type=at_least_one,
        default=8192,
        help="tokens; default: the scripts'. Longer rows are left out and counted",
    )
    parser.add_argument("--max-pixels", type=at_least_one, default=PIXELS, help="of an image; default: the scripts'")
    training_options(parser)
    parser.add_argument(
        "--tiny", choices=PARTS, help="this part of the bundled pairs, with a random model, a few steps on CPU"
    )
    return parser


def arguments() -> argparse.Namespace:
    import differences

    options = parser()
    options.epilog = differences.summary(differences.sft())
    args = options.parse_args()
    if (args.data is None) == (args.tiny is None):
        options.error("give the file that `rubric-harness data` wrote, or --tiny PART")
    check_file(options, args.data)
    return args


def at_least_one(text: str) -> int:
    """A whole number above 0, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def training_options(parser: argparse.ArgumentParser) -> None:
    """What both recipes take."""
    parser.add_argument(
        "--resume", action="store_true", help="go on from the newest checkpoint in --out, if there is one"
    )
    parser.add_argument("--save-steps", type=at_least_one, help="steps from one checkpoint to the next")
    parser.add_argument("--save-total-limit", type=at_least_one, default=2, help="checkpoints to keep (default: 2)")
    parser.add_argument(
        "--report-to",
        default="none",
        help="none, tensorboard, trackio or wandb (tracking.py), or another that transformers knows",
    )
    parser.add_argument(
        "--eval",
        type=Path,
        metavar="CONFIG",
        help="a run's config in which `model: checkpoint` is the model in training (evaluation.py): it is compared with the start",
    )
    parser.add_argument(
        "--eval-every",
        type=at_least_one,
        default=100,
        metavar="N",
        help="steps from one of these to the next (default: 100)",
    )
    parser.add_argument(
        "--deepspeed", type=Path, help="a DeepSpeed configuration in JSON, in place of an accelerate one"
    )
    parser.add_argument(
        "--peft", type=at_least_one, metavar="RANK", help="train a LoRA adapter of this rank, not the whole model"
    )


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """The options of both recipes, as the trainer's arguments have them."""
    from harness_plugins.trackers import TRACKERS

    others = "none" if args.report_to in TRACKERS else args.report_to
    settings = {"save_total_limit": args.save_total_limit, "report_to": others}
    settings |= {"save_strategy": "steps", "save_steps": args.save_steps} if args.save_steps else {}
    return settings | ({"deepspeed": str(args.deepspeed)} if args.deepspeed else {})


def watchers(args: argparse.Namespace, model: str, out: Path) -> list[Any]:
    """The callbacks that `--report-to` and `--eval` ask for."""
    from harness_plugins.trackers import TRACKERS

    asked: list[Any] = []
    if args.report_to in TRACKERS:
        from tracking import Tracked

        asked.append(Tracked(args.report_to, out))
    if args.eval is not None:
        from evaluation import TransferEval

        asked.append(TransferEval(args.eval, args.eval_every, model, out / "evals"))
    return asked


def loaded(model: str, adapter_alone: bool) -> Any:
    """A model to be trained in fp32: bf16 is for computing, and too coarse for weights (`weights.py`).

    Args:
        adapter_alone: its own weights stay as they are, and need no more than bf16.
    """
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(model, dtype="bfloat16" if adapter_alone else "float32")


def adapter(rank: int | None) -> Any:
    """The configuration of a LoRA adapter, or None."""
    if rank is None:
        return None
    from peft import LoraConfig

    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")


def warmed(settings: dict[str, Any]) -> dict[str, Any]:
    """The share of the steps that warm up, as the installed transformers takes it: before 5 it would be a number of steps."""
    import transformers

    share = settings["warmup_steps"]
    if 0 < share < 1 and int(transformers.__version__.partition(".")[0]) < 5:
        return {**settings, "warmup_steps": 0, "warmup_ratio": share}
    return settings


def newest(out: Path, resume: bool) -> str | None:
    """The newest checkpoint, where going on from it is asked for and there is one."""
    from transformers.trainer_utils import get_last_checkpoint

    checkpoint = get_last_checkpoint(str(out)) if resume and out.is_dir() else None
    if resume:
        print(f"going on from {checkpoint}" if checkpoint else f"no checkpoint in {out}: from the beginning")
    return checkpoint


def run(trainer: Any, out: Path, checkpoint: str | None, watched: Sequence[Any] = ()) -> None:
    """Train, from a checkpoint where there is one, and save the model.

    Args:
        watched: the callbacks that `watchers` gives.
    """
    import weights

    for callback in watched:
        callback.trainer = trainer
        trainer.add_callback(callback)
    weights.check_master_weights(trainer.model, trainer.is_deepspeed_enabled)
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.save_model(str(out))


def show(history: list[dict[str, Any]], names: Sequence[str]) -> None:
    """The log's entries that hold such numbers, or what an evaluation found."""
    for entry in history:
        numbers = {k: v for k, v in entry.items() if k in names or k.startswith("transfer/")}
        if numbers:
            print({"step": entry.get("step"), **numbers})


def check_file(parser: argparse.ArgumentParser, path: Path | None) -> None:
    if path is not None and not path.is_file():
        parser.error(f"{path}: no such file; `rubric-harness data` writes it")


def in_plain_words(main: Callable[[], None]) -> None:
    """Run a recipe. What its user can put right is one line: a package or a model that is not there, a config that does not fit."""
    sys.path.insert(0, str(ROOT))
    try:
        from evaluators.errors import UserError

        try:
            main()
        except (UserError, OSError) as e:
            sys.exit(f"error: {e}")
    except ModuleNotFoundError as e:
        sys.exit(f"error: the package {(e.name or '').partition('.')[0]} is not installed; {INSTALL}")


def train(
    data: Path,
    model: str,
    out: Path,
    max_pixels: int,
    *,
    resume: bool = False,
    rank: int | None = None,
    watched: Sequence[Any] = (),
    **settings: Any,
) -> Any:
    """Train on a part's file and save model and processor; returns TRL's last log entries."""
    import weights
    from rows import short_enough
    from transformers import AutoProcessor
    from trl import SFTConfig, SFTTrainer

    from harness_plugins.training_data.exports import trl

    rows = trl.load(data, "prompt_completion")
    rows = rows.select_columns([c for c in ("prompt", "completion", "images") if c in rows.column_names])
    processor = AutoProcessor.from_pretrained(model, max_pixels=max_pixels)
    # The model itself is loaded from it: where a vision model's names differ from those in its files, Trainer takes none of them
    # and says nothing (transformers 5.19, LLaVA).
    checkpoint = newest(out, resume)
    config = SFTConfig(output_dir=str(out), **warmed({**SCRIPTS, **settings}))
    rows = short_enough(rows, processor, config.max_length, "--max-length")
    held = max(1, len(rows) // 100)
    parts = rows.train_test_split(test_size=held, seed=0)
    trainer = SFTTrainer(
        model=loaded(model if rank or not checkpoint else checkpoint, bool(rank and config.bf16)),
        args=config,
        train_dataset=parts["train"],
        eval_dataset=parts["test"],
        processing_class=processor,
        callbacks=[weights.WeightsMoved()],
        peft_config=adapter(rank),
    )
    run(trainer, out, checkpoint, watched)
    processor.save_pretrained(str(out))
    return trainer.state.log_history


def tiny_data(out: Path) -> Path:
    """The bundled pairs as sets of all parts, distilled by a scripted teacher; returns the folder of TRL's files."""
    sys.path.insert(0, str(ROOT))
    from evaluators.testing.mock import MockBackend
    from evaluators.testing.mock_server import GRM_REPLY
    from harness_plugins.training_data import build
    from harness_plugins.training_data.config import load_data_config

    config = load_data_config(ROOT / "examples" / "data_tiny.yaml")
    build(config, out=out, teacher=MockBackend(lambda request: f"{GRM_REPLY}<answer>1</answer>"))
    return out / "trl"


def tiny_model(data: Path, out: Path) -> str:
    """A random LLaVA of some hundred thousand parameters, whose tokenizer has learned its pieces from the sets."""
    sys.path.insert(0, str(ROOT))
    import torch

    from tests.local.tiny import llava

    torch.set_num_threads(1)  # it gains nothing by more, which wait for each other where the machine is busy
    return str(llava(out, texts=[line for part in sorted(data.glob("*.jsonl")) for line in said(part)]))


def said(part: Path) -> list[str]:
    """All texts of a set's prompts and answers."""
    rows = [json.loads(line) for line in part.read_text(encoding="utf-8").splitlines()]
    messages = [m for row in rows for m in row.get("messages") or row["prompt"]]
    return [p["text"] for m in messages for p in m["content"] if p["type"] == "text"]


def main() -> None:
    args = arguments()
    if args.tiny:
        data = tiny_data(args.out / "data")
        model = tiny_model(data, args.out / "random")
        settings = TINY | settings_of(args) | {"resume": args.resume, "rank": args.peft}
        settings["watched"] = watchers(args, model, args.out)
        history = train(data / f"{args.tiny}.jsonl", model, args.out / "trained", TINY_PIXELS, **settings)
    else:
        settings = {"learning_rate": args.learning_rate, "max_length": args.max_length}
        settings |= {"bf16": True, "gradient_checkpointing": True, "logging_steps": 10}
        settings |= {"resume": args.resume, "rank": args.peft} | settings_of(args)
        settings["watched"] = watchers(args, args.model, args.out)
        history = train(args.data, args.model, args.out, args.max_pixels, **settings)
    show(history, ("loss", "eval_loss", "train_runtime"))


if __name__ == "__main__":
    in_plain_words(main)
