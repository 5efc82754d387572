"""Sign in: with a password, or with a passkey. Who guesses waits longer and longer, and learns nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from app.accounts.adapters import passwords, webauthn
from app.accounts.errors import WrongPasskey, WrongSignIn
from app.accounts.models import Passkey, Person
from app.accounts.ports import Purchases
from app.accounts.service import sessions
from app.accounts.service.locks import Lock, count_failure, is_locked, unlock
from app.config import Settings
from app.db import db, end_reading, rows_changed, transaction
from app.kernel.security_log import Event, Outcome, tell
from app.kernel.text import plain_email


@dataclass(frozen=True)
class Entered:
    """Somebody who is signed in now: the token for the cookie, and whether a second factor is still to be shown."""

    token: str
    needs_second_factor: bool


def sign_in(
    email: str, password: str, *, known: str, user_agent: str, purchases: Purchases, settings: Settings, now: datetime
) -> Entered:
    """Sign in with a password; `known` is what the browser keeps of an earlier sign-in, if anything.

    Raises WrongSignIn, the same for an unknown address, a wrong password, a suspended account and a
    lock, after the same work.
    """
    person = db.session.scalar(select(Person).where(Person.email == plain_email(email), Person.suspended_at.is_(None)))
    person_id, kept = (0, None) if person is None else (person.id, person.password_hash)
    lock = Lock.HOUSE if sessions.is_known(person_id, known, now) else Lock.STREET
    # Hashing takes its time; nobody waits for a lock meanwhile.
    end_reading()
    if kept is None:
        passwords.verify_nobody(password, settings)
        _tell(Outcome.WRONG, person_id or None, "password")
        raise WrongSignIn
    is_right = passwords.verify_password(password, kept, settings)
    renewed = kept
    if is_right and passwords.is_outdated(kept, settings):
        renewed = passwords.hash_password(password, settings)
    with transaction() as session:
        person = session.get_one(Person, person_id, with_for_update=True)
        is_open = not is_locked(person, lock, now) and person.password_hash == kept
        if is_right and is_open:
            person.password_hash = renewed
            token = sessions.begin(person, "password", is_strong=False, user_agent=user_agent, now=now)
            needs_more = sessions.has_second_factor(person)
            # With a second factor to come the count goes on: a known password must not reset it.
            if not needs_more:
                unlock(person)
            session.flush()
            claim(person, purchases)
            _tell(Outcome.HALF if needs_more else Outcome.GOOD, person_id, "password")
            return Entered(token, needs_more)
        if is_open:
            count_failure(person, lock, now)
    _tell(Outcome.WRONG if is_open else Outcome.LOCKED, person_id, "password")
    raise WrongSignIn


def sign_in_with_passkey(
    answer: str,
    state: Mapping[str, Any] | None,
    *,
    user_agent: str,
    purchases: Purchases,
    settings: Settings,
    now: datetime,
) -> Entered:
    """Sign in with a passkey, which counts as both factors. Raises WrongPasskey."""
    try:
        with transaction() as session:
            passkey = checked_passkey(answer, state, settings, now)
            person = session.get_one(Person, passkey.person_id)
            if person.suspended_at is not None:
                raise WrongPasskey
            unlock(person)
            token = sessions.begin(person, "passkey", is_strong=True, user_agent=user_agent, now=now)
            session.flush()
            claim(person, purchases)
            _tell(Outcome.GOOD, person.id, "passkey")
            return Entered(token, needs_second_factor=False)
    except WrongPasskey:
        _tell(Outcome.WRONG, None, "passkey")
        raise


def checked_passkey(answer: str, state: Mapping[str, Any] | None, settings: Settings, now: datetime) -> Passkey:
    """The passkey that an answer proves, noted as used; in the caller's transaction. Raises WrongPasskey."""
    credential_id = webauthn.credential_id_of(answer)
    passkey = db.session.scalar(select(Passkey).where(Passkey.credential_id == credential_id))
    if passkey is None or state is None:
        raise WrongPasskey
    count = webauthn.sign_count_of(answer, state, passkey.credential, settings)
    if count is None:
        raise WrongPasskey
    # A key that counts and does not go on from where it was is a copy; one that never counts stays at 0.
    used = db.session.execute(
        update(Passkey)
        .where(Passkey.id == passkey.id, (Passkey.sign_count < count) | ((Passkey.sign_count == 0) & (count == 0)))
        .values(sign_count=count, last_used_at=now)
        .execution_options(synchronize_session=False)
    )
    if rows_changed(used) == 0:
        raise WrongPasskey
    return passkey


def claim(person: Person, purchases: Purchases) -> None:
    """Past orders of the address become the person's, once it is proved to be theirs; in the caller's transaction."""
    if person.verified_at is not None:
        purchases.claim(person.id, person.email)


def _tell(outcome: Outcome, person_id: int | None, kind: str) -> None:
    tell(Event.SIGN_IN, outcome, person=person_id, kind=kind)
