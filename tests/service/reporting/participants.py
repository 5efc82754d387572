"""Two participants in one shop, and orders of every fate, for tests of what each sees of them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, update

from app.accounts.models import Person
from app.checkout.models import OrderLine
from app.db import db, transaction
from app.direct.models import DirectCancellation
from app.direct.states import DirectState
from app.kernel.references import order_reference
from app.offers.models import Offer
from app.offers.states import OfferState
from app.payments.models import Payout
from app.providers.models import Payee, Provider
from app.providers.states import PayeeState
from app.registry.models import Cancellation
from app.registry.ports import RefusalCode, Refused
from app.registry.states import CancellationState
from tests import builders
from tests.builders import NOW
from tests.pages import Visitor
from tests.people import a_participant, a_person, an_organisation, sign_in_as
from tests.service.conftest import Shop

OURS, THEIRS = "/sell/salkhit1", "/sell/stoves22"
HIDDEN, PUBLISHED, RISKY = "Zacharias Hidden", "Olga Published", "Klara Held"
BUYER = "secret-buyer@example.org"
# What must never be on a page of a participant: addresses, hidden names, purposes.
NEVER = (BUYER, HIDDEN, RISKY, "our private flights", "carbon neutral since")


@dataclass(frozen=True)
class Offers:
    """Ids of three offers: two of ours, one of another participant."""

    ours: int
    second: int
    theirs: int


def two_participants(shop: Shop) -> Offers:
    """Salkhit with an owner, a seller and a viewer; Stoves with an owner."""
    offers = Offers(shop.offer(number=1, price=250), shop.offer(number=2, price=119), shop.offer(number=3, price=400))
    with shop.inside():
        ours = an_organisation(
            "salkhit1",
            "Salkhit Wind LLC",
            owner=a_person("owner@salkhit.example"),
            seller=a_person("seller@salkhit.example", locale="fr"),
            viewer=a_person("viewer@salkhit.example"),
        )
        theirs = an_organisation("stoves22", "Stoves Ltd", owner=a_person("owner@stoves.example"))
        a_participant(ours)
        with transaction() as session:
            other = Provider(code="stoves", legal_name="Stoves Ltd", country="MW", organisation_id=theirs)
            session.add(other)
            session.flush()
            session.execute(update(Offer).where(Offer.id == offers.theirs).values(provider_id=other.id))
    return offers


def every_fate(shop: Shop, offers: Offers) -> None:
    """Orders that are cancelled with hidden, published and held-back names, refused, paid, held and expired."""
    common: dict[str, Any] = {"email": BUYER, "country": "FR", "purpose": "our private flights"}
    with shop.inside() as world:
        builders.a_finished_order(
            world, {offers.ours: 7, offers.theirs: 5}, beneficiary=HIDDEN, publish_name=False, **common
        )
        builders.a_finished_order(
            world, {offers.second: 3}, beneficiary=PUBLISHED, publish_name=True, **common | {"purpose": "Heating"}
        )
        builders.a_finished_order(
            world,
            {offers.ours: 1},
            beneficiary=RISKY,
            publish_name=True,
            **common | {"purpose": "carbon neutral since 2020"},
        )
        shop.registry.submits = [Refused(RefusalCode.RULES, "no")]
        builders.a_finished_order(world, {offers.ours: 11, offers.second: 2}, beneficiary=HIDDEN, **common)
        # The refusal froze it.
        builders.change_offer(offers.ours, state=OfferState.LIVE, state_reason="")
        builders.a_paid_order(world, {offers.ours: 13}, beneficiary=PUBLISHED, publish_name=True, **common)
        builders.a_placed_order(
            world.settings, {offers.ours: 17}, beneficiary=PUBLISHED, publish_name=True, now=world.clock.now(), **common
        )


def signed_in(shop: Shop, who: str = "owner@salkhit.example") -> Visitor:
    """A browser of one of the people."""
    with shop.inside():
        return Visitor(sign_in_as(shop.app, a_person(who)))


def provider_id_of(code: str = "seller") -> int:
    """The id of a participant."""
    return int(db.session.scalars(select(Provider.id).where(Provider.code == code)).one())


def rows_of(client: Visitor, address: str) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    answer = client.client.get(address)
    assert (answer.status_code, answer.content_type) == (200, "text/csv; charset=utf-8")
    text = answer.get_data(as_text=True)
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def a_payout(amount: int, *, on: date = date(2026, 11, 22), code: str = "seller", reference: str = "SEPA-0001") -> None:
    """Money that was sent to the current payee, who is made."""
    with transaction() as session:
        payee = Payee(
            provider_id=provider_id_of(code),
            state=PayeeState.CURRENT,
            holder="Salkhit Holding",
            bank="Golomt Bank",
            account="sealed",
            requested_by=a_row_of_person(),
            requested_at=NOW,
        )
        session.add(payee)
        session.flush()
        session.add(
            Payout(
                provider_id=payee.provider_id,
                payee_id=payee.id,
                amount=amount,
                currency="USD",
                reference=reference,
                paid_on=on,
                created_at=NOW,
            )
        )


def a_row_of_person() -> int:
    """Somebody who can be named in a row."""
    return int(db.session.scalars(select(Person.id).order_by(Person.id)).first() or 0)


def a_direct_cancellation(offer_id: int, units: int, *, state: CancellationState = CancellationState.CONFIRMED) -> None:
    """Units that a participant cancelled without a sale, as rows."""
    with transaction() as session:
        offer = session.get_one(Offer, offer_id)
        line = session.scalars(select(OrderLine).where(OrderLine.offer_id == offer_id)).first()
        assert line is not None
        direct = DirectCancellation(
            reference=order_reference(),
            once=f"once-{units}",
            state=DirectState.FULFILLED,
            provider_id=offer.provider_id,
            person_id=a_row_of_person(),
            issuance_id=offer.issuance_id,
            project_id=line.project_id,
            account=offer.account,
            units=units,
            is_for_itself=True,
            locale="en",
            is_demonstration=True,
            consent_version="test",
            consent_text="I do.",
            placed_at=NOW,
        )
        session.add(direct)
        session.flush()
        session.add(
            Cancellation(
                direct_cancellation_id=direct.id,
                issuance_id=offer.issuance_id,
                registry_code="ledger",
                account=offer.account,
                reference=f"D-{units}",
                fingerprint="0" * 64,
                project_reference="IN-1",
                unit_type="CER",
                commitment_period=2,
                units=units,
                state=state,
                next_action_at=NOW,
                completed_at=NOW,
                created_at=NOW,
            )
        )
