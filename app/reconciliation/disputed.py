"""The check of the daily balance that knows of disputes: no money goes back twice."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select

from app.checkout.models import Order
from app.db import db
from app.payments.models import Dispute, Payment, Refund
from app.payments.states import RefundState


def disputes_and_payments() -> Iterator[tuple[str, int, int]]:
    """What went back of a disputed payment by bank and gateway, above what was paid: nothing goes back twice.

    Refunds that were paid by hand are not counted: two operators may have noted that the bank has done it.
    """
    given_back = (
        select(func.coalesce(func.sum(Refund.amount), 0))
        .where(
            Refund.payment_id == Payment.id,
            Refund.gateway_reference.is_not(None),
            Refund.state.in_((RefundState.REQUESTED, RefundState.SUCCEEDED)),
        )
        .scalar_subquery()
    )
    taken = func.sum(Dispute.taken)
    rows = db.session.execute(
        select(Order.reference, Payment.amount, taken, given_back)
        .join(Payment, Payment.order_id == Order.id)
        .join(Dispute, (Dispute.payment_id == Payment.id) & (Dispute.currency == Payment.currency))
        .group_by(Order.reference, Payment.id, Payment.amount)
    )
    for reference, paid, by_bank, by_gateway in rows:
        yield reference, max(0, int(by_bank) + int(by_gateway) - int(paid)), 0
