"""Which offers nobody here can cancel: those of accounts whose registry was taken out of the settings.

They are shown and not for sale, until the registry is in the settings again. What has its price in a currency of the
past is not for sale either.
"""

from __future__ import annotations

from sqlalchemy import BindParameter, ColumnElement, bindparam, column, select, table

from app import current
from app.offers.models import Offer
from app.offers.states import OfferState

# Of the tables alone: the list of projects waits neither for what talks to registries nor for mapped classes.
_ACCOUNTS = table("registry_account", column("identifier"), column("registry_code"))
_ACCOUNT = Offer.__table__.c.account


NOT_CONNECTED, OTHER_CURRENCY = "not_connected", "other_currency"


def hindrance(offer: Offer, *, is_lost: bool) -> str:
    """What of ours keeps an offer from being sold whatever its seller does: NOT_CONNECTED, OTHER_CURRENCY or nothing.

    An offer that waits may be connected again before it is sold; another currency stays.
    """
    if offer.currency != current.settings().currency:
        return OTHER_CURRENCY
    return NOT_CONNECTED if is_lost and offer.state is OfferState.LIVE else ""


def registry_codes() -> list[str]:
    """The registries that this copy is connected to: what `IS_LOST` is asked with, as `registries`."""
    return list(current.settings().registries)


def is_lost(registries: list[str] | BindParameter[list[str]]) -> ColumnElement[bool]:
    """A condition on offers: their registry is none of these. An account that nobody assigned is of the first."""
    lost = select(_ACCOUNTS.c.identifier).where(_ACCOUNTS.c.registry_code.not_in(registries))
    return _ACCOUNT.in_(lost)


def is_connected() -> ColumnElement[bool]:
    """A condition on offers: what is ordered of them can be cancelled."""
    return ~is_lost(registry_codes())


# For queries that are said once.
IS_LOST = is_lost(bindparam("registries", expanding=True))
