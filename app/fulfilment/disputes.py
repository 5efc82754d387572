"""A disputed payment: look it up, write it down, and keep what was not begun from the registry, in one transaction.

What was cancelled stays cancelled, and its certificates stay valid, whatever the bank decides (docs/adr/0007).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from app.checkout.models import Order
from app.db import transaction
from app.fulfilment import risk
from app.kernel.clock import Clock
from app.payments import disputes
from app.payments.models import Payment
from app.payments.ports import DisputeStatus, GatewayFault, GatewayRefusal, GatewayUnavailable, PaymentGateway

log = logging.getLogger(__name__)

# Most networks give a buyer 120 days; some more begin when the goods were to come.
LOOK_BACK = timedelta(days=150)


def look_into(payment_id: int, gateway: PaymentGateway, clock: Clock) -> None:
    """Ask what is true of the disputes of a payment, and write it down. Safe to call at any time, by anybody.

    Raises GatewayUnavailable, GatewayRefusal or GatewayFault.
    """
    charge = disputes.find_charge(payment_id)
    if charge is not None:
        _keep(payment_id, gateway.disputes(charge), clock.now())


def look_for_unheard(gateway: PaymentGateway, clock: Clock) -> bool:
    """Ask for disputes that no notice came of. False where the gateway does not answer now.

    A gateway tells only what it was subscribed to.
    """
    try:
        for payment_id in disputes.payments_unwatched(gateway.disputed_since(clock.now() - LOOK_BACK)):
            try:
                look_into(payment_id, gateway, clock)
            except (GatewayRefusal, GatewayFault):
                log.exception("disputes that cannot be read", extra={"facts": {"payment": payment_id}})
    except GatewayUnavailable:
        log.warning("gateway unavailable: it was not asked for disputes")
        return False
    except (GatewayRefusal, GatewayFault):
        log.exception("the gateway does not tell which payments are disputed: may our key read disputes?")
    return True


def _keep(payment_id: int, said: tuple[DisputeStatus, ...], now: datetime) -> None:
    with transaction() as session:
        # Whoever begins an order, or decides about its money, takes it first as well: they come before this or after.
        for each in disputes.orders_of(payment_id):
            session.get_one(Order, each, with_for_update=True)
        payment = session.get_one(Payment, payment_id, with_for_update=True)
        if disputes.keep(payment, said, now):
            for each in disputes.orders_of(payment_id):
                risk.hold_disputed(each, now)
