"""The command line. What the commands do stands in `commands/`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from evaluators.text import say
from harness_plugins import arguments
from harness_plugins.commands import BAD_INPUT, COMPLETE, ERRORS_REMAIN, INTERRUPTED, asking, reading


def main(argv: Sequence[str] | None = None) -> int:
    parser = arguments.parser()
    parser.check_names(sys.argv[1:] if argv is None else argv)
    args, rest = parser.parse_known_args(argv)
    if rest and args.command != "lmms-eval":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    args.rest = rest
    if args.version:
        from harness_plugins import __version__

        say(f"rubric-harness {__version__}")
        return COMPLETE
    if args.command is None:
        parser.print_help()
        return BAD_INPUT
    from evaluators.errors import RunStopped, UserError

    try:
        return _COMMANDS[args.command](args)
    except UserError as e:
        for line in e.lines:
            say(f"error: {line}", file=sys.stderr)
        return BAD_INPUT
    except RunStopped as e:
        say(f"stopped: {e}", file=sys.stderr)
        return ERRORS_REMAIN
    except (OSError, UnicodeError) as e:
        if isinstance(e, BrokenPipeError):  # `| head`: the reader has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return COMPLETE
        say(f"error: {getattr(e, 'filename', None) or 'a file'}: {getattr(e, 'strerror', None) or e}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        say("\ninterrupted; everything answered is kept. Run the same command again to go on.", file=sys.stderr)
        return INTERRUPTED


_COMMANDS = {
    "reward-server": asking.reward_server_command,
    "lmms-eval": asking.lmms_eval_command,
    "run": asking.run_command,
    "rubrics": asking.rubrics_command,
    "data": asking.data_command,
    "score": reading.score_command,
    "table": reading.table_command,
    "cost": reading.cost_command,
    "export": reading.export_command,
    "report": reading.report_command,
    "compare": reading.compare_command,
    "show": reading.show_command,
    "check": reading.check_command,
    "items": reading.items_command,
    "tasks": reading.tasks_command,
    "import": reading.import_command,
}


if __name__ == "__main__":
    sys.exit(main())
