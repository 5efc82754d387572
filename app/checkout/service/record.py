"""What the gateway says of a payment, written down: one transaction, won by one caller."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from app.checkout import mails
from app.checkout.baskets import take_out
from app.checkout.models import Order, OrderLine
from app.checkout.order_queries import promise_of, withdrawn_at
from app.checkout.service.ending import end_unpaid
from app.checkout.service.pay import open_payment
from app.checkout.states import ORDER, ORDERS_CLOSED, UNPAID, OrderState
from app.config import Settings
from app.db import advance, db, end_reading, transaction
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.kernel.money import Money
from app.offers import closing
from app.offers import service as offers
from app.offers.errors import OrdersClosed, UnitsUnavailable
from app.payments import service as payments
from app.payments.models import Payment
from app.payments.ports import (
    GatewayOutcomeUnknown,
    GatewayRefusal,
    GatewayState,
    GatewayUnavailable,
    PaymentGateway,
    PaymentStatus,
)
from app.payments.states import PAYMENT, PaymentState
from app.registry.ports import Registries

log = logging.getLogger(__name__)

_S = OrderState
RETRY_HOLD = timedelta(days=3)
REVIEW_EVERY = timedelta(days=1)


def reconcile(
    payment_id: int, gateway: PaymentGateway, registries: Registries, settings: Settings, clock: Clock
) -> PaymentStatus | None:
    """Ask the gateway what is true of a payment and record it. Safe to call at any time, by anybody.

    Gives None where the payment has not reached the gateway yet. Raises GatewayUnavailable.
    """
    payment = db.session.get_one(Payment, payment_id)
    reference, state = payment.gateway_reference, payment.state
    end_reading()
    if reference is None:
        if state is not PaymentState.CREATED:
            return None
        # The process died between writing the payment and hearing the gateway's answer. The same
        # request under the same key gives the same page again.
        try:
            open_payment(payment_id, gateway, settings, clock)
        except GatewayRefusal:
            return None
        except GatewayOutcomeUnknown as unknown:
            raise GatewayUnavailable(payment=payment_id) from unknown
        reference = payments.get_gateway_reference(payment_id)
    status = gateway.status(reference)
    record_status(payment_id, status, registries, settings, clock.now())
    return status


def record_status(
    payment_id: int, status: PaymentStatus, registries: Registries, settings: Settings, now: datetime
) -> None:
    """Write what the gateway said: one transaction, won by one caller."""
    with transaction() as session:
        payment = session.get_one(Payment, payment_id)
        # Whoever expires this order, or records another payment of it, waits until this is decided.
        order = session.get_one(Order, payment.order_id, with_for_update=True)
        payment.next_check_at = now + payments.CHECK_EVERY
        if status.state in {GatewayState.SUCCEEDED, GatewayState.PROCESSING} and not _matches(
            payment, order, status, settings
        ):
            log.error("payment differs from the order", extra={"facts": {"order": order.reference}})
            # A person decides; the gateway is asked again only to hear of a refund made by hand.
            payment.next_check_at = now + REVIEW_EVERY
            advance(
                Order,
                order.id,
                ORDER,
                _S.PAYMENT_REVIEW,
                at=now,
                sources=(*UNPAID, _S.EXPIRED),
                facts={"paid": status.amount.minor, "currency": status.amount.currency, "payment": payment_id},
            )
        elif status.state is GatewayState.SUCCEEDED:
            _record_success(payment, order, status, registries, settings, now)
        elif status.state is GatewayState.PROCESSING:
            _record_processing(payment, order, status, settings, now)
        elif status.state is GatewayState.FAILED:
            _record_failure(payment, PaymentState.FAILED, settings, now)
        elif status.state is GatewayState.EXPIRED:
            _record_failure(payment, PaymentState.EXPIRED, settings, now)
    if status.state is GatewayState.SUCCEEDED:
        checkpoints.reached("order.paid")


def _matches(payment: Payment, order: Order, status: PaymentStatus, settings: Settings) -> bool:
    return (
        status.amount == payment.money
        and status.order_reference == order.reference
        and status.is_live == settings.is_production
    )


def _record_success(
    payment: Payment,
    order: Order,
    status: PaymentStatus,
    registries: Registries,
    settings: Settings,
    now: datetime,
) -> None:
    payment_id, order_id, state = payment.id, order.id, order.state
    # Most payments are told of twice: the buyer comes back, and a notice comes.
    won = payment.state is not PaymentState.SUCCEEDED and advance(
        Payment,
        payment_id,
        PAYMENT,
        PaymentState.SUCCEEDED,
        at=now,
        sources=PAYMENT.sources(PaymentState.SUCCEEDED, likeliest=payment.state),
        charge_reference=status.charge_reference,
        method=status.method,
        succeeded_at=now,
    )
    if not won:
        return
    if state in UNPAID and _is_too_late(order, now):
        end_unpaid(order_id, ORDERS_CLOSED, now)
        state = _S.EXPIRED
    if state is _S.EXPIRED:
        _record_late_payment(payment, order, registries, settings, now)
    elif advance(Order, order_id, ORDER, _S.PAID, at=now, sources=UNPAID, paid_at=now):
        # Ids alone: every move of a state makes objects be read again.
        for line_id in [line.id for line in order.lines]:
            offers.settle(line_id, now)
        _commission(order, registries, settings, now)
    else:
        refund = payments.owe_refund(
            payment=payment,
            order_reference=order.reference,
            amount=payment.money,
            cause="second_payment",
            order_line_id=None,
            now=now,
        )
        mails.refund_made(order, refund, settings, now)


def _record_late_payment(
    payment: Payment, order: Order, registries: Registries, settings: Settings, now: datetime
) -> None:
    """Money for an order whose units were released: take what is still there, give back the rest.

    Whoever withdrew wants no units any more: all of it goes back. So does what is of a mechanism whose last order
    is over: it could not be cancelled any more in time.
    """
    is_withdrawn = withdrawn_at(order) is not None
    taken: list[OrderLine] = []
    gone = [(line, "withdrawn") for line in order.lines] if is_withdrawn else []
    for line in () if is_withdrawn else order.lines:
        try:
            with db.session.begin_nested():
                offers.reserve([offers.Wanted(line.offer_id, line.id, line.units, None)], now)
                offers.settle(line.id, now)
            taken.append(line)
        except UnitsUnavailable:
            gone.append((line, "sold_out"))
        except OrdersClosed:
            gone.append((line, "closed"))
    if taken:
        advance(Order, order.id, ORDER, _S.PAID, at=now, sources=(_S.EXPIRED,), paid_at=now)
        _commission(order, registries, settings, now)
    else:
        advance(Order, order.id, ORDER, _S.REFUSED, at=now, sources=(_S.EXPIRED,), paid_at=now, finished_at=now)
    for line, cause in gone:
        refund = payments.owe_refund(
            payment=payment,
            order_reference=order.reference,
            amount=Money(line.amount, order.currency),
            cause=cause,
            order_line_id=line.id,
            now=now,
        )
        mails.refund_made(order, refund, settings, now)


def _is_too_late(order: Order, now: datetime) -> bool:
    """Whether the last order of some of an order's units was before `now`."""
    closes_at = closing.last_order_at([line.offer_id for line in order.lines])
    return closes_at is not None and closes_at <= now


