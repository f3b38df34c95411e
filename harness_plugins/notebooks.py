"""A scored run as a notebook shows it: its answer as HTML, its numbers as a table of pandas, its figures, its items.

from harness_plugins import run, score

report = score(run("config.yaml").out)
report                                                      # the answer, and each writer's gain beside its controls
report.to_pandas().query("metric == 'accuracy'")
report.figures()["answer"]
report.show(where="transferred=fixed", limit=1)[0]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluators.errors import UserError
from evaluators.replies.parsing import MASS_FLOOR
from harness_plugins.config.prices import Prices
from harness_plugins.scoring.answers import headline
from harness_plugins.scoring.arrays import RunData
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.score import score as _score

if TYPE_CHECKING:
    import pandas

    from harness_plugins.report.drawing import Plot


@dataclass(repr=False)
class ScoredRun(Report):
    """A scored run folder, with what a notebook needs.

    Example:
        >>> score("results/runs/mine")  # doctest: +SKIP
        results/runs/mine: grm's rubrics help by their content.
    """

    def __repr__(self) -> str:
        return f"{self.folder}: {headline(self)}"

    def to_pandas(self) -> pandas.DataFrame:
        """Every number, one a row: the columns benchmark, judge, writer, arm, metric, k, n, value, low, high, p and more.

        Shares are from 0 to 1, differences from -1 to 1.

        Raises:
            UserError: pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError:
            raise UserError("to_pandas needs pandas: pip install pandas") from None
        return pandas.DataFrame(self.objects())

    def figures(self) -> dict[str, Plot]:
        """The figures of all benchmarks by name (`answer-demo`, `position-demo`, ...); `figure` of each is matplotlib's.

        Raises:
            UserError: matplotlib is not installed.
        """
        from harness_plugins.report.drawing import style
        from harness_plugins.report.figures import all_plots

        with style():
            return {plot.name: plot for plots in all_plots(self).values() for plot in plots}

    def show(self, **which: Any) -> list[str]:
        """Items as texts.

        Args:
            which: as `rubric-harness show` has them: `where`, `judge`, `writer`, `item`, `limit`.
        """
        from harness_plugins.tables.show import show

        return list(show(self.folder, **which))

    def tables(self, names: Sequence[str] = ()) -> str:
        """Tables as HTML, by name; the usual ones where none is named."""
        from harness_plugins.tables.model import each_once
        from harness_plugins.tables.render.to_html import html_table
        from harness_plugins.tables.run import chosen, tables

        made = each_once(tables([self], chosen(names, (), every=False)))
        return "\n".join(html_table(table, f"table-{n}") for n, table in enumerate(made))

    def _repr_html_(self) -> str:
        return self.tables(("answer",) if self.conclusions else ("summary",))


def score(
    run: str | Path | RunData,
    protocol: str = "strict",
    prices: Prices | None = None,
    mass_floor: float = MASS_FLOOR,
) -> ScoredRun:
    """Score a run folder from its jsonl files alone. Arguments and errors are those of `scoring.score.score`."""
    report = _score(run, protocol, prices, mass_floor)
    return ScoredRun(**{f.name: getattr(report, f.name) for f in fields(Report)})
