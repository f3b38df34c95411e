"""One module a command: `add_parser` says what it takes, `main` does it and returns the exit code. What it needs is imported
when it runs, so that --help is quick."""