def _commission(order: Order, registries: Registries, settings: Settings, now: datetime) -> None:
    """Paid, units settled, receipt due, basket empty: one fact. What follows is begun by `app/fulfilment/risk.py`."""
    mails.order_paid(order, settings, promise_of(order.id, registries), now)
    _leave_basket(order)


def _leave_basket(order: Order) -> None:
    """The buyer has done their part: the basket is free for the next purchase."""
    if order.basket_id is not None:
        take_out(order.basket_id, {line.offer_id: line.units for line in order.lines})
        order.basket_id = None


def _record_processing(
    payment: Payment, order: Order, status: PaymentStatus, settings: Settings, now: datetime
) -> None:
    moved = advance(
        Payment,
        payment.id,
        PAYMENT,
        PaymentState.PROCESSING,
        at=now,
        method=status.method,
    )
    if moved and order.state in UNPAID:
        order.expires_at = now + payments.DELAYED_HOLD
        _leave_basket(order)
        mails.payment_processing(order, settings, now)


def _record_failure(payment: Payment, to: PaymentState, settings: Settings, now: datetime) -> None:
    order_id, was_processing = payment.order_id, payment.state is PaymentState.PROCESSING
    moved = advance(Payment, payment.id, PAYMENT, to, at=now, sources=payments.UNFINISHED)
    if moved and not payments.unfinished_payments(order_id):
        advance(Order, order_id, ORDER, _S.PLACED, at=now, sources=(_S.PAYMENT_PENDING,))
        order = db.session.get_one(Order, order_id)
        if was_processing and order.state is _S.PLACED:
            # The bank said no after days: leave time to hear of it and to pay in another way.
            order.expires_at = now + RETRY_HOLD
            mails.payment_failed(order, payment, settings, now)
