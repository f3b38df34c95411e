"""Precision and recall of the leak detector on rubrics labelled by hand.

    python performance/leaks.py                  # both sets
    python performance/leaks.py --errors first   # and what it got wrong in one of them

`tests/evaluators/rubrics/leaks/first.jsonl` was looked at while the detector was written; `second.jsonl` was not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import orjson

from evaluators.rubrics.leaks import CLASSES, leak_classes

SETS = Path(__file__).parent.parent / "tests" / "evaluators" / "rubrics" / "leaks"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--errors", choices=["first", "second"], help="print what was missed or wrongly found in this set"
    )
    args = parser.parse_args()
    print(f"{'set':8} {'class':12} {'labelled':>8} {'found':>6} {'precision':>10} {'recall':>7}")
    for name in ("first", "second"):
        rows = [orjson.loads(line) for line in (SETS / f"{name}.jsonl").read_bytes().splitlines()]
        pairs = [(set(r["classes"]), set(leak_classes(r["text"], r["responses"]))) for r in rows]
        for kind in (*CLASSES, "any"):
            truth = [bool(t) if kind == "any" else kind in t for t, _ in pairs]
            found = [bool(f) if kind == "any" else kind in f for _, f in pairs]
            right = sum(t and f for t, f in zip(truth, found, strict=True))
            precision = f"{right / sum(found):.2f}" if any(found) else "-"
            print(f"{name:8} {kind:12} {sum(truth):8} {sum(found):6} {precision:>10} {right / max(1, sum(truth)):7.2f}")
        if args.errors == name:
            for row, (truth, found) in zip(rows, pairs, strict=True):
                if truth != found:
                    print(
                        f"\n{row['id']}: missed {sorted(truth - found)}, wrong {sorted(found - truth)}\n{row['text']}"
                    )


if __name__ == "__main__":
    main()
