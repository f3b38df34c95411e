"""`tasks`: what is available, or one benchmark."""

from __future__ import annotations

import argparse

from evaluators.text import say
from harness_plugins.cli.arguments import Commands, place
from harness_plugins.cli.exit_codes import COMPLETE


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "tasks",
        help="benchmarks, settings (arms), protocols and judges that are available; or one benchmark",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="List benchmarks, settings (arms), protocols and judges; or explain one benchmark: what it holds, its licence,\n"
        "how it is scored, what to mind, and lines for a config.",
        epilog="for example:\n  rubric-harness tasks\n  rubric-harness tasks vl_rewardbench\n",
    )
    command.add_argument("name", nargs="?", metavar="NAME", help="explain this benchmark")
    command.add_argument(
        "--path", action="store_true", help="print only the folder of our task files, for --include_path"
    )
    command.add_argument(
        "--write",
        type=place,
        metavar="DIR",
        help="write the task files of the benchmarks in DIR, so that lmms-eval and lm-eval find them",
    )
    return command


def main(args: argparse.Namespace) -> int:
    from harness_plugins.benchmarks.bundled import data_dir

    if args.path:
        say(data_dir("tasks"))
        return COMPLETE
    if args.write:
        from harness_plugins.benchmarks.folders import benchmarks_in
        from harness_plugins.hosts.yamls import tasks_of, write

        write(args.write)
        tasks = [task for name in benchmarks_in(args.write) for task in tasks_of(name)]
        say(f"wrote the task files of {args.write}: {', '.join(tasks)}")
        return COMPLETE
    from harness_plugins.cli.available import described, listing

    say(described(args.name) if args.name else listing(), end="")
    return COMPLETE
