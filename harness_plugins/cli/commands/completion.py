"""`completion`: a script by which a shell completes commands, options and names."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from evaluators.text import say
from harness_plugins.cli.arguments import Commands, one_of, place
from harness_plugins.cli.exit_codes import COMPLETE

SHELLS = ("bash", "zsh", "fish")


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "completion",
        help="a script by which your shell completes commands, options and names",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Print a script for your shell. Once it lies where the shell looks, TAB completes commands, options, benchmarks\n"
        "and file names. It is made anew by the same command, after an update or when packages bring more benchmarks.",
        epilog="once, then open a new shell:\n"
        "  rubric-harness completion bash > ~/.local/share/bash-completion/completions/rubric-harness\n"
        '  rubric-harness completion zsh > "${fpath[1]}/_rubric-harness"\n'
        "  rubric-harness completion fish > ~/.config/fish/completions/rubric-harness.fish\n"
        "or in this shell alone (bash):\n"
        "  source <(rubric-harness completion bash)\n",
    )
    command.add_argument("shell", type=one_of("shell", SHELLS), metavar=f"{{{','.join(SHELLS)}}}")
    return command


def main(args: argparse.Namespace) -> int:
    import shtab

    from harness_plugins.cli.parser import build_parser

    parser = build_parser()
    for action in _actions(parser):
        _offer(action)
    say(shtab.complete(parser, args.shell), end="")
    return COMPLETE


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)


def _offer(action: argparse.Action) -> None:
    """Say what an argument may be, where the parser checks it by itself."""
    import shtab

    from evaluators.specs import NAME_ALONE, capabilities
    from harness_plugins.benchmarks.spec import names

    metavar = str(action.metavar)
    if offered := getattr(action.type, "names", None):
        action.choices = offered
    elif "--benchmark" in action.option_strings or (metavar == "NAME" and action.dest == "name"):
        action.choices = names()
    elif "--judge" in action.option_strings and metavar == "JUDGE":
        action.choices = list(capabilities(NAME_ALONE).models)
    elif action.type in (Path, place):
        complete = shtab.DIRECTORY if "DIR" in metavar else shtab.FILE
        action.complete = complete  # type: ignore[attr-defined]  # where shtab looks
