"""A participant's own order lines and offers as its pages and files show them. Reads only.

Whose lines they are is the first condition of every statement here. Of the buyer nothing is read but the
name that stands in the public register, under the very conditions of the register; what is hidden does
not leave the database. A buyer's country is public nowhere, so it is not read either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from app.catalog.models import Issuance, Project
from app.certificates.models import Certificate
from app.checkout.models import Beneficiary, Order, OrderLine
from app.checkout.states import UNPAID, OrderState
from app.claims.queries import is_held_back
from app.db import db, end_reading
from app.kernel.columns import UTCDateTime
from app.kernel.money import Money
from app.offers.models import Offer
from app.payments.models import Refund
from app.registry.models import Cancellation
from app.registry.states import CancellationState
from app.reporting.forms import Cursor, SaleState, Selection

PAGE = 25
ROWS_OF_A_FILE_AT_ONCE = 500

_ENDED_WITHOUT_UNITS = (OrderState.REFUSED, OrderState.PARTLY_FULFILLED)

# A second payment of an order that stands, or one that is not its price, is given back without touching any line.
_TOUCHES_NO_LINE = ("second_payment", "differs")
_REFUND = aliased(Refund)
# Sold out when its money came late: only what is at a registry keeps its money meanwhile.
_IS_GIVEN_BACK = and_(
    Cancellation.id.is_(None),
    exists().where(_REFUND.order_id == OrderLine.order_id, _REFUND.order_line_id == OrderLine.id),
)

# One line's state, decided where it is read: filters, sums and pages cannot disagree. What came for an order and was
# not its price, and went back, never paid for any line of it.
line_state: ColumnElement[str] = case(
    (Cancellation.state == CancellationState.CONFIRMED, SaleState.CANCELLED.value),
    (Cancellation.state == CancellationState.REFUSED, SaleState.REFUNDED.value),
    (Order.state.in_((*UNPAID, OrderState.PAYMENT_REVIEW)), SaleState.HELD.value),
    (Order.state == OrderState.EXPIRED, SaleState.EXPIRED.value),
    (and_(Order.state == OrderState.REFUSED, Order.paid_at.is_(None)), SaleState.EXPIRED.value),
    (or_(Order.state.in_(_ENDED_WITHOUT_UNITS), _IS_GIVEN_BACK), SaleState.REFUNDED.value),
    else_=SaleState.PAID.value,
)

REFUNDED_AT = func.coalesce(
    select(func.min(_REFUND.created_at))
    .where(
        _REFUND.order_id == OrderLine.order_id,
        func.coalesce(_REFUND.order_line_id, OrderLine.id) == OrderLine.id,
        _REFUND.cause.not_in(_TOUCHES_NO_LINE),
    )
    .correlate(OrderLine)
    .scalar_subquery(),
    Order.finished_at,
    Order.placed_at,
    type_=UTCDateTime(),
)

# What went back for a refunded line: its price where it was never sent to a registry; where that refused it, what its
# buyer chose, which is the difference to the price of other units, and nothing yet while they think.
REFUNDED = case(
    (Cancellation.id.is_(None), OrderLine.amount),
    else_=select(func.coalesce(func.sum(_REFUND.amount), 0))
    .where(_REFUND.order_id == OrderLine.order_id, _REFUND.order_line_id == OrderLine.id)
    .correlate(OrderLine)
    .scalar_subquery(),
)

# As in the public register: chosen by the buyer, certified, and nobody holds the wording back.
_IS_NAME_PUBLIC = and_(
    Beneficiary.is_name_public.is_(True),
    Certificate.id.is_not(None),
    ~is_held_back(Beneficiary.id),
)


def month_of(instant: Any) -> ColumnElement[datetime]:
    """The first instant (UTC) of the month that an instant falls into, as a column to group by.

    Not `extract`: PostgreSQL gives numbers of any length for year and month, and grouping a million rows by two of
    them takes six times as long.
    """
    if db.session.get_bind().dialect.name == "postgresql":
        # It would take the month from the session's time zone.
        return func.date_trunc(literal_column("'month'"), instant, literal_column("'UTC'"), type_=UTCDateTime())
    return func.strftime(literal_column("'%Y-%m-01 00:00:00.000000'"), instant, type_=UTCDateTime())


@dataclass(frozen=True)
class SaleRow:
    """One line of somebody's order. The four parts add up to `amount`.

    `beneficiary` is None where no name may be shown, and empty where the buyer named nobody.
    """

    id: int
    state: SaleState
    placed_at: datetime
    paid_at: datetime | None
    cancelled_at: datetime | None
    refunded_at: datetime | None
    order_reference: str
    certificate: str | None
    project_reference: str
    project_title: str
    offer_code: str
    unit_type: str
    units: int
    unit_price: Money
    amount: Money
    seller_share: Money
    payment_cost: Money
    tax: Money
    platform_fee: Money
    beneficiary: str | None
    is_demonstration: bool

    @property
    def place(self) -> Cursor:
        """Where it stands in the list."""
        return Cursor(self.placed_at, self.id)

    @property
    def state_since(self) -> datetime:
        """When it came into its state, as far as that is an instant of its own."""
        at = {
            SaleState.PAID: self.paid_at,
            SaleState.CANCELLED: self.cancelled_at,
            SaleState.REFUNDED: self.refunded_at,
        }
        return at.get(self.state) or self.placed_at


@dataclass(frozen=True)
class SaleTotal:
    """How many lines a selection has, their units, and their money by currency."""

    lines: int
    units: int
    amounts: tuple[Money, ...]
    shares: tuple[Money, ...]


@dataclass(frozen=True)
class SalesPage:
    """Some lines, newest first, and the places from which newer and older ones follow, if there are any."""

    rows: tuple[SaleRow, ...]
    total: SaleTotal
    newer: Cursor | None
    older: Cursor | None


NOTHING = SalesPage((), SaleTotal(0, 0, (), ()), newer=None, older=None)


def sales_page(
    provider_id: int, selection: Selection, *, after: Cursor | None = None, before: Cursor | None = None, size: int
) -> SalesPage:
    """The page of a selection that follows `after`, or ends before `before`; the first one without either."""
    total = _total(provider_id, selection)
    if not total.lines:
        return NOTHING
    rows: list[SaleRow] = []
    if before is not None:
        rows = _rows(provider_id, selection, before, size + 1, is_backwards=True)
        if len(rows) > size:
            rows = rows[1:]
            return SalesPage(tuple(rows), total, newer=rows[0].place, older=rows[-1].place)
        # Nothing newer is left, so this is the first page; it is shown as long as any other.
        after = None
    rows = _rows(provider_id, selection, after, size + 1)
    older = rows[size - 1].place if len(rows) > size else None
    rows = rows[:size]
    newer = rows[0].place if rows and after is not None else None
    return SalesPage(tuple(rows), total, newer=newer, older=older)


def every_sale(provider_id: int, selection: Selection) -> Iterator[SaleRow]:
    """The whole selection, newest first, read in pieces: no snapshot is held while a file is sent."""
    place: Cursor | None = None
    while rows := _rows(provider_id, selection, place, ROWS_OF_A_FILE_AT_ONCE):
        end_reading()
        yield from rows
        place = rows[-1].place


def sold_projects(provider_id: int) -> Sequence[tuple[str, str]]:
    """Reference and title of every project that the participant has order lines of."""
    return [
        (reference, title)
        for reference, title in db.session.execute(
            select(Project.reference, Project.title)
            .where(exists().where(OrderLine.project_id == Project.id, OrderLine.provider_id == provider_id))
            .order_by(Project.reference)
        )
    ]


def offered_currencies(provider_id: int) -> list[str]:
    """The currencies that the participant ever offered units in: the house may have had others before.

    An offer keeps its currency, so its orders were in no other, and a million of them need not be read.
    """
    found = select(Offer.currency).where(Offer.provider_id == provider_id)
    return list(db.session.scalars(found.distinct().order_by(Offer.currency)))


def own_lines(provider_id: int, *columns: Any) -> Select[Any]:
    """Columns of the participant's own lines, with what their state depends on."""
    return (
        select(*columns)
        .select_from(OrderLine)
        .join(Order, Order.id == OrderLine.order_id)
        .outerjoin(Cancellation, Cancellation.order_line_id == OrderLine.id)
        .where(OrderLine.provider_id == provider_id)
    )


