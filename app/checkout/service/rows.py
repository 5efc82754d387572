"""The rows of a new order, inside the transaction of the use case that has judged it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.checkout.models import Beneficiary, Order, OrderLine
from app.checkout.service.allowed import held_until
from app.checkout.states import ORDER, OrderState
from app.db import add_row_with_id, add_rows_with_ids, record
from app.kernel.references import order_reference, unguessable_token
from app.offers.closing import Closing
from app.offers.models import Offer, OfferRead
from app.payments import service as payments
from app.payments.split import Share


@dataclass(frozen=True)
class Bought:
    """Units of an offer (tonnes) at a price for each, in minor units."""

    offer: Offer | OfferRead
    project_id: int
    units: int
    unit_price: int

    @property
    def amount(self) -> int:
        """What they cost, in minor units."""
        return self.unit_price * self.units


def add_order(
    now: datetime, facts: dict[str, Any] | None = None, closings: Collection[Closing] = (), **values: Any
) -> tuple[int, str]:
    """Add an order with a reference and a token of its own, which waits for its payment; gives its id and reference.

    `facts` go into its event; `closings` are the last orders of its units.
    """
    reference = order_reference()
    order_id = add_row_with_id(
        Order,
        reference=reference,
        token=unguessable_token(),
        state=OrderState.PLACED,
        placed_at=now,
        expires_at=held_until(now + payments.HOLD, closings),
        **values,
    )
    record(ORDER.machine, order_id, None, OrderState.PLACED, at=now, facts=facts)
    return order_id, reference


def add_beneficiary(order_id: int, **values: Any) -> int:
    """Add for whom the units of an order are cancelled, and why; gives the id."""
    return add_row_with_id(Beneficiary, order_id=order_id, **values)


def add_lines(order_id: int, beneficiary_id: int, bought: Sequence[Bought], shares: Sequence[Share]) -> list[int]:
    """Add a line for each offer that is bought from, with what everybody gets of it; gives their ids in this order."""
    return add_rows_with_ids(
        OrderLine,
        [
            {
                "order_id": order_id,
                "position": position,
                "offer_id": one.offer.id,
                "issuance_id": one.offer.issuance_id,
                "project_id": one.project_id,
                "provider_id": one.offer.provider_id,
                "beneficiary_id": beneficiary_id,
                "units": one.units,
                "unit_price": one.unit_price,
                "amount": share.amount,
                "seller_share": share.seller,
                "payment_cost": share.payment_cost,
                "tax": share.tax,
                "platform_fee": share.platform_fee,
            }
            for position, (one, share) in enumerate(zip(bought, shares, strict=True))
        ],
        by="position",
    )
