"""People to try the demonstration as: two operators, somebody who wants to sell, and somebody who sells."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.accounts.adapters import passwords, totp
from app.accounts.models import Membership, Organisation, Person
from app.accounts.roles import Role
from app.accounts.service import sessions
from app.accounts.service.locks import unlock
from app.audit.service import Actor, Subject, note_act
from app.catalog.models import Issuance
from app.current import settings
from app.db import db, insert_once, record, transaction
from app.demo.world import DemoRefused
from app.kernel.references import organisation_code
from app.kernel.sealing import SealFor, seal, seal_text, unseal_text
from app.offers.models import Offer
from app.providers.models import Evidence, ProjectAuthority, Provider
from app.providers.states import AUTHORITY, AuthorityState

COMMAND = Actor(None, "flask demo people")
HOST = "demo.tonne.example"
SELLER = "demo-seller-2"
# An empty page: the paper that a real focal point would have sent.
PAPER = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


@dataclass(frozen=True)
class Part:
    """Somebody to be: the name before the @, and what they are for."""

    name: str
    what: str
    is_operator: bool = False
    sells: bool = False


CAST = (
    Part("Eva", "operator", is_operator=True),
    Part("Ole", "second operator", is_operator=True),
    Part("Mia", "wants to sell: has an account, and nothing else yet"),
    Part("Sam", f"sells: owner of the participant {SELLER}", sells=True),
)


@dataclass(frozen=True)
class Key:
    """How to sign in as one of them. Shown once: the tables keep a hash, and the secret sealed."""

    email: str
    what: str
    password: str
    totp_secret: str


def make_people(now: datetime) -> list[Key]:
    """Make them, or give those that are there new passwords and new second factors.

    Raises DemoRefused where anything is real.
    """
    refuse_real_things()
    return [_make(role, now) for role in CAST]


def code_of(email: str, now: datetime) -> str | None:
    """The six digits that the authenticator app of one of them would show; None for anybody else.

    Raises DemoRefused where anything is real.
    """
    refuse_real_things()
    if email not in {_address(role) for role in CAST}:
        return None
    kept = db.session.scalar(select(Person.totp_secret).where(Person.email == email))
    return totp.code_at(unseal_text(kept, settings().keyring, SealFor.SECOND_FACTOR), now) if kept else None


def refuse_real_things() -> None:
    """Raise DemoRefused in production, and wherever money or registry are real."""
    if settings().is_production or not settings().is_demonstration:
        raise DemoRefused(reason="real_settings")


def _address(role: Part) -> str:
    return f"{role.name.lower()}@{HOST}"


def _make(role: Part, now: datetime) -> Key:
    key = Key(_address(role), role.what, secrets.token_urlsafe(12), totp.new_secret())
    hashed = passwords.hash_password(key.password, settings())
    with transaction() as session:
        is_new = insert_once(
            Person, email=key.email, name=role.name, locale="en", is_operator=role.is_operator, failed_sign_ins=0,
            created_at=now,
        )  # fmt: skip
        person = session.scalars(select(Person).where(Person.email == key.email)).one()
        person.verified_at = person.totp_confirmed_at = now
        sealed = seal_text(key.totp_secret, settings().keyring, SealFor.SECOND_FACTOR)
        person.password_hash, person.totp_secret = hashed, sealed
        person.totp_last_step = None
        unlock(person)
        sessions.end_all(person.id, now)
        what = "operator_added" if role.is_operator else "account_made"
        if is_new:
            note_act(COMMAND, what, Subject("person", person.id, person.email), at=now)
        if role.sells:
            _give_participant(person, now)
    return key


def _give_participant(person: Person, now: datetime) -> None:
    session = db.session
    provider = session.scalar(select(Provider).where(Provider.code == SELLER, Provider.organisation_id.is_(None)))
    if provider is None:
        return
    organisation = Organisation(code=organisation_code(), name=provider.legal_name, created_at=now)
    session.add(organisation)
    session.flush()
    provider.organisation_id, provider.approved_at = organisation.id, now
    session.add(Membership(organisation_id=organisation.id, person_id=person.id, role=Role.OWNER, created_at=now))
    subject = Subject("organisation", organisation.id, organisation.name)
    note_act(COMMAND, "organisation_made", subject, at=now)
    _accept_authority(provider, person.id, organisation.id, now)


def _accept_authority(provider: Provider, person_id: int, organisation_id: int, now: datetime) -> None:
    """What an operator would have looked at before these offers: a file for the projects, and its acceptance."""
    evidence = Evidence(
        organisation_id=organisation_id,
        kind="authority",
        file_name="demonstration.pdf",
        media_type="application/pdf",
        size=len(PAPER),
        sha256=hashlib.sha256(PAPER).hexdigest(),
        content=seal(PAPER, settings().keyring, SealFor.EVIDENCE),
        uploaded_by=person_id,
        uploaded_at=now,
    )
    db.session.add(evidence)
    db.session.flush()
    of_offers = select(Issuance.project_id).join(Offer, Offer.issuance_id == Issuance.id)
    for project_id in db.session.scalars(of_offers.where(Offer.provider_id == provider.id).distinct()):
        authority = ProjectAuthority(
            organisation_id=organisation_id,
            project_id=project_id,
            evidence_id=evidence.id,
            state=AuthorityState.APPROVED,
            claimed_at=now,
            decided_at=now,
        )
        db.session.add(authority)
        db.session.flush()
        record(AUTHORITY.machine, authority.id, None, AuthorityState.CLAIMED, at=now)
        record(AUTHORITY.machine, authority.id, AuthorityState.CLAIMED, AuthorityState.APPROVED, at=now)
