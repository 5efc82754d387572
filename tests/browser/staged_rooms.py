"""People at work in the rooms behind a sign-in: a participant, two applicants and two operators, with all they see.

Everything is done through the services that the pages use, so that the trail of acts has something to
show; only what has no other way in a test is a plain row.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from flask import Flask
from sqlalchemy import select, update

from app.accounts.access import SESSION_KEY, token_hash
from app.accounts.adapters import totp
from app.accounts.models import Invitation, Passkey, Person, RecoveryCode
from app.accounts.roles import Role
from app.accounts.service import links
from app.accounts.service.links import Purpose
from app.audit import service as audit
from app.audit.models import Proposal
from app.audit.service import Actor, Subject
from app.catalog.models import Project
from app.checkout.models import Order
from app.claims.models import WordingReview
from app.db import db, transaction
from app.direct import service as direct
from app.direct.models import DirectCancellation
from app.direct.service import Wish
from app.fulfilment import risk
from app.fulfilment.process import run_due
from app.kernel.references import certificate_slug, unguessable_token
from app.kernel.sealing import SealFor, seal_text
from app.offers.models import Offer
from app.offers.states import OfferState
from app.payments.models import Payout, Refund
from app.payments.states import RefundState
from app.providers.models import Payee, ProjectAuthority, Provider
from app.providers.parts import Part
from app.providers.service import applying, deciding
from app.providers.service import selling as sellers
from app.providers.states import AuthorityState, PayeeState
from app.providers.uploads import Upload
from app.registry.ports import RefusalCode, Refused
from app.registry.states import CancellationState
from app.screening.models import ScreeningMatch
from app.selling import service as selling
from app.selling.terms import Terms
from tests.builders import NOW, cancellations_of, change_offer, refunds_of, the_offer, the_order
from tests.people import a_person, actor_of, an_operator, an_organisation, sign_in_as
from tests.service.providers.applying import COMPANY, PDF, a_submitted
from tests.service.screening import listing
from tests.service.selling.conftest import claim_project

if TYPE_CHECKING:
    from tests.browser.staged import Stage

# A participant of the demonstration, and projects of its offers that no other page on stage needs.
SELLER, ACCOUNT, HOUSE = "demo-seller-2", "CDM-100-2", "ganges12"
PROJECTS = ("IN-1", "IN-264", "IN-1300", "IN-1667", "IN-2342", "IN-2470", "IN-8288", "IN-8855", "LK-3531")
APPLICANT, BEGINNER = "salkhit1", "stoves22"
LISTED = "Mustafa Rahim Darvani"  # made up, on a list that is made up
WORDS = {
    "en": "Our turbines stand on a dry hill above the village.\n\nThe school has light in the evening since 2011.",
    "fr": "Nos éoliennes se dressent sur une colline aride au-dessus du village.",
    "es": "Nuestras turbinas están en una colina seca sobre el pueblo.",
}


def signed_in_cookies(app: Flask, person_id: int, *, strong: bool = True) -> tuple[str, str]:
    """Name and value of the cookie of a browser that is signed in as somebody."""
    # As of now, so that pages for whoever showed everything a moment ago are open.
    client = sign_in_as(app, person_id, strong=strong, at=app.extensions["tonne.clock"].now())
    with client.session_transaction() as session:
        held = {SESSION_KEY: session[SESSION_KEY]}
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]  # Flask's own has it
    return str(app.config["SESSION_COOKIE_NAME"]), str(serializer.dumps(held))


def set_rooms(stage: Stage) -> None:
    """Everything that may be carried out while the rest is put on stage."""
    stage.people = People(stage)
    stage.people.set_all()


def set_waiting_rooms(stage: Stage) -> None:
    """What would be carried out if it were there before: units that wait, and a question without an answer."""
    people = stage.people
    assert people is not None
    stage.paths["direct waiting"] = _reference_of(people.ask_for("waiting", 25, name="Ada Lovelace"))
    order_id = db.session.scalars(
        select(Order.id).where(Order.token == stage.paths["order at registry"].rpartition("/")[2])
    ).one()
    stage.paths["desk order at registry"] = the_order(order_id).reference
    lost = next(one for one in cancellations_of(order_id) if one.state is CancellationState.UNKNOWN)
    stage.paths["desk cancellation"] = lost.reference
    unpaid = db.session.scalars(
        select(Order.reference).where(Order.token == stage.paths["order paid"].rpartition("/")[2])
    ).one()
    stage.paths["desk order paid"] = unpaid


def _reference_of(direct_id: int) -> str:
    return db.session.get_one(DirectCancellation, direct_id).reference


class People:
    """Who plays, and what each of them did."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.world = stage.world
        self.now = stage.clock.now()
        self.eva, self.ole = (actor_of(an_operator(f"{name}@tonne.example")) for name in ("eva", "ole"))
        self.sam = actor_of(a_person("sam@ganges.example", name="Sam Ghosh"))
        self.provider_id = 0

    def set_all(self) -> None:
        """In this order: an order of somebody on a list is only held when there is a list."""
        listing.take()
        self._set_participant()
        self._set_offers()
        self._set_orders()
        self._set_direct()
        self._set_payments()
        self._set_applications()
        self._set_accounts()
        self._set_links()
        self._set_desk()

    # --- the participant ----------------------------------------------------------------------------

    def _set_participant(self) -> None:
        viewer = a_person("asha@ganges.example", name="Asha Rao", locale="fr")
        organisation_id = an_organisation(
            HOUSE, "Ganges Wind and Water Private Limited", owner=self._id(self.sam), viewer=viewer
        )
        with transaction() as session:
            provider = session.scalars(select(Provider).where(Provider.code == SELLER)).one()
            provider.organisation_id, provider.approved_at = organisation_id, NOW - timedelta(days=40)
            self.provider_id = provider.id
        for reference in PROJECTS:
            claim_project(organisation_id, reference, self._id(self.sam))
        sellers.change_card(organisation_id, "https://ganges.example", WORDS, lambda _text: "", self.sam, self.now)
        with transaction() as session:
            for email, role in (("new@ganges.example", Role.SELLER), ("accounts@ganges.example", Role.VIEWER)):
                session.add(self._invitation(organisation_id, email, role, unguessable_token()))
        self.organisation_id = organisation_id
        self.stage.paths["asha"] = str(viewer)

    def _set_offers(self) -> None:
        now, holdings = self.now, self.world.registries.holdings
        rich = self._offer("IN-1667-3")
        change_offer(
            rich, minimum_units=10, tiers=[[100, 340], [500, 320]], texts=WORDS, expires_at=NOW + timedelta(days=90)
        )
        selling.plan_price(rich, 375, [[100, 350]], NOW + timedelta(days=7), self.sam, now)
        self.stage.paths["offer live"] = "IN-1667-3"
        # Units that are promised already cannot be offered twice: these offers leave some free.
        for code in ("IN-1300-1", "IN-2470-1"):
            change_offer(self._offer(code), units_offered=1_000)
        self.stage.paths["offer draft"] = self._drawn_up("IN-2470-1", texts={"en": WORDS["en"]})
        self.stage.paths["offer submitted"] = self._drawn_up("IN-1300-1", tiers=((50, 170),))
        selling.submit(self._offer(self.stage.paths["offer submitted"]), self.sam, holdings, now)
        back = self._drawn_up("IN-1300-1")
        selling.submit(self._offer(back), self.sam, holdings, now)
        selling.send_back(self._offer(back), self.eva, "The text names another project: say what this one does.", now)
        self.stage.paths["offer sent back"] = back
        selling.pause(self._offer("IN-2342-1"), self.sam, now)
        selling.freeze(self._offer("IN-2342-2"), self.eva, "We look into a complaint.", now)
        selling.withdraw(self._offer("IN-2342-3"), self.sam, now)
        change_offer(self._offer("IN-2470-3"), state=OfferState.EXPIRED)
        change_offer(self._offer("IN-8855-1"), state=OfferState.SOLD_OUT)
        for name, code in (
            ("paused", "IN-2342-1"), ("frozen", "IN-2342-2"), ("withdrawn", "IN-2342-3"), ("expired", "IN-2470-3")
        ):  # fmt: skip
            self.stage.paths[f"offer {name}"] = code

    def _drawn_up(self, beside: str, **terms: Any) -> str:
        known = the_offer(self._offer(beside))
        offer_id = selling.draw_up(
            self.provider_id, known.issuance_id, ACCOUNT, 200, Terms(unit_price=182, **terms), self.sam, self.now
        )
        return the_offer(offer_id).code

    def _set_orders(self) -> None:
        for wanted, details in (
            ({"IN-8855": 7, "IN-1667": 20}, {"beneficiary": "Olga Wind & Söhne", "publish_name": True}),
            ({"LK-3531": 2}, {"beneficiary": "Amélie Nguyễn", "locale": "fr"}),
            # Held back from public pages until somebody has looked at it.
            ({"IN-8855": 3}, {"beneficiary": "ACME", "purpose": "Carbon neutral since 2020", "publish_name": True}),
        ):
            order_id = self.stage.order(wanted, **details)  # type: ignore[arg-type]  # details are of many types
            self.stage.pay(order_id)
        run_due(self.world)
        self.stage.paths["desk order"] = the_order(order_id).reference
        self.stage.paths["desk wording"] = str(
            db.session.scalars(select(WordingReview.id).order_by(WordingReview.id.desc()).limit(1)).one()
        )

        self.stage.registry.submits[:] = [Refused(RefusalCode.RULES, "no")]
        order_id = self.stage.order({"IN-8288": 2})
        self.stage.pay(order_id)
        run_due(self.world)
        self.stage.take_money(order_id)
        refund = refunds_of(order_id)[0]
        with transaction() as session:
            session.execute(update(Refund).where(Refund.id == refund.id).values(state=RefundState.FAILED))
        self.stage.paths["desk refund failed"] = str(refund.id)
        self.stage.paths["desk order refused"] = the_order(order_id).reference

        listed = self.stage.order({"LK-3531": 1}, beneficiary=LISTED)
        self.stage.pay(listed)
        held = self.stage.order({"LK-3531": 3}, purpose="Our fleet")
        risk.hold(held, self.eva, "A stranger called about it.", self.now)
        self.stage.pay(held)
        run_due(self.world)
        for name, order_id in (("listed", listed), ("held", held)):
            self.stage.show(f"order {name}", order_id, "risk_hold")
            self.stage.paths[f"desk order {name}"] = the_order(order_id).reference
        risk.propose_refusal(held, self.ole, reason="The buyer says that the card was stolen.", now=self.now)
        self.stage.paths["desk proposal of another"] = self._last_id(Proposal)

    def _set_direct(self) -> None:
        done = self.ask_for("done", 40, name="Hanul Electric Co.")
        run_due(self.world)
        held = self.ask_for("held", 15, name=LISTED)
        run_due(self.world)
        for name, direct_id in (("fulfilled", done), ("held", held)):
            self.stage.paths[f"direct {name}"] = _reference_of(direct_id)

    def ask_for(self, once: str, units: int, *, name: str) -> int:
        """Ask for units to be cancelled for somebody; gives the direct cancellation's id."""
        wish = Wish(
            account=ACCOUNT, issuance_id=the_offer(self._offer("IN-1300-1")).issuance_id, units=units,
            is_for_itself=False, name=name, purpose="Obligation of the year 2025",
            purpose_category="compliance_scheme", scheme_name="Korean offset scheme", intent="compensation",
            country="KR", is_name_public=True,
        )  # fmt: skip
        return direct.place(
            self.provider_id, wish, once=once, consent_version="test", consent_text="It cannot be undone.",
            locale="en", is_demonstration=True, actor=self.sam, holdings=self.world.registries.holdings, now=self.now,
        )  # fmt: skip

    def _set_payments(self) -> None:
        with transaction() as session:
            payee = Payee(
                provider_id=self.provider_id,
                state=PayeeState.CURRENT,
                holder="Ganges Wind and Water Private Limited",
                bank="State Bank of Tests",
                account=seal_text("CH9300762011623852957", self.world.settings.keyring, SealFor.ACCOUNT_NUMBER),
                requested_by=self._id(self.sam),
                requested_at=NOW - timedelta(days=30),
            )
            session.add(payee)
            session.flush()
            session.add(
                Payout(
                    provider_id=self.provider_id, payee_id=payee.id, amount=1_250, currency="USD",
                    reference="SEPA-0001", paid_on=date(2026, 11, 20), created_at=NOW,
                )
            )  # fmt: skip
        sellers.request_payee(
            self.organisation_id, "Ganges Treasury", "Bank of Tests", "DE89370400440532013000", self.sam,
            self.world.settings, self.now,
        )  # fmt: skip
        self.stage.paths["desk payee"] = self._last_id(Payee)

    # --- applicants -----------------------------------------------------------------------------------

    def _set_applications(self) -> None:
        ana = actor_of(a_person("ana@salkhit.example", name="Ana Silva"))
        applicant = an_organisation(APPLICANT, "Salkhit Wind LLC", owner=self._id(ana))
        project_id = db.session.scalars(select(Project.id).where(Project.reference == "MN-295")).first()
        if project_id is None:
            project_id = db.session.scalars(select(Project.id).where(Project.reference == "KR-222")).one()
        application_id = a_submitted(ana, project_id, applicant)
        self.stage.paths["desk application"] = str(application_id)
        deciding.propose_approval(application_id, "salkhit", self.eva, reason="All papers fit.", now=self.now)
        self.stage.paths["desk proposal of mine"] = self._last_id(Proposal)

        bea = actor_of(a_person("bea@stoves.example", name="Bea Banda"))
        beginner = an_organisation(BEGINNER, "Stoves Ltd", owner=self._id(bea))
        applying.begin(beginner, "en", bea, self.now)
        applying.save(beginner, Part.COMPANY, COMPANY | {"legal_name": "Stoves Ltd", "country": "MW"}, bea, self.now)
        applying.add_owner(beginner, name="Chisomo Banda", country="MW", birth_year=1980, share=70, actor=bea, now=NOW)
        proof = Upload("extract.pdf", "application/pdf", PDF)
        applying.add_identity(beginner, proof, bea, self.world.settings, self.now)
        letter = Upload("letter.pdf", "application/pdf", PDF)
        applying.claim_project(beginner, project_id, "MW-1", letter, bea, self.world.settings, self.now)

        cora = a_person("cora@dams.example", name="Cora Lim")
        an_organisation("dams3333", "Dams Ltd", owner=cora)
        mia = a_person("mia@example.org", name="Mia")
        self._sign_in(
            sam=self._id(self.sam), asha=int(self.stage.paths["asha"]), ana=self._id(ana), bea=self._id(bea),
            cora=cora, mia=mia, eva=self._id(self.eva), ole=self._id(self.ole),
        )  # fmt: skip

    def _sign_in(self, **people: int) -> None:
        for name, person_id in people.items():
            self.stage.cookies[name] = signed_in_cookies(self.stage.app, person_id)
        self.stage.cookies["sam, half"] = signed_in_cookies(self.stage.app, people["sam"], strong=False)
        self.stage.cookies["mia"] = signed_in_cookies(self.stage.app, people["mia"], strong=False)

    # --- accounts -------------------------------------------------------------------------------------

    def _set_accounts(self) -> None:
        keys = self.world.settings.keyring
        with transaction() as session:
            for actor in (self.sam, self.eva):
                person = session.get_one(Person, self._id(actor))
                person.totp_secret = seal_text(totp.new_secret(), keys, SealFor.SECOND_FACTOR)
                person.totp_confirmed_at = NOW
                person.password_hash = "not a hash of anything"
            passkey = Passkey(
                person_id=self._id(self.sam), credential_id="c3RhZ2U", credential=b"", name="Sam’s telephone",
                created_at=NOW,
            )  # fmt: skip
            session.add(passkey)
            session.add_all(
                RecoveryCode(person_id=self._id(self.sam), code_hash=token_hash(f"code {number}"))
                for number in range(8)
            )
            session.flush()
            self.stage.paths["passkey"] = str(passkey.id)
            session.execute(
                update(Order)
                .where(Order.reference.in_([self.stage.paths["desk order"], self.stage.paths["desk order refused"]]))
                .values(person_id=self._id(self.sam))
            )

    def _set_links(self) -> None:
        with transaction() as session:
            for name, purpose, email, person_id in (
                ("join", Purpose.JOIN, "noor@example.org", None),
                ("recover", Purpose.RECOVER, self.sam.name, self._id(self.sam)),
                ("new email", Purpose.EMAIL, "sam@elsewhere.example", self._id(self.sam)),
            ):
                self.stage.paths[f"link {name}"] = str(links.issue(purpose, email, person_id, self.now))
            token = unguessable_token()
            session.add(self._invitation(self.organisation_id, "mia@example.org", Role.SELLER, token))
            self.stage.paths["link invitation"] = token

    def _invitation(self, organisation_id: int, email: str, role: Role, token: str) -> Invitation:
        return Invitation(
            organisation_id=organisation_id, email=email, role=role, token_hash=token_hash(token),
            invited_by=self._id(self.sam), created_at=self.now, expires_at=self.now + timedelta(days=7),
        )  # fmt: skip

    # --- the desk -------------------------------------------------------------------------------------

    def _set_desk(self) -> None:
        first = db.session.scalars(select(ScreeningMatch.id).order_by(ScreeningMatch.id)).first()
        self.stage.paths["desk match"] = str(first)
        self.stage.paths["desk seller"] = str(self.provider_id)
        self.stage.paths["desk authority"] = str(
            db.session.scalars(
                select(ProjectAuthority.id).where(ProjectAuthority.state == AuthorityState.CLAIMED)
            ).first()
        )
        self.stage.paths["desk person"] = str(self._id(self.sam))
        self.stage.paths["desk complaint"] = certificate_slug(f"C1/{self.now.year}")
        ned = a_person("ned@example.org", name="Ned", suspended_at=self.now)
        self.stage.paths["desk person suspended"] = str(ned)
        taken_back = audit.propose(
            self.eva, "refuse_order", Subject("order", 0, "T-7KMQ-2XHD"), reason="Twice the same order.", now=self.now
        )
        audit.take_back(taken_back, self.eva, now=self.now)
        self.stage.paths["desk proposal closed"] = str(taken_back)

    def _offer(self, code: str) -> int:
        return int(db.session.scalars(select(Offer.id).where(Offer.code == code)).one())

    def _last_id(self, row: type[Any]) -> str:
        return str(db.session.scalars(select(row.id).order_by(row.id.desc()).limit(1)).one())

    @staticmethod
    def _id(actor: Actor) -> int:
        assert actor.person_id is not None
        return actor.person_id
