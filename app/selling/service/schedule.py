"""What time alone brings to offers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from app.db import end_reading, read_ids, transaction
from app.kernel.columns import UTCDateTime
from app.offers import closing, reasons
from app.offers.models import Offer, PriceChange
from app.offers.states import OfferState, PriceChangeState
from app.selling import notices
from app.selling.service.prices import apply_planned_price
from app.selling.service.rows import FREEZABLE, drop_plans, locked_offer, move, open_for_sale

_S = OfferState
_EXPIRES = (*FREEZABLE, _S.FROZEN)

# Said once: the worker asks whenever it is woken.
_NOW: Any = bindparam("now", type_=UTCDateTime)
_EXPIRING = select(Offer.id).where(Offer.expires_at <= _NOW, Offer.state.in_(_EXPIRES)).order_by(Offer.id)
_CLOSING = (
    select(Offer.id)
    .where(
        (Offer.state.in_(_EXPIRES) & closing.closed_offers(_NOW))
        | ((Offer.state == _S.APPROVED) & closing.unopened_offers(_NOW))
    )
    .order_by(Offer.id)
)
_OPENING = (
    select(Offer.id)
    .where(Offer.state == _S.APPROVED, Offer.opens_at.is_(None) | (Offer.opens_at <= _NOW))
    .order_by(Offer.id)
)
_PRICED = (
    select(PriceChange.id)
    .where(PriceChange.state == PriceChangeState.PLANNED, PriceChange.due_at <= _NOW)
    .order_by(PriceChange.due_at, PriceChange.id)
)
SCHEDULED = (_EXPIRING, _CLOSING, _PRICED, _OPENING)


def run_schedule(now: datetime) -> int:
    """Do what time alone brings: offers open and expire, planned prices come to hold. Gives how many things it did."""
    expiring, closing_ids, due, opening = (read_ids(each, now=now) for each in SCHEDULED)
    end_reading()
    done: list[int] = [_expire(offer_id, now) for offer_id in expiring]
    done.append(end_closed(closing_ids, now))
    # A price that was due before the opening is the first one that anybody sees.
    done += [apply_planned_price(change_id, now) for change_id in due]
    done += [_open_when_due(offer_id, now) for offer_id in opening]
    return sum(done)


def end_closed(offer_ids: Sequence[int], now: datetime) -> int:
    """End the offers of a mechanism that sells nothing any more, and tell their sellers; gives how many."""
    if not offer_ids:
        return 0
    with transaction():
        ended = []
        for offer_id in offer_ids:
            offer = locked_offer(offer_id)
            if offer.state in _EXPIRES:
                move(offer, _S.EXPIRED, now, sources=_EXPIRES, reason=reasons.MECHANISM_CLOSED)
                drop_plans(offer_id, now)
                ended.append(offer_id)
        notices.offers_ended(ended, now)
        return len(ended)


def _expire(offer_id: int, now: datetime) -> bool:
    with transaction():
        offer = locked_offer(offer_id)
        if offer.state not in _EXPIRES or offer.expires_at is None or offer.expires_at > now:
            return False
        move(offer, _S.EXPIRED, now, sources=_EXPIRES, reason="")
        drop_plans(offer_id, now)
        return True


def _open_when_due(offer_id: int, now: datetime) -> bool:
    with transaction():
        offer = locked_offer(offer_id)
        if offer.state is not _S.APPROVED or (offer.opens_at is not None and offer.opens_at > now):
            return False
        open_for_sale(offer, now)
        return True
