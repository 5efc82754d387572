"""What waits for an operator, counted in one query for a page. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from flask import g
from sqlalchemy import ColumnElement, Select, func, literal, or_, select, union_all

from app.audit.models import Proposal
from app.audit.states import ProposalState
from app.checkout.models import Order
from app.checkout.service.overdue import overdue
from app.checkout.states import OrderState
from app.claims.models import WordingReview
from app.claims.states import WordingState
from app.complaints.models import Complaint
from app.complaints.states import ComplaintState
from app.current import now
from app.db import db
from app.offers.models import Offer
from app.offers.states import OfferState
from app.payments.models import Dispute, Refund
from app.payments.states import DisputeState, RefundState
from app.providers.models import Application
from app.providers.states import ApplicationState
from app.reconciliation.models import ReconciliationFinding
from app.reconciliation.states import FindingState
from app.registry.models import Cancellation
from app.registry.ports import current_registries
from app.registry.promises import later_than_any_promise
from app.registry.states import CANCELLATION, CancellationState
from app.screening.models import ScreeningMatch
from app.screening.states import MatchState

HELD_ORDERS = (OrderState.PAYMENT_REVIEW, OrderState.RISK_HOLD)
# A paid order begins within seconds, unless a notice about its payment cannot be read, or something is broken.
BEGINS_WITHIN = timedelta(hours=1)


@dataclass(frozen=True)
class Queue:
    """How many things wait, and since when the oldest does (UTC)."""

    name: str
    number: int
    oldest: datetime | None


def is_late(at: datetime) -> ColumnElement[bool]:
    """SQL: a cancellation that is not final and older than the registry's promise, or waits for a person."""
    return or_(
        Cancellation.state == CancellationState.MANUAL,
        Cancellation.state.in_(CANCELLATION.unfinished()) & later_than_any_promise(current_registries(), at),
    )


def does_not_begin(at: datetime) -> ColumnElement[bool]:
    """SQL: an order was paid for a while, at an aware instant, and nobody took it to the registry."""
    return (Order.state == OrderState.PAID) & (Order.paid_at <= at - BEGINS_WITHIN)


def waiting(name: str) -> int:
    """How many things wait in a queue, for the navigation."""
    return queues()[name].number


def queues() -> Mapping[str, Queue]:
    """Every queue by name: one query for each request."""
    if "desk_queues" not in g:
        g.desk_queues = _read(now())
    return cast("Mapping[str, Queue]", g.desk_queues)


def _read(at: datetime) -> dict[str, Queue]:
    rows = db.session.execute(
        union_all(
            # The first column of times says how all of them are read.
            _counted("proposals", Proposal.proposed_at, Proposal.state == ProposalState.PROPOSED),
            _counted(
                "orders",
                func.coalesce(Order.paid_at, Order.placed_at),
                or_(Order.state.in_(HELD_ORDERS), overdue(at), does_not_begin(at)),
            ),
            _counted("refunds", Refund.created_at, Refund.state == RefundState.FAILED),
            _counted("disputes", Dispute.opened_at, Dispute.state == DisputeState.OPEN),
            _counted("cancellations", Cancellation.created_at, is_late(at)),
            _counted("applications", Application.submitted_at, Application.state == ApplicationState.SUBMITTED),
            _counted("offers", Offer.created_at, Offer.state == OfferState.SUBMITTED),
            _counted("matches", ScreeningMatch.created_at, ScreeningMatch.state == MatchState.PENDING),
            _counted("wordings", WordingReview.created_at, WordingReview.state == WordingState.PENDING),
            _counted("findings", ReconciliationFinding.found_at, ReconciliationFinding.state == FindingState.OPEN),
            _counted("complaints", Complaint.received_at, Complaint.state == ComplaintState.RECEIVED),
        )
    ).all()
    return {name: Queue(name, number, oldest) for name, number, oldest in rows}


def _counted(name: str, since: Any, *conditions: ColumnElement[bool]) -> Select[Any]:
    return select(literal(name), func.count(), func.min(since)).where(*conditions)
