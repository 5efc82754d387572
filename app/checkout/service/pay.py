"""From an order to a hosted payment page."""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext
from sqlalchemy import select

from app.catalog.labels import unit_name
from app.catalog.models import Issuance, Project
from app.checkout import mails
from app.checkout.errors import OrderNotPayable
from app.checkout.models import Order, OrderLine
from app.checkout.service.allowed import require_time_to_pay
from app.checkout.states import ORDER, UNPAID, OrderState
from app.config import Settings
from app.db import advance, db, end_reading, transaction
from app.jobs import hold
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.kernel.money import Money
from app.offers import closing
from app.payments import service as payments
from app.payments.models import Payment
from app.payments.ports import GatewayRefusal, GatewayUnavailable, PaymentGateway, PaymentLine, PaymentRequest
from app.web.i18n import in_locale

_S = OrderState


def start_payment(order_id: int, gateway: PaymentGateway, settings: Settings, clock: Clock) -> str:
    """Open a hosted payment page for an unpaid order and give its address.

    Raises OrderNotPayable, OrdersClosed where the sale of its units closes before it could be paid, and what the
    gateway's `start_checkout` raises; the order stays as it is then and can be paid again.
    """
    require_no_hold()
    now = clock.now()
    with transaction() as session:
        # Two tabs that press Pay at once wait for each other here; on SQLite they already do.
        order = session.get_one(Order, order_id, with_for_update=True)
        if order.state not in UNPAID or order.expires_at <= now or payments.unfinished_payments(order_id):
            raise OrderNotPayable(state=order.state.value)
        offer_ids = [line.offer_id for line in order.lines]
        require_time_to_pay(offer_ids, now)
        payment = payments.create_payment(
            order_id=order_id,
            order_reference=order.reference,
            amount=order.money,
            gateway=gateway.name,
            now=now,
            until=closing.last_order_at(offer_ids),
        )
        payment_id = payment.id
        # A payment page that opens late in the hold must not outlive it.
        order.expires_at = max(order.expires_at, now + payments.HOLD)
        advance(Order, order_id, ORDER, _S.PAYMENT_PENDING, at=now, sources=(_S.PLACED,))
    return open_payment(payment_id, gateway, settings, clock)


def open_payment(payment_id: int, gateway: PaymentGateway, settings: Settings, clock: Clock) -> str:
    """Make the gateway call of a written payment; a repeat sends the same request under the same key."""
    require_no_hold()
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


def require_no_hold() -> None:
    """No payment is begun after a restore before people have looked. Raises GatewayUnavailable."""
    if hold.stands():
        raise GatewayUnavailable
    end_reading()


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
