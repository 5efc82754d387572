"""An unpaid order that cannot be closed by itself ends when two operators say that nothing was paid for it.

Nobody can ask any more what became of a page at a gateway account that is not ours now, and a bank may never answer.
The payments stay as they are: money that comes for the order after all is late money.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, select

from app.audit.errors import NoLongerPossible
from app.audit.models import Proposal
from app.audit.service import Actor, Subject, on_agreement, propose
from app.checkout.errors import OrderNotOverdue
from app.checkout.models import Order
from app.checkout.service.ending import end_unpaid
from app.checkout.states import ENDED_BY_PEOPLE, UNPAID
from app.db import db
from app.payments.models import Payment
from app.payments.service import DELAYED_HOLD
from app.payments.states import PaymentState

END_UNPAID = "end_unpaid_order"
# An order ends within a minute of its hold, unless the gateway cannot say. That rarely lasts for a day.
SILENCE = timedelta(days=1)


def init_app() -> None:
    """Say what carries out the proposals about orders that cannot be closed."""
    on_agreement(END_UNPAID, _end)


def is_overdue(order: Order, now: datetime) -> bool:
    """Whether an unpaid order has held its units for a day longer than it should."""
    return db.session.scalar(select(Order.id).where(Order.id == order.id, overdue(now))) is not None


def overdue(now: datetime) -> ColumnElement[bool]:
    """SQL: the same of any order, at an aware instant.

    A bank has its two weeks also where the last order of a mechanism cut the hold short.
    """
    is_at_bank = exists().where(
        Payment.order_id == Order.id,
        Payment.state == PaymentState.PROCESSING,
        Payment.created_at > now - SILENCE - DELAYED_HOLD,
    )
    return Order.state.in_(UNPAID) & (Order.expires_at <= now - SILENCE) & ~is_at_bank


def propose_end(order_id: int, actor: Actor, *, reason: str, now: datetime) -> int:
    """Propose to end an unpaid order and to give its units back; gives the proposal's id.

    Raises OrderNotOverdue for an order that is not overdue, and what `propose` raises.
    """
    order = db.session.get_one(Order, order_id)
    if not is_overdue(order, now):
        raise OrderNotOverdue(state=order.state.value)
    facts = {"amount": order.total, "currency": order.currency}
    return propose(actor, END_UNPAID, Subject("order", order_id, order.reference), reason=reason, facts=facts, now=now)


def _end(proposal: Proposal, now: datetime) -> None:
    order = db.session.get_one(Order, proposal.subject_id, with_for_update=True)
    if not is_overdue(order, now):
        raise NoLongerPossible
    end_unpaid(order.id, ENDED_BY_PEOPLE, now)
