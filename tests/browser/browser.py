"""Chromium under watch: what it asks of other hosts, complains about or fails to load is written down."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    Response,
    sync_playwright,
)

ARGUMENTS = (
    "--no-sandbox",  # root may not have one
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever else it might want of the world has no address.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
LOOPBACK = "127.0.0.1"
MILLISECONDS = 20_000
# A download, or a page left while it still loads.
GIVEN_UP = "net::ERR_ABORTED"
# The browser's own line for an answer of 4xx or 5xx, which is watched as an answer.
FAILED_ANSWER = "Failed to load resource: the server responded with a status of"


@dataclass
class Watch:
    """What went wrong in one browser context. Answers with an `expected` status are right."""

    problems: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    expected: set[int] = field(default_factory=set)

    @contextmanager
    def expecting(self, *statuses: int) -> Iterator[None]:
        """Take answers with these statuses for right meanwhile; each must come."""
        waited_for = set(statuses)
        self.expected |= waited_for
        self._seen: set[int] = set()
        yield
        assert self._seen >= waited_for, f"no answer with status {sorted(waited_for - self._seen)}"
        self.expected -= waited_for

    def on_request(self, request: Request) -> None:
        """Nothing but this machine is asked for anything."""
        parts = urlsplit(request.url)
        if parts.scheme in {"data", "about", "blob"}:
            return
        self.hosts.add(parts.hostname or "")
        if parts.hostname != LOOPBACK:
            self.problems.append(f"asked another host: {request.url}")

    def on_response(self, response: Response) -> None:
        """Every answer is a good one, unless a test is about a refusal."""
        self._seen.add(response.status)
        if response.status >= 400 and response.status not in self.expected:
            self.problems.append(f"{response.status} for {response.request.method} {response.url}")

    def on_failure(self, request: Request) -> None:
        """Every request gets an answer."""
        if request.failure != GIVEN_UP:
            self.problems.append(f"{request.failure} for {request.url}")

    def on_console(self, message: ConsoleMessage) -> None:
        """Scripts, styles and content policy have nothing to complain about."""
        if message.type in {"error", "warning"} and not message.text.startswith(FAILED_ANSWER):
            self.problems.append(f"console: {message.text}")

    def on_fault(self, error: Any) -> None:
        """No script throws."""
        self.problems.append(f"script: {error}")

    def __post_init__(self) -> None:
        self._seen = set()


def executable() -> str:
    """Where Debian's Chromium without windows is."""
    path = shutil.which("chromium-headless-shell")
    assert path, "chromium-headless-shell was not found; `make test` installs it"
    return path


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium, which contacts nobody. Without what surrounds a page it works half as long."""
    with sync_playwright() as playwright, _launched(playwright) as browser:
        yield browser


@contextmanager
def _launched(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=executable(), args=list(ARGUMENTS))
    try:
        yield browser
    finally:
        browser.close()


def watched_page(browser: Browser, watch: Watch, **options: Any) -> Page:
    """A page in a context of its own (no cookies yet), under watch. Options as for `Browser.new_context`."""
    context: BrowserContext = browser.new_context(
        **{"viewport": {"width": 1280, "height": 900}, "locale": "en", "accept_downloads": True, **options}
    )
    context.set_default_timeout(MILLISECONDS)
    context.on("request", watch.on_request)
    context.on("response", watch.on_response)
    context.on("requestfailed", watch.on_failure)
    context.on("console", watch.on_console)
    context.on("weberror", watch.on_fault)
    return context.new_page()
