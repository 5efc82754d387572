"""Who operates this marketplace: named from the terminal only."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from app.accounts import mails
from app.accounts.errors import NoSuchPerson
from app.accounts.models import Person
from app.accounts.service import links, sessions
from app.accounts.service.joining import subject_of
from app.accounts.service.links import Purpose
from app.audit.service import Actor, note_act
from app.config import Settings
from app.db import db, insert_once, transaction
from app.kernel.text import plain_email

COMMAND = Actor(None, "command")
LINK_LIFE = timedelta(hours=24)


def add(email: str, locale: str, settings: Settings, now: datetime) -> str:
    """Make somebody an operator, with a new account if there is none; gives the link that sets their password.

    Whoever is signed in as this person is signed out: an operator's sign-in begins with both factors.
    """
    address = plain_email(email)
    with transaction() as session:
        insert_once(Person, email=address, name="", locale=locale, is_operator=False, failed_sign_ins=0, created_at=now)
        person = session.scalars(select(Person).where(Person.email == address)).one()
        person.is_operator = True
        sessions.end_all(person.id, now)
        links.void(person.id, now)
        token = links.issue(Purpose.RECOVER, address, person.id, now, life=LINK_LIFE, is_counted=False)
        mails.recover(person, str(token), LINK_LIFE, settings, now)
        note_act(COMMAND, "operator_added", subject_of(person), at=now)
        return mails.recovery_url(person.locale, str(token), settings)


def remove(email: str, now: datetime) -> None:
    """Make an operator an ordinary person again, signed out everywhere. Raises NoSuchPerson."""
    with transaction() as session:
        person = session.scalar(select(Person).where(Person.email == plain_email(email), Person.is_operator.is_(True)))
        if person is None:
            raise NoSuchPerson
        person.is_operator = False
        sessions.end_all(person.id, now)
        note_act(COMMAND, "operator_removed", subject_of(person), at=now)


def addresses() -> list[str]:
    """The operators' addresses, in order."""
    return list(db.session.scalars(select(Person.email).where(Person.is_operator.is_(True)).order_by(Person.email)))
