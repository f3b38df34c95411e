"""The pages that the code writes are what it says today, and every page of the site is in its navigation."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
import yaml

from evaluators.errors import KINDS
from evaluators.stop_messages import FIXES
from tests.conftest import ROOT
from tools.reference_pages import DOCS, PAGES
from tools.site_pages import on_page_markdown


@pytest.mark.parametrize("place", PAGES)
def test_a_page_is_what_the_code_says(place: str) -> None:
    assert (DOCS / place).read_text(encoding="utf-8") == PAGES[place](), (
        "python tools/reference_pages.py writes it anew"
    )


def test_a_fix_is_of_a_kind_of_error() -> None:
    assert set(FIXES) <= set(KINDS)


def test_the_index_names_every_table_of_a_paper() -> None:
    page = PAGES["papers.md"]()
    for path in (ROOT / "results" / "tables").glob("*.yaml"):
        assert f"--spec {path.stem} " in page
    used = {name for spec in page.splitlines() for name in re.findall(r"`(\w+)\.yaml`", spec)}
    assert used <= {p.stem for p in (ROOT / "results" / "published").glob("*.yaml")}


def test_links_between_root_and_docs_lead_to_where_the_pages_are_on_the_site() -> None:
    def shown(page: str, text: str) -> str:
        return on_page_markdown(text, SimpleNamespace(file=SimpleNamespace(src_uri=page)))

    assert shown("ARCHITECTURE.md", "[a](docs/design/README.md)") == "[a](design/README.md)"
    assert shown("benchmarks.md", "[a](../CONTRIBUTING.md#add-a-benchmark)") == "[a](CONTRIBUTING.md#add-a-benchmark)"
    assert (
        shown("howto/judge.md", "[a](../../CONTRIBUTING.md) [b](../config.md)")
        == "[a](../CONTRIBUTING.md) [b](../config.md)"
    )


def test_every_page_is_in_the_navigation() -> None:
    """mkdocs says so too, but it is not installed where the core's tests run."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"[\w/-]+\.md", yaml.safe_dump(yaml.safe_load(text)["nav"])))
    assert {str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md")} <= listed
