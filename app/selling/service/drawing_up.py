"""A new offer: a draft, which promises nothing until it is submitted."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import select

from app.audit.service import Actor
from app.catalog.models import Issuance, Project
from app.current import settings
from app.db import db, one_at_a_time, record, transaction
from app.offers import closing
from app.offers.models import Offer
from app.offers.states import OFFER, OfferState
from app.providers.models import Provider
from app.providers.queries import may_offer
from app.registry.accounts import find_account_provider
from app.selling.errors import CodeUnfit, MayNotOffer, OtherOwner, UnknownIssuance
from app.selling.service.rows import act, known_offer, lock_provider, require_currency, require_fit
from app.selling.terms import Terms, problems

_CODE = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)*")
_LONGEST_CODE = 60


def draw_up(
    provider_id: int,
    issuance_id: int,
    account: str,
    units: int,
    terms: Terms,
    actor: Actor,
    now: datetime,
    code: str = "",
) -> int:
    """Draw up an offer of `units` (tonnes), which promises nothing until it is submitted; gives its id.

    `code` is its name in files; without one it gets the next of its project. Raises UnknownIssuance,
    MayNotOffer, OtherOwner, SaleClosed, TermsUnfit or CodeUnfit.
    """
    with transaction():
        provider = lock_provider(provider_id)
        issuance = db.session.get(Issuance, issuance_id)
        if issuance is None:
            raise UnknownIssuance(issuance_id=issuance_id)
        if not may_offer(provider, issuance.project_id):
            raise MayNotOffer(provider_id=provider_id)
        if find_account_provider(account) != provider_id:
            raise OtherOwner(account=account)
        closing.require_sale(issuance_id, now)
        require_fit(problems(units, terms, now))
        return int(add_draft(provider, issuance, account, units, terms, actor, now, code).id)


def add_draft(
    provider: Provider,
    issuance: Issuance,
    account: str,
    units: int,
    terms: Terms,
    actor: Actor,
    now: datetime,
    code: str,
) -> Offer:
    """Add a draft inside the caller's transaction, which has judged everything but the code. Raises CodeUnfit."""
    offer = Offer(
        code=_new_code(code, issuance),
        provider_id=provider.id,
        issuance_id=issuance.id,
        account=account,
        unit_price=terms.unit_price,
        currency=settings().currency,
        units_offered=units,
        minimum_units=terms.minimum_units,
        tiers=terms.kept_tiers,
        opens_at=terms.opens_at,
        expires_at=terms.expires_at,
        texts=terms.kept_texts,
    )
    _add(offer, "offer_drawn_up", actor, now)
    return offer


def copy(offer_id: int, actor: Actor, now: datetime) -> int:
    """Draw up a new offer at the terms of another, without dates that are over; gives the new one's id.

    Raises NoSuchOffer, OtherCurrency, MayNotOffer or SaleClosed.
    """
    with transaction():
        known = known_offer(offer_id)
        require_currency(known)
        issuance = db.session.get_one(Issuance, known.issuance_id)
        if not may_offer(lock_provider(known.provider_id), issuance.project_id):
            raise MayNotOffer(provider_id=known.provider_id)
        closing.require_sale(known.issuance_id, now)
        offer = Offer(
            code=_new_code("", issuance),
            provider_id=known.provider_id,
            issuance_id=known.issuance_id,
            account=known.account,
            unit_price=known.unit_price,
            currency=known.currency,
            units_offered=known.units_offered,
            minimum_units=known.minimum_units,
            tiers=[list(tier) for tier in known.tiers],
            opens_at=known.opens_at if known.opens_at is not None and known.opens_at > now else None,
            expires_at=known.expires_at if known.expires_at is not None and known.expires_at > now else None,
            texts=dict(known.texts),
        )
        return _add(offer, "offer_copied", actor, now, of=known.code)


def _add(offer: Offer, what: str, actor: Actor, now: datetime, **facts: Any) -> int:
    offer.state, offer.created_by, offer.created_at = OfferState.DRAFT, actor.person_id, now
    db.session.add(offer)
    db.session.flush()
    record(OFFER.machine, offer.id, None, OfferState.DRAFT, at=now)
    act(offer, what, actor, now, **facts)
    return int(offer.id)


def _new_code(code: str, issuance: Issuance) -> str:
    # Whoever names another offer waits, so that no two get one name.
    one_at_a_time("offer code")
    if code:
        if len(code) > _LONGEST_CODE or not _CODE.fullmatch(code):
            raise CodeUnfit(offer_code=code, reason="form")
        if _code_is_taken(code):
            raise CodeUnfit(offer_code=code, reason="taken")
        return code
    reference = db.session.get_one(Project, issuance.project_id).reference
    stem = "-".join(re.findall(r"[A-Z0-9]+", reference.upper()))
    beginning = select(Offer.id).where(Offer.code.startswith(f"{stem}-", autoescape=True))
    numbers = count(len(db.session.scalars(beginning).all()) + 1)
    return next(name for number in numbers if not _code_is_taken(name := f"{stem}-{number}"))


def _code_is_taken(code: str) -> bool:
    return db.session.scalar(select(Offer.id).where(Offer.code == code)) is not None
