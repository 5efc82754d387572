"""Other units and terms for an offer that is there already."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.audit.service import Actor
from app.db import db, transaction
from app.offers import closing, pools
from app.offers import service as offers
from app.offers.models import Offer
from app.offers.pools import Holdings
from app.offers.states import CLOSED, UNSEEN
from app.selling.errors import OfferChangedMeanwhile, OfferMoved, TermsUnfit
from app.selling.service.rows import account_of, act, lock_pool, locked_offer, put, require_currency, require_fit
from app.selling.terms import Terms, fingerprint, problems, terms_of


def change(
    offer_id: int,
    units: int,
    terms: Terms,
    actor: Actor,
    holdings: Holdings,
    now: datetime,
    seen: str = "",
) -> bool:
    """Let an offer have other units (tonnes) and terms from now on; False where nothing differs.

    `seen` is the fingerprint of what the person saw who changes it. Orders that were placed keep their price.
    Raises NoSuchOffer, OfferMoved, OtherCurrency, OfferChangedMeanwhile, TermsUnfit, or MoreThanHeld for more units
    than lie free, and SaleClosed for any more of a mechanism whose sale has closed.
    """
    account = account_of(offer_id)
    supply = pools.read_supply([account], holdings)
    with transaction():
        lock_pool(offer_id)
        offer = locked_offer(offer_id)
        if offer.state in CLOSED:
            raise OfferMoved(state=offer.state)
        require_currency(offer)
        if seen and seen != fingerprint(offer.units_offered, terms_of(offer)):
            raise OfferChangedMeanwhile
        require_fit(problems(units, terms, now))
        require_fit(change_problems(offer, units, terms))
        more = units - pools.promise_of(offer)
        if more > 0:
            closing.require_sale(offer.issuance_id, now)
            pools.require_free(offer.account, offer.issuance_id, units, supply, already=pools.promise_of(offer))
        return put_terms(offer, units, terms, supply, actor, now)


def change_problems(offer: Offer, units: int, terms: Terms) -> list[TermsUnfit]:
    """What cannot be changed of an offer any more: units that are taken, and an opening that is over."""
    found = []
    if offer.state not in UNSEEN and terms.opens_at != offer.opens_at:
        found.append(TermsUnfit(field="opens_at", reason="opened"))
    taken = offer.units_reserved + offer.units_settled
    if units < taken:
        found.append(TermsUnfit(field="units", reason="below_taken", taken=taken))
    return found


def put_terms(offer: Offer, units: int, terms: Terms, supply: pools.Supply, actor: Actor, now: datetime) -> bool:
    """Let a locked offer have other units and terms inside the caller's transaction, which has judged them.

    False where nothing differs.
    """
    if units > pools.promise_of(offer):
        offer.holding_confirmed_at = supply.confirmed_at(offer.account, pools.serials_of(offer.issuance_id))
    after: dict[str, Any] = {
        "units_offered": units,
        "unit_price": terms.unit_price,
        "minimum_units": terms.minimum_units,
        "tiers": terms.kept_tiers,
        "opens_at": terms.opens_at,
        "expires_at": terms.expires_at,
        "texts": terms.kept_texts,
    }
    changed = put(offer, after)
    if not changed:
        return False
    if changed.keys() & {"unit_price", "tiers"}:
        offers.note_new_price(offer, now)
    elif "minimum_units" in changed:
        offer.price_version += 1
    db.session.flush()
    act(offer, "offer_changed", actor, now, changed=changed)
    offers.keep_in_step(offer.id, now)
    return True
