"""How often a project's page is seen and units go into baskets: by offer and day, of nobody in particular.

Most views never reach the application, because `app.web.shared_pages` answers them from memory, so a WSGI
layer in front of it counts. A view costs a number in memory and no cookie; the numbers go to the database at
most once a minute, and when the process ends, in one short transaction. Machines, and members of the
participant whose offer it is, are not counted. Whatever fails here is logged: no page waits for it or breaks.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from multiprocessing.util import Finalize
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.access import find_me, seats_of_me
from app.catalog.models import Issuance, Project
from app.checkout.quantities import read_number
from app.db import transaction
from app.kernel.clock import Clock
from app.offers.models import Offer, OfferInterest
from app.offers.states import VISIBLE
from app.providers.models import Provider

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

SECONDS_BETWEEN_WRITES = 60.0
MOST_KEYS = 20_000  # of numbers that wait while the database is away

# `/en/projects/KR-222`: what stands between the language and the reference.
_PLACE, _BEFORE = slice(3, 13), "/projects/"
_OWN = "tonne.own_organisations"
_MACHINE = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|archiver|scrapy|curl|wget|python|httpx|okhttp|java/|go-http|libwww|headless"
    r"|preview|facebookexternalhit|monitor|uptime|lighthouse|pingdom",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Key:
    """What is counted: one project's page, or one offer put into a basket, on one day (UTC).

    `own` are the organisations of the person who looked: their own offers are not counted.
    """

    on: date
    reference: str = ""
    offer_id: int = 0
    own: tuple[int, ...] = ()


class Interest:
    """The numbers of one process that are not yet in the database."""

    def __init__(self, app: Flask, clock: Clock, seconds: float = SECONDS_BETWEEN_WRITES) -> None:
        self._app = app
        self._clock = clock
        self._seconds = seconds
        self._counts: Counter[_Key] = Counter()
        self._lock = Lock()
        self._timer: Timer | None = None
        # Workers of the web server are child processes, which end without `atexit`; this runs in both.
        self._at_exit: Finalize | None = None

    def saw(self, reference: str, own: tuple[int, ...] = ()) -> None:
        """The page of a project was shown once."""
        self._add(_Key(self._clock.now().date(), reference=reference, own=own))

    def put(self, offer_id: int, own: tuple[int, ...] = ()) -> None:
        """Units of an offer were put into a basket."""
        self._add(_Key(self._clock.now().date(), offer_id=offer_id, own=own))

    def write(self) -> int:
        """Put what was counted into the database; gives how many rows it touched. Numbers that cannot be are kept."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            timer, self._timer = self._timer, None
            at_exit, self._at_exit = self._at_exit, None
        if timer is not None:
            timer.cancel()
        if at_exit is not None:
            at_exit.cancel()
        if not counts:
            return 0
        try:
            with self._app.app_context():
                return _store(counts)
        except Exception:
            log.exception("interest not written")
            with self._lock:
                if len(self._counts) + len(counts) <= MOST_KEYS:
                    self._counts.update(counts)
            return 0

    def _add(self, key: _Key) -> None:
        with self._lock:
            self._counts[key] += 1
            if self._timer is None:
                self._timer = Timer(self._seconds, self.write)
                self._timer.daemon = True
                self._timer.start()
                self._at_exit = Finalize(None, self.write, exitpriority=1)


class CountingPages:
    """A WSGI application in front of another: counts the project pages that it answers."""

    def __init__(self, application: WSGIApplication, interest: Interest) -> None:
        self._application = application
        self._interest = interest

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Hand the request on; afterwards count it, if it was a person's look at a project."""
        path = environ.get("PATH_INFO", "")
        if path[_PLACE] != _BEFORE or environ["REQUEST_METHOD"] != "GET" or not _is_person(environ):
            return self._application(environ, start_response)

        def counted(status: str, *rest: Any) -> Any:
            if status.startswith("200 ") and path.find("/", _PLACE.stop) < 0:
                try:
                    self._interest.saw(path[_PLACE.stop :], environ.get(_OWN, ()))
                except Exception:
                    log.exception("view not counted")
            return start_response(status, *rest)

        return self._application(environ, counted)


def init_app(app: Flask) -> None:
    """Count from now on. The layer stands in front of everything, so it comes after `app.web`."""
    interest = Interest(app, app.extensions["tonne.clock"])
    app.extensions["tonne.interest"] = interest
    app.wsgi_app = CountingPages(app.wsgi_app, interest)  # type: ignore[method-assign]  # Flask's own way
    app.after_request(lambda response: _after(response, interest))


def _after(response: Response, interest: Interest) -> Response:
    """Say whose offers are not to be counted, and count what was put into a basket."""
    try:
        if request.endpoint == "catalog.project":
            request.environ[_OWN] = _own_organisations()
        elif request.endpoint == "checkout.add" and response.status_code == 303 and _is_person(request.environ):
            offer_id = read_number(request.form.get("offer_id", ""))
            if offer_id and response.headers.get("Location", "").endswith("/basket"):
                interest.put(offer_id, _own_organisations())
    except Exception:
        log.exception("interest not counted")
    return response


def _own_organisations() -> tuple[int, ...]:
    return tuple(sorted(seat.organisation_id for seat in seats_of_me())) if find_me() is not None else ()


def _is_person(environ: Mapping[str, Any]) -> bool:
    """Whether a person's browser seems to ask: it names languages, is none of the known machines, and looks now."""
    if not environ.get("HTTP_ACCEPT_LANGUAGE") or "prefetch" in environ.get("HTTP_SEC_PURPOSE", ""):
        return False
    return not _is_machine(environ.get("HTTP_USER_AGENT", ""))


@lru_cache(maxsize=2048)
def _is_machine(user_agent: str) -> bool:
    return not user_agent or _MACHINE.search(user_agent) is not None


def _store(counts: Mapping[_Key, int]) -> int:
    """Add the numbers to the offers that are visible now; one transaction."""
    with transaction() as session:
        references = {key.reference for key in counts if key.reference}
        offers = session.execute(
            select(Offer.id, Project.reference, Provider.organisation_id)
            .join(Issuance, Issuance.id == Offer.issuance_id)
            .join(Project, Project.id == Issuance.project_id)
            .join(Provider, Provider.id == Offer.provider_id)
            .where(
                Project.reference.in_(references) | Offer.id.in_({key.offer_id for key in counts if key.offer_id}),
                Offer.state.in_(VISIBLE),
            )
        ).all()
        views: Counter[tuple[int, date]] = Counter()
        baskets: Counter[tuple[int, date]] = Counter()
        for key, number in counts.items():
            for offer_id, reference, organisation_id in offers:
                if organisation_id is not None and organisation_id in key.own:
                    continue
                if key.offer_id == offer_id:
                    baskets[offer_id, key.on] += number
                elif key.reference == reference:
                    views[offer_id, key.on] += number
        insert: Callable[..., Any] = (
            postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        )
        # In one order, so that processes which write at once do not wait for each other in a circle.
        touched = sorted({*views, *baskets})
        for offer_id, on in touched:
            row = insert(OfferInterest).values(
                offer_id=offer_id, on=on, views=views[offer_id, on], baskets=baskets[offer_id, on]
            )
            session.execute(
                row.on_conflict_do_update(
                    index_elements=[OfferInterest.offer_id, OfferInterest.on],
                    set_={
                        "views": OfferInterest.views + row.excluded.views,
                        "baskets": OfferInterest.baskets + row.excluded.baskets,
                    },
                )
            )
        return len(touched)
