"""How an order ends that nobody paid in time."""

from __future__ import annotations

from datetime import datetime

from app.checkout.models import Order
from app.checkout.states import ORDER, UNPAID, OrderState
from app.db import advance, db
from app.offers import service as offers


def end_unpaid(order_id: int, reason: str, now: datetime) -> bool:
    """Expire an order and give its units back, inside the caller's transaction.

    False when it is in a state that cannot expire.
    """
    if not advance(Order, order_id, ORDER, OrderState.EXPIRED, at=now, sources=UNPAID, facts={"reason": reason}):
        return db.session.get_one(Order, order_id).state is OrderState.EXPIRED
    for line in db.session.get_one(Order, order_id).lines:
        offers.release(line.id, now)
    return True
