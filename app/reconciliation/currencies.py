"""The check of the daily balance that no sum can make: money that belongs together is in one currency."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from app.checkout.models import Order
from app.checkout.service.review import DIFFERS
from app.db import db
from app.payments.models import Payment, Refund


def currencies_of_money() -> Iterator[tuple[str, int, int]]:
    """Payments in another currency than their order, and refunds in another than their payment: there are none.

    Only what differs is given, however many rows there are. What came in another currency than was asked for goes back
    as it came, when two operators have said so.
    """
    payments = (
        select(Payment.idempotency_key)
        .join(Order, Order.id == Payment.order_id)
        .where(Payment.currency != Order.currency)
    )
    refunds = (
        select(Refund.key)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.currency != Payment.currency, Refund.cause != DIFFERS)
    )
    for question in (payments, refunds):
        for name in db.session.scalars(question):
            yield name, 1, 0
