"""What is below the items: only what has data."""

from __future__ import annotations

from harness_plugins.report.sections import sections
from harness_plugins.tables.model import Table, names, numbers
from harness_plugins.tables.package_tables import PackageTables


def table(section: str) -> Table:
    shown = Table("t", f"of {section}", [*names("judge"), *numbers("n")], section=section)
    shown.add("qwen", "1")
    return shown


def test_a_section_without_data_is_not_there() -> None:
    made = sections([table("cost"), table("summary")], {})
    assert [s.id for s in made] == ["cost"] and [t.title for t in made[0].tables] == ["of cost"]


def test_tables_of_packages_have_their_own() -> None:
    made = sections([], {}, PackageTables([table("strange")]))
    assert [(s.id, len(s.tables)) for s in made] == [("packages", 1)] and "<caption>of strange" in made[0].tables[
        0
    ].html
