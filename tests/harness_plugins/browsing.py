"""What tests of pages in a real browser share; `driver` is in conftest.py."""

from __future__ import annotations

from typing import Any

import pytest

from performance.report_size import CHROMIUM, DRIVER

NEEDS_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (CHROMIUM.exists() and DRIVER.exists()), reason="apt-get install chromium chromium-driver for these"
    ),
]


def visit(driver: Any, address: str) -> None:
    driver.get("about:blank")
    for kind in ("browser", "performance"):
        driver.get_log(kind)
    driver.get(address)


def said(driver: Any) -> list[str]:
    """What stands in the console: errors, warnings, refusals of the page's policy."""
    return [entry["message"] for entry in driver.get_log("browser")]


CONTRAST = """
const linear = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const parse = s => (s.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
const behind = e => {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0.99) return c;
  }
  return [255, 255, 255];
};
const bad = [];
for (const e of document.querySelectorAll('body *')) {
  if (!e.checkVisibility() || e.disabled || ![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
  const [a, b] = [luminance(parse(getComputedStyle(e).color)), luminance(behind(e))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) bad.push(`${e.tagName}.${e.className} ${e.textContent.slice(0, 20)} ${ratio.toFixed(2)}`);
}
return bad;
"""
"""Texts that stand out from what is behind them by less than WCAG 2 AA asks."""
