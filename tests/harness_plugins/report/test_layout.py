"""The page as it lies on a screen: the answer and its figure first, nothing clipped, at a desk and on a phone."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

pytest.importorskip("PIL")
pytest.importorskip("selenium.webdriver", reason="pip install selenium")

from harness_plugins import run
from harness_plugins.report import write_report
from tests.conftest import ROOT
from tests.crossed import crossed
from tests.harness_plugins.browsing import NEEDS_A_BROWSER, said, visit
from tests.harness_plugins.scripted_judges import BY_CONTENT, judge, judged

pytestmark = [*NEEDS_A_BROWSER, pytest.mark.xdist_group("layout")]


class Screen(NamedTuple):
    width: int
    height: int


DESK, PHONE = Screen(1280, 900), Screen(390, 844)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """By state of a run the address of its page."""
    root = tmp_path_factory.mktemp("layout")
    runs = {
        "several writers and judges": crossed(
            root / "crossed", 24, categories=("colour", "shape"), more="shuffles: 1\n"
        ),
        "one judge": judged(root / "one", {"a": judge(BY_CONTENT)}).folder,
        "no rubrics": judged(root / "none", {"a": judge(BY_CONTENT)}, arms="none, repeat", rubrics={}).folder,
        "baselines alone": run(ROOT / "examples" / "demo.yaml", out=root / "demo", limit=8).out,
    }
    return {
        name: write_report(folder, root / f"{n}.html").path.as_uri() for n, (name, folder) in enumerate(runs.items())
    }


STATES = ("several writers and judges", "one judge", "no rubrics", "baselines alone")


def opened(driver: Any, address: str, screen: Screen) -> None:
    width, height = screen
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    visit(driver, address)


@pytest.fixture(autouse=True)
def as_before(driver: Any) -> Any:
    yield
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("state", STATES)
def test_the_answer_and_its_figure_come_first(driver: Any, pages: dict[str, str], state: str, screen: Screen) -> None:
    opened(driver, pages[state], screen)
    assert said(driver) == []
    box = "const r = document.querySelector(arguments[0]).getBoundingClientRect(); return [r.top, r.bottom, r.width]"
    title, track = driver.execute_script(box, "#answer h1"), driver.execute_script(box, "#answer .track")
    assert title[0] < 200 and title[1] < track[0], "the sentence stands above the figure"
    assert track[1] < 700 and track[2] > 60, "the first line of the first figure, and wide enough to read"


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("state", STATES)
def test_nothing_is_clipped(driver: Any, pages: dict[str, str], state: str, screen: Screen) -> None:
    opened(driver, pages[state], screen)
    driver.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    assert driver.execute_script("return document.documentElement.scrollWidth") <= screen.width, "no sideways scroll"
    clipped = driver.execute_script(
        """
        const scrolls = e => e && (/auto|scroll/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
        return [...document.querySelectorAll('main h1, main h2, main h3, main p, main li, .value, figcaption, .bar text, .ticks text')]
          .filter(e => e.checkVisibility() && !scrolls(e))
          .filter(e => { const r = e.getBoundingClientRect(); return r.right > innerWidth + 1 || r.left < -1; })
          .map(e => e.textContent.slice(0, 40));
        """
    )
    assert clipped == []
    over = driver.execute_script(
        "return [...document.querySelectorAll('.value')].filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
    )
    assert over == [], "numbers have room beside their line"


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("state", STATES)
def test_all_lines_of_a_figure_share_one_axis(driver: Any, pages: dict[str, str], state: str, screen: Screen) -> None:
    opened(driver, pages[state], screen)
    places = driver.execute_script(
        """
        return [...document.querySelectorAll('.panel')].map(panel => [...panel.querySelectorAll('.track, .ticks')].map(e => {
          const r = e.getBoundingClientRect();
          return `${r.left.toFixed(1)} ${r.width.toFixed(1)}`;
        }));
        """
    )
    assert places and all(len(set(panel)) <= 1 for panel in places)


def test_marks_lie_where_their_numbers_say(driver: Any, pages: dict[str, str]) -> None:
    opened(driver, pages["one judge"], DESK)
    places = driver.execute_script(
        """
        const panel = document.querySelector('.panel'), track = panel.querySelector('.track').getBoundingClientRect();
        const centre = r => ((r.left + r.right) / 2 - track.left) / track.width;
        const ticks = [...panel.querySelectorAll('.ticks text')].map(t => [Number(t.textContent), centre(t.getBoundingClientRect())]);
        return [centre(panel.querySelector('.track path').getBoundingClientRect()), ticks];
        """
    )
    mark, ticks = places
    (low, start), (high, end) = ticks[0], ticks[-1]
    assert low + (mark - start) / (end - start) * (high - low) == pytest.approx(30.0, abs=0.5)


def test_a_bar_opens_just_its_items(driver: Any, pages: dict[str, str]) -> None:
    opened(driver, pages["one judge"], DESK)
    bar = driver.execute_script("return document.querySelector('.bar.fixed')")
    count = bar.get_attribute("aria-label").split()[0]
    driver.execute_script("arguments[0].click()", bar)
    text = driver.execute_script("return document.getElementById('count').textContent")
    assert text.split()[0] == count == "12"


def test_targets_are_large_enough_for_a_finger(driver: Any, pages: dict[str, str]) -> None:
    opened(driver, pages["several writers and judges"], PHONE)
    small = driver.execute_script(
        "return [...document.querySelectorAll('.bar, .sections a, .fold > summary')].filter(e => e.checkVisibility())"
        ".filter(e => e.getBoundingClientRect().height < 43.5).map(e => e.outerHTML.slice(0, 80))"
    )
    assert small == []
