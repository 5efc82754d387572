"""What the closing of a mechanism forbids, decided by its row: offering, filling baskets, ordering, paying."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, or_, select

from app.catalog.models import Issuance, Mechanism, UnitType
from app.db import write
from app.offers.errors import OrdersClosed, SaleClosed
from app.offers.models import Offer


def on_sale(now: datetime) -> ColumnElement[bool]:
    """A condition for queries that join Issuance: the sale of the units' mechanism has not closed at `now` (aware)."""
    is_open = or_(Mechanism.sales_close_at.is_(None), Mechanism.sales_close_at > now)
    return exists().where(UnitType.code == Issuance.unit_type, Mechanism.code == UnitType.mechanism_code, is_open)


def require_sale(issuance_id: int, now: datetime) -> None:
    """Refuse to offer units, or to put more of them into a basket. Raises SaleClosed."""
    row = write(_SALE, {"issuance_id": issuance_id}).one_or_none()
    if row is not None and row.at <= now:
        raise SaleClosed(unit_type=row.unit_type, closed_at=row.at)


def require_orderable(offer_ids: Collection[int], now: datetime) -> None:
    """Refuse to order or pay units at `now` (aware). Raises OrdersClosed, which names one of the offers."""
    row = _last_order(offer_ids)
    if row is not None and row.at <= now:
        raise OrdersClosed(offer_id=row.offer_id, unit_type=row.unit_type, closed_at=row.at)


def last_order_at(offer_ids: Collection[int]) -> datetime | None:
    """The instant from which not all of these offers can be ordered or paid any more; None where none is known."""
    row = _last_order(offer_ids)
    return None if row is None else row.at


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


def _last_order(offer_ids: Collection[int]) -> Any:
    return write(_LAST_ORDER, {"offer_ids": list(offer_ids)}).one_or_none()


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


# The same of one issuance, as a column of queries that read it; null where it is not known.
LAST_ORDER_AT = (
    select(Mechanism.last_order_at)
    .join(UnitType, UnitType.mechanism_code == Mechanism.code)
    .where(UnitType.code == Issuance.unit_type)
    .correlate(Issuance)
    .scalar_subquery()
)
# Said once: a purchase asks many times.
_SALE = _earliest(Mechanism.sales_close_at, Issuance.id == bindparam("issuance_id"))
_LAST_ORDER = _earliest(Mechanism.last_order_at, Offer.id.in_(bindparam("offer_ids", expanding=True)))
