"""The exit codes of the command line."""

COMPLETE, BAD_INPUT, ERRORS_REMAIN, INTERRUPTED = 0, 2, 3, 130
