"""How much of everything there is, what is due, and how long it takes: reads, for machines and for the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from app.audit.models import Proposal
from app.certificates.models import Certificate, Document, DocumentRequest
from app.checkout.models import Order
from app.checkout.states import UNPAID, OrderState
from app.complaints.models import Complaint
from app.db import db
from app.direct.models import DirectCancellation
from app.direct.states import DirectState
from app.notifications.models import Mail
from app.notifications.states import MailState
from app.offers.models import Offer, PriceChange
from app.offers.states import PriceChangeState
from app.payments.models import Dispute, Payment, Refund, WebhookDelivery
from app.payments.states import STANDING, PaymentState, RefundState
from app.providers.models import Application
from app.registry.models import Cancellation
from app.registry.states import CancellationState
from app.screening.models import ScreeningMatch

# Things that have a state, by the word that machines know them by.
KINDS: dict[str, Any] = {
    "application": Application,
    "cancellation": Cancellation,
    "certificate": Certificate,
    "complaint": Complaint,
    "direct_cancellation": DirectCancellation,
    "dispute": Dispute,
    "mail": Mail,
    "offer": Offer,
    "order": Order,
    "payment": Payment,
    "proposal": Proposal,
    "refund": Refund,
    "screening_match": ScreeningMatch,
}
LAST_ORDERS = 100
CERTIFIED = (OrderState.FULFILLED, OrderState.PARTLY_FULFILLED)


@dataclass(frozen=True)
class Due:
    """Things of one kind that the worker should have done by now: how many, and since when (aware UTC) the oldest."""

    kind: str
    count: int
    oldest: datetime | None

    def age(self, now: datetime) -> float:
        """Seconds for which the oldest has been due; 0 for none."""
        return 0.0 if self.oldest is None else max(0.0, (now - self.oldest).total_seconds())


@dataclass(frozen=True)
class Pace:
    """Seconds from paid to certified of the last orders: the middle one, the slowest but one in ten, the slowest."""

    orders: int
    median: float
    ninth_decile: float
    slowest: float


def counts() -> dict[str, dict[str, int]]:
    """How many there are of every kind in every state; a state that none is in counts 0."""
    found = {}
    for kind, model in KINDS.items():
        states = dict.fromkeys((state.value for state in model.state.type.enum_class), 0)
        rows = db.session.execute(select(model.state, func.count()).group_by(model.state))
        found[kind] = states | {state.value: int(count) for state, count in rows}
    waiting = db.session.scalar(select(func.count()).select_from(DocumentRequest)) or 0
    drawn = db.session.scalar(select(func.count()).select_from(Document)) or 0
    return found | {"document": {"waiting": waiting, "drawn": drawn}}


def units() -> dict[str, int]:
    """Units (tonnes) of all offers: offered at some time, held for unpaid orders, and sold."""
    row = db.session.execute(
        select(func.sum(Offer.units_offered), func.sum(Offer.units_reserved), func.sum(Offer.units_settled))
    ).one()
    return dict(zip(("offered", "reserved", "settled"), (int(number or 0) for number in row), strict=True))


def due(now: datetime) -> list[Due]:
    """What the worker should have done by `now`, by kind."""
    return [_due(kind, since, *conditions, since <= now) for kind, since, *conditions in _due_things()]


def pace() -> Pace | None:
    """How fast the last orders were certified; None before the first."""
    rows = db.session.execute(
        select(Order.paid_at, Order.finished_at)
        .where(Order.state.in_(CERTIFIED), Order.paid_at.is_not(None), Order.finished_at.is_not(None))
        .order_by(Order.finished_at.desc())
        .limit(LAST_ORDERS)
    )
    seconds = sorted((finished - paid).total_seconds() for paid, finished in rows if paid and finished)
    if not seconds:
        return None
    last = len(seconds) - 1
    return Pace(len(seconds), seconds[last // 2], seconds[last * 9 // 10], seconds[last])


def last_notice() -> datetime | None:
    """When a gateway last told us something."""
    return db.session.scalar(select(func.max(WebhookDelivery.received_at)))


def last_payment() -> datetime | None:
    """When we last knew of a payment that succeeded."""
    return db.session.scalar(select(func.max(Payment.succeeded_at)))


def _due(kind: str, since: InstrumentedAttribute[Any], *conditions: ColumnElement[bool]) -> Due:
    count, oldest = db.session.execute(select(func.count(), func.min(since)).where(*conditions)).one()
    return Due(kind, count, oldest)


def _due_things() -> tuple[Any, ...]:
    c, p, r = CancellationState, PaymentState, RefundState
    return (
        ("notice", WebhookDelivery.next_action_at, WebhookDelivery.processed_at.is_(None)),
        ("payment", Payment.next_check_at, Payment.state.in_([p.CREATED, p.OPEN, p.PROCESSING])),
        ("unpaid_order", Order.expires_at, Order.state.in_(UNPAID)),
        ("paid_order", Order.paid_at, Order.state == OrderState.PAID),
        ("direct_cancellation", DirectCancellation.placed_at, DirectCancellation.state == DirectState.PLACED),
        (
            "cancellation",
            Cancellation.next_action_at,
            Cancellation.state.in_([c.PLANNED, c.SENDING, c.WAITING, c.UNKNOWN]),
        ),
        ("refund", Refund.next_action_at, Refund.state.in_([r.DUE, r.REQUESTED])),
        ("dispute", Dispute.next_check_at, Dispute.state.in_(STANDING)),
        ("document", DocumentRequest.next_action_at),
        ("mail", Mail.next_action_at, Mail.state == MailState.DUE),
        ("price_change", PriceChange.due_at, PriceChange.state == PriceChangeState.PLANNED),
    )
