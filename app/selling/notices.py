"""The mails to a participant about its offers, written in the transaction of their cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from app.accounts.models import Membership, Organisation, Person
from app.accounts.roles import Role
from app.audit.rules import LOW_STOCK, rule
from app.catalog.models import Issuance, Project
from app.current import settings
from app.db import db, write
from app.notifications.messages.sellers import (
    LowStock,
    NamedOffer,
    OfferReturned,
    OffersApproved,
    OffersEnded,
    OffersFrozen,
    SellerFacts,
)
from app.notifications.service import queue_mail
from app.offers.models import Offer
from app.offers.states import OfferState
from app.providers.models import Provider

# Who may act on an offer hears of it.
TOLD = (Role.OWNER, Role.SELLER)


# Said once: every order that ends asks for them.
_SCARCE = (
    select(Offer.id, Offer.units_offered)
    .where(
        Offer.id.in_(bindparam("offer_ids", expanding=True)),
        Offer.units_offered - Offer.units_reserved - Offer.units_settled < bindparam("few"),
    )
    .order_by(Offer.id)
)


@dataclass(frozen=True)
class _Owned:
    """Offers of one participant, named for a mail, with the newest id for the mail's key."""

    organisation: Organisation
    is_demonstration: bool
    key: str
    offers: tuple[NamedOffer, ...]


def offers_approved(offer_ids: Sequence[int], now: datetime) -> None:
    """An operator approved these offers: one mail to each seller of each participant. `now` is aware."""
    for owned in _owned(offer_ids):
        _tell(owned, f"offers_approved:{owned.key}:{_stamp(now)}", OffersApproved, now)


def offer_returned(offer_id: int, reason: str, now: datetime) -> None:
    """An operator sent an offer back as a draft. `reason` is in the operator's words, `now` aware."""
    for owned in _owned([offer_id]):
        _tell(
            owned,
            f"offer_returned:{owned.key}:{_stamp(now)}",
            lambda offers, **who: OfferReturned(offer=offers[0], reason=reason, **who),
            now,
        )


def offers_frozen(offer_ids: Sequence[int], reason: str, now: datetime) -> None:
    """The house took these offers off sale. `reason` is a code of the house or somebody's words; `now` is aware."""
    for owned in _owned(offer_ids):
        _tell(
            owned,
            f"offers_frozen:{owned.key}:{_stamp(now)}",
            lambda **who: OffersFrozen(reason=reason, **who),
            now,
        )


def offers_ended(offer_ids: Sequence[int], now: datetime) -> None:
    """The sale of these offers' mechanism is over: one mail to each seller of each participant. `now` is aware."""
    for owned in _owned(offer_ids):
        _tell(owned, f"offers_ended:{owned.key}:{_stamp(now)}", OffersEnded, now)


def low_stock(offer_ids: Iterable[int], now: datetime) -> None:
    """Units of these offers were just sold or held: tell their sellers of each that has few left.

    Once for each quantity that was ever offered, so that an offer which got more units is told of
    again. Offers that have plenty left are passed over. `now` is aware.
    """
    few = rule(LOW_STOCK)
    for scarce in write(_SCARCE, {"offer_ids": list(offer_ids), "few": few}).all():
        for owned in _owned([scarce.id]):
            _tell(
                owned,
                f"low_stock:{scarce.id}:{scarce.units_offered}",
                lambda offers, **who: LowStock(offer=offers[0], **who),
                now,
            )


def _owned(offer_ids: Sequence[int]) -> list[_Owned]:
    """The offers by participant; those of participants without people are nobody's mail."""
    rows = db.session.execute(
        select(Offer, Project, Issuance.unit_type, Organisation, Provider.is_demonstration)
        .join(Issuance, Issuance.id == Offer.issuance_id)
        .join(Project, Project.id == Issuance.project_id)
        .join(Provider, Provider.id == Offer.provider_id)
        .join(Organisation, Organisation.id == Provider.organisation_id)
        .where(Offer.id.in_(offer_ids))
        .order_by(Organisation.id, Offer.id)
        .execution_options(populate_existing=True)
    ).all()
    found: dict[int, _Owned] = {}
    for offer, project, unit_type, organisation, is_demonstration in rows:
        named = NamedOffer(
            code=offer.code,
            project_reference=project.reference,
            project_title=project.title,
            unit_type=unit_type,
            unit_price=offer.price,
            units_left=offer.units_left,
            opens_at=offer.opens_at if offer.state is OfferState.APPROVED else None,
        )
        known = found.get(organisation.id)
        found[organisation.id] = _Owned(
            organisation, is_demonstration, str(offer.id), (*known.offers, named) if known else (named,)
        )
    return list(found.values())


def _tell(owned: _Owned, key: str, facts: Callable[..., SellerFacts], now: datetime) -> None:
    people = db.session.scalars(
        select(Person)
        .join(Membership, Membership.person_id == Person.id)
        .where(
            Membership.organisation_id == owned.organisation.id,
            Membership.role.in_(TOLD),
            Person.verified_at.is_not(None),
            Person.suspended_at.is_(None),
        )
        .order_by(Person.id)
    ).all()
    base = settings().public_base_url
    for person in people:
        queue_mail(
            key=f"{key}:{person.id}",
            recipient=person.email,
            locale=person.locale,
            facts=facts(
                reference=owned.organisation.name,
                is_demonstration=owned.is_demonstration or settings().is_demonstration,
                offers_url=f"{base}/{person.locale}/sell/{owned.organisation.code}/offers",
                offers=owned.offers,
            ),
            order_id=None,
            now=now,
        )


def _stamp(now: datetime) -> int:
    return int(now.timestamp() * 1_000)
