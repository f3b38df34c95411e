"""`rpo`: train an image generator by a judge that compares its pictures under a rubric."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.text import near, say
from harness_plugins.cli.arguments import Commands, add_format, amount, one_of, place, positive
from harness_plugins.cli.exit_codes import COMPLETE, ERRORS_REMAIN

if TYPE_CHECKING:
    from harness_plugins.rpo.recipe import Recipe

ACTIONS = ("train", "compare", "generate")


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "rpo",
        help="train an image generator by a judge that compares its pictures",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="RPO (ARR's second half): a generator makes two pictures of a prompt, a judge compares them under a rubric in\n"
        "both orders, and a LoRA adapter learns from the winner.\n"
        "  train     train; stop it at any time, the same command goes on. OUT/index.html shows the run\n"
        "  compare   win rate of a checkpoint against the start, on the test prompts\n"
        "  generate  pictures of a checkpoint, in the folders that a benchmark's scripts read",
        epilog="a small config (docs/rpo.md has every key):\n"
        "  generator: {kind: flux, model: black-forest-labs/FLUX.1-dev}\n"
        "  prompts: {file: prompts.txt, development: 32, test: 64}\n"
        "  reward:\n"
        "    judge: {name: judge, backend: openai, model: Qwen/Qwen3-VL-8B-Instruct, base_url: 'http://127.0.0.1:8000/v1'}\n"
        "    rubric: rubric.txt\n"
        "  out: results/rpo/first\n\n"
        "on a laptop, in two minutes, with nothing to download:\n"
        "  rubric-harness rpo train examples/rpo-tiny.yaml\n"
        "on eight GPUs:\n"
        "  torchrun --nproc_per_node 8 -m harness_plugins rpo train CONFIG.yaml\n",
    )
    command.add_argument("action", type=one_of("action", ACTIONS), metavar="{train,compare,generate}")
    command.add_argument("config", type=Path, metavar="CONFIG.yaml")
    command.add_argument(
        "--out", type=place, metavar="DIR", help="train: the run (overrides `out`); generate: the pictures"
    )
    command.add_argument(
        "--dry-run",
        action="store_true",
        help="train: time a few steps here, and say what the training would take: GPU hours, judge calls, disk, price",
    )
    command.add_argument("--gpus", type=positive, default=1, metavar="N", help="of a dry run's estimate (default: 1)")
    command.add_argument("--gpu-price", type=amount, metavar="AMOUNT", help="of a GPU for an hour, for the estimate")
    command.add_argument("--call-price", type=amount, metavar="AMOUNT", help="of a judge call, for the estimate")
    command.add_argument(
        "--checkpoint",
        default="picked",
        metavar="NAME",
        help="compare, generate: a step; picked (default), which won most often on the development prompts; newest; or base",
    )
    command.add_argument(
        "--prompts", type=Path, metavar="FILE", help="generate: the benchmark's rows (.jsonl), or a prompt a line"
    )
    command.add_argument("--layout", default="", metavar="NAME", help="generate: geneval or gedit_bench")
    command.add_argument(
        "--path", default="", metavar="TEMPLATE", help="generate: a layout of your own, such as '{id}/{sample:02}.png'"
    )
    command.add_argument(
        "--samples", type=positive, metavar="N", help="generate: pictures a prompt (default: the layout's)"
    )
    command.add_argument("--quiet", action="store_true", help="no progress lines")
    add_format(command, "md", "csv", "json")
    return command


def main(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError
    from harness_plugins.rpo.recipe import load_recipe

    recipe = load_recipe(args.config)
    if args.out is not None and args.action != "generate":
        recipe = recipe.model_copy(update={"out": args.out.resolve()})
    # Without torchvision transformers warns, once imported, of image processors that nothing here uses.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        return {"train": _train, "compare": _compare, "generate": _generate}[args.action](args, recipe)
    except ModuleNotFoundError as e:
        needed = {"torch", "diffusers", "peft", "accelerate", "safetensors", "transformers"}
        if (e.name or "").partition(".")[0] not in needed:
            raise
        raise UserError(f"training a generator needs {e.name}: pip install 'rubric-harness[rpo]'") from None


def _train(args: argparse.Namespace, recipe: Recipe) -> int:
    if args.dry_run:
        from harness_plugins.rpo.dry_run import dry_run

        say(dry_run(recipe, gpus=args.gpus, gpu_price=args.gpu_price, call_price=args.call_price), end="")
        return COMPLETE
    from harness_plugins.rpo.page import findings
    from harness_plugins.rpo.training import train
    from harness_plugins.rpo.win_rates import win_rates

    trained = train(recipe, progress=not args.quiet)
    if not trained.first:
        return COMPLETE
    rates = win_rates(trained.run.held_out_rows())
    for rate in rates:
        if rate.held_out == "test" and trained.picked is not None and rate.step == trained.picked.step:
            say(f"Step {rate.step}: {rate.sentence}.")
    for finding in findings(trained.run):
        if finding.kind == "warning":
            say(f"warning: {finding.text}", file=sys.stderr)
    if trained.picked is not None:
        say(f"Adapter: {near(trained.picked.folder)} (pipeline.load_lora_weights)")
    if trained.run.before_and_after.exists():
        say(f"Before and after: {near(trained.run.before_and_after)}")
    say(f"Page:    {near(trained.run.page)}")
    unanswered = sum(rate.unanswered for rate in rates)
    if unanswered:
        say(
            f"{unanswered} comparisons on held-out prompts have no answer; the same command asks again.",
            file=sys.stderr,
        )
    return ERRORS_REMAIN if unanswered else COMPLETE


def _compare(args: argparse.Namespace, recipe: Recipe) -> int:
    from harness_plugins.rpo.tables import FORMATS
    from harness_plugins.rpo.training import compare

    say(FORMATS[args.format](compare(recipe, args.checkpoint, progress=not args.quiet)), end="")
    return COMPLETE


def _generate(args: argparse.Namespace, recipe: Recipe) -> int:
    from evaluators.errors import UserError

    if args.prompts is None or args.out is None:
        raise UserError("rpo generate: say which prompts (--prompts FILE) and where to (--out DIR)")
    from harness_plugins.rpo.generation import generate, layout_of

    layout = layout_of(args.layout, args.path, args.samples)
    generated = generate(recipe, args.prompts, layout, args.out, checkpoint=args.checkpoint, progress=not args.quiet)
    more = f" ({generated.existing:,} were there)" if generated.existing else ""
    say(
        f"{generated.new:,} pictures in {near(generated.out)}{more}; manifest.json and pictures-0.jsonl say what made them."
    )
    say(
        "Score them with the benchmark's own scripts; `rubric-harness import scores` takes the numbers into the tables."
    )
    return COMPLETE
