"""Off sale for a while, for good, or until somebody thaws it; and back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, select, tuple_

from app.audit.service import Actor, required_reason
from app.catalog.models import Issuance
from app.db import KEEPING_KEYS, db, transaction
from app.offers import pools, reasons
from app.offers import service as offers
from app.offers.models import Offer
from app.offers.pools import Holdings, Pool
from app.offers.states import OPEN, OfferState
from app.providers.independence import require_outsider_of
from app.providers.models import Provider
from app.selling import notices
from app.selling.service.rows import (
    FREEZABLE,
    SWEEPER,
    account_of,
    act,
    drop_plans,
    lock_pool,
    locked_offer,
    locked_offers,
    move,
    require_allowed,
    require_currency,
    require_kept,
    require_state,
    require_time_left,
)

_S = OfferState


def pause(offer_id: int, actor: Actor, now: datetime, reason: str = "") -> None:
    """Take an offer off sale for a while; what is held stays held. `reason` are an operator's words, if it was one.

    Raises NoSuchOffer or OfferMoved.
    """
    with transaction():
        _pause(locked_offer(offer_id), actor, now, reason)


def pause_all(provider_id: int, actor: Actor, now: datetime) -> int:
    """Take every offer of a participant off sale for a while; gives how many."""
    with transaction():
        found = locked_offers(provider_id, (_S.LIVE, _S.SOLD_OUT))
        for offer in found:
            _pause(offer, actor, now, "")
        return len(found)


def _pause(offer: Offer, actor: Actor, now: datetime, reason: str) -> None:
    act(offer, "offer_paused", actor, now, reason=reason)
    move(offer, _S.PAUSED, now, sources=(_S.LIVE, _S.SOLD_OUT), reason=reason or reasons.BY_SELLER)


def resume(offer_id: int, actor: Actor, now: datetime) -> None:
    """Put a paused offer back on sale.

    Raises NoSuchOffer, OfferMoved, OtherCurrency, MayNotOffer, SaleClosed, or TermsUnfit after its expiry.
    """
    with transaction():
        require_allowed(offer_id, now)
        offer = locked_offer(offer_id)
        require_state(offer, _S.PAUSED)
        require_currency(offer)
        require_time_left(offer, now)
        act(offer, "offer_resumed", actor, now)
        move(offer, _S.LIVE, now, sources=(_S.PAUSED,), reason="")
        offers.keep_in_step(offer.id, now)


def withdraw(offer_id: int, actor: Actor, now: datetime, reason: str = "") -> None:
    """Take an offer off sale for good, at once: what is held can still be paid, the rest is free again.

    Raises NoSuchOffer, or OfferMoved where it was over before.
    """
    with transaction():
        offer = locked_offer(offer_id)
        require_state(offer, *OPEN)
        act(offer, "offer_withdrawn", actor, now, reason=reason)
        move(offer, _S.WITHDRAWN, now, sources=OPEN, reason=reason or reasons.BY_SELLER)
        drop_plans(offer.id, now)


def freeze(offer_id: int, actor: Actor, reason: str, now: datetime) -> None:
    """Take one offer off sale until somebody thaws it. Raises NoSuchOffer, OfferMoved or ReasonMissing."""
    kept = required_reason(reason)
    with transaction():
        offer = locked_offer(offer_id)
        require_state(offer, *FREEZABLE)
        act(offer, "offer_frozen", actor, now, reason=kept)
        offers.freeze(offer_id, now, reason=kept)
        notices.offers_frozen([offer_id], kept, now)


def freeze_all(provider_id: int, reason: str, actor: Actor | None, now: datetime) -> int:
    """Take every offer of a participant off sale until somebody thaws it, inside the caller's transaction.

    `reason` is a code of `app.offers.reasons` or an operator's words; gives how many.
    """
    return _freeze_of(provider_id, reason, actor or SWEEPER, now)


def freeze_project(provider_id: int, project_id: int, reason: str, actor: Actor, now: datetime) -> int:
    """The same for its offers of one project, which it may not offer any more."""
    of_project = select(Issuance.id).where(Issuance.project_id == project_id)
    return _freeze_of(provider_id, reason, actor, now, Offer.issuance_id.in_(of_project))


def freeze_units(pools_: Collection[Pool], note: str, now: datetime, *, beside: Collection[int] = ()) -> None:
    """Take every offer of some units off sale until somebody thaws it, inside the caller's transaction.

    A registry knows something of them that we do not: `note` says what it said. `beside` are ids of other offers that
    the caller changes afterwards; rows are taken in the order of their ids, as everybody does.
    """
    of_these_units = tuple_(Offer.account, Offer.issuance_id).in_(pools_)
    found = db.session.execute(
        select(Offer.id, of_these_units.label("is_frozen"))
        .where(of_these_units | Offer.id.in_(beside))
        .order_by(Offer.id)
        .with_for_update(key_share=True)
    ).all()
    frozen = [each.id for each in found if each.is_frozen and offers.freeze(each.id, now, reasons.BOOKS_DIFFER, note)]
    notices.offers_frozen(frozen, reasons.BOOKS_DIFFER, now)


def _freeze_of(provider_id: int, reason: str, actor: Actor, now: datetime, *which: ColumnElement[bool]) -> int:
    # Whoever lets one of them be sold reads what the participant may do under this row's lock.
    db.session.get_one(Provider, provider_id, with_for_update=KEEPING_KEYS, populate_existing=True)
    found = locked_offers(provider_id, FREEZABLE, *which)
    for offer in found:
        act(offer, "offer_frozen", actor, now, reason=reason)
        offers.freeze(offer.id, now, reason=reason)
    notices.offers_frozen([offer.id for offer in found], reason, now)
    return len(found)


def thaw(offer_id: int, actor: Actor, holdings: Holdings, now: datetime) -> None:
    """Let a frozen offer be what it was before: the registry holds again what is promised.

    Raises NoSuchOffer, OfferMoved, OwnOrganisation, OtherCurrency, MayNotOffer, TermsUnfit after its expiry, or
    MoreThanHeld.
    """
    supply = pools.read_supply([account_of(offer_id)], holdings)
    with transaction():
        lock_pool(offer_id)
        require_allowed(offer_id, now)
        offer = locked_offer(offer_id)
        require_state(offer, _S.FROZEN)
        require_outsider_of(offer.provider_id, actor.person_id)
        require_currency(offer)
        require_time_left(offer, now)
        require_kept(offer, supply)
        offer.holding_confirmed_at = supply.confirmed_at(offer.account, pools.serials_of(offer.issuance_id))
        before = offers.state_before_freeze(offer.id)
        act(offer, "offer_thawed", actor, now)
        if before is _S.APPROVED or before is _S.PAUSED:
            reason = reasons.BY_SELLER if before is _S.PAUSED else ""
            move(offer, before, now, sources=(_S.FROZEN,), reason=reason)
        else:
            move(offer, _S.LIVE, now, sources=(_S.FROZEN,), reason="")
            offers.keep_in_step(offer.id, now)
