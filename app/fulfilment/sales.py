"""Telling the sellers of an order what was sold, inside the transaction that ends it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.checkout.models import Order
from app.kernel.money import Money
from app.selling.notices import low_stock
from app.selling.sale_mails import Sold, sale_made


def tell_sellers(order: Order, cancelled: Sequence[Any], now: datetime) -> None:
    """Tell whoever sells what is cancelled now, by the order's lines, and of offers with few units left.

    `now` is aware.
    """
    sold = [
        Sold(
            provider_id=line.provider_id,
            issuance_id=line.issuance_id,
            units=line.units,
            unit_price=Money(line.unit_price, order.currency),
            amount=Money(line.amount, order.currency),
            share=Money(line.seller_share, order.currency),
        )
        for line in cancelled
    ]
    if sold:
        sale_made(order.reference, sold, is_demonstration=order.is_demonstration, now=now)
        low_stock({line.offer_id for line in cancelled}, now)
