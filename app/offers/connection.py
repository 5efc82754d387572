"""Which offers nobody here can cancel: those of accounts whose registry was taken out of the settings.

They are shown and not for sale, until the registry is in the settings again.
"""

from __future__ import annotations

from sqlalchemy import BindParameter, ColumnElement, bindparam, column, select, table

from app import current
from app.offers.models import Offer

# Of the tables alone: the list of projects waits neither for what talks to registries nor for mapped classes.
_ACCOUNTS = table("registry_account", column("identifier"), column("registry_code"))
_ACCOUNT = Offer.__table__.c.account


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
