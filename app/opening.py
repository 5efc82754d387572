"""Opening the house: the list of projects is served while the rooms behind it are still being loaded.

Most of a start is the loading of rooms that the first visitor does not enter. So a web server begins with the front
(`app/front.py`), a second application of a few rooms. The whole one is made in the background as soon as a page was
answered, or at the first request that the front has no page for, which waits for it. From then on it answers all.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterable
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import ClosingIterator

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SECONDS_ALONE = 1.0  # where nobody asks

# What the front answers itself, and the addresses of other pages that it links to.
AT_THE_FRONT = frozenset({"catalog.projects", "static"})
LINKS = {
    "account.home": "/<lang>/account",
    "account.sign_in": "/<lang>/account/sign-in",
    "applying.how": "/<lang>/sell",
    "calculator.start": "/<lang>/how-many-tonnes",
    "catalog.compare": "/<lang>/compare",
    "catalog.map": "/<lang>/map",
    "catalog.project": "/<lang>/projects/<reference>",
    "certificates.verify": "/<lang>/verify",
    "checkout.basket": "/<lang>/basket",
    "content.complaint": "/<lang>/complaint",
    "content.contact": "/<lang>/contact",
    "content.legal": "/<lang>/legal/<name>",
    "content.page": "/<lang>/about/<name>",
    "reconciliation.last": "/<lang>/reconciliation",
    "register.cancellations": "/<lang>/register",
    "statistics.overview": "/<lang>/statistics",
}

_log = logging.getLogger(__name__)


class Opening:
    """A WSGI application: `front` until what `make_whole` gives is there, then that; `when_open` follows once."""

    def __init__(
        self,
        front: Flask,
        make_whole: Callable[[], Flask],
        when_open: Callable[[], object],
        seconds_alone: float = SECONDS_ALONE,
    ) -> None:
        for endpoint, rule in LINKS.items():
            front.add_url_rule(rule, endpoint, _is_elsewhere)
        self._front: Flask | None = front
        self._make_whole = make_whole
        self._when_open = when_open
        self._whole: Flask | None = None
        self._lock = Lock()
        self._turn = Lock()
        self._answered = Event()
        Thread(target=self._open, args=(seconds_alone,), name="opening", daemon=True).start()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer from the front if that has the page and the rest is not there yet."""
        front = self._front
        if front is not None and _is_at(front, environ):
            # One at a time, so that the loading has half of the processor however many ask.
            with self._turn:
                answer = front(environ, start_response)
            # When all of it is sent, not before: the first visitor is not to share the processor with the loading.
            return ClosingIterator(answer, self._answered.set)
        return self.whole()(environ, start_response)

    def whole(self) -> Flask:
        """The whole application. Whoever asks first makes it, the others wait. Raises what `make_whole` raises."""
        if self._whole is None:
            with self._lock:
                if self._whole is None:
                    self._whole = self._make_whole()
                    self._front = None
        return self._whole

    def _open(self, seconds_alone: float) -> None:
        self._answered.wait(seconds_alone)
        try:
            self.whole()
        except Exception as error:  # noqa: BLE001 - whatever it was, the house does not open
            _log.critical("the rooms behind the list cannot be opened: %s", error, exc_info=error)
            # As a server ends that cannot load its application: its parent notices, and says so by its exit code.
            os.kill(os.getpid(), signal.SIGTERM)
            return
        self._when_open()


def _is_at(front: Flask, environ: WSGIEnvironment) -> bool:
    """Whether the front has the page that is asked for."""
    try:
        endpoint, _ = front.url_map.bind("").match(environ["PATH_INFO"], environ["REQUEST_METHOD"])
    except HTTPException:
        return False
    return endpoint in AT_THE_FRONT


def _is_elsewhere() -> str:
    """Stand for a page that the front only links to: `Opening` asks the whole application for it."""
    raise NotImplementedError
