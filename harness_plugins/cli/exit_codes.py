"""What the command line answers to the shell."""

COMPLETE, BAD_INPUT, ERRORS_REMAIN, INTERRUPTED = 0, 2, 3, 130
