"""Build the demo benchmark: 40 small pictures, 40 answer pairs with known flaws, and two sets of rubrics.

Everything is written next to this file: `images/*.png`, `pairs.jsonl`, `rubrics/careful.jsonl`, `rubrics/vague.jsonl`.
What the pictures show and all texts live in `demo_facts.py`, the drawing in `demo_pictures.py`.  A second run gives the
same JSONL bytes; the bytes of the pictures depend on the Pillow version.  Needs Pillow with FreeType:

    python make_demo.py
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from demo_facts import CAREFUL_MISTAKES, ITEMS, Criterion, Item
from demo_pictures import draw

HERE = Path(__file__).resolve().parent
MAX_PNG_BYTES = 8 * 1024
PER_CATEGORY = {"charts": 14, "scenes": 13, "text": 13}


def category(item: Item) -> str:
    return item.id.split("-")[0]


def pair_row(item: Item) -> dict[str, object]:
    good = (item.good, {"severity": "minor"} | item.minor._asdict())
    bad = (item.bad, {"severity": "major"} | item.major._asdict())
    both = (bad, good) if item.label else (good, bad)
    return {
        "id": item.id,
        "prompt": item.prompt,
        "media": [f"images/{item.id}.png"],
        "candidates": [text for text, _ in both],
        "label": item.label,
        "category": category(item),
        "group": item.id,
        "flaws": [flaw for _, flaw in both],
    }


def rubric_row(item: Item, writer: str) -> dict[str, object]:
    criteria: Sequence[Criterion] = getattr(item, writer)
    lines = [f"{n}. {c.name} ({c.weight}%): {c.description}" for n, c in enumerate(criteria, 1)]
    return {
        "benchmark": "demo",
        "id": item.id,
        "writer": {"name": writer, "method": "hand-written", "family": f"demo-{writer}"},
        "criteria": [{"name": c.name, "description": c.description, "weight": c.weight} for c in criteria],
        "text": "\n".join(lines),
        "saw": "nothing",
    }


def check_balance() -> Counter[tuple[int, bool]]:
    """Assert the promised balance, and return how many items fall in each (label, good answer is longer) cell."""
    assert len({item.id for item in ITEMS}) == len(ITEMS) == 40
    assert Counter(map(category, ITEMS)) == PER_CATEGORY
    assert CAREFUL_MISTAKES.keys() <= {item.id for item in ITEMS}
    for item in ITEMS:
        assert all(80 <= len(text) <= 350 for text in (item.good, item.bad)), item.id
        assert len(item.good) != len(item.bad), item.id
        assert 3 <= len(item.careful) <= 4 and len(item.vague) == 3, item.id
        assert all(sum(c.weight for c in rubric) == 100 for rubric in (item.careful, item.vague)), item.id
    cells = Counter((int(item.label), len(item.good) > len(item.bad)) for item in ITEMS)
    assert set(cells.values()) == {10} and len(cells) == 4, cells
    for name in PER_CATEGORY:
        inside = Counter((item.label, len(item.good) > len(item.bad)) for item in ITEMS if category(item) == name)
        assert set(inside.values()) <= {3, 4}, (name, inside)
    return cells


STOPWORDS = frozenset(
    re.findall(
        r"\w+",
        "a about all an and are as at be been before but by each for from had has have how in into is it its no not of "
        "off on one only or other out over s so some than that the their them then there these they this those to up "
        "was were what when which while who with",
    )
)


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower())) - STOPWORDS


def overlap(criteria: Sequence[Criterion], response: str) -> float:
    """The weighted mean over the criteria of the share of a criterion's words that the response uses."""
    said = words(response)
    return sum(c.weight * len(words(c.description) & said) / max(1, len(words(c.description))) for c in criteria) / 100


def meter(writer: str) -> tuple[int, int]:
    """How many items the overlap with this writer's rubric gets right, and how many it leaves tied."""
    gaps = [overlap(getattr(item, writer), item.good) - overlap(getattr(item, writer), item.bad) for item in ITEMS]
    return sum(gap > 1e-9 for gap in gaps), sum(abs(gap) <= 1e-9 for gap in gaps)


def write_jsonl(path: Path, rows: Iterable[dict[str, object]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8", newline="\n")


def main() -> None:
    cells = check_balance()
    (HERE / "images").mkdir(exist_ok=True)
    sizes = []
    for item in ITEMS:
        path = HERE / "images" / f"{item.id}.png"
        draw(item.id).save(path)
        sizes.append(path.stat().st_size)
        assert sizes[-1] <= MAX_PNG_BYTES, (path.name, sizes[-1])
    write_jsonl(HERE / "pairs.jsonl", map(pair_row, ITEMS))
    print(f"{len(sizes)} pictures, {min(sizes)} to {max(sizes)} bytes, {sum(sizes)} in all")
    for (label, longer), count in sorted(cells.items()):
        print(f"label {label}, preferred answer {'longer' if longer else 'shorter'}: {count}")
    for writer in ("careful", "vague"):
        write_jsonl(HERE / "rubrics" / f"{writer}.jsonl", (rubric_row(item, writer) for item in ITEMS))
        right, tied = meter(writer)
        print(f"{writer}: right {right}, tied {tied}, ties as half {(right + tied / 2) / len(ITEMS):.1%}")


if __name__ == "__main__":
    main()
