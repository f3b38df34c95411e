"""The table of conclusions: what may be said of each writer's rubrics (`scoring.conclusions`), with the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence

from harness_plugins.scoring.conclusions import FAMILIES, Conclusion
from harness_plugins.scoring.sentences import p_text, sentence
from harness_plugins.tables.cells import Table, gain, interval


def sentences(found: Sequence[Conclusion], benchmark: str) -> list[str]:
    """What is said of a benchmark, a sentence a writer."""
    return [sentence(c) for c in found if c.benchmark == benchmark]


def conclusion_table(title: str, found: Sequence[Conclusion]) -> Table:
    """A row for each writer: the mean gain over the unseen judges, the lead over each control, and the verdict."""
    controls = list(dict.fromkeys(x.control for c in found for x in c.leads))
    known = {"advice": any(c.advice for c in found), "repeat": any(c.repeat for c in found)}
    header = ["writer", "judges", "items", "minus none", *(f"minus {c}" for c in controls)]
    header += ["minus advice"] * known["advice"] + ["repeat minus none"] * known["repeat"]
    table = Table(title, [*header, "largest p (Holm)", "conclusion"])
    for c in found:
        items = f"{c.gain.n}/{c.of_items}" if c.gain else ""
        leads = {x.control: gain(x.contrast) if x.contrast else x.state for x in c.leads}
        row = [c.writer, ", ".join(c.judges), items, gain(c.gain), *(leads.get(name, "") for name in controls)]
        row += [gain(x) for name, x in (("advice", c.advice), ("repeat", c.repeat)) if known[name]]
        table.rows.append([*row, "" if c.problems else p_text(c.p_holm), c.verdict])
    table.notes += [sentence(c) for c in found]
    over = [(c, name, bounds) for c in found for name, bounds in c.over_judges.items()]
    table.notes += [
        f"{c.writer} minus {name}, over {c.families} families of judges: {interval(*b)}." for c, name, b in over
    ]
    table.notes.append(
        "transferred minus each, in points: the mean over the judges that are unseen to the writer, item by item, over the items "
        "that have all of it, with 95 % cluster bootstrap and a cluster sign-flip. Largest p: of minus none and minus every control, "
        f"Holm over the {max((c.family for c in found), default=1)} writers and benchmarks of the config. It speaks of these "
        f"judges; of judges at large from {FAMILIES} families on."
    )
    return table
