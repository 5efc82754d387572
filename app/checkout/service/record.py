"""What the gateway says of a payment, written down: one transaction, won by one caller."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from app.catalog.models import Issuance
from app.checkout import mails
from app.checkout.baskets import hold_lines, take_out
from app.checkout.models import Order, OrderLine
from app.checkout.order_queries import withdrawn_at
from app.checkout.service.allowed import held_until
from app.checkout.service.ending import end_unpaid
from app.checkout.service.pay import open_payment
from app.checkout.service.review import put_before_people
from app.checkout.states import ORDER, ORDERS_CLOSED, UNPAID, OrderState
from app.config import Settings
from app.db import advance, attempt, db, end_reading, transaction, write
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


_ASKED = select(Payment.gateway_reference, Payment.state).where(Payment.id == bindparam("payment_id"))
_RECORDED = (
    select(Payment, Order)
    .join(Order, Order.id == Payment.order_id)
    .where(Payment.id == bindparam("payment_id"))
    .with_for_update(of=Order)
)
_LINES = (
    select(
        *(OrderLine.id, OrderLine.offer_id, OrderLine.units, Issuance.unit_type),
        closing.LAST_ORDER_AT.label("closes_at"),
    )
    .join(Issuance, Issuance.id == OrderLine.issuance_id)
    .where(OrderLine.order_id == bindparam("order_id"))
    .order_by(OrderLine.position)
)


def reconcile(
    payment_id: int, gateway: PaymentGateway, registries: Registries, settings: Settings, clock: Clock
) -> PaymentStatus | None:
    """Ask the gateway what is true of a payment and record it. Safe to call at any time, by anybody.

    Gives None where the payment has not reached the gateway yet, and where it has succeeded: most payments are told of
    twice, when the buyer comes back and by a notice. Raises GatewayUnavailable.
    """
    asked = write(_ASKED, {"payment_id": payment_id}).one()
    end_reading()
    reference = asked.gateway_reference
    if asked.state is PaymentState.SUCCEEDED:
        return None
    if reference is None:
        if asked.state is not PaymentState.CREATED:
            return None
        # The process died between writing the payment and hearing the gateway's answer. The same
        # request under the same key gives the same page again.
        try:
            open_payment(payment_id, gateway, settings, clock, is_repeat=True)
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
        # Whoever expires this order, or records another payment of it, waits until this is decided.
        payment, order = session.execute(_RECORDED, {"payment_id": payment_id}).one()
        is_recorded = payment.state is PaymentState.SUCCEEDED
        if status.state is GatewayState.SUCCEEDED and (is_recorded or _matches(payment, order, status, settings)):
            _record_success(payment, order, status, registries, settings, now)
        elif status.state is GatewayState.SUCCEEDED:
            log.error("payment differs from the order", extra={"facts": {"order": order.reference}})
            # A person decides now that it came; the gateway is asked again only to hear of a refund made by hand.
            payment.next_check_at = now + REVIEW_EVERY
            payment.charge_reference = status.charge_reference
            put_before_people(payment, order, status, now)
        else:
            payment.next_check_at = now + payments.CHECK_EVERY
            _record_unpaid(payment, order, status, settings, now)
    if status.state is GatewayState.SUCCEEDED:
        checkpoints.reached("order.paid")


def _matches(payment: Payment, order: Order, status: PaymentStatus, settings: Settings) -> bool:
    """Whether what came is what was asked for, and all of it is still here.

    Of money that we have not heard of yet, some goes back only on the gateway's own pages, or by what a restored
    backup forgot.
    """
    return (
        status.amount == status.kept == payment.money
        and status.order_reference == order.reference
        and status.is_live == settings.is_production
    )


def _record_unpaid(payment: Payment, order: Order, status: PaymentStatus, settings: Settings, now: datetime) -> None:
    if status.state is GatewayState.PROCESSING:
        _record_processing(payment, order, status, settings, now)
    elif status.state is GatewayState.FAILED:
        _record_failure(payment, PaymentState.FAILED, settings, now)
    elif status.state is GatewayState.EXPIRED:
        _record_failure(payment, PaymentState.EXPIRED, settings, now)


def _record_success(
    payment: Payment,
    order: Order,
    status: PaymentStatus,
    registries: Registries,
    settings: Settings,
    now: datetime,
) -> None:
    payment_id, order_id, state, basket_id = payment.id, order.id, order.state, order.basket_id
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
    lines = write(_LINES, {"order_id": order_id}).all()
    closings = [closing.Closing(line.offer_id, line.unit_type, line.closes_at) for line in lines]
    is_over = state in UNPAID and closing.first_closed(closings, now) is not None
    if is_over or state is _S.EXPIRED:
        hold_lines(basket_id)
        kept: list[int] = []
        if is_over:
            # What goes on was held for this money, and is taken whatever became of its offer.
            ordered = zip(lines, closings, strict=True)
            kept = [line.id for line, each in ordered if closing.first_closed([each], now) is None]
            end_unpaid(order_id, ORDERS_CLOSED, now, kept=kept)
        _record_late_payment(payment, order, registries, settings, now, kept)
    elif advance(Order, order_id, ORDER, _S.PAID, at=now, sources=UNPAID, paid_at=now, basket_id=None):
        # What was read is enough: every move of a state makes objects be read again.
        _empty_basket(basket_id, {line.offer_id: line.units for line in lines})
        _commission(order_id, registries, settings, now)
        # Last, because everybody who buys of the same offers waits for its row until the end.
        offers.settle([line.id for line in lines], now)
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
    payment: Payment, order: Order, registries: Registries, settings: Settings, now: datetime, kept: Collection[int]
) -> None:
    """Money for an order whose units were released: take what is still there, give back the rest.

    The units of the lines `kept` are taken already. Whoever withdrew wants no units any more: all of it goes back. So
    does what is of a mechanism whose last order is over: it could not be cancelled any more in time.
    """
    is_withdrawn = withdrawn_at(order) is not None
    taken: list[OrderLine] = []
    gone = [(line, "withdrawn") for line in order.lines] if is_withdrawn else []
    # Offers are taken in the order of their id, as everybody does.
    for line in () if is_withdrawn else sorted(order.lines, key=lambda line: line.offer_id):
        try:
            if line.id not in kept:
                with attempt():
                    offers.reserve([offers.Wanted(line.offer_id, line.id, line.units, None)], now)
                    offers.settle([line.id], now)
            taken.append(line)
        except UnitsUnavailable:
            gone.append((line, "sold_out"))
        except OrdersClosed:
            gone.append((line, "closed"))
    if taken:
        advance(Order, order.id, ORDER, _S.PAID, at=now, sources=(_S.EXPIRED,), paid_at=now)
        _leave_basket(order)
        _commission(order.id, registries, settings, now)
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


def _commission(order_id: int, registries: Registries, settings: Settings, now: datetime) -> None:
    """Paid, units settled, receipt due, basket empty: one fact. What follows is begun by `app/fulfilment/risk.py`."""
    mails.order_paid(order_id, settings, registries, now)


def _leave_basket(order: Order) -> None:
    """The buyer has done their part: the basket is free for the next purchase."""
    _empty_basket(order.basket_id, {line.offer_id: line.units for line in order.lines})
    order.basket_id = None


def _empty_basket(basket_id: int | None, bought: Mapping[int, int]) -> None:
    if basket_id is not None:
        take_out(basket_id, bought)


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
        order.expires_at = _held_until(order, now + payments.DELAYED_HOLD)
        _leave_basket(order)
        mails.payment_processing(order, payment, settings, now)


def _held_until(order: Order, until: datetime) -> datetime:
    last = closing.last_order([line.offer_id for line in order.lines])
    return held_until(until, [] if last is None else [last])


def _record_failure(payment: Payment, to: PaymentState, settings: Settings, now: datetime) -> None:
    order_id, was_processing = payment.order_id, payment.state is PaymentState.PROCESSING
    moved = advance(Payment, payment.id, PAYMENT, to, at=now, sources=payments.UNFINISHED)
    if moved and not payments.unfinished_payments(order_id):
        advance(Order, order_id, ORDER, _S.PLACED, at=now, sources=(_S.PAYMENT_PENDING,))
        order = db.session.get_one(Order, order_id)
        if was_processing and order.state is _S.PLACED:
            # The bank said no after days: leave time to hear of it and to pay in another way.
            order.expires_at = _held_until(order, now + RETRY_HOLD)
            mails.payment_failed(order, payment, settings, now)
