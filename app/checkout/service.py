"""From a basket to a paid order: place, pay, record the payment, expire.

Webhook, return page and sweeper all end in `reconcile`, which asks the gateway for the truth.
What follows the payment is in `app/fulfilment/process.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from app.catalog.labels import unit_name
from app.catalog.models import Issuance, Project
from app.checkout import mails
from app.checkout.baskets import take_out
from app.checkout.errors import AlreadyPaid, BasketEmpty, EarlierOrderOpen, OrderNotPayable, TotalChanged
from app.checkout.models import Basket, BasketLine, Beneficiary, Order, OrderLine
from app.checkout.queries import total_problem
from app.checkout.states import ORDER, UNPAID, OrderState
from app.config import Settings
from app.db import advance, db, end_reading, record, transaction
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.kernel.money import Money
from app.kernel.references import order_reference, unguessable_token
from app.offers import service as offers
from app.offers.errors import UnitsUnavailable
from app.offers.models import Offer
from app.payments import service as payments
from app.payments.models import Payment
from app.payments.ports import (
    GatewayOutcomeUnknown,
    GatewayRefusal,
    GatewayState,
    GatewayUnavailable,
    PaymentGateway,
    PaymentLine,
    PaymentRequest,
    PaymentStatus,
)
from app.payments.split import split
from app.payments.states import PAYMENT, PaymentState
from app.registry.ports import RegistryAdapter
from app.registry.service import plan_cancellation
from app.web.i18n import in_locale

log = logging.getLogger(__name__)

_S = OrderState
RETRY_HOLD = timedelta(days=3)


# --- place -----------------------------------------------------------------------------------------


def place_order(
    *,
    basket_token: str,
    details: Mapping[str, Any],
    locale: str,
    consent_version: str,
    consent_text: str,
    expected_total: int,
    settings: Settings,
    now: datetime,
) -> int:
    """Freeze prices and hold the units of every line, or of none; gives the order's id.

    `expected_total` is what the buyer saw, in minor units. Raises BasketEmpty, EarlierOrderOpen,
    TotalChanged, TotalBelowMinimum, TotalAboveMaximum, UnitsUnavailable or PriceChanged; nothing is
    held then.
    """
    with transaction() as session:
        # The same button pressed twice waits here; SQLite lets one write at a time anyway.
        basket_id = session.scalar(select(Basket.id).where(Basket.token == basket_token).with_for_update())
        if session.scalar(select(Order.id).where(Order.basket_id == basket_id, Order.state.in_(UNPAID))):
            raise EarlierOrderOpen
        rows = session.execute(
            select(BasketLine, Offer, Issuance)
            .join(Offer, Offer.id == BasketLine.offer_id)
            .join(Issuance, Issuance.id == Offer.issuance_id)
            .where(BasketLine.basket_id == basket_id)
            .order_by(BasketLine.id)
        ).all()
        if not rows:
            raise BasketEmpty
        amounts = [offer.unit_price * line.units for line, offer, _issuance in rows]
        if sum(amounts) != expected_total:
            raise TotalChanged(total=sum(amounts), expected=expected_total)
        problem = total_problem([(offer.id, offer.unit_price, line.units) for line, offer, _i in rows], settings)
        if problem is not None:
            raise problem
        order = Order(
            reference=order_reference(),
            token=unguessable_token(),
            basket_id=basket_id,
            state=_S.PLACED,
            locale=locale,
            email=details["email"],
            currency=settings.currency,
            total=sum(amounts),
            is_demonstration=settings.is_demonstration,
            consent_version=consent_version,
            consent_text=consent_text,
            placed_at=now,
            expires_at=now + payments.HOLD,
        )
        session.add(order)
        session.flush()
        record(ORDER.machine, order.id, None, _S.PLACED, at=now)
        beneficiary = Beneficiary(
            order_id=order.id,
            name=details["beneficiary"],
            purpose=details["purpose"],
            intent=details["intent"],
            country=details["country"],
            is_name_public=bool(details["publish_name"]),
        )
        session.add(beneficiary)
        session.flush()
        lines = []
        for position, ((line, offer, issuance), share) in enumerate(zip(rows, split(amounts, settings), strict=True)):
            lines.append(
                OrderLine(
                    order_id=order.id,
                    position=position,
                    offer_id=offer.id,
                    issuance_id=issuance.id,
                    project_id=issuance.project_id,
                    provider_id=offer.provider_id,
                    beneficiary_id=beneficiary.id,
                    units=line.units,
                    unit_price=offer.unit_price,
                    amount=share.amount,
                    seller_share=share.seller,
                    payment_cost=share.payment_cost,
                    tax=share.tax,
                    platform_fee=share.platform_fee,
                )
            )
        session.add_all(lines)
        session.flush()
        offers.reserve([offers.Wanted(line.offer_id, line.id, line.units, line.unit_price) for line in lines], now)
        order_id = order.id
    checkpoints.reached("order.placed")
    return order_id


def supersede_unpaid_orders(
    basket_token: str, gateway: PaymentGateway, registry: RegistryAdapter, settings: Settings, clock: Clock
) -> None:
    """Close what an earlier try from the same basket left open, so that nothing is held or paid twice.

    Raises AlreadyPaid when an earlier order turns out to be paid (or in the bank's hands), and
    GatewayUnavailable when that cannot be found out now.
    """
    rows = db.session.scalars(
        select(Order.id)
        .join(Basket, Basket.id == Order.basket_id)
        .where(Basket.token == basket_token, Order.state.in_(UNPAID))
    ).all()
    end_reading()
    for order_id in rows:
        if not close_unpaid(order_id, gateway, registry, settings, clock):
            token = db.session.get_one(Order, order_id).token
            end_reading()
            raise AlreadyPaid(token=token)


def order_basket(
    *,
    basket_token: str,
    details: Mapping[str, Any],
    locale: str,
    consent_version: str,
    consent_text: str,
    expected_total: int,
    gateway: PaymentGateway,
    registry: RegistryAdapter,
    settings: Settings,
    clock: Clock,
) -> int:
    """Place the order of a basket after closing what an earlier press of the button left open.

    Gives the order's id. Raises what `supersede_unpaid_orders` and `place_order` raise.
    """

    def press() -> int:
        supersede_unpaid_orders(basket_token, gateway, registry, settings, clock)
        return place_order(
            basket_token=basket_token,
            details=details,
            locale=locale,
            consent_version=consent_version,
            consent_text=consent_text,
            expected_total=expected_total,
            settings=settings,
            now=clock.now(),
        )

    try:
        return press()
    except EarlierOrderOpen:
        # Another press was faster; the buyer follows the last answer, so the last order counts.
        return press()


# --- pay -------------------------------------------------------------------------------------------


def start_payment(order_id: int, gateway: PaymentGateway, settings: Settings, clock: Clock) -> str:
    """Open a hosted payment page for an unpaid order and give its address.

    Raises OrderNotPayable, and what the gateway's `start_checkout` raises; the order stays as it
    is then and can be paid again.
    """
    now = clock.now()
    with transaction() as session:
        # Two tabs that press Pay at once wait for each other here; on SQLite they already do.
        order = session.get_one(Order, order_id, with_for_update=True)
        if order.state not in UNPAID or order.expires_at <= now or payments.unfinished_payments(order_id):
            raise OrderNotPayable(state=order.state.value)
        payment = payments.create_payment(
            order_id=order_id,
            order_reference=order.reference,
            amount=order.money,
            gateway=gateway.name,
            now=now,
        )
        payment_id = payment.id
        # A payment page that opens late in the hold must not outlive it.
        order.expires_at = max(order.expires_at, now + payments.HOLD)
        advance(Order, order_id, ORDER, _S.PAYMENT_PENDING, at=now, sources=(_S.PLACED,))
    return open_payment(payment_id, gateway, settings, clock)


def open_payment(payment_id: int, gateway: PaymentGateway, settings: Settings, clock: Clock) -> str:
    """Make the gateway call of a written payment; a repeat sends the same request under the same key."""
    request = _payment_request(payment_id, settings)
    end_reading()
    checkpoints.reached("gateway.before_call")
    try:
        start = gateway.start_checkout(request)
    except (GatewayRefusal, GatewayUnavailable):
        payments.mark_failed(payment_id, clock.now())
        _make_payable(payment_id, clock.now())
        raise
    checkpoints.reached("gateway.after_call")
    payments.mark_open(payment_id, start, clock.now())
    return start.url


def _payment_request(payment_id: int, settings: Settings) -> PaymentRequest:
    payment = db.session.get_one(Payment, payment_id)
    order = db.session.get_one(Order, payment.order_id)
    rows = db.session.execute(
        select(OrderLine, Project.title, Issuance.unit_type)
        .join(Project, Project.id == OrderLine.project_id)
        .join(Issuance, Issuance.id == OrderLine.issuance_id)
        .where(OrderLine.order_id == order.id)
        .order_by(OrderLine.position)
    ).all()
    return PaymentRequest(
        order_reference=order.reference,
        attempt=payment.attempt,
        amount=payment.money,
        lines=tuple(
            PaymentLine(
                _line_name(unit_type, line.units, title, order), line.units, Money(line.unit_price, order.currency)
            )
            for line, title, unit_type in rows
        ),
        email=order.email,
        locale=order.locale,
        success_url=f"{mails.order_url(order, settings)}/return",
        back_url=f"{settings.public_base_url}/{order.locale}/checkout/review",
        expires_at=payment.expires_at,
        key=payment.idempotency_key,
    )


def _line_name(unit_type: str, units: int, title: str, order: Order) -> str:
    with in_locale(order.locale):
        name: str = gettext("%(label)s: %(value)s", label=unit_name(unit_type, units), value=title)
    return name[:250]


def _make_payable(payment_id: int, now: datetime) -> None:
    """With no payment left that could succeed, the order waits for a new one."""
    with transaction() as session:
        payment = session.get_one(Payment, payment_id)
        if not payments.unfinished_payments(payment.order_id):
            advance(Order, payment.order_id, ORDER, _S.PLACED, at=now, sources=(_S.PAYMENT_PENDING,))


# --- record ----------------------------------------------------------------------------------------


def reconcile(
    payment_id: int, gateway: PaymentGateway, registry: RegistryAdapter, settings: Settings, clock: Clock
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
    record_status(payment_id, status, registry, settings, clock.now())
    return status


def record_status(
    payment_id: int, status: PaymentStatus, registry: RegistryAdapter, settings: Settings, now: datetime
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
            advance(
                Order,
                order.id,
                ORDER,
                _S.PAYMENT_REVIEW,
                at=now,
                sources=(*UNPAID, _S.EXPIRED),
                facts={"paid": status.amount.minor, "currency": status.amount.currency},
            )
        elif status.state is GatewayState.SUCCEEDED:
            _record_success(payment, order, status, registry, settings, now)
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
    registry: RegistryAdapter,
    settings: Settings,
    now: datetime,
) -> None:
    payment_id, order_id, state = payment.id, order.id, order.state
    won = advance(
        Payment,
        payment_id,
        PAYMENT,
        PaymentState.SUCCEEDED,
        at=now,
        charge_reference=status.charge_reference,
        method=status.method,
        succeeded_at=now,
    )
    if not won:
        return
    if state is _S.EXPIRED:
        _record_late_payment(payment, order, registry, settings, now)
    elif advance(Order, order_id, ORDER, _S.PAID, at=now, sources=UNPAID, paid_at=now):
        for line in order.lines:
            offers.settle(line.id, now)
        _commission(order, order.lines, registry, settings, now)
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
    payment: Payment, order: Order, registry: RegistryAdapter, settings: Settings, now: datetime
) -> None:
    """Money for an order whose units were released: take what is still there, give back the rest."""
    taken, gone = [], []
    for line in order.lines:
        try:
            with db.session.begin_nested():
                offers.reserve([offers.Wanted(line.offer_id, line.id, line.units, None)], now)
                offers.settle(line.id, now)
            taken.append(line)
        except UnitsUnavailable:
            gone.append(line)
    if taken:
        advance(Order, order.id, ORDER, _S.PAID, at=now, sources=(_S.EXPIRED,), paid_at=now)
        _commission(order, taken, registry, settings, now)
    else:
        advance(Order, order.id, ORDER, _S.REFUSED, at=now, sources=(_S.EXPIRED,), paid_at=now, finished_at=now)
    for line in gone:
        refund = payments.owe_refund(
            payment=payment,
            order_reference=order.reference,
            amount=Money(line.amount, order.currency),
            cause="sold_out",
            order_line_id=line.id,
            now=now,
        )
        mails.refund_made(order, refund, settings, now)


def _commission(
    order: Order, lines: Sequence[OrderLine], registry: RegistryAdapter, settings: Settings, now: datetime
) -> None:
    """Paid, units settled, cancellations planned, receipt due, basket empty: one fact."""
    for line in lines:
        beneficiary = db.session.get_one(Beneficiary, line.beneficiary_id)
        offer = db.session.get_one(Offer, line.offer_id)
        project = db.session.get_one(Project, line.project_id)
        plan_cancellation(
            order_id=order.id,
            order_line_id=line.id,
            registry=registry.name,
            account=offer.account,
            project_reference=project.reference,
            issuance=db.session.get_one(Issuance, line.issuance_id),
            units=line.units,
            beneficiary_name=beneficiary.name,
            purpose=beneficiary.purpose,
            now=now,
        )
    mails.order_paid(order, settings, registry.promised_within, now)
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


# --- expire ----------------------------------------------------------------------------------------


def due_orders(now: datetime, limit: int = 100) -> list[int]:
    """Ids of unpaid orders whose hold has run out."""
    rows = db.session.scalars(
        select(Order.id).where(Order.state.in_(UNPAID), Order.expires_at <= now).order_by(Order.expires_at).limit(limit)
    ).all()
    end_reading()
    return list(rows)


def close_unpaid(
    order_id: int, gateway: PaymentGateway, registry: RegistryAdapter, settings: Settings, clock: Clock
) -> bool:
    """Expire an unpaid order and give its units back, after its payment pages are closed for certain.

    False when it turns out to be paid, or in the bank's hands. Raises GatewayUnavailable when the
    gateway cannot say; the units stay held then.
    """
    close_payment_pages(order_id, gateway, registry, settings, clock)
    now = clock.now()
    with transaction() as session:
        if payments.unfinished_payments(order_id):
            return False
        if not advance(Order, order_id, ORDER, _S.EXPIRED, at=now, sources=UNPAID):
            return session.get_one(Order, order_id).state is _S.EXPIRED
        for line in session.get_one(Order, order_id).lines:
            offers.release(line.id, now)
    return True


def close_payment_pages(
    order_id: int, gateway: PaymentGateway, registry: RegistryAdapter, settings: Settings, clock: Clock
) -> None:
    """Close every page on which an order could still be paid; a superseded one stays payable otherwise.

    What is found out on the way is recorded: a page may have been paid in that very second.
    Raises GatewayUnavailable.
    """
    for payment_id in payments.unfinished_payments(order_id):
        end_reading()
        status = reconcile(payment_id, gateway, registry, settings, clock)
        if status is not None and status.state is GatewayState.OPEN:
            closed = gateway.expire_checkout(status.gateway_reference)
            record_status(payment_id, closed, registry, settings, clock.now())
