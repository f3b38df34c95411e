"""Links of the pages in the root lead to files and headings that are there; those within docs/ are mkdocs' own business."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from tests.conftest import ROOT


def links(text: str) -> list[str]:
    inline = (child for token in MarkdownIt().parse(text) for child in token.children or ())
    return [str(child.attrs["href"]) for child in inline if child.type == "link_open"]


def anchors(text: str) -> set[str]:
    """Those of its headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w -]", "", h.lower()).strip().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    lost = []
    for link in links(text):
        name, _, anchor = link.partition("#")
        path = ROOT / name if name else ROOT / page
        if "://" in link:
            continue
        if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            lost.append(link)
    assert lost == []
