"""What the mechanisms of the units allow of an order: until when it can be paid, and what it may be for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from app.catalog import book
from app.checkout.errors import IntentNotAllowed
from app.offers import closing
from app.offers.closing import Closing
from app.payments import service as payments


def require_time_to_pay(closings: Collection[Closing], now: datetime) -> None:
    """Refuse an order before its payment where no payment page could be closed in time. Raises OrdersClosed.

    `closings` are the last orders of its units.
    """
    closed = closing.first_closed(closings, now + payments.SHORTEST_SESSION)
    if closed is not None:
        raise closing.orders_closed(closed)


def held_until(until: datetime, closings: Collection[Closing]) -> datetime:
    """Until when (aware) units stay held that are to be held `until` then: no longer than they can be paid for.

    `closings` are the last orders of the units.
    """
    return min([until, *(each.at for each in closings if each.at is not None)])


def require_intent(intent: str, authorisations: Collection[str | None]) -> None:
    """Refuse an intent that the host Party's word on some of the units rules out. Raises IntentNotAllowed."""
    for code in sorted(filter(None, authorisations)):
        if not book.contents().allows(intent, code):
            raise IntentNotAllowed(intent=intent, authorisation=code)
