"""From a draft to the shop window: the seller submits, an operator approves or sends back."""

from __future__ import annotations

from datetime import datetime

from app.audit.service import Actor, required_reason
from app.db import transaction
from app.offers import pools
from app.offers.models import Offer
from app.offers.pools import Holdings
from app.offers.states import OfferState
from app.providers.independence import require_outsider_of
from app.registry.accounts import find_account_provider
from app.selling import notices
from app.selling.errors import OtherOwner
from app.selling.service.rows import (
    account_of,
    act,
    lock_pool,
    locked_offer,
    move,
    open_for_sale,
    require_allowed,
    require_currency,
    require_fit,
    require_kept,
    require_state,
    require_undoubted,
)
from app.selling.terms import problems, terms_of

_S = OfferState


def submit(offer_id: int, actor: Actor, holdings: Holdings, now: datetime) -> None:
    """Hand a draft in for a decision; from now on its units are promised, and nobody else can promise them.

    Raises NoSuchOffer, OfferMoved, OtherCurrency, MayNotOffer, OtherOwner, TermsUnfit, or MoreThanHeld saying what
    is free.
    """
    supply = pools.read_supply([account_of(offer_id)], holdings)
    with transaction():
        lock_pool(offer_id)
        require_allowed(offer_id, now)
        offer = locked_offer(offer_id)
        require_state(offer, _S.DRAFT)
        require_currency(offer)
        if find_account_provider(offer.account) != offer.provider_id:
            raise OtherOwner(account=offer.account)
        require_fit(problems(offer.units_offered, terms_of(offer), now))
        pools.require_free(offer.account, offer.issuance_id, offer.units_offered, supply)
        hand_in(offer, supply, actor, now)


def hand_in(offer: Offer, supply: pools.Supply, actor: Actor, now: datetime) -> None:
    """Submit a locked draft inside the caller's transaction, which has judged it."""
    offer.holding_confirmed_at = supply.confirmed_at(offer.account, pools.serials_of(offer.issuance_id))
    act(offer, "offer_submitted", actor, now)
    move(offer, _S.SUBMITTED, now, sources=(_S.DRAFT,), reason="")


def approve(offer_id: int, actor: Actor, holdings: Holdings, now: datetime) -> None:
    """Let an offer be sold: at once, or from its opening on.

    Raises NoSuchOffer, OfferMoved, OwnOrganisation, OtherCurrency, MayNotOffer, TermsUnfit where time or the house's
    rules have overtaken it, MoreThanHeld where the registry holds less by now than is promised, or UnitsDoubted.
    """
    supply = pools.read_supply([account_of(offer_id)], holdings)
    with transaction():
        lock_pool(offer_id)
        require_allowed(offer_id, now)
        offer = locked_offer(offer_id)
        require_state(offer, _S.SUBMITTED)
        require_outsider_of(offer.provider_id, actor.person_id)
        require_currency(offer)
        require_fit(problems(offer.units_offered, terms_of(offer), now))
        require_kept(offer, supply)
        require_undoubted(offer)
        offer.holding_confirmed_at = supply.confirmed_at(offer.account, pools.serials_of(offer.issuance_id))
        act(offer, "offer_approved", actor, now)
        move(offer, _S.APPROVED, now, sources=(_S.SUBMITTED,), reason="")
        if offer.opens_at is None or offer.opens_at <= now:
            open_for_sale(offer, now)
        notices.offers_approved([offer_id], now)


def send_back(offer_id: int, actor: Actor, reason: str, now: datetime) -> None:
    """Give a submitted offer back to its seller with the reason; its units are free again.

    Raises NoSuchOffer, OfferMoved, OwnOrganisation or ReasonMissing.
    """
    kept = required_reason(reason)
    with transaction():
        offer = locked_offer(offer_id)
        require_state(offer, _S.SUBMITTED)
        require_outsider_of(offer.provider_id, actor.person_id)
        act(offer, "offer_sent_back", actor, now, reason=kept)
        move(offer, _S.DRAFT, now, sources=(_S.SUBMITTED,), reason=kept)
        notices.offer_returned(offer_id, kept, now)
