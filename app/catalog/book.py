"""What pages say of mechanisms and units, held in memory: words, closing dates, what authorisations mean.

Read once in a minute at most, so that a page costs no query for the words on it. Nothing is decided by this book:
whoever takes an order or money, or calls a registry, reads the mechanism's row.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from threading import Lock
from types import SimpleNamespace
from typing import Any, cast

from flask import Flask, current_app, has_app_context
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.catalog import number_forms
from app.catalog.mechanism_file import shipped
from app.catalog.models import Mechanism, UnitType
from app.db import db

MAXIMUM_AGE = 60.0  # seconds
SOON = timedelta(days=60)

Words = Mapping[str, Mapping[str, str]]


class Stage(StrEnum):
    """How far a mechanism is closed: on sale; no more into baskets; no more orders; its registry is gone."""

    OPEN = "open"
    SALE_CLOSED = "sale_closed"
    ORDERS_CLOSED = "orders_closed"
    ENDED = "ended"


@dataclass(frozen=True)
class MechanismFacts:
    """One mechanism. `authorisations` by code: the intents they allow, and words for name and meaning."""

    code: str
    name: str
    registry_name: str
    registry_url: str
    sales_close_at: datetime | None
    last_order_at: datetime | None
    ends_at: datetime | None
    words: Words
    authorisations: Mapping[str, Mapping[str, Any]]
    units: tuple[str, ...]
    serial_form: str
    space_form: str

    def stage(self, now: datetime) -> Stage:
        """How far it is closed at an instant."""
        steps = (
            (self.ends_at, Stage.ENDED),
            (self.last_order_at, Stage.ORDERS_CLOSED),
            (self.sales_close_at, Stage.SALE_CLOSED),
        )
        return next((stage for at, stage in steps if at is not None and at <= now), Stage.OPEN)

    def closes_soon(self, now: datetime) -> bool:
        """Whether people should hear that its sale closes: within `SOON`, and as long as its registry is there."""
        return (
            self.sales_close_at is not None and self.sales_close_at - now <= SOON and self.stage(now) is not Stage.ENDED
        )


@dataclass(frozen=True)
class UnitFacts:
    """One unit type and what it is called."""

    code: str
    mechanism: str
    words: Words


@dataclass(frozen=True)
class Contents:
    """Every mechanism and unit type by code."""

    mechanisms: Mapping[str, MechanismFacts] = field(default_factory=dict)
    units: Mapping[str, UnitFacts] = field(default_factory=dict)

    def mechanism_of(self, unit_type: str) -> MechanismFacts | None:
        """The mechanism of a unit type; None for a unit that nobody knows."""
        unit = self.units.get(unit_type)
        return None if unit is None else self.mechanisms[unit.mechanism]

    def serial_number(self, text: str) -> tuple[str, int] | None:
        """The number space and the number of a serial number as certificates print it; None for any other text."""
        for mechanism in self.mechanisms.values():
            found = number_forms.read(mechanism.serial_form, text)
            if found is not None and number_forms.elements(mechanism.space_form) <= set(found):
                return number_forms.fill(mechanism.space_form, found), int(found["serial"])
        return None

    def intents_of(self, authorisation: str) -> tuple[str, ...]:
        """What units with this authorisation may be cancelled for; nothing for a code that nobody knows."""
        for mechanism in self.mechanisms.values():
            if authorisation in mechanism.authorisations:
                return tuple(mechanism.authorisations[authorisation]["intents"])
        return ()

    def allows(self, intent: str, authorisation: str | None) -> bool:
        """Whether units with this word of their host Party may be cancelled for an intent; without one, for any."""
        return not authorisation or intent in self.intents_of(authorisation)

    def closed(self, now: datetime) -> frozenset[str]:
        """The codes of mechanisms of which nothing is put into a basket any more."""
        return frozenset(code for code, mechanism in self.mechanisms.items() if mechanism.stage(now) is not Stage.OPEN)


class Book:
    """The contents as one process knows them."""

    def __init__(self) -> None:
        self._known: tuple[float, Contents] | None = None
        self._lock = Lock()

    def look(self) -> Contents:
        """The contents, at most `MAXIMUM_AGE` seconds old."""
        known = self._known
        if known is not None and time.monotonic() - known[0] < MAXIMUM_AGE:
            return known[1]
        with self._lock:
            try:
                contents = _read()
            except SQLAlchemyError:
                # A page that says that the database is away has words on it too.
                return _shipped()
            if not contents.mechanisms:
                return _shipped()
            self._known = (time.monotonic(), contents)
            return contents

    def forget(self) -> None:
        """Read anew when somebody looks."""
        self._known = None


def init_app(app: Flask) -> None:
    """Give the application its book."""
    app.extensions["tonne.mechanisms"] = Book()


def contents() -> Contents:
    """What is known of mechanisms and units; in an application without a database, what the product knows."""
    book = cast(Book | None, current_app.extensions.get("tonne.mechanisms"))
    return _shipped() if book is None else book.look()


def forget() -> None:
    """Let this process read mechanisms anew, because they were changed; others do within `MAXIMUM_AGE`."""
    if has_app_context():
        cast(Book, current_app.extensions["tonne.mechanisms"]).forget()


def _read() -> Contents:
    # On a connection of its own: the request's may see the database as it was a while ago.
    with db.engine.connect() as connection:
        units = connection.execute(select(UnitType.__table__).order_by(UnitType.code)).all()
        mechanisms = connection.execute(select(Mechanism.__table__).order_by(Mechanism.code)).all()
    shipped = _shipped()
    return _contents(
        [row if row.words else shipped.mechanisms.get(row.code, row) for row in mechanisms],
        [UnitFacts(row.code, row.mechanism_code, row.words) if row.words else shipped.units[row.code] for row in units],
    )


@cache
def _shipped() -> Contents:
    """What the product knows from the start: for pages that are drawn while the database is away or empty."""
    rows = [SimpleNamespace(**row.values) for row in shipped()]
    units = [UnitFacts(unit["code"], row.code, unit["words"]) for row in shipped() for unit in row.units]
    return _contents(rows, units)


def _contents(mechanisms: Iterable[Any], units: Sequence[UnitFacts]) -> Contents:
    facts = [
        MechanismFacts(
            code=row.code,
            name=row.name,
            registry_name=row.registry_name,
            registry_url=row.registry_url,
            sales_close_at=row.sales_close_at,
            last_order_at=row.last_order_at,
            ends_at=row.ends_at,
            words=row.words,
            authorisations=row.authorisations,
            units=tuple(unit.code for unit in units if unit.mechanism == row.code),
            serial_form=row.serial_form,
            space_form=row.space_form,
        )
        for row in mechanisms
    ]
    return Contents({each.code: each for each in facts}, {unit.code: unit for unit in units})
