"""A window in which states of pages are reached one after the other, and what the server sent for each.

`make test` reaches a state once for all that is asked of it, in the three languages in turn; `make sweep` reaches every
state in every language.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from lxml import html
from playwright.sync_api import Browser, Page, Response, ViewportSize

from app.kernel.languages import CODES as LANGUAGES
from tests.browser.browser import Watch, watched_page
from tests.browser.person import TOO_WIDE
from tests.browser.staged import Stage
from tests.browser.states import STATES

Scheme = Literal["light", "dark"]
WIDE: ViewportSize = {"width": 1280, "height": 900}
# 1280 px at 400 % are 320 px of a style sheet.
NARROW: ViewportSize = {"width": 320, "height": 640}

IS_SWEEP = bool(os.environ.get("SWEEP"))
TURN = {name: number for number, name in enumerate(STATES)}


def languages_of(name: str) -> tuple[str, ...]:
    """The languages in which a state is looked at."""
    return LANGUAGES if IS_SWEEP else (LANGUAGES[TURN[name] % len(LANGUAGES)],)


@dataclass(frozen=True)
class Source:
    """The text of one page as the server sent it."""

    address: str
    text: str

    @cached_property
    def tree(self) -> html.HtmlElement:
        """The page's elements."""
        return html.fromstring(self.text)

    @property
    def language(self) -> str:
        """What the page says it is written in."""
        return str(self.tree.get("lang"))


@dataclass
class Window:
    """One window for all states: a new one for each would cost more than looking."""

    page: Page
    stage: Stage
    watch: Watch
    sources: dict[tuple[str, str], Source] = field(default_factory=dict)
    _arrived: list[Response] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("response", self._on_response)

    def _on_response(self, answer: Response) -> None:
        if answer.request.is_navigation_request():
            self._arrived[:] = [answer]

    def reach(self, name: str, language: str, size: ViewportSize = WIDE, scheme: Scheme = "light") -> Page:
        """Come to a state as somebody who was never there, and keep its source.

        Nothing that the browser complains about on the way is right.
        """
        self.page.context.clear_cookies()
        self.page.set_viewport_size(size)
        self.page.emulate_media(color_scheme=scheme)
        self.watch.problems.clear()
        self.watch.expected.clear()
        STATES[name](self.page, self.stage, language, self.watch)
        assert self.watch.problems == [], f"{name}, {language}: {self.watch.problems}"
        self.sources[name, language] = Source(f"{name}, {language}", self._arrived[0].text())
        return self.page

    def check_width(self) -> None:
        """Nothing of the page that was reached sticks out at 320 px."""
        self.page.set_viewport_size(NARROW)
        found = self.page.evaluate(TOO_WIDE)
        assert found == [], f"{self.page.url}: {found}"


def opened(browser: Browser, stage: Stage, **options: Any) -> Window:
    """A window of its own, with options of `Browser.new_context`."""
    watch = Watch()
    return Window(watched_page(browser, watch, **options), stage, watch)
