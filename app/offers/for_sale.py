"""What anybody may buy now, said once for all who add it up: calculator, price range, map."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from app import current
from app.offers.closing import on_sale
from app.offers.connection import is_connected
from app.offers.models import Offer
from app.offers.states import OfferState

# Units (tonnes) that nobody holds and nobody bought.
LEFT = Offer.units_offered - Offer.units_reserved - Offer.units_settled


def is_for_sale() -> tuple[ColumnElement[bool], ...]:
    """Conditions on offers, joined with their issuances: live, units left, our currency, connected and not closed."""
    return (
        Offer.state == OfferState.LIVE,
        LEFT > 0,
        Offer.currency == current.settings().currency,
        is_connected(),
        on_sale(current.now()),
    )
