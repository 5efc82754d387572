"""An offer's row: locked, judged, changed and moved inside the transaction of a use case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from app.audit.service import Actor, Subject, note_act
from app.catalog.models import Issuance
from app.current import settings
from app.db import KEEPING_KEYS, advance, db
from app.offers import closing, pools, reasons
from app.offers import service as offers
from app.offers.models import Offer, PriceChange
from app.offers.search_index import note_seller
from app.offers.states import OFFER, PRICE_CHANGE, OfferState, PriceChangeState
from app.providers.models import Provider
from app.providers.queries import may_offer
from app.selling.errors import MayNotOffer, NoSuchOffer, OfferMoved, OtherCurrency, TermsUnfit, UnitsDoubted

SWEEPER = Actor(None, "sweeper")
FREEZABLE = (OfferState.APPROVED, OfferState.LIVE, OfferState.PAUSED, OfferState.SOLD_OUT)


def known_offer(offer_id: int) -> Offer:
    """An offer that nobody has locked. Raises NoSuchOffer."""
    offer = db.session.get(Offer, offer_id)
    if offer is None:
        raise NoSuchOffer
    return offer


def account_of(offer_id: int) -> str:
    """The registry account that an offer draws on. Raises NoSuchOffer."""
    return known_offer(offer_id).account


def lock_provider(provider_id: int) -> Provider:
    """A participant, whose approval cannot be taken away before the caller's transaction ends."""
    return db.session.get_one(Provider, provider_id, with_for_update={"read": True}, populate_existing=True)


def lock_pool(offer_id: int) -> None:
    """Keep everybody else from promising more of the pool that an offer draws on. Raises NoSuchOffer."""
    # What an offer is of never changes, so this may be read before anything is locked.
    offer = known_offer(offer_id)
    pools.lock([(offer.account, offer.issuance_id)])


def locked_offer(offer_id: int) -> Offer:
    """An offer as it is now, which nobody else changes before the caller's transaction ends."""
    offer = db.session.get(Offer, offer_id, with_for_update=KEEPING_KEYS, populate_existing=True)
    if offer is None:
        raise NoSuchOffer
    return offer


def locked_offers(provider_id: int, states: Sequence[OfferState], *which: ColumnElement[bool]) -> Sequence[Offer]:
    """The offers of a participant in some states, locked in the order of their ids."""
    return db.session.scalars(
        select(Offer)
        .where(Offer.provider_id == provider_id, Offer.state.in_(states), *which)
        .order_by(Offer.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def require_allowed(offer_id: int, now: datetime) -> None:
    """Refuse what only an approved participant with authority for the project may do, and nobody after the sale."""
    offer = known_offer(offer_id)
    closing.require_sale(offer.issuance_id, now)
    issuance = db.session.get_one(Issuance, offer.issuance_id)
    if not may_offer(lock_provider(offer.provider_id), issuance.project_id):
        raise MayNotOffer(provider_id=offer.provider_id)


def require_state(offer: Offer, *states: OfferState) -> None:
    """Refuse, with OfferMoved, what cannot be done to an offer where it stands."""
    if offer.state not in states:
        raise OfferMoved(state=offer.state)


def require_currency(offer: Offer) -> None:
    """Refuse, with OtherCurrency, to go on with an offer in a currency that the house has given up.

    A price in the new one would be written down as one in the old, and would be sold to nobody.
    """
    if offer.currency != settings().currency:
        raise OtherCurrency(currency=offer.currency)


def require_fit(found: Iterable[TermsUnfit]) -> None:
    """Raise the first of the problems, if there is one."""
    for problem in found:
        raise problem


def require_time_left(offer: Offer, now: datetime) -> None:
    """Refuse, with TermsUnfit, an offer whose expiry is over."""
    if offer.expires_at is not None and offer.expires_at <= now:
        raise TermsUnfit(field="expires_at", reason="past")


def require_kept(offer: Offer, supply: pools.Supply) -> None:
    """Refuse what lets an offer sell while its pool promises more than the registry holds."""
    promise = pools.promise_of(offer)
    pools.require_free(offer.account, offer.issuance_id, promise, supply, already=promise)


def require_undoubted(offer: Offer) -> None:
    """Refuse, with UnitsDoubted, to sell units of which other offers are frozen for what a registry says of them.

    The row is locked: whoever freezes all offers of these units comes before this, or freezes this one as well.
    """
    frozen = select(Offer.code).where(
        Offer.account == offer.account,
        Offer.issuance_id == offer.issuance_id,
        Offer.state == OfferState.FROZEN,
        Offer.state_reason == reasons.BOOKS_DIFFER,
    )
    code = db.session.scalar(frozen.order_by(Offer.id).limit(1))
    if code is not None:
        raise UnitsDoubted(offer_code=code)


def put(offer: Offer, after: dict[str, Any]) -> dict[str, Any]:
    """Set what differs; gives it with what was there before, as a trail can keep it."""
    changed = {}
    for name, value in after.items():
        before = getattr(offer, name)
        if before != value:
            setattr(offer, name, value)
            changed[name] = [_plain(before), _plain(value)]
    return changed


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def open_for_sale(offer: Offer, now: datetime) -> None:
    """Put an approved offer into the shop window for the first time."""
    move(offer, OfferState.LIVE, now, sources=(OfferState.APPROVED,), reason="")
    # Only what opens becomes public, and an offer opens once.
    offers.note_price(offer, now)
    note_seller(offer)
    offers.keep_in_step(offer.id, now)


def move(offer: Offer, to: OfferState, now: datetime, *, sources: tuple[OfferState, ...], reason: str) -> None:
    """Move an offer whose row the caller has locked. Raises OfferMoved where it stands elsewhere after all."""
    db.session.flush()
    facts = {"reason": reason} if reason else None
    if not advance(Offer, offer.id, OFFER, to, at=now, sources=sources, facts=facts, state_reason=reason):
        raise OfferMoved(state=offer.state)


def drop_plans(offer_id: int, now: datetime) -> None:
    """Take back every price that an offer was to have later."""
    planned = select(PriceChange.id).where(
        PriceChange.offer_id == offer_id, PriceChange.state == PriceChangeState.PLANNED
    )
    for change_id in db.session.scalars(planned).all():
        advance(PriceChange, change_id, PRICE_CHANGE, PriceChangeState.WITHDRAWN, at=now)


def act(offer: Offer, what: str, actor: Actor, now: datetime, *, reason: str = "", **facts: Any) -> None:
    """Note in the trail what somebody did with an offer."""
    note_act(actor, what, Subject("offer", offer.id, offer.code), at=now, reason=reason, facts=facts)
