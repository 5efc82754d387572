"""People with accounts, made of plain rows, and browsers signed in as them. Call inside an application context."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.accounts.access import SESSION_KEY, token_hash
from app.accounts.models import Membership, Organisation, Person, SignIn
from app.accounts.roles import Role
from app.audit.service import Actor
from app.db import db, transaction
from app.kernel.references import unguessable_token
from app.providers.models import Provider
from tests.builders import NOW


def a_person(email: str = "ana@example.org", *, is_operator: bool = False, **facts: Any) -> int:
    """Somebody with a verified address; gives the id. The same address again is the same person."""
    with transaction() as session:
        known = session.scalar(select(Person.id).where(Person.email == email))
        if known is not None:
            return int(known)
        values: dict[str, Any] = {
            "email": email,
            "name": email.split("@", maxsplit=1)[0].capitalize(),
            "locale": "en",
            "is_operator": is_operator,
            "verified_at": NOW,
            "created_at": NOW,
        }
        person = Person(**values | facts)
        session.add(person)
        session.flush()
        return int(person.id)


def an_operator(email: str = "eva@tonne.example") -> int:
    """An operator; gives the id."""
    return a_person(email, is_operator=True)


def actor_of(person_id: int) -> Actor:
    """A person as the trail of acts names them."""
    return Actor(person_id, db.session.get_one(Person, person_id).email)


def an_organisation(code: str = "salkhit1", name: str = "Salkhit Wind LLC", **roles: int) -> int:
    """An organisation with people by role, `owner=person_id`; gives the id."""
    with transaction() as session:
        organisation = session.scalar(select(Organisation).where(Organisation.code == code))
        if organisation is None:
            organisation = Organisation(code=code, name=name, created_at=NOW)
            session.add(organisation)
            session.flush()
        for role, person_id in roles.items():
            session.add(
                Membership(
                    organisation_id=organisation.id, person_id=person_id, role=Role(role.rstrip("_0123456789")),
                    created_at=NOW,
                )
            )  # fmt: skip
        return int(organisation.id)


def a_participant(organisation_id: int, provider_code: str = "seller") -> int:
    """Make an organisation the owner of a project participant that is there already; gives the participant's id."""
    with transaction() as session:
        provider = session.scalars(select(Provider).where(Provider.code == provider_code)).one()
        provider.organisation_id = organisation_id
        return int(provider.id)


def sign_in_as(app: Flask, person_id: int, *, strong: bool = True, at: datetime = NOW) -> FlaskClient:
    """A browser that is signed in as a person, with the second factor unless told otherwise."""
    token = unguessable_token()
    with transaction() as session:
        session.add(
            SignIn(
                person_id=person_id,
                token_hash=token_hash(token),
                method="password",
                user_agent="Tests",
                created_at=at,
                last_seen_at=at,
                expires_at=at + timedelta(days=30),
                strong_at=at if strong else None,
                proved_at=at,
            )
        )
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie[SESSION_KEY] = token
    return client
