"""Whether the rubrics help: what may be said of each writer's, with the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence

from harness_plugins.scoring.conclusions import FAMILIES, Conclusion
from harness_plugins.scoring.report import Report
from harness_plugins.scoring.sentences import p_text, sentence
from harness_plugins.tables.cells import gain, interval
from harness_plugins.tables.model import Cell, Table, names, numbers, words
from harness_plugins.tables.view import View, views


def tables(report: Report) -> list[Table]:
    by_view = [(v, [c for c in report.conclusions if c.benchmark == v.benchmark]) for v in views(report)]
    return [_table(v, conclusions) for v, conclusions in by_view if conclusions]


def _table(view: View, conclusions: Sequence[Conclusion]) -> Table:
    """A row for each writer: the mean gain over the unseen judges, the lead over each control, and the verdict."""
    controls = list(dict.fromkeys(x.control for c in conclusions for x in c.leads))
    differences = [f"minus {c}" for c in ("none", *controls)]
    shows_advice, shows_repeat = any(c.advice for c in conclusions), any(c.repeat for c in conclusions)
    differences += ["minus advice"] * shows_advice + ["repeat minus none"] * shows_repeat
    columns = [
        *names("writer", "judges"),
        *numbers("items", *differences, "largest p (Holm)"),
        *words("conclusion"),
    ]
    title = f"{view.benchmark}: whether the rubrics help"
    table = Table("conclusions", title, columns, benchmark=view.benchmark, section="gain")
    for c in conclusions:
        items = Cell(f"{c.gain.n}/{c.of_items}", c.gain.n) if c.gain else Cell()
        leads = {x.control: gain(x.contrast) if x.contrast else Cell(x.state) for x in c.leads}
        gains = [gain(c.gain), *(leads.get(control, Cell()) for control in controls)]
        gains += [gain(c.advice)] * shows_advice + [gain(c.repeat)] * shows_repeat
        p = "" if c.problems else p_text(c.p_holm)
        table.add(view.writer(c.writer), ", ".join(c.judges), items, *gains, p, c.verdict)
    table.notes += [sentence(c) for c in conclusions]
    over = [(c, name, bounds) for c in conclusions for name, bounds in c.over_judges.items()]
    table.notes += [
        f"{c.writer} minus {name}, over {c.families} families of judges: {interval(*b)}." for c, name, b in over
    ]
    table.notes.append(
        "transferred minus each, in points: the mean over the judges that are unseen to the writer, item by item, over the items "
        "that have all of it, with 95 % cluster bootstrap and a cluster sign-flip. Largest p: of minus none and minus every control, "
        f"Holm over the {max((c.family for c in conclusions), default=1)} writers and benchmarks of the config. It speaks of these "
        f"judges; of judges at large from {FAMILIES} families on."
    )
    return table
