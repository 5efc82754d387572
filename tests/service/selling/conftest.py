"""A participant with people, an account that holds units, authority for its project, and one offer on sale."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import select

from app.catalog.models import Project
from app.db import db, transaction
from app.notifications.models import Mail
from app.offers.models import Offer
from app.offers.states import OfferState
from app.providers.models import Evidence, ProjectAuthority
from app.providers.states import AuthorityState
from tests.builders import NOW
from tests.pages import Visitor
from tests.people import a_participant, a_person, an_operator, an_organisation, sign_in_as
from tests.service.conftest import Shop

HELD = 5_000
ON_SALE = 1_000


@dataclass
class House:
    """The shop with the participant `salkhit1`, whose offer `offer-1` sells 1,000 of the 5,000 units it holds."""

    shop: Shop
    organisation_id: int
    provider_id: int
    offer_id: int

    room = "/en/sell/salkhit1/offers"

    def browser(self, role: str = "seller") -> Visitor:
        """Somebody of the participant, signed in."""
        with self.shop.inside():
            return Visitor(sign_in_as(self.shop.app, a_person(f"{role}@salkhit.example")))

    def stranger(self) -> Visitor:
        """A seller of another participant, signed in."""
        with self.shop.inside():
            person = a_person("seller@other.example")
            an_organisation("others12", "Others Ltd", owner=person)
            return Visitor(sign_in_as(self.shop.app, person))

    def operator(self) -> Visitor:
        """An operator at the desk."""
        with self.shop.inside():
            return Visitor(sign_in_as(self.shop.app, an_operator()))

    @property
    def new_address(self) -> str:
        """Where units of the holding are offered."""
        with self.shop.inside():
            issuance_id = db.session.get_one(Offer, self.offer_id).issuance_id
        return f"{self.room}/new?account=CDM-100-1&issuance={issuance_id}"

    def offer(self, code: str = "offer-1") -> Offer:
        """An offer as the database has it now."""
        with self.shop.inside():
            db.session.expire_all()
            offer = db.session.scalars(select(Offer).where(Offer.code == code)).one()
            db.session.expunge(offer)
            return offer

    def state(self, code: str = "offer-1") -> OfferState:
        """Where an offer stands now."""
        return self.offer(code).state

    def drawn_up(self, *, submit: bool = True, **typed: str) -> str:
        """Draw an offer up through its form; gives its code."""
        seller = self.browser()
        page = seller.get(self.new_address)
        fields = {"units": "500", "unit_price": "2.50"} | typed
        button = "Save and submit" if submit else "Save as a draft"
        answer = seller.send(page, self.new_address, button=button, fields=fields)
        return answer.headers["Location"].rpartition("/")[2]

    def on_sale(self, **typed: str) -> str:
        """Draw an offer up and let the operator approve it; gives its code."""
        code = self.drawn_up(**typed)
        desk = self.operator()
        desk.send(desk.get(f"/en/desk/offers/{code}"), "/approve")
        return code

    def mails(self, kind: str) -> list[tuple[str, str]]:
        """Who got a mail of a kind, in which language."""
        with self.shop.inside():
            rows = db.session.scalars(select(Mail).where(Mail.kind == kind).order_by(Mail.id))
            return [(mail.recipient, mail.locale) for mail in rows]


@pytest.fixture
def house(shop: Shop) -> House:
    """The participant, with an owner who reads French, a seller and a viewer."""
    offer_id = shop.offer(number=1, units=ON_SALE, held=HELD, price=250)
    with shop.inside():
        people = {
            "owner": a_person("owner@salkhit.example", locale="fr"),
            "seller": a_person("seller@salkhit.example"),
            "viewer": a_person("viewer@salkhit.example"),
        }
        organisation_id = an_organisation(**people)
        provider_id = a_participant(organisation_id)
        claim_project(organisation_id, "IN-1", people["owner"])
    return House(shop, organisation_id, provider_id, offer_id)


def claim_project(
    organisation_id: int, reference: str, person_id: int, state: AuthorityState = AuthorityState.APPROVED
) -> None:
    """Let an organisation have authority for a project, or a claim to it that stands elsewhere."""
    with transaction() as session:
        evidence = Evidence(
            organisation_id=organisation_id,
            kind="authority",
            file_name="letter.pdf",
            media_type="application/pdf",
            size=1,
            sha256="0" * 64,
            content=b"sealed",
            uploaded_by=person_id,
            uploaded_at=NOW,
        )
        session.add(evidence)
        session.flush()
        project_id = session.scalars(select(Project.id).where(Project.reference == reference)).one()
        session.add(
            ProjectAuthority(
                organisation_id=organisation_id,
                project_id=project_id,
                evidence_id=evidence.id,
                state=state,
                claimed_at=NOW,
            )
        )