def _selected(query: Select[Any], selection: Selection) -> Select[Any]:
    if selection.project:
        wanted = select(Project.id).where(Project.reference == selection.project)
        query = query.where(OrderLine.project_id.in_(wanted))
    if selection.state is not None:
        query = query.where(line_state == selection.state.value)
    if selection.starts_at is not None:
        query = query.where(Order.placed_at >= selection.starts_at)
    if selection.ends_at is not None:
        query = query.where(Order.placed_at < selection.ends_at)
    return query


def _total(provider_id: int, selection: Selection) -> SaleTotal:
    query = own_lines(
        provider_id,
        Order.currency,
        func.count(OrderLine.id),
        func.sum(OrderLine.units),
        func.sum(OrderLine.amount),
        func.sum(OrderLine.seller_share),
    )
    rows = db.session.execute(_selected(query, selection).group_by(Order.currency).order_by(Order.currency)).all()
    return SaleTotal(
        lines=sum(row[1] for row in rows),
        units=sum(int(row[2]) for row in rows),
        amounts=tuple(Money(int(row[3]), row[0]) for row in rows),
        shares=tuple(Money(int(row[4]), row[0]) for row in rows),
    )


def _rows(
    provider_id: int, selection: Selection, place: Cursor | None, size: int, *, is_backwards: bool = False
) -> list[SaleRow]:
    """Up to `size` rows after a place, or before it; newest first either way.

    Lines are numbered as orders are placed: the index by number spares the sorting of all of them. Which ones they are
    is asked first: a selection of a few among a million looks at every line, and needs nothing of it but its state.
    """
    found = _selected(own_lines(provider_id, OrderLine.id), selection)
    if place is not None:
        found = found.where(OrderLine.id > place.line_id if is_backwards else OrderLine.id < place.line_id)
    ids = db.session.scalars(found.order_by(OrderLine.id if is_backwards else OrderLine.id.desc()).limit(size)).all()
    query = _whole(provider_id).where(OrderLine.id.in_(ids)).order_by(OrderLine.id.desc())
    return [_row(row) for row in db.session.execute(query)]


