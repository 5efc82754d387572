"""Make an account, or get back into one. Whoever asks for an address learns nothing about it; its mailbox does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.accounts import mails
from app.accounts.adapters import passwords, webauthn
from app.accounts.errors import AddressTaken, WeakPassword, WrongPasskey
from app.accounts.models import Passkey, Person
from app.accounts.ports import Purchases
from app.accounts.service import links, sessions
from app.accounts.service.entering import claim
from app.accounts.service.links import Purpose
from app.accounts.service.locks import unlock
from app.audit.service import Actor, Subject, note_act
from app.config import Settings
from app.db import db, insert_once, one_at_a_time, transaction
from app.kernel.security_log import Event, Outcome, tell
from app.kernel.text import plain_email


def ask_to_join(email: str, locale: str, settings: Settings, now: datetime) -> None:
    """Mail a link to an address that wants an account; one that has an account is told so instead."""
    address = plain_email(email)
    with transaction() as session:
        person = session.scalar(select(Person).where(Person.email == address))
        # Written in both cases, so that both take as long and count alike.
        token = links.issue(Purpose.JOIN, address, None if person is None else person.id, now)
        if token is None:
            return
        if person is None:
            mails.confirm_address(address, locale, token, settings, now)
        else:
            mails.already_registered(person, token, settings, now)


def join(
    token: str,
    *,
    name: str,
    password: str,
    locale: str,
    user_agent: str,
    purchases: Purchases,
    settings: Settings,
    now: datetime,
) -> str:
    """Make the account of a link with a password; gives the token of the browser's sign-in.

    Raises WeakPassword, LinkGone, or AddressTaken when the account was made meanwhile.
    """
    email = links.find(Purpose.JOIN, token, now).email
    check_password(password, email, name, settings)
    hashed = passwords.hash_password(password, settings)
    with transaction():
        links.use(Purpose.JOIN, token, now)
        person = add_person(email, name=name, locale=locale, now=now, password_hash=hashed)
        claim(person, purchases)
        tell(Event.SIGN_IN, Outcome.GOOD, person=person.id, kind="link of a new account")
        return sessions.begin(person, "password", is_strong=False, user_agent=user_agent, now=now)


def join_with_passkey(
    token: str,
    *,
    name: str,
    answer: str,
    state: Mapping[str, Any] | None,
    locale: str,
    user_agent: str,
    purchases: Purchases,
    settings: Settings,
    now: datetime,
) -> str:
    """The same with a passkey instead of a password. Raises WrongPasskey, LinkGone or AddressTaken."""
    new = webauthn.read_new(answer, state, settings) if state is not None else None
    if new is None:
        raise WrongPasskey
    with transaction() as session:
        email = links.use(Purpose.JOIN, token, now).email
        person = add_person(email, name=name, locale=locale, now=now, password_hash=None)
        session.add(
            Passkey(
                person_id=person.id,
                credential_id=new.credential_id,
                credential=new.credential,
                sign_count=new.sign_count,
                name="",
                created_at=now,
                last_used_at=now,
            )
        )
        claim(person, purchases)
        tell(Event.SIGN_IN, Outcome.GOOD, person=person.id, kind="link of a new account")
        return sessions.begin(person, "passkey", is_strong=True, user_agent=user_agent, now=now)


def ask_to_recover(email: str, settings: Settings, now: datetime) -> None:
    """Mail a link for a new password to an address with an account; nothing to any other."""
    address = plain_email(email)
    with transaction() as session:
        person = session.scalar(select(Person).where(Person.email == address, Person.suspended_at.is_(None)))
        token = links.issue(Purpose.RECOVER, address, None if person is None else person.id, now)
        if token is not None and person is not None:
            mails.recover(person, token, links.LIVES[Purpose.RECOVER], settings, now)


def recover(
    token: str, *, password: str, user_agent: str, purchases: Purchases, settings: Settings, now: datetime
) -> str:
    """Set a new password by a link: every other browser is signed out, the second factor stays.

    Gives the token of this browser's sign-in. Raises WeakPassword or LinkGone.
    """
    person_id = links.find(Purpose.RECOVER, token, now).person_id
    person = db.session.get_one(Person, person_id)
    check_password(password, person.email, person.name, settings)
    hashed = passwords.hash_password(password, settings)
    with transaction() as session:
        links.use(Purpose.RECOVER, token, now)
        person = session.get_one(Person, person_id, with_for_update=True)
        person.password_hash = hashed
        person.verified_at = person.verified_at or now
        unlock(person)
        links.void(person.id, now)
        sessions.end_all(person.id, now)
        mails.password_changed(person, settings, now)
        note_act(Actor(person.id, person.email), "password_recovered", subject_of(person), at=now)
        session.flush()
        claim(person, purchases)
        outcome = Outcome.HALF if sessions.has_second_factor(person) else Outcome.GOOD
        tell(Event.SIGN_IN, outcome, person=person.id, kind="link of a new password")
        return sessions.begin(person, "password", is_strong=False, user_agent=user_agent, now=now)


def check_password(password: str, email: str, name: str, settings: Settings) -> None:
    """Raises WeakPassword for one that is easy to guess."""
    weakness = passwords.find_weakness(password, [email, name], passwords.words_of_the_house(settings))
    if weakness is not None:
        raise WeakPassword(weakness=weakness.value)


def add_person(email: str, *, name: str, locale: str, now: datetime, password_hash: str | None) -> Person:
    """A person whose address is proved, in the caller's transaction. Raises AddressTaken."""
    one_at_a_time(f"address:{email}")
    is_new = insert_once(
        Person,
        email=email,
        name=name,
        locale=locale,
        password_hash=password_hash,
        is_operator=False,
        verified_at=now,
        failed_sign_ins=0,
        created_at=now,
    )
    if not is_new:
        raise AddressTaken
    person = db.session.scalars(select(Person).where(Person.email == email)).one()
    note_act(Actor(person.id, email), "account_made", subject_of(person), at=now)
    return person


def subject_of(person: Person) -> Subject:
    """A person for the trail of acts."""
    return Subject("person", person.id, person.email)
