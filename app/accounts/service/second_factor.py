"""The second factor: an authenticator app, ten codes for the day it is lost, or a passkey."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, update

from app.accounts import mails
from app.accounts.adapters import totp
from app.accounts.errors import FactorNeeded, WrongCode, WrongPasskey
from app.accounts.models import Person, RecoveryCode
from app.accounts.service import sessions
from app.accounts.service.entering import checked_passkey, count_failure, is_locked
from app.accounts.service.joining import subject_of
from app.audit.service import Actor, note_act
from app.config import Settings
from app.db import db, rows_changed, transaction
from app.kernel.references import ALPHABET
from app.kernel.sealing import SealBroken, SealFor, seal_text, unseal_text
from app.notifications.messages.accounts import FactorChange

CODES = 10
_HALF = 5  # letters; two halves are about 49 bits


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
        codes = _new_codes(person_id, settings)
        note_act(Actor(person.id, person.email), "second_factor_set", subject_of(person), at=now)
        mails.factor_changed(person, FactorChange.SET, settings, now)
        return sessions.strengthen(sign_in_id, now), codes


def show(person_id: int, sign_in_id: int, code: str, settings: Settings, now: datetime) -> str:
    """Take a code of the app or a recovery code; gives the browser's new token. Raises WrongCode.

    A code works once; wrong ones count towards the lock of the account.
    """
    with transaction() as session:
        person = session.get_one(Person, person_id, with_for_update=True)
        if is_locked(person, now):
            raise WrongCode
        is_right = _is_code_of_app(person, code, settings, now) or _is_recovery_code(person, code, settings, now)
        if is_right:
            person.failed_sign_ins = 0
            return sessions.strengthen(sign_in_id, now)
        count_failure(person, now)
    raise WrongCode


def show_passkey(
    person_id: int,
    sign_in_id: int,
    answer: str,
    state: Mapping[str, Any] | None,
    settings: Settings,
    now: datetime,
) -> str:
    """The same with one of the person's passkeys. Raises WrongPasskey."""
    with transaction():
        if checked_passkey(answer, state, settings, now).person_id != person_id:
            raise WrongPasskey
        return sessions.strengthen(sign_in_id, now)


def remove(person_id: int, code: str, settings: Settings, now: datetime) -> None:
    """Take the app and the recovery codes away after one more code; never for operators.

    Raises FactorNeeded or WrongCode.
    """
    with transaction() as session:
        person = session.get_one(Person, person_id, with_for_update=True)
        if person.is_operator:
            raise FactorNeeded
        is_right = not is_locked(person, now) and (
            _is_code_of_app(person, code, settings, now) or _is_recovery_code(person, code, settings, now)
        )
        if is_right:
            person.totp_secret = person.totp_confirmed_at = person.totp_last_step = None
            session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
            note_act(Actor(person.id, person.email), "second_factor_removed", subject_of(person), at=now)
            mails.factor_changed(person, FactorChange.REMOVED, settings, now)
            return
        count_failure(person, now)
    raise WrongCode


def renew_codes(person_id: int, settings: Settings, now: datetime) -> tuple[str, ...]:
    """Ten new recovery codes instead of the old ones."""
    with transaction() as session:
        person = session.get_one(Person, person_id)
        codes = _new_codes(person_id, settings)
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
            RecoveryCode.code_hash == _code_hash(person.id, code, settings),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    if rows_changed(used) == 0:
        return False
    mails.factor_changed(person, FactorChange.CODE_USED, settings, now)
    return True


def _new_codes(person_id: int, settings: Settings) -> tuple[str, ...]:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    codes = tuple(f"{_letters()}-{_letters()}" for _ in range(CODES))
    db.session.add_all(
        RecoveryCode(person_id=person_id, code_hash=_code_hash(person_id, code, settings)) for code in codes
    )
    return codes


def _letters() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(_HALF))


def _code_hash(person_id: int, code: str, settings: Settings) -> str:
    # Keyed: 49 bits alone could be tried out by whoever has the table.
    plain = "".join(letter for letter in code.upper() if letter in ALPHABET)
    key = settings.secret_key.encode()
    return hmac.new(key, f"recovery {person_id} {plain}".encode(), hashlib.sha256).hexdigest()
