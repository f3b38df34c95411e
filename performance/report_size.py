"""How large a report of 1,000 items is, how long it takes to make, how soon a browser has it open, and how soon a filter answers.

    python performance/report_size.py [--items 1000] [--keep DIR]

Each item has three images of 1024 x 1024 (noisy photographs of about 0.5 MB, no two alike), a text of 500 characters a
candidate, a rubric, and two judges with reasons of 600 characters in four arms and both orders. The time to open is taken
in Debian's chromium, where it is installed: from navigation to the browser of items ready to use.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from evaluators.prompts.template import Case
from evaluators.specs import JudgeSpec
from evaluators.testing.mock import MockJudge

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
SENTENCE = "the picture shows a red bird on a small house near some water with trees behind it while people walk along"
WORDS = SENTENCE.split()
PHOTOGRAPHS = 8


def photographs(quality: int, edge: int = 1024) -> list[bytes]:
    """Noisy JPEGs, as hard to compress as photographs are."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    found = []
    for _ in range(PHOTOGRAPHS):
        small = Image.fromarray(rng.integers(0, 255, (24, 24, 3), dtype=np.uint8))
        smooth = np.asarray(small.resize((edge, edge), Image.Resampling.BICUBIC)).astype(int)
        noisy = (smooth + rng.integers(-25, 25, smooth.shape)).clip(0, 255).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(noisy).save(out, "JPEG", quality=quality)
        found.append(out.getvalue())
    return found


def make_run(root: Path, items: int, images: int = 3, quality: int = 90) -> Path:
    """A judged run folder of so many items."""
    from harness_plugins import run

    bases, rnd = photographs(quality), random.Random(0)
    (root / "images").mkdir(parents=True)

    def text(words: int) -> str:
        return " ".join(rnd.choice(WORDS) for _ in range(words))

    rows, rubrics = [], []
    for n in range(items):
        names = [f"images/{n}-{k}.jpg" for k in range(images)]
        for k, name in enumerate(
            names
        ):  # what follows the end of a JPEG is not looked at, and makes its digest another
            (root / name).write_bytes(bases[(n * images + k) % PHOTOGRAPHS] + name.encode())
        candidates = [{"text": f"{text(90)} {n}", "media": names[1 + k : 2 + k]} for k in (0, 1)]
        rows.append({"id": f"p{n}", "prompt": text(40), "media": names[:1], "candidates": candidates, "label": n % 2})
        criteria = "\n".join(f"{k + 1}. {text(3)} (20%): {text(18)}" for k in range(5))
        rubrics.append({"benchmark": "pairs", "id": f"p{n}", "writer": "writer", "text": criteria})
    for name, lines in (("rows", rows), ("rubrics", rubrics)):
        (root / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
    (root / "config.yaml").write_text(
        f"benchmarks: [{{name: pairs, path: {root}/rows.jsonl, media_root: {root}}}]\n"
        f"rubrics: {{writer: {root}/rubrics.jsonl}}\narms: [none, transferred, shuffled, repeat]\n"
        "judges: [{name: one, backend: openai, model: m1, base_url: 'http://127.0.0.1:1/v1'},\n"
        "         {name: two, backend: openai, model: m2, base_url: 'http://127.0.0.1:1/v1'}]\n"
        f"out: {root}/run\n"
    )

    def reply(name: str):  # type: ignore[no-untyped-def]
        def decide(case: Case) -> str:
            draw = random.Random(f"{name} {case.item.uid} {case.order} {case.rubric.text if case.rubric else ''}")
            right = 1 + case.order.index("AB"[case.item.label.preferred or 0])
            choice = right if draw.random() < (0.75 if case.rubric else 0.65) else 3 - right
            return f"{' '.join(draw.choice(WORDS) for _ in range(120))}\n<answer>{choice}</answer>"

        return decide

    specs = {
        n: JudgeSpec(name=n, backend="openai", model=m, base_url="http://127.0.0.1:1/v1")
        for n, m in (("one", "m1"), ("two", "m2"))
    }
    run(root / "config.yaml", judges={n: MockJudge(spec, reply(n)) for n, spec in specs.items()})
    return root / "run"


FILTER = """
const times = [];
for (const chip of document.querySelectorAll('[data-show]')) {
  const start = performance.now();
  chip.click();
  document.getElementById('item').getBoundingClientRect();
  times.push(performance.now() - start);
}
return times;
"""
"""Milliseconds from a press to the list and the open item laid out, for each filter."""


class Times(NamedTuple):
    """In seconds."""

    to_open: float
    """From navigation to the browser of items ready to use."""
    to_filter: float
    """The slowest filter."""


def times_in_browser(page: Path) -> Times:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        driver.get(page.absolute().as_uri())
        to_open = int(driver.execute_script("return document.documentElement.dataset.ready")) / 1000
        return Times(to_open, max(driver.execute_script(FILTER)) / 1000)
    finally:
        driver.quit()


def main() -> None:
    from harness_plugins.report import write_report

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="make the run there and keep it")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = args.keep or Path(temporary)
        folder = root / "run" if (root / "run").is_dir() else make_run(root, args.items)
        start = time.monotonic()
        made = write_report(folder, root / "report.html")
        took = time.monotonic() - start
        print(f"{made.items} items, {made.size / 1e6:.1f} MB, made in {took:.1f} s")
        if CHROMIUM.exists() and DRIVER.exists():
            times = times_in_browser(made.path)
            print(f"open and ready after {times.to_open:.2f} s, a filter answers in {1000 * times.to_filter:.0f} ms")
        else:
            print("no chromium: the time to open was not measured")


if __name__ == "__main__":
    main()
