"""The command line: signals, errors and exit codes. Each command is a module of `commands`, what it takes and what it does."""

from __future__ import annotations

# `signal` itself imports enum, functools and collections: until `main` runs, Ctrl-C is not caught.
import _signal as signal  # type: ignore[import-not-found]
import atexit
import os
import sys

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code.

    Args:
        argv: None for those of the process, whose Ctrl-C is then ours as well: it ends with 130 and no traceback, at any moment.
    """
    # A caller with arguments, or one that ignores Ctrl-C (nohup), keeps its own handler.
    ours = argv is None and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, _leave)
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # the last of all: then Python itself goes
    from harness_plugins.cli import exit_codes
    from harness_plugins.cli.parser import build_parser

    parser = build_parser()
    parser.check_names(sys.argv[1:] if argv is None else argv)
    args, remaining = parser.parse_known_args(argv)
    if remaining and args.command != "lmms-eval":
        parser.error(f"unrecognized arguments: {' '.join(remaining)}")
    args.rest = remaining
    if args.version:
        from evaluators.text import say
        from harness_plugins._version import __version__

        say(f"rubric-harness {__version__}")
        return exit_codes.COMPLETE
    if args.command is None:
        parser.print_help()
        return exit_codes.BAD_INPUT
    # Signals as they come: what a library makes of Ctrl-C need not say so (DuckDB: "Query interrupted").
    reading_end, writing_end = os.pipe()
    os.set_blocking(writing_end, False)
    try:
        if ours:  # from here on files are written, which are closed on the way out
            signal.set_wakeup_fd(writing_end, warn_on_full_buffer=False)
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return _done(args)
    except BaseException as e:
        os.write(writing_end, b"\0")
        if not (_interrupted(e) or signal.SIGINT in os.read(reading_end, 64)):
            raise
        if ours:
            signal.signal(signal.SIGINT, _leave)
        if args.command in ("demo", "run", "rubrics", "data", "lmms-eval", "rpo"):
            from evaluators.text import say

            say("\ninterrupted; everything answered is kept. Run the same command again to go on.", file=sys.stderr)
        return exit_codes.INTERRUPTED
    finally:
        if ours:
            signal.set_wakeup_fd(-1)
            sys.stdout.flush()
            signal.signal(signal.SIGINT, _leave)
        os.close(reading_end)
        os.close(writing_end)


def _leave(*_: object) -> None:
    """Ctrl-C where nothing is open: while modules are imported, and when all is written."""
    os._exit(130)


def _interrupted(error: BaseException | None) -> bool:
    """Whether an exception is Ctrl-C, or what a library made of it."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _done(args: argparse.Namespace) -> int:
    from evaluators.errors import RunStopped, UserError
    from evaluators.text import say
    from harness_plugins.cli.exit_codes import BAD_INPUT, COMPLETE, ERRORS_REMAIN

    try:
        if args.tasks:
            from harness_plugins.benchmarks.folders import add_folders

            add_folders(args.tasks)
        code: int = args.main(args)
        return code
    except UserError as e:
        if _interrupted(e):
            raise
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


if __name__ == "__main__":
    sys.exit(main())
