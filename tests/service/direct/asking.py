"""A participant that cancels its own units, made of plain rows. Call inside an application context."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.audit.service import Actor
from app.certificates.models import Certificate
from app.db import db
from app.direct import service
from app.direct.models import DirectCancellation
from app.fulfilment.process import Collaborators
from app.offers.models import Offer
from app.offers.pools import Holdings
from app.registry.models import Cancellation
from tests import people

ACCOUNT = "CDM-100-1"
WISH: dict[str, Any] = {
    "account": ACCOUNT,
    "units": 100,
    "is_for_itself": False,
    "name": "Hanul Electric Co.",
    "purpose": "Obligation of the year 2025",
    "purpose_category": "compliance_scheme",
    "scheme_name": "Korean offset scheme",
    "intent": "compensation",
    "country": "KR",
    "is_name_public": True,
}


def a_member(email: str = "sara@salkhit.example") -> Actor:
    """Somebody who sells for the participant that `an_offer` made; gives them for the trail of acts."""
    person_id = people.a_person(email)
    known = db.session.scalar(select(people.Membership.id).where(people.Membership.person_id == person_id))
    if known is None:
        people.a_participant(people.an_organisation(seller=person_id))
    return people.actor_of(person_id)


def a_wish(offer_id: int, **typed: Any) -> service.Wish:
    """A wish to cancel units of the issuance that an offer is of."""
    issuance_id = db.session.get_one(Offer, offer_id).issuance_id
    return service.Wish(**WISH | {"issuance_id": issuance_id} | typed)


def placed(
    world: Collaborators, offer_id: int, *, once: str = "once", holdings: Holdings | None = None, **typed: Any
) -> int:
    """A direct cancellation that was asked for and nothing more; gives its id."""
    actor, wish = a_member(), a_wish(offer_id, **typed)
    provider_id = db.session.get_one(Offer, offer_id).provider_id
    return service.place(
        provider_id,
        wish,
        once=once,
        consent_version="test",
        consent_text="It cannot be undone.",
        locale="en",
        is_demonstration=world.settings.is_demonstration,
        actor=actor,
        holdings=holdings or world.registries.holdings,
        now=world.clock.now(),
    )


def the_direct(direct_id: int) -> DirectCancellation:
    """The direct cancellation as the database has it now."""
    db.session.expire_all()
    return db.session.get_one(DirectCancellation, direct_id)


def cancellation_of(direct_id: int) -> Cancellation | None:
    """Its cancellation, once it is planned."""
    db.session.expire_all()
    return db.session.scalar(select(Cancellation).where(Cancellation.direct_cancellation_id == direct_id))


def certificate_of(direct_id: int) -> Certificate | None:
    """Its certificate, once there is one."""
    db.session.expire_all()
    return db.session.scalar(select(Certificate).where(Certificate.direct_cancellation_id == direct_id))
