"""Words for the codes of the embedded registry's books. A code that never occurs there has its English name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask_babel import lazy_gettext as _
from flask_babel import lazy_pgettext

from app.registry.ledger import codes

ACCOUNTS: Mapping[int, Any] = {
    codes.HOLDING_ACCOUNT: _("Holding account of a participant"),
    codes.PENDING_ACCOUNT: _("Pending account: issued, and not forwarded yet"),
    codes.VOLUNTARY_CANCELLATION_ACCOUNT: _("Voluntary cancellation account"),
    codes.ADAPTATION_FUND_ACCOUNT: _("Adaptation Fund: share of proceeds"),
    codes.MITIGATION_ACCOUNT: _("Cancellation for overall mitigation in global emissions"),
}
TRANSACTIONS: Mapping[int, Any] = {
    codes.ISSUANCE: _("Issuance"),
    codes.CANCELLATION: lazy_pgettext("units", "Cancellation"),
    codes.INTERNAL_TRANSFER: _("Transfer within the registry"),
}
OPENING = _("Opening balance")
STATES: Mapping[int, Any] = {
    codes.COMPLETED: lazy_pgettext("transaction", "Completed"),
    codes.TERMINATED: lazy_pgettext("transaction", "Terminated: refused by the registry"),
}
CHANNELS: dict[str, Any] = {
    "platform": _("Sold on this marketplace"),
    "registry": _("Asked for at the registry"),
}
# What a registry published was not sold here, even where it was sold.
PUBLISHED_CHANNELS: Mapping[str, Any] = CHANNELS | {"platform": _("On the platform of the United Nations")}
ORIGINS: Mapping[str, Any] = {
    "own": _("Made here"),
    "imported": _("From the published ledger"),
    "opening": OPENING,
}


def account_type(code: int) -> str:
    """What an account of a type is for."""
    known = codes.ACCOUNT_TYPES.get(code)
    return str(ACCOUNTS.get(code, known.name if known else code))


def transaction_type(code: int, origin: str) -> str:
    """What a transaction did; an opening balance is a transfer from outside the books."""
    if origin == "opening":
        return str(OPENING)
    return str(TRANSACTIONS.get(code, codes.TRANSACTION_TYPES[code].name))


def transaction_state(code: int) -> str:
    """How a transaction ended."""
    return str(STATES.get(code, codes.STATES[code].name))


def transaction_origin(origin: str) -> str:
    """Where the books have a transaction from."""
    return str(ORIGINS.get(origin, origin))


def transaction_channel(channel: str, origin: str) -> str:
    """The way a cancellation came; another marketplace has its own name."""
    known = PUBLISHED_CHANNELS if origin == "imported" else CHANNELS
    return str(known.get(channel, channel))


def init_app(app: Flask) -> None:
    """Make the words known to templates."""
    for word in (account_type, transaction_type, transaction_state, transaction_origin, transaction_channel):
        app.jinja_env.filters[word.__name__] = word
