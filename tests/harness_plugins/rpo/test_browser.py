"""The page of a training run in a real browser, opened as a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("selenium.webdriver", reason="pip install selenium")

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from harness_plugins.report.texts import plain
from harness_plugins.rpo.page import write_page
from tests.harness_plugins.browsing import CONTRAST, NEEDS_A_BROWSER, said, visit
from tests.harness_plugins.rpo.rpo_runs import ATTACK, OUTCOMES, STEPS, make_run

pytestmark = NEEDS_A_BROWSER
PAIRS = STEPS * len(OUTCOMES)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(make_run(tmp_path_factory.mktemp("page"))).as_uri()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(make_run(tmp_path_factory.mktemp("hostile"), hostile=True)).as_uri()


def shows(driver: Any, text: str, browser: str = "pairs") -> None:
    WebDriverWait(driver, 5).until(lambda d: d.find_element(By.ID, f"{browser}-count").text == text, text)


def click(driver: Any, selector: str) -> None:
    """Wherever the page is scrolled to: its bar of sections may lie over the place."""
    driver.execute_script("arguments[0].click()", driver.find_element(By.CSS_SELECTOR, selector))


def enter(driver: Any, name: str, value: str) -> None:
    box = driver.find_element(By.ID, name)
    box.clear()
    box.send_keys(value)


def test_pictures_are_shown_where_they_lie_and_nothing_is_refused(driver: Any, address: str) -> None:
    visit(driver, address)
    for image in driver.find_elements(By.CSS_SELECTOR, "a.shot img")[:30]:
        driver.execute_script("arguments[0].scrollIntoView()", image)
        WebDriverWait(driver, 5).until(lambda d, i=image: d.execute_script("return arguments[0].naturalWidth", i))
    assert said(driver) == []
    click(driver, ".pair a.shot")
    assert driver.find_element(By.CSS_SELECTOR, "#zoom img").is_displayed()


def test_pairs_are_filtered_by_outcome_step_and_prompt(driver: Any, address: str) -> None:
    visit(driver, address)
    shows(driver, f"All {PAIRS} pairs")
    assert len(driver.find_elements(By.CSS_SELECTOR, "#pairs-list .pair")) == 12, "a page at a time"
    first = driver.find_element(By.CSS_SELECTOR, "#pairs-list h3").text
    assert first.startswith(f"Step {STEPS}, pair 1")
    click(driver, "#pairs-next")
    assert driver.find_element(By.ID, "pairs-range").text == "13 to 24"
    click(driver, "input[name=pairs][value='2']")
    shows(driver, f"{STEPS} of {PAIRS} pairs")
    enter(driver, "pairs-from", "2")
    enter(driver, "pairs-to", "3")
    shows(driver, f"2 of {PAIRS} pairs")
    click(driver, "#pairs-filters [type=reset]")
    shows(driver, f"All {PAIRS} pairs")
    enter(driver, "pairs-search", "THING 5")
    shows(driver, f"{STEPS} of {PAIRS} pairs")
    assert "Never answered: timeout: no answer in 120 s" in driver.find_element(By.CSS_SELECTOR, ".pair").text


def test_held_out_comparisons_are_filtered_by_checkpoint_and_outcome(driver: Any, address: str) -> None:
    visit(driver, address)
    shows(driver, "All 20 comparisons", "held")
    driver.execute_script(
        "const s = document.getElementById('held-group'); s.value = 'test-4'; s.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    shows(driver, "8 of 20 comparisons", "held")
    click(driver, "input[name=held][value='4']")
    shows(driver, "1 of 20 comparisons", "held")


def test_hostile_texts_run_nothing_and_are_seen(driver: Any, hostile: str) -> None:
    visit(driver, hostile)
    driver.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    time.sleep(0.2)
    assert driver.execute_script("return window.__pwned") is None
    assert driver.execute_script("return document.querySelectorAll('main script, main svg').length") == 0
    assert said(driver) == [], "nothing was even refused: no text became markup"
    assert plain(ATTACK) in driver.execute_script("return document.getElementById('pairs-list').textContent")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(driver: Any, address: str, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    visit(driver, address)
    driver.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    assert driver.execute_script(CONTRAST) == []
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("width", [360, 768, 2200])
def test_no_width_scrolls_sideways(driver: Any, address: str, hostile: str, width: int) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for page in (address, hostile):
        visit(driver, page)
        driver.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
        inner, outer = driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert inner <= outer == width
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_control_has_a_name_and_every_id_is_one(driver: Any, address: str) -> None:
    visit(driver, address)
    driver.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    nodes = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = {
        "button",
        "link",
        "checkbox",
        "combobox",
        "searchbox",
        "spinbutton",
        "image",
        "region",
        "table",
        "navigation",
    }
    named = [
        (n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored") and "role" in n
    ]
    assert not [role for role, name in named if role in roles and not name.strip()]
    ids = driver.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_a_picture_that_is_gone_is_said(driver: Any, tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for file in (run.path / "pairs" / f"{STEPS - 1:06d}").iterdir():
        file.unlink()
    visit(driver, write_page(run).as_uri())
    driver.execute_script("document.getElementById('pairs-list').scrollIntoView()")
    WebDriverWait(driver, 5).until(lambda d: "no picture at pairs/000003" in d.find_element(By.ID, "pairs-list").text)
