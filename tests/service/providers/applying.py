"""Applications for tests: an owner fills everything in, and operators decide."""

from __future__ import annotations

import io
from typing import Any

from sqlalchemy import select

from app.accounts.models import Membership
from app.audit import service as audit
from app.audit.models import Act
from app.audit.service import Actor
from app.current import settings
from app.db import db
from app.notifications.models import Mail
from app.providers.models import Application, Provider
from app.providers.parts import Part
from app.providers.service import applying, deciding
from app.providers.uploads import Upload
from tests.builders import NOW
from tests.people import a_person, actor_of, an_operator, an_organisation

PDF = b"%PDF-1.7\nmade up"
PNG = b"\x89PNG\r\n\x1a\nmade up"
JPEG = b"\xff\xd8\xff\xe0made up"
IBAN = "DE89370400440532013000"
COMPANY = {
    "legal_name": "Salkhit Wind LLC",
    "address": "Peace Avenue 1\nUlaanbaatar",
    "country": "MN",
    "register_number": "5012345",
}


def an_owner(email: str = "ana@example.org", organisation: str = "salkhit1", name: str = "Salkhit Wind LLC") -> Actor:
    """Somebody who owns an organisation."""
    person_id = a_person(email)
    is_owner = db.session.scalar(select(Membership.id).where(Membership.person_id == person_id))
    an_organisation(organisation, name, **({} if is_owner else {"owner": person_id}))
    return actor_of(person_id)


def organisation_id(code: str = "salkhit1") -> int:
    """The organisation's id."""
    return an_organisation(code)


def a_draft(owner: Actor, project_id: int, organisation: int, **changes: str) -> None:
    """Every part of an application, filled in and certified."""
    house = settings()
    applying.begin(organisation, "fr", owner, NOW)
    applying.save(organisation, Part.COMPANY, COMPANY | changes, owner, NOW)
    contact = {"contact_name": "Ana Silva", "contact_email": "ana@example.org", "contact_phone": ""}
    applying.save(organisation, Part.CONTACT, contact, owner, NOW)
    applying.add_owner(organisation, name="Bat Erdene", country="MN", birth_year=1970, share=60, actor=owner, now=NOW)
    applying.save_payee(organisation, "Salkhit Wind LLC", "Golomt, GLMTMNUB", IBAN, owner, house, NOW)
    applying.add_identity(organisation, Upload("extract.pdf", "application/pdf", PDF), owner, house, NOW)
    proof = Upload("moc.pdf", "application/pdf", PDF + b" moc")
    applying.claim_project(organisation, project_id, "IN-1", proof, owner, house, NOW)
    applying.certify(organisation, "2026-11-28\nAll of it is true.", owner, NOW)


def a_submitted(owner: Actor, project_id: int, organisation: int, **changes: str) -> int:
    """An application that waits for the operator; gives its id."""
    a_draft(owner, project_id, organisation, **changes)
    applying.submit(organisation, owner, settings(), NOW)
    return the_application(organisation).id


def approved(application_id: int, code: str = "salkhit") -> Provider:
    """Two operators approve an application; gives the participant."""
    eva, finn = (actor_of(an_operator(f"{name}@tonne.example")) for name in ("eva", "finn"))
    proposal = deciding.propose_approval(application_id, code, eva, reason="All papers fit.", now=NOW)
    audit.agree(proposal, finn, now=NOW)
    return db.session.scalars(select(Provider).where(Provider.code == code)).one()


def the_application(organisation: int) -> Application:
    """The last application of an organisation, as it is now."""
    db.session.expire_all()
    return db.session.scalars(
        select(Application).where(Application.organisation_id == organisation).order_by(Application.id.desc())
    ).first()  # type: ignore[return-value]  # tests ask for one that is there


def all_of(row: type[Any]) -> list[Any]:
    """Every row of a table, in order."""
    db.session.expire_all()
    return list(db.session.scalars(select(row).order_by(row.id)))


def acts() -> list[str]:
    """What was done, in order."""
    return [act.what for act in all_of(Act)]


def news() -> list[tuple[str, str, str]]:
    """The mails about applications: recipient, locale, what happened."""
    return [
        (mail.recipient, mail.locale, mail.facts["news"]) for mail in all_of(Mail) if mail.kind == "participant_news"
    ]


def a_file(content: bytes = PDF, name: str = "extract.pdf") -> tuple[io.BytesIO, str]:
    """A file as a browser sends it."""
    return io.BytesIO(content), name
