"""One running shop and one Chromium for all browser tests of a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.browser import Watch, chromium, watched_page
from tests.browser.server import Shop, shared_shop
from tests.browser.staged import Stage, staged
from tests.browser.window import IS_SWEEP, Window, opened

OpenPage = Callable[..., Page]

# Putting everything on stage takes ten seconds: `make test` has one process do it, `make sweep` keeps all of them busy.
on_stage = pytest.mark.sweep if IS_SWEEP else pytest.mark.xdist_group("stage")


@pytest.fixture(scope="session")
def shop(common: Path) -> Iterator[Shop]:
    """A real copy with the demonstration world, shared with the other test processes."""
    with shared_shop(common) as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with chromium() as found:
        yield found


@pytest.fixture
def watch(request: pytest.FixtureRequest) -> Iterator[Watch]:
    """What the test's pages complain about; whatever is written down fails the test."""
    found = Watch()
    yield found
    if found.problems and "shop" in request.fixturenames:
        shop: Shop = request.getfixturevalue("shop")
        found.problems.append(f"The shop's log ends with:\n{shop.log()}")
    assert not found.problems, "\n".join(found.problems)


@pytest.fixture
def open_page(browser: Browser, watch: Watch) -> Iterator[OpenPage]:
    """Open a browser window without cookies, with options of `Browser.new_context`."""
    opened: list[Page] = []

    def open_one(**options: Any) -> Page:
        page = watched_page(browser, watch, **options)
        opened.append(page)
        return page

    yield open_one
    for page in opened:
        page.context.close()


@pytest.fixture(scope="session")
def stage(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Every state of every page, served by this process."""
    with staged(shop.copy_world(tmp_path_factory.mktemp("stage"))) as found:
        yield found


@pytest.fixture(scope="session")
def window(browser: Browser, stage: Stage) -> Iterator[Window]:
    """The window in which all states are reached."""
    found = opened(browser, stage)
    yield found
    found.page.context.close()
