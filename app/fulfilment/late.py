"""Buyers whose units are not cancelled within the promised time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, or_, select

from app.checkout import mails
from app.checkout.models import Order
from app.checkout.order_queries import promise_of
from app.config import Settings
from app.db import db, end_reading, transaction
from app.notifications.messages.kinds import MailKind
from app.notifications.models import Mail
from app.registry.models import Cancellation
from app.registry.ports import Registries
from app.registry.promises import later_than_promised
from app.registry.states import CANCELLATION


def late_orders(registries: Registries, now: datetime) -> list[int]:
    """Orders past what their registry promises of which the buyer was not told yet."""
    is_told = exists().where(Mail.order_id == Cancellation.order_id, Mail.kind == MailKind.ORDER_LATE)
    late = db.session.scalars(
        select(Cancellation.order_id)
        .distinct()
        .where(
            Cancellation.order_id.is_not(None),
            Cancellation.state.in_(CANCELLATION.unfinished()),
            ~is_told,
            or_(*(later_than_promised(registry, now) for registry in registries)),
        )
        .limit(100)
    ).all()
    end_reading()
    return [order_id for order_id in late if order_id is not None]


def tell(order_id: int, registries: Registries, settings: Settings, now: datetime) -> None:
    """Tell the buyer of an order that it takes longer than was promised."""
    promise = promise_of(order_id, registries)
    with transaction() as session:
        mails.order_late(session.get_one(Order, order_id), settings, promise, now)
