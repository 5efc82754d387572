"""The rows of a new order, inside the transaction of the use case that has judged it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.checkout.models import Beneficiary, Order, OrderLine
from app.checkout.states import ORDER, OrderState
from app.config import Settings
from app.db import db, record
from app.kernel.references import order_reference, unguessable_token
from app.offers.models import Offer
from app.payments import service as payments
from app.payments.split import split


@dataclass(frozen=True)
class Bought:
    """Units of an offer (tonnes) at a price for each, in minor units."""

    offer: Offer
    project_id: int
    units: int
    unit_price: int

    @property
    def amount(self) -> int:
        """What they cost, in minor units."""
        return self.unit_price * self.units


def add_order(now: datetime, facts: dict[str, Any] | None = None, **values: Any) -> Order:
    """Add an order with a reference and a token of its own, which waits for its payment; `facts` go into its event."""
    order = Order(
        reference=order_reference(),
        token=unguessable_token(),
        state=OrderState.PLACED,
        placed_at=now,
        expires_at=now + payments.HOLD,
        **values,
    )
    db.session.add(order)
    db.session.flush()
    record(ORDER.machine, order.id, None, OrderState.PLACED, at=now, facts=facts)
    return order


def add_beneficiary(order: Order, **values: Any) -> Beneficiary:
    """Add for whom the units of an order are cancelled, and why."""
    beneficiary = Beneficiary(order_id=order.id, **values)
    db.session.add(beneficiary)
    db.session.flush()
    return beneficiary


def add_lines(
    order: Order, beneficiary: Beneficiary, bought: Sequence[Bought], settings: Settings
) -> Sequence[OrderLine]:
    """Add a line for each offer that is bought from, with what everybody gets of it."""
    shares = split([one.amount for one in bought], settings)
    lines = [
        OrderLine(
            order_id=order.id,
            position=position,
            offer_id=one.offer.id,
            issuance_id=one.offer.issuance_id,
            project_id=one.project_id,
            provider_id=one.offer.provider_id,
            beneficiary_id=beneficiary.id,
            units=one.units,
            unit_price=one.unit_price,
            amount=share.amount,
            seller_share=share.seller,
            payment_cost=share.payment_cost,
            tax=share.tax,
            platform_fee=share.platform_fee,
        )
        for position, (one, share) in enumerate(zip(bought, shares, strict=True))
    ]
    db.session.add_all(lines)
    db.session.flush()
    return lines
