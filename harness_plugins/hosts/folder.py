"""The run folder of a harness process: the same records as `rubric-harness run` writes, one file a rank."""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from evaluators.engine.due import Cell
from evaluators.engine.journal import Journal
from evaluators.engine.runner import make_verdict
from evaluators.errors import BackendError, UserError
from evaluators.images.media import sha256_of, with_digests
from evaluators.records import Answer, Item, Rubric, Verdict, decode, encode
from evaluators.replies.parsing import Parsed, parse
from evaluators.specs import JudgeSpec
from evaluators.text import say
from harness_plugins.folder.items import with_known_digests
from harness_plugins.folder.manifest import check_judges, check_rows, make_manifest
from harness_plugins.folder.rubrics import check_unchanged
from harness_plugins.folder.run_folder import RunFolder
from harness_plugins.hosts.rows import Row, Rows, cell_of
from harness_plugins.hosts.summary import print_summaries
from harness_plugins.scoring.report import Report


class Folder:
    """One rank's lock on a run folder. Rank 0 writes the manifest and the rubrics; each rank its verdicts and items.

    Raises:
        UserError: another process holds this rank's files, or they cannot be written.
    """

    def __init__(self, path: Path, rank: int) -> None:
        self.path = path
        self.run = RunFolder(path)
        self.rank = rank
        self._rubrics: Journal | None = None
        self._report: tuple[int, Report] | None = None
        self.judged = False
        """Verdicts of this process are meant to go here: a folder that refuses them shows nothing new."""
        with ExitStack() as files:
            files.enter_context(self.run.locked(shared=True))
            self._known = self.run.items()
            self.items = files.enter_context(self.run.journal("items", rank))
            self.verdicts = files.enter_context(self.run.journal("verdicts", rank))
            # Kept open only once all of them are: where a rank's file is refused, the lock is given back.
            self._files = files.pop_all()
        self.listed = {uid for uid, item in self._known.items() if item.digested()}
        self._digested: dict[str, Item] = {}
        self._written: dict[str, Verdict] = {}
        self._lock = threading.Lock()

    def plan(self, rows: Rows, spec: JudgeSpec, chosen: Sequence[Row]) -> None:
        """Check that the setting fits what the folder holds, and note what is to come.

        Raises:
            UserError: the judge, the rows or the rubrics are not those that the folder was judged with.
        """
        items = list({r.item.uid: r.item for r in chosen}.values())
        rubrics = {} if rows.rubrics is None else {rows.rubrics.name: rows.rubrics.path}
        config = rows.config.model_copy(update={"judges": (spec,), "arms": (rows.arm.name,), "rubrics": rubrics})
        previous, benchmarks = self.run.manifest(), {rows.grid.benchmark: rows.benchmark}
        # On every rank: one that is refused must not ask.
        check_judges(self.run, previous, config.judges, config.orders)
        check_rows(self.run, previous, benchmarks)
        new = check_unchanged(self.run, [rows.rubrics] if rows.rubrics else [])
        if self.rank == 0:
            self.run.write_manifest(make_manifest(previous, config, benchmarks, [replace(rows.grid, items=items)]))
            if new:
                self.add_rubrics(new)
        self.judged = True
        self._written.clear()
        fresh = [i for i in self.known(items) if i.uid not in self._known]
        if fresh:
            self.items.append(b"".join(map(encode, fresh)))
            self._known |= {i.uid: i for i in fresh}

    def known(self, items: Sequence[Item]) -> list[Item]:
        """The items, with the media digests that the folder has on record."""
        return with_known_digests(items, self._known)

    def digested(self, item: Item, listed: bool = True) -> Item:
        """The item with the digests of its media, read now where they are not known. May be called from threads.

        Args:
            listed: it is an item of the run: it is to be judged, or there is nothing but rubrics here.
        """
        with self._lock:
            done = self._digested.get(item.uid)
        if done is not None:
            return done
        (done,) = self.known([item])
        # Outside of the lock, so that threads digest different files at a time; the second lock lists an item once.
        if not done.digested():
            done = with_digests(done, {f.path: _digest(f.path) for m in done.all_media() for f in m.files})
        with self._lock:
            if listed and item.uid not in self.listed and done.digested():
                self.items.append(encode(done))
                self.listed.add(item.uid)
            if listed:
                self._digested[item.uid] = done
        return done

    def add_rubrics(self, rubrics: Sequence[Rubric]) -> None:
        """File rubrics that were read or written. One journal a process: settings that write share it. May be called from threads.

        Raises:
            UserError: another process writes rubrics here.
        """
        with self._lock:
            if self._rubrics is None:
                self._rubrics = self._files.enter_context(self.run.journal("rubrics", self.rank or None))
            self._rubrics.append(b"".join(map(encode, rubrics)))

    def report(self) -> Report:
        """What `score` says of the folder as it is now."""
        from harness_plugins.scoring.score import score  # duckdb: only where there is something to score

        # These files only grow, so their size says whether anything is new.
        size = sum(path.stat().st_size for path in self.run.files("verdicts"))
        if self._report is None or self._report[0] != size:
            self._report = size, score(self.path)
        return self._report[1]

    def refresh(self) -> None:
        """Take note of the items that the engine has listed."""
        self._known = self.run.items()

    def write(self, row: Row, spec: JudgeSpec, answer: Answer | None, error: BackendError | None = None) -> Verdict:
        """File what a harness's own model answered. May be called from threads."""
        item = self.digested(row.item)
        parsed = (
            parse(answer, spec.question_for(row.case), spec.complete_reasons) if answer is not None else Parsed("error")
        )
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        verdict = make_verdict(item, cell_of(row, item, spec), answer, parsed, error=error, time=now)
        with self._lock:
            # Settings share the items that have no rubric: the first answer counts, in every setting's numbers.
            previous = self._written.get(verdict.key)
            if previous is not None and previous.status != "error":
                return previous
            self.verdicts.append(encode(verdict))
            self._written[verdict.key] = verdict
        return verdict

    def read(self, cells: Iterable[Cell]) -> dict[str, Verdict]:
        """The folder's latest verdict on each cell, by key."""
        keys = {c.key for c in cells}
        verdicts: dict[str, Verdict] = {}
        for value in self.run.verdicts():
            key = value["key"]
            if key in keys:
                verdict = decode(Verdict, value, "ignore")
                if verdict.status != "error" or key not in verdicts or verdicts[key].status == "error":
                    verdicts[key] = verdict
        return verdicts

    def close(self) -> None:
        self._files.close()


def _digest(path: str) -> str:
    """As the engine has it: a file that cannot be read has none, and its verdicts are errors that name it."""
    try:
        return sha256_of(path)
    except UserError:
        return ""


_open: dict[tuple[Path, int], Folder] = {}
_opening = threading.Lock()


def folder_of(path: Path, rank: int) -> Folder:
    """The process's lock on a folder, opened once: all settings of a command go to one place."""
    with _opening:  # harnesses score in threads
        folder = _open.get((path, rank))
        if folder is None:
            if not _open:
                # Once for the process, however often its folders are closed and opened again.
                atexit.unregister(at_exit)
                atexit.register(at_exit)
            folder = _open[path, rank] = Folder(path, rank)
        return folder


def close_folders() -> list[Path]:
    """Close all folders at the end of a command (otherwise the process's end does it); returns those that were judged in."""
    paths = list(dict.fromkeys(path for (path, _), folder in _open.items() if folder.judged))
    while _open:
        _open.popitem()[1].close()
    return paths


def at_exit() -> None:
    """Runs when a stock command or script ends: nothing else calls us then."""
    try:
        print_summaries(close_folders())
    except UserError as e:
        for line in e.lines:
            say(f"error: {line}", file=sys.stderr)
