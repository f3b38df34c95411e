"""`import`: results of other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluators.text import near, say
from harness_plugins.cli.arguments import Commands, one_of, place
from harness_plugins.cli.exit_codes import COMPLETE

_FORMATS = "formats"


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "import",
        help="turn results of other programs into a run folder",
        formatter_class=_FormatsHelp,
        description="Turn results of other programs into records that `score`, `table` and `show` read.\n"
        "A FILE may be a folder. NAME=FILE (or NAME=FOLDER) says what its judge is called; else its file or folder says so.",
        epilog=_FORMATS,
    )
    command.add_argument("format", type=_import_format, metavar="FORMAT", help="one of the formats below")
    command.add_argument("files", type=Path, nargs="+", metavar="[NAME=]FILE")
    command.add_argument("--out", type=place, required=True, metavar="RUN_DIR", help="the run folder to make")
    command.add_argument("--benchmark", metavar="NAME", help="where the files do not say which benchmark they are of")
    return command


def _import_format(text: str) -> str:
    from harness_plugins.plugins import IMPORTS  # asks the installed packages, which takes a while

    return one_of("format", IMPORTS.names())(text)


class _FormatsHelp(argparse.RawDescriptionHelpFormatter):
    """Asks each format for its own help, when help is asked for: they need not be loaded before."""

    def add_text(self, text: str | None) -> None:
        if text == _FORMATS:
            from harness_plugins.imports import about

            text = f"formats:\n\n{about()}"
        super().add_text(text)


def main(args: argparse.Namespace) -> int:
    from harness_plugins.imports import import_results

    summary = import_results(args.format, args.files, args.out, args.benchmark)
    for line in summary.lines:
        say(line)
    if summary.protocol is not None:
        say(f"Score them: rubric-harness score {near(args.out)} --protocol {summary.protocol}")
    else:
        say(f"In tables:  rubric-harness table --spec NAME {near(args.out)} RUN_DIR...")
    return COMPLETE
