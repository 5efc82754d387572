"""How an order ends that nobody paid in time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from app.checkout.models import Order
from app.checkout.order_queries import withdrawn_at
from app.checkout.states import ORDER, UNPAID, WITHDRAWN, OrderState
from app.db import advance, db, record
from app.offers import service as offers


def end_unpaid(order_id: int, reason: str, now: datetime, *, kept: Collection[int] = ()) -> bool:
    """Expire an order and give its units back, inside the caller's transaction; those of the lines `kept` are taken.

    False when it is in a state that cannot expire. Of one that has expired already it is only kept that the buyer
    withdrew: whatever still arrives is refunded.
    """
    if not advance(Order, order_id, ORDER, OrderState.EXPIRED, at=now, sources=UNPAID, facts={"reason": reason}):
        # Whoever records a late payment of it comes before this, or after.
        order = db.session.get_one(Order, order_id, with_for_update=True)
        has_expired = order.state is OrderState.EXPIRED
        if has_expired and reason == WITHDRAWN and withdrawn_at(order) is None:
            record(ORDER.machine, order_id, OrderState.EXPIRED, OrderState.EXPIRED, at=now, facts={"reason": reason})
        return has_expired
    # Offers are taken in the order of their id, as everybody does, whatever is done to each.
    for line in sorted(db.session.get_one(Order, order_id).lines, key=lambda line: line.offer_id):
        if line.id in kept:
            offers.settle([line.id], now)
        else:
            offers.release(line.id, now)
    return True
