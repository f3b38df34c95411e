"""The picture of the page in README.md: a run of scripted judges over the bundled benchmark, opened in chromium.

    python -m tools.page_picture          # writes docs/page.png

The judges are no models. Each is right with a chance of its own, and more often where it reads a rubric that its script calls good.
"""

from __future__ import annotations

import base64
import io
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from evaluators.prompts.template import Case
from evaluators.testing.mock import MockJudge, Reply
from harness_plugins import run
from harness_plugins.config.run import load_config
from harness_plugins.report import write_report
from performance.report_size import CHROMIUM, DRIVER

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "page.png"
WIDTH, HEIGHT = 1180, 985
SKILL = {"judge-a": 0.66, "judge-b": 0.50, "judge-c": 0.86}
FAMILIES = {"judge-a": "one", "judge-b": "two", "judge-c": "grm"}
HELP = {"grm": 0.30, "arr": 0.16, "vague": 0.03}
"""What a writer's rubric for the very item adds to a judge's chance to be right."""
CONFIG = """\
benchmarks: [demo]
rubrics: {rubrics}
arms: [none, generic, transferred, shuffled, advice, repeat]
judges:
{judges}out: scripted-judges
"""


def scripted(judge: str, texts: dict[str, str]) -> Callable[[Case], Reply]:
    """Args:
    texts: rubric's text -> the item that it was written for."""
    draw = random.Random(judge)  # noqa: S311  (a picture)

    def reply(case: Case) -> Reply:
        chance = SKILL[judge] + (0.06 if case.advice else 0.0)
        if case.rubric is not None:
            writer, _, text = case.rubric.text.partition(": ")
            mine = texts.get(text) == case.item.source_id
            chance += HELP.get(writer, 0.04) if mine or writer not in HELP else 0.02
        # The same item is easy or hard under every arm; a quarter of the answers is chance.
        steady = random.Random(f"{judge} {case.item.uid} {case.order}").random()  # noqa: S311
        luck = steady if draw.random() < 0.75 else draw.random()
        right = 1 + case.order.index("AB"[case.item.label.preferred or 0])
        return str(right if luck < min(chance, 0.98) else 3 - right)

    return reply


def scripted_run(folder: Path) -> Path:
    """The run folder."""
    rubrics = [orjson.loads(x) for x in (ROOT / "tasks/demo/rubrics/careful.jsonl").read_bytes().splitlines()]
    verdicts = random.Random(3)  # noqa: S311
    for writer in HELP:
        about: dict[str, Any] = {"name": writer, "model": f"writer-{writer}", "family": writer}
        saw = (
            [{"saw": order, "verdict": verdicts.choice([1, 2])} for order in ("AB", "BA")] if writer == "grm" else [{}]
        )
        lines = [{**r, **s, "writer": about, "text": f"{writer}: {r['text']}"} for r in rubrics for s in saw]
        (folder / f"{writer}.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    judges = "".join(
        f"  - {{name: {name}, backend: openai, model: {name}, base_url: 'http://unused.invalid/v1', family: {FAMILIES[name]}}}\n"
        for name in SKILL
    )
    files = "{" + ", ".join(f"{writer}: {writer}.jsonl" for writer in HELP) + "}"
    (folder / "run.yaml").write_text(CONFIG.format(rubrics=files, judges=judges))
    config = load_config(folder / "run.yaml")
    texts = {r["text"]: str(r["id"]) for r in rubrics}
    return run(config, judges={j.name: MockJudge(j, scripted(j.name, texts)) for j in config.judges}).out


def photograph(page: Path) -> bytes:
    """The top of a page as PNG."""
    from PIL import Image
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.get(page.as_uri())
        shot = base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", {})["data"])
    finally:
        driver.quit()
    out = io.BytesIO()
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        PICTURE.write_bytes(photograph(write_report(scripted_run(Path(scratch))).path))
