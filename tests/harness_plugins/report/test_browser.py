"""The report in a real browser: Debian's chromium, headless. Its data are counted again from the run's own files."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("PIL")
pytest.importorskip("selenium.webdriver", reason="pip install selenium")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from harness_plugins.report import write_report
from harness_plugins.report.texts import plain
from performance.report_size import make_run as make_large_run
from tests.harness_plugins.browsing import CONTRAST, NEEDS_A_BROWSER, said, visit
from tests.harness_plugins.report.report_runs import ATTACK, HOSTILE_JUDGE, HOSTILE_WRITER, LEAKING, make_run, recounted

pytestmark = NEEDS_A_BROWSER
ITEMS = 60
Cell = tuple[str, str, str | None]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("browser"), items=ITEMS)


@pytest.fixture(scope="module")
def address(run_folder: Path) -> str:
    return write_report(run_folder).path.as_uri()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report(make_run(tmp_path_factory.mktemp("hostile"), hostile=True, items=6)).path.as_uri()


def count(driver: Any) -> int:
    """The number of items that match, as the page announces it."""
    text = driver.find_element(By.ID, "count").text
    return int(text.removeprefix("All ").split()[0].replace(",", ""))


def settle(driver: Any, expected: int) -> None:
    WebDriverWait(driver, 5).until(lambda d: count(d) == expected, f"{expected} matches")


def tick(driver: Any, name: str) -> None:
    driver.find_element(By.CSS_SELECTOR, f"input[value={name}]").click()


def shown(driver: Any, name: str) -> int:
    return int(driver.find_element(By.CSS_SELECTOR, f"[data-count={name}]").text)


def test_it_opens_without_an_error_and_asks_for_nothing(driver: Any, address: str) -> None:
    visit(driver, address)
    assert said(driver) == []
    entries = [json.loads(e["message"])["message"] for e in driver.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in entries if e["method"] == "Network.requestWillBeSent"}
    assert asked and {u.split(":")[0] for u in asked} <= {"file", "data"}
    assert sum(u.startswith("file") for u in asked) == 1, "the page and nothing else"
    assert driver.execute_script("return [...document.images].every(i => i.complete && i.naturalWidth > 10)")


def test_the_policy_lets_nothing_out(driver: Any, address: str) -> None:
    visit(driver, address)
    refused = driver.execute_async_script(
        "const done = arguments[0], found = [];"
        "addEventListener('securitypolicyviolation', e => { found.push(e.effectiveDirective); if (found.length == 3) done(found); });"
        "document.body.append(Object.assign(new Image(), {src: 'https://example.invalid/x.png'}));"
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.__pwned = 9'}));"
        "fetch('https://example.invalid/').catch(() => 0);"
    )
    assert sorted(refused) == ["connect-src", "img-src", "script-src-elem"]
    assert driver.execute_script("return window.__pwned") is None


def test_filters_count_what_the_verdicts_say(driver: Any, address: str, run_folder: Path) -> None:
    counted = recounted(run_folder)

    def items(name: str, judge: str = "", arm: str = "") -> set[str]:
        return {
            uid
            for uid, cells in counted.items()
            if any(name in f and judge in ("", j) and arm in ("", a) for (j, a, _), f in cells.items())
        }

    visit(driver, address)
    assert count(driver) == ITEMS
    for name in ("fixed", "broken", "flipped"):
        assert shown(driver, name) == len(items(name)) > 0
        tick(driver, name)
        settle(driver, len(items(name)))
        tick(driver, name)
    Select(driver.find_element(By.ID, "judge")).select_by_value("steady")
    Select(driver.find_element(By.ID, "arm")).select_by_value("transferred")
    tick(driver, "fixed")
    settle(driver, len(items("fixed", "steady", "transferred")))
    assert count(driver) == ITEMS * 2 // 3
    tick(driver, "leak")
    settle(driver, len(LEAKING))
    driver.find_element(By.ID, "reset").click()
    settle(driver, ITEMS)
    tick(driver, "fixed")
    tick(driver, "flipped")
    settle(driver, len(items("fixed") & items("flipped")))
    driver.find_element(By.ID, "reset").click()
    Select(driver.find_element(By.ID, "category")).select_by_value("odd")
    settle(driver, ITEMS // 2)
    driver.find_element(By.ID, "search").send_keys("PAIR-7 Because")
    settle(driver, 1)
    assert said(driver) == []


def test_the_address_keeps_filter_and_item(driver: Any, address: str) -> None:
    visit(driver, address)
    tick(driver, "broken")
    settle(driver, ITEMS // 3)
    link = driver.find_elements(By.CSS_SELECTOR, "#list a")[2]
    uid = link.get_attribute("data-uid")
    link.click()
    kept = driver.current_url
    assert "show=broken" in kept
    visit(driver, kept)
    assert count(driver) == ITEMS // 3 and uid in driver.find_element(By.ID, "item").text
    assert driver.find_element(By.CSS_SELECTOR, "#list [aria-current]").get_attribute("data-uid") == uid
    assert driver.find_element(By.CSS_SELECTOR, "input[value=broken]").is_selected()


def test_it_is_walked_by_keyboard(driver: Any, address: str) -> None:
    visit(driver, address)

    def focused() -> Any:
        return driver.switch_to.active_element

    def press(*keys: str) -> None:
        focused().send_keys(*keys)

    driver.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert focused().text == "Skip to the content" and focused().rect["y"] >= 0, "seen when it has the focus"
    press(Keys.ENTER)
    assert focused().get_attribute("id") == "main"
    driver.execute_script("document.querySelector('#list a').focus()")
    first = focused().get_attribute("data-uid")
    press(Keys.ARROW_DOWN)
    press(Keys.ARROW_DOWN)
    press(Keys.ARROW_UP)
    second = focused().get_attribute("data-uid")
    assert second != first
    assert driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press(Keys.ENTER)
    assert focused().get_attribute("id") == "item-title" and second in driver.find_element(By.ID, "item").text
    driver.execute_script("document.querySelector('.steps button:last-child').focus()")
    press(Keys.ENTER)
    assert second not in driver.find_element(By.ID, "item").text, "the next one"
    driver.execute_script("document.querySelector('input[value=fixed]').focus()")
    press(Keys.SPACE)
    WebDriverWait(driver, 5).until(lambda d: count(d) < ITEMS)
    reason = driver.find_element(By.CSS_SELECTOR, ".verdict summary")
    reason.send_keys(Keys.ENTER)
    assert "Because." in driver.find_element(By.CSS_SELECTOR, ".verdict .reason").text
    driver.find_element(By.CSS_SELECTOR, ".verdict .link").send_keys(Keys.ENTER)
    assert focused().tag_name == "summary" and focused().text.startswith("R1")


def test_a_screen_reader_finds_its_way(driver: Any, address: str) -> None:
    visit(driver, address)
    driver.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    nodes = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = {
        "button",
        "link",
        "checkbox",
        "combobox",
        "searchbox",
        "textbox",
        "img",
        "image",
        "region",
        "article",
        "navigation",
        "table",
    }
    named = [
        (n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored") and "role" in n
    ]
    found = [(r, name) for r, name in named if r in roles]
    assert len(found) > 40 and not [r for r, name in found if not name.strip()], "a control without a name"
    assert {"main", "navigation", "banner", "contentinfo", "search", "status"} <= {r for r, _ in named}
    ids = driver.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    levels = driver.execute_script(
        "return [...document.querySelectorAll('h1,h2,h3,h4,h5')].map(e => Number(e.tagName[1]))"
    )
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels)), levels
    assert driver.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
    assert driver.find_element(By.ID, "count").get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(driver: Any, address: str, scheme: str) -> None:
    """WCAG 2 AA: 4.5 to 1, in both schemes."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    visit(driver, address)
    driver.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    assert driver.execute_script(CONTRAST) == []
    dark = driver.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(14, 18, 22)"
    assert dark == (scheme == "dark")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_hostile_texts_run_nothing_and_are_seen(driver: Any, hostile: str) -> None:
    visit(driver, hostile)
    driver.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    for link in driver.find_elements(By.CSS_SELECTOR, "#list a")[:3]:
        link.click()
    driver.find_element(By.ID, "search").send_keys("window.__pwned")
    settle(driver, 6)
    time.sleep(0.2)
    assert driver.execute_script("return window.__pwned") is None
    assert driver.execute_script("return document.querySelectorAll('#item script, #item svg').length") == 0
    assert said(driver) == [], "nothing was even refused: no text became markup"
    text = driver.execute_script("return document.getElementById('item').textContent")
    assert plain(ATTACK).strip() in text and plain(HOSTILE_JUDGE) in text and plain(HOSTILE_WRITER) in text
    judges = [o.text for o in Select(driver.find_element(By.ID, "judge")).options]
    assert plain(HOSTILE_JUDGE) in judges
    Select(driver.find_element(By.ID, "judge")).select_by_visible_text(plain(HOSTILE_JUDGE))
    visit(driver, driver.current_url)
    assert Select(driver.find_element(By.ID, "judge")).first_selected_option.text == plain(HOSTILE_JUDGE)


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


def test_a_thousand_items_are_small_and_open_at_once(
    driver: Any, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    made = write_report(make_large_run(tmp_path, 1000, images=1, quality=60))
    assert made.items == 1000 and made.size < 30_000_000
    visit(driver, made.path.as_uri())
    ready = int(driver.execute_script("return document.documentElement.dataset.ready"))
    start = time.monotonic()
    driver.find_element(By.ID, "search").send_keys("p999")
    settle(driver, 1)
    record_property("ready_ms", ready)
    record_property("search_s", time.monotonic() - start)
    assert ready < 5000, "milliseconds from navigation; a second on a machine that is not busy"
    assert said(driver) == []
    assert len(driver.find_elements(By.CSS_SELECTOR, "#list li")) == 1
