"""The parser of the command line. What a command takes and does is in its module of `commands`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from evaluators.inputs.names import unknown
from harness_plugins.cli.arguments import add_tasks
from harness_plugins.cli.commands import (
    check,
    compare,
    completion,
    cost,
    data,
    demo,
    export,
    import_,
    init,
    items,
    lmms_eval,
    ping,
    report,
    reward_server,
    rpo,
    rubrics,
    run,
    schema,
    score,
    show,
    table,
    tasks,
    view,
)

_EPILOG = """\
start here:
  rubric-harness demo                          a whole run in seconds: no model, nothing to download; makes a page
  rubric-harness init                          writes a first config, after a few questions
  rubric-harness ping CONFIG.yaml              a question or two: do its judges work, and what will the run cost?
  rubric-harness run CONFIG.yaml --dry-run     what would be asked, and one prompt per arm; asks nothing
  rubric-harness run CONFIG.yaml               judge; stop it at any time, the same command goes on
  rubric-harness run --judge openai:MODEL@URL --benchmark demo --rubrics FILE
                                               the same without a config
  rubric-harness rubrics CONFIG.yaml           only have the config's writers write their rubrics
  rubric-harness data CONFIG.yaml              training sets from preference data, by a teacher
  rubric-harness rpo train CONFIG.yaml         train an image generator by a judge that reads a rubric
  rubric-harness table results/runs/my-run     the tables again, in any format
  rubric-harness cost results/runs/my-run      tokens and, with --prices FILE, money: what was spent so far
  rubric-harness check results/runs/my-run     whether a run folder is whole
  rubric-harness show results/runs/my-run --where 'none=wrong transferred=right'
  rubric-harness report results/runs/my-run    figures, tables and items as one page
  rubric-harness view results/runs/my-run      the same, live on this machine while the run goes on
  rubric-harness export results/runs/my-run --public --out DIR
                                               a copy to publish, without texts, media and paths

exit codes: 0 complete, 2 bad input, 3 errors remain or --max-cost is used up, 130 interrupted
"""


class Parser(argparse.ArgumentParser):
    """A parser that suggests a name for an unknown command or option."""

    commands: Mapping[str, argparse.ArgumentParser]

    def check_names(self, argv: Sequence[str]) -> None:
        """Exit where a command or an option is unknown."""
        command_index = next(
            (n for n, a in enumerate(argv) if not a.startswith("-") and argv[n - 1 : n] != ["--tasks"]), len(argv)
        )
        _check_options(self, argv[:command_index])
        if command_index < len(argv):
            command = self.commands.get(argv[command_index])
            if command is None:
                self.error(unknown("command", argv[command_index], self.commands))
            if argv[command_index] != "lmms-eval":  # what it does not know goes to lmms-eval
                _check_options(command, argv[command_index + 1 :])


def _check_options(command: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    options = [option for action in command._actions for option in action.option_strings]
    for argument in arguments:
        if argument == "--":
            return
        option = argument.partition("=")[0]
        if option.startswith("--") and not any(o.startswith(option) for o in options):
            command.error(unknown("option", option, options))


_COMMANDS = (
    demo,
    init,
    ping,
    run,
    rubrics,
    data,
    score,
    table,
    report,
    view,
    cost,
    export,
    compare,
    show,
    check,
    items,
    import_,
    lmms_eval,
    reward_server,
    rpo,
    tasks,
    schema,
    completion,
)
"""In the order of --help."""


def build_parser() -> Parser:
    top = Parser(
        prog="rubric-harness",
        description="Does this rubric make another judge better?",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    add_tasks(top, default=[])
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=argparse.ArgumentParser)
    top.commands = commands.choices
    for module in _COMMANDS:
        command = module.add_parser(commands)
        command.set_defaults(main=module.main)
        if module is not lmms_eval:  # its own --tasks says which tasks to run; ours is before the command
            add_tasks(command, default=argparse.SUPPRESS)
    return top
