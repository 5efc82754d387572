"""From an order to a hosted payment page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext
from sqlalchemy import Row, bindparam, select

from app.catalog.labels import unit_name
from app.catalog.models import Issuance, Project
from app.checkout import mails
from app.checkout.errors import CurrencyChanged, OrderNotPayable
from app.checkout.models import Order, OrderLine
from app.checkout.service.allowed import held_until, require_time_to_pay
from app.checkout.service.ending import end_unpaid
from app.checkout.states import CURRENCY_CHANGED, ORDER, UNPAID, OrderState
from app.config import Settings
from app.db import advance, end_reading, transaction, write
from app.jobs import hold
from app.kernel import checkpoints
from app.kernel.clock import Clock
from app.kernel.money import Money
from app.offers import closing
from app.offers.closing import Closing
from app.payments import service as payments
from app.payments.models import Payment
from app.payments.ports import GatewayRefusal, GatewayUnavailable, PaymentGateway, PaymentLine, PaymentRequest
from app.payments.states import PaymentState
from app.web.i18n import in_locale

_S = OrderState

# Said once: every payment is begun with them.
_IS_HELD = hold.IS_STANDING.label("is_held")
_LINES = (
    select(OrderLine.offer_id, Issuance.unit_type, closing.LAST_ORDER_AT.label("closes_at"), _IS_HELD)
    .join(Issuance, Issuance.id == OrderLine.issuance_id)
    .where(OrderLine.order_id == bindparam("order_id"))
)
_REQUESTED = (
    select(
        *(Payment.attempt, Payment.amount, Payment.currency, Payment.expires_at, Payment.idempotency_key),
        *(Payment.state, Order.reference, Order.token, Order.email, Order.locale),
        *(OrderLine.units, OrderLine.unit_price, Project.title, Issuance.unit_type, _IS_HELD),
    )
    .join(Order, Order.id == Payment.order_id)
    .join(OrderLine, OrderLine.order_id == Order.id)
    .join(Project, Project.id == OrderLine.project_id)
    .join(Issuance, Issuance.id == OrderLine.issuance_id)
    .where(Payment.id == bindparam("payment_id"))
    .order_by(OrderLine.position)
)


def start_payment(order_id: int, gateway: PaymentGateway, settings: Settings, clock: Clock) -> str:
    """Open a hosted payment page for an unpaid order and give its address.

    Raises GatewayUnavailable while a restoration hold stands, OrderNotPayable, OrdersClosed where the sale of its units
    closes before it could be paid, and what the gateway's `start_checkout` raises; the order stays as it is then and
    can be paid again. An order in a currency that the house gave up ends, and CurrencyChanged is raised.
    """
    now = clock.now()
    with transaction() as session:
        # Two tabs that press Pay at once wait for each other here; on SQLite they already do.
        order = session.get_one(Order, order_id, with_for_update=True)
        lines = write(_LINES, {"order_id": order_id}).all()
        if lines[0].is_held:
            raise GatewayUnavailable
        earlier = payments.attempts_of(order_id)
        if order.state not in UNPAID or order.expires_at <= now or earlier.is_unfinished:
            raise OrderNotPayable(state=order.state.value)
        is_payable = order.currency == settings.currency
        if is_payable:
            payment_id = _begin_payment(order, lines, earlier.last + 1, gateway, now)
        else:
            end_unpaid(order_id, CURRENCY_CHANGED, now)
    if not is_payable:
        raise CurrencyChanged
    return open_payment(payment_id, gateway, settings, clock)


def _begin_payment(
    order: Order, lines: Sequence[Row[Any]], attempt: int, gateway: PaymentGateway, now: datetime
) -> int:
    closings = [Closing(line.offer_id, line.unit_type, line.closes_at) for line in lines]
    require_time_to_pay(closings, now)
    # A payment page that opens late in the hold must not outlive it.
    order.expires_at = max(order.expires_at, held_until(now + payments.HOLD, closings))
    return begin_payment(order.id, order.reference, order.money, closings, gateway, now, attempt=attempt)


def begin_payment(
    order_id: int,
    reference: str,
    amount: Money,
    closings: Sequence[Closing],
    gateway: PaymentGateway,
    now: datetime,
    *,
    attempt: int = 1,
) -> int:
    """Write an attempt to pay an order, inside the caller's transaction, which has seen that there is time for it.

    Gives the payment's id. `closings` are the last orders of its units, `attempt` counts from 1.
    """
    payment_id = payments.create_payment(
        order_id=order_id,
        order_reference=reference,
        attempt=attempt,
        amount=amount,
        gateway=gateway.name,
        now=now,
        until=min((each.at for each in closings if each.at is not None), default=None),
    )
    advance(Order, order_id, ORDER, _S.PAYMENT_PENDING, at=now, sources=(_S.PLACED,))
    return payment_id


def open_payment(
    payment_id: int, gateway: PaymentGateway, settings: Settings, clock: Clock, *, is_repeat: bool = False
) -> str:
    """Make the gateway call of a written payment; a repeat sends the same request under the same key.

    A gateway that is busy did nothing now, but the request that is repeated may have opened a page: it is asked again.
    Raises OrderNotPayable where another press of the button closed this payment before its page was opened.
    """
    request = _payment_request(payment_id, settings, is_repeat=is_repeat)
    end_reading()
    if request.amount.currency != settings.currency:
        # The gateway takes no other. A page that it may have opened before is known to nobody who could pay on it.
        payments.mark_failed(payment_id, clock.now())
        _make_payable(payment_id, clock.now())
        raise GatewayRefusal(reason="currency")
    checkpoints.reached("gateway.before_call")
    try:
        start = gateway.start_checkout(request)
    except (GatewayRefusal, GatewayUnavailable) as problem:
        if is_repeat and isinstance(problem, GatewayUnavailable):
            raise
        payments.mark_failed(payment_id, clock.now())
        _make_payable(payment_id, clock.now())
        raise
    checkpoints.reached("gateway.after_call")
    payments.mark_open(payment_id, start, clock.now())
    return start.url


def _payment_request(payment_id: int, settings: Settings, *, is_repeat: bool) -> PaymentRequest:
    """What the gateway is asked for. No payment is begun after a restore before people have looked.

    Raises GatewayUnavailable while a restoration hold stands, and OrderNotPayable as `open_payment` does.
    """
    rows = write(_REQUESTED, {"payment_id": payment_id}).all()
    asked = rows[0]
    if asked.is_held:
        raise GatewayUnavailable
    if not is_repeat and asked.state is not PaymentState.CREATED:
        raise OrderNotPayable(state=asked.state.value)
    with in_locale(asked.locale):
        lines = tuple(PaymentLine(_line_name(row), row.units, Money(row.unit_price, asked.currency)) for row in rows)
    return PaymentRequest(
        order_reference=asked.reference,
        attempt=asked.attempt,
        amount=Money(asked.amount, asked.currency),
        lines=lines,
        email=asked.email,
        locale=asked.locale,
        success_url=f"{mails.order_url(asked, settings)}/return",
        back_url=f"{settings.public_base_url}/{asked.locale}/checkout/review",
        expires_at=asked.expires_at,
        key=asked.idempotency_key,
    )


def _line_name(row: Row[Any]) -> str:
    name: str = gettext("%(label)s: %(value)s", label=unit_name(row.unit_type, row.units), value=row.title)
    return name[:250]


def _make_payable(payment_id: int, now: datetime) -> None:
    """With no payment left that could succeed, the order waits for a new one."""
    with transaction() as session:
        payment = session.get_one(Payment, payment_id)
        if not payments.unfinished_payments(payment.order_id):
            advance(Order, payment.order_id, ORDER, _S.PLACED, at=now, sources=(_S.PAYMENT_PENDING,))
