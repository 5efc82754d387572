"""One order with everything that is known of it, and the list of orders. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, select

from app.accounts.models import Person
from app.audit.models import Note, Proposal
from app.audit.states import ProposalState
from app.catalog.models import Project
from app.certificates.models import Certificate
from app.checkout.models import Order
from app.checkout.order_queries import OrderView, order_view, promise_of
from app.checkout.service.correct import BEFORE_SENDING, can_change
from app.checkout.service.overdue import is_overdue
from app.checkout.service.review import what_arrived
from app.checkout.states import OrderState
from app.current import now
from app.db import db
from app.fulfilment import risk
from app.kernel.money import Money
from app.kernel.text import plain_email
from app.notifications.models import Mail
from app.payments.disputes import disputes_of
from app.payments.models import Dispute, Payment, Refund
from app.payments.notices import is_unheard_about
from app.payments.states import RefundState
from app.registry.models import Cancellation, RegistryAttempt
from app.registry.ports import current_registries
from app.screening.models import SanctionsList, ScreeningMatch
from app.screening.queries import editions_at
from app.screening.service import Standing, standing

PAGE = 50


@dataclass(frozen=True)
class OrderFilter:
    """Which orders are asked for; empty values ask for all. Days count in UTC."""

    state: OrderState | None = None
    day: date | None = None
    email: str = ""
    before: int | None = None


@dataclass(frozen=True)
class OrderRow:
    """One order of the list."""

    id: int
    reference: str
    state: OrderState
    email: str
    total: Money
    placed_at: datetime


@dataclass(frozen=True)
class NoteView:
    """What an operator wrote about a thing."""

    text: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Talk:
    """A cancellation and every conversation with the registry about it."""

    cancellation: Cancellation
    attempts: tuple[RegistryAttempt, ...]


@dataclass(frozen=True)
class OrderFile:
    """An order as the desk shows it.

    `compared_with` are the editions of sanctions lists that its names were compared with, `is_compared` is False
    where it never came so far.
    """

    order: Order
    view: OrderView
    payments: tuple[Payment, ...]
    refunds: tuple[Refund, ...]
    disputes: tuple[Dispute, ...]
    talks: tuple[Talk, ...]
    certificates: tuple[tuple[Certificate, str], ...]
    mails: tuple[Mail, ...]
    standing: Standing
    is_compared: bool
    compared_with: tuple[str, ...]
    matches: tuple[ScreeningMatch, ...]
    notes: tuple[NoteView, ...]
    proposals: tuple[Proposal, ...]
    owner: str
    arrived: Money | None
    can_change: bool
    can_hold: bool
    is_held: bool
    can_let_go: bool
    can_refund: bool
    is_overdue: bool
    failed_refunds: tuple[Refund, ...]
    waits_for_notice: bool


def order_rows(wanted: OrderFilter) -> list[OrderRow]:
    """One page of orders, newest first, and one row more where there are more."""
    query = select(Order).order_by(Order.id.desc()).limit(PAGE + 1)
    if wanted.state is not None:
        query = query.where(Order.state == wanted.state)
    if wanted.day is not None:
        start = datetime.combine(wanted.day, time(), UTC)
        query = query.where(Order.placed_at >= start, Order.placed_at < start + timedelta(days=1))
    if wanted.email:
        query = query.where(Order.email == plain_email(wanted.email))
    if wanted.before is not None:
        query = query.where(Order.id < wanted.before)
    return [
        OrderRow(order.id, order.reference, order.state, order.email, order.money, order.placed_at)
        for order in db.session.scalars(query)
    ]


def _edition(edition: SanctionsList) -> str:
    return f"{edition.source.upper()} {edition.published or format(edition.imported_at, '%Y-%m-%d')}"


def find_by_reference(reference: str) -> Order | None:
    """The order that goes by a reference such as T-7KMQ-2XHD."""
    return db.session.scalar(select(Order).where(Order.reference == reference))


def order_file(order: Order) -> OrderFile:
    """Everything about one order but its timeline."""
    refunds = _of(Refund, order.id)
    arrived = what_arrived(order.id)
    changeable = can_change(order)
    found = standing("order", order.id)
    compared_until = risk.compared_until(order, now())
    return OrderFile(
        order=order,
        view=order_view(order, promise=promise_of(order.id, current_registries())),
        payments=_of(Payment, order.id),
        refunds=refunds,
        disputes=disputes_of(order.id),
        talks=talks_of(Cancellation.order_id == order.id),
        certificates=tuple(
            (certificate, reference)
            for certificate, reference in db.session.execute(
                select(Certificate, Project.reference)
                .join(Project, Project.id == Certificate.project_id)
                .where(Certificate.order_id == order.id)
                .order_by(Certificate.id)
            )
        ),
        mails=_of(Mail, order.id),
        standing=found,
        is_compared=compared_until is not None,
        compared_with=() if compared_until is None else tuple(map(_edition, editions_at(compared_until))),
        matches=tuple(
            db.session.scalars(
                select(ScreeningMatch)
                .where(ScreeningMatch.subject_kind == "order", ScreeningMatch.subject_id == order.id)
                .order_by(ScreeningMatch.id)
            )
        ),
        notes=notes_of("order", order.id),
        proposals=open_proposals(
            ("order", [order.id]),
            ("refund", [refund.id for refund in refunds]),
        ),
        owner=db.session.scalar(select(Person.email).where(Person.id == order.person_id)) or "",
        arrived=arrived[1] if arrived else None,
        can_change=changeable,
        can_hold=changeable and not order.hold_reason and order.state in BEFORE_SENDING,
        is_held=order.state is OrderState.RISK_HOLD,
        can_let_go=found is not Standing.CONFIRMED
        and (order.state is OrderState.RISK_HOLD or (changeable and bool(order.hold_reason))),
        is_overdue=is_overdue(order, now()),
        can_refund=order.state is OrderState.PAYMENT_REVIEW and arrived is not None,
        failed_refunds=tuple(refund for refund in refunds if refund.state is RefundState.FAILED),
        waits_for_notice=order.state is OrderState.PAID and bool(db.session.scalar(select(is_unheard_about(order.id)))),
    )


def notes_of(kind: str, subject_id: int) -> tuple[NoteView, ...]:
    """The notes about a thing, oldest first."""
    rows = db.session.execute(
        select(Note, Person.email)
        .join(Person, Person.id == Note.person_id)
        .where(Note.subject_kind == kind, Note.subject_id == subject_id)
        .order_by(Note.id)
    )
    return tuple(NoteView(note.text, email, note.at) for note, email in rows)


def open_proposals(*subjects: tuple[str, Sequence[int]]) -> tuple[Proposal, ...]:
    """What waits for a second person about any of some things, given as (kind, ids)."""
    found: list[Proposal] = []
    for kind, ids in subjects:
        if ids:
            query = select(Proposal).where(
                Proposal.state == ProposalState.PROPOSED,
                Proposal.subject_kind == kind,
                Proposal.subject_id.in_(ids),
            )
            found += db.session.scalars(query.order_by(Proposal.id))
    return tuple(found)


def talks_of(*conditions: ColumnElement[bool]) -> tuple[Talk, ...]:
    """Cancellations that meet conditions, with all that the registry was asked and said."""
    cancellations = db.session.scalars(select(Cancellation).where(*conditions).order_by(Cancellation.id)).all()
    attempts: dict[int, list[RegistryAttempt]] = {}
    for attempt in db.session.scalars(
        select(RegistryAttempt)
        .where(RegistryAttempt.cancellation_id.in_([cancellation.id for cancellation in cancellations]))
        .order_by(RegistryAttempt.id)
    ):
        attempts.setdefault(attempt.cancellation_id, []).append(attempt)
    return tuple(Talk(cancellation, tuple(attempts.get(cancellation.id, ()))) for cancellation in cancellations)


Row = TypeVar("Row", Payment, Refund, Mail)


def _of(row: type[Row], order_id: int) -> tuple[Row, ...]:
    return tuple(db.session.scalars(select(row).where(row.order_id == order_id).order_by(row.id)))
