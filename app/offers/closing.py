"""What the closing of a mechanism forbids, decided by its row: offering, filling baskets, ordering, paying."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, bindparam, exists, func, or_, select

from app.catalog.models import Issuance, Mechanism, UnitType
from app.db import write
from app.offers.errors import OrdersClosed, SaleClosed
from app.offers.models import Offer


def on_sale(now: datetime) -> ColumnElement[bool]:
    """A condition for queries that join Issuance: the sale of the units' mechanism has not closed at `now` (aware)."""
    is_open = or_(Mechanism.sales_close_at.is_(None), Mechanism.sales_close_at > now)
    return exists().where(UnitType.code == Issuance.unit_type, Mechanism.code == UnitType.mechanism_code, is_open)


@dataclass(frozen=True)
class Closing:
    """When units of an offer stop being sold or ordered (aware); None where it is not known."""

    offer_id: int
    unit_type: str
    at: datetime | None


def require_sale(issuance_id: int, now: datetime) -> None:
    """Refuse to offer units. Raises SaleClosed."""
    row = write(_SALE, {"issuance_id": issuance_id}).one_or_none()
    if row is not None:
        require_open_sale(Closing(row.offer_id, row.unit_type, row.at), now)


def require_open_sale(closing: Closing, now: datetime) -> None:
    """Refuse to put more of these units into a basket. Raises SaleClosed."""
    if closing.at is not None and closing.at <= now:
        raise SaleClosed(unit_type=closing.unit_type, closed_at=closing.at)


def first_closed(closings: Iterable[Closing], now: datetime) -> Closing | None:
    """What stopped first of all that has stopped at `now` (aware); None where nothing has."""
    closed = [(each.at, each.offer_id, each) for each in closings if each.at is not None and each.at <= now]
    return min(closed)[2] if closed else None


def orders_closed(closing: Closing) -> OrdersClosed:
    """The refusal of units that cannot be ordered any more."""
    return OrdersClosed(offer_id=closing.offer_id, unit_type=closing.unit_type, closed_at=closing.at)


def require_orderable(offer_ids: Collection[int], now: datetime) -> None:
    """Refuse to order or pay units at `now` (aware). Raises OrdersClosed, which names one of the offers."""
    closed = first_closed(filter(None, [last_order(offer_ids)]), now)
    if closed is not None:
        raise orders_closed(closed)


def last_order_at(offer_ids: Collection[int]) -> datetime | None:
    """The instant from which not all of these offers can be ordered or paid any more; None where none is known."""
    last = last_order(offer_ids)
    return None if last is None else last.at


def last_order(offer_ids: Collection[int]) -> Closing | None:
    """Which of these offers can be ordered and paid for the shortest time; None where no end is known."""
    row = write(_LAST_ORDER, {"offer_ids": list(offer_ids)}).one_or_none()
    return None if row is None else Closing(row.offer_id, row.unit_type, row.at)


def closed_offers(now: datetime) -> ColumnElement[bool]:
    """A condition on offers: nothing of their mechanism can be ordered any more at `now` (aware)."""
    return exists().where(
        Issuance.id == Offer.issuance_id,
        UnitType.code == Issuance.unit_type,
        Mechanism.code == UnitType.mechanism_code,
        Mechanism.last_order_at <= now,
    )


def unopened_offers(now: datetime) -> ColumnElement[bool]:
    """A condition on offers that never opened: they cannot any more at `now` (aware), because the sale has closed."""
    return exists().where(
        Issuance.id == Offer.issuance_id,
        UnitType.code == Issuance.unit_type,
        Mechanism.code == UnitType.mechanism_code,
        Mechanism.sales_close_at <= now,
    )


def _earliest(column: Any, which: ColumnElement[bool]) -> Select[Any]:
    """The row of the units that close first: `at`, `unit_type`, `offer_id`; none where nothing closes."""
    return (
        select(column.label("at"), Issuance.unit_type, func.coalesce(Offer.id, 0).label("offer_id"))
        .select_from(Issuance)
        .join(UnitType, UnitType.code == Issuance.unit_type)
        .join(Mechanism, Mechanism.code == UnitType.mechanism_code)
        .outerjoin(Offer, Offer.issuance_id == Issuance.id)
        .where(which, column.is_not(None))
        .order_by(column, Offer.id)
        .limit(1)
    )


def _of_issuance(column: Any) -> ScalarSelect[Any]:
    return (
        select(column)
        .join(UnitType, UnitType.mechanism_code == Mechanism.code)
        .where(UnitType.code == Issuance.unit_type)
        .correlate(Issuance)
        .scalar_subquery()
    )


# The same of one issuance, as columns of queries that read it; null where it is not known.
SALES_CLOSE_AT, LAST_ORDER_AT = _of_issuance(Mechanism.sales_close_at), _of_issuance(Mechanism.last_order_at)
# Said once: a purchase asks many times.
_SALE = _earliest(Mechanism.sales_close_at, Issuance.id == bindparam("issuance_id"))
_LAST_ORDER = _earliest(Mechanism.last_order_at, Offer.id.in_(bindparam("offer_ids", expanding=True)))
