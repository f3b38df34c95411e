"""The pages that the code writes are what it says today, and every page of the site is in its navigation."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from types import SimpleNamespace

import pytest
import yaml

from evaluators import records
from evaluators.errors import KINDS
from evaluators.specs import JudgeSpec
from evaluators.stop_messages import FIXES
from tests.conftest import ROOT
from tools.reference_pages import DOCS, IN_EVERY_KEY, KEYS, PAGES, RECORDS, config
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


def test_every_key_of_a_config_is_explained() -> None:
    for models in KEYS.values():
        for model in models:
            inherited = {name for base in model.__bases__ for name in getattr(base, "model_fields", {})}
            own = {name for name in model.model_fields if name not in inherited}
            rows = set(re.findall(r"^\| `(\w+)`", config(), re.M))
            assert own <= rows, model.__name__
    assert JudgeSpec.model_fields.keys() >= IN_EVERY_KEY


def test_every_record_is_on_the_page_with_its_fields() -> None:
    """The dataclasses of evaluators/records.py, but for what is left of texts in a public export."""
    declared = {v for v in vars(records).values() if is_dataclass(v) and v.__module__ == records.__name__}
    assert declared - {records.ItemFacts, records.RubricFacts} == set(RECORDS)
    page = PAGES["reference/records.md"]()
    for record in RECORDS:
        section = page.partition(f"## {record.__name__}\n")[2].partition("\n## ")[0]
        assert set(re.findall(r"^\| `(\w+)` \|", section, re.M)) == {f.name for f in fields(record)}, record.__name__
