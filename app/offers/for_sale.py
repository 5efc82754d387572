"""What can be bought, said once: by the purchase that takes units, and by all who add up what anybody may buy."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, or_

from app import current
from app.offers.closing import on_sale
from app.offers.connection import is_connected
from app.offers.models import Offer
from app.offers.states import OfferState

# Units (tonnes) that nobody holds and nobody bought.
free_units = Offer.units_offered - Offer.units_reserved - Offer.units_settled


def is_buyable(
    units: int | BindParameter[int], now: datetime | BindParameter[datetime]
) -> tuple[ColumnElement[bool], ...]:
    """Conditions on an offer: it is on sale at `now` (aware) and has so many units left. A purchase takes units so."""
    return (
        Offer.state == OfferState.LIVE,
        or_(Offer.opens_at.is_(None), Offer.opens_at <= now),
        or_(Offer.expires_at.is_(None), Offer.expires_at > now),
        free_units >= units,
    )


def fits_minimum(units: int | BindParameter[int]) -> ColumnElement[bool]:
    """A condition on an offer: so many units of it are enough for its seller, or all that is left."""
    return or_(Offer.minimum_units <= units, free_units == units)


def is_for_sale(now: datetime, units: int = 1) -> tuple[ColumnElement[bool], ...]:
    """Conditions on offers, joined with their issuances: buyable, in our currency, connected, and not closed."""
    return (
        *is_buyable(units, now),
        Offer.currency == current.settings().currency,
        is_connected(),
        on_sale(now),
    )
