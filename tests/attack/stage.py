"""More things in a house, so that pages show forms that only certain states have."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.access import token_hash
from app.accounts.models import Invitation, Organisation, Person, SignIn
from app.accounts.roles import Role
from app.accounts.service import links
from app.accounts.service.links import Purpose
from app.audit.models import Proposal
from app.complaints.models import ComplaintCounter
from app.db import db, transaction
from app.fulfilment.process import collaborators
from app.fulfilment.risk import REFUSE_ORDER
from app.kernel.clock import FixedClock
from app.offers.states import OfferState
from app.payments.models import Refund
from app.providers.models import Application
from app.providers.states import ApplicationState
from tests import builders
from tests.builders import NOW
from tests.house import OURS, House

INVITED = "I" * 27
# Forms that pages have only after a step that nobody has made here, or for things that are not in this house.
OTHER_FORMS: dict[tuple[str, str], dict[str, str]] = {
    ("owner", "account.accept_invitation"): {},
    ("owner", "account.prove"): {"password": "plum tractor seven oceans", "code": "123456", "next": "/en/account"},
    ("owner", "account.prove_with_passkey"): {"passkey-credential": "{}", "passkey-next": "/en/"},
    ("owner", "account.remove_passkey"): {},
    ("owner", "account.remove_second_factor"): {"code": "123456"},
    ("owner", "account.second_factor_with_passkey"): {"passkey-credential": "{}", "passkey-next": "/en/"},
    ("other owner", "applying.begin"): {},
    ("owner", "applying.remove_document"): {},
    ("owner", "applying.submit"): {},
    ("buyer", "checkout.stop_waiting"): {},
    ("operator", "desk.apply_import"): {"kind": "offers", "sha256": "0" * 64, "reason": "As agreed", "file": ""},
    ("operator", "desk.correct_beneficiary"): {
        "name": "Jane", "purpose": "Heating", "intent": "contribution", "country": "FR", "reason": "As asked",
    },
    ("operator", "desk.look_again"): {},
    ("operator", "desk_reconciliation.lift"): {"reason": "All is compared"},
    ("owner", "selling.apply_import"): {"csv": "code,units\n", "seen": "0"},
    ("owner", "selling.new"): {
        "holding": "CDM-100-1 1", "units": "5", "unit_price": "2.50", "opens_on": "2026-12-01", "action": "save",
    },
    ("buyer", "testpay.act"): {"action": "pay"},
    ("buyer", "testpay.act_as_bank"): {"action": "settle-refund re_1"},
}  # fmt: skip


def furnish(house: House) -> list[str]:
    """Put offers in every state, orders on their way and links of mails into a house; gives more addresses."""
    with house.app.app_context():
        world = collaborators(house.app)
        for number, state in enumerate(OfferState, start=20):
            builders.change_offer(builders.an_offer(number=number), state=state)
        unpaid = builders.the_order(builders.a_payable_order(world, {house.things["offer_id"]: 2})).token
        begun = builders.a_begun_order(world, {house.things["offer_id"]: 2})
        waiting = builders.the_order(begun).token
        tokens = _mail_links()
        with transaction() as session:
            _set_right(session, builders.payments_of(begun)[0].id)
            application = session.scalars(select(Application)).first()
            assert application is not None
            application.state = ApplicationState.DRAFT
        db.session.remove()
    # What happens now happens after all that.
    cast(FixedClock, world.clock).advance(timedelta(minutes=1))
    return [
        f"/en/account/join/{tokens[Purpose.JOIN]}",
        f"/en/account/recover/{tokens[Purpose.RECOVER]}",
        f"/en/account/email/{tokens[Purpose.EMAIL]}",
        f"/en/account/invitation/{INVITED}",
        *(f"/en/orders/{token}{page}" for token in (unpaid, waiting) for page in ("", "/withdraw", "/stop-waiting")),
    ]


def _set_right(session: Session, payment_id: int) -> None:
    """What the rows of the house leave out because nobody presses their buttons there."""
    session.add(ComplaintCounter(year=2026, last=1))
    session.execute(update(Proposal).values(kind=REFUSE_ORDER))
    # The money of the order that may choose is to be there still.
    session.execute(update(Refund).values(payment_id=payment_id))


def _mail_links() -> dict[Purpose, str]:
    with transaction() as session:
        owner = session.scalars(select(Person).where(Person.email == "owner@example.org")).one()
        organisation = session.scalars(select(Organisation).where(Organisation.code == OURS)).one()
        session.add(
            Invitation(
                organisation_id=organisation.id, email="ina@example.org", role=Role.VIEWER,
                token_hash=token_hash(INVITED), invited_by=owner.id, created_at=NOW, expires_at=NOW + timedelta(days=7),
            )
        )  # fmt: skip
        session.add(
            SignIn(
                person_id=owner.id, token_hash="another", method="password", user_agent="<Tests>", created_at=NOW,
                last_seen_at=NOW, expires_at=NOW + timedelta(days=30),
            )
        )  # fmt: skip
        made = {
            Purpose.JOIN: links.issue(Purpose.JOIN, "new@example.org", None, NOW),
            Purpose.RECOVER: links.issue(Purpose.RECOVER, owner.email, owner.id, NOW),
            Purpose.EMAIL: links.issue(Purpose.EMAIL, "other@example.org", owner.id, NOW),
        }
        return {purpose: token for purpose, token in made.items() if token}
