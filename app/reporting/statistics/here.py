"""What was sold and cancelled here, as public sums and rows: confirmed by the registry, or it does not count.

Of a buyer nothing is read but what stands in the public register. Money is given by month and project, without
names; one order alone in its month shows what it cost. Times are UTC, units whole units (tonnes), money minor units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    case,
    cast,
    extract,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.orm import aliased

from app.catalog.models import Issuance, Project
from app.certificates.models import Certificate
from app.checkout.models import Order, OrderLine
from app.db import db, end_reading
from app.kernel.columns import UTCDateTime
from app.kernel.money import Money
from app.registry.models import Cancellation
from app.registry.states import CancellationState
from app.reporting.forms import Month
from app.reporting.queries import month_of
from app.reporting.statistics.forms import Cursor, HereSelection, Vintage

ROWS_AT_ONCE = 500
MONEY = ("amount", "seller_share", "platform_fee", "payment_cost", "tax")

_IS_SALE = Cancellation.order_line_id.is_not(None)
_first_year = func.coalesce(Issuance.vintage_year, extract("year", Issuance.monitoring_starts_on))
_last_year = func.coalesce(Issuance.vintage_year, extract("year", Issuance.monitoring_ends_on))

_SUMS = (
    func.count(Cancellation.order_id.distinct()),
    func.count(Cancellation.direct_cancellation_id.distinct()),
    func.coalesce(func.sum(Cancellation.units), 0),
)


@dataclass(frozen=True)
class Sum:
    """How many orders, direct cancellations and units."""

    orders: int = 0
    direct: int = 0
    units: int = 0


@dataclass(frozen=True)
class Speed:
    """How long cancellations of sold units took from the payment on, in seconds, over `count` of them."""

    count: int
    median: int
    most: int  # 95 of 100 took no longer


@dataclass(frozen=True)
class HereRow:
    """One confirmed cancellation. `certificate` is empty until it is issued; `seconds` None without a payment."""

    place: Cursor
    is_sale: bool
    certificate: str
    project: str
    project_type: str
    host: str
    unit_type: str
    commitment_period: int | None
    vintage: Vintage
    units: int
    paid_at: datetime | None
    registry: str
    registry_transaction: str

    @property
    def completed_at(self) -> datetime:
        """When the registry cancelled the units."""
        return self.place.completed_at

    @property
    def seconds(self) -> int | None:
        """Whole seconds from the payment to the cancellation; none where the registry's clock is behind ours."""
        return None if self.paid_at is None else max(0, round((self.completed_at - self.paid_at).total_seconds()))


@dataclass(frozen=True)
class MoneyRow:
    """What buyers paid for cancelled units of one project in one month (of the cancellation), and who got it."""

    month: Month
    project: str
    currency: str
    units: int
    parts: dict[str, int]


def total(selection: HereSelection) -> Sum:
    """What a selection adds up to."""
    return _sum(db.session.execute(_cancelled(selection, *_SUMS)).one())


def totals_by(selection: HereSelection, *columns: Any) -> list[tuple[tuple[Any, ...], Sum]]:
    """The same by the values of some columns, the most units first."""
    rows = db.session.execute(_cancelled(selection, *columns, *_SUMS).group_by(*columns))
    found = [(tuple(row[: len(columns)]), _sum(row[len(columns) :])) for row in rows]
    return sorted(found, key=lambda pair: -pair[1].units)


def by_host(selection: HereSelection) -> list[tuple[str, Sum]]:
    """By host Party: the one whose counter the serial numbers are of."""
    return [(key[0], found) for key, found in totals_by(selection, Issuance.originating_party)]


def by_type(selection: HereSelection) -> list[tuple[str, Sum]]:
    """By project type."""
    return [(key[0], found) for key, found in totals_by(selection, Project.project_type)]


def by_unit_type(selection: HereSelection) -> list[tuple[str, Sum]]:
    """By unit type."""
    return [(key[0], found) for key, found in totals_by(selection, Cancellation.unit_type)]


def by_vintage(selection: HereSelection) -> list[tuple[Vintage, Sum]]:
    """By the years in which the reductions were monitored, oldest first."""
    found = totals_by(selection, _first_year, _last_year)
    return sorted(((Vintage(int(key[0]), int(key[1])), one) for key, one in found), key=lambda pair: str(pair[0]))


def by_month(selection: HereSelection) -> list[tuple[Month, Sum]]:
    """By month of the cancellation, oldest first."""
    found = totals_by(selection, month_of(Cancellation.completed_at))
    return sorted((Month.of(starts_at), one) for (starts_at,), one in found)


def speed(selection: HereSelection) -> Speed | None:
    """How fast sold units were cancelled, or None while none were."""
    seconds = _seconds(Cancellation.completed_at, Order.paid_at)
    sales = _cancelled(selection, seconds).where(_IS_SALE, Order.paid_at.is_not(None))
    count = db.session.scalar(select(func.count()).select_from(sales.subquery())) or 0
    if not count:
        return None

    def at(share: float) -> int:
        place = ceil(count * share) - 1
        found = db.session.scalars(sales.order_by(seconds).offset(place).limit(1)).one()
        return max(0, round(found))

    return Speed(count, at(0.5), at(0.95))


