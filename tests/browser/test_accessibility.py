"""Nobody is shut out: the rules of WCAG 2.2 on every state of every page, wide, narrow, light and dark.

`make test` looks at each state once, in the three languages and in two of the four pairs of width and scheme in turn;
`make sweep` looks at every state in every language and pair.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.browser import Watch, watched_page
from tests.browser.conftest import on_stage
from tests.browser.staged import LANGUAGES, Stage
from tests.browser.states import ERRORS, SHOP_STATES, STATES

pytestmark = [pytest.mark.browser, on_stage]

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
Scheme = Literal["light", "dark"]
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 320, "height": 640}

# The rooms' pages with mistakes are looked at for where the keyboard stands; `make sweep` looks at all of them twice.
PAIRS: list[tuple[ViewportSize, Scheme]] = [(WIDE, "light"), (NARROW, "dark"), (NARROW, "light"), (WIDE, "dark")]
IN_TURN = 2
TURN = {name: number for number, name in enumerate(STATES)}
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


Window = tuple[Page, Watch]


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Window]:
    """One window in which all states are reached: a new one for each would cost more than looking."""
    watch = Watch()
    page = watched_page(browser, watch)
    yield page, watch
    page.context.close()


@pytest.fixture(scope="module")
def window_without_script(browser: Browser) -> Iterator[Window]:
    """The same where no script runs."""
    watch = Watch()
    page = watched_page(browser, watch, java_script_enabled=False)
    yield page, watch
    page.context.close()


@pytest.mark.parametrize("name", LOOKED_AT)
def test_no_rule_of_accessibility_is_broken(window: Window, stage: Stage, name: str) -> None:
    for language in _languages(name):
        for size, scheme in _pairs(name):
            page = _reach(window, stage, name, language, size, scheme)
            page.evaluate(_axe())
            found = page.evaluate(RUN_AXE, {"type": "tag", "values": RULES})
            assert found == [], f"{name}, {language}, {size['width']} px, {scheme}"
            _check_headings(page)


def _languages(name: str) -> tuple[str, ...]:
    return LANGUAGES if IS_SWEEP else (LANGUAGES[TURN[name] % len(LANGUAGES)],)


def _pairs(name: str) -> list[tuple[ViewportSize, Scheme]]:
    return PAIRS if IS_SWEEP else [PAIRS[TURN[name] % IN_TURN]]


def _reach(
    window: Window, stage: Stage, name: str, language: str = "en", size: ViewportSize = WIDE, scheme: Scheme = "light"
) -> Page:
    """Come to a state as somebody who was never there; nothing that the browser complains about on the way is right."""
    page, watch = window
    page.context.clear_cookies()
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    watch.problems.clear()
    watch.expected.clear()
    STATES[name](page, stage, language, watch)
    assert watch.problems == [], name
    return page


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
    window: Window, stage: Stage, name: str
) -> None:
    page = _reach(window, stage, name)
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
    window_without_script: Window, stage: Stage, name: str
) -> None:
    page = _reach(window_without_script, stage, name)
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
