"""Showing everything again: in front of whatever changes how one signs in (`signed_in(fresh=True)`)."""

from __future__ import annotations

from datetime import datetime

from app.accounts.adapters import passwords
from app.accounts.errors import WrongCode, WrongPassword
from app.accounts.models import Person
from app.accounts.service import second_factor, sessions
from app.accounts.service.locks import Lock, count_failure, is_locked, unlock
from app.config import Settings
from app.db import db, end_reading, transaction
from app.kernel.errors import Refusal
from app.kernel.security_log import Event, Outcome, tell


def prove(person_id: int, sign_in_id: int, *, password: str, code: str, settings: Settings, now: datetime) -> str:
    """Take the password and, where there is an app, a code; gives the browser's new token.

    Raises WrongPassword or WrongCode; wrong ones count. Somebody with a passkey and no app shows that
    instead (`second_factor.show_passkey`), and so does somebody without a password: for them it is WrongPassword.
    """
    is_right = _is_password(person_id, password, settings)
    refusal: type[Refusal] | None = None
    with transaction() as session:
        person = session.get_one(Person, person_id, with_for_update=True)
        has_app = person.totp_confirmed_at is not None
        outcome, kind = _check(person, now, is_right=is_right and (has_app or not sessions.has_second_factor(person)))
        if outcome is not Outcome.GOOD:
            refusal = WrongPassword
        elif has_app:
            outcome, kind = second_factor.check_code(person, code, settings, now)
            refusal = None if outcome is Outcome.GOOD else WrongCode
        if refusal is None:
            unlock(person)
            token = sessions.strengthen(sign_in_id, now) if has_app else sessions.prove(sign_in_id, now)
    tell(Event.PROOF, outcome, person=person_id, kind=kind)
    if refusal is not None:
        raise refusal
    return token


def check_password(person_id: int, password: str, settings: Settings, now: datetime) -> None:
    """Raises WrongPassword unless it is the person's; wrong ones count. Somebody without one has none to show."""
    if db.session.get_one(Person, person_id).password_hash is None:
        return
    is_right = _is_password(person_id, password, settings)
    with transaction() as session:
        person = session.get_one(Person, person_id, with_for_update=True)
        outcome, kind = _check(person, now, is_right=is_right)
    tell(Event.PROOF, outcome, person=person_id, kind=kind)
    if outcome is not Outcome.GOOD:
        raise WrongPassword


def _is_password(person_id: int, password: str, settings: Settings) -> bool:
    kept = db.session.get_one(Person, person_id).password_hash
    # Hashing takes its time; nobody waits for a lock meanwhile.
    end_reading()
    return kept is not None and passwords.verify_password(password, kept, settings)


def _check(person: Person, now: datetime, *, is_right: bool) -> tuple[Outcome, str]:
    if is_locked(person, Lock.HOUSE, now):
        return Outcome.LOCKED, "password"
    if is_right:
        return Outcome.GOOD, "password"
    count_failure(person, Lock.HOUSE, now)
    return Outcome.WRONG, "password"
