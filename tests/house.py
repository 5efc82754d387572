"""A house with everything that pages show, and a browser for every role: what sweeps walk through."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from app.accounts.models import Invitation
from app.accounts.roles import Role
from app.audit.models import Proposal
from app.audit.states import ProposalState
from app.catalog.models import Issuance
from app.certificates.models import Certificate
from app.checkout.models import Beneficiary, Remedy
from app.checkout.states import RemedyState
from app.claims.models import WordingReview
from app.claims.states import WordingState
from app.complaints.models import Complaint
from app.complaints.states import ComplaintState
from app.db import db, transaction
from app.direct.models import DirectCancellation
from app.direct.states import DirectState
from app.fulfilment.process import collaborators
from app.kernel.clock import FixedClock
from app.kernel.sealing import Keyring, SealFor, seal
from app.notifications.models import Mail
from app.offers.models import Offer, PriceChange
from app.offers.states import PriceChangeState
from app.payments.models import Dispute, Payment, Refund
from app.payments.states import DisputeState, RefundState
from app.providers.models import Application, BeneficialOwner, Evidence, Payee, ProjectAuthority, Provider
from app.providers.states import ApplicationState, AuthorityState, PayeeState
from app.reconciliation.models import ReconciliationFinding, ReconciliationRun
from app.reconciliation.states import FindingKind, FindingState, RunCause, RunState
from app.registry.batch.models import Attestation, Batch, BatchLine, RegistryMessage
from app.registry.batch.states import BatchState, LineState
from app.registry.models import Cancellation
from app.screening.models import ScreeningMatch
from app.screening.states import MatchState
from tests import builders
from tests.builders import NOW
from tests.conftest import SECRET, application, environment
from tests.people import a_participant, a_person, an_operator, an_organisation, sign_in_as
from tests.service.conftest import with_fakes

ROLES = ("visitor", "buyer", "viewer", "seller", "owner", "other owner", "operator", "second operator")
# The buyer has no second factor; everybody else has shown one.
STRONG = frozenset(ROLES) - {"visitor", "buyer"}
OPERATORS = frozenset({"operator", "second operator"})
OURS, THEIRS = "salkhit1", "stoves22"


@dataclass
class House:
    """One application with two participants, and a browser for every role."""

    app: Flask
    browsers: dict[str, FlaskClient]
    things: dict[str, Any]

    def address(self, rule: Rule, **other: Any) -> str:
        """The address of a rule, filled with things of the first participant."""
        values = {name: self.things.get(f"{rule.endpoint}.{name}", self.things.get(name)) for name in rule.arguments}
        missing = [name for name, value in values.items() if value is None]
        assert not missing, f"what is {missing} of {rule.endpoint}? give it in _things()"
        return rule.build(values | {name: value for name, value in other.items() if name in rule.arguments})[1]

    def rules(self) -> list[Rule]:
        """Every rule, by endpoint."""
        return sorted(self.app.url_map.iter_rules(), key=lambda rule: (rule.endpoint, str(rule)))


@contextmanager
def open_house(template: Path, directory: Path, **changes: str) -> Iterator[House]:
    """A house over a copy of a migrated SQLite file, with changed settings, until the block ends."""
    shutil.copy(template, directory / "tonne.sqlite")
    with house_over(f"sqlite:///{directory / 'tonne.sqlite'}", directory, **changes) as house:
        yield house


@contextmanager
def house_over(url: str, directory: Path, **changes: str) -> Iterator[House]:
    """A house over a migrated database of its own, until the block ends."""
    app = application(environment(directory, url, **changes), FixedClock(NOW))
    # Form tokens are another guard, with tests of its own; here it would stand before the one that is asked.
    app.config.update(WTF_CSRF_ENABLED=False, PROPAGATE_EXCEPTIONS=False)
    with_fakes(app, FixedClock(NOW))
    with app.app_context():
        people = {role: a_person(f"{role.replace(' ', '.')}@example.org") for role in ROLES[1:6]}
        people |= {role: an_operator(f"{role.replace(' ', '.')}@tonne.example") for role in ROLES[6:]}
        things = _things(app, people)
        browsers = {"visitor": app.test_client()}
        for role, person in people.items():
            browsers[role] = sign_in_as(app, person, strong=role in STRONG)
        db.session.remove()
    yield House(app, browsers, things)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


# What `thing_id` names, by endpoint.
THINGS = {
    "application_id": "desk_sellers.application desk_sellers.approve desk_sellers.give_back desk_sellers.refuse",
    "authority_id": "applying.remove_claim desk_sellers.accept_authority desk_sellers.refuse_authority",
    "evidence_id": "applying.remove_document desk_sellers.document",
    "owner_id": "applying.remove_owner",
    "payee_id": "desk_sellers.payee desk_sellers.accept_payee desk_sellers.refuse_payee",
    "provider_id": "desk_sellers.rename desk_sellers.suspend desk_sellers.reinstate",
}


def _a_finding(session: Any) -> int:
    """A difference between books that nobody has explained; gives its id."""
    run = ReconciliationRun(cause=RunCause.DEMAND, state=RunState.FINISHED, is_thorough=True, started_at=NOW)
    session.add(run)
    session.flush()
    finding = ReconciliationFinding(
        key="0" * 64, kind=FindingKind.TOTALS_DIFFER, state=FindingState.OPEN,
        first_run_id=run.id, last_run_id=run.id, found_at=NOW,
    )  # fmt: skip
    session.add(finding)
    session.flush()
    return int(finding.id)


def _things(app: Flask, people: dict[str, int]) -> dict[str, Any]:
    """Things of the first participant by the names of arguments; `endpoint.argument` where names mean several."""
    world = collaborators(app)
    offer_id = builders.an_offer()
    order = builders.the_order(builders.a_finished_order(world, {offer_id: 3}))
    # Of another order, because nothing goes back and nothing is offered of money that a bank was asked for.
    disputed = builders.the_order(builders.a_finished_order(world, {offer_id: 1}))
    ours = an_organisation(
        OURS, "Salkhit Wind LLC", viewer=people["viewer"], seller=people["seller"], owner=people["owner"]
    )
    provider_id = a_participant(ours)
    theirs = an_organisation(THEIRS, "Stoves Ltd", owner=people["other owner"])
    direct = _a_direct_cancellation(app, people["owner"], offer_id, provider_id)
    things = {
        "lang": "en",
        "organisation": OURS,
        "order": order.reference,
        "token": order.token,
        "filename": "css/tonne.css",
        "currency": "USD",
    }
    things |= {"position": 0, "month": "2026-11", "gateway_name": "testpay", "version": "2026-1", "name": "terms"}
    things |= {"content.page.name": "legitimate", "reference": direct, "passkey_id": 1, "sign_in_id": 1}
    things |= {f"complaints.{page}.token": "C" * 27 for page in ("show", "ask_to_withdraw", "withdraw")}
    things |= {f"catalog.{page}.reference": "IN-1" for page in ("project", "prices")}
    with transaction() as session:
        other = Provider(code="other", legal_name="Stoves Ltd", country="MW", organisation_id=theirs)
        session.add(other)
        operator = people["operator"]
        offer = session.get_one(Offer, offer_id)
        certificate = session.query(Certificate).first()
        made = {
            "application": Application(
                organisation_id=ours,
                state=ApplicationState.RETURNED,
                locale="en",
                created_at=NOW,
                submitted_at=NOW,
                legal_name="Salkhit Wind LLC",
                submitted_by=people["owner"],
            ),
            "evidence": Evidence(
                organisation_id=ours,
                kind="authority",
                file_name="a.pdf",
                media_type="application/pdf",
                size=1,
                sha256="0" * 64,
                content=seal(b"%PDF-1.7", Keyring(SECRET), SealFor.EVIDENCE),
                uploaded_by=people["owner"],
                uploaded_at=NOW,
            ),
            "payee": Payee(
                provider_id=provider_id,
                state=PayeeState.REQUESTED,
                holder="Salkhit",
                bank="Bank",
                account="",
                requested_by=people["owner"],
                requested_at=NOW,
            ),
            "invitation": Invitation(
                organisation_id=ours,
                email="new@example.org",
                role=Role.VIEWER,
                token_hash="h",
                invited_by=people["owner"],
                created_at=NOW,
                expires_at=NOW,
            ),
            "complaint": Complaint(
                token="C" * 27,
                submission="once",
                year=2026,
                sequence=1,
                number="C1/2026",
                state=ComplaintState.RECEIVED,
                locale="en",
                is_demonstration=True,
                email="jane@example.org",
                problem="Late",
                wish="Sooner",
                received_at=NOW,
                due_on=date(2026, 12, 6),
            ),
            "match": ScreeningMatch(
                subject_kind="application",
                subject_id=1,
                name="Salkhit",
                source="ofac",
                reference="1",
                listed_name="Salkhid",
                score=90,
                state=MatchState.PENDING,
                created_at=NOW,
            ),
            "proposal": Proposal(
                kind="unknown",
                subject_kind="order",
                subject_id=order.id,
                subject=order.reference,
                state=ProposalState.PROPOSED,
                proposed_by=operator,
                proposed_at=NOW,
                reason="A test",
            ),
            "remedy": Remedy(
                order_line_id=order.lines[0].id,
                order_id=order.id,
                state=RemedyState.OFFERED,
                offered_at=NOW,
                decide_by=NOW + timedelta(days=3),
            ),
            "change": PriceChange(
                offer_id=offer_id,
                state=PriceChangeState.PLANNED,
                unit_price=300,
                due_at=NOW,
                created_at=NOW,
            ),
        }
        session.add_all(made.values())
        session.flush()
        authority = ProjectAuthority(
            organisation_id=ours,
            project_id=1,
            evidence_id=made["evidence"].id,
            state=AuthorityState.CLAIMED,
            claimed_at=NOW,
        )
        session.add(authority)
        session.flush()
        made["authority"] = authority
        made["owner"] = BeneficialOwner(
            application_id=made["application"].id, name="Ana", country="MN", birth_year=1980
        )
        made["review"] = WordingReview(
            beneficiary_id=session.query(Beneficiary).first().id,
            state=WordingState.PENDING,
            rules="neutral",
            created_at=NOW,
        )
        made["dispute"] = Dispute(
            payment_id=builders.payments_of(disputed.id)[0].id,
            order_id=disputed.id,
            gateway_reference="du_1",
            state=DisputeState.OPEN,
            reason="fraudulent",
            amount=250,
            currency="USD",
            taken=250,
            opened_at=NOW,
            next_check_at=NOW,
            created_at=NOW,
        )
        made["refund"] = Refund(
            payment_id=session.query(Payment).first().id,
            order_id=order.id,
            cause="refused",
            key="a-refund",
            state=RefundState.FAILED,
            amount=250,
            currency="USD",
            next_action_at=NOW,
            created_at=NOW,
        )
        session.add_all(made.values())
        # The other participant has an application of its own: its pages get as far as the things in them.
        session.add(Application(organisation_id=theirs, state=ApplicationState.DRAFT, locale="en", created_at=NOW))
        session.flush()
        things |= {f"{name}_id": thing.id for name, thing in made.items()}
        things |= {"finding_id": _a_finding(session)}
        things |= {
            "offer_id": offer_id, "code": offer.code, "offer": offer.code, "person_id": people["viewer"],
            "issuance_id": offer.issuance_id, "provider_id": provider_id, "order_id": order.id,
            "payment_id": session.query(Payment).first().id, "cancellation_id": session.query(Cancellation).first().id,
            "mail_id": session.query(Mail).first().id, "slug": certificate.number.replace("/", "-"),

        }  # fmt: skip
        things |= {
            f"{endpoint}.thing_id": things[name] for name, endpoints in THINGS.items() for endpoint in endpoints.split()
        }
        of_orders = [endpoint for endpoint in app.view_functions if endpoint.startswith("desk.")]
        things |= {f"{endpoint}.reference": order.reference for endpoint in of_orders}
        cancellation = session.query(Cancellation).first()
        of_cancellations = ("desk.cancellation", "desk.look_again", "desk.settle")
        things |= {f"{endpoint}.reference": cancellation.reference for endpoint in of_cancellations}
        things |= _a_batch(cancellation)
        things |= {"desk.complaint.slug": "C1-2026", "seller": "seller", "form": "json"}
        things |= {f"desk.{page}.code": "seller" for page in ("payout", "record_payout")}
    return things


def _a_batch(cancellation: Cancellation) -> dict[str, str]:
    """A batch in which a cancellation was processed and attested; gives its code and the hash of the attestation."""
    batch = Batch(code="B-2222-3333", registry_code="batch", state=BatchState.ANSWERED, opened_at=NOW, closed_at=NOW)
    message = RegistryMessage(
        registry_code="batch", direction="in", kind="attestation", sha256="a" * 64, name="attestation.pdf",
        media_type="application/pdf", size=5, body=b"%PDF-", received_at=NOW, is_signed=False,
    )  # fmt: skip
    db.session.add_all([batch, message])
    db.session.flush()
    line = BatchLine(
        batch_id=batch.id, number=1, reference=cancellation.reference, fingerprint=cancellation.fingerprint,
        account=cancellation.account, project_reference="IN-1", unit_type="CER", commitment_period=2, space="IN",
        serial_first=1, serial_last=9, units=1, added_at=NOW, state=LineState.PROCESSED,
        registry_transaction="X", completed_at=NOW,
    )  # fmt: skip
    db.session.add(line)
    db.session.flush()
    db.session.add(Attestation(line_id=line.id, message_id=message.id))
    return {"batch": batch.code, "sha256": message.sha256}


def _a_direct_cancellation(app: Flask, person_id: int, offer_id: int, provider_id: int) -> str:
    """Units that the first participant has cancelled without a sale; gives the reference."""
    reference = "D-7KMQ-2XHD"
    with transaction() as session:
        offer = session.get_one(Offer, offer_id)
        issuance = session.get_one(Issuance, offer.issuance_id)
        direct = DirectCancellation(
            reference=reference, once="once", state=DirectState.RISK_HOLD, provider_id=provider_id, person_id=person_id,
            issuance_id=issuance.id, project_id=issuance.project_id, account=offer.account, units=1, is_for_itself=True,
            locale="en", is_demonstration=True, consent_version="1", consent_text="Yes", placed_at=NOW,
        )  # fmt: skip
        session.add(direct)
        session.flush()
        session.add(
            Beneficiary(
                direct_cancellation_id=direct.id,
                name="Salkhit Wind LLC",
                intent="compensation",
                purpose_category="other",
            )
        )
    return reference
