"""What the docs site takes from outside docs/: mkdocs calls these functions (`hooks` of mkdocs.yml).

Files of the repository's root become pages, and links between them and docs/ are turned to where they lie on the site.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")


def on_files(files: Any, config: Any) -> Any:
    from mkdocs.structure.files import File

    for name in PAGES:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A page's text with the links of the site.

    >>> class Page: file = type("File", (), {"src_uri": "ARCHITECTURE.md"})
    >>> on_page_markdown("[a](docs/design/README.md) [b](LICENSE)", Page)
    '[a](design/README.md) [b](LICENSE)'
    """
    if page.file.src_uri in PAGES:
        return markdown.replace("](docs/", "](")
    return re.sub(rf"\]\((\.\./)((?:\.\./)*(?:{'|'.join(map(re.escape, PAGES))}))", r"](\2", markdown)
