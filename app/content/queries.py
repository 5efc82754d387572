"""What our texts say of the moment they are read at."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from app import current
from app.catalog.models import Issuance
from app.db import db
from app.kernel.money import Money
from app.offers.for_sale import is_for_sale
from app.offers.models import Offer


@dataclass(frozen=True)
class PriceRange:
    """The lowest and the highest price of a unit for sale, and how many projects have one."""

    low: Money
    high: Money
    projects: int


def prices_on_offer() -> PriceRange | None:
    """What units cost at this moment, or None while nothing is for sale. One query."""
    low, high, currency, projects = db.session.execute(
        select(
            func.min(Offer.unit_price),
            func.max(Offer.unit_price),
            func.min(Offer.currency),
            func.count(Issuance.project_id.distinct()),
        )
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .where(*is_for_sale(current.now()))
    ).one()
    return PriceRange(Money(low, currency), Money(high, currency), projects) if projects else None
