"""What has happened to a project's units: issued, cancelled, priced. One read for all of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Select,
    String,
    bindparam,
    cast,
    extract,
    func,
    literal,
    null,
    select,
    union_all,
)

from app.catalog.models import Issuance, Project, PublishedCancellation
from app.db import db
from app.kernel.columns import UTCDateTime
from app.kernel.money import Money
from app.offers.models import Offer, OfferPrice
from app.offers.states import UNSEEN
from app.offers.tiers import Tiers, levels
from app.offers.years import HERE, Year, by_year
from app.registry.models import Cancellation
from app.registry.states import CancellationState


@dataclass(frozen=True)
class Sum:
    """Whole units that a source says were cancelled between two instants, without the years."""

    channel: str
    units: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class PricePoint:
    """What one unit cost from an instant on, and what it cost in larger purchases: by first number of units."""

    at: datetime
    price: Money
    tiers: tuple[tuple[int, Money], ...] = ()

    @property
    def lowest(self) -> Money:
        """The lowest price of one unit, in the largest purchases."""
        return min([self.price, *(price for _units, price in self.tiers)])


@dataclass(frozen=True)
class PriceLine:
    """The prices of one offer, each from an instant until the next, in order."""

    offer_id: int
    code: str
    monitoring_starts_on: date
    monitoring_ends_on: date
    prices: tuple[PricePoint, ...]

    @property
    def has_tiers(self) -> bool:
        """Whether one unit ever cost less in a larger purchase."""
        return any(point.tiers for point in self.prices)

    def in_currency(self, currency: str) -> PriceLine:
        """The same with the prices in one currency only."""
        return replace(self, prices=tuple(point for point in self.prices if point.price.currency == currency))


@dataclass(frozen=True)
class History:
    """All of it; `moved_at` is when units last left an account, by account and issuance id."""

    years: tuple[Year, ...]
    sums: tuple[Sum, ...]
    lines: tuple[PriceLine, ...]
    moved_at: Mapping[tuple[str, int], datetime]

    @property
    def issued(self) -> int:
        """Units issued in all."""
        return sum(year.issued or 0 for year in self.years)

    @property
    def cancelled(self) -> int:
        """Units known to be cancelled, in all."""
        return sum(units or 0 for year in self.years for units in year.cancelled.values()) + self.undated

    @property
    def undated(self) -> int:
        """Those of the cancelled units whose year the source does not give."""
        return sum(part.units for part in self.sums)


def read_history(
    project: Project,
    issued: Mapping[int, int],
    offers: Iterable[tuple[Offer, Issuance]],
    listed_until: date | None,
) -> History:
    """What has happened to the units of a project that were `issued` by year, and to its offers. One query.

    `listed_until` is the last day of the registry's own list. What was cancelled here until then is
    in that list and not counted again.
    """
    since = _day_after(listed_until) if listed_until else None
    cancelled: dict[int, dict[str, int]] = {}
    sums = []
    moved_at: dict[tuple[str, int], datetime] = {}
    prices: dict[int, list[PricePoint]] = {}
    for kind, name, key, amount, at, starts_at, tiers in _read_events(project.id):
        if kind == "price":
            prices.setdefault(key, []).append(_point(at, Money(int(amount), name), tiers))
        elif kind == "sum":
            sums.append(Sum(name, int(amount), starts_at, at))
        elif kind == "published":
            _add(cancelled, at.year, name, int(amount))
        else:
            moved_at[name, key] = max(at, moved_at.get((name, key), at))
            if since is None or at >= since:
                _add(cancelled, at.year, HERE, int(amount))
    return History(
        years=by_year(issued, cancelled, project.facts_on, listed_until),
        sums=tuple(sorted(sums, key=lambda part: (part.starts_at, part.channel))),
        lines=_lines(offers, prices),
        moved_at=moved_at,
    )


def cancelled_units(project_ids: Sequence[int]) -> dict[int, int]:
    """Whole units known to be cancelled of each of these projects, counted as in `read_history`. Two queries."""
    since = select(func.max(PublishedCancellation.listed_until)).where(PublishedCancellation.starts_at.is_(None))
    listed_until = db.session.scalar(since)
    here = (
        select(Issuance.project_id, func.sum(Cancellation.units))
        .join(Issuance, Issuance.id == Cancellation.issuance_id)
        .where(Issuance.project_id.in_(project_ids), Cancellation.state == CancellationState.CONFIRMED)
        .group_by(Issuance.project_id)
    )
    if listed_until is not None:
        here = here.where(Cancellation.completed_at >= _day_after(listed_until))
    published = (
        select(PublishedCancellation.project_id, func.sum(PublishedCancellation.units))
        .where(PublishedCancellation.project_id.in_(project_ids))
        .group_by(PublishedCancellation.project_id)
    )
    units: dict[int, int] = {}
    for project_id, part in db.session.execute(union_all(published, here)):
        units[project_id] = units.get(project_id, 0) + int(part)
    return units


def price_lines(project_id: int) -> tuple[PriceLine, ...]:
    """The price history of every offer of a project that was ever public. One query."""
    prices: dict[int, list[PricePoint]] = {}
    offers = {}
    for price, offer, issuance in db.session.execute(
        select(OfferPrice, Offer, Issuance)
        .join(Offer, Offer.id == OfferPrice.offer_id)
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .where(Issuance.project_id == project_id, Offer.state.not_in(UNSEEN))
        .order_by(OfferPrice.id)
    ):
        offers[offer.id] = (offer, issuance)
        cost = Money(price.unit_price, price.currency)
        prices.setdefault(offer.id, []).append(_point(price.valid_from, cost, price.tiers))
    return _lines(offers.values(), prices)


def _read_events(project_id: int) -> Iterable[Any]:
    events = _events(db.session.get_bind().dialect.name)
    return db.session.execute(events, {"project_id": project_id})


@cache
def _events(dialect: str) -> Select[Any]:
    """Kind, name, key, amount, instant, beginning and tiers of everything of `project_id`, as one statement."""
    project_id = bindparam("project_id", type_=BigInteger)
    no_beginning = cast(null(), UTCDateTime)
    no_tiers = cast(null(), JSON)
    published = (
        select(
            literal("published").label("kind"),
            cast(PublishedCancellation.channel, String).label("name"),
            literal(0).label("key"),
            func.sum(PublishedCancellation.units).label("amount"),
            func.max(PublishedCancellation.completed_at).label("at"),
            no_beginning.label("starts_at"),
            no_tiers.label("tiers"),
        )
        .where(PublishedCancellation.project_id == project_id, PublishedCancellation.starts_at.is_(None))
        .group_by(PublishedCancellation.channel, extract("year", _in_utc(PublishedCancellation.completed_at, dialect)))
    )
    sums = select(
        literal("sum"),
        PublishedCancellation.channel,
        literal(0),
        PublishedCancellation.units,
        PublishedCancellation.completed_at,
        PublishedCancellation.starts_at,
        no_tiers,
    ).where(PublishedCancellation.project_id == project_id, PublishedCancellation.starts_at.is_not(None))
    # By days: the registry's list ends with one.
    here = (
        select(
            literal("here"),
            Cancellation.account,
            Cancellation.issuance_id,
            func.sum(Cancellation.units),
            func.max(Cancellation.completed_at),
            no_beginning,
            no_tiers,
        )
        .join(Issuance, Issuance.id == Cancellation.issuance_id)
        .where(Issuance.project_id == project_id, Cancellation.state == CancellationState.CONFIRMED)
        .group_by(
            Cancellation.account, Cancellation.issuance_id, func.date(_in_utc(Cancellation.completed_at, dialect))
        )
    )
    prices = (
        select(
            literal("price"),
            OfferPrice.currency,
            OfferPrice.offer_id,
            OfferPrice.unit_price,
            OfferPrice.valid_from,
            no_beginning,
            OfferPrice.tiers,
        )
        .join(Offer, Offer.id == OfferPrice.offer_id)
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .where(Issuance.project_id == project_id, Offer.state.not_in(UNSEEN))
    )
    events = union_all(published, sums, here, prices).subquery()
    return select(events)


def _in_utc(instant: Any, dialect: str) -> Any:
    # SQLite has UTC as it is; PostgreSQL would take the year from the session's time zone.
    return func.timezone("UTC", instant) if dialect == "postgresql" else instant


def _day_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _add(cancelled: dict[int, dict[str, int]], year: int, channel: str, units: int) -> None:
    found = cancelled.setdefault(year, {})
    found[channel] = found.get(channel, 0) + units


def _point(at: datetime, price: Money, tiers: Tiers | None) -> PricePoint:
    lower = levels(price.minor, tiers or ())[1:]
    return PricePoint(at, price, tuple((from_units, Money(part, price.currency)) for from_units, part in lower))


def _lines(offers: Iterable[tuple[Offer, Issuance]], prices: Mapping[int, list[PricePoint]]) -> tuple[PriceLine, ...]:
    lines = [
        PriceLine(
            offer.id,
            offer.code,
            issuance.monitoring_starts_on,
            issuance.monitoring_ends_on,
            tuple(sorted(prices[offer.id], key=lambda point: point.at)),
        )
        for offer, issuance in offers
        if offer.id in prices
    ]
    return tuple(sorted(lines, key=lambda line: line.offer_id))