def _whole(provider_id: int) -> Select[Any]:
    return (
        own_lines(
            provider_id,
            OrderLine,
            line_state.label("state"),
            Order.placed_at,
            Order.paid_at,
            Order.currency,
            Order.is_demonstration,
            Order.reference.label("order_reference"),
            Cancellation.completed_at,
            REFUNDED_AT.label("refunded_at"),
            Certificate.number.label("certificate"),
            Project.reference.label("project_reference"),
            Project.title.label("project_title"),
            Offer.code.label("offer_code"),
            Issuance.unit_type,
            case((_IS_NAME_PUBLIC, Beneficiary.name), else_=None).label("beneficiary"),
        )
        .join(Project, Project.id == OrderLine.project_id)
        .join(Issuance, Issuance.id == OrderLine.issuance_id)
        .join(Offer, Offer.id == OrderLine.offer_id)
        .join(Beneficiary, Beneficiary.id == OrderLine.beneficiary_id)
        .outerjoin(
            Certificate,
            and_(
                Certificate.order_id == OrderLine.order_id,
                Certificate.project_id == OrderLine.project_id,
                Certificate.beneficiary_id == OrderLine.beneficiary_id,
                Certificate.registry_code == Cancellation.registry_code,
                # A refused line has none, although another one of the project in the order may.
                Cancellation.state == CancellationState.CONFIRMED,
            ),
        )
    )


def _row(row: Row[Any]) -> SaleRow:
    line: OrderLine = row[0]
    state = SaleState(row.state)

    def money(minor: int) -> Money:
        return Money(int(minor), row.currency)

    return SaleRow(
        id=line.id,
        state=state,
        placed_at=row.placed_at,
        paid_at=row.paid_at,
        cancelled_at=row.completed_at if state is SaleState.CANCELLED else None,
        refunded_at=row.refunded_at if state is SaleState.REFUNDED else None,
        order_reference=row.order_reference,
        certificate=row.certificate,
        project_reference=row.project_reference,
        project_title=row.project_title,
        offer_code=row.offer_code,
        unit_type=row.unit_type,
        units=line.units,
        unit_price=money(line.unit_price),
        amount=money(line.amount),
        seller_share=money(line.seller_share),
        payment_cost=money(line.payment_cost),
        tax=money(line.tax),
        platform_fee=money(line.platform_fee),
        beneficiary=row.beneficiary,
        is_demonstration=row.is_demonstration,
    )
