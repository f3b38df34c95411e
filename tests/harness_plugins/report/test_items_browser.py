"""The browser of items in Debian's chromium: its counts are those of the tables, its links open what they say, nothing is clipped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("PIL")
pytest.importorskip("selenium.webdriver", reason="pip install selenium")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from harness_plugins.report import write_report
from harness_plugins.report.items import address as items_address
from harness_plugins.scoring.read import read_run
from harness_plugins.scoring.score import score
from tests.harness_plugins.browsing import CONTRAST, NEEDS_A_BROWSER, said, visit
from tests.harness_plugins.report.item_runs import STATES, make_state
from tests.harness_plugins.report.report_runs import LEAKING, make_run, recounted

pytestmark = NEEDS_A_BROWSER
ITEMS = 60
WIDTHS = (1280, 390)

CLIPPED = """
// Texts of the items that are cut off by their own box or by the window, but where a box scrolls or an ellipsis says so.
const bad = [];
for (const e of document.querySelectorAll('#items *')) {
  if (!e.checkVisibility() || e.closest('.vh') || ![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
  const style = getComputedStyle(e), box = e.getBoundingClientRect();
  const scrolls = e.closest('#list, .scroll, .chips, option, .start, .name');
  if (!scrolls && (box.right > innerWidth + 1 || box.left < -1)) bad.push(`${e.tagName}.${e.className} ${box.left} ${box.right}`);
  if (!scrolls && style.overflowX === 'hidden' && e.scrollWidth > e.clientWidth + 1) bad.push(`${e.tagName}.${e.className} is cut`);
}
return bad;
"""
SMALL_TARGETS = """
return [...document.querySelectorAll('#items button, #items select, #items input, #items summary, #list a')]
  .filter(e => e.checkVisibility() && !e.closest('.media')).map(e => [e.getBoundingClientRect().height, e.outerHTML.slice(0, 80)])
  .filter(([height]) => height < 44);
"""


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("items"), items=ITEMS)


@pytest.fixture(scope="module")
def page(run_folder: Path) -> str:
    return write_report(run_folder).path.as_uri()


@pytest.fixture(scope="module")
def crossed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_state(tmp_path_factory.mktemp("crossed"), STATES["crossed"])


@pytest.fixture(scope="module")
def crossed(crossed_folder: Path) -> str:
    return write_report(crossed_folder).path.as_uri()


@pytest.fixture
def at_width(driver: Any) -> Iterator[Callable[[int], None]]:
    def resize(width: int) -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    yield resize
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def count(driver: Any) -> int:
    """The number of items that match, as the page announces it."""
    text = driver.find_element(By.ID, "count").text
    return int(text.removeprefix("All ").split()[0].replace(",", ""))


def chip(driver: Any, name: str) -> Any:
    return driver.find_element(By.CSS_SELECTOR, f"[data-show='{name}']")


def chip_count(driver: Any, name: str) -> int:
    return int(chip(driver, name).find_element(By.CLASS_NAME, "n").text)


def item(driver: Any) -> str:
    """The open item's text."""
    text: str = driver.find_element(By.ID, "item").text
    return text


def title(driver: Any) -> str:
    text: str = driver.find_element(By.ID, "item-title").text
    return text


def press(driver: Any, *keys: str) -> None:
    driver.switch_to.active_element.send_keys(*keys)


def cell(driver: Any, words: str) -> Any:
    """The button of the board whose name begins so, such as `mock-alpha, its rubric`."""
    return driver.find_element(By.CSS_SELECTOR, f'.board button[aria-label^="{words}"]')


# Counts


def test_filters_count_what_the_verdicts_say(driver: Any, page: str, run_folder: Path) -> None:
    counted = recounted(run_folder)

    def items(name: str, arm: str, judge: str = "") -> int:
        return sum(
            any(name in f and judge in ("", j) and a == arm for (j, a, _), f in cells.items())
            for cells in counted.values()
        )

    visit(driver, page)
    assert count(driver) == ITEMS == chip_count(driver, "")
    for name in ("fixed", "broken", "flipped"):
        chip(driver, name).click()
        assert count(driver) == chip_count(driver, name) == items(name, "transferred")
        assert chip(driver, name).get_attribute("aria-pressed") == "true"
    chip(driver, "leak").click()
    assert count(driver) == len(LEAKING)
    Select(driver.find_element(By.ID, "arm")).select_by_value("shuffled")
    Select(driver.find_element(By.ID, "judge")).select_by_value("steady")
    for name in ("fixed", "broken", "flipped"):
        assert chip_count(driver, name) == items(name, "shuffled", "steady")
    Select(driver.find_element(By.ID, "category")).select_by_value("odd")
    chip(driver, "").click()
    assert count(driver) == ITEMS // 2
    driver.find_element(By.ID, "search").send_keys("PAIR-7 Because", Keys.ENTER)
    assert count(driver) == 1 and title(driver) == "pair-7"
    assert said(driver) == []


def test_a_link_opens_as_many_items_as_the_tables_count(driver: Any, crossed: str, crossed_folder: Path) -> None:
    """`gained` and `lost` of every cell, with every arm."""
    visit(driver, crossed)
    compared = 0
    for c in score(read_run(crossed_folder)).cells:
        if c.transitions is None or c.arm == "none":
            continue
        gained = sum(t["both_right"] for state, t in c.transitions.items() if state != "both_right")
        lost = sum(n for state, n in c.transitions["both_right"].items() if state != "both_right")
        filters = {"judge": c.judge, "arm": c.arm, "benchmark": c.benchmark} | (
            {"writer": c.writer} if c.writer else {}
        )
        for show, expected in (("fixed", gained), ("broken", lost)):
            driver.execute_script("location.hash = arguments[0]", items_address(show=show, **filters))
            WebDriverWait(driver, 5).until(lambda d, show=show: chip(d, show).get_attribute("aria-pressed") == "true")
            assert count(driver) == expected, (filters, show)
            compared += expected > 0
    assert compared > 20


# What an item shows


def test_an_item_says_what_changed_and_shows_rubrics_by_criterion(driver: Any, crossed: str) -> None:
    visit(driver, crossed + items_address(writer="grm", q="q-00"))
    what = driver.find_element(By.ID, "what").text
    assert (
        what.startswith("With grm’s rubric ")
        and "became right in both orders" in what
        and "Another item’s rubric" in what
    )
    assert "Response A ✓ people’s choice" in item(driver)
    heads = [e.text for e in driver.find_elements(By.CSS_SELECTOR, ".board thead th")]
    assert heads == [
        "A first / B first",
        "no rubric",
        "its rubrics",
        "other item's",
        "verdict only",
        "other order's",
        "generic",
        "asked again",
    ]
    rubrics = driver.find_elements(By.CSS_SELECTOR, "#item .beside")
    assert len(rubrics) == 2, "one was written for each order"
    assert "written with A first; it preferred A" in rubrics[0].text and "A shown first" in rubrics[0].text
    assert "60 %" in rubrics[0].text and "Leaks by its words: verdict, reference." in rubrics[0].text
    assert "".join(
        m.get_attribute("textContent") for m in rubrics[0].find_elements(By.CSS_SELECTOR, ".criteria mark")
    ).strip() == ("Response 1 is better.")
    bars = driver.execute_script(
        "return [...document.querySelectorAll('#item .part')].map(e => e.getBoundingClientRect().width)"
    )
    assert bars[0] == pytest.approx(1.5 * bars[1], abs=0.5), "weights of 60 and 40"
    without = rubrics[0].find_element(By.CSS_SELECTOR, ".without")
    assert without.text.startswith("without a rubric: ")
    without.find_element(By.TAG_NAME, "summary").click()
    assert "fits question q-00" in without.text
    assert said(driver) == []


def test_other_items_rubrics_say_so(driver: Any, crossed: str) -> None:
    visit(driver, crossed + items_address(writer="plain", q="q-00"))
    cell(driver, "mock-gamma, other item's").click()
    donor = driver.find_element(By.CSS_SELECTOR, "#item .donor")
    assert donor.text.startswith("Written for another item: q-")
    other = donor.find_element(By.TAG_NAME, "a").text
    assert f"Which answer to question {int(other[2:])} " in donor.text
    own = driver.find_element(By.CSS_SELECTOR, "#item details.own")
    assert own.find_element(By.TAG_NAME, "summary").text == "plain’s rubric for this item"
    cell(driver, "mock-gamma, generic").click()
    assert "A generic rubric, the same for all items of its kind" in item(driver)
    cell(driver, "mock-gamma, asked again").click()
    assert "No rubric was read: the same question, asked a second time." in item(driver)
    cell(driver, "mock-gamma, other item's").click()
    driver.find_element(By.CSS_SELECTOR, "#item .donor a").click()
    WebDriverWait(driver, 5).until(lambda d: title(d) == other)
    assert "not among the 1" in item(driver), "the search is for another one"


def test_an_item_without_a_rubric_borrows_the_verdict_without_one(driver: Any, crossed: str) -> None:
    visit(driver, crossed + items_address(writer="plain", q="q-11"))
    assert driver.find_element(By.ID, "what").text == (
        "plain has no rubric for this item: the verdict without one counts."
    )
    assert driver.find_element(By.CSS_SELECTOR, "#item .cell").text == "mock-alpha, no rubric", (
        "what can be read is open"
    )
    borrowed = cell(driver, "mock-gamma, its rubrics")
    assert borrowed.get_attribute("aria-label").endswith("the verdict without one counts")
    borrowed.click()
    assert driver.find_element(By.CSS_SELECTOR, "#item .cell").text == "mock-gamma, its rubrics"


def test_a_chosen_cell_and_writer_are_remembered_while_moving(driver: Any, crossed: str) -> None:
    visit(driver, crossed + items_address(writer="grm"))
    cell(driver, "mock-beta, asked again").click()
    press(driver, "j")
    assert title(driver) == "q-01"
    assert driver.find_element(By.CSS_SELECTOR, "#item .cell").text == "mock-beta, asked again"
    assert driver.switch_to.active_element.get_attribute("aria-label").startswith("mock-beta, asked again"), (
        "the focus stays"
    )
    press(driver, "w")
    assert Select(driver.find_element(By.ID, "writer")).first_selected_option.text == "rubrics of plain"
    assert (
        driver.find_element(By.CSS_SELECTOR, "#item .cell").text == "mock-beta, asked again" and title(driver) == "q-01"
    )


# Address and keys


def test_the_address_keeps_everything_in_a_fresh_tab(driver: Any, crossed: str) -> None:
    visit(driver, crossed)
    assert "#" not in driver.current_url, "an address appears when a reader does something"
    Select(driver.find_element(By.ID, "writer")).select_by_value("plain")
    Select(driver.find_element(By.ID, "judge")).select_by_value("mock-gamma")
    Select(driver.find_element(By.ID, "arm")).select_by_value("crossed")
    Select(driver.find_element(By.ID, "arm")).select_by_value("shuffled")
    Select(driver.find_element(By.ID, "category")).select_by_value("scenes")
    driver.find_element(By.ID, "search").send_keys("question better", Keys.ENTER)
    chip(driver, "flipped").click()
    chip(driver, "").click()
    driver.find_elements(By.CSS_SELECTOR, "#list a")[1].click()
    cell(driver, "mock-alpha, no rubric").click()
    shown = driver.find_element(By.ID, "items").text
    kept = driver.current_url
    query = parse_qs(kept.partition("#items?")[2])
    assert query == {
        "writer": ["plain"], "judge": ["mock-gamma"], "arm": ["shuffled"], "category": ["scenes"], "q": ["question better"],
        "cell_judge": ["mock-alpha"], "cell_arm": ["none"], "item": query["item"],
    }  # fmt: skip
    visit(driver, kept)
    assert driver.find_element(By.ID, "items").text == shown
    current = driver.find_element(By.CSS_SELECTOR, "#list [aria-current]").get_attribute("data-uid")
    assert [current] == query["item"] and driver.current_url == kept


def test_an_address_of_another_page_says_what_is_not_here(driver: Any, crossed: str) -> None:
    visit(driver, crossed + items_address(judge="nobody", show="fixed", item="pairs:0"))
    assert "The page has no judge nobody" in driver.find_element(By.ID, "count").text
    assert item(driver) == "The item pairs:0 is not on this page"
    assert chip(driver, "fixed").get_attribute("aria-pressed") == "true" and count(driver) > 0


def test_the_same_link_opens_again(driver: Any, crossed: str) -> None:
    """A reader follows a bar of a figure, walks on, and follows it once more."""
    visit(driver, crossed)
    link = items_address(show="fixed", writer="grm", judge="mock-alpha")
    driver.execute_script(
        "document.querySelector('main').prepend(Object.assign(document.createElement('a'),"
        " {href: arguments[0], id: 'bar', textContent: 'bar'}))",
        link,
    )
    for _ in range(2):
        driver.execute_script("scrollTo(0, 0); document.getElementById('bar').click()")
        WebDriverWait(driver, 5).until(lambda d: chip(d, "fixed").get_attribute("aria-pressed") == "true")
        top = driver.execute_script("return document.getElementById('items').getBoundingClientRect().top")
        assert -5 <= top < 120, "the items are in view"
        first = title(driver)
        chip(driver, "fixed").send_keys("j")
        assert title(driver) != first
        chip(driver, "").click()


def test_keys_move_filter_and_search(driver: Any, page: str) -> None:
    visit(driver, page)
    press(driver, "j")
    assert title(driver) == "pair-0", "keys do nothing while the items are out of sight"
    driver.execute_script("document.getElementById('items').scrollIntoView()")
    press(driver, "j", "j")
    assert title(driver) == "pair-2"
    press(driver, "k")
    assert title(driver) == "pair-1"
    press(driver, "3")
    assert chip(driver, "broken").get_attribute("aria-pressed") == "true" and count(driver) == ITEMS // 3
    press(driver, "1")
    assert count(driver) == ITEMS
    press(driver, "/")
    assert driver.switch_to.active_element.get_attribute("id") == "search"
    press(driver, "pair-1j2")
    assert driver.find_element(By.ID, "search").get_attribute("value") == "pair-1j2", (
        "letters are text where text is typed"
    )
    driver.find_element(By.ID, "search").clear()
    driver.find_element(By.ID, "search").send_keys(Keys.ENTER, Keys.ESCAPE)
    assert driver.switch_to.active_element.tag_name == "body"
    driver.execute_script("document.querySelector('#list a').focus()")
    press(driver, Keys.ARROW_DOWN)
    assert title(driver) == driver.switch_to.active_element.find_element(By.CLASS_NAME, "id").text != "pair-0"
    assert driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for _ in range(55):
        press(driver, "j")
    assert driver.find_element(By.ID, "range").text == f"51–{ITEMS} of {ITEMS}", "the list follows to its next page"
    box, link = driver.execute_script(
        "const r = e => e.getBoundingClientRect().toJSON(), l = document.getElementById('list');"
        "return [r(l), r(l.querySelector('[aria-current]'))]"
    )
    assert box["top"] - 1 <= link["top"] and link["bottom"] <= box["bottom"] + 1
    hints = driver.find_element(By.CLASS_NAME, "hints").text
    assert "j k next, previous" in hints and "1–6 filters" in hints and "right in both orders" in hints


# Shape


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", STATES)
def test_every_state_of_a_run_is_shown_whole(
    driver: Any, at_width: Callable[[int], None], states: Callable[[str], str], name: str, width: int
) -> None:
    at_width(width)
    visit(driver, states(name))
    for number in (0, 1, STATES[name].items - 1):
        driver.execute_script(f"document.querySelectorAll('#list a')[{number}].click()")
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        assert driver.execute_script(CLIPPED) == []
        assert driver.find_element(By.ID, "what").text.endswith(".")
        assert "undefined" not in item(driver) and "null" not in item(driver)
    if width < 500:
        assert driver.execute_script(SMALL_TARGETS) == []
    assert said(driver) == []
    writers = len(STATES[name].writers)
    assert len(driver.find_elements(By.ID, "writer")) == (writers > 1)
    assert len(driver.find_elements(By.CSS_SELECTOR, "[data-show=fixed]")) == (writers > 0)
    pressed = driver.find_elements(By.CSS_SELECTOR, ".board [aria-pressed=true]")
    assert len(pressed) == 1


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The page of a run in a state, made once."""
    pages: dict[str, str] = {}

    def page_of(name: str) -> str:
        if name not in pages:
            pages[name] = write_report(make_state(tmp_path_factory.mktemp(name), STATES[name])).path.as_uri()
        return pages[name]

    return page_of


def test_on_a_phone_the_item_is_below_the_list_and_leads_back(
    driver: Any, at_width: Callable[[int], None], page: str
) -> None:
    at_width(390)
    visit(driver, page)
    driver.execute_script("document.getElementById('items').scrollIntoView()")
    driver.find_elements(By.CSS_SELECTOR, "#list a")[3].click()
    bottom = "return document.getElementById('list').getBoundingClientRect().bottom"
    top = "return document.getElementById('item').getBoundingClientRect().top"
    assert driver.execute_script(bottom) <= driver.execute_script(top)
    assert 0 <= driver.execute_script(top) < 300, "the opened item is brought into view"
    driver.find_element(By.ID, "foot-down").click()
    assert title(driver) == "pair-4"
    driver.find_element(By.ID, "to-list").click()
    assert driver.switch_to.active_element.get_attribute("aria-current") == "true"
    assert driver.execute_script(bottom) > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_has_nothing_to_say(
    driver: Any, at_width: Callable[[int], None], crossed: str, scheme: str, width: int
) -> None:
    axe = pytest.importorskip("axe_core_python", reason="pip install axe-core-python")
    script = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    at_width(width)
    visit(driver, crossed + items_address(writer="grm", show="leak"))
    driver.execute_script(f"for (const d of document.querySelectorAll('#items details')) d.open = true; {script}")
    found = driver.execute_async_script("const done = arguments[0]; axe.run('#items').then(r => done(r.violations))")
    assert [(v["id"], n["html"][:120]) for v in found for n in v["nodes"]] == []
    assert driver.execute_script(CONTRAST) == []
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_roles_and_names(driver: Any, crossed: str) -> None:
    visit(driver, crossed + items_address(writer="grm", q="q-00"))
    nodes = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = {
        (n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored") and "role" in n
    }
    assert {
        ("article", "q-00"),
        ("search", "Filter the items"),
        ("group", "What happened"),
        ("list", "Items that match"),
    } <= named
    assert ("region", "Verdicts of every judge, by what it read") in named
    assert any(role == "button" and name.startswith("mock-alpha, its rubrics: A first: ") for role, name in named)
    assert any(
        role in ("img", "image") and name.startswith("mock-alpha: an answer unread, then right") for role, name in named
    )
    assert driver.find_element(By.ID, "spoken").get_attribute("textContent").startswith("q-00. With grm’s rubric")


def test_the_open_item_is_printed_alone(driver: Any, page: str) -> None:
    visit(driver, page + items_address(item="", q="pair-7"))
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    visible = driver.execute_script(
        "return Object.fromEntries(['#filters', '#list', '#item', '.steps', '.board', '.beside'].map("
        "s => [s, document.querySelector(`#items ${s}`).checkVisibility()]))"
    )
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert visible == {
        "#filters": False,
        "#list": False,
        "#item": True,
        ".steps": False,
        ".board": True,
        ".beside": True,
    }


def test_without_javascript_a_word_says_so(driver: Any, page: str) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get(page)
        tree = json.dumps(driver.execute_cdp_cmd("Accessibility.getFullAXTree", {}))
        assert "The items need JavaScript. Everything else on this page does without." in tree
        assert "Filter the items" not in tree, "no dead buttons"
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
