"""The second factor: an authenticator app, ten codes for the day it is lost, or a passkey."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, update

from app.accounts import mails
from app.accounts.adapters import totp
from app.accounts.errors import FactorNeeded, WrongCode, WrongPasskey
from app.accounts.models import Person, RecoveryCode
from app.accounts.service import sessions
from app.accounts.service.entering import checked_passkey
from app.accounts.service.joining import subject_of
from app.accounts.service.locks import Lock, count_failure, is_locked, unlock
from app.audit.service import Actor, note_act
from app.config import Settings
from app.db import db, rows_changed, transaction
from app.kernel.references import normalised_code, recovery_code
from app.kernel.sealing import SealBroken, SealFor, seal_text, unseal_text
from app.kernel.security_log import Event, Outcome, tell
from app.notifications.messages.accounts import FactorChange

CODES = 10


def propose(person_id: int, settings: Settings) -> tuple[str, str]:
    """A new secret for an app, plain and sealed for the form that confirms it; nothing is kept yet."""
    secret = totp.new_secret()
    return secret, seal_text(f"{person_id}:{secret}", settings.keyring, SealFor.PROPOSED_FACTOR)


def proposed_secret(person_id: int, sealed: str, settings: Settings) -> str | None:
    """The secret that a form brought back, if it was proposed to this person."""
    try:
        owner, _, secret = unseal_text(sealed, settings.keyring, SealFor.PROPOSED_FACTOR).partition(":")
    except (SealBroken, ValueError):
        return None
    return secret if owner == str(person_id) and secret else None


def enrol(
    person_id: int, sign_in_id: int, sealed: str, code: str, settings: Settings, now: datetime
) -> tuple[str, tuple[str, ...]]:
    """Keep a proposed secret after its first code.

    Gives the browser's new token and the recovery codes, which nobody can read again. Raises
    WrongCode, and FactorNeeded when there is an app already.
    """
    secret = proposed_secret(person_id, sealed, settings)
    step = totp.matching_step(secret, code, now) if secret else None
    if secret is None or step is None:
        raise WrongCode
    with transaction() as session:
        person = session.get_one(Person, person_id, with_for_update=True)
        if person.totp_confirmed_at is not None:
            raise FactorNeeded
        person.totp_secret = seal_text(secret, settings.keyring, SealFor.SECOND_FACTOR)
        person.totp_confirmed_at, person.totp_last_step = now, step
        codes = _new_codes(person_id)
        note_act(Actor(person.id, person.email), "second_factor_set", subject_of(person), at=now)
        mails.factor_changed(person, FactorChange.SET, settings, now)
        return sessions.strengthen(sign_in_id, now), codes


def show(person_id: int, sign_in_id: int, code: str, settings: Settings, now: datetime) -> str:
    """Take a code of the app or a recovery code; gives the browser's new token. Raises WrongCode.

    A code works once; wrong ones count towards the lock of the house.
    """
    with transaction() as session:
        person = session.get_one(Person, person_id, with_for_update=True)
        outcome, kind = check_code(person, code, settings, now)
        if outcome is Outcome.GOOD:
            unlock(person)
            token = sessions.strengthen(sign_in_id, now)
    tell(Event.SECOND_FACTOR, outcome, person=person_id, kind=kind)
    if outcome is not Outcome.GOOD:
        raise WrongCode
    return token


def check_code(person: Person, code: str, settings: Settings, now: datetime) -> tuple[Outcome, str]:
    """Whether it is a code of the app or a recovery code, and which; in the caller's transaction, which must last."""
    if is_locked(person, Lock.HOUSE, now):
        return Outcome.LOCKED, "code"
    if _is_code_of_app(person, code, settings, now):
        return Outcome.GOOD, "app"
    if _is_recovery_code(person, code, settings, now):
        return Outcome.GOOD, "recovery code"
    count_failure(person, Lock.HOUSE, now)
    return Outcome.WRONG, "code"


def show_passkey(
    person_id: int,
    sign_in_id: int,
    answer: str,
    state: Mapping[str, Any] | None,
    settings: Settings,
    now: datetime,
) -> str:
    """The same with one of the person's passkeys. Raises WrongPasskey."""
    try:
        with transaction() as session:
            if checked_passkey(answer, state, settings, now).person_id != person_id:
                raise WrongPasskey
            unlock(session.get_one(Person, person_id))
            token = sessions.strengthen(sign_in_id, now)
    except WrongPasskey:
        tell(Event.SECOND_FACTOR, Outcome.WRONG, person=person_id, kind="passkey")
        raise
    tell(Event.SECOND_FACTOR, Outcome.GOOD, person=person_id, kind="passkey")
    return token


def remove(person_id: int, settings: Settings, now: datetime) -> None:
    """Take the app and the recovery codes away; never for operators. Raises FactorNeeded."""
    with transaction() as session:
        person = session.get_one(Person, person_id, with_for_update=True)
        if person.is_operator or person.totp_confirmed_at is None:
            raise FactorNeeded
        take_away(person)
        note_act(Actor(person.id, person.email), "second_factor_removed", subject_of(person), at=now)
        mails.factor_changed(person, FactorChange.REMOVED, settings, now)


def take_away(person: Person) -> None:
    """No app and no recovery codes any more, in the caller's transaction."""
    person.totp_secret = person.totp_confirmed_at = person.totp_last_step = None
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))


def renew_codes(person_id: int, settings: Settings, now: datetime) -> tuple[str, ...]:
    """Ten new recovery codes instead of the old ones, however often the button is pressed at once."""
    with transaction() as session:
        person = session.get_one(Person, person_id, with_for_update=True)
        codes = _new_codes(person_id)
        note_act(Actor(person.id, person.email), "recovery_codes_renewed", subject_of(person), at=now)
        mails.factor_changed(person, FactorChange.CODES, settings, now)
        return codes


def _is_code_of_app(person: Person, code: str, settings: Settings, now: datetime) -> bool:
    if person.totp_confirmed_at is None or person.totp_secret is None:
        return False
    step = totp.matching_step(unseal_text(person.totp_secret, settings.keyring, SealFor.SECOND_FACTOR), code, now)
    if step is None or step <= (person.totp_last_step or 0):
        return False
    person.totp_last_step = step
    return True


def _is_recovery_code(person: Person, code: str, settings: Settings, now: datetime) -> bool:
    used = db.session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.person_id == person.id,
            RecoveryCode.code_hash == _code_hash(code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    if rows_changed(used) == 0:
        return False
    mails.factor_changed(person, FactorChange.CODE_USED, settings, now)
    return True


def _new_codes(person_id: int) -> tuple[str, ...]:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    codes = tuple(recovery_code() for _ in range(CODES))
    db.session.add_all(RecoveryCode(person_id=person_id, code_hash=_code_hash(code)) for code in codes)
    return codes


def _code_hash(code: str) -> str:
    # Plain: nobody tries 137 bits out, and no key of ours has to live as long as the paper they are printed on.
    return hashlib.sha256(normalised_code(code).encode()).hexdigest()
