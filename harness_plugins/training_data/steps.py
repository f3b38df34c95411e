"""What a long command is doing: a bar on a terminal, a line each ten seconds elsewhere, nothing when quiet."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from evaluators.text import say
from harness_plugins.experiment.progress import PLAIN_S


@dataclass(frozen=True)
class Steps:
    """Shows steps on stderr."""

    show: bool = False

    @contextlib.contextmanager
    def counted(self, doing: str, total: int) -> Iterator[Callable[[int], None]]:
        """Within it, call what it yields with the number of things done."""
        if not self.show or not total:
            yield lambda done: None
            return
        from rich.console import Console
        from rich.progress import Progress

        console = Console(file=sys.stderr)
        if console.is_terminal:
            with Progress(console=console) as bar:
                task = bar.add_task(doing, total=total)
                yield lambda done: bar.update(task, advance=done)
            return
        last, sum_ = time.monotonic(), 0

        def count(done: int) -> None:
            nonlocal last, sum_
            sum_ += done
            if time.monotonic() - last >= PLAIN_S:
                last = time.monotonic()
                say(f"{doing} {sum_}/{total}", file=sys.stderr, flush=True)

        yield count
