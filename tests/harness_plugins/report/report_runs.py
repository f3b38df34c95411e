"""A small run whose report is known in advance: what each judge does to an item follows from the item's number."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge, Reply
from harness_plugins import run
from tests.conftest import write_jsonl

ITEMS = 12
LEAKING = (1, 4)
ATTACK = (
    '</script><script>window.__pwned=1</script><img src="https://example.invalid/x.png" onerror="window.__pwned=2">'
    " \u202eright to left\u2066 \u2028 $\\frac{1}{0}$ & &lt;b&gt; \\u003c \x07"
)
HOSTILE_JUDGE = '<img src=x onerror="window.__pwned=3">$x_1$'
HOSTILE_WRITER = "</script><svg onload=window.__pwned=4>\u202e"
LONG = "This is why. " * 400
"""A reason that is cut."""


def picture(shade: int, size: tuple[int, int] = (60, 40), kind: str = "PNG", **more: Any) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", size, (shade * 20 % 256, 80, 160)).save(out, kind, **more)
    return out.getvalue()


def number(case: Case) -> int:
    return int(case.item.source_id.split("-")[1])


def steady(case: Case) -> Reply:
    """Of every three items: without a rubric one goes by the place, one is wrong, one is right; with one it is the reverse."""
    right = 1 + case.order.index("AB"[case.item.label.preferred or 0])
    kind = number(case) % 3
    text = "" if case.rubric is None else case.rubric.text
    choice = {0: 1, 1: 3 - right, 2: right}[kind] if "item" not in text else right if kind != 2 else 3 - right
    return f"{LONG if number(case) == 0 else 'Because.'}\n<answer>{choice}</answer>"


def first(case: Case) -> Reply:
    return "1"


JUDGES: dict[str, Callable[[Case], Reply]] = {"steady": steady, "goes-first": first}


def make_run(root: Path, hostile: bool = False, items: int = ITEMS) -> Path:
    """The run folder; with `hostile` texts and names that attack a page."""
    (root / "images").mkdir(parents=True)
    rows, rubrics = [], []
    for n in range(items):
        (root / "images" / f"{n}.png").write_bytes(picture(n))
        texts = [f"good answer number {n}", f"bad answer number {n}, at greater length"]
        if hostile:
            texts[1] += ATTACK
        rows.append(
            {
                "id": f"pair-{n}",
                "prompt": f"What is in picture {n}?" + (ATTACK if hostile else ""),
                "media": [f"images/{n}.png"],
                "candidates": texts if n % 2 else texts[::-1],
                "label": 0 if n % 2 else 1,
                "category": "even" if n % 2 == 0 else "odd",
            }
        )
        leak = " Response 1 is better." if n in LEAKING else ""
        criteria = [{"name": "Fits", "description": f"Fits item {n}." + (ATTACK if hostile else ""), "weight": 60}]
        criteria.append({"name": "Short", "description": "No more words than needed.", "weight": 40})
        text = f"1. Fits (60%): Fits item {n}.\n2. Short (40%): No more words than needed.{leak}"
        text += ATTACK if hostile else ""
        rubrics.append({"benchmark": "pairs", "id": f"pair-{n}", "writer": "ann", "text": text, "criteria": criteria})
    write_jsonl(root / "rows.jsonl", rows)
    write_jsonl(root / "ann.jsonl", rubrics)
    url = "http://unused.invalid/v1"
    entries = ", ".join(f"{{name: {n}, backend: openai, model: {n}, base_url: '{url}'}}" for n in JUDGES)
    (root / "config.yaml").write_text(
        f"benchmarks: [{{name: pairs, path: {root}/rows.jsonl, media_root: {root}}}]\nrubrics: {{ann: {root}/ann.jsonl}}\n"
        f"arms: [none, transferred, shuffled, repeat]\njudges: [{entries}]\nout: {root}/run\n"
    )
    specs = {n: JudgeSpec(name=n, backend="openai", model=n, base_url=url) for n in JUDGES}
    run(root / "config.yaml", judges={n: MockJudge(specs[n], decide) for n, decide in JUDGES.items()})
    if hostile:  # names that a config refuses, and a folder of others may still hold
        for path in (root / "run").glob("*.json*"):
            found = path.read_bytes()
            for name, attack in (("goes-first", HOSTILE_JUDGE), ("ann", HOSTILE_WRITER)):
                found = found.replace(orjson.dumps(name), json.dumps(attack).encode())
            path.write_bytes(found)
    return root / "run"


def recounted(folder: Path) -> dict[str, dict[tuple[str, str, str | None], set[str]]]:
    """What happened by item and cell, from the jsonl alone: fixed, broken, flipped."""
    lines = [orjson.loads(x) for x in (folder / "verdicts.jsonl").read_bytes().splitlines()]
    preferred = {
        i["uid"]: i["label"]["preferred"] for i in map(orjson.loads, (folder / "items.jsonl").read_bytes().splitlines())
    }
    picks: dict[tuple[str, str, str, str | None], dict[str, int | None]] = {}
    for v in lines:
        picks.setdefault((v["item"], v["judge"], v["arm"], v["writer"]), {})[v["order"]] = v["pick"]
    found: dict[str, dict[tuple[str, str, str | None], set[str]]] = {uid: {} for uid in preferred}
    for (uid, judge, arm, writer), orders in picks.items():
        here = set(orders.values()) == {preferred[uid]}
        before = set(picks[uid, judge, "none", None].values()) == {preferred[uid]}
        said = {"flipped"} if len(set(orders.values())) == 2 else set()
        if arm != "none" and here != before:
            said.add("fixed" if here else "broken")
        found[uid][judge, arm, writer] = said
    return found
