"""The table of conclusions: what may be said of each writer's rubrics (`scoring.conclusions`), with the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence

from harness_plugins.scoring.conclusions import FAMILIES, Conclusion
from harness_plugins.scoring.sentences import p_text, sentence
from harness_plugins.tables.cells import Table, gain, interval


def sentences(conclusions: Sequence[Conclusion], benchmark: str) -> list[str]:
    """What is said of a benchmark, a sentence a writer."""
    return [sentence(c) for c in conclusions if c.benchmark == benchmark]


def conclusion_table(title: str, conclusions: Sequence[Conclusion]) -> Table:
    """A row for each writer: the mean gain over the unseen judges, the lead over each control, and the verdict."""
    controls = list(dict.fromkeys(x.control for c in conclusions for x in c.leads))
    present = {"advice": any(c.advice for c in conclusions), "repeat": any(c.repeat for c in conclusions)}
    header = ["writer", "judges", "items", "minus none", *(f"minus {c}" for c in controls)]
    header += ["minus advice"] * present["advice"] + ["repeat minus none"] * present["repeat"]
    table = Table(title, [*header, "largest p (Holm)", "conclusion"])
    for c in conclusions:
        items = f"{c.gain.n}/{c.of_items}" if c.gain else ""
        leads = {x.control: gain(x.contrast) if x.contrast else x.state for x in c.leads}
        row = [c.writer, ", ".join(c.judges), items, gain(c.gain), *(leads.get(name, "") for name in controls)]
        row += [gain(x) for name, x in (("advice", c.advice), ("repeat", c.repeat)) if present[name]]
        table.rows.append([*row, "" if c.problems else p_text(c.p_holm), c.verdict])
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
