"""Unpaid orders end, after every page on which they could be paid is closed for certain."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from sqlalchemy import bindparam, select

from app.checkout.models import Order
from app.checkout.order_queries import IS_PROCESSING
from app.checkout.service.ending import end_unpaid
from app.checkout.service.record import reconcile, record_status
from app.checkout.states import UNPAID, UNPAID_IN_TIME, WITHDRAWN
from app.config import Settings
from app.db import end_reading, read_ids, transaction
from app.kernel.clock import Clock
from app.payments import service as payments
from app.payments.ports import GatewayFault, GatewayRefusal, GatewayState, GatewayUnavailable, PaymentGateway
from app.registry.ports import Registries

# Said once: the worker asks in every round.
UNPAID_TOO_LONG = (
    select(Order.id)
    # Money that is on its way is asked about by itself, and not in every round.
    .where(Order.state.in_(UNPAID), Order.expires_at <= bindparam("now"), ~IS_PROCESSING)
    .order_by(Order.expires_at)
    .limit(bindparam("most"))
)
_DUE = UNPAID_TOO_LONG.offset(bindparam("skipped"))


def due_orders(now: datetime, limit: int, skipped: int) -> list[int]:
    """Ids of unpaid orders whose hold has run out, and that no transfer is on its way for, without the first ones."""
    return read_ids(_DUE, now=now, most=limit, skipped=skipped)


def withdraw(order_id: int, gateway: PaymentGateway, registries: Registries, settings: Settings, clock: Clock) -> bool:
    """End an order that is not paid because its buyer withdraws; the event keeps the reason and the time (UTC).

    False when it is paid. A payment in the bank's hands, or on a page that could not be closed because
    the gateway is away, or answers us no more, does not matter: whatever still arrives is refunded. Source of
    the rule: Directive 2011/83/EU, articles 9 and 11a.
    """
    # What is wrong with our key or account the sweeper meets as well, and logs.
    with suppress(GatewayUnavailable, GatewayRefusal, GatewayFault):
        close_payment_pages(order_id, gateway, registries, settings, clock)
    with transaction():
        return end_unpaid(order_id, WITHDRAWN, clock.now())


def close_unpaid(
    order_id: int, gateway: PaymentGateway, registries: Registries, settings: Settings, clock: Clock
) -> bool:
    """Expire an unpaid order and give its units back, after its payment pages are closed for certain.

    False when it turns out to be paid, or in the bank's hands. Raises GatewayUnavailable when the
    gateway cannot say; the units stay held then.
    """
    close_payment_pages(order_id, gateway, registries, settings, clock)
    with transaction():
        return not payments.unfinished_payments(order_id) and end_unpaid(order_id, UNPAID_IN_TIME, clock.now())


def close_payment_pages(
    order_id: int, gateway: PaymentGateway, registries: Registries, settings: Settings, clock: Clock
) -> None:
    """Close every page on which an order could still be paid; a superseded one stays payable otherwise.

    What is found out on the way is recorded: a page may have been paid in that very second.
    Raises GatewayUnavailable, also where a page is open still because the gateway did not hear us.
    """
    for payment_id in payments.unfinished_payments(order_id):
        end_reading()
        status = reconcile(payment_id, gateway, registries, settings, clock)
        if status is not None and status.state is GatewayState.OPEN:
            closed = gateway.expire_checkout(status.gateway_reference)
            record_status(payment_id, closed, registries, settings, clock.now())
            if closed.state is GatewayState.OPEN:
                raise GatewayUnavailable(payment=payment_id)
