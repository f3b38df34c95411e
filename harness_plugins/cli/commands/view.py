"""`view`: the page of a run while it goes on."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness_plugins.cli.arguments import Commands
from harness_plugins.cli.exit_codes import COMPLETE


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "view",
        help="serve the page of a run on this machine, live while the run goes on",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Serve the page of a run folder at http://127.0.0.1:8766/, to this machine alone. While the run goes on the page\n"
        "is made anew as answers come, and a browser asks for it again by itself. Nothing is written into the folder.\n"
        "Ctrl-C ends it, and the run goes on. `report` writes the page as a file.",
        epilog="from another machine:\n"
        "  ssh -L 8766:127.0.0.1:8766 MACHINE           then open http://127.0.0.1:8766/\n",
    )
    command.add_argument("run", type=Path, metavar="RUN_DIR")
    command.add_argument(
        "--port", type=int, default=8766, metavar="N", help="default: 8766; 0 takes a free one and prints it"
    )
    return command


def main(args: argparse.Namespace) -> int:
    from harness_plugins.cli.live_page import serve

    serve(args.run, args.port)
    return COMPLETE
