"""The report: a run folder as one page that works offline, with its figures, tables and items. `write_report` is the whole of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.errors import UserError

if TYPE_CHECKING:
    from harness_plugins.report.body import Body
    from harness_plugins.report.drawing import Plot
    from harness_plugins.report.items import Browser
    from harness_plugins.scoring.arrays import RunData

ITEMS = 1000
PAGE_BYTES = 29_000_000
"""What a page is kept under: it opens at once, and still passes as an attachment."""


@dataclass(frozen=True)
class WrittenReport:
    """What `write_report` wrote."""

    path: Path
    size: int
    """Bytes."""
    items: int
    of: int
    figures: tuple[Path, ...] = ()
    problems: tuple[str, ...] = ()
    """Tables of other packages that are not on the page, and why."""


def write_report(
    run: str | Path,
    out: str | Path | None = None,
    *,
    figures: str | Path | None = None,
    items: int = ITEMS,
    protocol: str = "strict",
    prices: str | Path | None = None,
    progress: bool = False,
) -> WrittenReport:
    """Make the page of a run folder.

    Args:
        out: the page's file; `report.html` in the folder by default.
        figures: a folder for the figures alone, as PNG and SVG.
        items: how many items the page's browser holds at most.
        protocol: as in `scoring.score`.
        prices: what models cost, a file; by default those of the run.

    Raises:
        UserError: no run folder, an unknown protocol, figures without matplotlib, or a place that cannot be written.
    """
    from harness_plugins.config.prices import load_prices
    from harness_plugins.folder.manifest import refuse_public
    from harness_plugins.folder.run_folder import RunFolder
    from harness_plugins.report.body import body_of
    from harness_plugins.report.drawing import has_matplotlib, need_matplotlib, style
    from harness_plugins.report.figures import all_plots
    from harness_plugins.report.items import browser_of
    from harness_plugins.report.outcomes import choose, outcomes
    from harness_plugins.scoring.read import read_run
    from harness_plugins.scoring.score import score
    from harness_plugins.tables.package_tables import package_tables

    folder = Path(run)
    page_path = Path(out) if out is not None else folder / "report.html"
    if page_path.is_dir():
        raise UserError(f"{page_path} is a folder: give the page a file, such as --out {page_path / 'report.html'}")
    refuse_public(
        folder, RunFolder(folder).manifest(), "a report is made of the run itself; `table` prints these numbers"
    )
    if figures is not None:
        need_matplotlib()
    data = read_run(folder)
    report = score(data, protocol, load_prices(Path(prices)) if prices is not None else None)
    written: tuple[Path, ...] = ()
    plots: dict[str, list[Plot]] = {}
    if has_matplotlib():
        with style():
            plots = all_plots(report)
            written = tuple(_write_figures(Path(figures), plots)) if figures is not None else ()
            body = body_of(data, report, plots, others := package_tables([report]))
    else:
        body = body_of(data, report, plots, others := package_tables([report]))
    used = sum(len(p.data) for s in body.sections for p in s.pictures)
    all_outcomes = [o for b in data.benchmarks.values() if (o := outcomes(data, b, protocol)) is not None]
    chosen = choose(data, all_outcomes, items)
    browser = browser_of(data, all_outcomes, chosen, PAGE_BYTES - used, progress)
    size = _write(page_path, data, body, browser)
    return WrittenReport(page_path, size, len(chosen.uids), chosen.total, written, tuple(others.problems))


def _write(page_path: Path, data: RunData, body: Body, browser: Browser) -> int:
    """Returns the page's size in bytes."""
    from harness_plugins._version import __version__
    from harness_plugins.folder.atomic import write_atomic
    from harness_plugins.report.items import address
    from harness_plugins.report.page import page
    from harness_plugins.report.texts import one_line

    name = one_line(data.folder.resolve().name, 120)
    footer = f"Made by rubric-harness {__version__} from the records of the run alone. Nothing on this page is loaded from elsewhere."
    text = page(
        name=name,
        footer=footer,
        body=body,
        browser=browser.choices,
        blocks=browser.blocks,
        version=__version__,
        address=address,
    )
    encoded = text.encode("utf-8", "replace")
    try:
        page_path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(page_path, encoded)
    except OSError as e:
        raise UserError(f"{page_path}: cannot be written ({e.strerror}); give another place with --out") from None
    return len(encoded)


def _write_figures(folder: Path, plots: Mapping[str, Sequence[Plot]]) -> Iterator[Path]:
    from harness_plugins.report.drawing import png, svg

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for plot in (p for drawn in plots.values() for p in drawn):
            for kind, write in (("svg", svg), ("png", png)):
                path = folder / f"{plot.name}.{kind}"
                path.write_bytes(write(plot))
                yield path
    except OSError as e:
        raise UserError(f"{folder}: cannot be written ({e.strerror}); give another folder with --figures") from None
