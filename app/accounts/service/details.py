"""What people keep about themselves: name, language, address, password."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from app.accounts import mails
from app.accounts.adapters import passwords
from app.accounts.errors import AddressTaken, LinkGone
from app.accounts.models import Person
from app.accounts.ports import Purchases
from app.accounts.service import links, sessions
from app.accounts.service.entering import claim
from app.accounts.service.joining import check_password, subject_of
from app.accounts.service.links import Purpose
from app.accounts.service.proving import check_password as check_present_password
from app.audit.service import Actor, note_act
from app.config import Settings
from app.db import db, end_reading, one_at_a_time, transaction
from app.kernel.text import plain_email


def change(person_id: int, *, name: str, locale: str, now: datetime) -> None:
    """Change the name, and the language of mails."""
    with transaction() as session:
        person = session.get_one(Person, person_id)
        if (person.name, person.locale) != (name, locale):
            person.name, person.locale = name, locale
            note_act(Actor(person.id, person.email), "details_changed", subject_of(person), at=now)


def ask_to_change_email(person_id: int, email: str, settings: Settings, now: datetime) -> None:
    """Mail a link to the new address, which stays without effect until it is opened.

    An address with an account gets a mail that says so; whoever asks is told the same.
    """
    address = plain_email(email)
    with transaction() as session:
        person = session.get_one(Person, person_id)
        other = session.scalar(select(Person).where(Person.email == address))
        token = links.issue(Purpose.EMAIL, address, person_id, now)
        if token is None:
            return
        if other is None:
            mails.confirm_new_address(person, address, token, settings, now)
        else:
            mails.already_registered(other, token, settings, now)


def change_email(person_id: int, token: str, purchases: Purchases, settings: Settings, now: datetime) -> None:
    """Take the new address by its link; the old one gets a notice. Raises LinkGone or AddressTaken."""
    with transaction() as session:
        link = links.use(Purpose.EMAIL, token, now)
        if link.person_id != person_id:
            raise LinkGone
        # Whoever else makes this address theirs waits here.
        one_at_a_time(f"address:{link.email}")
        if session.scalar(select(Person.id).where(Person.email == link.email)) is not None:
            raise AddressTaken
        person = session.get_one(Person, person_id, with_for_update=True)
        old = person.email
        person.email, person.verified_at = link.email, now
        links.void(person_id, now)
        mails.email_changed(person, old, settings, now)
        note_act(Actor(person.id, old), "email_changed", subject_of(person), at=now, facts={"from": old})
        session.flush()
        claim(person, purchases)


def change_password(
    person_id: int, sign_in_id: int, *, present: str, new: str, settings: Settings, now: datetime
) -> None:
    """Change the password, or set a first one; every other browser is signed out.

    Raises WrongPassword or WeakPassword.
    """
    check_present_password(person_id, present, settings, now)
    person = db.session.get_one(Person, person_id)
    check_password(new, person.email, person.name, settings)
    end_reading()
    hashed = passwords.hash_password(new, settings)
    with transaction() as session:
        person = session.get_one(Person, person_id, with_for_update=True)
        person.password_hash = hashed
        links.void(person_id, now)
        sessions.end_all(person_id, now, but=sign_in_id)
        mails.password_changed(person, settings, now)
        note_act(Actor(person.id, person.email), "password_changed", subject_of(person), at=now)
