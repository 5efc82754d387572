"""Pages that are the same for every visitor, kept for less than a second.

A newcomer's list of projects holds nothing of the newcomer's own, so one drawing of it serves all who come in the
same moment: `SharedPages` answers those who carry no cookie before the application is asked. A page for somebody
with a basket differs in one corner, which `shared_but_for_the_corner` draws into it anew for each of them. The age
counts from before the page was read from the database: nobody sees units left or a price that is older than
PAGE_CACHE_MILLISECONDS, which is at most 1,000.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import wraps
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flask import Flask, current_app, g, make_response, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from app.config import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_MARK = "tonne.shared_page"
_READ_AT = "tonne.read_at"
_DRAWN = "tonne.drawn_pages"
MOST_PAGES = 12  # of each of the two kinds
MOST_BYTES = 256 * 1024
# What belongs to one answer only.
_OWN_HEADERS = frozenset({"x-request-id", "date"})
# Stands where the corner goes while the rest is drawn. No text that a page holds can guess it.
_HOLE = Markup(f"<!-- {secrets.token_hex(16)} -->")  # noqa: S704 - our own

T = TypeVar("T")


def init_app(app: Flask) -> None:
    """Put the store in front of the application, unless the setting turns it off."""
    settings: Settings = app.extensions["tonne.settings"]
    if settings.page_cache_milliseconds:
        seconds = settings.page_cache_milliseconds / 1000
        app.extensions[_DRAWN] = Kept[_Drawn](seconds)
        app.wsgi_app = SharedPages(app.wsgi_app, seconds)  # type: ignore[method-assign]  # Flask's own way


def may_be_shared(read_at: float | None = None) -> None:
    """Say that this answer is the same for every visitor without cookies.

    `read_at` is when its figures were read, on the monotonic clock, where that was before the request.
    """
    request.environ[_MARK] = True
    if read_at is not None:
        request.environ[_READ_AT] = read_at


def shared_but_for_the_corner(view: Callable[..., Response]) -> Callable[..., Response]:
    """Mark a view whose page, where it may be shared, holds nothing of the reader's but `layouts/_corner.html`.

    It may depend on the address, and on nothing else that the browser sends.
    """

    @wraps(view)
    def answered(**values: Any) -> Response:
        drawn: Kept[_Drawn] | None = current_app.extensions.get(_DRAWN)
        if drawn is None:
            return view(**values)
        key = (request.host, request.root_path, request.path, request.query_string)
        page = drawn.get(key)
        if page is not None:
            may_be_shared(page.read_at)
            return make_response(page.with_the_corner())
        asked_at = drawn.now()
        g.corner = _HOLE
        try:
            response = view(**values)
        finally:
            g.pop("corner")
        before, hole, after = response.get_data().partition(_HOLE.encode())
        if hole:
            page = _Drawn(before, after, min(asked_at, request.environ.get(_READ_AT, asked_at)))
            if _MARK in request.environ and response.status_code == 200 and len(before) + len(after) <= MOST_BYTES:
                drawn.keep(key, page, page.read_at)
            response.set_data(page.with_the_corner())
        return response

    return answered


class Kept(Generic[T]):
    """Values by key until they are `seconds` old on the clock `now`; no more than MOST_PAGES, the oldest goes first."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self.now = now
        self._values: OrderedDict[Hashable, tuple[T, float]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """How many are kept, those that are too old included."""
        return len(self._values)

    def get(self, key: Hashable) -> T | None:
        """The value, unless it is too old."""
        value, until = self._values.get(key, (None, 0.0))
        return value if value is not None and until > self.now() else None

    def keep(self, key: Hashable, value: T, read_at: float) -> None:
        """Keep a value that was true at `read_at`."""
        with self._lock:
            self._values[key] = value, read_at + self._seconds
            self._values.move_to_end(key)
            while len(self._values) > MOST_PAGES:
                self._values.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A page before and after the corner, and when its figures were read.

    As bytes: Python takes two for each letter of a text that holds one of Greek, and four for one of a rarer kind.
    """

    before: bytes
    after: bytes
    read_at: float

    def with_the_corner(self) -> bytes:
        return self.before + render_template("layouts/_corner.html").encode() + self.after


@dataclass(frozen=True, slots=True)
class _Page:
    status: str
    headers: list[tuple[str, str]]
    body: bytes


class SharedPages:
    """A WSGI application in front of another: answers from memory what was just answered.

    `seconds` is the age at which a page is forgotten.
    """

    def __init__(
        self, application: WSGIApplication, seconds: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._application = application
        self._pages = Kept[_Page](seconds, monotonic)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer from memory, or ask the application and remember what may be shared."""
        if environ["REQUEST_METHOD"] != "GET" or "HTTP_COOKIE" in environ:
            return self._application(environ, start_response)
        key = (environ.get("HTTP_HOST", ""), environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""))
        page = self._pages.get(key)
        if page is not None:
            start_response(page.status, list(page.headers))
            return [page.body]
        return self._ask(key, environ, start_response)

    def _ask(
        self, key: tuple[str, str, str], environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        asked_at = self._pages.now()
        said: list[tuple[str, list[tuple[str, str]]]] = []

        def remember(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            said.append((status, headers))
            return start_response(status, headers, *more)

        answer = self._application(environ, remember)
        if _MARK not in environ or not said:
            return answer
        status, headers = said[-1]
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
            self._pages.keep(key, _Page(status, kept, body), min(asked_at, environ.get(_READ_AT, asked_at)))
        return [body]
