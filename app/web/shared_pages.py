"""Pages that are the same for every visitor who carries no cookie, kept for less than a second.

A newcomer's list of projects holds nothing of the newcomer's own, so one drawing of it serves all who
come in the same moment. The age counts from before the page was read from the database: nobody sees
units left or a price that is older than PAGE_CACHE_MILLISECONDS, which is at most 1,000.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from flask import Flask, request

from app.config import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_MARK = "tonne.shared_page"
_READ_AT = "tonne.read_at"
MOST_PAGES = 128
MOST_BYTES = 256 * 1024
# What belongs to one answer only.
_OWN_HEADERS = frozenset({"x-request-id", "date"})


def init_app(app: Flask) -> None:
    """Put the store in front of the application, unless the setting turns it off."""
    settings: Settings = app.extensions["tonne.settings"]
    if settings.page_cache_milliseconds:
        app.wsgi_app = SharedPages(app.wsgi_app, settings.page_cache_milliseconds / 1000)  # type: ignore[method-assign]  # Flask's own way


def may_be_shared(read_at: float | None = None) -> None:
    """Say that this answer is the same for every visitor without cookies.

    `read_at` is when its figures were read, on the monotonic clock, where that was before the request.
    """
    request.environ[_MARK] = True
    if read_at is not None:
        request.environ[_READ_AT] = read_at


@dataclass(frozen=True, slots=True)
class _Page:
    status: str
    headers: list[tuple[str, str]]
    body: bytes
    until: float


class SharedPages:
    """A WSGI application in front of another: answers from memory what was just answered.

    `seconds` is the age at which a page is forgotten.
    """

    def __init__(
        self, application: WSGIApplication, seconds: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._application = application
        self._seconds = seconds
        self._monotonic = monotonic
        self._pages: OrderedDict[tuple[str, str, str], _Page] = OrderedDict()
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer from memory, or ask the application and remember what may be shared."""
        if environ["REQUEST_METHOD"] != "GET" or "HTTP_COOKIE" in environ:
            return self._application(environ, start_response)
        key = (environ.get("HTTP_HOST", ""), environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""))
        now = self._monotonic()
        page = self._pages.get(key)
        if page is not None and page.until > now:
            start_response(page.status, list(page.headers))
            return [page.body]
        return self._ask(key, now, environ, start_response)

    def _ask(
        self, key: tuple[str, str, str], asked_at: float, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        said: list[tuple[str, list[tuple[str, str]]]] = []

        def remember(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            said.append((status, headers))
            return start_response(status, headers, *more)

        answer = self._application(environ, remember)
        if _MARK not in environ or not said:
            return answer
        status, headers = said[-1]
        read_at = min(asked_at, environ.get(_READ_AT, asked_at))
        if not status.startswith("200 ") or any(name.lower() == "set-cookie" for name, _value in headers):
            return answer
        try:
            body = b"".join(answer)
        finally:
            close = getattr(answer, "close", None)
            if close is not None:
                close()
        kept = [(name, value) for name, value in headers if name.lower() not in _OWN_HEADERS]
        if len(body) <= MOST_BYTES:
            with self._lock:
                self._pages[key] = _Page(status, kept, body, read_at + self._seconds)
                self._pages.move_to_end(key)
                while len(self._pages) > MOST_PAGES:
                    self._pages.popitem(last=False)
        return [body]
