"""What is on offer, held in memory for less than a second, so that every filter and sort is a matter of bits.

One process keeps one shelf. It reads all visible offers in one query when somebody looks and what it
knows is too old; only what changed since then makes it arrange them anew. Facts of projects are read
again when the search's revision says that an importer has written some, or when an offer is of an
issuance that is not known yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, cast

from flask import Flask, current_app
from sqlalchemy import Connection, Row, String, bindparam, case, func, or_, select, type_coerce

from app import current
from app.catalog import book
from app.catalog.models import Issuance, Project, ProjectParty
from app.catalog.quality import ccp_decision
from app.catalog.search_models import SearchDocument
from app.catalog.search_words import fold
from app.config import Settings
from app.db import db
from app.offers.arrangement import Arrangement, Facts, IssuanceFacts, OfferFacts, ProjectFacts
from app.offers.connection import IS_LOST, registry_codes
from app.offers.models import Offer
from app.offers.states import VISIBLE, OfferState, Standing, standing

# Of tables, not of mapped classes: a page that only needs these does not wait until all of those are configured.
_offers, _issuances, _projects, _parties, _documents = (
    mapped.__table__ for mapped in (Offer, Issuance, Project, ProjectParty, SearchDocument)
)
_OFFERS = (
    select(
        _offers.c.id,
        _offers.c.issuance_id,
        # To a visitor, what nobody here could cancel stands as if it were paused.
        case((IS_LOST, OfferState.PAUSED.value), else_=type_coerce(_offers.c.state, String)).label("state"),
        _offers.c.unit_price,
        _offers.c.currency,
        (_offers.c.units_offered - _offers.c.units_reserved - _offers.c.units_settled).label("units_left"),
        (_offers.c.units_reserved > 0).label("is_reserved"),
        select(func.coalesce(func.max(_documents.c.revision), 0)).scalar_subquery().label("revision"),
    )
    .where(
        _offers.c.state.in_(VISIBLE),
        # One that was frozen before its opening is none that a visitor knows of.
        or_(_offers.c.opens_at.is_(None), _offers.c.opens_at <= bindparam("now")),
        _offers.c.currency == bindparam("currency"),
    )
    .order_by(_offers.c.id)
)
_FACTS = (
    select(
        _issuances.c.id,
        _issuances.c.unit_type,
        func.coalesce(_issuances.c.commitment_period, _issuances.c.vintage_year).label("period"),
        func.coalesce(_issuances.c.authorisation, "").label("authorisation"),
        _issuances.c.monitoring_starts_on,
        _issuances.c.monitoring_ends_on,
        _projects.c.id.label("project_id"),
        _projects.c.mechanism_code,
        _projects.c.reference,
        _projects.c.title,
        _projects.c.kind,
        _projects.c.project_type,
        _projects.c.region,
        _projects.c.sectoral_scopes,
        _projects.c.methodologies,
        _projects.c.is_least_developed,
        _parties.c.country,
    )
    .join_from(_issuances, _projects, _projects.c.id == _issuances.c.project_id)
    .outerjoin(_parties, _parties.c.project_id == _projects.c.id)
    .where(_issuances.c.id.in_(select(_offers.c.issuance_id)))
    .order_by(_projects.c.id, _issuances.c.id, _parties.c.position)
)


RECENT = 60.0  # seconds

# A row of `_OFFERS`. A plain tuple, because thousands of them are compared each time and none is looked into.
OfferRow = tuple[Any, ...]


@dataclass(frozen=True)
class Stock:
    """What was on offer when the monotonic clock said `read_at`, by offer; `closed` mechanisms sold nothing then."""

    read_at: float
    rows: Mapping[int, OfferRow]
    revision: int
    closed: frozenset[str]
    arrangement: Arrangement


class Shelf:
    """The stock of this process, at most `maximum_age` seconds old when it is looked at."""

    def __init__(self, maximum_age: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.maximum_age = maximum_age
        self._monotonic = monotonic
        self._stock: Stock | None = None
        self._lock = Lock()

    def recent(self) -> Stock:
        """The stock as it was within the last minute: enough for words, and no query where somebody looked."""
        stock = self._stock
        return stock if stock is not None and self._monotonic() - stock.read_at < RECENT else self.look()

    def look(self) -> Stock:
        """The stock; read now if what is known is too old. At most two queries."""
        stock = self._stock
        if stock is not None and self._monotonic() - stock.read_at < self.maximum_age:
            return stock
        with self._lock:
            stock, read_at = self._stock, self._monotonic()
            if stock is None or read_at - stock.read_at >= self.maximum_age:
                stock = self._stock = _read(stock, read_at, book.contents().closed(current.now()))
            return stock


def init_app(app: Flask) -> None:
    """Give the application its shelf; its age is that of the pages that visitors share."""
    settings: Settings = app.extensions["tonne.settings"]
    app.extensions["tonne.shelf"] = Shelf(settings.page_cache_milliseconds / 1000)


def current_stock() -> Stock:
    """What is on offer now."""
    return cast(Shelf, current_app.extensions["tonne.shelf"]).look()


def recent_stock() -> Stock:
    """What was on offer within the last minute."""
    return cast(Shelf, current_app.extensions["tonne.shelf"]).recent()


def _read(known: Stock | None, read_at: float, closed: frozenset[str]) -> Stock:
    asked = {"currency": current.settings().currency, "registries": registry_codes(), "now": current.now()}
    # On a connection of its own: the request's may see the database as it was a while ago.
    with db.engine.connect() as connection:
        rows = {row[0]: row for row in map(tuple, connection.execute(_OFFERS, asked))}
        revision = next((row[-1] for row in rows.values()), 0)
        is_same = known is not None and (known.revision, known.closed) == (revision, closed)
        if known is not None and is_same and known.rows.keys() == rows.keys():
            changed = [_facts(row) for offer_id, row in rows.items() if row != known.rows[offer_id]]
            arrangement = known.arrangement
            if changed:
                arrangement = arrangement.with_changes(_open_ones(changed, arrangement.facts, closed))
            return Stock(read_at, rows, revision, closed, arrangement)
        offers = [_facts(row) for row in rows.values()]
        facts = known.arrangement.facts if known is not None and known.revision == revision else None
        if facts is None or any(offer.issuance_id not in facts.issuances for offer in offers):
            facts = _read_facts(connection)
    return Stock(read_at, rows, revision, closed, Arrangement(facts, _open_ones(offers, facts, closed)))


def _open_ones(offers: Sequence[OfferFacts], facts: Facts, closed: frozenset[str]) -> Sequence[OfferFacts]:
    """The offers as they stand: of a closed mechanism none is for sale, whatever is left of it."""
    if not closed:
        return offers
    return [
        offer._replace(is_for_sale=False, units_left=0, standing=Standing.CLOSED)
        if facts.issuances[offer.issuance_id].mechanism in closed
        else offer
        for offer in offers
    ]


def _facts(row: OfferRow) -> OfferFacts:
    offer_id, issuance_id, state, price, currency, units_left, is_reserved, _revision = row
    stands = standing(OfferState(state), units_left, int(is_reserved))
    return OfferFacts(offer_id, issuance_id, price, currency, units_left, stands is Standing.OPEN, stands)


def _read_facts(connection: Connection) -> Facts:
    by_project: dict[int, list[Row[Any]]] = {}
    found: Any = connection.execute(_FACTS)
    for row in found:
        by_project.setdefault(row.project_id, []).append(row)
    # In the order of titles, which is how the list is sorted unless somebody wishes otherwise.
    groups = sorted(by_project.values(), key=lambda rows: (fold(rows[0].title), rows[0].reference))
    issuances = {
        row.id: IssuanceFacts(
            place,
            row.mechanism_code,
            row.unit_type,
            str(row.period),
            row.authorisation,
            row.monitoring_starts_on.year,
            row.monitoring_ends_on.year,
            row.monitoring_ends_on,
        )
        for place, rows in enumerate(groups)
        for row in rows
    }
    return Facts([_project(rows) for rows in groups], issuances)


def _project(rows: Sequence[Row[Any]]) -> ProjectFacts:
    first = rows[0]
    return ProjectFacts(
        id=first.project_id,
        reference=first.reference,
        title=first.title,
        kind=first.kind,
        project_type=first.project_type,
        region=first.region,
        host_parties=tuple(dict.fromkeys(row.country for row in rows if row.country)),
        scopes=_parts(first.sectoral_scopes),
        methodologies=_parts(first.methodologies),
        is_least_developed=first.is_least_developed,
        ccp=ccp_decision(first.methodologies),
    )


def _parts(joined: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in joined.split(";") if part.strip())
