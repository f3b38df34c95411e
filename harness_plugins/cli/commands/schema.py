"""`schema`: the JSON Schema of a config, for editors."""

from __future__ import annotations

import argparse

from evaluators.text import say
from harness_plugins.cli.arguments import Commands
from harness_plugins.cli.exit_codes import COMPLETE


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    return commands.add_parser(
        "schema",
        help="the JSON Schema of a config, by which editors complete and check it",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Print the JSON Schema of the configs that `run` takes: an editor then completes keys and marks mistakes.",
        epilog="with VS Code (extension YAML), or any editor with yaml-language-server:\n"
        "  rubric-harness schema > config.schema.json\n"
        "and as the first line of the config beside it:\n"
        "  # yaml-language-server: $schema=config.schema.json\n",
    )


def main(args: argparse.Namespace) -> int:
    import json

    from harness_plugins.config.schema import config_schema

    say(json.dumps(config_schema(), indent=1, ensure_ascii=False))
    return COMPLETE
