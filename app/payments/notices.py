"""What a gateway told us: kept before anything is done about it, and never believed, only looked into."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, bindparam, func, select, update
from sqlalchemy.orm import aliased

from app.db import end_reading, insert_once, read_ids, transaction, write
from app.kernel import checkpoints
from app.payments.models import Payment, Refund, WebhookDelivery
from app.payments.ports import GatewayEvent

log = logging.getLogger(__name__)

BACKOFF = (2, 10, 60, 300, 900)  # seconds
# What a gateway tells is acted on within minutes, unless its answer cannot be read.
HEARD_WITHIN = timedelta(hours=1)

# Said once: the worker asks in every round.
UNHEARD = (
    select(WebhookDelivery.id)
    .where(WebhookDelivery.processed_at.is_(None), WebhookDelivery.next_action_at <= bindparam("now"))
    .order_by(WebhookDelivery.next_action_at, WebhookDelivery.id)
    .limit(bindparam("most"))
)
_TOLD_OF = (
    select(Payment.id)
    .join(WebhookDelivery, WebhookDelivery.object_reference == Payment.gateway_reference)
    .where(WebhookDelivery.id == bindparam("delivery_id"))
)
_REFUND_TOLD_OF = (
    select(Refund.id)
    .join(WebhookDelivery, WebhookDelivery.object_reference == Refund.gateway_reference)
    .where(WebhookDelivery.id == bindparam("delivery_id"))
)
_DISPUTED = (
    select(Payment.id)
    .join(WebhookDelivery, WebhookDelivery.object_reference == Payment.charge_reference)
    .where(WebhookDelivery.id == bindparam("delivery_id"))
)
_Paid = aliased(Payment)
_DELIVERIES = cast(Table, WebhookDelivery.__table__)
_ABOUT = (_TOLD_OF, _REFUND_TOLD_OF, _DISPUTED)
_FINISH = update(_DELIVERIES).where(_DELIVERIES.c.id == bindparam("the_id")).values(processed_at=bindparam("now"))


def store(gateway: str, event: GatewayEvent, now: datetime) -> bool:
    """Keep a verified notice before anything is done about it. False for a repeat."""
    with transaction():
        stored = insert_once(
            WebhookDelivery,
            gateway=gateway,
            event_id=event.id,
            event_type=event.type,
            object_reference=event.object_reference,
            order_hint=event.order_hint,
            created_at=event.created_at,
            received_at=now,
            next_action_at=now,
            attempts=0,
        )
    checkpoints.reached("delivery.stored")
    return stored


def due_notices(now: datetime, limit: int = 100) -> list[int]:
    """Ids of stored notices that were not acted on yet."""
    return read_ids(UNHEARD, now=now, most=limit)


def find_payment(delivery_id: int) -> int | None:
    """The payment a stored notice is about."""
    payment: int | None = write(_TOLD_OF, {"delivery_id": delivery_id}).scalar()
    end_reading()
    return payment


def find_refund(delivery_id: int) -> int | None:
    """The refund a stored notice is about."""
    refund: int | None = write(_REFUND_TOLD_OF, {"delivery_id": delivery_id}).scalar()
    end_reading()
    return refund


def find_disputed(delivery_id: int) -> int | None:
    """The payment whose charge a stored notice is about: somebody disputes it."""
    payment: int | None = write(_DISPUTED, {"delivery_id": delivery_id}).scalar()
    end_reading()
    return payment


def is_unheard_about(order_id: Any) -> ColumnElement[bool]:
    """SQL: a notice about the charge of an order was not acted on yet. It may have come before we knew the payment.

    What was bought with money of an earlier payment has the charge of that one.
    """
    return (
        select(WebhookDelivery.id)
        .join(Payment, Payment.charge_reference == WebhookDelivery.object_reference)
        .join(_Paid, func.coalesce(_Paid.drawn_from_id, _Paid.id) == Payment.id)
        .where(_Paid.order_id == order_id, WebhookDelivery.processed_at.is_(None))
        .exists()
    )


def finish(delivery_id: int, now: datetime) -> None:
    """A notice was acted on. Where this is forgotten it is acted on again, to no effect."""
    with transaction(lasting=False):
        write(_FINISH, {"the_id": delivery_id, "now": now})


def postpone(delivery_id: int, now: datetime) -> None:
    """A notice about something that is not known yet, for three days; or that cannot be asked about now: wait."""
    with transaction() as session:
        delivery = session.get_one(WebhookDelivery, delivery_id)
        pause = BACKOFF[min(delivery.attempts, len(BACKOFF) - 1)]
        delivery.attempts += 1
        delivery.next_action_at = now + timedelta(seconds=pause)
        is_ours = any(write(told_of, {"delivery_id": delivery_id}).all() for told_of in _ABOUT)
        if not is_ours and now - delivery.received_at > timedelta(days=3):
            delivery.processed_at = now
        if now - delivery.received_at > HEARD_WITHIN:
            log.error("notice that nothing came of", extra={"facts": {"delivery": delivery_id}})
