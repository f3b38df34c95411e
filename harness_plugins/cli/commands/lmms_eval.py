"""`lmms-eval`: lmms-eval with our tasks."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evaluators.text import say
from harness_plugins.cli.arguments import Commands, place
from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE, ERRORS_REMAIN


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "lmms-eval",
        allow_abbrev=False,
        help="run lmms-eval with our tasks (rt_...), real exit codes, and our table at the end",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="lmms-eval's own command with our tasks on its path. Other options are passed to lmms-eval unchanged.\n"
        "Tasks: rt_<benchmark>_{judge,generic,shuffled,transfer}; rt_<benchmark> is all four; rt_reward_bench, rt_transfer.",
        epilog="a judge behind an endpoint, resumable, many requests at a time:\n"
        "  rubric-harness lmms-eval --rubrics rubrics.jsonl --tasks rt_demo --model rubric_judge \\\n"
        "    --model_args model=Qwen/Qwen2.5-VL-7B-Instruct,base_url=http://127.0.0.1:8000/v1,concurrency=64\n"
        "any model of lmms-eval as the judge:\n"
        "  rubric-harness lmms-eval --rubrics rubrics.jsonl --tasks rt_demo --model qwen2_5_vl \\\n"
        "    --model_args pretrained=Qwen/Qwen2.5-VL-7B-Instruct\n\n"
        "exit codes: 0 complete, 1 lmms-eval failed, 2 bad input, 3 errors remain, 130 interrupted",
    )
    command.add_argument(
        "--rubrics", type=Path, metavar="FILE.jsonl", help="one writer's rubrics (RUBRIC_HARNESS_RUBRICS)"
    )
    command.add_argument(
        "--rubric-config",
        type=Path,
        metavar="CONFIG.yaml",
        help="a config that says where the data are; its judges are not used (RUBRIC_HARNESS_CONFIG)",
    )
    command.add_argument(
        "--out", type=place, metavar="DIR", help="the run folder (RUBRIC_HARNESS_OUT; results/runs/hosted)"
    )
    command.add_argument(
        "--grading",
        metavar="HOW",
        help="how the model is asked: pairwise (default), listwise or pointwise, with criteria, ties or a scale, such as "
        "'pointwise,1-5' (RUBRIC_HARNESS_GRADING)",
    )
    command.add_argument(
        "--judge", metavar="NAME", help="the judge's name in records and tables (RUBRIC_HARNESS_JUDGE)"
    )
    command.add_argument(
        "--list", action="store_true", help="show our tasks and the models that can judge, and ask nothing"
    )
    return command


def main(args: argparse.Namespace) -> int:
    from harness_plugins.hosts.base import HostEnded
    from harness_plugins.hosts.lmms_eval.cli import listing, lmms_eval
    from harness_plugins.hosts.summary import print_summaries

    if args.list:
        say(listing(), end="")
        return COMPLETE
    try:
        code, folders = lmms_eval(
            args.rest,
            rubrics=args.rubrics,
            config=args.rubric_config,
            out=args.out,
            judge=args.judge,
            grading=args.grading,
        )
    except HostEnded as e:
        say(e, file=sys.stderr)
        return ERRORS_REMAIN if e.stopped else BAD_INPUT
    except SystemExit as e:
        if not isinstance(e.code, str):
            raise
        say(e.code, file=sys.stderr)
        return BAD_INPUT
    return code or (COMPLETE if print_summaries(folders) else ERRORS_REMAIN)