def money(selection: HereSelection) -> dict[str, dict[str, Money]]:
    """What buyers paid and who got it, by currency: the parts add up to the amount."""
    parts = [func.sum(getattr(OrderLine, part)) for part in MONEY]
    rows = db.session.execute(_cancelled(selection, Order.currency, *parts).where(_IS_SALE).group_by(Order.currency))
    return {
        currency: {part: Money(int(value), currency) for part, value in zip(MONEY, values, strict=True)}
        for currency, *values in rows
    }


def money_rows(selection: HereSelection) -> Iterator[MoneyRow]:
    """What the sums of money are made of, by month, project and currency."""
    key = (month_of(Cancellation.completed_at), Project.reference, Order.currency)
    sums = [func.sum(column) for column in (Cancellation.units, *(getattr(OrderLine, part) for part in MONEY))]
    rows = db.session.execute(_cancelled(selection, *key, *sums).where(_IS_SALE).group_by(*key).order_by(*key)).all()
    end_reading()
    for starts_at, project, currency, units, *values in rows:
        parts = {part: int(value) for part, value in zip(MONEY, values, strict=True)}
        yield MoneyRow(Month.of(starts_at), project, currency, int(units), parts)


def every_row(selection: HereSelection, after: Cursor | None, limit: int) -> Iterator[HereRow]:
    """Up to `limit` cancellations, oldest first, read in pieces: no snapshot is held while a file is sent."""
    while limit > 0 and (rows := _some_rows(selection, after, min(limit, ROWS_AT_ONCE))):
        end_reading()
        for row in rows:
            yield _row(row)
        after = Cursor(rows[-1].completed_at, rows[-1].id)
        limit -= len(rows)


def _sum(values: Sequence[Any]) -> Sum:
    orders, direct, units = values
    return Sum(int(orders), int(direct), int(units))


def _cancelled(selection: HereSelection, *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(Cancellation)
        .join(Issuance, Issuance.id == Cancellation.issuance_id)
        .join(Project, Project.id == Issuance.project_id)
        .outerjoin(OrderLine, OrderLine.id == Cancellation.order_line_id)
        .outerjoin(Order, Order.id == Cancellation.order_id)
        .where(Cancellation.state == CancellationState.CONFIRMED, *_conditions(selection))
    )


def _conditions(selection: HereSelection) -> Iterator[ColumnElement[bool]]:
    yield Cancellation.completed_at >= selection.period.starts_at
    yield Cancellation.completed_at < selection.period.ends_at
    if selection.channel:
        yield _IS_SALE if selection.channel == "sale" else ~_IS_SALE
    if selection.host:
        yield Issuance.originating_party == selection.host
    if selection.project_type:
        yield Project.project_type == selection.project_type
    if selection.unit_type:
        yield Cancellation.unit_type == selection.unit_type
    if selection.vintage is not None:
        yield and_(_first_year == selection.vintage.first, _last_year == selection.vintage.last)


def _seconds(later: Any, earlier: Any) -> ColumnElement[Any]:
    if db.session.get_bind().dialect.name == "postgresql":
        return extract("epoch", later - earlier)
    # Days since noon in Greenwich on 24 November 4714 BC; exact to a millisecond.
    return (func.julianday(later) - func.julianday(earlier)) * 86_400


def _some_rows(selection: HereSelection, after: Cursor | None, size: int) -> Sequence[Any]:
    # One join for each cause: a single one that allows either reads all certificates for every row.
    sold, direct = aliased(Certificate), aliased(Certificate)
    of_sale = and_(
        sold.order_id == OrderLine.order_id,
        sold.project_id == OrderLine.project_id,
        sold.beneficiary_id == OrderLine.beneficiary_id,
        sold.registry_code == Cancellation.registry_code,
    )
    rows = (
        _cancelled(
            selection,
            Cancellation.id,
            Cancellation.completed_at,
            Cancellation.unit_type,
            Cancellation.commitment_period,
            Cancellation.units,
            Cancellation.registry_code,
            Cancellation.registry_transaction,
            case((_IS_SALE, 1), else_=0).label("is_sale"),
            func.coalesce(sold.number, direct.number, "").label("certificate"),
            Project.reference,
            Project.project_type,
            Issuance.originating_party,
            cast(_first_year, Integer).label("first_year"),
            cast(_last_year, Integer).label("last_year"),
            Order.paid_at,
        )
        .outerjoin(sold, of_sale)
        .outerjoin(direct, direct.direct_cancellation_id == Cancellation.direct_cancellation_id)
        .order_by(Cancellation.completed_at, Cancellation.id)
        .limit(size)
    )
    if after is not None:
        place = tuple_(literal(after.completed_at, UTCDateTime), literal(after.block_id, Cancellation.id.type))
        rows = rows.where(tuple_(Cancellation.completed_at, Cancellation.id) > place)
    return db.session.execute(rows).all()


def _row(row: Any) -> HereRow:
    return HereRow(
        place=Cursor(row.completed_at, row.id),
        is_sale=bool(row.is_sale),
        certificate=row.certificate,
        project=row.reference,
        project_type=row.project_type,
        host=row.originating_party,
        unit_type=row.unit_type,
        commitment_period=row.commitment_period,
        vintage=Vintage(row.first_year, row.last_year),
        units=row.units,
        paid_at=row.paid_at,
        registry=row.registry_code,
        registry_transaction=row.registry_transaction or "",
    )
