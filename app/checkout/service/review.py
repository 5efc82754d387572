"""Money goes back because two operators say so: of a payment that differs from its order, or after a dispute."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from app import current
from app.audit.errors import NoLongerPossible
from app.audit.models import Proposal
from app.audit.service import Actor, Subject, on_agreement, propose
from app.checkout import mails
from app.checkout.errors import OrderNotPayable
from app.checkout.models import Order
from app.checkout.states import ORDER, UNPAID, OrderState
from app.db import StateEvent, advance, db
from app.kernel.money import Money
from app.offers import service as offers
from app.payments import disputes, refund_decisions
from app.payments import service as payments
from app.payments.models import Payment, Refund
from app.payments.ports import PaymentStatus
from app.payments.states import REFUND, RefundState

REFUND_REVIEWED = "refund_reviewed"
DIFFERS = "differs"

_S = OrderState


def init_app() -> None:
    """Say what carries out the proposals about payments that differ, and about refunds that failed."""
    on_agreement(REFUND_REVIEWED, _give_back)
    on_agreement(refund_decisions.RETRY_REFUND, _retry)


def what_arrived(order_id: int) -> tuple[Payment, Money] | None:
    """The payment that differs from its order and what the gateway said is here of it; None for any other order."""
    event = db.session.scalars(
        select(StateEvent)
        .where(
            StateEvent.machine == ORDER.machine,
            StateEvent.subject_id == order_id,
            StateEvent.to_state == _S.PAYMENT_REVIEW.value,
        )
        .order_by(StateEvent.id.desc())
        .limit(1)
    ).first()
    if event is None:
        return None
    of_order = select(Payment).where(Payment.order_id == order_id).order_by(Payment.id.desc())
    if "payment" in event.facts:
        of_order = of_order.where(Payment.id == event.facts["payment"])
    payment = db.session.scalars(of_order.limit(1)).one()
    return payment, Money(int(event.facts["paid"]), str(event.facts["currency"]))


def put_before_people(payment: Payment, order: Order, status: PaymentStatus, now: datetime) -> None:
    """Let people decide about a payment that differs, inside the caller's transaction. Said twice, it is said once.

    An order that could still be paid waits under review. Where it needs no money any more, or another payment of it
    is under review, what came waits among the refunds that failed: the gateway is asked for none of it before two
    operators have said so.
    """
    here = status.kept
    facts = {"paid": here.minor, "currency": here.currency, "payment": payment.id}
    sources = (*UNPAID, _S.EXPIRED)
    if advance(Order, order.id, ORDER, _S.PAYMENT_REVIEW, at=now, sources=sources, facts=facts):
        return
    arrived = what_arrived(order.id)
    is_known = arrived is not None and arrived[0].id == payment.id
    if is_known or not here.minor or payments.is_refunded(payment.id):
        return
    refund = payments.owe_refund(
        payment=payment,
        order_reference=order.reference,
        amount=here,
        cause=DIFFERS,
        order_line_id=None,
        now=now,
        arrived=here.minor,
    )
    said = f"{here.decimal} {here.currency} came for {status.order_reference}"
    advance(Refund, refund.id, REFUND, RefundState.FAILED, at=now, last_message=said)


def propose_refund(order_id: int, actor: Actor, *, reason: str, now: datetime) -> int:
    """Propose to give back what was paid for an order under review; gives the proposal's id.

    Raises OrderNotPayable for any other order, and what `propose` raises.
    """
    order = db.session.get_one(Order, order_id)
    arrived = what_arrived(order_id)
    if order.state is not _S.PAYMENT_REVIEW or arrived is None:
        raise OrderNotPayable(state=order.state.value)
    facts = {"amount": arrived[1].minor, "currency": arrived[1].currency}
    subject = Subject("order", order_id, order.reference)
    return propose(actor, REFUND_REVIEWED, subject, reason=reason, facts=facts, now=now)


def _give_back(proposal: Proposal, now: datetime) -> None:
    moved = advance(
        Order, proposal.subject_id, ORDER, _S.REFUSED, at=now, sources=(_S.PAYMENT_REVIEW,), finished_at=now
    )
    arrived = what_arrived(proposal.subject_id)
    if not moved or arrived is None:
        raise NoLongerPossible
    order = db.session.get_one(Order, proposal.subject_id)
    offers.release_all([line.id for line in order.lines], now)
    payment, amount = arrived
    if amount.minor == 0:
        # All of it went back before, or nothing came.
        return
    refund = payments.owe_refund(
        payment=payment,
        order_reference=order.reference,
        amount=amount,
        cause=DIFFERS,
        order_line_id=None,
        now=now,
        arrived=amount.minor,
    )
    mails.refund_made(order, refund, current.settings(), now)


def _retry(proposal: Proposal, now: datetime) -> None:
    """Ask the gateway again. Whose money waited for a bank was promised none by us, and hears of it now."""
    refund = refund_decisions.retry(proposal, now)
    if refund.last_message == disputes.PAYMENT_DISPUTED:
        order = db.session.get_one(Order, refund.order_id)
        mails.refund_made(order, refund, current.settings(), now, is_retried=True)
