"""Nobody is shut out: the rules of WCAG 2.2 on every state of every page, wide, narrow, light and dark."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.browser import Watch
from tests.browser.conftest import OpenPage
from tests.browser.staged import Stage
from tests.browser.states import ERRORS, SHOP_STATES, STATES

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
Scheme = Literal["light", "dark"]
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 320, "height": 640}

# The shop's pages are looked at in the first two pairs, so in each width and each scheme; those of the rooms behind a
# sign-in in one of the two in turn, and their pages with mistakes for where the keyboard stands. `make sweep` looks
# at every state in every pair.
PAIRS: list[tuple[ViewportSize, Scheme]] = [(WIDE, "light"), (NARROW, "dark"), (NARROW, "light"), (WIDE, "dark")]
OF_SHOP = 2
IS_SWEEP = bool(os.environ.get("SWEEP"))
LOOKED_AT = [name for name in STATES if IS_SWEEP or name in SHOP_STATES or name not in ERRORS]
WITHOUT_SCRIPT = [name for name in ERRORS if IS_SWEEP or name in SHOP_STATES]

# Rules that are broken, each with the first places; a hint of doubt by the checker is no break.
RUN_AXE = """async (rules) => {
  const found = await axe.run(document, { resultTypes: ["violations"], runOnly: rules });
  return found.violations.map(rule =>
    `${rule.id} (${rule.help}): ` + rule.nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(" | "));
}"""

HEADINGS = "els => els.map(e => [Number(e.tagName[1]), e.textContent.trim()])"


@pytest.mark.parametrize("name", LOOKED_AT)
def test_no_rule_of_accessibility_is_broken(open_page: OpenPage, stage: Stage, watch: Watch, name: str) -> None:
    page = open_page()
    STATES[name](page, stage, "en", watch)
    page.evaluate(_axe())
    for size, scheme in _pairs(name):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate(RUN_AXE, {"type": "tag", "values": RULES})
        assert found == [], f"{name}, {size['width']} px, {scheme}"
    _check_headings(page)


def _pairs(name: str) -> list[tuple[ViewportSize, Scheme]]:
    if IS_SWEEP:
        return PAIRS
    if name in SHOP_STATES:
        return PAIRS[:OF_SHOP]
    return [PAIRS[LOOKED_AT.index(name) % OF_SHOP]]


def _check_headings(page: Page) -> None:
    """One first heading, and none that skips a level; the summary of mistakes comes before all."""
    levels = page.locator(":is(h1, h2, h3, h4, h5, h6):not([role=alert] *)").evaluate_all(HEADINGS)
    assert [level for level, _words in levels].count(1) == 1
    before = 0
    for level, words in levels:
        assert words, levels
        assert level <= before + 1, f"h{before} is followed by h{level} {words!r}"
        before = level


@pytest.mark.parametrize("name", ERRORS)
def test_after_a_mistake_the_keyboard_is_at_the_summary_and_each_link_leads_to_its_field(
    open_page: OpenPage, stage: Stage, watch: Watch, name: str
) -> None:
    page = open_page()
    STATES[name](page, stage, "en", watch)
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    assert page.title().startswith("Error")
    links = summary.get_by_role("link").all()
    assert links
    for link in links:
        field = page.locator(str(link.get_attribute("href")).replace("#", "id="))
        link.click()
        assert field.evaluate("element => element === document.activeElement")
        # One of several radio buttons: what is wrong is said of their group.
        marked = field if field.get_attribute("type") != "radio" else field.locator("xpath=ancestor::fieldset[1]")
        assert marked.get_attribute("aria-invalid") == "true"
        assert link.inner_text() in _description(page, marked)


@pytest.mark.parametrize("name", WITHOUT_SCRIPT)
def test_without_script_the_keyboard_starts_at_the_summary_too(
    open_page: OpenPage, stage: Stage, watch: Watch, name: str
) -> None:
    page = open_page(java_script_enabled=False)
    STATES[name](page, stage, "en", watch)
    expect(page.get_by_role("alert")).to_be_focused()
    page.keyboard.press("Tab")
    focused = page.evaluate("() => document.activeElement.closest('[role=alert]') !== null")
    assert focused


def _description(page: Page, field: Any) -> str:
    names = str(field.get_attribute("aria-describedby")).split()
    return " ".join(page.locator(f"id={name}").inner_text() for name in names)


@cache
def _axe() -> str:
    return AXE.read_text()
