"""What our texts say of the moment they are read at."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from app import current
from app.catalog.models import Issuance
from app.db import db
from app.kernel.money import Money
from app.offers.closing import on_sale
from app.offers.connection import is_connected
from app.offers.models import Offer
from app.offers.states import OfferState


@dataclass(frozen=True)
class PriceRange:
    """The lowest and the highest price of a unit for sale, and how many projects have one."""

    low: Money
    high: Money
    projects: int


def prices_on_offer() -> PriceRange | None:
    """What units cost at this moment, or None while nothing is for sale. One query."""
    is_left = Offer.units_offered - Offer.units_reserved - Offer.units_settled > 0
    is_ours = Offer.currency == current.settings().currency
    low, high, currency, projects = db.session.execute(
        select(
            func.min(Offer.unit_price),
            func.max(Offer.unit_price),
            func.min(Offer.currency),
            func.count(Issuance.project_id.distinct()),
        )
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .where(Offer.state == OfferState.LIVE, is_left, is_ours, is_connected(), on_sale(current.now()))
    ).one()
    return PriceRange(Money(low, currency), Money(high, currency), projects) if projects else None
