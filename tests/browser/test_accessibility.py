"""Nobody is shut out: the rules of WCAG 2.2 on every state of every page, wide, narrow, light and dark.

`make test` looks at each state once, in the three languages and in two of the four pairs of width and scheme in turn;
`make sweep` looks at every state in every language and pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import on_stage
from tests.browser.staged import Stage
from tests.browser.states import ERRORS, SHOP_STATES, STATES
from tests.browser.window import IS_SWEEP, NARROW, TURN, WIDE, Scheme, Window, languages_of, opened

pytestmark = [pytest.mark.browser, on_stage]

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# The rooms' pages with mistakes are looked at for where the keyboard stands; `make sweep` looks at all of them twice.
PAIRS: list[tuple[ViewportSize, Scheme]] = [(WIDE, "light"), (NARROW, "dark"), (NARROW, "light"), (WIDE, "dark")]
IN_TURN = 2
LOOKED_AT = [name for name in STATES if IS_SWEEP or name in SHOP_STATES or name not in ERRORS]
WITHOUT_SCRIPT = [name for name in ERRORS if IS_SWEEP or name in SHOP_STATES]

# Rules that are broken, each with the first places; a hint of doubt by the checker is no break.
RUN_AXE = """async (rules) => {
  const found = await axe.run(document, { resultTypes: ["violations"], runOnly: rules });
  return found.violations.map(rule =>
    `${rule.id} (${rule.help}): ` + rule.nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(" | "));
}"""

# The summary of mistakes comes before all.
HEADINGS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter(heading => !heading.closest("[role=alert]"))
  .map(heading => [Number(heading.tagName[1]), heading.textContent.trim()])"""


@pytest.fixture(scope="module")
def window_without_script(browser: Browser, stage: Stage) -> Iterator[Window]:
    """The window where no script runs."""
    found = opened(browser, stage, java_script_enabled=False)
    yield found
    found.page.context.close()


@pytest.mark.parametrize("name", LOOKED_AT)
def test_every_state_fits_320_px_and_breaks_no_rule_of_accessibility(window: Window, name: str) -> None:
    for language in languages_of(name):
        for size, scheme in _pairs(name):
            page = window.reach(name, language, size, scheme)
            page.evaluate(_axe())
            found = page.evaluate(RUN_AXE, {"type": "tag", "values": RULES})
            assert found == [], f"{name}, {language}, {size['width']} px, {scheme}"
            _check_headings(page)
        window.check_width()


def _pairs(name: str) -> list[tuple[ViewportSize, Scheme]]:
    return PAIRS if IS_SWEEP else [PAIRS[TURN[name] % IN_TURN]]


def _check_headings(page: Page) -> None:
    """One first heading, and none that skips a level."""
    levels = page.evaluate(HEADINGS)
    assert [level for level, _words in levels].count(1) == 1
    before = 0
    for level, words in levels:
        assert words, levels
        assert level <= before + 1, f"h{before} is followed by h{level} {words!r}"
        before = level


@pytest.mark.parametrize("name", ERRORS)
def test_after_a_mistake_the_keyboard_is_at_the_summary_and_each_link_leads_to_its_field(
    window: Window, name: str
) -> None:
    for language in languages_of(name):
        page = window.reach(name, language)
        _check_summary(page)
        window.check_width()


def _check_summary(page: Page) -> None:
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    assert page.title().startswith(("Error: ", "Erreur\N{NO-BREAK SPACE}: "))
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
def test_without_script_the_keyboard_starts_at_the_summary_too(window_without_script: Window, name: str) -> None:
    page = window_without_script.reach(name, "en")
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
